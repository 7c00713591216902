"""What `watch` and `stop` do: a run followed or ended, its progress shown like that of a run."""

from __future__ import annotations

from dispatchfile.cli.flags import checked_setting
from dispatchfile.cli.past_run import PastCall, connection_to
from dispatchfile.cli.session import Session
from dispatchfile.clock import Clock
from dispatchfile.errors import Interrupted
from dispatchfile.settings import NONE, parse_timeout
from dispatchfile.usecases.past import BY_SIGNAL
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.stop import StopOptions, stop_run
from dispatchfile.usecases.watch import WatchOptions, watch_run

TO_BE_REPEATED = "interrupted: run {run} may still have children; repeat: dispatchfile stop {run}"
NO_LONGER_WATCHED = "interrupted: stopped watching; the run is not affected"


def watch_items(call: PastCall, timeout: str | None) -> int:
    """Follow the run; the exit code."""
    given = None if timeout is None else checked_setting("timeout", timeout)
    timeout_s = None if given in {None, NONE} else parse_timeout(given).total_seconds()
    name, stored = call.find()
    connection = connection_to(stored.header, call.connection, call.display)
    options = WatchOptions(name=name, connection=connection, timeout_s=timeout_s)

    async def follow(reporter: Reporter, control: Control) -> RunEnd:
        return RunEnd(await watch_run(options, reporter=reporter, control=control, clock=Clock()))

    session = Session(
        call.display, call.output, manifest=stored.header.shown_manifest, ending=NO_LONGER_WATCHED, ended=""
    )
    return session.run(follow)


def stop_items(call: PastCall) -> int:
    """End the run; the exit code: 0 once that is done, whatever its items came to."""
    name, stored = call.find()
    options = StopOptions(name=name, connection=connection_to(stored.header, call.connection, call.display))

    async def end(reporter: Reporter, control: Control) -> RunEnd:
        return RunEnd(await stop_run(options, reporter=reporter, control=control, clock=Clock()))

    try:
        session = Session(call.display, call.output, manifest=stored.header.shown_manifest, ended=TO_BE_REPEATED)
        code = session.run(end)
    except Interrupted as exc:
        raise Interrupted(TO_BE_REPEATED.format(run=name.run), exc.exit_code) from exc
    return code if code in BY_SIGNAL else 0
