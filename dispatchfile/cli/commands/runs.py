"""`runs`: the history."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dispatchfile.cli.candidates import complete_manifests
from dispatchfile.cli.options import Display, OutputOfMany, StateDir
from dispatchfile.reports.formats import OutputFormat


class StateChoice(StrEnum):
    """The states of a run."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    STOPPED_EARLY = "stopped_early"


def runs(
    *,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Show only the newest N of the runs.")
    ] = None,
    state: Annotated[
        list[StateChoice] | None, typer.Option("--state", help="Show only runs in this state; repeatable.")
    ] = None,
    manifest: Annotated[
        str | None,
        typer.Option(
            "--manifest",
            metavar="PATH",
            autocompletion=complete_manifests,
            help="Show only runs of this manifest or of manifests in this folder.",
        ),
    ] = None,
    state_dir: StateDir = None,
    output: OutputOfMany = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    List all runs, the newest last.

    OK counts the items that succeeded (exit class 0). JSON has more than the table, the newest run first. `prune`
    removes old runs. Exit code: 0, or 1 if a journal cannot be read.
    """
    from dispatchfile.cli.showing import show_runs  # noqa: PLC0415  --help needs none of it
    from dispatchfile.usecases.runs import RunFilter  # noqa: PLC0415

    chosen = RunFilter(limit, tuple(state or ()), manifest)
    return show_runs(chosen, state_dir, output, display)
