"""Past runs read back: as their events say, in seconds however many items they have."""

from dataclasses import replace

import pytest

from dispatchfile.errors import NomadUnavailable
from dispatchfile.events import (
    Accepted,
    Cause,
    Doubled,
    Doubted,
    Ended,
    Moved,
    Outcome,
    Repeated,
    Sending,
    State,
    Verdict,
)
from dispatchfile.journal import RunState, Target
from dispatchfile.results import Requests, Results
from dispatchfile.usecases.folding import fold_journal
from dispatchfile.usecases.past import read_past
from dispatchfile.usecases.resume import ResumeOptions, resume_run
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.execute import item_facts
from dispatchfile.usecases.running.resume_state import read_resume_state
from dispatchfile.usecases.runs import RunFilter, read_history
from dispatchfile.usecases.stop import StopOptions, stop_run
from tests.making import make_item
from tests.usecases.past_runs import CONNECTION, PastNomad, Told, header, keep_run, loop_clock, sent
from tests.virtual_time import VIRTUAL_TIME


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


A, B, C, D = (make_item(name, attempts=2, tags=("x",), line=7) for name in "abcd")
CHILD = "encode/dispatch-run1-{}-1795000000-00000000"

STORY = [
    Sending("a", 1, 10.0),
    Accepted("a", 1, 11.0, CHILD.format("a-1"), "e1"),
    Moved("a", 1, 12.0, State.RUNNING, "running on n1"),
    Ended("a", 1, 13.0, Verdict(Outcome.FAILED, Cause.EXIT, "exit 3", 3, "n1", 1), retry_at=14.0),
    Sending("a", 2, 14.0),
    Accepted("a", 2, 15.0, CHILD.format("a-2"), "e2"),
    Ended("a", 2, 16.0, Verdict(Outcome.SUCCEEDED, starts=2)),
    Sending("b", 1, 10.0),
    Doubted("b", 1, 11.0, "connection lost"),
    Accepted("b", 1, 30.0, CHILD.format("b-1"), adopted=True),
    Moved("b", 1, 31.0, State.RUNNING),
    Ended("b", 1, 40.0, Verdict(Outcome.SUCCEEDED, starts=1)),
    Sending("c", 1, 10.0),
    Repeated("c", 1, 11.0, "no leader"),
    Ended("c", 1, 12.0, Verdict(Outcome.UNSENT, Cause.INTERRUPTED)),
    Sending("c", 1, 20.0),
    Accepted("c", 1, 21.0, CHILD.format("c-1"), existing=True),
    Ended("c", 1, 25.0, Verdict(Outcome.LOST, Cause.NODE_LOST)),
    Doubled("c", 1, 26.0, ("x", "y")),
    Ended("d", 1, 12.0, Verdict(Outcome.SKIPPED)),
]


def told_in_full(items, events):
    results = Results([item_facts(item) for item in items])
    for event in events:
        results.apply(event)
    return list(results.items()), results.doubled


@pytest.mark.parametrize("cut", [len(STORY), 15, 9, 5, 3])
async def test_a_run_reads_back_as_it_was_told(tmp_path, cut):
    """Only the events that count are read of a finished run, which makes no difference."""
    items, events = [A, B, C, D], STORY[:cut]
    state = RunState.FINISHED if cut == len(STORY) else RunState.INTERRUPTED
    reader = (await keep_run(tmp_path, items, events, state=state)).open()
    results = fold_journal(reader, reader.run())
    assert (list(results.items()), results.doubled) == told_in_full(items, events)


async def test_a_process_that_was_killed_is_interrupted(tmp_path):
    """Its journal still says that it runs."""
    past = read_past(await keep_run(tmp_path, [A], state=RunState.RUNNING))
    assert (past.state, past.is_live, past.summary().state) == ("interrupted", False, "interrupted")


@pytest.mark.parametrize("code", [129, 130, 143, 1])
async def test_an_interrupted_run_keeps_its_exit_code_and_what_it_cost(tmp_path, code):
    """That of the signal, where it was one."""
    cost = Requests(40, 12, 1, 2, 9)
    name = await keep_run(tmp_path, [A], state=RunState.INTERRUPTED, exit_code=code, requests=cost)
    summary = read_past(name).summary()
    assert (summary.state, summary.exit_code, summary.requests) == ("interrupted", code, cost)


