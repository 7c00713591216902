"""Everything about one item or all items of a run: requests, attempts, and what Nomad still has of a child."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dispatchfile.events import Verdict
from dispatchfile.items import Item
from dispatchfile.nomad.models import Alloc, Evaluation
from dispatchfile.results.items import ItemResult, LaterEnd
from dispatchfile.results.summary import Summary


@dataclass(frozen=True, slots=True)
class AttemptDetail:
    """An attempt as the journal has it. Times are seconds since the epoch."""

    number: int
    prefix: str  # of the child's ID, as sent
    token: str | None  # the idempotency token, as sent
    may_be_sent: bool  # a request for it may have left
    child: str = ""
    eval_id: str = ""
    existing: bool = False
    dispatched_at: float | None = None
    seen_running_at: float | None = None
    ended_at: float | None = None
    verdict: Verdict | None = None
    retry_at: float | None = None
    doubt: str = ""  # why nobody knew whether the request was carried out


@dataclass(frozen=True, slots=True)
class LogTail:
    """The last lines of one stream of a task, or why there are none."""

    source: str  # which task, where there are several
    stream: str
    lines: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class InNomad:
    """The records that Nomad has of the last attempt's child."""

    job_status: str = ""  # empty: Nomad no longer has the job
    stopped: bool = False
    evaluations: Sequence[Evaluation] = ()
    allocs: Sequence[Alloc] = ()  # the oldest first
    logs: Sequence[LogTail] = ()
    waits_for: str = ""  # why Nomad has not placed all of it


@dataclass(frozen=True, slots=True)
class ItemDetail:
    """An item of a run with all its attempts."""

    run: str
    run_state: str  # as in a summary
    target: str
    item: Item  # without the values of what is sensitive
    result: ItemResult
    attempts: Sequence[AttemptDetail]
    nomad: InNomad | None  # None: it was not asked, or gave no answer
    unread: str  # why it was not
    is_dispatch: bool = False  # the run is the record of a `dispatch`
    later: LaterEnd | None = None  # how the item ended in a rerun since


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """Where a run comes from."""

    version: str = ""  # of the dispatchfile that started it
    rerun_of: str = ""  # a run's ID
    plan: str = ""  # the digest of the plan that it applies
    commit: str = ""  # that was checked out where its manifest is
    is_dispatch: bool = False  # the run is the record of a `dispatch`


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with the requests and attempts of all its items."""

    summary: Summary
    read_at: float  # seconds since the epoch: until then, what lives has lived
    origin: RunOrigin = RunOrigin()
    attempts: Mapping[str, Sequence[AttemptDetail]] = field(default_factory=dict)  # by item; none without a journal
    read_items: Callable[[], Iterable[Item]] = tuple  # in the run's order, without the values of what is sensitive
