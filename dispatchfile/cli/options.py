"""Options that more than one command has, declared once with their help."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dispatchfile.cli.candidates import complete_manifests, complete_runs, complete_values
from dispatchfile.reports.formats import OutputFormat

# Groups of options in a command's help; what has none stands below "Options".
SELECTORS = "a glob of IDs, tag:NAME, job:NAME, outcome:NAME, exit:CODE or group:HASH"
PLAN = "Plan file"
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


PlanOrManifest = Annotated[
    str | None,
    typer.Argument(
        autocompletion=complete_manifests,
        metavar="[MANIFEST|PLAN]",
        help="The manifest, - for standard input, or a plan file. [default: dispatchfile.yaml or .yml, else the only "
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
        autocompletion=complete_values(
            "json=report.json",
            "junit=report.xml",
            "markdown=report.md",
            "html=report.html",
            "github=annotations.txt",
            "dotenv=run.env",
        ),
        metavar="KIND=PATH",
        rich_help_panel=OUTPUT,
        help="Also write a report to a file: json, junit, markdown, html, github (annotations) or dotenv; repeatable.",
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
Changed = Annotated[
    str | None,
    typer.Option(
        "--changed", metavar="REF|PLAN", help="Take only items that are new or changed since a git ref or plan."
    ),
]
SkipSucceeded = Annotated[
    bool,
    typer.Option(
        "--skip-succeeded", help="Leave out items that succeeded in an earlier run and have not changed since."
    ),
]
