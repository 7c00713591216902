"""A batch against the fake Nomad, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from dispatchfile.clock import Clock
from dispatchfile.events import Doubled, Ended, Event, ItemEvent, NoJournal, Outcome, RunJournal, Verdict
from dispatchfile.items import Item
from dispatchfile.nomad.models import TaskGroup
from dispatchfile.settings import Settings, Wait
from tests.engine import (
    Baseline,
    BatchSpec,
    BatchState,
    Engine,
    ListedItems,
    Listing,
    LogReads,
    ParentSpec,
    Resumption,
    Start,
    make_engine,
)
from tests.fake_nomad import GROUP, FakeNomad

RUN = "run1"
COMPLETION = Settings(wait=Wait.COMPLETION)


@dataclass(slots=True)
class Outcomes:
    """The events and ends of a batch, collected."""

    events: list[Event] = field(default_factory=list)
    state: BatchState | None = None

    def last(self, item: str) -> Verdict:
        """The item's final verdict."""
        ended = [event for event in self.events if isinstance(event, Ended) and event.item == item]
        assert ended[-1].retry_at is None
        return ended[-1].verdict

    def outcomes(self) -> dict[str, Outcome]:
        ended = [event for event in self.events if isinstance(event, Ended) and event.retry_at is None]
        return {event.item: event.verdict.outcome for event in ended}

    def of(self, item: str) -> list[str]:
        """The kinds of the item's events, in order."""
        return [type(event).__name__ for event in self.events if isinstance(event, ItemEvent) and event.item == item]

    @property
    def doubled(self) -> list[Doubled]:
        return [event for event in self.events if isinstance(event, Doubled)]


def make_batch(
    nomad: FakeNomad,
    items: Sequence[Item],
    settings: Settings = COMPLETION,
    *,
    starts: Mapping[str, Start] | None = None,
    outcomes: Outcomes,
    journal: RunJournal | None = None,
    baseline: Baseline | None = None,
    canaries: Sequence[str] = (),
    run_timeout_s: float | None = None,
    made: Sequence[str] = (),
    logs_at_most: int = 0,
    logs_reserved: int = 0,
    failures: int = 0,
    verdicts: Mapping[str, tuple[int, Verdict]] | None = None,
    wall: Callable[[], float] | None = None,
    group: TaskGroup = GROUP,
) -> Engine:
    begun = starts or {}
    parents = {item.request.job_key for item in items}
    listings = {parent: Listing(f"{parent.job}/dispatch-", f'ID contains "-{RUN}-"') for parent in parents}
    loop = asyncio.get_running_loop()
    spec = BatchSpec(
        run=RUN,
        settings=settings,
        source=ListedItems(
            items,
            run=RUN,
            begun=[item for item, start in begun.items() if start.has_begun],
            canaries=frozenset(canaries),
        ),
        jobs={
            parent: ParentSpec("batch", {"g": group}, listings[parent], baseline=baseline or Baseline(0, 7))
            for parent in parents
        },
        selected=len(items),
        deadline=None if run_timeout_s is None else loop.time() + run_timeout_s,
        logs=LogReads(at_most=logs_at_most, reserved=logs_reserved),
        listings=listings,
        resumption=Resumption(
            starts=begun,
            verdicts=verdicts or {},
            made_children={parent: tuple(made) for parent in parents},
            failures=failures,
        ),
    )
    return make_engine(
        spec,
        nomad=nomad,
        journal=journal or NoJournal(),
        clock=Clock(wall=wall or loop.time),
        listener=outcomes.events.append,
    )


async def run_batch(nomad: FakeNomad, items: Sequence[Item], settings: Settings = COMPLETION, **options) -> Outcomes:
    """Run a batch to its end."""
    outcomes = Outcomes()
    outcomes.state = await make_batch(nomad, items, settings, outcomes=outcomes, **options).run()
    return outcomes


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