async def test_what_a_run_costs_is_summed_up_over_its_processes(tmp_path):
    """The peak is the highest of all; a run that is stopped afterwards cost a little more."""
    nomad, cost = PastNomad(lifetime_s=0), Requests(40, 12, 1, 2, 99)
    name = await keep_run(tmp_path, [A], state=RunState.INTERRUPTED, exit_code=130, requests=cost)
    options = ResumeOptions(run=name.run, manifest=None, connection=CONNECTION, environ={}, state_dir=name.state_dir)
    call = {"reporter": Told(), "control": Control(), "clock": loop_clock(), "connect": nomad.connect}
    summary = await resume_run(options, **call)
    assert summary.requests == Requests(40 + nomad.requests, 13, 1, 2, 99)
    assert read_past(name).summary() == summary
    stopped = await stop_run(StopOptions(name=name, connection=CONNECTION), **call)
    assert stopped.requests.total > summary.requests.total


async def test_nothing_of_an_interrupted_local_run_lives(tmp_path):
    """Its tasks ended with the embedded agent that ran them, and wait to be sent again."""
    events = [*sent(A, CHILD.format("a-1")), *sent(B, CHILD.format("b-1"))]
    events += [Moved("a", 1, 995.0, State.RUNNING, "running on n1"), Ended("b", 1, 996.0, Verdict(Outcome.SUCCEEDED))]
    local = header(local=True, target=Target("local", "", ("default",)))
    name = await keep_run(tmp_path, [A, B, C], events, state=RunState.INTERRUPTED, head=local)
    past = read_past(name)
    told = {item.id: (item.outcome or item.state, item.message) for item in past.summary().items}
    assert told == {
        "a": (State.WAITING, "stopped when the embedded agent that ran it ended"),
        "b": (Outcome.SUCCEEDED, ""),
        "c": (State.WAITING, ""),
    }
    assert replace(past, is_live=True).summary().items[0].state is State.RUNNING
    standing = read_resume_state(past.reader, past.stored)
    past.results.reopen({item: start.attempt for item, start in standing.starts.items()})
    assert past.results.counts()[State.WAITING] == 2


async def test_what_a_resume_has_still_to_send_waits(tmp_path):
    """It is not shown as ended, whatever the interrupted process has left on record of it."""

    class Seen(Told):
        def started(self, facts, results):
            self.counts = {key: number for key, number in results.counts().items() if number}

    events = [
        Ended("a", 1, 1.0, Verdict(Outcome.SUCCEEDED)),
        Ended("b", 1, 2.0, Verdict(Outcome.UNSENT, Cause.INTERRUPTED)),
        Ended("c", 1, 2.0, Verdict(Outcome.UNSENT, Cause.UNREACHABLE)),
    ]
    name = await keep_run(tmp_path, [A, B, C, D], events, state=RunState.INTERRUPTED)
    options = ResumeOptions(run=name.run, manifest=None, connection=CONNECTION, environ={}, state_dir=name.state_dir)
    nomad, seen = PastNomad(lifetime_s=0), Seen()
    summary = await resume_run(options, reporter=seen, control=Control(), clock=loop_clock(), connect=nomad.connect)
    assert seen.counts == {Outcome.SUCCEEDED: 1, State.ENDED: 1, State.WAITING: 3}
    assert (summary.exit_code, summary.counts["succeeded"], len(nomad.made)) == (0, 4, 3)


async def test_a_run_that_could_not_be_taken_up_again_keeps_what_it_cost(tmp_path):
    """No server answers, and the journal is as it was."""
    name = await keep_run(tmp_path, [A], state=RunState.INTERRUPTED, exit_code=130, requests=Requests(40, 12))
    before, nomad = name.open().run().status, PastNomad()
    nomad.down = True
    options = ResumeOptions(run=name.run, manifest=None, connection=CONNECTION, environ={}, state_dir=name.state_dir)
    with pytest.raises(NomadUnavailable):
        await resume_run(options, reporter=Told(), control=Control(), clock=loop_clock(), connect=nomad.connect)
    assert name.open().run().status == before


async def test_the_history_is_the_newest_first(tmp_path):
    """With what cannot be read told apart."""
    await keep_run(tmp_path, [A], head=header(id="old", started_at=1.0))
    await keep_run(tmp_path, [A, B], head=header(id="new", started_at=2.0), state=RunState.RUNNING)
    (tmp_path / "runs/20261122T000000.000000Z-bad.db").write_bytes(b"garbage")
    history = read_history(str(tmp_path), {}, RunFilter())
    errors = history.errors
    assert [(run.header.id, run.items, state) for run, state in history.runs] == [
        ("new", 2, "interrupted"),
        ("old", 1, "finished"),
    ]
    assert len(errors) == 1
    assert "-bad.db: it is damaged" in errors[0]
