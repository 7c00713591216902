"""A whole run of the tool against a backend: a manifest on disk, the use case, and a reporter that tests wait for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dispatchfile.clock import Clock
from dispatchfile.events import Accepted, Ended, Event, Moved, State
from dispatchfile.results import ItemResult, Results, Summary
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.reporting import NoReporter
from dispatchfile.usecases.run import run_manifest
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.running.prepare import RunOptions
from tests.conformance.backends import Backend

T = TypeVar("T")
TOLD_WITHIN_S = 45.0
Entry = Mapping[str, Any]  # of a manifest's `dispatches`


class Told(NoReporter):
    """Everything that a run has told so far."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.notes: list[str] = []
        self._news = asyncio.Event()

    def note(self, message: str) -> None:
        self.notes.append(message)

    def event(self, event: Event, results: Results) -> None:
        self.events.append(event)
        self._news.set()

    async def first(self, kind: type[T], fits: Callable[[T], bool]) -> T:
        """The first event of a kind that fits, as soon as there is one."""
        async with asyncio.timeout(TOLD_WITHIN_S):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and fits(event):
                        return event
                self._news.clear()
                await self._news.wait()

    async def child_of(self, item: str) -> str:
        """The child that Nomad has for an item."""
        return (await self.first(Accepted, lambda event: event.item == item)).child

    async def running(self, item: str) -> None:
        """Returns when the run has seen the item's child running."""
        await self.first(Moved, lambda event: (event.item, event.state) == (item, State.RUNNING))

    async def ended(self, item: str) -> Ended:
        return await self.first(Ended, lambda event: event.item == item)

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)


async def end_of(
    backend: Backend,
    folder: Path,
    manifest: str | Path,
    *,
    told: Told | None = None,
    stop_on_interrupt: bool = False,
    **settings: str,
) -> RunEnd:
    """
    What a run came to. *manifest*: its text, which is written below *folder*, or the path of one that exists.

    settings: flags by manifest key, as typed. The journal is kept below *folder*.
    """
    path = manifest if isinstance(manifest, Path) else folder / "dispatchfile.yaml"
    if isinstance(manifest, str):
        path.write_text(manifest, encoding="utf-8")
    options = RunOptions(
        source=ManifestSource(path=str(path), content=None, variables={}, environ={}),
        connection=backend.connection,
        settings=settings,
        state_dir=str(folder / "state"),
        new=True,
        stop_on_interrupt=stop_on_interrupt,
    )
    return await run_manifest(options, reporter=told or Told(), control=Control(), clock=Clock())


async def run_items(
    backend: Backend, folder: Path, items: Sequence[Entry], *, told: Told | None = None, **settings: str
) -> Summary:
    """The summary of a run of *items*, which wait for completion unless *settings* say otherwise."""
    wanted = {"wait": "completion", **settings}
    end = await end_of(backend, folder, manifest_of(items), told=told, **wanted)
    assert end.summary is not None, "\n".join(map(str, end.problems))
    return end.summary


def manifest_of(items: Sequence[Entry]) -> str:
    """A manifest of *items*. JSON is YAML, and nobody reads this one."""
    return json.dumps({"version": 1, "name": "conformance", "dispatches": list(items)}, indent=1)


def of(summary: Summary, item: str) -> ItemResult:
    return next(result for result in summary.items if result.id == item)


def outcomes(summary: Summary) -> dict[str, tuple[str | None, str | None]]:
    """Each item's outcome and cause."""
    return {item.id: (item.outcome and item.outcome.value, item.cause and item.cause.value) for item in summary.items}
