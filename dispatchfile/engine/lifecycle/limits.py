"""Stops a run early: after a canary that does not succeed, or too many failures."""

from __future__ import annotations

from dispatchfile.events import Cause, Verdict
from dispatchfile.settings import Share


class StopLimits:
    """Counts canaries and failures. *selected*: how many items a percentage of `stop_on` is of."""

    def __init__(self, canaries: int, stop_on: Share | None, selected: int) -> None:
        self.canaries = canaries  # that have not ended yet
        self._failures = 0
        self._failure_limit = stop_on.of(selected) if stop_on else None

    def count_failures(self, count: int) -> Cause | None:
        """Return why nothing more is started, if that is so after *count* more failures."""
        self._failures += count
        is_over = self._failure_limit is not None and self._failures > self._failure_limit
        return Cause.STOP_ON if is_over else None

    def end(self, verdict: Verdict, *, is_canary: bool) -> Cause | None:
        """Count an item's end. Return why nothing more is started, if that is so."""
        outcome = verdict.outcome
        cause = self.count_failures(int(outcome.is_failure))
        if is_canary:
            self.canaries -= 1
            if outcome.exit_class != 0:
                return cause or Cause.CANARY
        return cause
