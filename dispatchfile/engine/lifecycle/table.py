"""
The transitions of an attempt: in which phase it hears of what, what is done then, and in which phases it may be after.

What has no row is dropped: it comes late, or twice. No row leads from a doubt to a repeat but by looks that prove it,
or by a count: *settle* of unbroken looks, none of which showed a child, or a total that has grown by no more than the
children that are known (`is_nothing_unseen`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from dispatchfile.engine.happenings import (
    Answered,
    ChildMoved,
    ChildRead,
    ChildStopped,
    Judged,
    LogRead,
    Looked,
    LookedAt,
    Lost,
    NotSent,
    Refused,
    Vanished,
    WatchDenied,
    Withdrawn,
)
from dispatchfile.engine.lifecycle import doubting, sending, waiting, watching
from dispatchfile.engine.lifecycle.attempt import Attempt, Phase
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

T = TypeVar("T", bound=Trigger)
Action = Callable[[Life, Attempt, Trigger], Phase]
P = Phase


@dataclass(frozen=True, slots=True)
class TransitionRule:
    """A row of the table: the action of an attempt in this phase on this happening, and the phases that may follow."""

    phase: Phase
    trigger: type[object]
    action: Action
    to: frozenset[Phase]


def row(phase: Phase, trigger: type[T], action: Callable[[Life, Attempt, T], Phase], *to: Phase) -> TransitionRule:
    return TransitionRule(phase, trigger, cast("Action", action), frozenset(to))


# Where an attempt may be once a child is known, and once it goes back to its line or the run has stopped.
FOLLOWED = (P.WATCHED, P.OVER)
BACK = (P.MARKED, P.OVER)
DOUBTED = (P.PAUSING, P.OVER)

ROWS = (
    # Before its turn.
    row(P.OFFERED, Queued, waiting.queue, P.READY),
    row(P.OFFERED, TakenUp, waiting.take_up, P.POSTPONED, P.LOOKING, *FOLLOWED),
    row(P.OFFERED, RunStopped, waiting.give_up, P.OVER),
    row(P.POSTPONED, Due, waiting.release, P.READY),
    row(P.POSTPONED, RunStopped, waiting.give_up, P.OVER),
    row(P.READY, MarkAsked, waiting.ask_for_mark, P.MARKING),
    row(P.READY, RunStopped, waiting.give_up, P.OVER),
    row(P.MARKING, MarkDurable, waiting.take_mark, P.MARKED),
    row(P.MARKING, RunStopped, waiting.give_up, P.OVER),
    row(P.MARKED, Turn, sending.leave, P.CLEARING, P.SENDING),
    row(P.MARKED, RunStopped, waiting.give_up, P.OVER),
    # The child of the attempt before is read, or stopped.
    row(P.CLEARING, ChildStopped, sending.take_stop, P.SENDING, P.CLEARING_DENIED, *BACK),
    row(P.CLEARING, ChildRead, sending.take_predecessor, P.SENDING, P.CLEARING_DENIED, *BACK),
    row(P.CLEARING_DENIED, TokenJudged, sending.judge_clearing, *BACK),
    # The request.
    row(P.SENDING, Answered, sending.take_answer, P.READING_CHILD, *FOLLOWED),
    row(P.SENDING, NotSent, sending.take_failure, *BACK),
    row(P.SENDING, Withdrawn, sending.take_back, *BACK),
    row(P.SENDING, Refused, sending.take_refusal, P.SENDING_DENIED, P.OVER),
    row(P.SENDING, Lost, sending.take_loss, P.LOOKING),
    row(P.SENDING_DENIED, TokenJudged, sending.judge_sending, *BACK),
    row(P.READING_CHILD, ChildRead, sending.take_named_child, P.LOOKING, *FOLLOWED),
    # Doubt.
    row(P.LOOKING, Looked, doubting.take_look, P.LOOKING_DENIED, P.COUNTING, P.MARKED, P.WATCHED, *DOUBTED),
    row(P.LOOKING, Halted, doubting.hurry, P.LOOKING),
    row(P.LOOKING, Due, doubting.leave_in_doubt, P.OVER),
    row(P.LOOKING_DENIED, TokenJudged, doubting.judge_looking, P.OVER),
    row(P.PAUSING, Due, doubting.look_again, P.LOOKING),
    row(P.PAUSING, Halted, doubting.look_again, P.LOOKING),
    row(P.COUNTING, TotalRead, doubting.take_total, P.MARKED, *DOUBTED),
    row(P.COUNTING, Halted, doubting.hurry, P.COUNTING),
    row(P.COUNTING, Due, doubting.leave_in_doubt, P.OVER),
    # The child.
    row(P.WATCHED, ChildMoved, watching.take_move, P.WATCHED),
    row(P.WATCHED, Judged, watching.take_verdict, P.READING_LOG, P.OVER),
    row(P.WATCHED, Vanished, doubting.take_phantom, P.LOOKING),
    row(P.WATCHED, WatchDenied, watching.take_denial, P.WATCH_DENIED),
    row(P.WATCHED, TimeUp, watching.take_time_up, P.OVERDUE),
    row(P.WATCH_DENIED, TokenJudged, watching.judge_watch, P.WATCHED, P.OVER),
    row(P.WATCH_DENIED, Judged, watching.take_verdict, P.READING_LOG, P.OVER),
    row(P.WATCH_DENIED, ChildMoved, watching.take_move, P.WATCH_DENIED),
    row(P.OVERDUE, ChildMoved, watching.take_move, P.OVERDUE),
    row(P.OVERDUE, Judged, watching.take_verdict, P.READING_LOG, P.OVER),
    row(P.OVERDUE, Vanished, doubting.take_phantom, P.LOOKING),
    row(P.OVERDUE, WatchDenied, watching.take_denial, P.WATCH_DENIED),
    row(P.OVERDUE, LookedAt, watching.take_last_look, P.WATCHED, P.STOPPING, P.OVER),
    row(P.STOPPING, ChildStopped, watching.take_overdue_stop, P.OVER),
    row(P.READING_LOG, LogRead, watching.take_log, P.OVER),
)

TRANSITIONS: Mapping[tuple[Phase, type[object]], TransitionRule] = {
    (entry.phase, entry.trigger): entry for entry in ROWS
}

# These come from the watch of the attempt's child, not as the answer to the command that is open.
OF_WATCH = frozenset({ChildMoved, Judged, Vanished, WatchDenied})


def fire(life: Life, attempt: Attempt, trigger: Trigger) -> None:
    """Let the attempt hear of it, and enter the phase that follows."""
    entry = TRANSITIONS.get((attempt.phase, type(trigger)))
    if entry is None:
        return
    phase = entry.action(life, attempt, trigger)
    if phase not in entry.to:
        raise AssertionError(f"{entry.phase} and {entry.trigger.__name__} lead to {phase}, which the table lacks")
    life.enter(attempt, phase)
