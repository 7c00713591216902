"""The timeline of a run: when each attempt was queued, ran and ended, by item and by node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dispatchfile.events import Outcome
from dispatchfile.reports.endings import cause_of
from dispatchfile.reports.html.axis import TimeAxis, in_percent
from dispatchfile.reports.names import label
from dispatchfile.reports.text import count_of, one_line, span
from dispatchfile.results import ItemResult
from dispatchfile.results.detail import AttemptDetail, RunDetail
from dispatchfile.results.figures import by_interest, name_order

MOST_ROWS = 500  # more items are not drawn one by one
MOST_BAD_ROWS = 200
SLOWEST_ROWS = 100
THINNEST = 0.15  # percent of the width
LIVING, QUEUED, UNSEEN = "living", "queued", "unseen"
CLASSES = {0: "good", 1: "doubtful", 2: "bad"}


@dataclass(frozen=True, slots=True)
class AttemptSpan:
    """One attempt from its dispatch to its end, in seconds since the run's start."""

    item: ItemResult
    place: int  # of the item in the run
    attempt: int
    start_s: float
    running_s: float | None  # None: it was not seen running
    end_s: float
    node: str
    outcome: Outcome | None  # None while it spans
    cause: str
    starts: int

    @property
    def is_queued_only(self) -> bool:
        """Return whether it has not run, as far as anybody saw."""
        has_run = self.starts > 0 or self.outcome is Outcome.SUCCEEDED
        return self.running_s is None and not has_run and self.outcome not in {Outcome.FAILED, Outcome.STOPPED}

    @property
    def tone(self) -> str:
        """Return the class of the part in which it ran."""
        return LIVING if self.outcome is None else CLASSES[self.outcome.exit_class]


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of a row."""

    x: str
    width: str
    tone: str


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A line of the timeline."""

    name: str
    place: int | None  # of its item; None: it shows those of several
    title: str
    bars: Sequence[Bar]
    note: str = ""


@dataclass(frozen=True, slots=True)
class NodeRows:
    """The attempts that ran on one node, as few lines as keep them apart."""

    name: str
    count: str
    lanes: Sequence[TimelineRow]


def spans_of(detail: RunDetail) -> list[AttemptSpan]:
    """Return all attempts of all items that were dispatched, in the run's order."""
    return [one for place, item in enumerate(detail.summary.items) for one in _spans_of(detail, place, item)]


def end_of(detail: RunDetail, spans: Iterable[AttemptSpan]) -> float:
    """Return the length of the run's axis in seconds: what was seen after its end is on it, too."""
    summary = detail.summary
    end = detail.read_at if summary.finished_at is None else summary.finished_at
    return max([end - summary.started_at, *(one.end_s for one in spans)])


def _spans_of(detail: RunDetail, place: int, item: ItemResult) -> Iterator[AttemptSpan]:
    start, summary = detail.summary.started_at, detail.summary
    now = detail.read_at if summary.finished_at is None else summary.finished_at
    for attempt in detail.attempts.get(item.id) or _attempt_of(item):
        if attempt.dispatched_at is None:
            continue
        verdict = attempt.verdict
        is_last = attempt.number == item.attempt
        end = now if attempt.ended_at is None else attempt.ended_at
        running = attempt.seen_running_at
        yield AttemptSpan(
            item=item,
            place=place,
            attempt=attempt.number,
            start_s=attempt.dispatched_at - start,
            running_s=None if running is None else max(running, attempt.dispatched_at) - start,
            end_s=max(end, running or end, attempt.dispatched_at) - start,
            node=verdict.node if verdict else item.node if is_last else "",
            outcome=verdict.outcome if verdict else item.outcome if is_last else None,
            cause=cause_of(verdict.cause, verdict.exit_code) if verdict and verdict.cause else "",
            starts=verdict.starts if verdict else item.starts if is_last else 0,
        )


def _attempt_of(item: ItemResult) -> Sequence[AttemptDetail]:
    """Return the last attempt as the summary has it, which is all that is known without a journal."""
    return [
        AttemptDetail(
            number=item.attempt,
            prefix="",
            token=None,
            may_be_sent=True,
            dispatched_at=item.dispatched_at,
            ended_at=item.finished_at,
        )
    ]


def drawn(items: Sequence[ItemResult]) -> frozenset[int]:
    """Return the places of the items that have a row: of more than 500 items what did not succeed, and the slowest."""
    if len(items) <= MOST_ROWS:
        return frozenset(range(len(items)))
    order = by_interest(items)
    bad = [place for place in order if _is_bad(items[place])]
    return frozenset([*bad[:MOST_BAD_ROWS], *order[len(bad) : len(bad) + SLOWEST_ROWS]])


