"""The source of a batch's items."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol

from dispatchfile.items import Item, item_prefix
from dispatchfile.names import JobKey


class RankedItem(NamedTuple):
    """An item and its place in the order to send."""

    rank: int
    item: Item
    is_canary: bool = False


class ItemSource(Protocol):
    """The items of a batch, given out piece by piece."""

    @property
    def canaries(self) -> int:
        """Number of canary items."""

    @property
    def is_empty(self) -> bool:
        """Return whether `take` has given out all items."""

    def take(self, count: int, without: Collection[JobKey] = ()) -> Sequence[RankedItem]:
        """Return the next items, at most *count*, none of the jobs *without*. All canaries come before any other."""

    def take_begun(self) -> Sequence[RankedItem]:
        """Return the items that an earlier process has begun: `take` leaves them out."""

    def find(self, job: JobKey, prefix: str) -> str | None:
        """Return the ID of the item whose child prefixes of *job* begin with *prefix*, before the attempt."""


class ListedItems:
    """
    The items of a list.

    items: in the order to send. begun: IDs of those that an earlier process has begun. canaries: IDs of those that go
    first. everyone: the whole run's items, if more than these.
    """

    def __init__(
        self,
        items: Sequence[Item],
        *,
        run: str,
        begun: Collection[str] = (),
        canaries: Collection[str] = (),
        everyone: Sequence[Item] = (),
    ) -> None:
        self._run, self._everyone = run, everyone or items
        self.canaries = len(canaries)
        ranked = [RankedItem(rank, item, item.id in canaries) for rank, item in enumerate(items)]
        self._begun = [entry for entry in ranked if entry.item.id in begun]
        fresh = [entry for entry in ranked if entry.item.id not in begun] if begun else ranked
        self._canaries = _by_job(entry for entry in fresh if entry.is_canary)
        self._others = _by_job(entry for entry in fresh if not entry.is_canary)

    @property
    def is_empty(self) -> bool:
        return not self._canaries and not self._others

    def take(self, count: int, without: Collection[JobKey] = ()) -> Sequence[RankedItem]:
        queues = self._canaries or self._others
        taken: list[RankedItem] = []
        while len(taken) < count:
            ready = [job for job in queues if job not in without] if without else list(queues)
            if not ready:
                break
            taken += _take_ordered(queues, ready, count - len(taken))
        return taken

    def take_begun(self) -> Sequence[RankedItem]:
        begun, self._begun = self._begun, []
        return begun

    def find(self, job: JobKey, prefix: str) -> str | None:
        found = (
            item.id
            for item in self._everyone
            if item.request.job_key == job and not item.exact_prefix and item_prefix(item, run=self._run) == prefix
        )
        return next(found, None)


def _by_job(entries: Iterable[RankedItem]) -> dict[JobKey, deque[RankedItem]]:
    queues: dict[JobKey, deque[RankedItem]] = {}
    for entry in entries:
        queues.setdefault(entry.item.request.job_key, deque()).append(entry)
    return queues


def _take_ordered(queues: dict[JobKey, deque[RankedItem]], ready: Sequence[JobKey], count: int) -> list[RankedItem]:
    """Take the entries of lowest rank from these queues, until one of them is empty."""
    taken: list[RankedItem] = []
    while len(taken) < count:
        job = ready[0] if len(ready) == 1 else min(ready, key=lambda name: queues[name][0].rank)
        taken.append(queues[job].popleft())
        if not queues[job]:
            del queues[job]
            break
    return taken
