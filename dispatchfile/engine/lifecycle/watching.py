"""An attempt with a child: followed as far as asked, until it has its verdict or its time is up."""

from __future__ import annotations

from dataclasses import replace

from dispatchfile.engine.commands import Forget, LookAt, ReadLog, StopChild, Watch
from dispatchfile.engine.happenings import ChildMoved, ChildStopped, Judged, LogRead, LookedAt, WatchDenied
from dispatchfile.engine.lifecycle.attempt import Attempt, Phase
from dispatchfile.engine.lifecycle.ending import conclude, count_if_made, is_surely_made, leave_unknown
from dispatchfile.engine.lifecycle.internal import TimeUp, TokenJudged
from dispatchfile.engine.lifecycle.life import Life
from dispatchfile.events import Accepted, Cause, Moved, Outcome, Verdict
from dispatchfile.settings import format_duration
from dispatchfile.verdict import with_last_seen, with_log_line

OVERDUE_AGAIN_S = 2.0  # after a look that told nothing
NOT_OURS = "existed in Nomad before this run, so this run does not stop it"


def accept(
    life: Life, attempt: Attempt, child: str, *, eval_id: str = "", existing: bool = False, adopted: bool = False
) -> Phase:
    """Nomad has a child for the attempt."""
    event = Accepted(attempt.item.id, attempt.number, life.wall, child, eval_id, existing, adopted)
    life.record(event)
    attempt.answer = event
    count_if_made(life, attempt, None)
    return follow(life, attempt, event)


def follow(life: Life, attempt: Attempt, accepted: Accepted) -> Phase:
    """Watch the child as far as asked."""
    attempt.child, attempt.existing, attempt.doubt = accepted.child, accepted.existing, None
    life.followed.add(attempt.job)
    if not life.spec.sending and accepted.existing:
        return leave_unknown(life, attempt, Cause.INTERRUPTED, f"{accepted.child} {NOT_OURS}")
    if not life.is_watched(attempt):
        return conclude(life, attempt, Verdict(Outcome.DISPATCHED))
    attempt.watch = next(life.serials)
    is_listed = not accepted.existing and not attempt.item.exact_prefix
    may_be_phantom = not accepted.existing and not is_surely_made(attempt.item, accepted, None)
    wait = life.wait_of(attempt)
    life.out.append(Watch(attempt.key, attempt.watch, accepted.child, attempt.job, is_listed, may_be_phantom, wait))
    _set_deadline(life, attempt)
    return Phase.WATCHED


def take_seen(life: Life, attempt: Attempt, accepted: Accepted, seen: Verdict) -> Phase:
    """The child's end was seen before the run was resumed: Nomad may have collected the child since."""
    attempt.child, attempt.existing, attempt.doubt = accepted.child, accepted.existing, None
    return conclude(life, attempt, seen)


def take_move(life: Life, attempt: Attempt, moved: ChildMoved) -> Phase:
    """The child runs, or waits in Nomad."""
    life.record(Moved(attempt.item.id, attempt.number, life.wall, moved.state, moved.message, moved.blocked))
    return attempt.phase


def take_verdict(life: Life, attempt: Attempt, judged: Judged) -> Phase:
    """
    The verdict is fixed from now on.

    The last log line is fetched at once: the node forgets logs long before the server forgets the job.
    """
    verdict = judged.verdict
    attempt.watch = 0
    if not life.logs.has_log(verdict):
        return conclude(life, attempt, verdict)
    if not life.logs.take(verdict):
        return conclude(life, attempt, replace(verdict, log_unread=True))
    attempt.verdict = verdict
    life.out.append(ReadLog(attempt.key, life.ask(attempt), attempt.job, verdict.alloc_id, verdict.task))
    return Phase.READING_LOG


def take_log(life: Life, attempt: Attempt, log: LogRead) -> Phase:
    """The last log line was read, or could not be."""
    verdict = _verdict_of(attempt)
    verdict = with_log_line(verdict, log.line) if log.line else replace(verdict, log_unread=log.is_unread)
    return conclude(life, attempt, verdict)


def _verdict_of(attempt: Attempt) -> Verdict:
    assert attempt.verdict is not None  # noqa: S101  by its phase
    return attempt.verdict


# Rights


def take_denial(life: Life, attempt: Attempt, denied: WatchDenied) -> Phase:
    """The child may not be read any more."""
    attempt.reason = denied.failure.message
    life.ask_token(attempt)
    return Phase.WATCH_DENIED


def judge_watch(life: Life, attempt: Attempt, judged: TokenJudged) -> Phase:
    """Keep watching if the token itself is refused, which ends the run. Else the child cannot be read."""
    if judged.is_refused:
        return Phase.WATCHED
    _end_watch(life, attempt)
    message = f"the token no longer has permission to read this child: {attempt.reason}"
    return leave_unknown(life, attempt, Cause.PERMISSION, message)


def _end_watch(life: Life, attempt: Attempt) -> None:
    attempt.watch = 0
    life.out.append(Forget(attempt.key))


# Time


def _set_deadline(life: Life, attempt: Attempt) -> None:
    run_deadline, own = life.spec.deadline, attempt.item.deadline
    limits = [] if run_deadline is None else [(run_deadline, "exceeded the run's timeout")]
    if own is not None:
        sent_at = life.wall if attempt.sent_at is None else attempt.sent_at
        limits.append((sent_at + own.total_seconds(), f"exceeded its timeout of {format_duration(own)}"))
    if limits:
        attempt.due, attempt.reason = min(limits)
        life.deadlines.set(attempt, attempt.due)


def take_time_up(life: Life, attempt: Attempt, _: TimeUp) -> Phase:
    """Unless Nomad shows an end, the attempt is timed out."""
    life.out.append(LookAt(attempt.key, life.ask(attempt)))
    return Phase.OVERDUE


def take_last_look(life: Life, attempt: Attempt, looked: LookedAt) -> Phase:
    """The child was looked at, now that its time is up: time it out, unless nobody can tell and will soon."""
    is_patient = life.wall < attempt.due + life.availability.limit_s
    if not looked.surely_lives and is_patient:
        life.deadlines.set(attempt, life.wall + OVERDUE_AGAIN_S)
        return Phase.WATCHED
    verdict = Verdict(Outcome.TIMED_OUT, Cause.DEADLINE)
    attempt.verdict = with_last_seen(verdict, looked.records) if looked.records is not None else verdict
    _end_watch(life, attempt)
    if not attempt.item.stop_on_deadline:
        return _time_out(life, attempt, "not stopped")
    if attempt.existing:
        return _time_out(life, attempt, "not stopped, because it existed in Nomad before this run")
    life.out.append(StopChild(attempt.key, life.ask(attempt), attempt.job, attempt.child))
    return Phase.STOPPING


def take_overdue_stop(life: Life, attempt: Attempt, stopped: ChildStopped) -> Phase:
    """The child whose time was up was to be stopped."""
    failure = stopped.failure
    return _time_out(life, attempt, f"could not be stopped: {failure.message}" if failure else "stopped")


def _time_out(life: Life, attempt: Attempt, done: str) -> Phase:
    return conclude(life, attempt, replace(_verdict_of(attempt), message=f"{attempt.reason}: {done}"))
