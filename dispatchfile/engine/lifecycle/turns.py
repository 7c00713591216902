"""Whose turn it is: which attempts are wanted, marked and let go, and when."""

from __future__ import annotations

import math

from dispatchfile.engine.commands import MarkAttempts, Want, Withdraw
from dispatchfile.engine.happenings import Durable, Offer, Offered
from dispatchfile.engine.lifecycle.attempt import Attempt, Phase, offered_attempt
from dispatchfile.engine.lifecycle.internal import Due, MarkAsked, MarkDurable, Queued, RunStopped, Turn
from dispatchfile.engine.lifecycle.life import Life
from dispatchfile.engine.lifecycle.pace import Blocked
from dispatchfile.engine.lifecycle.table import fire
from dispatchfile.names import JobKey
from dispatchfile.settings import Settings

MARKED_TOGETHER = 64  # attempts that are marked in one commit, at most
WINDOW = 2 * MARKED_TOGETHER  # attempts that wait here; the others wait where they come from
DRAINED_TOGETHER = 1_000

QUEUED, DUE, MARK_ASKED, MARK_DURABLE, TURN, RUN_STOPPED = (
    Queued(),
    Due(),
    MarkAsked(),
    MarkDurable(),
    Turn(),
    RunStopped(),
)


class Turns:
    """
    Lets attempts leave in order, as the pace allows.

    The next block is marked when half of the marked ones are left, so that the journal is hardly ever waited for.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._block = marked_together(life.settings)
        self._marking: tuple[int, list[Attempt]] | None = None
        self._canaries_to_come = life.spec.source.canaries
        self._is_wanting = self._has_offers = False
        self._wanted_without: frozenset[JobKey] = frozenset()
        self._nothing_without: frozenset[JobKey] | None = None  # of all other jobs nothing is left
        self._is_drained = False
        self.is_exhausted = False  # nothing is left where items come from
        self.wake_at: float | None = None  # when the pace lets the next one go

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is to come, neither an item nor a mark."""
        return self.is_exhausted and self._marking is None

    # What comes in

    def begin(self, offer: Offer) -> Attempt:
        """Return the attempt of an item that was offered."""
        self._canaries_to_come -= offer.is_canary
        attempt = offered_attempt(offer)
        self._life.begin(attempt)
        return attempt

    def take_offers(self, offered: Offered) -> None:
        self._is_wanting, self._has_offers, self.is_exhausted = False, True, offered.is_last
        self._nothing_without = None if offered.offers else self._wanted_without
        trigger = QUEUED if self._life.stopped is None else RUN_STOPPED
        for offer in offered.offers:
            fire(self._life, self.begin(offer), trigger)

    def take_mark(self, durable: Durable) -> None:
        if self._marking is not None and self._marking[0] == durable.serial:
            _, attempts = self._marking
            self._marking = None
            for attempt in attempts:
                fire(self._life, attempt, MARK_DURABLE)

    # What goes out

    def let_leave(self) -> None:
        """Let go what may leave now, and see to it that more can."""
        life = self._life
        self.wake_at = None
        for attempt in life.lines.take_due_retries(life.now):
            fire(life, attempt, DUE)
        self._want()
        if self._has_offers or not self._is_wanting:  # the first offers may come before a retry that waits
            self._send_next()
            self._want()

    def _send_next(self) -> None:
        life = self._life
        while (head := life.lines.head()) is not None:
            if (blocker := life.pace.blocker(life.now)) is not None:
                self.wake_at = None if blocker is Blocked.FULL else blocker
                break
            if head.phase is not Phase.MARKED:
                self._mark(head)
                break
            fire(life, head, TURN)
            if life.marked <= self._block // 2:
                self._mark()

    def _mark(self, *heads: Attempt) -> None:
        """Mark the next block, with the *heads* of lines among it. One mark at a time."""
        if self._marking is not None:
            return
        soon = dict.fromkeys((*heads, *self._life.lines.upcoming(self._block)))
        fresh = [attempt for attempt in soon if attempt.phase is Phase.READY][: self._block]
        if not fresh:
            return
        for attempt in fresh:
            fire(self._life, attempt, MARK_ASKED)
        serial = next(self._life.serials)
        intents = tuple(attempt.intent for attempt in fresh if attempt.number > 1 and attempt.intent is not None)
        self._life.out.append(MarkAttempts(serial, tuple(attempt.key for attempt in fresh), intents))
        self._marking = serial, fresh

    def _want(self) -> None:
        life = self._life
        waits_for_canaries = life.limits.canaries > 0 and self._canaries_to_come <= 0
        if self.is_exhausted or self._is_wanting or waits_for_canaries:
            return
        if life.lines.open_waiting > WINDOW // 2:
            return
        closed = life.lines.closed
        if closed != self._nothing_without:
            self._ask(WINDOW, closed)

    def _ask(self, count: int, without: frozenset[JobKey] = frozenset()) -> None:
        self._is_wanting, self._wanted_without = True, without
        self._life.out.append(Want(count, without))

    # The end of it

    def drain(self) -> None:
        """End what waits here, and then, piece by piece, what waits in the source of items. Nothing more is started."""
        if not self._is_drained:
            self._is_drained = True
            self._life.out.append(Withdraw())
            for attempt in self._life.lines.drain():
                fire(self._life, attempt, RUN_STOPPED)
        if not self.is_exhausted and not self._is_wanting:
            self._ask(DRAINED_TOGETHER)


def marked_together(settings: Settings) -> int:
    """Return how many attempts are marked in one commit: what is marked and not sent is in doubt after a kill."""
    in_flight = MARKED_TOGETHER if settings.in_flight is None else settings.in_flight
    a_second = MARKED_TOGETHER if settings.rate is None else math.ceil(settings.rate.per_second)
    return max(1, min(MARKED_TOGETHER, in_flight, a_second))
