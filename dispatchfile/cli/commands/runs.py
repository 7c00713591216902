"""`runs`: the history."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from dispatchfile.cli.candidates import complete_manifests
from dispatchfile.cli.option_groups import Display
from dispatchfile.cli.options import OutputOfMany, StateDir
from dispatchfile.cli.terminal import terminal_width, write_result
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
    from dispatchfile.cli.past_run import known_places
    from dispatchfile.cli.session import print_message
    from dispatchfile.reports.history import render_history
    from dispatchfile.reports.text import one_line
    from dispatchfile.reports.words import LogLevel
    from dispatchfile.usecases.runs import RunFilter, read_history

    history = read_history(state_dir, os.environ, RunFilter(limit, tuple(state or ()), manifest))
    places, is_filtered = known_places(), history.is_filtered
    write_result(render_history(history.runs, output, width=terminal_width(), places=places, is_filtered=is_filtered))
    for error in history.errors:
        print_message(LogLevel.WARNING, one_line(error), display)
    return 1 if history.errors else 0
