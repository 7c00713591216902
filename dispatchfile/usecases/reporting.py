"""The interface that use cases report to. They do not know whether a person or a script reads the reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, Protocol

from dispatchfile.events import Event
from dispatchfile.results import Results, RunFacts, Summary

TICK_S = 0.25


class Reporter(Protocol):
    """Told of a run as it goes, from its own event loop: every call has to return at once."""

    def note(self, message: str) -> None:
        """Something worth a line that is about no event: an effective retry policy, a warning of preflight."""

    def started(self, facts: RunFacts, results: Results) -> None:
        """Preflight is over and the first request may leave; *results* holds what earlier processes did."""

    def event(self, event: Event, results: Results) -> None:
        """The event has happened, and *results* has it already."""

    def finished(self, summary: Summary) -> None:
        """The run is over, for good or until it is resumed."""


class NoReporter:
    """Tells nobody."""

    def note(self, message: str) -> None:
        return

    def started(self, facts: RunFacts, results: Results) -> None:
        return

    def event(self, event: Event, results: Results) -> None:
        return

    def finished(self, summary: Summary) -> None:
        return


class Reporters:
    """Tells several, one after the other."""

    def __init__(self, *reporters: Reporter) -> None:
        self._reporters = reporters

    def note(self, message: str) -> None:
        for reporter in self._reporters:
            reporter.note(message)

    def started(self, facts: RunFacts, results: Results) -> None:
        for reporter in self._reporters:
            reporter.started(facts, results)

    def event(self, event: Event, results: Results) -> None:
        for reporter in self._reporters:
            reporter.event(event, results)

    def finished(self, summary: Summary) -> None:
        for reporter in self._reporters:
            reporter.finished(summary)


class InTwoParts:
    """Tells of a run and of what comes after it as of one: it starts once, and ends when `end` is called."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._has_started = False
        self._summary: Summary | None = None

    def note(self, message: str) -> None:
        self._reporter.note(message)

    def started(self, facts: RunFacts, results: Results) -> None:
        if not self._has_started:
            self._has_started = True
            self._reporter.started(facts, results)

    def event(self, event: Event, results: Results) -> None:
        self._reporter.event(event, results)

    def finished(self, summary: Summary) -> None:
        self._summary = summary

    def end(self) -> None:
        """Tell of the last end that there was, if there was any."""
        if self._summary is not None:
            self._reporter.finished(self._summary)


async def keep_ticking(tick: Callable[[], None]) -> NoReturn:
    """Call *tick* a few times a second, until cancelled: a run in which nothing happens is shown to live."""
    while True:
        tick()
        await asyncio.sleep(TICK_S)
