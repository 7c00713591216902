"""
A thread that commits what was collected since its last commit, and notifies those who wait for it.

What somebody waits for is committed at once, together with all that gathered while the last commit ran; the rest at
leisure, since every commit costs a sync and, while the event loop is busy, some turns of the interpreter's lock.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from dispatchfile.journal.records import RunStatus
from dispatchfile.journal.rows import Entry
from dispatchfile.journal.store import Store

LEISURE_S = 0.1  # what nobody waits for is durable so much later
LOOK_PAUSE_S = 0.5  # between two looks for a stop request


@dataclass(frozen=True, slots=True)
class Order:
    """The rows to write, and whom to notify once they are durable. A *status* is the last row of a run."""

    entries: Sequence[Entry] = ()
    done: Future[None] | None = None
    status: RunStatus | None = None

    def settle(self, error: Exception | None) -> None:
        if self.done is None or not self.done.set_running_or_notify_cancel():
            return  # nobody waits any more
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Writer:
    """
    Writes orders in the order they came. Orders that come before the start wait for it.

    After the first error nothing more is written, so that what is on record has no gap. Whoever waits or
    calls `check` gets that error.
    """

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open_store = open_store
        self._orders: deque[Order] = deque()
        self._is_awaited = Event()
        self._store: Store | None = None
        self._error: Exception | None = None
        self._thread = Thread(target=self._work, name="journal", daemon=True)
        self._next_look = 0.0
        self.stop_requested = False

    @property
    def is_started(self) -> bool:
        return self._thread.ident is not None

    def start(self) -> None:
        self._thread.start()

    def put(self, order: Order) -> None:
        """Never blocks."""
        self._orders.append(order)
        if order.done is not None:
            self._is_awaited.set()

    def check(self) -> None:
        """Raise the first error, if there was one."""
        if self._error is not None:
            raise self._error

    def join(self) -> None:
        """Wait for the end of the thread, which comes right after the run's last word is durable."""
        self._thread.join()

    def _work(self) -> None:
        with self._error_kept():
            self._store = self._open_store()
        while self._serve():
            pass

    def _serve(self) -> bool:
        """Make one commit. Return False once the run's last row was written, or could not be written."""
        orders = self._gather()
        if self._store is not None and self._error is None:
            with self._error_kept():
                self._write(self._store, orders)
        is_over = any(order.status for order in orders)
        if is_over and self._store is not None:
            with self._error_kept():
                self._store.close()
        for order in orders:
            order.settle(self._error)
        if not is_over:
            self._look_for_stop()
        return not is_over

    def _look_for_stop(self) -> None:
        if self._store is not None and self._error is None and time.monotonic() >= self._next_look:
            with self._error_kept():
                self.stop_requested = self._store.stop_requested()
            self._next_look = time.monotonic() + LOOK_PAUSE_S

    def _gather(self) -> list[Order]:
        self._is_awaited.wait(LEISURE_S)
        self._is_awaited.clear()  # before they are taken, so that none that comes meanwhile is left to wait
        return [self._orders.popleft() for _ in range(len(self._orders))]

    def _write(self, store: Store, orders: Sequence[Order]) -> None:
        entries = [entry for order in orders for entry in order.entries]
        status = next((order.status for order in orders if order.status), None)
        if entries or status:
            store.append(entries, status)

    @contextmanager
    def _error_kept(self) -> Iterator[None]:
        try:
            yield
        except Exception as exc:  # noqa: BLE001  whatever it is, those who wait for this thread must be told
            self._error = self._error or exc
