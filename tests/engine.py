"""The engine as the tests know it: the one place that says where it is and how it is started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dispatchfile.clock import Clock
from dispatchfile.dispatch import Baseline, intent_of
from dispatchfile.events import Cause, Event, Intent, Ledger
from dispatchfile.flow import Ticket, parent_of
from dispatchfile.items import Item
from dispatchfile.monitor import LogReads, ParentFacts
from dispatchfile.usecases.batch import NOT_OURS, TICK_S, Batch, BatchState, Plan, Start
from tests.fake_nomad import FakeNomad

__all__ = [
    "NOT_OURS",
    "TICK_S",
    "Baseline",
    "BatchState",
    "Engine",
    "LogReads",
    "ParentFacts",
    "Plan",
    "Start",
    "intent",
    "make_engine",
    "parent_of",
]


class Engine(Protocol):
    """A batch from its first request to its last verdict."""

    async def run(self) -> BatchState:
        """Return how the batch ended. Raises JournalError as soon as something cannot be put on record."""

    def interrupt(self, cause: Cause = Cause.INTERRUPTED) -> None:
        """Send nothing more, wait for the answers under way, and end."""


def make_engine(
    plan: Plan,
    *,
    nomad: FakeNomad,
    ledger: Ledger,
    clock: Clock,
    listener: Callable[[Event], None],
) -> Engine:
    """Return an engine that is about to carry out the plan."""
    return Batch(
        plan,
        client=nomad,  # type: ignore[arg-type]  # the client's methods, without its wire
        ledger=ledger,
        clock=clock,
        listener=listener,
        jitter=lambda: 0.5,
    )


def intent(item: Item, attempt: int, *, run: str, rerun_of: str | None = None) -> Intent:
    """Return what the attempt would send."""
    return intent_of(Ticket(item, attempt), run=run, rerun_of=rerun_of)
