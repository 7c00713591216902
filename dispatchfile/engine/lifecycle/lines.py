"""The attempts that wait to be sent, job by job, and those that wait for a retry's time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dispatchfile.engine.lifecycle.attempt import Attempt
from dispatchfile.names import JobKey

Rank = tuple[int, int, Attempt]  # the item's place, the attempt's number


@dataclass(slots=True)
class Line:
    """The attempts of one job that wait to be sent, and whether its server honours ID prefixes."""

    waiting: list[Rank] = field(default_factory=list)  # a heap
    sending: int = 0
    prefix_is_confirmed: bool = False

    @property
    def is_open(self) -> bool:
        """Return whether a request may leave. Until a child has shown its prefix, requests leave one by one."""
        return self.prefix_is_confirmed or not self.sending


class Lines:
    """The attempts that wait, in the order to send."""

    def __init__(self) -> None:
        self._lines: dict[JobKey, Line] = {}
        self._retries: list[tuple[float, int, int, Attempt]] = []
        self.waiting = 0  # number of attempts, those that wait for a retry's time left out

    def of(self, job: JobKey) -> Line:
        line = self._lines.get(job)
        if line is None:
            line = self._lines[job] = Line()
        return line

    def confirm_prefix(self, job: JobKey) -> None:
        """A new child of the job has shown its prefix."""
        self.of(job).prefix_is_confirmed = True

    def prefix_is_confirmed(self, job: JobKey) -> bool:
        return self.of(job).prefix_is_confirmed

    # What waits

    def add(self, attempt: Attempt) -> None:
        heapq.heappush(self.of(attempt.job).waiting, (attempt.rank, attempt.number, attempt))
        self.waiting += 1

    def postpone(self, attempt: Attempt, until: float) -> None:
        heapq.heappush(self._retries, (until, attempt.rank, attempt.number, attempt))

    def take_due_retries(self, now: float) -> list[Attempt]:
        """Return the attempts whose time has come. They are not here any more."""
        due = []
        while self._retries and self._retries[0][0] <= now:
            due.append(heapq.heappop(self._retries)[3])
        return due

    @property
    def next_retry(self) -> float | None:
        """Return when the next retry may leave."""
        return self._retries[0][0] if self._retries else None

    def head(self) -> Attempt | None:
        """Return the next attempt that may be sent, as far as its job goes."""
        if len(self._lines) == 1:
            (line,) = self._lines.values()
            return line.waiting[0][2] if line.waiting and line.is_open else None
        ready = [line.waiting[0] for line in self._lines.values() if line.waiting and line.is_open]
        return min(ready)[2] if ready else None

    def upcoming(self, count: int) -> list[Attempt]:
        """Return attempts that leave soon, at most *count*: those to mark in one commit."""
        lines = [_first_of(line.waiting, count) for line in self._lines.values()]
        return [attempt for _, _, attempt in itertools.islice(heapq.merge(*lines), count)]

    def leave(self, attempt: Attempt) -> None:
        """The attempt is the head of its line, and leaves."""
        line = self._lines[attempt.job]
        heapq.heappop(line.waiting)
        line.sending += 1
        self.waiting -= 1

    def answer(self, attempt: Attempt) -> None:
        """The attempt's request is over."""
        self._lines[attempt.job].sending -= 1

    @property
    def closed(self) -> frozenset[JobKey]:
        """Return the jobs of which nothing may leave just now."""
        return frozenset(job for job, line in self._lines.items() if not line.is_open)

    @property
    def open_waiting(self) -> int:
        """Number of attempts that wait for a job of which something may leave."""
        return sum(len(line.waiting) for line in self._lines.values() if line.is_open)

    def drain(self) -> list[Attempt]:
        """Return all that waits, first attempts first. It waits no more."""
        queued = [entry[2] for line in self._lines.values() for entry in sorted(line.waiting)]
        retries = [entry[3] for entry in sorted(self._retries)]
        for line in self._lines.values():
            line.waiting.clear()
        self._retries, self.waiting = [], 0
        return [a for a in queued if a.number == 1] + [a for a in queued if a.number > 1] + retries


def _first_of(heap: Sequence[Rank], count: int) -> Iterator[Rank]:
    """Give the *count* smallest entries of a heap, in order, however large it is."""
    frontier = [(heap[0], 0)] if heap else []
    for _ in range(min(count, len(heap))):
        entry, place = heapq.heappop(frontier)
        yield entry
        for below in (2 * place + 1, 2 * place + 2):
            if below < len(heap):
                heapq.heappush(frontier, (heap[below], below))
