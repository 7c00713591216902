"""Timers: pauses on the monotonic clock, deadlines on the wall clock."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

from dispatchfile.engine.lifecycle.attempt import Attempt


class Timers:
    """Timers, one for each attempt; the last one that was set counts."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Attempt]] = []
        self._numbers = itertools.count(1)

    def set(self, attempt: Attempt, at: float) -> None:
        attempt.timer = next(self._numbers)
        heapq.heappush(self._heap, (at, attempt.timer, attempt))

    @staticmethod
    def clear(attempt: Attempt) -> None:
        attempt.timer = 0

    def due(self, now: float) -> Iterator[Attempt]:
        """Give the attempts whose time has come, the earliest first."""
        while self._heap and self._heap[0][0] <= now:
            _, number, attempt = heapq.heappop(self._heap)
            if attempt.timer == number:
                attempt.timer = 0
                yield attempt

    @property
    def next_at(self) -> float | None:
        """Return when the next timer is due. It may be one that no longer counts."""
        return self._heap[0][0] if self._heap else None


class Deadlines:
    """The deadlines of watched children."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Attempt, int]] = []
        self._numbers = itertools.count()

    def set(self, attempt: Attempt, at: float) -> None:
        """Look at the attempt's child at this time, unless its watch has ended by then."""
        heapq.heappush(self._heap, (at, next(self._numbers), attempt, attempt.watch))

    def due(self, wall: float) -> Iterator[Attempt]:
        """Give the attempts whose time is up."""
        while self._heap and self._heap[0][0] <= wall:
            _, _, attempt, watch = heapq.heappop(self._heap)
            if attempt.watch == watch:
                yield attempt
