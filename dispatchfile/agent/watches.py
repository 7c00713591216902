"""Keeps the watches of blocking queries: who waits for which change."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

WatchKey = tuple[str, ...]
"""`("jobs", namespace, ID)` for one object, `("allocs",)` for any change of a table."""


@dataclass(frozen=True, slots=True)
class WatchSet:
    """
    The keys and indexes that a query depends on.

    keys: objects, tables, or all of one job's allocations or evaluations. below: jobs of a namespace (None:
    of every namespace) whose ID begins so; a change of another job does not wake the query.
    """

    keys: tuple[WatchKey, ...] = ()
    below: tuple[str | None, str] | None = None

    def covers(self, namespace: str, job_id: str) -> bool:
        if self.below is None:
            return False
        wanted, prefix = self.below
        return (wanted is None or wanted == namespace) and job_id.startswith(prefix)


Waiter = tuple[WatchSet, asyncio.Event]


class Watches:
    """Wakes the queries that a change concerns, each at most once."""

    def __init__(self) -> None:
        self._by_key: defaultdict[WatchKey, set[asyncio.Event]] = defaultdict(set)
        self._below: set[Waiter] = set()

    def add(self, watch: WatchSet) -> Waiter:
        event = asyncio.Event()
        waiter = (watch, event)
        for key in watch.keys:
            self._by_key[key].add(event)
        if watch.below is not None:
            self._below.add(waiter)
        return waiter

    def remove(self, waiter: Waiter) -> None:
        watch, event = waiter
        for key in watch.keys:
            waiting = self._by_key[key]
            waiting.discard(event)
            if not waiting:
                del self._by_key[key]
        self._below.discard(waiter)

    def wake(self, changed: Iterable[WatchKey]) -> None:
        if not self._by_key and not self._below:
            return
        for key in changed:
            for event in self._by_key.get(key, ()):
                event.set()
            if key[0] == "jobs" and len(key) > 1:
                self._wake_below(key[-2], key[-1])

    def _wake_below(self, namespace: str, job_id: str) -> None:
        for watch, event in self._below:
            if watch.covers(namespace, job_id):
                event.set()
