"""`report`: a report of a past run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatchfile.cli.option_groups import Display
from dispatchfile.cli.options import Run, StateDir
from dispatchfile.cli.terminal import write_result
from dispatchfile.reports.formats import ReportKind

if TYPE_CHECKING:
    from dispatchfile.cli.session import RenderReport


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
    from dispatchfile.cli.report_files import report_pieces

    return show_report(run, form, out, state_dir, display, render=report_pieces)


def show_report(
    run: str | None,
    form: ReportKind,
    out: Path | None,
    state_dir: str | None,
    display: Display,
    *,
    render: RenderReport,
) -> int:
    """
    Write the report; return the exit code: 1 where there is none, as the report is all that is asked for.

    The run's result is shown even then.
    """
    from dispatchfile.cli.past_run import name_run
    from dispatchfile.cli.report_files import STANDARD_OUTPUT, detail_in
    from dispatchfile.cli.session import print_fault
    from dispatchfile.errors import DispatchfileError, FileError
    from dispatchfile.reports.text import visible
    from dispatchfile.secrecy import kind_of_secret
    from dispatchfile.usecases.past import read_past

    if out is not None and kind_of_secret(str(out)):
        raise FileError(str(out), "", source="--out")
    summary = read_past(name_run(run, state_dir)).summary()
    file = None if out == STANDARD_OUTPUT else out
    try:
        _write(render(form, summary, detail_in(state_dir)), form, file)
    except DispatchfileError:
        raise
    except Exception as exc:  # noqa: BLE001  whatever a renderer fails with
        print_fault(exc, summary, display, on_result_stream=False)
        return 1
    if file is not None and not display.quiet:
        write_result(f"wrote {visible(str(file))}\n")
    return 0


def _write(pieces: Iterator[str], form: ReportKind, file: Path | None) -> None:
    """Write the report to the file, or to standard output if there is none."""
    from dispatchfile.cli.report_files import ReportFile, write_report

    if file is not None:
        write_report(ReportFile(form, file, append=False), pieces)
        return
    for piece in pieces:
        write_result(piece)
