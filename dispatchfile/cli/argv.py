"""Arguments as Nomad users type them, made what Typer reads: one dash before a long name, a bare `--wait`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Every long option there is; a test compares them with the commands' own.
LONG_NAMES = frozenset(
    {
        "address",
        "allow-outside",
        "allow-remote",
        "bind",
        "ca-cert",
        "ca-path",
        "canary",
        "client-cert",
        "client-key",
        "color",
        "concurrency",
        "detach",
        "dry-run",
        "fault",
        "from-job",
        "help",
        "in-flight",
        "jobs",
        "local",
        "log-format",
        "logs",
        "namespace",
        "new",
        "no-wait",
        "only",
        "output",
        "quiet",
        "rate",
        "region",
        "report",
        "run-id",
        "settle",
        "skip",
        "slots",
        "state-dir",
        "stop-on",
        "timeout",
        "tls-server-name",
        "tls-skip-verify",
        "token",
        "token-file",
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


def normalize_argv(argv: Sequence[str]) -> list[str]:
    """
    `-address=X` as `--address=X` and `--wait` as `--wait=completion`.

    Only whole, known long names are taken, so `-o` and `-qv` stay; nothing after `--` is touched.
    """
    end = argv.index("--") if "--" in argv else len(argv)
    return [*_normalized(argv[:end]), *argv[end:]]


def _normalized(argv: Sequence[str]) -> Iterator[str]:
    for argument in argv:
        match = re.match(r"-([a-z][a-z-]+)(=|$)", argument)
        doubled = f"-{argument}" if match and match[1] in LONG_NAMES else argument
        yield BARE_WAIT if doubled == "--wait" else doubled


def wants_json_log(argv: Sequence[str]) -> bool:
    """Whether errors are to be told as JSON; known before anything is parsed, so that a wrong option is told so too."""
    return "json" in values_of("--log-format", argv)


def values_of(option: str, argv: Sequence[str]) -> Iterator[str]:
    """What was given to *option*, in both spellings, from arguments that are normalized but not yet read."""
    for argument, following in zip(argv, [*argv, ""][1:], strict=True):
        if argument == option:
            yield following
        elif argument.startswith(f"{option}="):
            yield argument.partition("=")[2]
