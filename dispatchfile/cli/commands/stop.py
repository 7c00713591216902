"""`stop`: a run ended for good, with its children."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatchfile.cli.option_groups import ConnectionFlags, Display
from dispatchfile.cli.options import Output, Run, StateDir
from dispatchfile.reports.formats import OutputFormat

if TYPE_CHECKING:
    from dispatchfile.usecases.reporting import Reporter
    from dispatchfile.usecases.running.control import Control

TO_BE_REPEATED = "interrupted: run {run} may still have children; repeat: dispatchfile stop {run}"


def stop(
    *,
    run: Run = None,
    state_dir: StateDir = None,
    connection: ConnectionFlags,
    output: Output = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    End a run for good, and stop its jobs in Nomad.

    Sends nothing more, and stops the jobs that the run dispatched until none is alive; jobs that existed before the run
    are not stopped. A process that works on the run is asked to end. Needs the capability submit-job. Exit code: 0 if
    none of the run's jobs is alive.
    """
    from dispatchfile.cli.past_run import connection_to, find_past_run
    from dispatchfile.cli.session import Session
    from dispatchfile.clock import Clock
    from dispatchfile.errors import Interrupted
    from dispatchfile.usecases.past import BY_SIGNAL
    from dispatchfile.usecases.running.ends import RunEnd
    from dispatchfile.usecases.stop import StopOptions, stop_run

    name, stored = find_past_run(run, state_dir)
    options = StopOptions(name=name, connection=connection_to(stored.header, connection, display))

    async def end(reporter: Reporter, control: Control) -> RunEnd:
        return RunEnd(await stop_run(options, reporter=reporter, control=control, clock=Clock()))

    try:
        code = Session(display, output, manifest=stored.header.shown_manifest, ended=TO_BE_REPEATED).run(end)
    except Interrupted as exc:
        raise Interrupted(TO_BE_REPEATED.format(run=name.run), exc.exit_code) from exc
    return code if code in BY_SIGNAL else 0
