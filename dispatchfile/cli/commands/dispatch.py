"""`dispatch`: one job dispatched, as `nomad job dispatch` does it."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatchfile.cli.flags import ConnectionFlags
from dispatchfile.cli.options import DispatchDisplay, DispatchFlags, OutputAtOnce
from dispatchfile.reports.formats import OutputFormat


def dispatch(
    *,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="JOB [INPUT]",
            help="A parameterized job, or a unique prefix of its ID; a file with the payload, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    flags: DispatchFlags,
    connection: ConnectionFlags,
    output: OutputAtOnce = OutputFormat.TEXT,
    display: DispatchDisplay,
) -> int:
    """
    Dispatch one job, as `nomad job dispatch` does.

    Takes the same arguments, with one or two dashes, and prints the same lines. Exit code: 0 if the job was dispatched
    and placed, 2 if it could not be placed, 1 for anything else. With --wait: 0 if it succeeded, 2 if not. If the
    dispatch may or may not have reached Nomad, it is not repeated and the exit code is 1.
    """
    from dispatchfile.cli.dispatching import DispatchCall, run_dispatch

    return run_dispatch(DispatchCall(tuple(arguments or ()), flags, connection, output, display))
