"""Prepared items through one batch to one summary: what `run`, `resume` and `rerun` share."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from dispatchfile.clock import Clock
from dispatchfile.engine import (
    Baseline,
    BatchSpec,
    BatchState,
    Engine,
    JobSpec,
    ListedItems,
    Listing,
    LogReads,
    Resumption,
)
from dispatchfile.events import Event, Ledger, Repeated, Sending
from dispatchfile.items import Item
from dispatchfile.journal import Mask
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.preflight import ParentState, parents_in
from dispatchfile.results import NO_REQUESTS, ItemFacts, Requests, Results, RunFacts, Summary, summarize
from dispatchfile.settings import Settings
from dispatchfile.usecases.reporting import Reporter

FIRST_WITHOUT_FLAPPING = (2, 0, 1)  # before, a job was `dead` for a moment between a failure and its reschedule
DEFAULT_PRIORITY = 50
FEWEST_LOG_READS, LOG_READS_SHARE = 20, 0.05
NOTHING_BEFORE = Resumption()
RESERVED_LOG_READS = 4  # one of so many is for what ends in a way that is rare


class Interruptible(Protocol):
    """Something under way that can be ended in good order."""

    def interrupt(self) -> None: ...


class Control:
    """How a run is interrupted from outside, by a signal or by another process."""

    def __init__(self) -> None:
        self._target: Interruptible | None = None
        self.interrupted = False
        self.exit_code: int | None = None  # 129, 130 or 143 where a signal interrupted it
        self.stop_was_requested = False  # by another process

    def interrupt(self, exit_code: int | None = None) -> None:
        """Send nothing more, wait for the answers under way, write the journal, and end."""
        self.interrupted, self.exit_code = True, exit_code
        if self._target is not None:
            self._target.interrupt()

    def attach(self, target: Interruptible) -> None:
        """From now on an interruption is the target's; one that came before is passed on."""
        self._target = target
        if self.interrupted:
            target.interrupt()

    @property
    def is_attached(self) -> bool:
        return self._target is not None


def item_facts(item: Item) -> ItemFacts:
    request, place = item.request, item.row or item.position
    return ItemFacts(item.id, request.job, request.namespace, request.region, item.tags, place, item.source)


@dataclass(slots=True)
class Executor:
    """Runs a batch, and sums up."""

    client: Client
    ledger: Ledger
    results: Results
    reporter: Reporter
    clock: Clock
    mask: Mask = field(default_factory=Mask)
    before: Requests = NO_REQUESTS  # of earlier processes of this run
    sent: int = 0
    repeated: int = 0

    async def execute(self, facts: RunFacts, spec: BatchSpec, control: Control) -> tuple[Summary, BatchState]:
        """Dispatch and watch until every item has its outcome, or the run is interrupted."""
        state = await self.run(spec, control)
        signal_exit = control.exit_code if state is BatchState.INTERRUPTED else None
        return self.sum_up(facts, state, signal_exit=signal_exit), state

    async def run(self, spec: BatchSpec, control: Control) -> BatchState:
        engine = Engine(
            spec,
            client=self.client,
            ledger=self.ledger,
            clock=self.clock,
            listener=self._listen,
            jitter=random.random,
            stop_requested=lambda: bool(getattr(self.ledger, "stop_requested", False)),
        )
        control.attach(engine)
        state = await engine.run()
        if engine.stop_was_requested:
            control.stop_was_requested = True
        return state

    def sum_up(self, facts: RunFacts, state: BatchState, *, signal_exit: int | None = None) -> Summary:
        return summarize(
            self.results,
            facts,
            state=state.value,
            finished_at=self.clock.wall(),
            requests=self.requests,
            signal_exit=signal_exit,
        )

    def tell(self, event: Event) -> None:
        """Something that happened before the batch began."""
        self.ledger.record(event)
        self._listen(event)

    def _listen(self, event: Event) -> None:
        self.sent += isinstance(event, Sending)
        self.repeated += isinstance(event, Repeated)
        shown = self.mask.hide(event)
        self.results.apply(shown)
        self.reporter.event(shown, self.results)

    @property
    def requests(self) -> Requests:
        own = Requests(
            total=self.client.requests,
            dispatches=self.sent,
            retried=self.repeated,
            throttled=self.client.throttled,
            peak_connections=self.client.peak_connections,
        )
        return self.before.with_later(own)


