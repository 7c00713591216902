"""The progress of a run in the log of the program that called it: the lines that the command line prints in CI."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec

from dispatchfile.events import Event
from dispatchfile.reports.progress import Progress
from dispatchfile.reports.screens import PLAIN_EVERY_S, View, describe_view
from dispatchfile.reports.words import LogLevel
from dispatchfile.results import Results, RunFacts, Summary

Arguments = ParamSpec("Arguments")
LEVELS = {LogLevel.INFO: logging.INFO, LogLevel.WARNING: logging.WARNING, LogLevel.ERROR: logging.ERROR}

logger = logging.getLogger("dispatchfile")
logger.addHandler(logging.NullHandler())  # a program that wants no log gets none


class LogScreen:
    """Writes each line, and a view now and then, to the log."""

    every_s = PLAIN_EVERY_S

    def line(self, level: LogLevel, text: str) -> None:
        logger.log(LEVELS[level], "%s", text)

    def show(self, view: View) -> None:
        logger.info("%s", describe_view(view))

    def close(self) -> None:
        return


class LoggedProgress:
    """Reports a run to the log until that fails, as a handler of the program may do; the run goes on."""

    def __init__(self) -> None:
        self._progress = Progress(LogScreen(), now=time.monotonic, wall=time.time)
        self._has_failed = False

    def note(self, message: str) -> None:
        self._attempt(self._progress.note, message)

    def started(self, facts: RunFacts, results: Results) -> None:
        self._attempt(self._progress.started, facts, results)

    def event(self, event: Event, results: Results) -> None:
        self._attempt(self._progress.event, event, results)

    def finished(self, summary: Summary) -> None:
        self._attempt(self._progress.finished, summary)

    def tick(self) -> None:
        self._attempt(self._progress.tick)

    def _attempt(self, report: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        if self._has_failed:
            return
        self._has_failed = True
        with suppress(Exception):
            report(*args, **kwargs)
            self._has_failed = False
