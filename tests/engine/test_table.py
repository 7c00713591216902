"""The transitions of an attempt, row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from dispatchfile.engine.commands import Record
from dispatchfile.engine.happenings import (
    Answered,
    ChildMoved,
    ChildRead,
    ChildStopped,
    Counted,
    FailureKind,
    InterruptRequested,
    Judged,
    LogRead,
    Looked,
    LookedAt,
    Lost,
    NotSent,
    Offer,
    Refused,
    RequestFailure,
    Vanished,
    WatchDenied,
    Withdrawn,
)
from dispatchfile.engine.lifecycle.attempt import Attempt, Phase, offered_attempt
from dispatchfile.engine.lifecycle.doubt import begin_doubt
from dispatchfile.engine.lifecycle.internal import (
    Due,
    Halted,
    MarkAsked,
    MarkDurable,
    Queued,
    RunStopped,
    TakenUp,
    TimeUp,
    TokenJudged,
    TotalRead,
    Trigger,
    Turn,
)
from dispatchfile.engine.lifecycle.life import Life
from dispatchfile.engine.lifecycle.table import ROWS, TRANSITIONS, fire
from dispatchfile.engine.spec import LogReads, Start
from dispatchfile.events import Cause, Outcome, State, Verdict
from tests.engine.cores import COMPLETION, DETACH, Core, make_spec
from tests.making import make_item

P = Phase
KEY = ("a", 1)
JOB = make_item("a").request.job_key
CHILD = "encode/dispatch-run1-a-1-1795000000-0000000a"
SHARED = "encode/dispatch-theirs-1795000000-0000000b"
AWAY = RequestFailure(FailureKind.UNAVAILABLE, "no way")
DENIED = RequestFailure(FailureKind.FORBIDDEN, "Permission denied")
NEVER = RequestFailure(FailureKind.REFUSED, "no such key")
FAILED = Verdict(Outcome.FAILED, Cause.EXIT, exit_code=3, alloc_id="alloc", task="t")
SUCCEEDED = Verdict(Outcome.SUCCEEDED)
NOW = 1_000.0


@dataclass
class Case:
    """An attempt in a phase, what it hears of, where it is after that, and what the core gives."""

    phase: Phase
    trigger: Trigger
    to: Phase
    out: tuple[str, ...] = ()  # commands and recorded events
    prepare: Callable[[Life, Attempt], None] = lambda life, attempt: None


def proven(life, attempt):
    life.lines.confirm_prefix(attempt.job)


def stopped(life, attempt):
    life.stop(Cause.STOP_ON)


def halted(life, attempt):
    life.stop(Cause.INTERRUPTED, resumed_later=True)
    life.is_interrupted = True


def due(life, attempt):
    proven(life, attempt)
    attempt.doubt.deadline = NOW
    attempt.doubt.begin_look(NOW, NOW)


def broken(life, attempt):
    due(life, attempt)
    attempt.doubt.is_unbroken = False


def with_token(life, attempt):
    attempt.intent = replace(attempt.intent_in("run1", None), token="tok")
    attempt.may_name_phantom = True


def foreign(life, attempt):
    attempt.predecessor_is_foreign = True


def to_stop(life, attempt):
    attempt.item = make_item("a", stop_on_deadline=True)


def quietly(life, attempt):
    life.logs = type(life.logs)(LogReads(at_most=0))


def detached(life, attempt):
    life.settings = DETACH


def hopeless(life, attempt):
    attempt.doubt.stuck_since, attempt.doubt.deadline = NOW - 1_000, NOW - 1_000


LOOKED, COUNT = Looked(KEY, 1), Counted(JOB, 1, registered_at=5, total=0, counted_at=9)
CASES = [
    Case(P.OFFERED, Queued(), P.READY),
    Case(P.OFFERED, TakenUp(Start(retry_at=NOW + 5)), P.POSTPONED),
    Case(P.OFFERED, TakenUp(Start(in_doubt=True)), P.LOOKING, ("Doubted", "LookFor")),
    Case(P.OFFERED, TakenUp(Start(child=CHILD)), P.WATCHED, ("Watch",)),
    Case(P.OFFERED, TakenUp(Start(child=CHILD, in_journal=False)), P.WATCHED, ("Accepted", "Watch")),
    Case(P.OFFERED, TakenUp(Start(child=CHILD)), P.OVER, ("Ended",), detached),
    Case(P.OFFERED, RunStopped(), P.OVER, ("Ended",), stopped),
    Case(P.POSTPONED, Due(), P.READY),
    Case(P.POSTPONED, RunStopped(), P.OVER, ("Ended",), stopped),
    Case(P.READY, MarkAsked(), P.MARKING),
    Case(P.READY, RunStopped(), P.OVER, ("Ended",), stopped),
    Case(P.MARKING, MarkDurable(), P.MARKED),
    Case(P.MARKING, RunStopped(), P.OVER, ("Ended",), stopped),
    Case(P.MARKED, Turn(), P.SENDING, ("Sending", "Send"), lambda life, attempt: life.lines.add(attempt)),
    Case(P.MARKED, RunStopped(), P.OVER, ("Ended",), stopped),
    Case(P.CLEARING, ChildStopped(KEY, 1), P.SENDING, ("Sending", "Send")),
    Case(P.CLEARING, ChildStopped(KEY, 1, AWAY), P.MARKED, ("Repeated",)),
    Case(P.CLEARING, ChildStopped(KEY, 1, NEVER), P.OVER, ("Ended",)),
    Case(P.CLEARING, ChildStopped(KEY, 1, DENIED), P.CLEARING_DENIED, ("CheckToken",)),
    Case(P.CLEARING, ChildStopped(KEY, 1), P.OVER, ("Ended",), stopped),
    Case(P.CLEARING, ChildRead(KEY, 1, exists=True), P.SENDING, ("Sending", "Send"), foreign),
    Case(P.CLEARING, ChildRead(KEY, 1, exists=True, lives=True), P.OVER, ("Ended",), foreign),
    Case(P.CLEARING, ChildRead(KEY, 1, failure=AWAY), P.MARKED, ("Repeated",), foreign),
    Case(P.CLEARING_DENIED, TokenJudged(is_refused=False), P.OVER, ("Ended",)),
    Case(P.CLEARING_DENIED, TokenJudged(is_refused=True), P.OVER, ("Repeated", "Ended"), halted),
    Case(P.SENDING, Answered(KEY, 1, CHILD, "eval"), P.WATCHED, ("Accepted", "Watch")),
    Case(P.SENDING, Answered(KEY, 1, CHILD, "eval"), P.OVER, ("Accepted", "Ended"), detached),
    Case(P.SENDING, Answered(KEY, 1, CHILD, "eval"), P.READING_CHILD, ("ReadChild",), with_token),
    Case(P.SENDING, NotSent(KEY, 1, AWAY), P.MARKED, ("Repeated",)),
    Case(P.SENDING, NotSent(KEY, 1, AWAY), P.OVER, ("Repeated", "Ended"), stopped),
    Case(P.SENDING, Withdrawn(KEY, 1), P.OVER, ("Ended",), stopped),
    Case(P.SENDING, Refused(KEY, 1, NEVER), P.OVER, ("Ended",)),
    Case(P.SENDING, Refused(KEY, 1, DENIED), P.SENDING_DENIED, ("CheckToken",)),
    Case(P.SENDING, Lost(KEY, 1, AWAY), P.LOOKING, ("Doubted", "LookFor")),
    Case(P.SENDING_DENIED, TokenJudged(is_refused=False), P.OVER, ("Ended",)),
    Case(P.SENDING_DENIED, TokenJudged(is_refused=True), P.OVER, ("Ended",), halted),
    Case(P.READING_CHILD, ChildRead(KEY, 1, exists=True), P.WATCHED, ("Accepted", "Watch")),
    Case(P.READING_CHILD, ChildRead(KEY, 1, failure=DENIED), P.WATCHED, ("Accepted", "Watch")),
    Case(P.READING_CHILD, ChildRead(KEY, 1), P.LOOKING, ("LookFor",)),
    Case(P.READING_CHILD, ChildRead(KEY, 1, failure=AWAY), P.LOOKING, ("LookFor",)),
    Case(P.LOOKING, Looked(KEY, 1, (CHILD,)), P.WATCHED, ("Accepted", "Watch")),
    Case(P.LOOKING, Looked(KEY, 1, (CHILD, CHILD + "1")), P.WATCHED, ("Doubled", "Accepted", "Watch")),
    Case(P.LOOKING, Looked(KEY, 1, (SHARED,)), P.PAUSING),
    Case(P.LOOKING, LOOKED, P.PAUSING),
    Case(P.LOOKING, LOOKED, P.MARKED, ("Repeated",), due),
    Case(P.LOOKING, LOOKED, P.COUNTING, ("Count",), broken),
    Case(P.LOOKING, LOOKED, P.OVER, (), halted),
    Case(P.LOOKING, Looked(KEY, 1, failure=AWAY), P.PAUSING),
    Case(P.LOOKING, Looked(KEY, 1, failure=AWAY), P.OVER, ("Ended",), hopeless),
    Case(P.LOOKING, Looked(KEY, 1, failure=DENIED), P.LOOKING_DENIED, ("CheckToken",)),
    Case(P.LOOKING, Halted(), P.LOOKING, (), halted),
    Case(P.LOOKING, Due(), P.OVER, (), halted),
    Case(P.LOOKING_DENIED, TokenJudged(is_refused=False), P.OVER, ("Ended",)),
    Case(P.LOOKING_DENIED, TokenJudged(is_refused=True), P.OVER, (), halted),
    Case(P.PAUSING, Due(), P.LOOKING, ("LookFor",)),
    Case(P.PAUSING, Halted(), P.LOOKING, ("LookFor",), halted),
    Case(P.COUNTING, TotalRead(COUNT, ()), P.MARKED, ("Repeated",), proven),
    Case(P.COUNTING, TotalRead(replace(COUNT, total=1), ()), P.OVER, ("Ended",), proven),
    Case(P.COUNTING, TotalRead(replace(COUNT, failure=NEVER), ()), P.OVER, ("Ended",)),
    Case(P.COUNTING, TotalRead(replace(COUNT, failure=AWAY), ()), P.PAUSING),
    Case(P.COUNTING, TotalRead(replace(COUNT, failure=AWAY), ()), P.OVER, (), halted),
    Case(P.COUNTING, Halted(), P.COUNTING, (), halted),
    Case(P.COUNTING, Due(), P.OVER, (), halted),
    Case(P.WATCHED, ChildMoved(KEY, 1, State.RUNNING), P.WATCHED, ("Moved",)),
    Case(P.WATCHED, Judged(KEY, 1, SUCCEEDED), P.OVER, ("Ended",)),
    Case(P.WATCHED, Judged(KEY, 1, FAILED), P.READING_LOG, ("ReadLog",)),
    Case(P.WATCHED, Judged(KEY, 1, FAILED), P.OVER, ("Ended",), quietly),
    Case(P.WATCHED, Vanished(KEY, 1), P.LOOKING, ("LookFor",)),
    Case(P.WATCHED, WatchDenied(KEY, 1, DENIED), P.WATCH_DENIED, ("CheckToken",)),
    Case(P.WATCHED, TimeUp(), P.OVERDUE, ("LookAt",)),
    Case(P.WATCH_DENIED, TokenJudged(is_refused=False), P.OVER, ("Forget", "Ended")),
    Case(P.WATCH_DENIED, TokenJudged(is_refused=True), P.WATCHED),
    Case(P.WATCH_DENIED, Judged(KEY, 1, SUCCEEDED), P.OVER, ("Ended",)),
    Case(P.WATCH_DENIED, ChildMoved(KEY, 1, State.RUNNING), P.WATCH_DENIED, ("Moved",)),
    Case(P.OVERDUE, ChildMoved(KEY, 1, State.RUNNING), P.OVERDUE, ("Moved",)),
    Case(P.OVERDUE, Judged(KEY, 1, FAILED), P.READING_LOG, ("ReadLog",)),
    Case(P.OVERDUE, Vanished(KEY, 1), P.LOOKING, ("LookFor",)),
    Case(P.OVERDUE, WatchDenied(KEY, 1, DENIED), P.WATCH_DENIED, ("CheckToken",)),
    Case(P.OVERDUE, LookedAt(KEY, 1, surely_lives=True), P.OVER, ("Forget", "Ended")),
    Case(P.OVERDUE, LookedAt(KEY, 1, surely_lives=True), P.STOPPING, ("Forget", "StopChild"), to_stop),
    Case(P.OVERDUE, LookedAt(KEY, 1, surely_lives=False), P.WATCHED),
    Case(P.STOPPING, ChildStopped(KEY, 1), P.OVER, ("Ended",)),
    Case(P.STOPPING, ChildStopped(KEY, 1, AWAY), P.OVER, ("Ended",)),
    Case(P.READING_LOG, LogRead(KEY, 1, "no space left"), P.OVER, ("Ended",)),
]


def attempt_in(life: Life, phase: Phase) -> Attempt:
    """An attempt with all that it has in that phase."""
    attempt = offered_attempt(Offer(0, make_item("a"), Start()))
    life.begin(attempt)
    life.enter(attempt, phase)
    attempt.intent_in("run1", None)
    attempt.predecessor = "encode/dispatch-run0-a-1-1795000000-00000001" if phase.name.startswith("CLEAR") else ""
    attempt.doubt = begin_doubt(NOW, NOW, 45.0, unbroken=True, answered=False)
    attempt.child, attempt.reason, attempt.due, attempt.verdict = CHILD, "exceeded", NOW, FAILED
    attempt.eval_id = "eval"
    return attempt


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.phase.name}-{type(case.trigger).__name__}-{case.to.name}"
)
def test_each_transition_leads_where_it_should_and_gives_its_commands(case):
    """One case a row at least, and one for each phase that a row may lead to as far as an event tells it."""
    life = Life(make_spec([make_item("a")], COMPLETION), lambda: 0.5)
    life.now = life.wall = NOW
    attempt = attempt_in(life, case.phase)
    case.prepare(life, attempt)
    fire(life, attempt, case.trigger)
    names = [type(c.event if isinstance(c, Record) else c).__name__ for c in life.out]
    assert (attempt.phase, tuple(names)) == (case.to, case.out)
    assert (KEY in life.attempts) is (case.to is not P.OVER)


def test_every_row_has_a_case():
    """A new row wants a test of its own."""
    assert {(row.phase, row.trigger) for row in ROWS} == {(case.phase, type(case.trigger)) for case in CASES}


def test_no_row_stands_twice():
    """The table is a function."""
    assert len(ROWS) == len(TRANSITIONS)


def test_what_has_no_row_is_dropped():
    """It comes late, or twice: nothing changes, and nothing is given."""
    life = Life(make_spec([make_item("a")]), lambda: 0.5)
    attempt = attempt_in(life, P.READING_LOG)
    for trigger in (Due(), TimeUp(), Judged(KEY, 1, SUCCEEDED), Answered(KEY, 1, CHILD), Turn()):
        fire(life, attempt, trigger)
    assert (attempt.phase, life.out) == (P.READING_LOG, [])


def test_only_doubt_that_is_proven_leads_back_to_the_line():
    """Looks or a count prove it; the request itself proves it if Nomad was not reached."""
    back = {(row.phase, row.trigger) for row in ROWS if P.MARKED in row.to and row.phase is not P.MARKING}
    assert back == {
        (P.CLEARING, ChildStopped),
        (P.CLEARING, ChildRead),
        (P.CLEARING_DENIED, TokenJudged),
        (P.SENDING, NotSent),
        (P.SENDING, Withdrawn),
        (P.SENDING_DENIED, TokenJudged),
        (P.LOOKING, Looked),
        (P.COUNTING, TotalRead),
    }


def test_an_interruption_ends_a_batch_that_only_watches():
    """What lives goes on in Nomad."""
    core = Core(make_spec([make_item("a")], starts={"a": Start(child=CHILD)}))
    core.happen(InterruptRequested())
    assert [type(command).__name__ for command in core.commands] == ["Watch", "Withdraw", "Finish"]
