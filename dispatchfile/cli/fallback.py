"""
Faults in showing what happened: they change no exit code, and the result is told all the same, in plain lines.

Nothing here uses a renderer, a palette or a width: what is told must not fail for the reason that the renderer failed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import ParamSpec

from dispatchfile.cli.argv import normalize_argv
from dispatchfile.errors import DispatchfileError
from dispatchfile.events import Event
from dispatchfile.results import Results, RunFacts, Summary
from dispatchfile.usecases.reporting import Reporter

Arguments = ParamSpec("Arguments")


def describe_fault(exc: Exception) -> str:
    """Return the line for a fault in showing something; a file has the traceback of what nobody foresaw."""
    if isinstance(exc, DispatchfileError):
        return str(exc)
    from dispatchfile.cli.crash import describe_crash  # noqa: PLC0415  needed by hardly any start

    return describe_crash(exc, normalize_argv(sys.argv[1:]), os.environ)


def plain_lines(summary: Summary) -> Iterator[str]:
    """Yield counts, run ID and exit code, in ASCII."""
    counts = ", ".join(f"{number} {outcome}" for outcome, number in summary.counts.items() if number)
    yield f"counts: {counts or '0 total'}"
    yield f"run: {ascii(summary.run)[1:-1]}"
    yield f"state: {ascii(summary.state)[1:-1]}"
    yield f"exit code: {summary.exit_code}"


def print_plainly(lines: Iterator[str], *, on_result_stream: bool) -> None:
    """Write the lines, on standard output if that is wanted and possible, else on standard error."""
    text = "".join(f"{line}\n" for line in lines)
    streams = [sys.stdout, sys.stderr] if on_result_stream else [sys.stderr, sys.stdout]
    for stream in streams:
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            continue
        return


class Attempts:
    """Calls until one fails; the fault is kept, to be told when what was under way is over."""

    def __init__(self) -> None:
        self.fault: Exception | None = None

    def attempt(self, report: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        """Call *report* unless something has failed before; keep what it raises."""
        if self.fault is not None:
            return
        try:
            report(*args, **kwargs)
        except Exception as exc:  # noqa: BLE001  whatever a renderer fails with
            self.fault = exc


class GuardedReporter(Attempts):
    """
    Reports to another reporter until that fails; the run goes on.

    A stream that takes nothing is no reason to end a run either.
    """

    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self._reporter = reporter

    def note(self, message: str) -> None:
        self.attempt(self._reporter.note, message)

    def started(self, facts: RunFacts, results: Results) -> None:
        self.attempt(self._reporter.started, facts, results)

    def event(self, event: Event, results: Results) -> None:
        self.attempt(self._reporter.event, event, results)

    def finished(self, summary: Summary) -> None:
        self.attempt(self._reporter.finished, summary)


def close_quietly(close: Callable[[], None]) -> None:
    """Close a screen that may be broken: a terminal is left as well as it can be."""
    with suppress(Exception):
        close()
