"""An item's facts before the run, and its state."""

from __future__ import annotations

from dispatchfile.events import Cause, ExtraStart, Outcome, State
from dispatchfile.record import record
from dispatchfile.source import Position

WITHOUT_END = frozenset({Outcome.DISPATCHED, Outcome.PLACED})  # nobody waited for the end of the job


@record
class ItemFacts:
    """The facts about an item that results need before its first event."""

    id: str
    job: str
    namespace: str
    region: str = ""
    tags: tuple[str, ...] = ()
    position: Position | None = None  # None: not from a manifest
    source: str = ""  # where an item comes from whose id is not written in the manifest
    max_starts: int | None = None  # how often its tasks may be started; None: without limit


@record
class LaterEnd:
    """The end of an item in a rerun of its run, or in a rerun of that rerun."""

    run: str
    outcome: Outcome | None  # None: it was sent, and no end is on record
    cause: Cause | None = None

    @property
    def is_open(self) -> bool:
        """Return whether the end of the job is not in the journal."""
        return self.outcome is None or self.outcome in WITHOUT_END

    @property
    def is_good(self) -> bool:
        return self.outcome is not None and not self.is_open and self.outcome.exit_class == 0


@record
class ItemResult:
    """The state of an item, by its last attempt. Times are seconds since the epoch."""

    id: str
    job: str
    namespace: str
    region: str
    state: State
    outcome: Outcome | None  # None while it lives
    cause: Cause | None
    message: str
    exit_code: int | None  # of the task that decided
    child: str  # empty: none that is known
    eval_id: str
    existing: bool
    attempt: int  # 0 before the first
    starts: int  # of tasks, in all attempts
    dispatched_at: float | None
    finished_at: float | None
    duration_s: float | None  # from dispatch to end
    node: str
    tags: tuple[str, ...]
    position: Position | None
    last_log_line: str = ""
    alloc_id: str = ""  # of the allocation that decided
    task: str = ""  # the task that decided; the last log line is its
    group: str = ""  # of that allocation
    alloc_index: int | None = None  # as in Verdict
    log_unread: bool = False  # there may be a last log line that nobody has read
    source: str = ""  # as in ItemFacts
    max_starts: int | None = None  # as in ItemFacts
    extra_starts: tuple[ExtraStart, ...] = ()  # why tasks were started that the job's policies do not count
    adopted: bool = False  # the run found the child in Nomad, sent by a process whose journal is not here

    @property
    def place(self) -> str:
        """Return `g[3]`, as Nomad calls the allocation that decided; empty if none did."""
        return self.group if self.alloc_index is None else f"{self.group}[{self.alloc_index}]"

    @property
    def is_over_max_starts(self) -> bool:
        return self.max_starts is not None and self.starts > self.max_starts

    @property
    def label(self) -> str:
        """Return the id; where it is a hash, also the file and line that the item comes from and the row's value."""
        return f"{self.id} ({self.source})" if self.source else self.id


def span_s(start: float | None, end: float | None) -> float | None:
    """Seconds between two times of the wall clock, which may have been set back meanwhile."""
    return None if start is None or end is None else round(max(0.0, end - start), 3)
