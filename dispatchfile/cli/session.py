"""A run on the command line: signals while it lives, progress on one stream, its result on the other."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TextIO

from dispatchfile.cli.options import Display
from dispatchfile.cli.outputs import read_report_files, write_reports
from dispatchfile.cli.signals import Signals
from dispatchfile.cli.terminal import LogFormat, Unbreakable, is_live, wants_color, write_result
from dispatchfile.errors import Interrupted
from dispatchfile.problems import Problem
from dispatchfile.reports.formats import OutputFormat, ProblemFormat
from dispatchfile.reports.listing import list_problems
from dispatchfile.reports.problems import render_problems
from dispatchfile.reports.progress import EventLines, Progress
from dispatchfile.reports.screens import JsonScreen, NoScreen, PlainScreen, Screen
from dispatchfile.reports.summary import summary_pieces, ways_on
from dispatchfile.reports.text import Palette, count_of, visible
from dispatchfile.reports.words import Level
from dispatchfile.results import Summary
from dispatchfile.usecases.execute import Control
from dispatchfile.usecases.reporting import Reporter, Reporters, keep_ticking
from dispatchfile.usecases.run import RunEnd

Work = Callable[[Reporter, Control], Awaitable[RunEnd]]
ENDING = "interrupted: no new dispatches, waiting for requests in flight; press Ctrl-C again to quit now"
ENDED = "interrupted; continue with: dispatchfile resume {run}"


class Session:
    """
    Runs one use case and shows it.

    reports: `KIND=PATH` texts, of which wrong ones are refused before the run begins. ending: what is said to the
    first signal. ended: what to the second, of a run that has started and is on record.
    """

    def __init__(
        self,
        display: Display,
        output: OutputFormat,
        *,
        manifest: str,
        reports: Sequence[str] = (),
        ending: str = ENDING,
        ended: str = ENDED,
    ) -> None:
        self._display, self._output, self._manifest = display, output, manifest
        self._ending, self._ended = ending, ended
        self._reports = read_report_files(reports, os.environ)
        self._progress = Progress(_screen(display, output), now=time.monotonic, wall=time.time, verbose=display.verbose)

    def run(self, work: Work) -> int:
        """The exit code of what *work* came to. Raises what it raises, and Interrupted before it began to send."""
        signals = Signals(on_first=lambda: self._progress.note(self._ending), before_exit=self._give_up)
        try:
            with signals:
                end = asyncio.run(self._run(work, signals))
        except KeyboardInterrupt:
            raise Interrupted("interrupted: nothing was sent", signals.exit_code or 130) from None
        finally:
            self._progress.close()
        return self._show(end)

    def _give_up(self) -> None:
        self._progress.close()
        if self._ended and self._progress.run:
            tell(Level.WARNING, self._ended.format(run=self._progress.run), self._display)

    async def _run(self, work: Work, signals: Signals) -> RunEnd:
        control = Control()
        signals.watch_over(control)
        ticking = asyncio.create_task(keep_ticking(self._progress.tick))
        try:
            end = await work(self._reporter(), control)
        finally:
            ticking.cancel()
        return _stopped(end) if control.stop_was_requested else end

    def _reporter(self) -> Reporter:
        if self._output is OutputFormat.NDJSON:
            return Reporters(EventLines(write_result), self._progress)
        return self._progress

    def _show(self, end: RunEnd) -> int:
        if end.summary is None:
            show_problems(end.problems, self._manifest, self._output, self._display)
            return end.exit_code
        if end.problems and not self._display.quiet:
            _tell_problems(end.problems, self._display)
        self._show_summary(end.summary)
        return end.summary.exit_code

    def _show_summary(self, summary: Summary) -> None:
        palette, width = palette_for(self._display, sys.stdout), None
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns
        for piece in summary_pieces(summary, self._output, palette=palette, width=width):
            write_result(piece)
        if summary.state == "interrupted" and self._output is not OutputFormat.TEXT:
            for line in ways_on(summary):
                tell(Level.WARNING, f"interrupted: {line}", self._display)
        write_reports(self._reports, summary)


def _stopped(end: RunEnd) -> RunEnd:
    """Whoever asked the run to stop ends it for good, so it is not told to be resumed."""
    return end if end.summary is None else replace(end, summary=replace(end.summary, state="stopped_early"))


def _screen(display: Display, output: OutputFormat) -> Screen:
    stream = Unbreakable(sys.stderr)
    if display.quiet:
        return NoScreen()
    if display.log_format is LogFormat.JSON:
        return JsonScreen(stream, time.time)
    palette = palette_for(display, sys.stderr)
    shares_terminal = output is OutputFormat.NDJSON and sys.stdout.isatty()
    if not is_live(sys.stderr, os.environ) or shares_terminal:
        return PlainScreen(stream, palette)
    from dispatchfile.reports.live import LiveScreen  # noqa: PLC0415  only terminals need rich

    return LiveScreen(stream, palette=palette)


def palette_for(display: Display, stream: TextIO) -> Palette:
    """Colours for *stream*, or none."""
    return Palette(wants_color(display.color, os.environ, is_terminal=stream.isatty()))


@dataclass(frozen=True, slots=True)
class _Refused:
    """A manifest that may not be sent, as reports see it."""

    path: str
    problems: tuple[Problem, ...]
    items: int = 0


def show_problems(problems: tuple[Problem, ...], path: str, output: OutputFormat, display: Display) -> None:
    """Why nothing was sent: for a script the result, for a person what went wrong."""
    if output is OutputFormat.TEXT:
        _tell_problems(problems, display)
        refusal = f"{visible(path)} cannot be run: {count_of(len(problems), 'problem')}, nothing was sent"
        tell(Level.ERROR, refusal, display)
        return
    report = render_problems([_Refused(path, problems)], ProblemFormat.JSON)
    write_result(json.dumps(json.loads(report)) + "\n" if output is OutputFormat.NDJSON else report)


def _tell_problems(problems: Sequence[Problem], display: Display) -> None:
    if display.log_format is LogFormat.TEXT:
        Unbreakable(sys.stderr).write(list_problems(problems, palette=palette_for(display, sys.stderr)))
        return
    for problem in problems:
        tell(Level(problem.severity), visible(f"{problem.position}: {problem.code} {problem.text}"), display)


def tell(level: Level, text: str, display: Display) -> None:
    """A line that is shown even if quiet is wanted."""
    stream = Unbreakable(sys.stderr)
    if display.log_format is LogFormat.JSON:
        JsonScreen(stream, time.time).line(level, text)
    else:
        stream.write(f"Error: {text}\n" if level is Level.ERROR else f"{text}\n")
