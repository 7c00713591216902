"""The state of a run: what it is, who works on it, which items have not ended, and which did not succeed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from dispatchfile.events import Outcome, State
from dispatchfile.reports.failures import endings_lines
from dispatchfile.reports.history import started_text
from dispatchfile.reports.names import label_lines
from dispatchfile.reports.summary import PROGRAM, UNFINISHED, wait_lines, watch_lines, ways_on
from dispatchfile.reports.table import fit, labelled, lay_out, natural_width
from dispatchfile.reports.text import PLAIN, Palette, count_of, one_line, span, visible
from dispatchfile.results import LOCAL, ItemResult, Summary

LISTED_LIVING = 10
LIVING = (State.SENDING, State.IN_DOUBT, State.QUEUED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class StatusView:
    """A run at one moment. *process* works on it, such as `process 12 on host`; empty: none does."""

    summary: Summary
    process: str
    now: float  # seconds since the epoch


def text_of_status(view: StatusView, *, palette: Palette = PLAIN, width: int | None = None) -> str:
    """Return some lines, ended by a line feed. width: of the terminal in cells; None: lines are as long as they are."""
    summary = view.summary
    lines = [
        *_head(view, palette),
        _counts(summary, palette),
        *wait_lines(summary),
        *_living(view, width),
        "",
        *endings_lines(summary, palette, width),
        *_hints(view, palette, width),
    ]
    return "\n".join(fit(lines, width)).rstrip() + "\n"


def _head(view: StatusView, palette: Palette) -> Iterator[str]:
    summary, state = view.summary, view.summary.state.replace("_", " ")
    name = one_line(summary.manifest or summary.name)
    yield f"run {palette.strong(summary.run)} of {name} to {one_line(summary.target)}, wait: {summary.wait}"
    age = span(max(0.0, view.now - summary.started_at))
    took = "" if summary.duration_s is None else f" after {span(summary.duration_s)}, exit code {summary.exit_code}"
    who = f", {one_line(view.process)}" if view.process else ""
    yield f"started {started_text(summary.started_at)}, {age} ago; {palette.strong(state)}{took}{who}"


def _counts(summary: Summary, palette: Palette) -> str:
    """Return `1,000 items: 300 succeeded, 12 failed, 40 running, 648 waiting`."""
    paint = {0: palette.good, 1: palette.doubtful, 2: palette.bad}
    parts = [
        paint[outcome.exit_class](f"{number:,} {outcome}") for outcome in Outcome if (number := summary.counts[outcome])
    ]
    states = Counter(item.state for item in summary.items)
    del states[State.ENDED]
    parts += [f"{states[state]:,} {state.replace('_', ' ')}" for state in State if states[state]]
    return f"{count_of(summary.counts['total'], 'item')}: {', '.join(parts) or 'nothing to do'}"


def _living(view: StatusView, width: int | None) -> Iterator[str]:
    living = [item for item in view.summary.items if item.state in LIVING]
    if not living:
        return
    rows: list[tuple[str, ...]] = [
        ("ITEM", "STATE", "FOR", "CHILD", "MESSAGE"),
        *(_row(item, view.now) for item in living[:LISTED_LIVING]),
    ]
    if width is not None and natural_width(rows) > width:
        rows = [(item, state, age, message) for item, state, age, _, message in rows]  # the id says more than the child
    yield ""
    yield from lay_out(rows, width=width)
    if len(living) > LISTED_LIVING:
        yield f"and {len(living) - LISTED_LIVING:,} more (-o json shows all)"


def _row(item: ItemResult, now: float) -> tuple[str, ...]:
    age = "-" if item.dispatched_at is None else span(max(0.0, now - item.dispatched_at))
    return (
        label_lines(item),
        item.state.replace("_", " "),
        age,
        visible(item.child) or "-",
        one_line(item.message) or "-",
    )


def _hints(view: StatusView, palette: Palette, width: int | None) -> Iterator[str]:
    run, state = view.summary.run, view.summary.state
    if state not in UNFINISHED:
        yield from watch_lines(view.summary, palette, width)
    elif view.process:
        yield from labelled("follow it with", palette.strong(f"{PROGRAM} watch {run}"), width)
    elif state == "interrupted":
        if view.summary.target == LOCAL and any(item.child and not item.outcome for item in view.summary.items):
            yield "its tasks ended with the embedded agent; resume starts them again"
        yield from ways_on(view.summary, palette, width)
