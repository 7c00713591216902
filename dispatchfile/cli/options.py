"""Options, declared once with their help: those that more than one command has, and those handed on whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dispatchfile.cli.terminal import ColorChoice, LogFormat
from dispatchfile.errors import UsageError
from dispatchfile.events import Cause, Outcome
from dispatchfile.reports.formats import OutputFormat


class Logs(StrEnum):
    """Of which items the last log lines are read."""

    FAILED = "failed"
    ALL = "all"
    NONE = "none"


Manifest = Annotated[
    str | None,
    typer.Argument(
        metavar="[MANIFEST]",
        help="The manifest, or - for standard input. [default: dispatchfile.yaml or .yml, else the only "
        "*.dispatchfile.yaml or .yml here]",
        show_default=False,
    ),
]
Manifests = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MANIFEST]...", help="Manifests, or - for standard input.", show_default=False),
]
Output = Annotated[
    OutputFormat,
    typer.Option(
        "--output", "-o", help="The result: a text, one JSON object, or an event a line and the summary last."
    ),
]
OutputAtOnce = Annotated[
    OutputFormat,
    typer.Option("--output", "-o", help="The result: a text, one JSON object, or that object on one line."),
]
OutputOfMany = Annotated[
    OutputFormat,
    typer.Option("--output", "-o", help="The result: a text, one JSON object with all, or an object a line for each."),
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", metavar="NAME", help="Namespace of all items. [env: NOMAD_NAMESPACE]"),
]
Run = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]",
        help="A run's ID, the beginning of one, or a manifest for its latest run. [default: of this folder's manifest]",
        show_default=False,
    ),
]
StateDir = Annotated[
    str | None,
    typer.Option("--state-dir", metavar="FOLDER", help="Where journals are kept. [env: DISPATCHFILE_STATE_DIR]"),
]
Reports = Annotated[
    list[str] | None,
    typer.Option("--report", metavar="KIND=PATH", help="Also write a report: json, junit, markdown; many times."),
]
LastLogLines = Annotated[
    Logs | None,
    typer.Option("--logs", help="Whose last log lines to read. [default: of failed ones, where they are few]"),
]
Region = Annotated[
    str | None, typer.Option("--region", metavar="NAME", help="Region of all items. [env: NOMAD_REGION]")
]


@dataclass(frozen=True, slots=True)
class ManifestFlags:
    """What a manifest is given from outside."""

    var: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="KEY=VALUE", help="Set a variable of the manifest; may be given many times."),
    ] = None
    var_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--var-file", metavar="FILE", help="Set variables from a YAML or JSON mapping; --var goes over it."
        ),
    ] = None
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Let the manifest read files outside of its own folder.")
    ] = False


@dataclass(frozen=True, slots=True)
class SelectionFlags:
    """Which items are meant."""

    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="SEL",
            help="Take these: an id's glob, tag:x, job:x or outcome:x; may be given many times.",
        ),
    ] = None
    skip: Annotated[
        list[str] | None,
        typer.Option("--skip", metavar="SEL", help="Leave these out; goes over --only, may be given many times."),
    ] = None


@dataclass(frozen=True, slots=True)
class WaitFlags:
    """How far items are followed."""

    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            metavar="[=HOW]",
            help="Wait for completion, or for what is named: detach, placement, completion. [default: placement]",
        ),
    ] = None
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait: an item ends as Nomad accepts it.")] = False
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Wait for placement, whatever the manifest says.")] = False

    def as_setting(self) -> str | None:
        """The setting `wait`, None where no flag was given. Raises UsageError for flags that contradict each other."""
        given = [self.wait] if self.wait is not None else []
        given += ["detach"] if self.detach else []
        given += ["placement"] if self.no_wait else []
        if len(set(given)) > 1:
            raise UsageError("--wait, --detach and --no-wait contradict each other: give one of them")
        return checked_setting("wait", given[0]) if given else None


@dataclass(frozen=True, slots=True)
class AgentFlags:
    """How the embedded agent is set up."""

    jobs: Annotated[
        list[str] | None,
        typer.Option(
            "--jobs",
            metavar="GLOB",
            help="Its job files; may be given many times. [default: those in jobs/]",
        ),
    ] = None
    slots: Annotated[
        int | None,
        typer.Option("--slots", metavar="N", min=1, help="How many allocations it runs at a time. [default: no limit]"),
    ] = None
    datacenter: Annotated[
        str | None,
        typer.Option("--datacenter", metavar="NAME", help="Datacenter of its node. [default: dc1]"),
    ] = None
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="KIND=AMOUNT", help="Let it misbehave, as in 429=5%; may be given many times."),
    ] = None


@dataclass(frozen=True, slots=True)
class Display:
    """What is shown, and how."""

    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show the result and errors, nothing else.")] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell of every event.")] = False
    color: Annotated[ColorChoice, typer.Option("--color", help="Colours; NO_COLOR and FORCE_COLOR decide on auto.")] = (
        ColorChoice.AUTO
    )
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How notices and errors are written on standard error.")
    ] = LogFormat.TEXT


@dataclass(frozen=True, slots=True)
class ConnectionFlags:
    """How to reach Nomad, as the Nomad CLI names it."""

    address: Annotated[
        str | None,
        typer.Option(
            "--address", metavar="URL", help="Where Nomad is: http://, https:// or unix://. [env: NOMAD_ADDR]"
        ),
    ] = None
    region: Region = None
    namespace: Namespace = None
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="SECRET",
            help="ACL token; the environment or --token-file keep it off the process list. [env: NOMAD_TOKEN]",
        ),
    ] = None
    token_file: Annotated[
        str | None, typer.Option("--token-file", metavar="FILE", help="File that holds the ACL token.")
    ] = None
    ca_cert: Annotated[
        str | None,
        typer.Option(
            "--ca-cert", metavar="FILE", help="CA certificate that the server is checked with. [env: NOMAD_CACERT]"
        ),
    ] = None
    ca_path: Annotated[
        str | None,
        typer.Option("--ca-path", metavar="FOLDER", help="Folder of such CA certificates. [env: NOMAD_CAPATH]"),
    ] = None
    client_cert: Annotated[
        str | None,
        typer.Option("--client-cert", metavar="FILE", help="Own certificate, for mTLS. [env: NOMAD_CLIENT_CERT]"),
    ] = None
    client_key: Annotated[
        str | None,
        typer.Option("--client-key", metavar="FILE", help="Key of the own certificate. [env: NOMAD_CLIENT_KEY]"),
    ] = None
    tls_server_name: Annotated[
        str | None,
        typer.Option(
            "--tls-server-name",
            metavar="NAME",
            help="Name the server's certificate is for. [env: NOMAD_TLS_SERVER_NAME]",
        ),
    ] = None
    tls_skip_verify: Annotated[
        bool,
        typer.Option("--tls-skip-verify", help="Do not check the server's certificate. [env: NOMAD_SKIP_VERIFY]"),
    ] = False

    def as_mapping(self) -> Mapping[str, str | bool | None]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SettingFlags:
    """The manifest's settings; a flag goes over them."""

    concurrency: Annotated[
        str | None, typer.Option("--concurrency", metavar="N", help="Requests at the same time, 1 to 64. [default: 16]")
    ] = None
    in_flight: Annotated[
        str | None,
        typer.Option(
            "--in-flight", metavar="N", help="Items sent and without outcome, at most, or unlimited. [default: 1000]"
        ),
    ] = None
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate",
            metavar="N/s",
            help="Dispatches in a span of time: 20/s, 100/m, or unlimited. [default: unlimited]",
        ),
    ] = None
    canary: Annotated[
        str | None,
        typer.Option(
            "--canary",
            metavar="N",
            help="First items (5 or 1%) that must end well before the rest goes, or none. [default: none]",
        ),
    ] = None
    stop_on: Annotated[
        str | None,
        typer.Option(
            "--stop-on",
            metavar="N",
            help="Start nothing more after more failures than 20 or 5%; or none. [default: none]",
        ),
    ] = None
    unplaced_after: Annotated[
        str | None,
        typer.Option(
            "--unplaced-after",
            metavar="TIME",
            help="How long an item may find no node, as in 10m; or none. [default: none]",
        ),
    ] = None
    unreachable_after: Annotated[
        str | None,
        typer.Option("--unreachable-after", metavar="TIME", help="How long Nomad may give no answer. [default: 5m]"),
    ] = None
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout", metavar="TIME", help="How long the whole run may take, as in 2h; or none. [default: none]"
        ),
    ] = None
    settle: Annotated[
        str | None,
        typer.Option(
            "--settle", metavar="TIME", help="How long to look for a dispatch that is in doubt. [default: 45s]"
        ),
    ] = None

    def as_mapping(self) -> dict[str, str | None]:
        """By manifest key, as typed. Raises UsageError, which names the flag, for a value that cannot be read."""
        given: dict[str, str | None] = asdict(self)
        return {key: None if text is None else checked_setting(key, text) for key, text in given.items()}