def _is_bad(item: ItemResult) -> bool:
    return item.outcome is not None and bool(item.outcome.exit_class)


def item_rows(spans: Iterable[AttemptSpan], axis: TimeAxis) -> list[TimelineRow]:
    """Return a row for each item, the one that began first on top."""
    found: dict[int, list[AttemptSpan]] = {}
    for one in spans:
        found.setdefault(one.place, []).append(one)
    ordered = sorted(found.values(), key=lambda attempts: (attempts[0].start_s, attempts[0].place))
    return [_item_row(attempts, axis) for attempts in ordered]


def _item_row(attempts: Sequence[AttemptSpan], axis: TimeAxis) -> TimelineRow:
    item = attempts[0].item
    return TimelineRow(
        name=label(item),
        place=attempts[0].place,
        title="\n".join(map(_title, attempts)),
        bars=[bar for one in attempts for bar in _bars(one, axis)],
        note=_note(item),
    )


def _note(item: ItemResult) -> str:
    parts = [count_of(item.attempt, "attempt")] if item.attempt > 1 else []
    if item.starts > max(1, item.attempt):
        parts.append(count_of(item.starts, "start"))
    return ", ".join(parts)


def node_rows(spans: Iterable[AttemptSpan], axis: TimeAxis) -> list[NodeRows]:
    """Return the attempts by node; those whose node nobody knows last."""
    found: dict[str, list[AttemptSpan]] = {}
    for one in spans:
        found.setdefault(one.node, []).append(one)
    names = sorted(found, key=lambda name: (not name, name_order(name)))
    return [
        NodeRows(one_line(name) or "node not known", count_of(len(found[name]), "attempt"), _lanes(found[name], axis))
        for name in names
    ]


def _lanes(spans: Iterable[AttemptSpan], axis: TimeAxis) -> Sequence[TimelineRow]:
    lanes: list[list[AttemptSpan]] = []
    for one in sorted(spans, key=lambda one: (one.start_s, one.place)):
        free = next((lane for lane in lanes if lane[-1].end_s <= one.start_s), None)
        if free is None:
            lanes.append([one])
        else:
            free.append(one)
    return [
        TimelineRow("", lane[0].place if len(lane) == 1 else None, "\n".join(map(_title, lane)), _all_bars(lane, axis))
        for lane in lanes
    ]


def _all_bars(spans: Iterable[AttemptSpan], axis: TimeAxis) -> list[Bar]:
    return [bar for one in spans for bar in _bars(one, axis)]


def _bars(one: AttemptSpan, axis: TimeAxis) -> Iterator[Bar]:
    """Yield the part in the queue and the part in which it ran; one part where nobody saw when it began to run."""
    if one.is_queued_only:
        if one.end_s > one.start_s:
            yield _bar(one.start_s, one.end_s, QUEUED, axis)
        if one.outcome is not None:
            yield _bar(one.end_s, one.end_s, one.tone, axis)
    elif one.running_s is None:
        yield _bar(one.start_s, one.end_s, f"{one.tone} {UNSEEN}", axis)
    else:
        if one.running_s > one.start_s:
            yield _bar(one.start_s, one.running_s, QUEUED, axis)
        yield _bar(one.running_s, one.end_s, one.tone, axis)


def _bar(start_s: float, end_s: float, tone: str, axis: TimeAxis) -> Bar:
    start, end = axis.percent(start_s), axis.percent(end_s)
    width = max(end - start, THINNEST)
    return Bar(in_percent(min(start, 100 - width)), in_percent(width), tone)


def _title(one: AttemptSpan) -> str:
    """Return `film-1, attempt 2: failed (exit 3), queued 2s, ran 3m05s, on node-a`."""
    name = label(one.item) if one.attempt == 1 else f"{label(one.item)}, attempt {one.attempt}"
    how = str(one.outcome or one.item.state).replace("_", " ") + (f" ({one.cause})" if one.cause else "")
    if one.running_s is not None:
        times = [f"queued {span(one.running_s - one.start_s)}", f"ran {span(one.end_s - one.running_s)}"]
    else:
        times = [f"{'queued' if one.is_queued_only else 'queued and ran'} {span(one.end_s - one.start_s)}"]
    starts = [count_of(one.starts, "start")] if one.starts > 1 else []
    node = [f"on {one_line(one.node)}"] if one.node else []
    return f"{name}: {', '.join([how, *times, *starts, *node])}"
