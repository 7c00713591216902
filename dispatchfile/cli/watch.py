"""`watch`: a run followed from any terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatchfile.cli.options import ConnectionFlags, Display, Output, Run, StateDir
from dispatchfile.reports.formats import OutputFormat


def watch(
    *,
    run: Run = None,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="How long to watch, as in 10m. [default: to the end]"),
    ] = None,
    state_dir: StateDir = None,
    connection: ConnectionFlags,
    output: Output = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Follow a run to its end, from any terminal.

    While a process is at work on it, what that one does is shown. Otherwise its living children are followed in Nomad,
    those of a detached run too. Nothing is sent and nothing is written. Exit code: as `run`; 1 if it has not ended.
    """
    from dispatchfile.cli.following import watch_items  # noqa: PLC0415  --help needs none of it
    from dispatchfile.cli.past import PastCall  # noqa: PLC0415

    call = PastCall(run=run, state_dir=state_dir, connection=connection, output=output, display=display)
    return watch_items(call, timeout)
