"""`stop`: a run ended for good, with its children."""

from __future__ import annotations

from dispatchfile.cli.flags import ConnectionFlags
from dispatchfile.cli.options import Display, Output, Run, StateDir
from dispatchfile.reports.formats import OutputFormat


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
    from dispatchfile.cli.following import stop_items  # noqa: PLC0415  --help needs none of it
    from dispatchfile.cli.past_run import PastCall  # noqa: PLC0415

    return stop_items(PastCall(run=run, state_dir=state_dir, connection=connection, output=output, display=display))
