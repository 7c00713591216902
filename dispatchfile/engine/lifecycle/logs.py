"""Decides which last log lines are read: all of them, or enough to see each kind of ending."""

from __future__ import annotations

from collections import Counter

from dispatchfile.engine.spec import LogReads
from dispatchfile.events import Cause, Outcome, Verdict

FEW_LOGS = 2  # of one outcome, cause and exit code; further ones leave alone what is reserved
HAVE_LOGS = frozenset({Cause.EXIT, Cause.SIGNAL, Cause.OOM, Cause.MAX_RUN_DURATION})


class LogChoice:
    """Counts the logs that were read."""

    def __init__(self, reads: LogReads) -> None:
        self._reads = reads
        self._read: Counter[tuple[Outcome, Cause | None, int | None]] = Counter()

    def has_log(self, verdict: Verdict) -> bool:
        """Return whether a task ran whose last log line is worth reading."""
        if not verdict.alloc_id or not verdict.task:
            return False
        return verdict.cause in HAVE_LOGS or (self._reads.succeeded and verdict.outcome is Outcome.SUCCEEDED)

    def take(self, verdict: Verdict) -> bool:
        """Return whether to read the log of a child that ended like this, and if so, count it."""
        ending = verdict.outcome, verdict.cause, verdict.exit_code
        limit, reserved = self._reads.at_most, self._reads.reserved if self._read[ending] >= FEW_LOGS else 0
        if limit is not None and self._read.total() >= limit - reserved:
            return False
        self._read[ending] += 1
        return True
