"""`watch`: a run followed from any terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatchfile.cli.flags import ConnectionFlags
from dispatchfile.cli.options import Display, Output, Run, StateDir
from dispatchfile.reports.formats import OutputFormat


def watch(
    *,
    run: Run = None,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="Stop watching after this long (10m). [default: never]"),
    ] = None,
    state_dir: StateDir = None,
    connection: ConnectionFlags,
    output: Output = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Follow a run to its end, from any terminal.

    Shows live progress while another process runs it; otherwise follows the run's jobs in Nomad, also those of a
    detached run. Sends and changes nothing. Exit code: as for `run`; 1 if the run has not ended.
    """
    from dispatchfile.cli.following import watch_items  # noqa: PLC0415  --help needs none of it
    from dispatchfile.cli.past_run import PastCall  # noqa: PLC0415

    call = PastCall(run=run, state_dir=state_dir, connection=connection, output=output, display=display)
    return watch_items(call, timeout)
