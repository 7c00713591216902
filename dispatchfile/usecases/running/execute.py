"""Takes one batch through the engine to one summary: shared by `run`, `resume`, `rerun` and `stop`."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from dispatchfile.clock import Clock
from dispatchfile.engine import BatchSpec, BatchState, Engine
from dispatchfile.events import Event, Repeated, RunJournal, Sending
from dispatchfile.items import Item
from dispatchfile.journal import Journal, Mask, RunState
from dispatchfile.nomad.client import Client
from dispatchfile.results import NO_REQUESTS, ItemFacts, Requests, Results, RunFacts, Summary, summarize
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.running.control import Control


def item_facts(item: Item) -> ItemFacts:
    request, place = item.request, item.row or item.position
    return ItemFacts(
        item.id, request.job, request.namespace, request.region, item.tags, place, item.source, item.max_starts
    )


@dataclass(slots=True)
class Executor:
    """Runs a batch, and sums up."""

    client: Client
    journal: RunJournal
    results: Results
    reporter: Reporter
    clock: Clock
    mask: Mask = field(default_factory=Mask)
    before: Requests = NO_REQUESTS  # of earlier processes of this run
    sent: int = 0
    repeated: int = 0

    async def execute(self, facts: RunFacts, spec: BatchSpec, control: Control) -> Summary:
        """Dispatch and watch until every item has its outcome, or the run is interrupted; record how it ended."""
        state = await self.run(spec, control)
        signal_exit = control.exit_code if state is BatchState.INTERRUPTED else None
        summary = self.sum_up(facts, state, signal_exit=signal_exit)
        await close_journal(self.journal, summary, state, self.clock)
        return summary

    async def run(self, spec: BatchSpec, control: Control) -> BatchState:
        engine = Engine(
            spec,
            client=self.client,
            journal=self.journal,
            clock=self.clock,
            listener=self._listen,
            jitter=random.random,
            stop_requested=lambda: bool(getattr(self.journal, "stop_requested", False)),
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

    def report(self, event: Event) -> None:
        """Something that happened before the batch began."""
        self.journal.record(event)
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


async def close_journal(journal: RunJournal, summary: Summary, state: BatchState, clock: Clock) -> None:
    """Record how the run ended."""
    if isinstance(journal, Journal):
        await journal.close(
            RunState(state.value),
            exit_code=summary.exit_code,
            finished_at=clock.wall(),
            counts=summary.counts,
            requests=summary.requests,
        )
