"""Axes: which numbers stand below a chart, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dispatchfile.reports.text import span

MOST_TICKS = 5
MINUTE, HOUR, DAY = 60, 3_600, 86_400
STEPS_S = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30),
    *(count * MINUTE for count in (1, 2, 5, 10, 15, 20, 30)),
    *(count * HOUR for count in (1, 2, 3, 6, 12)),
    *(count * DAY for count in (1, 2, 7, 14, 30, 60, 180, 365)),
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled line across a chart."""

    at: str  # as SVG has it, in percent of the chart's width
    label: str


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """An axis of seconds from 0 to *length_s*."""

    length_s: float

    def percent(self, seconds: float) -> float:
        """Return where *seconds* stand, from 0 to 100."""
        return 100 * min(max(seconds, 0.0), self.length_s) / self.length_s

    @property
    def ticks(self) -> Sequence[Tick]:
        """Return at most six ticks, the first one at 0."""
        step = next((step for step in STEPS_S if self.length_s / step <= MOST_TICKS), self.length_s)
        count = int(self.length_s / step + 1e-9)
        return [Tick(in_percent(self.percent(step * number)), tick_label(step * number)) for number in range(count + 1)]


def axis_of(length_s: float) -> TimeAxis:
    """Return an axis that is as long as that, and at least a tenth of a second."""
    return TimeAxis(max(length_s, 0.1))


def in_percent(number: float) -> str:
    """Return the number as an SVG attribute has it."""
    return f"{number:.2f}".rstrip("0").rstrip(".") + "%"


def tick_label(seconds: float) -> str:
    """Return `0`, `0.5s`, `1m15s`, `1h30m` or `2d`."""
    if seconds < MINUTE:
        return f"{seconds:.1f}".removesuffix(".0") + ("s" if seconds else "")
    if seconds >= DAY and seconds % DAY == 0:
        return f"{seconds / DAY:.0f}d"
    text = span(seconds)
    return text.removesuffix("00s").removesuffix("00m")
