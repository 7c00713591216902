"""How long items took, and how those of one job, node or tag ended."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dispatchfile.events import Outcome
from dispatchfile.results.items import ItemResult

MEDIAN, P95 = 0.5, 0.95
RAN = frozenset({Outcome.SUCCEEDED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST, Outcome.STOPPED})


@dataclass(frozen=True, slots=True)
class Durations:
    """How long items took from dispatch to end, in seconds."""

    count: int
    median_s: float
    p95_s: float
    longest_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """The items of one job, node or tag."""

    name: str
    items: int
    good: int  # ended in exit class 0
    bad: int  # ended in class 1 or 2
    durations: Durations | None  # None: none of them was seen to run and end

    @property
    def living(self) -> int:
        """Return how many have no outcome yet."""
        return self.items - self.good - self.bad


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a run."""

    durations: Durations | None
    longest: ItemResult | None  # the item that took the longest
    by_job: tuple[GroupFigures, ...]
    by_node: tuple[GroupFigures, ...]
    by_tag: tuple[GroupFigures, ...]


def figures_of(items: Sequence[ItemResult]) -> Figures:
    """Return the figures of these items; the largest share first, of equals the first by name."""
    timed = [item for item in items if duration_of(item) is not None]
    return Figures(
        durations=durations_of(items),
        longest=max(timed, key=lambda item: item.duration_s or 0.0, default=None),
        by_job=_shares(items, _job_names(items)),
        by_node=_shares(items, lambda item: [item.node] if item.node else []),
        by_tag=_shares(items, lambda item: dict.fromkeys(item.tags)),
    )


def duration_of(item: ItemResult) -> float | None:
    """Return the seconds from dispatch to end of an item that was seen to end; None of any other."""
    return item.duration_s if item.outcome in RAN else None


def durations_of(items: Iterable[ItemResult]) -> Durations | None:
    """Return how long the items took; None if none of them was seen to end."""
    spans = sorted(span for item in items if (span := duration_of(item)) is not None)
    if not spans:
        return None
    return Durations(len(spans), nearest_rank(spans, MEDIAN), nearest_rank(spans, P95), spans[-1], sum(spans))


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """Return the smallest of the *ordered* numbers that is not below that share of them."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def by_interest(items: Sequence[ItemResult]) -> list[int]:
    """Return the places of all items: those that did not succeed first, then the others, the slowest first."""

    def rank(place: int) -> tuple[bool, float, int]:
        item = items[place]
        is_bad = item.outcome is not None and bool(item.outcome.exit_class)
        return not is_bad, 0.0 if is_bad else -(item.duration_s or 0.0), place

    return sorted(range(len(items)), key=rank)


def _job_names(items: Iterable[ItemResult]) -> Callable[[ItemResult], Iterable[str]]:
    """Return what names the job of an item: with its namespace and region only where they tell jobs apart."""
    places: dict[str, set[tuple[str, str]]] = {}
    for item in items:
        places.setdefault(item.job, set()).add((item.namespace, item.region))

    def names(item: ItemResult) -> Iterable[str]:
        if len(places[item.job]) == 1:
            return [item.job]
        return [f"{item.job} ({', '.join(filter(None, (item.namespace, item.region)))})"]

    return names


def _shares(items: Iterable[ItemResult], names: Callable[[ItemResult], Iterable[str]]) -> tuple[GroupFigures, ...]:
    found: dict[str, list[ItemResult]] = {}
    for item in items:
        for name in names(item):
            found.setdefault(name, []).append(item)
    shares = (_share(name, members) for name, members in found.items())
    return tuple(sorted(shares, key=lambda share: (-share.items, name_order(share.name))))


def name_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names as people do: node-2 before node-10."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", name)
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)


def _share(name: str, items: Sequence[ItemResult]) -> GroupFigures:
    ended = [item.outcome for item in items if item.outcome is not None]
    good = sum(outcome.exit_class == 0 for outcome in ended)
    return GroupFigures(name, len(items), good, len(ended) - good, durations_of(items))
