"""Options, declared once with their help: those that more than one command has, and those handed on whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from dispatchfile.cli.candidates import complete_manifests, complete_runs, complete_selectors, complete_values
from dispatchfile.cli.terminal import ColorChoice, LogFormat
from dispatchfile.errors import UsageError
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.secrecy import kind_of_secret

# Groups of options in a command's help; what has none stands below "Options".
SELECTORS = "a glob of IDs, tag:NAME, job:NAME, outcome:NAME, exit:CODE or group:HASH"
SELECTION = "Selection"
VARIABLES = "Variables and files"
WAITING = "Waiting"
SETTINGS = "Settings (override those of the manifest)"
AGENT = "Embedded agent"
CONNECTION = "Connection to Nomad"
OUTPUT = "Output"


class Logs(StrEnum):
    """The items whose last log lines are read."""

    FAILED = "failed"
    ALL = "all"
    NONE = "none"


Manifest = Annotated[
    str | None,
    typer.Argument(
        autocompletion=complete_manifests,
        metavar="[MANIFEST]",
        help="The manifest, or - for standard input. [default: dispatchfile.yaml or .yml, else the only "
        "*.dispatchfile.yaml or .yml in this folder]",
        show_default=False,
    ),
]
Manifests = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MANIFEST]...",
        autocompletion=complete_manifests,
        help="Manifests, or - for standard input.",
        show_default=False,
    ),
]
Output = Annotated[
    OutputFormat,
    typer.Option(
        "--output",
        "-o",
        rich_help_panel=OUTPUT,
        help="Format of the result: text, one JSON object, or one JSON line per event, then the summary.",
    ),
]
OutputAtOnce = Annotated[
    OutputFormat,
    typer.Option(
        "--output",
        "-o",
        rich_help_panel=OUTPUT,
        help="Format of the result: text, one JSON object, or that object on one line.",
    ),
]
OutputOfMany = Annotated[
    OutputFormat,
    typer.Option(
        "--output",
        "-o",
        rich_help_panel=OUTPUT,
        help="Format of the result: text, one JSON object, or one JSON line per entry.",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", metavar="NAME", help="Namespace for all items. [env: NOMAD_NAMESPACE]"),
]
Run = Annotated[
    str | None,
    typer.Argument(
        autocompletion=complete_runs,
        metavar="[RUN]",
        help="A run ID, a unique prefix of one, or a manifest (its latest run). [default: the manifest in this folder]",
        show_default=False,
    ),
]
StateDir = Annotated[
    str | None,
    typer.Option("--state-dir", metavar="FOLDER", help="Folder of the journals. [env: DISPATCHFILE_STATE_DIR]"),
]
Reports = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        autocompletion=complete_values("json=report.json", "junit=report.xml", "markdown=report.md"),
        metavar="KIND=PATH",
        rich_help_panel=OUTPUT,
        help="Also write a report to a file: json, junit or markdown; repeatable.",
    ),
]
LastLogLines = Annotated[
    Logs | None,
    typer.Option(
        "--logs",
        rich_help_panel=OUTPUT,
        help="Items whose last log lines to read. [default: failed items, unless there are many]",
    ),
]
Region = Annotated[
    str | None, typer.Option("--region", metavar="NAME", help="Region for all items. [env: NOMAD_REGION]")
]


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
class AgentFlags:
    """The configuration of the embedded agent."""

    panel: ClassVar[str] = AGENT

    jobs: Annotated[
        list[str] | None,
        typer.Option(
            "--jobs",
            metavar="GLOB",
            help="Job files for the embedded agent; repeatable. [default: those in jobs/]",
        ),
    ] = None
    job_var: Annotated[
        list[str] | None,
        typer.Option(
            "--job-var",
            metavar="NAME=VALUE",
            help="Set an HCL variable of the job files; repeatable. Overrides --job-var-file and NOMAD_VAR_NAME.",
        ),
    ] = None
    job_var_file: Annotated[
        list[str] | None,
        typer.Option("--job-var-file", metavar="FILE", help="Set HCL variables from an HCL or JSON file; repeatable."),
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


def read_pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """
    Convert `key=value` texts to a mapping, in which the last value of a key wins. Raises UsageError
    that names the *option*.
    """
    pairs = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(
                f"{option}: write it as KEY=VALUE (the given text is not shown, because it may be a secret)"
            )
        if kind := kind_of_secret(key):
            raise UsageError(f"{option}: this holds {kind}, not KEY=VALUE: write it as KEY=VALUE")
        pairs[key] = value
    return pairs
