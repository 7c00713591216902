"""Who is told how a run goes: a use case reports to this, and never knows whether a person or a script listens."""

from __future__ import annotations

from typing import Protocol

from dispatchfile.results import Results, RunFacts, Summary

from dispatchfile.events import Event


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
