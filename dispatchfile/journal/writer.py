"""One thread that commits what has gathered while the last commit ran, and tells those who wait for it."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

from dispatchfile.journal.records import RunStatus
from dispatchfile.journal.rows import Entry
from dispatchfile.journal.store import Store

POLL_S = 0.5  # how often to look for a stop request while nothing is written


@dataclass(frozen=True, slots=True)
class Order:
    """What to write, and whom to tell once it is durable. A *status* is the run's last word."""

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

    After the first error nothing more is written, so that what is on record has no gap; whoever waits is told.
    """

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open_store = open_store
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._store: Store | None = None
        self._error: Exception | None = None
        self._thread = Thread(target=self._work, name="journal", daemon=True)
        self.stop_requested = False

    @property
    def is_started(self) -> bool:
        return self._thread.ident is not None

    def start(self) -> None:
        self._thread.start()

    def put(self, order: Order) -> None:
        """Never blocks."""
        self._orders.put(order)

    def join(self) -> None:
        """Wait for the end of the thread, which comes right after the run's last word is durable."""
        self._thread.join()

    def _work(self) -> None:
        with self._error_kept():
            self._store = self._open_store()
        while self._serve():
            pass

    def _serve(self) -> bool:
        """One commit. False once the run's last word was written, or could not be."""
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
        return not is_over

    def _gather(self) -> list[Order]:
        orders: list[Order] = []
        try:
            orders.append(self._orders.get(timeout=POLL_S))
            while True:
                orders.append(self._orders.get_nowait())
        except queue.Empty:
            return orders

    def _write(self, store: Store, orders: Sequence[Order]) -> None:
        entries = [entry for order in orders for entry in order.entries]
        status = next((order.status for order in orders if order.status), None)
        if entries or status:
            store.append(entries, status)
        self.stop_requested = store.stop_requested()

    @contextmanager
    def _error_kept(self) -> Iterator[None]:
        try:
            yield
        except Exception as exc:  # noqa: BLE001  whatever it is, those who wait for this thread must be told
            self._error = self._error or exc
