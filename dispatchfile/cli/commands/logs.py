"""`logs`: what the tasks of a run's items wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatchfile.cli.candidates import complete_items, complete_runs
from dispatchfile.cli.flags import ConnectionFlags
from dispatchfile.cli.options import Display, OutputOfMany, StateDir
from dispatchfile.reports.formats import OutputFormat


def logs(
    *,
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            autocompletion=complete_runs,
            help="A run ID, a unique prefix of one, or a manifest (its latest run).",
        ),
    ],
    items: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ITEM]...",
            autocompletion=complete_items,
            help="Items: a glob of IDs, tag:NAME, job:NAME, outcome:NAME, exit:CODE or group:HASH. [default: all]",
            show_default=False,
        ),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only items that ran and did not succeed.")] = False,
    stdout: Annotated[bool, typer.Option("--stdout", help="Only standard output. [default: both streams]")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="Only standard error. [default: both streams]")] = False,
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail", metavar="N", min=1, help="The last N lines of each stream of a task. [default: the last 1 MiB]"
        ),
    ] = None,
    state_dir: StateDir = None,
    connection: ConnectionFlags,
    output: OutputOfMany = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Show what the tasks of a run wrote.

    Each line follows the id of its item; lines of standard error are marked (stderr). The lines come from Nomad while
    Nomad has them. Of a log that is gone, the journal has at most the last line of the task that decided how the item
    ended. For an item with several attempts, shows the last one. Exit code: 0.
    """
    from dispatchfile.cli.past_run import PastCall  # noqa: PLC0415  --help needs none of it
    from dispatchfile.cli.showing import chosen_streams, show_logs  # noqa: PLC0415

    call = PastCall(run=run, state_dir=state_dir, connection=connection, output=output, display=display)
    return show_logs(
        call, items=items or (), failed=failed, streams=chosen_streams(stdout=stdout, stderr=stderr), tail=tail
    )
