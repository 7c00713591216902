"""A run on the command line: signals while it lives, progress on one stream, its result on the other."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TextIO

from dispatchfile.cli.fallback import GuardedReporter, close_quietly, describe_fault, plain_lines, print_plainly
from dispatchfile.cli.option_groups import Display
from dispatchfile.cli.report_files import (
    ReadDetail,
    ReportFile,
    detail_without_journal,
    read_report_files,
    report_pieces,
    write_report,
)
from dispatchfile.cli.signals import Signals
from dispatchfile.cli.terminal import LogFormat, Unbreakable, is_live, wants_color, width_of, wrapped, write_result
from dispatchfile.errors import FileError, Interrupted
from dispatchfile.items import RowCount
from dispatchfile.problems import Problem, count_problems
from dispatchfile.reports.formats import OutputFormat, ProblemFormat, ReportKind
from dispatchfile.reports.problem_text import list_problems
from dispatchfile.reports.problems import render_problems
from dispatchfile.reports.progress import EventLines, Progress
from dispatchfile.reports.screens import JsonScreen, NoScreen, PlainScreen, Screen
from dispatchfile.reports.summary import summary_pieces, ways_on
from dispatchfile.reports.text import Palette, count_of, one_line, visible
from dispatchfile.reports.words import LogLevel
from dispatchfile.results import Summary
from dispatchfile.secrecy import shown_name
from dispatchfile.usecases.reporting import Reporter, Reporters, keep_ticking
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd

Arguments = ParamSpec("Arguments")
Work = Callable[[Reporter, Control], Awaitable[RunEnd]]
ENDING = "interrupted: no new dispatches, waiting for requests in flight; press Ctrl-C again to quit now"
ENDED = "interrupted; continue with: dispatchfile resume {run}"


class RenderSummary(Protocol):
    """Makes a summary's text, piece by piece."""

    def __call__(
        self, summary: Summary, form: OutputFormat, *, palette: Palette, width: int | None, verbose: bool
    ) -> Iterator[str]: ...


class RenderReport(Protocol):
    """Makes a report's text, piece by piece."""

    def __call__(self, kind: ReportKind, summary: Summary, read_detail: ReadDetail, /) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True)
class Renderers:
    """The functions that render a run. None of them can change its exit code."""

    screen: Callable[[Display, OutputFormat], Screen]
    summary: RenderSummary = summary_pieces
    report: RenderReport = report_pieces


