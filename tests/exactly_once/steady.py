"""The real journal on virtual time: what is written, and when, is the same in every repetition."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from dispatchfile.events import Event, Intent
from dispatchfile.journal import Journal, RunState
from dispatchfile.results import NO_REQUESTS, Requests

LEISURE_S = 0.1  # as in the journal's own writer


class Process(Protocol):
    """Whose journal it is."""

    marked: set[tuple[str, int]]  # attempts, durably
    is_asked_to_stop: bool  # by another one

    async def reach(self) -> None:
        """The process comes to a point at which it may be killed; then this does not return."""

    def heard(self, event: Event) -> None:
        """The run has told its journal of the event."""


class Elsewhere:
    """A loop in a thread, on which coroutines of the journal are run while virtual time stands still."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="elsewhere", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    running = Elsewhere()
    try:
        yield running
    finally:
        running.end()


class SteadyJournal(Journal):
    """
    A journal whose commits take no virtual time, and before and after each of which its process may be killed.

    What is recorded is held back until the next commit, or for a tenth of a second, so that a crash loses it as a
    power cut would.
    """

    process: Process
    runner: Elsewhere

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # as they come
        self.written: list[Event] = []  # by this process, and durable
        self._held: list[Event] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def stop_requested(self) -> bool:
        return self.process.is_asked_to_stop

    async def add_intents(self, intents: Sequence[Intent]) -> None:
        await self._commit_steadily(lambda: Journal.add_intents(self, intents))

    async def mark_may_send(self, attempts: Sequence[tuple[str, int]]) -> None:
        await self._commit_steadily(lambda: Journal.mark_may_send(self, attempts), marked=attempts)

    async def flush(self) -> None:
        await self._commit_steadily(lambda: Journal.flush(self))

    async def close(
        self,
        state: RunState,
        *,
        exit_code: int,
        finished_at: float,
        counts: Mapping[str, int] | None = None,
        requests: Requests = NO_REQUESTS,
    ) -> None:
        await self._commit_steadily(
            lambda: Journal.close(
                self, state, exit_code=exit_code, finished_at=finished_at, counts=counts, requests=requests
            )
        )

    def record(self, event: Event) -> None:
        self.process.heard(event)
        self._held.append(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LEISURE_S, self._write_at_leisure)

    async def _commit_steadily(
        self, commit: Callable[[], Coroutine[object, object, None]], marked: Sequence[tuple[str, int]] = ()
    ) -> None:
        await self.process.reach()
        self._forward(len(self._held))
        self.runner.run(commit())
        self.process.marked.update(marked)
        await self.process.reach()

    def _write_at_leisure(self) -> None:
        self._timer = None
        if self._held and self._writer.is_started and not self._is_closed:
            self._forward(len(self._held))
            self.runner.run(Journal.flush(self))

    def _forward(self, count: int) -> None:
        going, self._held = self._held[:count], self._held[count:]
        for event in going:
            Journal.record(self, event)
        self.written += going

    def crash(self, folder: Path, *, kept: int) -> Path | None:
        """
        Return what the disk holds now, copied into another state folder, or None if the run has no file yet.

        kept: of what was recorded since the last commit, so many events are on disk.
        """
        if self._timer is not None:
            self._timer.cancel()
        if not self._writer.is_started:
            return None
        if not self._is_closed:
            self._forward(kept)
            self._held.clear()
            self.runner.run(Journal.flush(self))
        copy = folder / "runs" / self.path.name
        copy.parent.mkdir(parents=True)
        for file in self.path.parent.glob(f"{self.path.name}*"):
            if not file.name.endswith("-shm"):  # made anew from the log
                shutil.copyfile(file, copy.with_name(file.name))
        self.runner.run(Journal.close(self, RunState.INTERRUPTED, exit_code=1, finished_at=0.0))
        return copy
