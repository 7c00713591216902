"""
When the next request may leave: concurrency, in flight, rate, canary, stop_on, retry.

Pure: no input, no output, no clock of its own. Every method that needs the time takes it as *now*, in seconds of any
clock that never goes back.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.items import Item
from dispatchfile.settings import Settings

SLOWEST_PAUSE_S = 10.0  # between repeats while Nomad cannot be reached or wants less
FIRST_PAUSE_S = 0.25
RATE_BURST_S = 0.1  # so much of a second's dispatches may leave at once

Parent = tuple[str, str, str]  # namespace, region, job
Rank = tuple[int, int, "Ticket"]  # the item's place, the attempt


def parent_of(item: Item) -> Parent:
    request = item.request
    return request.namespace, request.region, request.job


@dataclass(frozen=True, slots=True)
class Ticket:
    """One attempt of one item, on its way."""

    item: Item
    attempt: int

    @property
    def key(self) -> tuple[str, int]:
        return self.item.id, self.attempt


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing may leave before *until*, or, if that is None, before something else happens."""

    until: float | None


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is left to send, and nothing sent is without outcome."""


@dataclass(slots=True)
class _Line:
    """The items of one parent that wait to be sent, and whether its server honours ID prefixes."""

    waiting: list[Rank] = field(default_factory=list)  # a heap
    sending: int = 0
    proven: bool = False

    def may_send(self) -> bool:
        return bool(self.waiting) and (self.proven or not self.sending)


class Flow:
    """
    The order and pace of a run.

    tickets: in the order to send. order: of all ids, those of items included that come back later.
    canaries: ids that go first, and alone; empty for none.
    selected: how many items stop_on's percentage is of. jitter: gives a number from 0 to 1.
    """

    def __init__(
        self,
        tickets: Iterable[Ticket],
        settings: Settings,
        *,
        order: Sequence[str] = (),
        canaries: Sequence[str] = (),
        selected: int = 0,
        jitter: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self._settings = settings
        self._lines: dict[Parent, _Line] = {}
        self._rank = {item: rank for rank, item in enumerate(order)}
        self._retries: list[tuple[float, int, Ticket]] = []
        self._in_flight: set[str] = set()
        self._sending = 0
        self._canaries = set(canaries)
        self._canary_held: list[Ticket] = []
        self._failures = 0
        self._failure_limit = settings.stop_on.of(selected) if settings.stop_on else None
        self._stopped: Cause | None = None
        self._goes_on_later = False
        self._jitter = jitter
        self._limit = float(settings.concurrency)
        self._pause_s = 0.0
        self._paused_until = 0.0
        self._credit = self._burst()
        self._credited_at: float | None = None
        for ticket in tickets:
            self._rank.setdefault(ticket.item.id, len(self._rank))
            if self._canaries and ticket.item.id not in self._canaries:
                self._canary_held.append(ticket)
            else:
                self._queue(ticket)

    # What may leave

    def next(self, now: float) -> Ticket | Pause | Finished:
        """The next ticket, which counts as being sent from now on; or how long to wait for one."""
        if self._stopped is not None:
            return Pause(None) if self._in_flight else Finished()
        self._release_retries(now)
        line = self._next_line()
        if line is None:
            return self._idle()
        if (hindrance := self._hindrance(now)) is not None:
            return hindrance
        self._credit -= 1
        ticket = heapq.heappop(line.waiting)[2]
        line.sending += 1
        self._sending += 1
        self._in_flight.add(ticket.item.id)
        return ticket

    def upcoming(self, count: int) -> list[Ticket]:
        """Tickets that will leave soon, at most *count*: those to mark on record together."""
        lines = [_first_of(line.waiting, count) for line in self._lines.values()]
        return [ticket for _, _, ticket in itertools.islice(heapq.merge(*lines), count)]

    def _hindrance(self, now: float) -> Pause | None:
        limit = self._settings.in_flight
        if self._sending >= int(self._limit) or (limit is not None and len(self._in_flight) >= limit):
            return Pause(None)
        if now < self._paused_until:
            return Pause(self._paused_until)
        return self._rate_hindrance(now)

    def _rate_hindrance(self, now: float) -> Pause | None:
        rate = self._settings.rate
        if rate is None:
            return None
        if self._credited_at is not None:
            self._credit = min(self._burst(), self._credit + (now - self._credited_at) * rate.per_second)
        self._credited_at = now
        if self._credit >= 1 - 1e-9:
            return None
        return Pause(now + (1 - self._credit) / rate.per_second)

    def _burst(self) -> float:
        rate = self._settings.rate
        return max(1.0, rate.per_second * RATE_BURST_S) if rate else 1.0

    def _next_line(self) -> _Line | None:
        ready = [line for line in self._lines.values() if line.may_send()]
        return min(ready, key=lambda line: line.waiting[0]) if ready else None

    def _idle(self) -> Pause | Finished:
        if self._retries:
            return Pause(self._retries[0][0])
        return Pause(None) if self._in_flight or self.waiting else Finished()

    def _queue(self, ticket: Ticket) -> None:
        line = self._lines.setdefault(parent_of(ticket.item), _Line())
        heapq.heappush(line.waiting, (self._rank[ticket.item.id], ticket.attempt, ticket))

    def _release_retries(self, now: float) -> None:
        while self._retries and self._retries[0][0] <= now:
            self._queue(heapq.heappop(self._retries)[2])

    # What has happened

    def adopt(self, ticket: Ticket) -> None:
        """An attempt that was sent by an earlier process counts as in flight."""
        self._rank.setdefault(ticket.item.id, len(self._rank))
        self._in_flight.add(ticket.item.id)

    def postpone(self, ticket: Ticket, until: float) -> None:
        """An attempt of an earlier process's item waits for its retry's time."""
        rank = self._rank.setdefault(ticket.item.id, len(self._rank))
        heapq.heappush(self._retries, (until, rank, ticket))

    def count_failures(self, count: int) -> None:
        """Items that failed in an earlier process count for stop_on."""
        self._failures += count
        self._stop_on_failures()

    def prove(self, parent: Parent) -> None:
        """A new child of the parent has shown its prefix: its dispatches need no longer go singly."""
        self._lines.setdefault(parent, _Line()).proven = True

    def is_proven(self, parent: Parent) -> bool:
        return self._lines.setdefault(parent, _Line()).proven

    def accepted(self, ticket: Ticket) -> None:
        """Nomad has a child: the request is over, the item stays in flight."""
        self._leave(ticket)
        self._pause_s = 0.0
        self._limit = min(float(self._settings.concurrency), self._limit + 1 / self._limit)

    def answered(self, ticket: Ticket) -> None:
        """The request is over without a child: refused, or in doubt."""
        self._leave(ticket)

    def repeat(self, ticket: Ticket, now: float, *, was_sending: bool = True) -> bool:
        """The attempt surely was not carried out; it waits its turn again. False once the run has stopped."""
        if was_sending:
            self._leave(ticket)
        self._in_flight.discard(ticket.item.id)
        if self._stopped is not None:
            return False
        self._queue(ticket)
        return True

    def slow_down(self, now: float) -> float:
        """Nomad wants less, or cannot be reached: fewer requests at a time, after a pause. Gives its seconds."""
        if now >= self._paused_until:
            self._limit = max(1.0, self._limit / 2)
            self._pause_s = min(SLOWEST_PAUSE_S, self._pause_s * 2 or FIRST_PAUSE_S)
            self._paused_until = now + self._pause_s * (0.5 + self._jitter())
        return self._paused_until - now

    def ended(self, ticket: Ticket, verdict: Verdict, now: float) -> float | None:
        """The attempt has its verdict. Gives when its retry may leave, None if this was the last attempt."""
        self._in_flight.discard(ticket.item.id)
        if self._retries_after(ticket, verdict):
            ready_at = now + ticket.item.retry.delay.total_seconds()
            again = Ticket(ticket.item, ticket.attempt + 1)
            heapq.heappush(self._retries, (ready_at, self._rank[ticket.item.id], again))
            return ready_at
        self._count_failure(verdict)
        self._settle_canary(ticket, verdict)
        return None

    def _leave(self, ticket: Ticket) -> None:
        self._lines[parent_of(ticket.item)].sending -= 1
        self._sending -= 1

    def _retries_after(self, ticket: Ticket, verdict: Verdict) -> bool:
        retry = ticket.item.retry
        if (self._stopped is not None and not self._goes_on_later) or ticket.attempt >= retry.attempts:
            return False
        return verdict.outcome in retry.on or (verdict.cause is not None and verdict.cause in retry.on)

    def _count_failure(self, verdict: Verdict) -> None:
        if verdict.outcome.exit_class == 2 or verdict.outcome is Outcome.REFUSED:
            self._failures += 1
        self._stop_on_failures()

    def _stop_on_failures(self) -> None:
        if self._failure_limit is not None and self._failures > self._failure_limit:
            self.stop(Cause.STOP_ON)

    def _settle_canary(self, ticket: Ticket, verdict: Verdict) -> None:
        if not self._canaries or ticket.item.id not in self._canaries:
            return
        self._canaries.discard(ticket.item.id)
        if verdict.outcome.exit_class != 0:
            self.stop(Cause.CANARY)
        elif not self._canaries:
            self._release_canary_held()

    def _release_canary_held(self) -> None:
        held, self._canary_held = self._canary_held, []
        for ticket in held:
            self._queue(ticket)

    # Stopping

    def stop(self, cause: Cause, *, goes_on_later: bool = False) -> None:
        """Start nothing more. The first cause stays. *goes_on_later*: a resume makes the retries that are due."""
        if self._stopped is None:
            self._stopped, self._goes_on_later = cause, goes_on_later

    @property
    def stopped(self) -> Cause | None:
        return self._stopped

    def drain(self) -> tuple[list[Ticket], list[Ticket]]:
        """Once stopped: the tickets that were never sent, and those that waited for a retry. Both are forgotten."""
        unsent = [entry[2] for line in self._lines.values() for entry in sorted(line.waiting)] + self._canary_held
        retries = [entry[2] for entry in sorted(self._retries)]
        for line in self._lines.values():
            line.waiting.clear()
        self._retries, self._canary_held = [], []
        return [t for t in unsent if t.attempt == 1], [t for t in unsent if t.attempt > 1] + retries

    # For display

    @property
    def waiting(self) -> int:
        """Attempts that may still be sent, those that wait for a retry left out."""
        return sum(len(line.waiting) for line in self._lines.values()) + len(self._canary_held)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def canary_pending(self) -> bool:
        return bool(self._canaries)

    @property
    def concurrency(self) -> int:
        """Requests that may be under way at the same time just now."""
        return int(self._limit)


def _first_of(heap: Sequence[Rank], count: int) -> Iterator[Rank]:
    """The *count* smallest entries of a heap, in order, however large it is."""
    frontier = [(heap[0], 0)] if heap else []
    for _ in range(min(count, len(heap))):
        entry, place = heapq.heappop(frontier)
        yield entry
        for below in (2 * place + 1, 2 * place + 2):
            if below < len(heap):
                heapq.heappush(frontier, (heap[below], below))
