"""The journal of a run: what is durable before a request leaves, and what is recorded as things happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from dispatchfile.errors import JournalError
from dispatchfile.events import Event, Intent
from dispatchfile.items import Item
from dispatchfile.journal.folder import run_path
from dispatchfile.journal.masking import Mask
from dispatchfile.journal.opening import open_again, open_new, own_status
from dispatchfile.journal.records import Mark, RunHeader, RunState, RunStatus, StoredBaseline
from dispatchfile.journal.rows import Entry
from dispatchfile.journal.store import Store
from dispatchfile.journal.writer import Order, Writer
from dispatchfile.results import NO_REQUESTS, Requests


class Journal:
    """
    The journal on SQLite, one file for each run. Only one process at a time can have a run's journal.

    Every coroutine raises JournalError if something recorded so far could not be written; then nothing more is. What
    was awaited before is on record.
    """

    def __init__(self, path: Path, mask: Mask, open_store: Callable[[Sequence[Intent]], Store]) -> None:
        self.path = path
        self._mask = mask
        self._intents: Sequence[Intent] = ()
        self._writer = Writer(lambda: open_store(self._intents))
        self._is_closed = False

    @classmethod
    def create(
        cls, folder: Path, header: RunHeader, items: Sequence[Item], *, baselines: Iterable[StoredBaseline] = ()
    ) -> Journal:
        """
        Return the journal of a new run in the state *folder*. Nothing is written before the run's first intents come.

        items: all of the run, those that are skipped too. baselines: of the parents known so far.
        `add_intents` raises RunRefused where there is a run of that ID already.
        """
        path, mask = run_path(folder, header), Mask(items)
        stored = replace(header, target=header.target.without_credentials())

        def begin(intents: Sequence[Intent]) -> Store:
            return open_new(path, stored, items, (*baselines, *intents), mask)

        return cls(path, mask, begin)

    @classmethod
    def resume(cls, path: Path) -> Journal:
        """
        Return the journal of a run that has been before. Read it after this: then it is sure that nobody else writes.

        Raises JournalError, and RunRefused while another process works on the run.
        """
        mask = Mask()
        store = open_again(path, mask)
        journal = cls(path, mask, lambda _: store)
        journal._writer.start()
        return journal

    def hide(self, items: Iterable[Item]) -> None:
        """Keep the sensitive values of these items, rendered again, out of what is recorded from now on."""
        self._mask.learn(items)

    def silence(self, items: Iterable[Item]) -> None:
        """Keep all that may repeat a sensitive value of these items, which is not at hand, out of what is recorded."""
        self._mask.silence(items)

    async def add_intents(self, intents: Sequence[Intent]) -> None:
        if self._writer.is_started:
            await self._commit(intents)
        else:
            self._intents = intents
            self._writer.start()
            await self._commit(())

    async def mark_may_send(self, attempts: Sequence[tuple[str, int]]) -> None:
        await self._commit([Mark(item, attempt) for item, attempt in attempts])

    def record(self, event: Event) -> None:
        if not self._is_closed:
            self._writer.put(Order((event,)))

    def check(self) -> None:
        """Raise JournalError if something recorded so far could not be written. It reads no file and does not wait."""
        self._writer.check()

    async def flush(self) -> None:
        if self._writer.is_started:
            await self._commit(())

    @property
    def stop_requested(self) -> bool:
        """Return whether another process has asked this one to stop, up to half a second ago."""
        return self._writer.stop_requested

    async def close(
        self,
        state: RunState,
        *,
        exit_code: int,
        finished_at: float,
        counts: Mapping[str, int] | None = None,
        requests: Requests = NO_REQUESTS,
    ) -> None:
        """
        Record how the run ended, and let go of it. A journal without intents vanishes without a trace.

        counts: items by outcome. requests: those of earlier processes too.

        Nothing is recorded afterwards; a second call does nothing.
        """
        if self._is_closed or not self._writer.is_started:
            self._is_closed = True
            return
        status = own_status(state, exit_code=exit_code, finished_at=finished_at, counts=counts, requests=requests)
        try:
            await self._commit((), status)
        finally:
            self._writer.join()

    async def _commit(self, entries: Sequence[Entry], status: RunStatus | None = None) -> None:
        if self._is_closed or not self._writer.is_started:
            raise JournalError(f"{self.path}: the journal is not open")
        self._is_closed = status is not None
        done: Future[None] = Future()
        self._writer.put(Order(entries, done, status))
        await asyncio.wrap_future(done)
