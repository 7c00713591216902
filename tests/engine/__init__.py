"""The engine as the tests know it: the one place that says where it is and how it is started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dispatchfile.clock import Clock
from dispatchfile.engine import (
    NOT_OURS,
    TICK_S,
    Baseline,
    BatchSpec,
    BatchState,
    ListedItems,
    Listing,
    LogReads,
    ParentSpec,
    Resumption,
    Start,
)
from dispatchfile.engine import Engine as TheEngine
from dispatchfile.engine import intent_of as intent
from dispatchfile.events import Cause, Event, RunJournal
from tests.fake_nomad import FakeNomad

__all__ = [
    "NOT_OURS",
    "TICK_S",
    "Baseline",
    "BatchSpec",
    "BatchState",
    "Engine",
    "ListedItems",
    "Listing",
    "LogReads",
    "ParentSpec",
    "Resumption",
    "Start",
    "intent",
    "make_engine",
]


class Engine(Protocol):
    """A batch from its first request to its last verdict."""

    async def run(self) -> BatchState:
        """Return how the batch ended. Raises JournalError as soon as something cannot be put on record."""

    def interrupt(self, cause: Cause = Cause.INTERRUPTED) -> None:
        """Send nothing more, wait for the answers under way, and end."""


def make_engine(
    spec: BatchSpec,
    *,
    nomad: FakeNomad,
    journal: RunJournal,
    clock: Clock,
    listener: Callable[[Event], None],
) -> Engine:
    """Return an engine that is about to do what the spec says."""
    return TheEngine(
        spec,
        client=nomad,  # type: ignore[arg-type]  # the client's methods, without its wire
        journal=journal,
        clock=clock,
        listener=listener,
        jitter=lambda: 0.5,
    )
