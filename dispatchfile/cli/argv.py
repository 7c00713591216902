"""Arguments as Nomad users type them, made what Typer reads: one dash before a long name, a bare `--wait`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Every long option there is; a test compares them with the commands' own.
LONG_NAMES = frozenset(
    {
        "address",
        "again",
        "all",
        "allow-outside",
        "against",
        "allow-remote",
        "allow-unpinned",
        "changed",
        "detailed-exitcode",
        "digest",
        "offline",
        "show",
        "show-values",
        "bind",
        "ca-cert",
        "ca-path",
        "canary",
        "cause",
        "client-cert",
        "client-key",
        "color",
        "concurrency",
        "datacenter",
        "detach",
        "dry-run",
        "export",
        "failed",
        "fault",
        "format",
        "from-job",
        "help",
        "id-prefix-template",
        "idempotency-token",
        "in-flight",
        "job-var",
        "job-var-file",
        "jobs",
        "keep",
        "limit",
        "local",
        "log-format",
        "logs",
        "manifest",
        "meta",
        "namespace",
        "new",
        "no-journal",
        "no-wait",
        "on-interrupt",
        "older-than",
        "only",
        "out",
        "outcome",
        "output",
        "priority",
        "quiet",
        "rate",
        "refresh",
        "region",
        "report",
        "resend-unknown",
        "run-id",
        "settle",
        "skip",
        "skip-succeeded",
        "slots",
        "state",
        "state-dir",
        "stderr",
        "stdout",
        "stop-on",
        "strict-vars",
        "tail",
        "timeout",
        "tls-server-name",
        "tls-skip-verify",
        "token",
        "token-file",
        "ui",
        "unplaced-after",
        "unreachable-after",
        "var",
        "var-file",
        "verbose",
        "version",
        "wait",
    }
)
BARE_WAIT = "--wait=completion"
ALIASES = {"insecure": "--tls-skip-verify", "no-color": "--color=never", "force-color": "--color=always"}
SWITCHES = frozenset({"detach", "tls-skip-verify", "ui", "verbose", "wait", *ALIASES})  # what Nomad has as booleans
# Go's strconv.ParseBool
TRUE, FALSE = frozenset({"1", "t", "T", "TRUE", "true", "True"}), frozenset({"0", "f", "F", "FALSE", "false", "False"})


def normalize_argv(argv: Sequence[str]) -> list[str]:
    """
    Return `-address=X` as `--address=X`, `--wait` as `--wait=completion`, `-insecure` and `-detach=true` as our
    switches.

    Only whole, known long names are taken, so `-o` and `-qv` stay; nothing after `--` is touched.
    """
    end = argv.index("--") if "--" in argv else len(argv)
    return [*_normalized(argv[:end]), *argv[end:]]


def _normalized(argv: Sequence[str]) -> Iterator[str]:
    is_plain = any(_is_switched_on(argument, "no-color") for argument in argv)
    for argument in argv:
        match = _match(argument)
        if match is None or match[1] not in LONG_NAMES | ALIASES.keys():
            yield argument
        elif match[1] == "force-color" and is_plain:
            pass  # as in the Nomad CLI, in whatever order they come
        elif match[1] in SWITCHES and match[2] in TRUE | FALSE | {None}:
            yield from [_switch(match[1])] if match[2] not in FALSE else []
        else:
            yield f"--{argument.lstrip('-')}"


def _match(argument: str) -> re.Match[str] | None:
    """Return a long option's name, and its value if that is in the same argument."""
    return re.match(r"--?([a-z][a-z-]+)(?:=(.*)|$)", argument, re.DOTALL)


def _is_switched_on(argument: str, name: str) -> bool:
    match = _match(argument)
    return match is not None and match[1] == name and match[2] in TRUE | {None}


def _switch(name: str) -> str:
    return BARE_WAIT if name == "wait" else ALIASES.get(name, f"--{name}")


def wants_json_log(argv: Sequence[str]) -> bool:
    """Return whether errors are shown as JSON. This is known before anything is parsed, also for wrong options."""
    return "json" in values_of("--log-format", argv)


def values_of(option: str, argv: Sequence[str]) -> Iterator[str]:
    """Return the values given to *option*, in both spellings, from arguments that are normalized but not yet read."""
    for argument, following in zip(argv, [*argv, ""][1:], strict=True):
        if argument == option:
            yield following
        elif argument.startswith(f"{option}="):
            yield argument.partition("=")[2]
