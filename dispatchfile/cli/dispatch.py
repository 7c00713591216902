"""`dispatch`: one job dispatched, as `nomad job dispatch` does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from dispatchfile.cli.options import ConnectionFlags, Display, Output
from dispatchfile.reports.formats import OutputFormat


@dataclass(frozen=True, slots=True)
class DispatchFlags:
    """What is dispatched, and how far it is followed, as the Nomad CLI names it."""

    meta: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="KEY=VALUE", help="Metadata that the job permits; may be given many times."),
    ] = None
    detach: Annotated[bool, typer.Option("--detach", help="Do not monitor the evaluation.")] = False
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="", help="Wait until the job has ended, however long that takes."),
    ] = None
    idempotency_token: Annotated[
        str | None,
        typer.Option("--idempotency-token", metavar="TOKEN", help="Dispatch nothing if a job with this token exists."),
    ] = None
    id_prefix_template: Annotated[
        str | None,
        typer.Option("--id-prefix-template", metavar="PREFIX", help="Stands in the dispatched job's ID, as it is."),
    ] = None
    priority: Annotated[
        int | None, typer.Option("--priority", metavar="N", help="Priority instead of the job's own.")
    ] = None
    ui: Annotated[bool, typer.Option("--ui", help="Open the dispatched job in the browser.")] = False


@dataclass(frozen=True, slots=True)
class DispatchDisplay(Display):
    """What is shown, and how; one flag means what it means to the Nomad CLI."""

    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show IDs in full.")] = False


def dispatch(
    *,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="JOB [INPUT]",
            help="A parameterized job, or the beginning of its ID; a file with the payload, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    flags: DispatchFlags,
    connection: ConnectionFlags,
    output: Output = OutputFormat.TEXT,
    display: DispatchDisplay,
) -> int:
    """
    Dispatch one job, as `nomad job dispatch` does.

    The same arguments, in either dash style, and the same lines. Exit code: 0 if the job was dispatched and placed, 2
    if it could not be placed, 1 for anything else. With --wait, 0 if it ended well, 2 if not. A dispatch that may or
    may not have reached Nomad is 1 and says so; it is never repeated.
    """
    from dispatchfile.cli.dispatching import DispatchCall, run_dispatch  # noqa: PLC0415  --help needs none of it

    return run_dispatch(DispatchCall(tuple(arguments or ()), flags, connection, output, display))
