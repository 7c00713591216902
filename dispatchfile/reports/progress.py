"""Shows the progress of a run: on a screen for people, and as one line for each event for scripts."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from dispatchfile.events import Doubled, Ended, Event, Moved, Notice
from dispatchfile.reports.screens import Screen, View
from dispatchfile.reports.text import count_of, one_line
from dispatchfile.reports.words import LogLevel, describe_event, level_of
from dispatchfile.results import Results, RunFacts, Summary, event_json, run_ended_json, run_started_json

TOLD_FAILURES = 10  # by a line of their own; the summary has them all
TOLD_WAITS = 10  # jobs and reasons; `status` has them all
PACE_WINDOW_S = 60.0
PACE_AFTER_S = 2.0  # before that, a rate is a guess


class EndRate:
    """The number of items that end per second, over the last minute."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._last_end_at = 0.0

    def add(self, at: float, ended: int) -> None:
        """*at* seconds on any steady clock, *ended* items have ended."""
        if not self._samples or ended != self._samples[-1][1]:
            self._last_end_at = at
        self._samples.append((at, ended))
        while len(self._samples) > 1 and at - self._samples[1][0] >= PACE_WINDOW_S:
            self._samples.popleft()

    @property
    def per_second(self) -> float | None:
        (first_at, first), (last_at, last) = self._samples[0], self._samples[-1]
        return (last - first) / (last_at - first_at) if last_at - first_at >= PACE_AFTER_S else None

    def seconds_for(self, items: int) -> float | None:
        """Return how long so many items take at this rate; None if that has passed since the last one ended."""
        if not (per_second := self.per_second):
            return None
        (first_at, first), (last_at, last) = self._samples[0], self._samples[-1]
        estimate_then = items * (self._last_end_at - first_at) / (last - first)
        return items / per_second if last_at - self._last_end_at <= estimate_then else None


class Progress:
    """
    Shows a run on a screen: views at the screen's pace, lines for notices and for the first failures.

    now: seconds on a steady clock. wall: seconds since the epoch. verbose: a line for every event. `tick` is called now
    and then, so that a run in which nothing happens is seen to live.
    """

    def __init__(
        self, screen: Screen, *, now: Callable[[], float], wall: Callable[[], float], verbose: bool = False
    ) -> None:
        self._screen, self._now, self._wall, self._verbose = screen, now, wall, verbose
        self._results: Results | None = None
        self._title = ""
        self.run = ""  # that can be gone on with, once it has started
        self._run_started_at = self._shown_at = 0.0  # on the steady clock
        self._timeout_at: float | None = None  # on the steady clock
        self._pace = EndRate()
        self._failures = 0
        self._waits: set[tuple[str, str]] = set()  # jobs and reasons that were told

    def note(self, message: str) -> None:
        self._screen.line(LogLevel.INFO, one_line(message))

    def started(self, facts: RunFacts, results: Results) -> None:
        self._results, self._shown_at = results, self._now()
        offset = self._shown_at - self._wall()
        self._run_started_at = min(self._shown_at, facts.started_at + offset)  # a clock may have been set back
        self._timeout_at = None if facts.ends_by is None else facts.ends_by + offset
        self._title = one_line(f"{facts.name} {facts.run}")
        self.run = facts.run if facts.has_journal else ""
        what = f"{count_of(results.total, 'item')} of {facts.manifest or facts.name}"
        self.note(f"run {facts.run}: {what} to {facts.target}, wait: {facts.wait}")

    def event(self, event: Event, results: Results) -> None:
        if self._is_shown(event, results):
            self._screen.line(level_of(event), describe_event(event))
        self.tick()

    def tick(self) -> None:
        """Show where the run stands, if the last view is old enough."""
        if self._results is not None and self._now() - self._shown_at >= self._screen.every_s:
            self._show()

    def finished(self, summary: Summary) -> None:
        self.close()

    def close(self) -> None:
        """Leave the screen as it was found, however the run ended."""
        self._results = None
        self._screen.close()

    def _is_shown(self, event: Event, results: Results) -> bool:
        if self._verbose or isinstance(event, Notice | Doubled):
            return True
        if isinstance(event, Moved):
            return event.blocked and self._is_new_wait(results.item(event.item).job, event.message)
        if not isinstance(event, Ended) or level_of(event) is not LogLevel.ERROR:
            return False
        self._failures += 1
        if self._failures == TOLD_FAILURES + 1:
            self._screen.line(LogLevel.INFO, "further failures are only counted; the summary groups them")
        return self._failures <= TOLD_FAILURES

    def _is_new_wait(self, job: str, reason: str) -> bool:
        if (job, reason) in self._waits or len(self._waits) == TOLD_WAITS:
            return False
        self._waits.add((job, reason))
        return True

    def _show(self) -> None:
        assert self._results is not None  # noqa: S101  both callers know
        self._shown_at = self._now()
        results, now = self._results, self._shown_at
        view = View(self._title, results.total, results.counts(), now - self._run_started_at)
        self._pace.add(now, view.ended)
        self._screen.show(
            replace(
                view,
                per_second=self._pace.per_second,
                left_s=self._pace.seconds_for(view.total - view.ended),
                timeout_s=None if self._timeout_at is None else self._timeout_at - now,
                waits=tuple(one_line(f"{job}: {reason}") for job, reason in results.wait_reasons()),
            )
        )


class EventLines:
    """A JSON object a line for each event, as it happens, for `-o ndjson`; the summary is not its business."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write, self._run = write, ""

    def note(self, message: str) -> None:
        return

    def started(self, facts: RunFacts, results: Results) -> None:
        self._run = facts.run
        self._write_line(run_started_json(facts, items=results.total))

    def event(self, event: Event, results: Results) -> None:
        self._write_line(event_json(self._run, event))

    def finished(self, summary: Summary) -> None:
        self._write_line(run_ended_json(summary))

    def _write_line(self, record: dict[str, object]) -> None:
        self._write(json.dumps(record) + "\n")