def batch_spec(
    run: str,
    items: Sequence[Item],
    settings: Settings,
    parents: Mapping[JobKey, ParentState],
    *,
    baselines: Mapping[JobKey, Baseline],
    rerun_of: str | None = None,
    everyone: Sequence[Item] = (),
    canaries: Collection[str] = (),
    deadline: float | None = None,
    version: tuple[int, int, int] | None = None,
    logs: str = "",
    sending: bool = True,
    resumption: Resumption = NOTHING_BEFORE,
) -> BatchSpec:
    """
    Return what the engine is to do with the *items*, which are in file order.

    everyone: the whole run's items, if more than these. version: of the server; None: unknown, so taken for an old one.
    logs: "failed", "all" or "none"; empty: of failed ones, where it is cheap.
    """
    everyone = everyone or items
    listings = {parent: listing_of(parent.job, run, everyone) for parent in parents_in(everyone)}
    begun = {item for item, start in resumption.starts.items() if start.has_begun}
    ordered = _in_order(items, parents)
    return BatchSpec(
        run=run,
        settings=settings,
        source=ListedItems(ordered, run=run, begun=begun, canaries=frozenset(canaries), everyone=everyone),
        jobs={
            parent: replace(job_spec(parent, state, run, items), baseline=baselines.get(parent))
            for parent, state in parents.items()
        },
        rerun_of=rerun_of,
        selected=len(everyone),
        deadline=deadline,
        logs=_log_reads(logs, len(items)),
        server_before_2_0_1=is_before_2_0_1(version),
        sending=sending,
        listings=listings,
        resumption=resumption,
    )


def _in_order(items: Sequence[Item], parents: Mapping[JobKey, ParentState]) -> list[Item]:
    """By priority, then as in the file. Without one of its own an item has its job's."""

    def priority(item: Item) -> int:
        request = item.request
        if request.priority is not None:
            return request.priority
        state = parents.get(request.job_key)
        return state.job.priority if state and state.job else DEFAULT_PRIORITY

    return sorted(items, key=lambda item: -priority(item))


def is_before_2_0_1(version: tuple[int, int, int] | None) -> bool:
    """A version that is not known is taken for an old one."""
    return version is None or version < FIRST_WITHOUT_FLAPPING


def job_spec(parent: JobKey, state: ParentState, run: str, items: Iterable[Item]) -> JobSpec:
    """Return what the engine needs to know of the job of a run's *items*."""
    listing, job = listing_of(parent.job, run, items), state.job
    if job is None:
        return JobSpec("batch", {}, listing)
    return JobSpec(job.type, {group.name: group for group in job.groups}, listing, is_periodic=bool(job.periodic))


def listing_of(job: str, run: str, items: Iterable[Item]) -> Listing:
    """
    Return the prefix and the filter that list the run's children of the job.

    The run stands in front of their IDs, or behind prefixes of the items' own.
    """
    if any(item.written_prefix and item.request.job == job for item in items):
        return Listing(f"{job}/dispatch-", f'ID contains "-{run}-"')
    return Listing(f"{job}/dispatch-{run}-")


def _log_reads(wanted: str, items: int) -> LogReads:
    if wanted == "none":
        return LogReads(at_most=0)
    if wanted in ("failed", "all"):
        return LogReads(succeeded=wanted == "all")
    at_most = max(FEWEST_LOG_READS, int(items * LOG_READS_SHARE))
    return LogReads(at_most=at_most, reserved=0 if items <= at_most else at_most // RESERVED_LOG_READS)
