"""A run followed from another process, or its children in Nomad: nothing sent, nothing written."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from dispatchfile.clock import Clock
from dispatchfile.errors import NomadForbidden, NomadUnavailable
from dispatchfile.events import Cause, Ended, Moved, Outcome, State, Verdict
from dispatchfile.journal import Journal, RunState
from dispatchfile.settings import Settings, Wait
from dispatchfile.usecases.past import read_past
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.watch import TAKEN_OVER_WITHIN_S, WatchOptions, refresh_run, watch_run
from tests.making import make_item
from tests.usecases.past_runs import (
    CONNECTION,
    STARTED_AT,
    PastNomad,
    Told,
    bytes_of,
    header,
    keep_run,
    loop_clock,
    sent,
)
from tests.virtual_time import VIRTUAL_TIME


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


A, B, C = make_item("a"), make_item("b"), make_item("c")
DETACHED = header(settings=Settings(wait=Wait.DETACH, in_flight=None))


def ended(item, outcome, cause=None, *, attempt=1, retry_at=None):
    return Ended(item.id, attempt, STARTED_AT + 3, Verdict(outcome, cause), retry_at)


async def watch(name, nomad, told=None, *, timeout_s=None, control=None):
    options = WatchOptions(name=name, connection=CONNECTION, timeout_s=timeout_s)
    return await watch_run(
        options, reporter=told or Told(), control=control or Control(), clock=loop_clock(), connect=nomad.connect
    )


def told_of(summary):
    return {item.id: item.outcome or item.state for item in summary.items}


async def test_a_run_that_is_over_is_summed_up(tmp_path):
    """The summary comes immediately and without a server."""
    name = await keep_run(tmp_path, [A, B], [ended(A, Outcome.FAILED, Cause.EXIT), ended(B, Outcome.SUCCEEDED)])
    summary = await watch(name, nomad := PastNomad(), told := Told())
    assert (summary.exit_code, summary.state, told.finished_with) == (2, "finished", summary)
    assert nomad.connected == 0


async def test_the_children_of_a_detached_run_are_followed_to_their_ends(tmp_path):
    """The run itself had let go of them; the exit code is that of their ends."""
    nomad = PastNomad()
    one, two = nomad.had(A), nomad.had(B)
    events = [*sent(A, one), ended(A, Outcome.DISPATCHED), *sent(B, two), ended(B, Outcome.DISPATCHED)]
    name = await keep_run(tmp_path, [A, B], events, head=DETACHED)
    loop = asyncio.get_running_loop()
    loop.call_later(60, nomad.end, one)
    loop.call_later(90, nomad.end, two, 3)
    summary = await watch(name, nomad, told := Told())
    assert told_of(summary) == {"a": "succeeded", "b": "failed"}
    assert (summary.exit_code, summary.state) == (2, "finished")
    assert summary.detached == {"a": Outcome.DISPATCHED, "b": Outcome.DISPATCHED}
    assert summary.finished_at == pytest.approx(1_090, abs=12)
    assert [event.item for event in told.events if isinstance(event, Ended)] == ["a", "b"]
    assert (nomad.writes, list(name.open().events())) == ([], events)


async def test_of_a_killed_run_the_living_children_are_followed_and_nothing_is_sent(tmp_path):
    """What was never sent or is in doubt stays so: the run is unfinished, and that is 1."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A, B, C], sent(A, one := nomad.had(A)), marked=["b"], state=RunState.RUNNING)
    asyncio.get_running_loop().call_later(30, nomad.end, one)
    summary = await watch(name, nomad)
    assert told_of(summary) == {"a": "succeeded", "b": "waiting", "c": "waiting"}
    assert (summary.exit_code, summary.state, summary.finished_at) == (1, "interrupted", None)
    assert nomad.writes == []


async def test_a_child_that_was_collected_unseen_is_unknown(tmp_path):
    """It may have ended well or not."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A], [*sent(A, nomad.had(A)), ended(A, Outcome.PLACED)])
    nomad.children.clear()
    summary = await watch(name, nomad)
    assert (told_of(summary), summary.exit_code) == ({"a": "unknown"}, 1)


async def test_watching_ends_when_its_time_is_up(tmp_path):
    """The run goes on, and has no exit code but 1."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A], [*sent(A, nomad.had(A)), ended(A, Outcome.DISPATCHED)], head=DETACHED)
    started = asyncio.get_running_loop().time()
    summary = await watch(name, nomad, timeout_s=30)
    assert asyncio.get_running_loop().time() - started == pytest.approx(30, abs=1)
    assert (told_of(summary), summary.exit_code, summary.state) == ({"a": "running"}, 1, "running")


