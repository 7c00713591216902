"""`logs`: what the tasks of a run's items wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatchfile.cli.options import ConnectionFlags, Display, OutputOfMany, StateDir
from dispatchfile.reports.formats import OutputFormat


def logs(
    *,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's ID, the beginning of one, or a manifest for its latest run.")
    ],
    items: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ITEM]...",
            help="Items: an id's glob, tag:x, job:x or outcome:x. [default: all]",
            show_default=False,
        ),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Of items that ran and did not end well.")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="What went to standard error.")] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", metavar="N", min=1, help="The last N lines of each task. [default: all]")
    ] = None,
    state_dir: StateDir = None,
    connection: ConnectionFlags,
    output: OutputOfMany = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Show what the tasks of a run's items wrote.

    Each line stands behind the id of its item. It comes from Nomad as long as Nomad has it; of what is gone, the
    journal kept the last line at most. Of an item with several attempts, the last one's. Exit code: 0.
    """
    from dispatchfile.cli.past import PastCall  # noqa: PLC0415  --help needs none of it
    from dispatchfile.cli.showing import show_logs  # noqa: PLC0415

    call = PastCall(run=run, state_dir=state_dir, connection=connection, output=output, display=display)
    return show_logs(call, items=items or (), failed=failed, stderr=stderr, tail=tail)
