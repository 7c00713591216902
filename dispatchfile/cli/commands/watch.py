"""`watch`: a run followed from any terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dispatchfile.cli.option_groups import ConnectionFlags, Display, checked_setting
from dispatchfile.cli.options import Output, Run, StateDir
from dispatchfile.reports.formats import OutputFormat

if TYPE_CHECKING:
    from dispatchfile.usecases.reporting import Reporter
    from dispatchfile.usecases.running.control import Control

NO_LONGER_WATCHED = "interrupted: stopped watching; the run is not affected"


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
    from dispatchfile.cli.past_run import connection_to, find_past_run
    from dispatchfile.cli.session import Session
    from dispatchfile.clock import Clock
    from dispatchfile.usecases.running.ends import RunEnd
    from dispatchfile.usecases.watch import WatchOptions, watch_run

    timeout_s = _read_timeout(timeout)
    name, stored = find_past_run(run, state_dir)
    there = connection_to(stored.header, connection, display)
    options = WatchOptions(name=name, connection=there, timeout_s=timeout_s)

    async def follow(reporter: Reporter, control: Control) -> RunEnd:
        return RunEnd(await watch_run(options, reporter=reporter, control=control, clock=Clock()))

    session = Session(display, output, manifest=stored.header.shown_manifest, ending=NO_LONGER_WATCHED, ended="")
    return session.run(follow)


def _read_timeout(text: str | None) -> float | None:
    """Return the seconds, or None for no limit. Raises UsageError."""
    from dispatchfile.settings import NONE, parse_timeout

    given = None if text is None else checked_setting("timeout", text)
    return None if given in {None, NONE} else parse_timeout(given).total_seconds()
