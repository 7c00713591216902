"""`status`: the state of a run, or of one of its items."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatchfile.cli.candidates import complete_items
from dispatchfile.cli.flags import ConnectionFlags
from dispatchfile.cli.options import Display, OutputAtOnce, Run, StateDir
from dispatchfile.reports.formats import OutputFormat


def status(
    *,
    run: Run = None,
    item: Annotated[
        str | None,
        typer.Argument(
            metavar="[ITEM]",
            autocompletion=complete_items,
            help="Show all about one item: its ID, a unique prefix of it, or a job ID in Nomad.",
            show_default=False,
        ),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Also ask Nomad about each item that has not ended.")
    ] = False,
    state_dir: StateDir = None,
    connection: ConnectionFlags,
    output: OutputAtOnce = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Show the state of a run.

    Reads the run's journal; sends and changes nothing. With ITEM, shows the item's request, attempts, times and causes,
    and reads its evaluations, allocations and last log lines from Nomad, if Nomad answers; with --refresh, it must.
    Exit code: 0, however the run ended.
    """
    from dispatchfile.cli.past_run import PastCall  # noqa: PLC0415  --help needs none of it
    from dispatchfile.cli.showing import show_item, show_status  # noqa: PLC0415

    call = PastCall(run=run, state_dir=state_dir, connection=connection, output=output, display=display)
    if item is not None:
        return show_item(call, item, refresh=refresh)
    return show_status(call, refresh=refresh)