class Session:
    """
    Runs one use case and shows it.

    reports: `KIND=PATH` texts, of which wrong ones are refused before the run begins. read_detail: reads what some of
    them show beside the summary. ending: what is said to the first signal. ended: what to the second, of a run that
    has started and is on record.
    """

    def __init__(
        self,
        display: Display,
        output: OutputFormat,
        *,
        manifest: str,
        reports: Sequence[str] = (),
        read_detail: ReadDetail = detail_without_journal,
        ending: str = ENDING,
        ended: str = ENDED,
        renderers: Renderers | None = None,
    ) -> None:
        self._display, self._output, self._manifest = display, output, manifest
        self._ending, self._ended = ending, ended
        self._reports, self._read_detail = read_report_files(reports, os.environ), read_detail
        self._renderers = renderers or Renderers(screen_for)
        screen = self._renderers.screen(display, output)
        self._progress = Progress(screen, now=time.monotonic, wall=time.time, verbose=display.verbose)
        self._guarded = GuardedReporter(self._progress)
        self._lines = GuardedReporter(EventLines(write_result))

    def run(self, work: Work) -> int:
        """The exit code of what *work* came to. Raises what it raises, and Interrupted before it began to send."""
        signals = Signals(on_first=lambda: self._guarded.note(self._ending), before_exit=self._give_up)
        try:
            with signals:
                end = asyncio.run(self._run(work, signals))
        except KeyboardInterrupt:
            raise Interrupted("interrupted: nothing was sent", signals.exit_code or 130) from None
        finally:
            close_quietly(self._progress.close)
        return self._show(end)

    def _give_up(self) -> None:
        close_quietly(self._progress.close)
        if self._ended and self._progress.run:
            print_message(LogLevel.WARNING, self._ended.format(run=self._progress.run), self._display)

    async def _run(self, work: Work, signals: Signals) -> RunEnd:
        control = Control()
        signals.watch_over(control)
        ticking = asyncio.create_task(keep_ticking(lambda: self._guarded.attempt(self._progress.tick)))
        try:
            end = await work(self._reporter(), control)
        finally:
            ticking.cancel()
        return end.stopped_early() if control.stop_was_requested else end

    def _reporter(self) -> Reporter:
        if self._output is OutputFormat.NDJSON:
            return Reporters(self._lines, self._guarded)
        return self._guarded

    def _show(self, end: RunEnd) -> int:
        """Show what it came to; the exit code is the run's, whatever fails here."""
        if end.summary is None:
            self._attempt(show_problems, end.problems, self._manifest, self._output, self._display)
            return end.exit_code
        if end.problems and not self._display.quiet:
            self._attempt(print_problems, end.problems, self._display)
        for guarded in (self._guarded, self._lines):
            if guarded.fault is not None:
                self._print_fault(guarded.fault)
        fault = self._attempt(self._show_summary, end.summary) or self._lines.fault
        if fault is not None:
            takes_text = self._output is OutputFormat.TEXT and not isinstance(fault, FileError)
            print_plainly(plain_lines(end.summary), on_result_stream=takes_text)
        for file in self._reports:
            self._attempt(self._write_report, file, end.summary)
        return end.summary.exit_code

    def _write_report(self, file: ReportFile, summary: Summary) -> None:
        write_report(file, self._renderers.report(file.kind, summary, self._read_detail))

    def _attempt(
        self, show: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Exception | None:
        """Call *show*; return and report what it fails with."""
        try:
            show(*args, **kwargs)
        except Exception as exc:  # noqa: BLE001  whatever a renderer fails with
            self._print_fault(exc)
            return exc
        return None

    def _print_fault(self, fault: Exception) -> None:
        print_message(LogLevel.ERROR, one_line(describe_fault(fault)), self._display)

    def _show_summary(self, summary: Summary) -> None:
        palette, width = palette_for(self._display, sys.stdout), width_of(sys.stdout)
        render = self._renderers.summary
        for piece in render(summary, self._output, palette=palette, width=width, verbose=self._display.verbose):
            write_result(piece)
        if summary.state == "interrupted" and self._output is not OutputFormat.TEXT:
            for line in ways_on(summary):
                print_message(LogLevel.WARNING, f"interrupted: {line}", self._display)


def screen_for(display: Display, output: OutputFormat) -> Screen:
    """Return what shows progress on standard error."""
    stream = Unbreakable(sys.stderr)
    if display.quiet:
        return NoScreen()
    if display.log_format is LogFormat.JSON:
        return JsonScreen(stream, time.time)
    palette = palette_for(display, sys.stderr)
    shares_terminal = output is OutputFormat.NDJSON and sys.stdout.isatty()
    if not is_live(sys.stderr, os.environ) or shares_terminal:
        return PlainScreen(stream, palette, wrap=lambda line: wrapped(line, sys.stderr))
    from dispatchfile.reports.live import LiveScreen  # noqa: PLC0415  only terminals need rich

    return LiveScreen(stream, palette=palette)


def palette_for(display: Display, stream: TextIO) -> Palette:
    """Colours for *stream*, or none."""
    return Palette(wants_color(display.color, os.environ, is_terminal=stream.isatty()))


@dataclass(frozen=True, slots=True)
class _RefusedManifest:
    """A manifest that may not be sent, as reports see it."""

    path: str
    problems: tuple[Problem, ...]
    items: int = 0
    sources: tuple[RowCount, ...] = ()


def show_problems(problems: tuple[Problem, ...], path: str, output: OutputFormat, display: Display) -> None:
    """Why nothing was sent: for a script the result, for a person what went wrong."""
    if output is OutputFormat.TEXT:
        print_problems(problems, display)
        count = count_of(count_problems(problems), "problem")
        refusal = f"{visible(shown_name(path))} cannot be run: {count}, nothing was sent"
        print_message(LogLevel.ERROR, refusal, display)
        return
    report = render_problems([_RefusedManifest(shown_name(path), problems)], ProblemFormat.JSON)
    write_result(json.dumps(json.loads(report)) + "\n" if output is OutputFormat.NDJSON else report)


def print_problems(problems: Sequence[Problem], display: Display) -> None:
    if display.log_format is LogFormat.TEXT:
        Unbreakable(sys.stderr).write(
            list_problems(problems, palette=palette_for(display, sys.stderr), width=width_of(sys.stderr))
        )
        return
    for problem in problems:
        print_message(
            LogLevel(problem.severity), visible(f"{problem.position}: {problem.code} {problem.text}"), display
        )


def print_fault(fault: Exception, summary: Summary, display: Display, *, on_result_stream: bool) -> None:
    """Report a fault in showing a run, and the run's result in plain lines."""
    print_message(LogLevel.ERROR, one_line(describe_fault(fault)), display)
    print_plainly(plain_lines(summary), on_result_stream=on_result_stream)


def print_message(level: LogLevel, text: str, display: Display) -> None:
    """A line that is shown even if quiet is wanted."""
    stream = Unbreakable(sys.stderr)
    if display.log_format is LogFormat.JSON:
        JsonScreen(stream, time.time).line(level, text)
    else:
        stream.write(wrapped(f"Error: {text}" if level is LogLevel.ERROR else text, sys.stderr) + "\n")
