"""Charts of a run as a whole: outcomes, states over time, and durations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dispatchfile.events import Outcome, State
from dispatchfile.reports.html.axis import Tick, TimeAxis, axis_of, in_percent
from dispatchfile.reports.html.timeline import CLASSES, LIVING, QUEUED, AttemptSpan, Bar
from dispatchfile.reports.text import count_of, span
from dispatchfile.results import ItemResult, Summary
from dispatchfile.results.figures import Durations, duration_of

SAMPLES = 240
BINS = 30
RIGHT_END = 70  # percent, from where on the name of a line stands before it
TAIL = 3  # longer than so many times the 95th percentile: in one last bin


@dataclass(frozen=True, slots=True)
class BarPart:
    """A part of the outcome bar."""

    bar: Bar
    count: str
    name: str


def outcome_parts(summary: Summary) -> list[BarPart]:
    """Return the outcomes of a run, and the states of what has none yet."""
    living = [item.state for item in summary.items if item.outcome is None]
    found = [(str(outcome), summary.counts[outcome], _tone(outcome)) for outcome in Outcome]
    found += [(str(state), living.count(state), LIVING) for state in State]
    total, done, parts = max(1, summary.counts["total"]), 0, []
    for name, count, tone in found:
        if count:
            bar = Bar(in_percent(100 * done / total), in_percent(100 * count / total), tone)
            parts.append(BarPart(bar, f"{count:,}", name.replace("_", " ")))
            done += count
    return parts


def _tone(outcome: Outcome) -> str:
    return "skipped" if outcome is Outcome.SKIPPED else CLASSES[outcome.exit_class]


# States over time


@dataclass(frozen=True, slots=True)
class Area:
    """The number of items in one state over time, on top of those below it; a polygon of 1,000 by 100 units."""

    tone: str
    points: str


@dataclass(frozen=True, slots=True)
class States:
    """The states of all items over time."""

    areas: Sequence[Area]
    ticks: Sequence[Tick]
    total: str
    most_running: str  # at once; empty: none was seen running


def states_over_time(spans: Sequence[AttemptSpan], total: int, axis: TimeAxis) -> States:
    """Return how many items had ended, ran and waited in Nomad's queue at each moment."""
    last = {one.place: one.attempt for one in spans}
    changes: list[tuple[float, int, int]] = []
    for one in spans:
        changes += _changes(one, is_last=one.attempt == last[one.place])
    samples, most = _sample(sorted(changes), axis)
    heights = [[100 * count / max(1, total) for count in sample] for sample in samples]
    areas = [_area(tone, number, heights) for number, tone in enumerate(("good", "bad", LIVING, QUEUED))]
    return States(areas, axis.ticks, f"{total:,}", f"{most:,}" if most else "")


def _changes(one: AttemptSpan, *, is_last: bool) -> Iterable[tuple[float, int, int]]:
    """Yield what an attempt changes: when, in which layer, by how much."""
    running = one.end_s if one.running_s is None else one.running_s
    yield from ((one.start_s, 3, 1), (running, 3, -1))
    if one.running_s is not None:
        yield from ((running, 2, 1), (one.end_s, 2, -1))
    if is_last and one.outcome is not None:
        yield one.end_s, int(bool(one.outcome.exit_class)), 1


def _sample(changes: Sequence[tuple[float, int, int]], axis: TimeAxis) -> tuple[list[list[int]], int]:
    """Return the number of items in each layer at the end of each interval, and the most that ran at once."""
    counts, samples, most, taken = [0, 0, 0, 0], [], 0, 0
    for number in range(SAMPLES + 1):
        until = axis.length_s * number / SAMPLES
        while taken < len(changes) and changes[taken][0] <= until:
            _, layer, change = changes[taken]
            counts[layer] += change
            most, taken = max(most, counts[2]), taken + 1
        samples.append([*counts])
    return samples, most


def _area(tone: str, layer: int, heights: Sequence[Sequence[float]]) -> Area:
    upper = [(1000 * number / SAMPLES, 100 - sum(sample[: layer + 1])) for number, sample in enumerate(heights)]
    lower = [(1000 * number / SAMPLES, 100 - sum(sample[:layer])) for number, sample in enumerate(heights)]
    return Area(tone, " ".join(f"{x:.1f},{y:.2f}" for x, y in [*upper, *reversed(lower)]))


# Durations


@dataclass(frozen=True, slots=True)
class Bin:
    """A column of the histogram; sizes in percent."""

    x: str
    width: str
    good_y: str
    good_height: str
    bad_y: str
    bad_height: str
    title: str


@dataclass(frozen=True, slots=True)
class HistogramMark:
    """A line through the histogram."""

    x: str
    name: str
    is_name_before: bool  # it, not behind it


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many items took how long."""

    bins: Sequence[Bin]
    marks: Sequence[HistogramMark]
    ticks: Sequence[Tick]
    most: str  # items in the highest column


def histogram_of(items: Iterable[ItemResult], durations: Durations) -> Histogram:
    """Return the histogram; what took far longer than the rest is in the last column."""
    timed = [(span_s, item) for item in items if (span_s := duration_of(item)) is not None]
    has_tail = durations.longest_s > TAIL * durations.p95_s > 0
    axis = axis_of(TAIL * durations.p95_s if has_tail else durations.longest_s)
    count = max(1, min(BINS, math.isqrt(len(timed)) * 2))
    good, bad = [0] * count, [0] * count
    for span_s, item in timed:
        number = min(count - 1, int(count * span_s / axis.length_s))
        (bad if item.outcome is not Outcome.SUCCEEDED else good)[number] += 1
    most = max(map(sum, zip(good, bad, strict=True)))
    edges = [axis.length_s * number / count for number in range(count + 1)]
    spans = [f"{span(start)} to {span(end)}" for start, end in pairwise(edges)]
    if has_tail:
        spans[-1] = f"over {span(edges[-2])}, up to {span(durations.longest_s)}"
    bins = [
        _bin(100 * number / count, 90 / count, spans[number], (good[number], bad[number]), most)
        for number in range(count)
    ]
    marks = [_mark(axis.percent(at), name) for at, name in _marks(durations)]
    return Histogram(bins, marks, axis.ticks, f"{most:,}")


def _mark(percent: float, name: str) -> HistogramMark:
    return HistogramMark(in_percent(percent), name, is_name_before=percent > RIGHT_END)


def _marks(durations: Durations) -> Sequence[tuple[float, str]]:
    return [(durations.median_s, "median"), (durations.p95_s, "95th percentile")]


def _bin(x: float, width: float, name: str, counts: tuple[int, int], most: int) -> Bin:
    """Return a column. counts: what succeeded, and what did not."""
    good, bad = counts
    good_height, bad_height = 100 * good / most, 100 * bad / most
    return Bin(
        x=in_percent(x),
        width=in_percent(width),
        good_y=in_percent(100 - good_height),
        good_height=in_percent(good_height),
        bad_y=in_percent(100 - good_height - bad_height),
        bad_height=in_percent(bad_height),
        title=f"{name}: {count_of(good + bad, 'item')}" + (f", {bad:,} of them did not succeed" if bad else ""),
    )
