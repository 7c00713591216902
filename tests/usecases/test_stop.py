"""A run ended for good, with its children and no others."""

import asyncio

import pytest

from dispatchfile.errors import NomadForbidden, NomadUnavailable, RunRefused
from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.journal import RunState
from dispatchfile.usecases.past import read_past
from dispatchfile.usecases.resume import ResumeOptions, resume_run
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.stop import StopOptions, stop_run
from tests.making import make_item
from tests.usecases.past_runs import (
    CONNECTION,
    STARTED_AT,
    PastNomad,
    Told,
    header,
    keep_run,
    loop_clock,
    outcomes_of,
    sent,
)
from tests.virtual_time import VIRTUAL_TIME


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


A, B, C = make_item("a"), make_item("b"), make_item("c")


def ended(item, outcome, cause=None, *, attempt=1, retry_at=None):
    return Ended(item.id, attempt, STARTED_AT + 3, Verdict(outcome, cause), retry_at)


async def stop(name, nomad, told=None):
    options = StopOptions(name=name, connection=CONNECTION)
    return await stop_run(
        options, reporter=told or Told(), control=Control(), clock=loop_clock(), connect=nomad.connect
    )


async def test_a_killed_run_is_ended_with_its_children(tmp_path):
    """What lived is stopped, what had ended keeps its end, what was never sent is unsent; the run is over."""
    nomad = PastNomad()
    name = await keep_run(
        tmp_path, [A, B, C], sent(A, one := nomad.had(A)) + sent(B, two := nomad.had(B)), state=RunState.RUNNING
    )
    nomad.end(two, exit_code=3)
    summary = await stop(name, nomad, told := Told())
    assert nomad.stopped == [one.id]
    assert outcomes_of(name) == {"a": "stopped/user_stop", "b": "failed/exit", "c": "unsent/interrupted"}
    assert (summary.state, summary.exit_code, told.finished_with) == ("stopped_early", 1, summary)
    status = name.open().run().status
    assert (status.state, status.exit_code, status.counts["stopped"]) == (RunState.STOPPED_EARLY, 1, 1)


async def test_a_stopped_run_cannot_be_resumed(tmp_path):
    """The refusal names `rerun`."""
    name = await keep_run(tmp_path, [A], state=RunState.INTERRUPTED)
    await stop(name, nomad := PastNomad())
    options = ResumeOptions(run=name.run, manifest=None, connection=CONNECTION, environ={}, state_dir=name.state_dir)
    with pytest.raises(RunRefused, match="run the remaining items with: dispatchfile rerun run1 --failed"):
        await resume_run(options, reporter=Told(), control=Control(), clock=loop_clock())
    assert nomad.connected == 0


async def test_of_a_run_whose_id_was_given_what_nomad_has_is_looked_for(tmp_path):
    """Another machine may have sent it: this journal was killed before it had found that out."""
    nomad = PastNomad()
    living, failed = nomad.had(A, attempt=2), nomad.had(B)
    nomad.end(failed, exit_code=3)
    name = await keep_run(tmp_path, [A, B, C], state=RunState.RUNNING, head=header(adopts=True))
    await stop(name, nomad)
    assert nomad.stopped == [living.id]
    assert outcomes_of(name) == {"a": "stopped/user_stop", "b": "failed/exit", "c": "unsent/interrupted"}


async def test_a_run_that_sent_nothing_asks_no_server(tmp_path):
    """There can be no child of it."""
    name = await keep_run(tmp_path, [A, B], state=RunState.RUNNING)
    await stop(name, nomad := PastNomad())
    assert outcomes_of(name) == {"a": "unsent/interrupted", "b": "unsent/interrupted"}
    assert nomad.connected == 0


async def test_a_child_of_somebody_else_is_never_stopped(tmp_path):
    """Nomad had it for the token before the run: it goes on, and its item is unknown."""
    nomad = PastNomad()
    theirs = nomad.had(A, run="other", token="t")
    name = await keep_run(
        tmp_path, [A, B], sent(A, theirs, existing=True) + sent(B, ours := nomad.had(B)), state=RunState.RUNNING
    )
    await stop(name, nomad)
    assert (nomad.stopped, theirs.status) == ([ours.id], "running")
    assert outcomes_of(name) == {"a": "unknown/interrupted", "b": "stopped/user_stop"}


async def test_children_that_only_look_like_the_runs_own_are_left_alone(tmp_path):
    """Another run whose ID begins alike, another attempt than there was, another item."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A], sent(A, ours := nomad.had(A)), state=RunState.RUNNING)
    for item, attempt, run in ((A, 1, "run1-a"), (A, 9, "run1"), (make_item("a-1"), 1, "run1"), (A, 1, "run12")):
        nomad.had(item, attempt=attempt, run=run)
    await stop(name, nomad)
    assert nomad.stopped == [ours.id]


async def test_a_child_in_doubt_is_found_and_stopped(tmp_path):
    """The request may have been carried out just before the process died."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A, B], marked=["a"], state=RunState.RUNNING)
    child = nomad.had(A)
    await stop(name, nomad)
    assert nomad.stopped == [child.id]
    assert outcomes_of(name) == {"a": "stopped/user_stop", "b": "unsent/interrupted"}


