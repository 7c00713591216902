"""
Decides whether a task that ended is started again, when, and in Nomad's words why not.

Source: hashicorp/nomad, client/allocrunner/taskrunner/restarts/restarts.go.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from dispatchfile.agent.lifecycle import Stage
from dispatchfile.agent.outcomes import ExitResult, StartFailure
from dispatchfile.agent.taskevents import RESTART_WITHIN_POLICY
from dispatchfile.jobspec import format_duration

JITTER: Final = 0.25

_RESTARTED_ON_SUCCESS: Final = frozenset({Stage.PRESTART_SIDECAR, Stage.POSTSTART_SIDECAR})


class Next(Enum):
    """The next step of the task."""

    ENDED_WELL = "ended well"
    FAILED = "failed"
    STARTED_AGAIN = "started again"


@dataclass(frozen=True, slots=True)
class Decision:
    """delay_ns: until the next start."""

    next: Next
    reason: str
    delay_ns: int = 0


class RestartTracker:
    """Counts the starts of one task in the intervals of its policy."""

    def __init__(
        self,
        policy: Mapping[str, Any],
        stage: Stage,
        *,
        now_ns: Callable[[], int],
        chance: Callable[[], float] = random.random,
    ) -> None:
        """*policy*: a RestartPolicy of the API. *chance*: from 0 to 1, for the jitter of delays."""
        self._attempts: int = policy.get("Attempts") or 0
        self._interval_ns: int = policy.get("Interval") or 0
        self._delay_ns: int = policy.get("Delay") or 0
        self._fails: bool = (policy.get("Mode") or "fail") == "fail"
        self._on_success = stage in _RESTARTED_ON_SUCCESS
        self._now_ns = now_ns
        self._chance = chance
        self._interval_start_ns = now_ns()
        self._count = 0

    def decide(self, outcome: ExitResult | StartFailure) -> Decision:
        """Decide what follows an end that nobody asked for."""
        if isinstance(outcome, ExitResult) and outcome.successful and not self._on_success:
            return Decision(Next.ENDED_WELL, "Restart unnecessary as task terminated successfully")
        if self._attempts == 0:
            return Decision(Next.FAILED, "Policy allows no restarts")
        self._count_start()
        if isinstance(outcome, StartFailure) and not outcome.recoverable:
            return Decision(Next.FAILED, "Error was unrecoverable")
        return self._by_count()

    def _count_start(self) -> None:
        now_ns = self._now_ns()
        if now_ns > self._interval_start_ns + self._interval_ns:
            self._count, self._interval_start_ns = 0, now_ns
        self._count += 1

    def _by_count(self) -> Decision:
        if self._count <= self._attempts:
            delay_ns = self._delay_ns + int(self._delay_ns * self._chance() * JITTER)
            return Decision(Next.STARTED_AGAIN, RESTART_WITHIN_POLICY, max(delay_ns, 1))
        if self._fails:
            interval = format_duration(self._interval_ns)
            reason = f'Exceeded allowed attempts {self._attempts} in interval {interval} and mode is "fail"'
            return Decision(Next.FAILED, reason)
        rest_ns = self._interval_start_ns + self._interval_ns - self._now_ns()
        return Decision(Next.STARTED_AGAIN, "Exceeded allowed attempts, applying a delay", max(rest_ns, 0))
