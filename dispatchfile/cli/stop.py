"""`stop`: a run ended for good, with its children."""

from __future__ import annotations

from dispatchfile.cli.options import ConnectionFlags, Display, Output, Run, StateDir
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
    End a run for good, and stop its children.

    A process that is at work on the run is asked to end. Nothing more is sent, what is in doubt is settled, and the
    run's own children are stopped until none lives; one that Nomad had before the run never is. Needs the capability
    submit-job. Exit code: 0 if nothing of the run lives any more.
    """
    from dispatchfile.cli.following import stop_items  # noqa: PLC0415  --help needs none of it
    from dispatchfile.cli.past import PastCall  # noqa: PLC0415

    return stop_items(PastCall(run=run, state_dir=state_dir, connection=connection, output=output, display=display))