async def test_an_interruption_ends_the_watching_with_what_was_seen(tmp_path):
    """It ends immediately with the signal's exit code; the run is left alone."""
    nomad, control = PastNomad(), Control()
    one, two = nomad.had(A), nomad.had(B)
    events = [*sent(A, one), ended(A, Outcome.DISPATCHED), *sent(B, two), ended(B, Outcome.DISPATCHED)]
    name = await keep_run(tmp_path, [A, B], events, head=DETACHED)
    loop = asyncio.get_running_loop()
    loop.call_later(30, nomad.end, one)
    loop.call_later(60.5, control.interrupt, 143)
    summary = await watch(name, nomad, told := Told(), control=control)
    assert (loop.time(), told_of(summary)) == (1_060.5, {"a": "succeeded", "b": "running"})
    assert (summary.exit_code, summary.state, told.finished_with) == (143, "running", summary)
    assert (nomad.writes, list(name.open().events())) == ([], events)


async def test_where_nobody_answers_watching_gives_up(tmp_path):
    """After as long as the run's settings say."""
    nomad = PastNomad()
    settings = Settings(wait=Wait.COMPLETION, unreachable_after=timedelta(seconds=40))
    name = await keep_run(tmp_path, [A], sent(A, nomad.had(A)), state=RunState.RUNNING, head=header(settings=settings))
    asyncio.get_running_loop().call_later(20, setattr, nomad, "down", True)
    with pytest.raises(NomadUnavailable, match="connection refused"):
        await watch(name, nomad)
    assert 55 < asyncio.get_running_loop().time() - 1_000 < 75


async def test_the_signal_that_ended_the_run_is_not_the_watchs(tmp_path):
    """The run has not ended, and that is 1; `status` tells its exit code."""
    name = await keep_run(tmp_path, [A], state=RunState.INTERRUPTED, exit_code=130)
    watched = await watch(name, nomad := PastNomad())
    assert watched.exit_code == 1
    refreshed = await refresh_run(read_past(name), CONNECTION, clock=loop_clock(), connect=nomad.connect)
    assert refreshed.exit_code == 130


async def test_of_a_run_whose_children_a_signal_has_stopped_the_outcomes_count(tmp_path):
    """It is over, and nothing of it is unknown."""
    ends = [ended(A, Outcome.STOPPED, Cause.USER_STOP), ended(B, Outcome.SUCCEEDED)]
    name = await keep_run(tmp_path, [A, B], ends, state=RunState.STOPPED_EARLY, exit_code=130)
    assert (await watch(name, PastNomad())).exit_code == 2


async def test_a_local_run_has_nothing_to_follow(tmp_path):
    """Its tasks ended with it."""
    name = await keep_run(
        tmp_path, [A], sent(A, "encode/dispatch-run1-a-1-1-00000000"), state=RunState.RUNNING, head=header(local=True)
    )
    summary = await watch(name, nomad := PastNomad())
    assert (summary.state, summary.exit_code, nomad.connected) == ("interrupted", 1, 0)


async def test_a_refresh_looks_at_each_living_child_once(tmp_path):
    """What has ended meanwhile is known; the run itself stays as it is."""
    nomad = PastNomad()
    one, two = nomad.had(A), nomad.had(B)
    events = sent(A, one) + sent(B, two)
    name = await keep_run(tmp_path, [A, B, C], events, state=RunState.RUNNING)
    nomad.end(two, exit_code=3)
    summary = await refresh_run(read_past(name), CONNECTION, clock=loop_clock(), connect=nomad.connect)
    assert told_of(summary) == {"a": "running", "b": "failed", "c": "waiting"}
    assert (summary.state, nomad.writes, list(name.open().events())) == ("interrupted", [], events)


@pytest.mark.parametrize("by", ["watch", "refresh"])
@pytest.mark.parametrize(
    ("forbidden", "told"),
    [
        pytest.param(
            "job",
            "the token has no permission to read job 'encode' in namespace 'default': it needs read-job",
            id="all",
        ),
        pytest.param(
            "allocations",
            "the token cannot read the run's children (Permission denied): it needs read-job",
            id="meanwhile",
        ),
    ],
)
async def test_who_may_not_look_is_told_which_right_that_takes(tmp_path, by, forbidden, told):
    """A living child is not called unknown for it, and nothing changes."""
    nomad = PastNomad(forbidden=[forbidden])
    child = nomad.had(A)
    name = await keep_run(tmp_path, [A], [*sent(A, child)], state=RunState.INTERRUPTED)
    asyncio.get_running_loop().call_later(5, nomad.end, child)
    before = bytes_of(tmp_path)
    heard = Told()
    looks = {
        "watch": lambda: watch(name, nomad, heard),
        "refresh": lambda: refresh_run(read_past(name), CONNECTION, clock=loop_clock(), connect=nomad.connect),
    }
    with pytest.raises(NomadForbidden) as denied:
        await looks[by]()
    assert not [event for event in heard.events if isinstance(event, Ended)]
    assert (denied.value.message, bytes_of(tmp_path)) == (told, before)


