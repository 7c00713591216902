"""`run --on-interrupt stop`, where it cannot do what it says."""

from dispatchfile.clock import Clock
from dispatchfile.errors import NomadForbidden
from dispatchfile.nomad.connection import Connection
from dispatchfile.results import Results, RunFacts, Summary, summarize
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.running.prepare import RunOptions
from dispatchfile.usecases.stop_on_interrupt import run_then_stop
from tests.usecases.past_runs import Told

FACTS = RunFacts("run1", "nightly", "m.yaml", "http://nomad", "completion", 0.0)
INTERRUPTED = RunEnd(summarize(Results([]), FACTS, state="interrupted", finished_at=1.0, signal_exit=130))


async def interrupted_run(_: object, *, reporter: Reporter, control: Control, clock: Clock) -> RunEnd:
    control.interrupt(130)
    assert INTERRUPTED.summary
    reporter.finished(INTERRUPTED.summary)
    return INTERRUPTED


async def forbidden(*_: object, **__: object) -> Summary:
    raise NomadForbidden("the token lacks submit-job", status=403)


async def test_a_run_whose_jobs_may_not_be_stopped_is_left_as_interrupted() -> None:
    """It has the summary, the exit code and the ways on of any other interrupted run, and the reason before these."""
    options = RunOptions(source=ManifestSource("m.yaml", None, {}, {}), connection=Connection())
    told = Told()
    end = await run_then_stop(
        options, reporter=told, control=Control(), clock=Clock(), run=interrupted_run, stop=forbidden
    )
    assert (end, told.finished_with) == (INTERRUPTED, INTERRUPTED.summary)
    assert told.notes == [
        "stopping the children of run run1",
        "its children are not all stopped: the token lacks submit-job",
    ]
