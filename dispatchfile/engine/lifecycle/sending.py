"""Takes an attempt from its turn to Nomad's answer: what precedes the request, the request, and its answer."""

from __future__ import annotations

from dispatchfile.engine.commands import ReadChild, Send, StopChild
from dispatchfile.engine.happenings import (
    Answered,
    ChildRead,
    ChildStopped,
    FailureKind,
    Lost,
    NotSent,
    Refused,
    RequestFailure,
    Withdrawn,
)
from dispatchfile.engine.lifecycle.attempt import Attempt, Phase
from dispatchfile.engine.lifecycle.doubting import begin_looks
from dispatchfile.engine.lifecycle.ending import go_back, refuse
from dispatchfile.engine.lifecycle.internal import TokenJudged, Turn
from dispatchfile.engine.lifecycle.life import Life
from dispatchfile.engine.lifecycle.watching import accept
from dispatchfile.events import Cause, Doubted, NoticeKind, Repeated, Sending


def leave(life: Life, attempt: Attempt, _: Turn) -> Phase:
    """It is the attempt's turn."""
    life.take_slot(attempt)
    life.fly(attempt)
    if not attempt.predecessor:
        return send(life, attempt)
    command = ReadChild if attempt.predecessor_is_foreign else StopChild
    life.out.append(command(attempt.key, life.ask(attempt), attempt.job, attempt.predecessor))
    return Phase.CLEARING


def send(life: Life, attempt: Attempt) -> Phase:
    intent = attempt.intent_in(life.spec.run, life.spec.rerun_of)
    attempt.sent_at = life.wall
    life.record(Sending(attempt.item.id, attempt.number, life.wall))
    life.out.append(Send(attempt.key, life.ask(attempt), attempt.item.request, intent.prefix, intent.token))
    return Phase.SENDING


# The child of the attempt before


def take_stop(life: Life, attempt: Attempt, stopped: ChildStopped) -> Phase:
    """The predecessor was to be stopped."""
    if stopped.failure is not None:
        return _fail_to_clear(life, attempt, stopped.failure)
    return _send_after(life, attempt)


def take_predecessor(life: Life, attempt: Attempt, read: ChildRead) -> Phase:
    """The predecessor, which is not this run's to stop, was read."""
    if read.failure is not None:
        return _fail_to_clear(life, attempt, read.failure)
    if read.lives and life.stopped is None:
        child = attempt.predecessor
        message = f"{child} had this idempotency token before the run and has not ended; this run does not stop it"
        return refuse(life, attempt, Cause.VALIDATION, message)
    return _send_after(life, attempt)


def _send_after(life: Life, attempt: Attempt) -> Phase:
    attempt.predecessor = ""
    return go_back(life, attempt) if life.stopped is not None else send(life, attempt)


def _fail_to_clear(life: Life, attempt: Attempt, failure: RequestFailure) -> Phase:
    """A stop may be repeated, whatever became of it."""
    if not failure.kind.is_refusal:
        return _repeat(life, attempt, failure)
    if failure.kind is not FailureKind.FORBIDDEN:
        return _refuse_beside(life, attempt, failure.message)
    attempt.reason = failure.message
    life.ask_token(attempt)
    return Phase.CLEARING_DENIED


def judge_clearing(life: Life, attempt: Attempt, judged: TokenJudged) -> Phase:
    """The stop of the predecessor was denied."""
    if judged.is_refused:
        return _repeat(life, attempt, RequestFailure(FailureKind.UNAVAILABLE, attempt.reason))
    return _refuse_beside(life, attempt, attempt.reason)


def _refuse_beside(life: Life, attempt: Attempt, reason: str) -> Phase:
    if life.stopped is not None:
        return go_back(life, attempt)
    child = attempt.predecessor
    message = f"the previous attempt's child {child} may still be running and cannot be stopped: {reason}"
    return refuse(life, attempt, Cause.PERMISSION, message)


# The request


def take_failure(life: Life, attempt: Attempt, not_sent: NotSent) -> Phase:
    """The request was definitely not carried out."""
    return _repeat(life, attempt, not_sent.failure)