async def test_a_refresh_that_gets_no_answer_says_so(tmp_path):
    """Rather than passing on what is old."""
    nomad = PastNomad()
    name = await keep_run(tmp_path, [A], sent(A, nomad.had(A)), state=RunState.RUNNING)
    nomad.down = True
    with pytest.raises(NomadUnavailable):
        await refresh_run(read_past(name), CONNECTION, clock=loop_clock(), connect=nomad.connect)


class TestBesideALiveProcess:
    """These tests use real time, because the thread that writes a journal knows no other."""

    @pytest.fixture
    def anyio_backend(self):
        return "asyncio"

    async def test_what_another_process_does_is_shown_until_it_ends(self, tmp_path):
        """Events that were before count, those that come are told, and its end is the end."""
        name = await keep_run(tmp_path, [A, B], [ended(A, Outcome.SUCCEEDED)], state=RunState.INTERRUPTED)
        journal = Journal.resume(name.open().path)
        watching = asyncio.create_task(watch(name, nomad := PastNomad(), told := Told()))
        await asyncio.sleep(0)  # the watch begins
        events = [Moved("b", 1, STARTED_AT + 4, State.RUNNING), ended(B, Outcome.FAILED, Cause.OOM)]
        for event in events:
            journal.record(event)
        await journal.close(RunState.FINISHED, exit_code=2, finished_at=STARTED_AT + 9)
        summary = await watching
        assert (told.events, told_of(summary)) == (events, {"a": "succeeded", "b": "failed"})
        assert (summary.state, summary.exit_code, summary.duration_s, nomad.connected) == ("finished", 2, 9.0, 0)

    async def test_who_takes_the_run_over_from_a_process_is_followed_too(self, tmp_path):
        """`stop` takes a run over; a watch that had ended would not know its results."""
        name = await keep_run(tmp_path, [A], sent(A, PastNomad().had(A)), state=RunState.INTERRUPTED)
        path = name.open().path
        steps = iter(["the process ends", "nobody", "stop takes over", "stop ends"])

        class Played(Clock):
            async def sleep(self, seconds):
                match next(steps):
                    case "the process ends":
                        await first.close(RunState.INTERRUPTED, exit_code=1, finished_at=STARTED_AT + 5)
                    case "nobody":
                        assert seconds == TAKEN_OVER_WITHIN_S
                        journals.append(Journal.resume(path))
                    case "stop takes over":
                        journals[0].record(ended(A, Outcome.STOPPED, Cause.USER_STOP))
                    case "stop ends":
                        await journals[0].close(RunState.STOPPED_EARLY, exit_code=1, finished_at=STARTED_AT + 9)

        first, journals = Journal.resume(path), []
        options = WatchOptions(name=name, connection=CONNECTION)
        summary = await watch_run(
            options, reporter=Told(), control=Control(), clock=Played(), connect=PastNomad().connect
        )
        assert (summary.state, told_of(summary)) == ("stopped_early", {"a": "stopped"})

    async def test_watching_a_live_process_ends_when_its_time_is_up_too(self, tmp_path):
        """The process goes on."""
        name = await keep_run(tmp_path, [A], state=RunState.INTERRUPTED)
        journal = Journal.resume(name.open().path)
        summary = await watch(name, PastNomad(), timeout_s=0.1)
        assert (summary.state, summary.exit_code) == ("running", 1)
        assert read_past(name).is_live
        await journal.close(RunState.INTERRUPTED, exit_code=1, finished_at=STARTED_AT + 9)
        assert (read_past(name).is_live, read_past(name).state) == (False, "interrupted")


async def test_a_sensitive_item_is_watched_without_what_its_task_wrote(tmp_path):
    """Its value is in no journal, so nothing could be hidden in the line."""
    keyed = replace(A, sensitive=frozenset({"meta.k"}), request=replace(A.request, meta={"k": "hunter2"}))
    nomad = PastNomad()
    children = {item.id: nomad.had(item) for item in (keyed, B)}
    for child in children.values():
        nomad.logs[child.id, "stderr"] = b"login with hunter2 failed\n"
        nomad.end(child, 3)
    events = [event for item in (keyed, B) for event in sent(item, children[item.id])]
    name = await keep_run(tmp_path, [keyed, B], events, state=RunState.RUNNING)
    summary = await watch(name, nomad)
    assert ["hunter2" in item.message for item in summary.items] == [False, False]
    assert [item.last_log_line for item in summary.items] == ["", "login with hunter2 failed"]
