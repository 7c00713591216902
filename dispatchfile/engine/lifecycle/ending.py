"""Ends an attempt with its verdict, which a retry may follow, or unsent; or sends it back to wait."""

from __future__ import annotations

from dispatchfile.engine.lifecycle.attempt import Attempt, Phase
from dispatchfile.engine.lifecycle.life import Life
from dispatchfile.events import Accepted, Cause, Ended, NoticeKind, Outcome, Verdict
from dispatchfile.items import Item


def conclude(life: Life, attempt: Attempt, verdict: Verdict) -> Phase:
    """The attempt has its verdict."""
    life.free_slot(attempt)
    life.land(attempt)
    count_if_made(life, attempt, verdict)
    had_canaries = life.limits.canaries > 0
    retry_at = None
    if _is_retried(life, attempt, verdict):
        retry_at = _schedule_retry(life, attempt, verdict)
    elif (cause := life.limits.end(verdict, is_canary=attempt.is_canary)) is not None:
        life.stop(cause)
    life.record(Ended(attempt.item.id, attempt.number, life.wall, verdict, retry_at))
    if had_canaries and not life.limits.canaries and life.stopped is None:
        _report_canaries(life)
    return Phase.OVER


def _report_canaries(life: Life) -> None:
    count = life.spec.source.canaries
    canaries = "the canary item" if count == 1 else f"all {count} canary items"
    life.notice(NoticeKind.CANARY_PASSED, f"{canaries} succeeded: sending the other items")


def _is_retried(life: Life, attempt: Attempt, verdict: Verdict) -> bool:
    retry = attempt.item.retry
    if (life.stopped is not None and not life.is_resumed_later) or attempt.number >= retry.attempts:
        return False
    return verdict.outcome in retry.on or (verdict.cause is not None and verdict.cause in retry.on)


def _schedule_retry(life: Life, attempt: Attempt, verdict: Verdict) -> float:
    """Return when the next attempt may leave, in seconds since the epoch. After a stop a resume makes it."""
    delay_s = attempt.item.retry.delay.total_seconds()
    if life.stopped is None:
        retry = _next_attempt(attempt, verdict)
        life.begin(retry)
        life.lines.postpone(retry, life.now + delay_s)
    return life.wall + delay_s


def _next_attempt(attempt: Attempt, verdict: Verdict) -> Attempt:
    """Return the attempt after this one. What may still live, and what could not be stopped before, ends first."""
    may_live = verdict.may_still_live and bool(attempt.child)
    return Attempt(
        attempt.item,
        attempt.number + 1,
        attempt.rank,
        attempt.job,
        is_canary=attempt.is_canary,
        phase=Phase.POSTPONED,
        previous=(attempt.number, verdict),
        predecessor=attempt.child if may_live else attempt.predecessor,
        predecessor_is_foreign=attempt.existing if may_live else attempt.predecessor_is_foreign,
    )


def end_unsent(life: Life, attempt: Attempt, *, is_marked: bool) -> Phase:
    """
    The run has stopped before the attempt was sent. Of a retry, the end of the attempt before is the item's.

    Unless a resume makes it: then it is on record as unsent only if it is *marked*, which would put it in doubt.
    """
    item, number, verdict = (
        attempt.item.id,
        attempt.number,
        Verdict(Outcome.UNSENT, life.stopped, "definitely not sent"),
    )
    if number > 1 and life.keeps_retries:
        if is_marked:
            life.record(Ended(item, number, life.wall, verdict))
    elif number > 1 and attempt.previous is not None:
        last, before = attempt.previous
        life.record(Ended(item, last, life.wall, before))
    else:
        life.record(Ended(item, number, life.wall, verdict))
    return Phase.OVER


def go_back(life: Life, attempt: Attempt) -> Phase:
    """The attempt was definitely not carried out, and its mark stays: it waits for its turn, or is unsent."""
    life.free_slot(attempt)
    life.land(attempt)
    if life.stopped is not None:
        return end_unsent(life, attempt, is_marked=True)
    life.lines.add(attempt)
    return Phase.MARKED


def refuse(life: Life, attempt: Attempt, cause: Cause, message: str) -> Phase:
    """Nomad, or this run, will never carry the attempt out."""
    return conclude(life, attempt, Verdict(Outcome.REFUSED, cause, message))


def leave_unknown(life: Life, attempt: Attempt, cause: Cause, message: str) -> Phase:
    """End the attempt as unknown: nothing shows what became of it."""
    return conclude(life, attempt, Verdict(Outcome.UNKNOWN, cause, message))


# Which children a run is known to have made


def count_if_made(life: Life, attempt: Attempt, verdict: Verdict | None) -> None:
    """Put the attempt's child into the accounts as soon as it is known that the run has made it."""
    answer = attempt.answer
    if answer is not None and is_surely_made(attempt.item, answer, verdict):
        life.accounts.add(attempt.job, answer.child)
        attempt.answer = None


def is_surely_made(item: Item, accepted: Accepted, verdict: Verdict | None) -> bool:
    """
    Return whether the child is one that the item's own request has made.

    An answer to a request with a token may name a child that never was, until the child has been seen.
    """
    seen = accepted.adopted or (verdict is not None and verdict.outcome.is_seen)
    return not accepted.existing and (seen or item.request.token is None)