def take_back(life: Life, attempt: Attempt, _: Withdrawn) -> Phase:
    """The request has not left: the run has stopped before."""
    return go_back(life, attempt)


def _repeat(life: Life, attempt: Attempt, failure: RequestFailure) -> Phase:
    throttled = failure.kind is FailureKind.THROTTLED
    if not throttled:
        life.trouble(failure)
    life.record(Repeated(attempt.item.id, attempt.number, life.wall, failure.message, throttled))
    life.pace.slow_down(life.now)
    return go_back(life, attempt)


def take_loss(life: Life, attempt: Attempt, lost: Lost) -> Phase:
    """The request may have been carried out."""
    life.free_slot(attempt)
    life.pace.slow_down(life.now)
    life.trouble(lost.failure)
    life.record(Doubted(attempt.item.id, attempt.number, life.wall, lost.failure.message))
    return begin_looks(life, attempt, unbroken=True, answered=False)


def take_refusal(life: Life, attempt: Attempt, refused: Refused) -> Phase:
    life.reached()
    attempt.reason = refused.failure.message
    if refused.failure.kind is FailureKind.FORBIDDEN:
        life.ask_token(attempt)
        return Phase.SENDING_DENIED
    return refuse(life, attempt, Cause.VALIDATION, refused.failure.message)


def judge_sending(life: Life, attempt: Attempt, judged: TokenJudged) -> Phase:
    """The dispatch was denied."""
    return go_back(life, attempt) if judged.is_refused else refuse(life, attempt, Cause.PERMISSION, attempt.reason)


def take_answer(life: Life, attempt: Attempt, answer: Answered) -> Phase:
    """
    Nomad has named a child.

    Of two requests with one token, Nomad may answer the second with a child that does not exist. The other one may be
    a repeated request's own first, or anybody's; whoever watches the child finds that out.
    """
    life.reached()
    attempt.child, attempt.eval_id = answer.child, answer.eval_id
    intent = attempt.intent_in(life.spec.run, life.spec.rerun_of)
    is_unwatched = bool(answer.eval_id) and not life.is_watched(attempt)
    if intent.token is not None and (attempt.may_name_phantom or is_unwatched):
        life.out.append(ReadChild(attempt.key, life.ask(attempt), attempt.job, answer.child))
        return Phase.READING_CHILD
    return _take_child(life, attempt)


def take_named_child(life: Life, attempt: Attempt, read: ChildRead) -> Phase:
    """The child that Nomad has named was read; where nobody may look, its word has to do."""
    if read.failure is not None and read.failure.kind is not FailureKind.FORBIDDEN:
        life.trouble(read.failure)
    elif read.exists or read.failure is not None:
        return _take_child(life, attempt)
    life.free_slot(attempt)
    attempt.child = ""
    return begin_looks(life, attempt, unbroken=True, answered=True)


def _take_child(life: Life, attempt: Attempt) -> Phase:
    life.free_slot(attempt)
    life.pace.speed_up()
    is_ours = attempt.bears_prefix(attempt.child)
    intent = attempt.intent_in(life.spec.run, life.spec.rerun_of)
    is_hit = intent.token is not None and not attempt.eval_id
    if not is_hit:
        _check_prefix(life, attempt, is_ours=is_ours)
    existing = is_hit and not attempt.is_own(bears_prefix=is_ours)
    return accept(life, attempt, attempt.child, eval_id=attempt.eval_id, existing=existing)


def _check_prefix(life: Life, attempt: Attempt, *, is_ours: bool) -> None:
    if is_ours:
        life.lines.confirm_prefix(attempt.job)
    elif not life.lines.prefix_is_confirmed(attempt.job):
        message = (
            f"{attempt.child} does not have the requested ID prefix: this server ignores prefixes (as Nomad before "
            "1.4.2 does), so children could not be found again after a fault; the run stops"
        )
        life.notice(NoticeKind.PREFIX_IGNORED, message)
        life.stop(Cause.VALIDATION)