async def test_a_child_that_comes_late_is_found_too(tmp_path):
    """Doubt is settled for as long as the run's settings say; two clean lists do not end that."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A], marked=["a"], state=RunState.RUNNING)
    asyncio.get_running_loop().call_later(20, nomad.had, A)
    await stop(name, nomad)
    assert [child.stop for child in nomad.made] == [True]
    assert outcomes_of(name) == {"a": "stopped/user_stop"}


async def test_what_was_never_carried_out_is_unsent(tmp_path):
    """Nomad's count of the parent's children tells, once the doubt is settled."""
    name = await keep_run(tmp_path, [A], marked=["a"], state=RunState.RUNNING)
    await stop(name, nomad := PastNomad())
    assert outcomes_of(name) == {"a": "unsent/interrupted"}
    assert nomad.writes == []


async def test_children_that_a_detached_run_let_go_of_are_stopped(tmp_path):
    """The run had finished; what lives of it becomes stopped, what has ended stays dispatched."""
    nomad = PastNomad()
    one, two = nomad.had(A), nomad.had(B)
    events = [*sent(A, one), ended(A, Outcome.DISPATCHED), *sent(B, two), ended(B, Outcome.DISPATCHED)]
    name = await keep_run(tmp_path, [A, B], events)
    nomad.end(one)
    summary = await stop(name, nomad)
    assert nomad.stopped == [two.id]
    assert outcomes_of(name) == {"a": "dispatched/None", "b": "stopped/user_stop"}
    assert (summary.state, name.open().run().status.state) == ("stopped_early", RunState.STOPPED_EARLY)


async def test_a_finished_run_of_which_nothing_lives_stays_as_it_was(tmp_path):
    """Two lists, no write, and the same status as before."""
    nomad = PastNomad(lifetime_s=0)
    name = await keep_run(tmp_path, [A], [*sent(A, nomad.had(A)), ended(A, Outcome.FAILED, Cause.EXIT)])
    before = name.open().run().status
    summary = await stop(name, nomad)
    after = name.open().run().status
    assert (after.state, after.exit_code, after.finished_at) == (before.state, before.exit_code, before.finished_at)
    assert (summary.state, summary.exit_code, nomad.writes) == ("finished", 2, [])


async def test_a_stop_that_is_repeated_changes_nothing(tmp_path):
    """The run ended when it ended, and so did its items; what was not the run's is left once more."""
    nomad = PastNomad()
    theirs = nomad.had(A, run="other", token="t")
    events = sent(A, theirs, existing=True) + sent(B, nomad.had(B))
    name = await keep_run(tmp_path, [A, B, C], events, state=RunState.RUNNING)
    first = await stop(name, nomad)
    await asyncio.sleep(100)
    again, status = await stop(name, nomad), name.open().run().status
    assert (again.finished_at, again.items) == (first.finished_at, first.items)
    assert (status.state, status.finished_at) == (RunState.STOPPED_EARLY, first.finished_at)
    assert len(nomad.stopped) == 1


async def test_a_stop_that_is_interrupted_can_be_repeated(tmp_path):
    """Its exit code is the signal's, on record too."""
    nomad, control = PastNomad(), Control()
    name = await keep_run(tmp_path, [A, B], sent(A, nomad.had(A)), marked=["b"], state=RunState.RUNNING)
    asyncio.get_running_loop().call_later(5, control.interrupt, 130)
    options = StopOptions(name=name, connection=CONNECTION)
    summary = await stop_run(options, reporter=Told(), control=control, clock=loop_clock(), connect=nomad.connect)
    status = name.open().run().status
    assert (summary.state, summary.exit_code) == (status.state, status.exit_code) == ("interrupted", 130)
    assert (await stop(name, nomad)).state == "stopped_early"


async def test_a_stop_of_a_finished_run_that_is_interrupted_has_not_ended_it(tmp_path):
    """Nothing of it was in doubt, but nobody has seen yet that none of its children lives."""
    nomad, control = PastNomad(), Control()
    name = await keep_run(tmp_path, [A], [*sent(A, nomad.had(A)), ended(A, Outcome.DISPATCHED)])
    asyncio.get_running_loop().call_later(0.5, control.interrupt, 130)
    options = StopOptions(name=name, connection=CONNECTION)
    summary = await stop_run(options, reporter=Told(), control=control, clock=loop_clock(), connect=nomad.connect)
    status = name.open().run().status
    assert (summary.state, summary.exit_code) == (status.state, status.exit_code) == ("interrupted", 130)
    assert (await stop(name, nomad)).state == "stopped_early"


