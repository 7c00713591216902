"""An attempt before its turn: offered or taken up, marked, and unsent where the run stops before."""

from __future__ import annotations

from dispatchfile.engine.lifecycle.attempt import Attempt, Phase
from dispatchfile.engine.lifecycle.doubting import begin_looks
from dispatchfile.engine.lifecycle.ending import end_unsent
from dispatchfile.engine.lifecycle.internal import Due, MarkAsked, MarkDurable, Queued, RunStopped, TakenUp
from dispatchfile.engine.lifecycle.life import Life
from dispatchfile.engine.lifecycle.watching import follow, take_seen
from dispatchfile.engine.spec import Start
from dispatchfile.events import Accepted, Doubted

LEFT_IN_DOUBT = "possibly sent before the run was resumed"


def queue(life: Life, attempt: Attempt, _: Queued) -> Phase:
    """The attempt may be sent."""
    life.lines.add(attempt)
    return Phase.READY


def release(life: Life, attempt: Attempt, _: Due) -> Phase:
    """The time of a retry has come."""
    life.lines.add(attempt)
    return Phase.READY


def take_up(life: Life, attempt: Attempt, taken: TakenUp) -> Phase:
    """An earlier process has sent the attempt, perhaps, or left its retry to this one."""
    start = taken.start
    if start.child:
        life.fly(attempt)
        accepted = _acceptance(life, attempt, start)
        if start.seen is not None and life.is_watched(attempt):
            return take_seen(life, attempt, accepted, start.seen)
        return follow(life, attempt, accepted)
    if start.in_doubt:
        life.fly(attempt)
        life.record(Doubted(attempt.item.id, attempt.number, life.wall, LEFT_IN_DOUBT))
        return begin_looks(life, attempt, unbroken=False, answered=False)
    retry_at = life.wall if start.retry_at is None else start.retry_at
    life.lines.postpone(attempt, life.now + retry_at - life.wall)
    return Phase.POSTPONED


def _acceptance(life: Life, attempt: Attempt, start: Start) -> Accepted:
    """Return what says that the child is the attempt's; what is not on record yet is recorded."""
    adopted = start.adopted or not start.in_journal
    item, number = attempt.item.id, attempt.number
    event = Accepted(
        item,
        number,
        life.wall,
        start.child,
        existing=start.existing,
        adopted=adopted,
        inherited=not start.in_journal,
    )
    if not start.in_journal:
        life.record(event)
    return event


def ask_for_mark(life: Life, attempt: Attempt, _: MarkAsked) -> Phase:
    """The mark is on its way to the journal."""
    attempt.intent_in(life.spec.run, life.spec.rerun_of)
    return Phase.MARKING


def take_mark(_life: Life, _attempt: Attempt, _: MarkDurable) -> Phase:
    """The attempt may be sent."""
    return Phase.MARKED


def give_up(life: Life, attempt: Attempt, _: RunStopped) -> Phase:
    """The run has stopped. What is recorded here comes behind a mark that is still being written."""
    return end_unsent(life, attempt, is_marked=attempt.is_marked)
