"""Decides how many requests may leave, and how fast: concurrency, items in flight, rate, and slowing down."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from dispatchfile.settings import Settings

SLOWEST_PAUSE_S = 10.0  # between repeats while Nomad cannot be reached or wants less
FIRST_PAUSE_S = 0.25
RATE_BURST_S = 0.1  # so much of a second's dispatches may leave at once


class Blocked(Enum):
    """No request may leave before something else happens."""

    FULL = auto()


class Pace:
    """Slots for requests and for items in flight. *jitter* gives a number from 0 to 1."""

    def __init__(self, settings: Settings, jitter: Callable[[], float]) -> None:
        self._concurrency, self._in_flight_limit = settings.concurrency, settings.in_flight
        self._rate, self._jitter = settings.rate, jitter
        self._limit = float(settings.concurrency)
        self._pause_s = 0.0
        self._paused_until = 0.0
        self._credit = self._burst()
        self._credited_at: float | None = None
        self.sending = 0
        self.in_flight = 0

    def blocker(self, now: float) -> Blocked | float | None:
        """Return until when nothing may leave, or `Blocked.FULL`; None if a request may leave now."""
        limit = self._in_flight_limit
        if self.sending >= int(self._limit) or (limit is not None and self.in_flight >= limit):
            return Blocked.FULL
        if now < self._paused_until:
            return self._paused_until
        return self._rate_blocker(now)

    def _rate_blocker(self, now: float) -> float | None:
        if self._rate is None:
            return None
        if self._credited_at is not None:
            earned = (now - self._credited_at) * self._rate.per_second
            self._credit = min(self._burst(), self._credit + earned)
        self._credited_at = now
        if self._credit >= 1 - 1e-9:
            return None
        return now + (1 - self._credit) / self._rate.per_second

    def _burst(self) -> float:
        return max(1.0, self._rate.per_second * RATE_BURST_S) if self._rate else 1.0

    def leave(self) -> None:
        """A request leaves."""
        self._credit -= 1
        self.sending += 1

    def answer(self) -> None:
        """A request is over."""
        self.sending -= 1

    def speed_up(self) -> None:
        """Nomad has accepted a request: as many as before may be under way, step by step."""
        self._pause_s = 0.0
        self._limit = min(float(self._concurrency), self._limit + 1 / self._limit)

    def slow_down(self, now: float) -> None:
        """Nomad wants less, or cannot be reached: fewer requests at a time, after a pause."""
        if now >= self._paused_until:
            self._limit = max(1.0, self._limit / 2)
            self._pause_s = min(SLOWEST_PAUSE_S, self._pause_s * 2 or FIRST_PAUSE_S)
            self._paused_until = now + self._pause_s * (0.5 + self._jitter())

    @property
    def concurrency(self) -> int:
        """Number of requests that may be under way at the same time just now."""
        return int(self._limit)