async def test_a_run_that_a_signal_ends_and_stops_keeps_the_code_of_the_signal(tmp_path):
    """That of the process, as with `run --on-interrupt stop`."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A], sent(A, nomad.had(A)), state=RunState.INTERRUPTED, exit_code=143)
    options = StopOptions(name=name, connection=CONNECTION, signal_exit=143)
    await stop_run(options, reporter=Told(), control=Control(), clock=loop_clock(), connect=nomad.connect)
    summary = read_past(name).summary()
    assert (summary.state, summary.exit_code) == ("stopped_early", 143)


async def test_an_attempt_that_waited_for_its_retry_is_the_last(tmp_path):
    """The item's outcome is how that one ended."""
    item = make_item("a", attempts=2)
    nomad = PastNomad(lifetime_s=0)
    events = [*sent(item, nomad.had(item)), ended(item, Outcome.FAILED, Cause.OOM, retry_at=2_000.0)]
    name = await keep_run(tmp_path, [item], events, state=RunState.INTERRUPTED)
    await stop(name, nomad)
    assert outcomes_of(name) == {"a": "failed/oom"}


async def test_an_earlier_attempt_that_was_left_is_stopped_too(tmp_path):
    """It was timed out and lives on beside the attempt that came after it."""
    item = make_item("a", attempts=2)
    nomad = PastNomad()
    first, second = nomad.had(item), nomad.had(item, attempt=2)
    events = [*sent(item, first), ended(item, Outcome.TIMED_OUT, Cause.DEADLINE, retry_at=1.0)]
    name = await keep_run(tmp_path, [item], events + sent(item, second, attempt=2), state=RunState.RUNNING)
    await stop(name, nomad)
    assert sorted(nomad.stopped) == sorted([first.id, second.id])
    assert outcomes_of(name) == {"a": "stopped/user_stop"}


async def test_an_overdue_item_is_stopped_and_not_timed_out(tmp_path):
    """Its time was up while nobody was there to see it."""
    item = make_item("a", deadline_s=1.0)
    nomad = PastNomad()
    name = await keep_run(tmp_path, [item], sent(item, nomad.had(item)), state=RunState.RUNNING)
    await stop(name, nomad)
    assert outcomes_of(name) == {"a": "stopped/user_stop"}


async def test_without_the_right_to_stop_the_capability_is_named(tmp_path):
    """Nothing more is sent all the same, and the run can still be resumed."""
    nomad = PastNomad(forbidden=["stop"])
    name = await keep_run(tmp_path, [A, B], sent(A, nomad.had(A)), state=RunState.RUNNING)
    with pytest.raises(NomadForbidden, match="lacks the capability submit-job in namespace 'default'"):
        await stop(name, nomad)
    assert name.open().run().status.state is RunState.INTERRUPTED
    assert outcomes_of(name) == {"a": "queued", "b": "waiting"}


async def test_without_the_right_to_list_what_is_on_record_is_stopped(tmp_path):
    """Each child is read by its ID."""
    nomad = PastNomad(forbidden=["list"])
    name = await keep_run(tmp_path, [A], sent(A, child := nomad.had(A)), state=RunState.RUNNING)
    await stop(name, nomad)
    assert nomad.stopped == [child.id]
    assert outcomes_of(name) == {"a": "stopped/user_stop"}


async def test_a_child_with_an_exact_prefix_is_known_by_the_record(tmp_path):
    """Its prefix does not tell whose it is, so only what was accepted is stopped."""
    item = make_item("a", prefix="nightly", exact=True, token="t")
    nomad = PastNomad()
    ours, theirs = nomad.had(item, token="t"), nomad.had(item, token="other")
    name = await keep_run(tmp_path, [item], sent(item, ours), state=RunState.RUNNING)
    await stop(name, nomad)
    assert (nomad.stopped, theirs.status) == ([ours.id], "running")


async def test_where_nobody_answers_the_run_is_left_as_it_was(tmp_path):
    """It is unfinished, and a later stop or resume finds everything."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A, B], sent(A, nomad.had(A)), state=RunState.RUNNING)
    nomad.down = True
    with pytest.raises(NomadUnavailable):
        await stop(name, nomad)
    assert outcomes_of(name) == {"a": "queued", "b": "waiting"}
    nomad.down = False
    await stop(name, nomad)
    assert outcomes_of(name) == {"a": "stopped/user_stop", "b": "unsent/interrupted"}


async def test_the_tasks_of_a_local_run_have_ended_with_it(tmp_path):
    """No server is asked: there is none any more."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A, B], sent(A, nomad.had(A)), state=RunState.RUNNING, head=header(local=True))
    await stop(name, nomad)
    assert outcomes_of(name) == {"a": "stopped/interrupted", "b": "unsent/interrupted"}
    assert nomad.connected == 0


async def test_two_children_of_one_attempt_are_both_stopped(tmp_path):
    """Something that must never be, and if it is, ends here."""
    nomad = PastNomad()
    one, two = nomad.had(A), nomad.had(A)
    name = await keep_run(tmp_path, [A], sent(A, one), state=RunState.RUNNING)
    await stop(name, nomad)
    assert sorted(nomad.stopped) == sorted([one.id, two.id])
