"""What a command sees of children while no process works on their run, kept for the commands after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dispatchfile.clock import Clock
from dispatchfile.errors import JournalError
from dispatchfile.events import Ended, Event, Outcome
from dispatchfile.journal import keep_observations
from dispatchfile.usecases.reporting import Reporter

EVERY_S = 1.0


class Observations:
    """
    The ends that were seen and are not yet kept.

    The run's lock is taken for each write only. Where nothing can be written, the reporter is told once.
    """

    def __init__(self, path: Path, reporter: Reporter) -> None:
        self._path, self._reporter = path, reporter
        self._seen: list[Ended] = []
        self._cannot_be_kept = False

    def add(self, event: Event) -> None:
        """Take the event, if it is an end. What is unknown, or still waits in Nomad, has none."""
        if isinstance(event, Ended) and event.verdict.outcome is not Outcome.UNKNOWN and not event.verdict.queued:
            self._seen.append(event)

    @asynccontextmanager
    async def kept(self, clock: Clock) -> AsyncIterator[None]:
        """Write down what is seen meanwhile, each second and at the end."""
        keeping = asyncio.create_task(self._keep_again_and_again(clock))
        try:
            yield
        finally:
            keeping.cancel()
            self._keep()

    async def _keep_again_and_again(self, clock: Clock) -> None:
        while True:
            await clock.sleep(EVERY_S)
            self._keep()

    def _keep(self) -> None:
        """What cannot be kept now, because a process works on the run, is offered again the next time."""
        if not self._seen or self._cannot_be_kept:
            return
        try:
            if keep_observations(self._path, self._seen):
                self._seen = []
        except JournalError as error:
            self._cannot_be_kept = True
            self._reporter.note(f"the ends that are seen are not kept for status, report and rerun: {error}")
