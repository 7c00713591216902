"""Screens for progress: a plain stream, JSON lines, or none. A live terminal has a module of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from dispatchfile.events import Outcome, State
from dispatchfile.reports.text import PLAIN, Palette, count_of, span
from dispatchfile.reports.words import LogLevel
from dispatchfile.results import to_timestamp

PLAIN_EVERY_S = 10.0
SLOW = 0.1  # items per second; below that, so many per minute are shown
LIVING = tuple(state for state in State if state is not State.ENDED)


@dataclass(frozen=True, slots=True)
class View:
    """The state of a run, to be shown. elapsed_s: since the run's own start, whichever process shows it."""

    title: str  # safe to show
    total: int
    counts: Mapping[State | Outcome, int]  # as `Results.counts`
    elapsed_s: float
    per_second: float | None = None  # items that end; None: too early to tell
    left_s: float | None = None  # estimated from the pace
    timeout_s: float | None = None  # until the run's own timeout; None: it has none
    waits: tuple[str, ...] = ()  # why jobs are queued, a line a job, safe to show

    @property
    def ended(self) -> int:
        return self.counts[State.ENDED]


class TextStream(Protocol):
    """Takes text."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


class Screen(Protocol):
    """Shows lines for good, and a view until the next one replaces it."""

    every_s: float  # the least time between two views

    def line(self, level: LogLevel, text: str) -> None:
        """Show *text*, which is one line and safe to show."""

    def show(self, view: View) -> None: ...

    def close(self) -> None:
        """Take the view away; lines stay."""


class NoScreen:
    """Shows nothing."""

    every_s = float("inf")

    def line(self, level: LogLevel, text: str) -> None:
        return

    def show(self, view: View) -> None:
        return

    def close(self) -> None:
        return


class PlainScreen:
    """A line for everything, a view now and then: for logs and pipes."""

    every_s = PLAIN_EVERY_S

    def __init__(
        self, stream: TextStream, palette: Palette = PLAIN, *, wrap: Callable[[str], str] = lambda line: line
    ) -> None:
        """wrap: breaks a line at words, where a terminal would break them."""
        self._stream, self._palette, self._wrap = stream, palette, wrap

    def line(self, level: LogLevel, text: str) -> None:
        self._stream.write(self._wrap(marked(level, text, self._palette)) + "\n")
        self._stream.flush()

    def show(self, view: View) -> None:
        self.line(LogLevel.INFO, describe_view(view))

    def close(self) -> None:
        return


class JsonScreen:
    """The same as JSON objects, one a line."""

    every_s = PLAIN_EVERY_S

    def __init__(self, stream: TextStream, wall: Callable[[], float]) -> None:
        self._stream, self._wall = stream, wall

    def line(self, level: LogLevel, text: str) -> None:
        record = {"ts": to_timestamp(self._wall()), "level": level, "message": text}
        self._stream.write(json.dumps(record) + "\n")
        self._stream.flush()

    def show(self, view: View) -> None:
        self.line(LogLevel.INFO, describe_view(view))

    def close(self) -> None:
        return


def marked(level: LogLevel, text: str, palette: Palette) -> str:
    """Return the *text* after the word that says how much it matters."""
    match level:
        case LogLevel.ERROR:
            return f"{palette.bad('FAIL')} {text}"
        case LogLevel.WARNING:
            return f"{palette.doubtful('warning:')} {text}"
        case LogLevel.INFO:
            return text


def describe_view(view: View) -> str:
    """Return `312 of 1,000 items after 41s: 300 succeeded, 12 failed; 40 running; 7.6 items/s, about 1m30s left`."""
    parts = [", ".join(part) for part in (outcomes_of(view), states_of(view), pace_of(view)) if part]
    return f"{view.ended:,} of {count_of(view.total, 'item')} after {span(view.elapsed_s)}: {'; '.join(parts)}"


def outcomes_of(view: View) -> list[str]:
    return [f"{number:,} {outcome}" for outcome in Outcome if (number := view.counts[outcome])]


def states_of(view: View) -> list[str]:
    return [f"{number:,} {state.replace('_', ' ')}" for state in LIVING if (number := view.counts[state])]


def pace_of(view: View) -> list[str]:
    """Return how fast items end, the estimated time left, and the time until the run's timeout, as far as known."""
    pace = [_describe_rate(view.per_second)] if view.per_second else []
    left = [] if view.left_s is None else [f"about {span(view.left_s)} left"]
    timeout = [] if view.timeout_s is None else [f"timeout in {span(max(0.0, view.timeout_s))}"]
    return pace + left + timeout


def _describe_rate(per_second: float) -> str:
    return f"{per_second:.1f} items/s" if per_second >= SLOW else f"{per_second * 60:.1f} items/min"
