"""An attempt in doubt: looked for, and adopted, sent again or given up."""

from __future__ import annotations

from dispatchfile.engine.commands import Count, LookFor
from dispatchfile.engine.happenings import FailureKind, Looked, Vanished
from dispatchfile.engine.lifecycle.attempt import Attempt, Phase
from dispatchfile.engine.lifecycle.doubt import LAST_LOOK_S, Doubt, begin_doubt, is_nothing_unseen
from dispatchfile.engine.lifecycle.ending import go_back, leave_unknown
from dispatchfile.engine.lifecycle.internal import Due, Halted, TokenJudged, TotalRead
from dispatchfile.engine.lifecycle.life import Life
from dispatchfile.engine.lifecycle.watching import accept
from dispatchfile.events import Cause, Doubled, Repeated, RepeatKind

NO_CHILD = "no child was found, so the request was definitely not carried out"


def begin_looks(life: Life, attempt: Attempt, *, unbroken: bool, answered: bool) -> Phase:
    """The attempt is in doubt from now on."""
    settle_s = life.settings.settle.total_seconds()
    attempt.intent_in(life.spec.run, life.spec.rerun_of)
    attempt.doubt = begin_doubt(life.now, life.wall, settle_s, unbroken=unbroken, answered=answered)
    return _look(life, attempt)


def take_phantom(life: Life, attempt: Attempt, _: Vanished) -> Phase:
    """
    Nomad has named a child that nobody has ever seen: find the real one, or send again if there is none.

    It may have come, ended and been collected before the first look, so looks alone do not prove that it never was.
    Its slot in flight stays taken.
    """
    attempt.answer, attempt.child, attempt.watch = None, "", 0
    return begin_looks(life, attempt, unbroken=False, answered=True)


def _doubt_of(attempt: Attempt) -> Doubt:
    assert attempt.doubt is not None  # noqa: S101  by its phase
    return attempt.doubt


def _look(life: Life, attempt: Attempt) -> Phase:
    intent = attempt.intent_in(life.spec.run, life.spec.rerun_of)
    prefix = "" if attempt.item.exact_prefix else intent.prefix
    _doubt_of(attempt).begin_look(life.now, life.wall)
    life.out.append(LookFor(attempt.key, life.ask(attempt), attempt.job, prefix, intent.token))
    _limit_last_look(life, attempt)
    return Phase.LOOKING


def _limit_last_look(life: Life, attempt: Attempt) -> None:
    if life.is_interrupted:
        life.timers.set(attempt, life.now + LAST_LOOK_S)
    else:
        life.timers.clear(attempt)


def look_again(life: Life, attempt: Attempt, _: Due | Halted) -> Phase:
    """The pause is over, or the run ends: then this is the last look."""
    return _look(life, attempt)


def hurry(life: Life, attempt: Attempt, _: Halted) -> Phase:
    """The run ends: what is being found out has to come soon."""
    _limit_last_look(life, attempt)
    return attempt.phase


def leave_in_doubt(life: Life, attempt: Attempt, _: Due) -> Phase:
    """End the attempt: nothing was found in time. A resume looks again."""
    life.land(attempt)
    return Phase.OVER


def take_look(life: Life, attempt: Attempt, looked: Looked) -> Phase:
    """The attempt's children were looked for."""
    life.timers.clear(attempt)
    doubt, failure = _doubt_of(attempt), looked.failure
    if failure is not None and failure.kind is FailureKind.FORBIDDEN:
        attempt.reason = failure.message
        life.ask_token(attempt)
        return Phase.LOOKING_DENIED
    if failure is not None:
        life.trouble(failure)
        return _look_later(life, attempt, has_learned=False)
    life.reached()
    children = looked.children
    if children and (doubt.is_answered or doubt.is_due or attempt.bears_prefix(children[0])):
        return _adopt(life, attempt, children)
    doubt.end_look()
    if doubt.is_due and not children and not life.is_interrupted:
        return _decide(life, attempt)
    return _look_later(life, attempt, has_learned=True)


def judge_looking(life: Life, attempt: Attempt, judged: TokenJudged) -> Phase:
    """The look was denied."""
    if judged.is_refused:
        life.land(attempt)
        return Phase.OVER
    message = f"sent, or possibly sent; the token has no permission to look for the child: {attempt.reason}"
    return leave_unknown(life, attempt, Cause.PERMISSION, message)


def _adopt(life: Life, attempt: Attempt, children: tuple[str, ...]) -> Phase:
    if len(children) > 1:
        life.record(Doubled(attempt.item.id, attempt.number, life.wall, children))
    is_ours = attempt.bears_prefix(children[0])
    if is_ours:
        life.lines.confirm_prefix(attempt.job)
    return accept(life, attempt, children[0], existing=not attempt.is_own(bears_prefix=is_ours), adopted=True)


def _look_later(life: Life, attempt: Attempt, *, has_learned: bool) -> Phase:
    """Look again after a pause, unless the run ends or nothing will ever be found out."""
    doubt, patience_s = _doubt_of(attempt), life.settings.unreachable_after.total_seconds()
    if life.is_interrupted:
        life.land(attempt)
        return Phase.OVER
    if doubt.is_hopeless(life.now, patience_s, has_learned=has_learned):
        message = f"sent, or possibly sent; for {patience_s:g} s no lookup could determine which"
        return leave_unknown(life, attempt, Cause.UNREACHABLE, message)
    life.timers.set(attempt, doubt.next_look(life.now))
    return Phase.PAUSING


def _decide(life: Life, attempt: Attempt) -> Phase:
    """Looks by a prefix prove nothing where it may have been ignored."""
    if _doubt_of(attempt).is_unbroken and life.lines.prefix_is_confirmed(attempt.job):
        return _send_again(life, attempt)
    job = life.spec.jobs.get(attempt.job)
    if job is None or job.baseline is None:
        return _leave_collected(life, attempt)
    serial = next(life.serials)
    if life.accounts.ask(attempt, serial):
        life.out.append(Count(attempt.job, serial))
    return Phase.COUNTING


def take_total(life: Life, attempt: Attempt, total: TotalRead) -> Phase:
    """The job's total speaks for the attempt; if the job is gone, or may not be read, nothing does."""
    failure, job = total.counted.failure, life.spec.jobs[attempt.job]
    life.timers.clear(attempt)
    if failure is not None and not failure.kind.is_refusal:
        life.trouble(failure)
        return _look_later(life, attempt, has_learned=False)
    assert job.baseline is not None  # noqa: S101  else nobody would have counted
    prefix_is_confirmed = life.lines.prefix_is_confirmed(attempt.job)
    if failure is None and is_nothing_unseen(
        job.baseline, total.made, total.counted, prefix_is_confirmed=prefix_is_confirmed
    ):
        return _send_again(life, attempt)
    return _leave_collected(life, attempt)


def _leave_collected(life: Life, attempt: Attempt) -> Phase:
    message = "sent, or possibly sent; a child could have ended and been garbage-collected between two lookups"
    return leave_unknown(life, attempt, Cause.COLLECTED, message)


def _send_again(life: Life, attempt: Attempt) -> Phase:
    """The attempt was definitely not carried out: it waits for its turn, or is unsent where the run has stopped."""
    attempt.may_name_phantom, attempt.doubt = True, None
    life.record(Repeated(attempt.item.id, attempt.number, life.wall, NO_CHILD, kind=RepeatKind.NO_CHILD))
    return go_back(life, attempt)
