"""Why the children of a job wait in Nomad: asked of one of them, and true of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dispatchfile.events import Ended, ItemEvent, Moved, State
from dispatchfile.names import JobKey
from dispatchfile.results.items import ItemFacts, ItemResult


@dataclass(frozen=True, slots=True)
class JobWait:
    """Items of one job that no node can take now."""

    job: str
    namespace: str
    region: str
    item: str  # that was asked
    message: str  # `queued: no node meets "${meta.x} = y" (1 filtered)`
    items: int  # queued in all


class Waits:
    """The last answer for each job, as long as the item that was asked is still queued."""

    def __init__(self) -> None:
        self._asked: dict[JobKey, Moved] = {}

    def fold(self, event: ItemEvent, facts: ItemFacts) -> None:
        if isinstance(event, Moved) and event.blocked:
            self._asked[_key(facts)] = event
        elif self._asked and isinstance(event, Moved | Ended):
            asked = self._asked.get(_key(facts))
            if asked is not None and asked.item == event.item:
                del self._asked[_key(facts)]

    def of(self, items: Callable[[], Iterable[ItemResult]]) -> tuple[JobWait, ...]:
        """In the order in which the jobs began to wait; *items* are those of the run."""
        if not self._asked:
            return ()
        queued = Counter(_key(item) for item in items() if item.state is State.QUEUED)
        return tuple(
            JobWait(key.job, key.namespace, key.region, event.item, event.message, queued[key])
            for key, event in self._asked.items()
        )

    def messages(self) -> tuple[tuple[str, str], ...]:
        """Jobs and why each waits, without counting."""
        return tuple((key.job, event.message) for key, event in self._asked.items())


def _key(of: ItemFacts | ItemResult) -> JobKey:
    return JobKey(of.namespace, of.region, of.job)
