"""
The core of the engine: it takes what happens, and gives what is to be done.

It has no clock, waits for nothing and asks nobody. Its contract is that of a write-ahead log: `Send` is given for an
attempt only after its mark is durable, and an end that follows a mark is recorded behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast

from dispatchfile.engine.commands import Command, Count, Finish, LookAtAll
from dispatchfile.engine.happenings import (
    AttemptHappening,
    Begun,
    ChildMoved,
    Counted,
    Durable,
    Happening,
    InterruptRequested,
    Offer,
    Offered,
    PollDenied,
    Reached,
    RunHappening,
    Ticked,
    TokenChecked,
    Troubled,
    Woken,
)
from dispatchfile.engine.lifecycle.attempt import Attempt
from dispatchfile.engine.lifecycle.internal import Due, Halted, TakenUp, TimeUp, TotalRead
from dispatchfile.engine.lifecycle.life import Life
from dispatchfile.engine.lifecycle.table import OF_WATCH, fire
from dispatchfile.engine.lifecycle.turns import Turns
from dispatchfile.engine.spec import BatchSpec, BatchState
from dispatchfile.events import Cause, NoticeKind
from dispatchfile.names import JobKey
from dispatchfile.settings import format_duration

H = TypeVar("H", bound=RunHappening)
DUE, TIME_UP, HALTED = Due(), TimeUp(), Halted()
QUIET = frozenset({ChildMoved, Reached, Troubled})  # after these nothing else may leave than before


Taker = Callable[[RunHappening], None]


def _taker(kind: type[H], take: Callable[[H], None]) -> tuple[type[object], Taker]:
    return kind, cast("Taker", take)


class Lifecycle:
    """The life of every attempt of a batch. *jitter* gives a number from 0 to 1."""

    def __init__(self, spec: BatchSpec, jitter: Callable[[], float] = lambda: 0.5) -> None:
        self._spec = spec
        self._life = Life(spec, jitter)
        self._turns = Turns(self._life)
        self._is_reported = self._is_finished = False
        self.stop_was_requested = False
        self._takers = self._list_takers()
        if (cause := self._life.limits.count_failures(spec.resumption.failures)) is not None:
            self._life.stop(cause)
        if spec.resumption.stopped is not None or not spec.sending:
            self._life.stop(spec.resumption.stopped or Cause.INTERRUPTED)

    def step(self, happening: Happening, now: float, wall: float) -> Sequence[Command]:
        """
        Take what happens, and return what is to be done, in order.

        now: seconds of a clock that never goes back. wall: seconds since the epoch.
        """
        if self._is_finished:
            return ()
        life = self._life
        life.now, life.wall = now, wall
        taker = self._takers.get(type(happening))
        if taker is None:
            self._pass_to_attempt(cast("AttemptHappening", happening))
        else:
            taker(cast("RunHappening", happening))
        if type(happening) not in QUIET:
            self._follow_up()
        out, life.out = life.out, []
        return out

    @property
    def wake_at(self) -> float | None:
        """Return when `Woken` is to happen, or None if something else has to happen before."""
        if self._is_finished:
            return None
        turn = self._turns.wake_at if self._life.stopped is None else None
        retry = self._life.lines.next_retry if self._life.stopped is None else None
        return min((at for at in (turn, retry, self._life.timers.next_at) if at is not None), default=None)

    @property
    def state(self) -> BatchState:
        if self._life.is_interrupted:
            return BatchState.INTERRUPTED
        return BatchState.STOPPED_EARLY if self._life.stopped else BatchState.FINISHED

    @property
    def followed(self) -> frozenset[JobKey]:
        """Return the jobs of which the run has children."""
        return frozenset(self._life.followed) | {job for job, children in self._life.accounts.made.items() if children}

    def _pass_to_attempt(self, happening: AttemptHappening) -> None:
        attempt = self._life.attempts.get(happening.key)
        if attempt is not None:
            expected = attempt.watch if type(happening) in OF_WATCH else attempt.serial
            if happening.serial == expected:
                fire(self._life, attempt, happening)

    def _follow_up(self) -> None:
        """Carry out what follows from a happening for the other attempts."""
        life = self._life
        while life.pending:
            attempt, trigger = life.pending.popleft()
            fire(life, attempt, trigger)
        if life.stopped is None:
            self._turns.let_leave()
        else:
            self._report_stop()
            self._turns.drain()
        if self._is_over() and not self._is_finished:
            self._is_finished = True
            life.out.append(Finish())

    def _is_over(self) -> bool:
        left = self._life.busy if self._life.is_interrupted else len(self._life.attempts)
        return not left and self._turns.is_idle

    def _report_stop(self) -> None:
        if self._is_reported:
            return
        self._is_reported = True
        if self._life.stopped is Cause.STOP_ON:
            bound = self._life.settings.stop_on
            self._life.notice(NoticeKind.STOP_ON, f"failures exceed stop_on ({bound}): no new dispatches")
        elif self._life.stopped is Cause.CANARY:
            self._life.notice(NoticeKind.CANARY_FAILED, "a canary item did not succeed: no new dispatches")

    def _list_takers(self) -> Mapping[type[object], Taker]:
        """Return who takes what happens to the run as a whole; all else happens to one attempt."""
        return dict(
            (
                _taker(Begun, self._begin),
                _taker(Offered, self._turns.take_offers),
                _taker(Durable, self._turns.take_mark),
                _taker(Woken, self._wake),
                _taker(Ticked, self._tick),
                _taker(InterruptRequested, self._interrupt),
                _taker(Troubled, self._take_trouble),
                _taker(Reached, self._take_reach),
                _taker(TokenChecked, self._take_token),
                _taker(Counted, self._take_count),
                _taker(PollDenied, self._take_denied_poll),
            )
        )

    # Beginning

    def _begin(self, begun: Begun) -> None:
        """Take up what earlier processes have begun: what is in doubt comes last."""
        postponed = [offer for offer in begun.offers if not offer.start.is_under_way]
        children = [offer for offer in begun.offers if offer.start.child]
        doubts = [offer for offer in begun.offers if offer.start.in_doubt and not offer.start.child]
        self._take_up([*postponed, *children])
        if doubts:
            self._report_doubts(len(doubts))
        self._check_deadline()
        if self._life.stopped is not None:
            self._report_stop()
            self._turns.drain()
        self._take_up(doubts)

    def _take_up(self, offers: Sequence[Offer]) -> None:
        for offer in offers:
            fire(self._life, self._turns.begin(offer), TakenUp(offer.start))

    def _report_doubts(self, count: int) -> None:
        items, children = ("1 item", "its child") if count == 1 else (f"{count} items", "their children")
        lookup = f"looking for {children} in Nomad for up to {format_duration(self._life.settings.settle)}"
        self._life.notice(NoticeKind.IN_DOUBT, f"{items} may already have been sent: {lookup}")

    # Time

    def _wake(self, _: Woken) -> None:
        for attempt in self._life.timers.due(self._life.now):
            fire(self._life, attempt, DUE)

    def _tick(self, ticked: Ticked) -> None:
        life = self._life
        if not life.is_interrupted and (loss := life.availability.loss(life.now)):
            life.notice(NoticeKind.UNREACHABLE, f"{loss}: ending the run")
            self._interrupt(InterruptRequested(Cause.UNREACHABLE))
        life.availability.throttled(ticked.throttled, life.now)
        self._check_deadline()
        if ticked.stop_requested and not life.is_interrupted:
            self.stop_was_requested = True
            life.notice(NoticeKind.STOPPING, "another process asked this run to stop")
            self._interrupt(InterruptRequested())
        for attempt in life.deadlines.due(life.wall):
            fire(life, attempt, TIME_UP)

    def _check_deadline(self) -> None:
        deadline, timeout = self._spec.deadline, self._life.settings.timeout
        if deadline is None or self._life.stopped is not None or self._life.wall < deadline:
            return
        self._life.stop(Cause.DEADLINE)
        limit = "its timeout" if timeout is None else f"its timeout of {format_duration(timeout)}"
        self._life.notice(NoticeKind.TIMEOUT, f"the run exceeded {limit}: no new dispatches")

    # Stopping

    def _interrupt(self, interrupted: InterruptRequested) -> None:
        """Send nothing more, wait for the answers under way, take one more look at what is in doubt, then end."""
        life = self._life
        if life.is_interrupted:
            return
        life.is_interrupted, self._is_reported = True, True
        life.stop(interrupted.cause, resumed_later=True)
        self._turns.drain()
        for attempt in list(life.attempts.values()):
            fire(life, attempt, HALTED)

    # Nomad

    def _take_trouble(self, troubled: Troubled) -> None:
        self._life.trouble(troubled.failure)

    def _take_reach(self, _: Reached) -> None:
        self._life.reached()

    def _take_token(self, checked: TokenChecked) -> None:
        life, question = self._life, self._life.token
        if checked.serial != question.serial:
            return
        askers = question.answer(checked.refusal)
        if checked.refusal and not life.is_interrupted:
            life.notice(NoticeKind.TOKEN_REFUSED, f"{checked.refusal}: ending the run; resume it with a valid token")
            self._interrupt(InterruptRequested(Cause.PERMISSION))
        for asker in askers:
            if isinstance(asker, Attempt):
                life.judge_token(asker, is_refused=bool(checked.refusal))
            elif not checked.refusal:
                life.out.append(LookAtAll(asker))
        if question.later:
            question.asking, question.later = question.later, []
            life.check_token()

    def _take_denied_poll(self, denied: PollDenied) -> None:
        self._life.ask_token(denied.job)

    def _take_count(self, counted: Counted) -> None:
        life = self._life
        served = life.accounts.answer(counted.job, counted.serial)
        if served is None:
            return
        askers, made = served
        for attempt in askers:
            fire(life, attempt, TotalRead(counted, made))
        serial = next(life.serials)
        if life.accounts.ask_again(counted.job, serial):
            life.out.append(Count(counted.job, serial))
