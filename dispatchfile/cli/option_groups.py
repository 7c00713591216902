"""Groups of options, declared once with their help; a command takes a group as one parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from dispatchfile.cli.candidates import complete_selectors, complete_values
from dispatchfile.cli.options import (
    AGENT,
    CONNECTION,
    OUTPUT,
    PLAN,
    SELECTION,
    SELECTORS,
    SETTINGS,
    VARIABLES,
    WAITING,
    Namespace,
    Region,
)
from dispatchfile.cli.terminal import ColorChoice, LogFormat
from dispatchfile.errors import UsageError


@dataclass(frozen=True, slots=True)
class ManifestFlags:
    """Values and files that a manifest uses and that are not in it."""

    panel: ClassVar[str] = VARIABLES

    var: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="KEY=VALUE", help="Set a variable of the manifest; repeatable."),
    ] = None
    var_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--var-file", metavar="FILE", help="Set variables from a YAML or JSON mapping; --var overrides it."
        ),
    ] = None
    strict_vars: Annotated[
        bool,
        typer.Option("--strict-vars", help="Treat every variable of a --var-file that no manifest has as an error."),
    ] = False
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Allow the manifest to read files outside its folder.")
    ] = False


@dataclass(frozen=True, slots=True)
class SelectionFlags:
    """The items to take."""

    panel: ClassVar[str] = SELECTION

    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            autocompletion=complete_selectors,
            metavar="SEL",
            help=f"Take only these items: {SELECTORS}; repeatable.",
        ),
    ] = None
    skip: Annotated[
        list[str] | None,
        typer.Option(
            "--skip",
            autocompletion=complete_selectors,
            metavar="SEL",
            help="Leave these items out; overrides --only; repeatable.",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class PlanFlags:
    """How a plan file is sent."""

    panel: ClassVar[str] = PLAN

    digest: Annotated[
        str | None,
        typer.Option("--digest", metavar="SHA256", help="Send a plan only if this is its digest, or begins it."),
    ] = None
    again: Annotated[
        bool, typer.Option("--again", help="Send a plan once more, although it may have been applied already.")
    ] = False
    allow_unpinned: Annotated[
        bool, typer.Option("--allow-unpinned", help="Send a plan that was made --offline and names no job versions.")
    ] = False


@dataclass(frozen=True, slots=True)
class JobVariableFlags:
    """Values of the HCL variables of job files."""

    panel: ClassVar[str] = VARIABLES

    job_var: Annotated[
        list[str] | None,
        typer.Option(
            "--job-var",
            metavar="NAME=VALUE",
            rich_help_panel=VARIABLES,
            help="Set an HCL variable of the job files; repeatable. Overrides --job-var-file and NOMAD_VAR_NAME.",
        ),
    ] = None
    job_var_file: Annotated[
        list[str] | None,
        typer.Option(
            "--job-var-file",
            metavar="FILE",
            rich_help_panel=VARIABLES,
            help="Set HCL variables from an HCL or JSON file; repeatable.",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class AgentFlags(JobVariableFlags):
    """The configuration of the embedded agent, and the values of its job files."""

    panel: ClassVar[str] = AGENT

    jobs: Annotated[
        list[str] | None,
        typer.Option(
            "--jobs",
            metavar="GLOB",
            help="Job files for the embedded agent; repeatable. [default: those in jobs/]",
        ),
    ] = None
    slots: Annotated[
        int | None,
        typer.Option(
            "--slots", metavar="N", min=1, help="Most allocations to run at the same time. [default: no limit]"
        ),
    ] = None
    datacenter: Annotated[
        str | None,
        typer.Option("--datacenter", metavar="NAME", help="Datacenter of the agent's node. [default: dc1]"),
    ] = None
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            autocompletion=complete_values(
                "429=5%",
                "reset=2%",
                "drop-after-write=2%",
                "delay=50ms",
                "leaderless=3s",
                "phantom=2%",
                "500=2%",
                "html=2%",
                "gc=5s",
            ),
            metavar="KIND=AMOUNT",
            help="Inject faults into the embedded agent, for example 429=5%; repeatable.",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Display:
    """The verbosity, the colors and the format of notices."""

    panel: ClassVar[str] = OUTPUT
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only the result and errors.")] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Report every event.")] = False
    color: Annotated[
        ColorChoice, typer.Option("--color", help="When to use colors; auto obeys NO_COLOR and FORCE_COLOR.")
    ] = ColorChoice.AUTO
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="Format of notices and errors on standard error.")
    ] = LogFormat.TEXT


@dataclass(frozen=True, slots=True)
class WaitFlags:
    """The point up to which to follow each item."""

    panel: ClassVar[str] = WAITING

    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            metavar="[=HOW]",
            autocompletion=complete_values("completion", "placement", "detach"),
            help="What to wait for: completion (the default of --wait), placement or detach. [default: placement]",
        ),
    ] = None
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait: an item ends when Nomad accepts it.")] = False
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Wait only for placement, even if the manifest says completion.")
    ] = False

    def as_setting(self) -> str | None:
        """The setting `wait`, None where no flag was given. Raises UsageError for flags that contradict each other."""
        given = [self.wait] if self.wait is not None else []
        given += ["detach"] if self.detach else []
        given += ["placement"] if self.no_wait else []
        if len(set(given)) > 1:
            raise UsageError("--wait, --detach and --no-wait contradict each other: give one of them")
        return checked_setting("wait", given[0]) if given else None


@dataclass(frozen=True, slots=True)
class ConnectionFlags:
    """The options of the Nomad CLI that say how to reach Nomad."""

    panel: ClassVar[str] = CONNECTION

    address: Annotated[
        str | None,
        typer.Option(
            "--address", metavar="URL", help="Address of Nomad: http://, https:// or unix://. [env: NOMAD_ADDR]"
        ),
    ] = None
    region: Region = None
    namespace: Namespace = None
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="SECRET",
            help="ACL token. Other users may see it in the process list: prefer --token-file. [env: NOMAD_TOKEN]",
        ),
    ] = None
    token_file: Annotated[str | None, typer.Option("--token-file", metavar="FILE", help="File with the ACL token.")] = (
        None
    )
    ca_cert: Annotated[
        str | None,
        typer.Option("--ca-cert", metavar="FILE", help="CA certificate to verify the server with. [env: NOMAD_CACERT]"),
    ] = None
    ca_path: Annotated[
        str | None,
        typer.Option(
            "--ca-path",
            metavar="FOLDER",
            help="Folder of CA certificates to verify the server with. [env: NOMAD_CAPATH]",
        ),
    ] = None
    client_cert: Annotated[
        str | None,
        typer.Option("--client-cert", metavar="FILE", help="Client certificate, for mTLS. [env: NOMAD_CLIENT_CERT]"),
    ] = None
    client_key: Annotated[
        str | None,
        typer.Option("--client-key", metavar="FILE", help="Key of the client certificate. [env: NOMAD_CLIENT_KEY]"),
    ] = None
    tls_server_name: Annotated[
        str | None,
        typer.Option(
            "--tls-server-name",
            metavar="NAME",
            help="Server name to expect in the server's certificate. [env: NOMAD_TLS_SERVER_NAME]",
        ),
    ] = None
    tls_skip_verify: Annotated[
        bool,
        typer.Option("--tls-skip-verify", help="Do not verify the server's certificate. [env: NOMAD_SKIP_VERIFY]"),
    ] = False

    def as_mapping(self) -> Mapping[str, str | bool | None]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SettingFlags:
    """The manifest's settings; a flag overrides them."""

    panel: ClassVar[str] = SETTINGS

    concurrency: Annotated[
        str | None,
        typer.Option(
            "--concurrency",
            autocompletion=complete_values("16", "32", "64"),
            metavar="N",
            help="Most requests at the same time, 1 to 64. [default: 16]",
        ),
    ] = None
    in_flight: Annotated[
        str | None,
        typer.Option(
            "--in-flight",
            autocompletion=complete_values("1000", "unlimited"),
            metavar="N",
            help="Most items sent and without an outcome, or unlimited. [default: 1000]",
        ),
    ] = None
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate",
            autocompletion=complete_values("20/s", "100/m", "unlimited"),
            metavar="N/s",
            help="Most dispatches in a period: 20/s, 100/m, or unlimited. [default: unlimited]",
        ),
    ] = None
    canary: Annotated[
        str | None,
        typer.Option(
            "--canary",
            autocompletion=complete_values("5", "1%", "none"),
            metavar="N",
            help="Send this many items first (5 or 1%), and the rest only if all of them succeed. [default: none]",
        ),
    ] = None
    stop_on: Annotated[
        str | None,
        typer.Option(
            "--stop-on",
            autocompletion=complete_values("1", "5%", "none"),
            metavar="N",
            help="Start no more items after more failures than this (20 or 5%). [default: none]",
        ),
    ] = None
    unplaced_after: Annotated[
        str | None,
        typer.Option(
            "--unplaced-after",
            autocompletion=complete_values("10m", "none"),
            metavar="TIME",
            help="End an item as unplaced after no node could run it for this long (10m). [default: none]",
        ),
    ] = None
    unreachable_after: Annotated[
        str | None,
        typer.Option(
            "--unreachable-after",
            autocompletion=complete_values("5m"),
            metavar="TIME",
            help="Give up after Nomad has not answered for this long. [default: 5m]",
        ),
    ] = None
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout",
            autocompletion=complete_values("2h", "none"),
            metavar="TIME",
            help="Time limit of the whole run (2h). [default: none]",
        ),
    ] = None
    settle: Annotated[
        str | None,
        typer.Option(
            "--settle",
            autocompletion=complete_values("45s"),
            metavar="TIME",
            help="Look this long for a dispatch that may be lost, before it is repeated. [default: 45s]",
        ),
    ] = None

    def as_mapping(self) -> dict[str, str | None]:
        """Return the settings by manifest key, as typed. Raises UsageError for an unreadable value."""
        given: dict[str, str | None] = asdict(self)
        return {key: None if text is None else checked_setting(key, text) for key, text in given.items()}


def checked_setting(key: str, text: str) -> str:
    """Return the *text*, if it can be read as the setting *key*. Raises UsageError, which names the flag, if not."""
    from dispatchfile.settings import PARSERS  # noqa: PLC0415  only commands that run something need it

    try:
        PARSERS[key](text)
    except ValueError as exc:
        raise UsageError(f"--{key.replace('_', '-')}: {exc}") from exc
    return text
