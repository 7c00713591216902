"""Prepared items through one batch to one summary: what `run`, `resume` and `rerun` share."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dispatchfile.clock import Clock
from dispatchfile.dispatch import Baseline
from dispatchfile.events import Cause, Event, Ledger, Repeated, Sending, Verdict
from dispatchfile.flow import Parent
from dispatchfile.items import Item
from dispatchfile.journal import Mask
from dispatchfile.monitor import LogReads, ParentFacts
from dispatchfile.nomad.client import Client
from dispatchfile.preflight import ParentState, parents_in
from dispatchfile.results import NO_REQUESTS, ItemFacts, Requests, Results, RunFacts, Summary, summarize
from dispatchfile.settings import Settings
from dispatchfile.usecases.batch import Batch, BatchState, Plan, Start
from dispatchfile.usecases.reporting import Reporter

FIRST_WITHOUT_FLAPPING = (2, 0, 1)  # before, a job was `dead` for a moment between a failure and its reschedule
DEFAULT_PRIORITY = 50
FEWEST_LOG_READS, LOG_READS_SHARE = 20, 0.05
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


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done, complete: nothing of it is read again."""

    facts: RunFacts
    selected: Sequence[Item]  # in file order
    settings: Settings
    parents: Mapping[Parent, ParentState]
    baselines: Mapping[Parent, Baseline]
    starts: Mapping[str, Start] = field(default_factory=dict)
    made_children: Mapping[Parent, Collection[str]] = field(default_factory=dict)
    failures: int = 0
    stopped: Cause | None = None  # why an earlier process of this run has started nothing more
    verdicts: Mapping[str, tuple[int, Verdict]] = field(default_factory=dict)
    total: int | None = None  # how many items stop_on's percentage is of; None: the selected ones
    canaries: Sequence[str] = ()
    deadline: float | None = None
    rerun_of: str | None = None
    version: tuple[int, int, int] | None = None  # of the server; None: unknown, so taken for an old one
    logs: str = ""  # "failed", "all", "none"; empty: of failed ones, where it is cheap
    sending: bool = True  # False: nothing is sent any more, what was sent is settled and watched to its end
    everyone: Sequence[Item] = ()  # the whole run's items; empty: the selected ones


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

    async def execute(self, work: Work, control: Control) -> tuple[Summary, BatchState]:
        """Dispatch and watch until every item has its outcome, or the run is interrupted."""
        state = await self.run(work, control)
        signal_exit = control.exit_code if state is BatchState.INTERRUPTED else None
        return self.sum_up(work.facts, state, signal_exit=signal_exit), state

    async def run(self, work: Work, control: Control) -> BatchState:
        self.mask.learn(work.selected)
        batch = Batch(
            _plan(work),
            client=self.client,
            ledger=self.ledger,
            clock=self.clock,
            listener=self._listen,
            jitter=random.random,
            stop_requested=lambda: bool(getattr(self.ledger, "stop_requested", False)),
        )
        control.attach(batch)
        state = await batch.run()
        if batch.stop_was_requested:
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


def _plan(work: Work) -> Plan:
    run, everyone = work.facts.run, work.everyone or work.selected
    return Plan(
        run=run,
        items=_in_order(work.selected, work.parents),
        starts=work.starts,
        settings=work.settings,
        parents={parent: parent_facts(parent, state, run, work.selected) for parent, state in work.parents.items()},
        periodic={parent for parent, state in work.parents.items() if state.job and state.job.periodic},
        baselines=work.baselines,
        canaries=work.canaries,
        deadline=work.deadline,
        rerun_of=work.rerun_of,
        logs=_log_reads(work.logs, len(work.selected)),
        server_before_2_0_1=is_before_2_0_1(work.version),
        made_children=work.made_children,
        failures=work.failures,
        stopped=work.stopped,
        selected=work.total,
        verdicts=work.verdicts,
        sending=work.sending,
        everyone=everyone,
        listings={parent: listing_of(parent[2], run, everyone) for parent in parents_in(everyone)},
    )


def _in_order(items: Sequence[Item], parents: Mapping[Parent, ParentState]) -> list[Item]:
    """By priority, then as in the file. Without one of its own an item has its job's."""

    def priority(item: Item) -> int:
        request = item.request
        if request.priority is not None:
            return request.priority
        state = parents.get((request.namespace, request.region, request.job))
        return state.job.priority if state and state.job else DEFAULT_PRIORITY

    return sorted(items, key=lambda item: -priority(item))


def is_before_2_0_1(version: tuple[int, int, int] | None) -> bool:
    """A version that is not known is taken for an old one."""
    return version is None or version < FIRST_WITHOUT_FLAPPING


def parent_facts(parent: Parent, state: ParentState, run: str, items: Iterable[Item]) -> ParentFacts:
    """What the monitor needs to know of the parent of a run's *items*."""
    groups = {group.name: group for group in state.job.groups} if state.job else {}
    kind = state.job.type if state.job else "batch"
    return ParentFacts(kind, groups, *listing_of(parent[2], run, items))


def listing_of(job: str, run: str, items: Iterable[Item]) -> tuple[str, str]:
    """Prefix and filter that list the run's children: the run stands in front, or behind prefixes of the items' own."""
    if any(item.written_prefix and item.request.job == job for item in items):
        return f"{job}/dispatch-", f'ID contains "-{run}-"'
    return f"{job}/dispatch-{run}-", ""


def _log_reads(wanted: str, items: int) -> LogReads:
    if wanted == "none":
        return LogReads(at_most=0)
    if wanted in ("failed", "all"):
        return LogReads(succeeded=wanted == "all")
    at_most = max(FEWEST_LOG_READS, int(items * LOG_READS_SHARE))
    return LogReads(at_most=at_most, reserved=0 if items <= at_most else at_most // RESERVED_LOG_READS)
