"""Decides whether Nomad can be reached, gives valid answers and accepts dispatches, and what to report about it."""

from __future__ import annotations

import math
from collections.abc import Callable

from dispatchfile.engine.happenings import FailureKind, RequestFailure
from dispatchfile.events import Accepted, Doubted, Ended, Event, NoticeKind, Outcome, Repeated, RepeatKind

TROUBLE_REPORTED_AFTER_S = 5.0
THROTTLING_REPORTED_EVERY_S = 60.0
FEWEST_FAILURES = 3  # fewer of them may lie far apart and say nothing of what was between

Report = Callable[[NoticeKind, str], None]


class Availability:
    """
    Hears of every event, answer and failure of a run.

    limit_s: after so long without a valid answer, or without an accepted dispatch, Nomad counts as lost.
    """

    def __init__(self, limit_s: float, report: Report) -> None:
        self.limit_s, self._report = limit_s, report
        self._troubled_since: float | None = None
        self._is_reported = False
        self._last_trouble = ""
        self._throttled, self._throttling_reported_at = 0, -math.inf
        self._failing_since: float | None = None
        self._failures = 0
        self._failing: set[str] = set()  # items whose dispatch has failed
        self._failure = ""  # that made it too long; judged at a failure, as a rate may let long pass between two

    def trouble(self, failure: RequestFailure, now: float) -> None:
        self._last_trouble = failure.message
        self._troubled_since = now if self._troubled_since is None else self._troubled_since
        if now - self._troubled_since >= TROUBLE_REPORTED_AFTER_S and not self._is_reported:
            self._is_reported = True
            is_leaderless = failure.kind is FailureKind.LEADERLESS
            kind = NoticeKind.NO_LEADER if is_leaderless else NoticeKind.UNREACHABLE
            self._report(kind, f"{failure.message}; retrying")

    def answered(self) -> None:
        self._troubled_since, self._is_reported = None, False

    def throttled(self, answers: int, now: float) -> None:
        """Report now and then that *answers* in all were 429: a run that is slow for that reason should say so."""
        new = answers - self._throttled
        if new > 0 and now >= self._throttling_reported_at + THROTTLING_REPORTED_EVERY_S:
            self._throttled, self._throttling_reported_at = answers, now
            requests = "1 request was" if new == 1 else f"{new:,} requests were"
            message = f"{requests} answered with 429 (too many requests): sending more slowly"
            self._report(NoticeKind.THROTTLED, message)

    def hear(self, event: Event, now: float) -> None:
        match event:
            case Accepted() | Ended():
                self._settle(event)
            case Doubted() | Repeated(kind=RepeatKind.NOT_DONE):  # of what was in doubt it was heard then
                self._fail(event, now)

    def _settle(self, event: Accepted | Ended) -> None:
        self._failing.discard(event.item)
        is_refused = isinstance(event, Ended) and event.verdict.outcome is Outcome.REFUSED
        if isinstance(event, Accepted) or is_refused or not self._failing:
            self._failing_since, self._failures, self._failure = None, 0, ""

    def _fail(self, event: Doubted | Repeated, now: float) -> None:
        self._failing.add(event.item)
        self._failing_since = now if self._failing_since is None else self._failing_since
        self._failures += 1
        is_lost = self._failures >= FEWEST_FAILURES and now - self._failing_since >= self.limit_s
        self._failure = event.reason if is_lost else ""

    def loss(self, now: float) -> str:
        """Return by what Nomad is lost; empty while it is not."""
        if self._failure:
            return f"no dispatch was accepted for {self.limit_s:g} s; last error: {self._failure}"
        if self._troubled_since is not None and now - self._troubled_since >= self.limit_s:
            return f"no valid answer from Nomad for {self.limit_s:g} s; last error: {self._last_trouble}"
        return ""
