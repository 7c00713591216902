"""Whether Nomad is there, gives good answers and lets dispatches through, and what there is to tell of that."""

from __future__ import annotations

import math
from collections.abc import Callable

from dispatchfile.clock import Clock
from dispatchfile.dispatch import NEVER_MADE
from dispatchfile.errors import NomadError
from dispatchfile.events import Accepted, Doubted, Ended, Event, NoticeKind, Outcome, Repeated
from dispatchfile.nomad.refusals import NO_LEADER

TROUBLE_TOLD_AFTER_S = 5.0
THROTTLING_TOLD_EVERY_S = 60.0
FEWEST_FAILURES = 3  # fewer of them may lie far apart and tell nothing of what was between


class Reach:
    """
    Hears of every event, answer and trouble of a run.

    limit_s: after so long without a good answer, or without a dispatch that gets through, Nomad is lost.
    """

    def __init__(self, limit_s: float, clock: Clock, tell: Callable[[NoticeKind, str], None]) -> None:
        self.limit_s, self._clock, self._tell = limit_s, clock, tell
        self._troubled_since: float | None = None
        self._is_told = False
        self._last_trouble = ""
        self._throttled, self._throttling_told_at = 0, -math.inf
        self._failing_since: float | None = None
        self._failures = 0
        self._failing: set[str] = set()  # items whose dispatch has failed
        self._failure = ""  # that made it too long; judged at a failure, as a rate may let long pass between two

    def trouble(self, error: NomadError) -> None:
        now, self._last_trouble = self._clock.now(), error.message
        self._troubled_since = now if self._troubled_since is None else self._troubled_since
        if now - self._troubled_since >= TROUBLE_TOLD_AFTER_S and not self._is_told:
            self._is_told = True
            kind = NoticeKind.NO_LEADER if NO_LEADER in error.message else NoticeKind.UNREACHABLE
            self._tell(kind, f"{error.message}; retrying")

    def answered(self) -> None:
        self._troubled_since, self._is_told = None, False

    def throttled(self, answers: int) -> None:
        """So many *answers* in all were 429. Told now and then: a run that is slow for that reason should say so."""
        new, now = answers - self._throttled, self._clock.now()
        if new > 0 and now >= self._throttling_told_at + THROTTLING_TOLD_EVERY_S:
            self._throttled, self._throttling_told_at = answers, now
            told = "1 request was" if new == 1 else f"{new:,} requests were"
            self._tell(NoticeKind.THROTTLED, f"{told} answered with 429 (too many requests): sending more slowly")

    def hear(self, event: Event) -> None:
        if isinstance(event, Repeated) and event.reason == NEVER_MADE:
            return  # that it failed was heard when it was doubted
        if isinstance(event, Doubted | Repeated):
            self._fail(event)
        elif isinstance(event, Accepted | Ended):
            self._failing.discard(event.item)
            refused = isinstance(event, Ended) and event.verdict.outcome is Outcome.REFUSED
            if isinstance(event, Accepted) or refused or not self._failing:
                self._failing_since, self._failures, self._failure = None, 0, ""

    def _fail(self, event: Doubted | Repeated) -> None:
        now = self._clock.now()
        self._failing.add(event.item)
        self._failing_since = now if self._failing_since is None else self._failing_since
        self._failures += 1
        is_lost = self._failures >= FEWEST_FAILURES and now - self._failing_since >= self.limit_s
        self._failure = event.reason if is_lost else ""

    @property
    def loss(self) -> str:
        """What Nomad is lost by; empty while it is not."""
        if self._failure:
            return f"no dispatch was accepted for {self.limit_s:g} s; last error: {self._failure}"
        if self._troubled_since is not None and self._clock.now() - self._troubled_since >= self.limit_s:
            return f"no valid answer from Nomad for {self.limit_s:g} s; last error: {self._last_trouble}"
        return ""