def checked_setting(key: str, text: str) -> str:
    """The *text*, if it can be read as the setting *key*. Raises UsageError, which names the flag, if not."""
    from dispatchfile.settings import PARSERS  # noqa: PLC0415  only commands that run something need it

    try:
        PARSERS[key](text)
    except ValueError as exc:
        raise UsageError(f"--{key.replace('_', '-')}: {exc}") from exc
    return text


def read_pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """`key=value` texts to a mapping, the last of a key winning. Raises UsageError that names the *option*."""
    pairs = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(f"{option} {text}: write it as KEY=VALUE")
        pairs[key] = value
    return pairs


@dataclass(frozen=True, slots=True)
class ChoiceFlags:
    """Which items of the run are meant."""

    failed: Annotated[
        bool, typer.Option("--failed", help="Items that ran or waited and did not end well, were refused or unsent.")
    ] = False
    outcome: Annotated[
        list[Outcome] | None,
        typer.Option("--outcome", metavar="OUTCOME", help="Items with this outcome; may be given many times."),
    ] = None
    cause: Annotated[
        list[Cause] | None,
        typer.Option("--cause", metavar="CAUSE", help="Of these, items with this cause; may be given many times."),
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="SEL", help="Of these: an id's glob, tag:x, job:x or outcome:x; may be given many times."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class DispatchFlags:
    """What is dispatched, and how far it is followed, as the Nomad CLI names it."""

    meta: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="KEY=VALUE", help="Metadata that the job permits; may be given many times."),
    ] = None
    detach: Annotated[bool, typer.Option("--detach", help="Do not monitor the evaluation.")] = False
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="", help="Wait until the job has ended, however long that takes."),
    ] = None
    idempotency_token: Annotated[
        str | None,
        typer.Option("--idempotency-token", metavar="TOKEN", help="Dispatch nothing if a job with this token exists."),
    ] = None
    id_prefix_template: Annotated[
        str | None,
        typer.Option("--id-prefix-template", metavar="PREFIX", help="Stands in the dispatched job's ID, as it is."),
    ] = None
    priority: Annotated[
        int | None, typer.Option("--priority", metavar="N", help="Priority instead of the job's own.")
    ] = None
    ui: Annotated[bool, typer.Option("--ui", help="Open the dispatched job in the browser.")] = False


@dataclass(frozen=True, slots=True)
class DispatchDisplay(Display):
    """What is shown, and how; one flag means what it means to the Nomad CLI."""

    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show IDs in full.")] = False
