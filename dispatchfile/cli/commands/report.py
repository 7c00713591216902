"""`report`: a report of a past run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dispatchfile.cli.options import Display, Run, StateDir
from dispatchfile.reports.formats import ReportKind


def report(
    *,
    run: Run = None,
    form: Annotated[ReportKind, typer.Option("--format", help="Format of the report.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="File to write the report to. [default: standard output]"),
    ] = None,
    state_dir: StateDir = None,
    display: Display,
) -> int:
    """
    Write a report of a past run.

    Reads the run's journal; needs no server. Exit code: 0, however the run ended.
    """
    from dispatchfile.cli.showing import show_report  # noqa: PLC0415  --help needs none of it

    return show_report(run, form, out, state_dir, display)
