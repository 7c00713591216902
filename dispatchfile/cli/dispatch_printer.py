"""The lines of `dispatch`: results on standard output, everything else on standard error, in the Nomad CLI's words."""

from __future__ import annotations

import json
import os
import sys
import time
import webbrowser
from collections.abc import Iterator, Sequence

from dispatchfile.cli.fallback import Attempts, describe_fault, print_plainly
from dispatchfile.cli.option_groups import ConnectionFlags, Display
from dispatchfile.cli.session import palette_for
from dispatchfile.cli.terminal import LogFormat, Unbreakable, write_result
from dispatchfile.errors import FileError
from dispatchfile.events import Cause, Outcome, State
from dispatchfile.nomad.changes import Change, EvalMissing
from dispatchfile.reports.dispatched import Wording, doubt_text, end_json, failed_text, look_command, ui_address
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.settings import Wait
from dispatchfile.usecases.dispatch_one import DispatchedChild, DispatchEnd, DispatchOptions
from dispatchfile.usecases.resolve_job import FoundJob


class DispatchPrinter:
    """
    Writes what happens.

    browse: open the dispatched job in the browser. wording: what makes the lines of a good dispatch.
    """

    options: DispatchOptions  # once they are read; before, only errors are written

    def __init__(
        self,
        flags: ConnectionFlags,
        output: OutputFormat,
        display: Display,
        *,
        browse: bool,
        wording: Wording | None = None,
    ) -> None:
        self._flags, self._output, self._display, self._browse = flags, output, display, browse
        self.is_text = output is OutputFormat.TEXT
        self._shows_steps = self.is_text and not display.quiet
        self._out = wording or Wording(full_ids=display.verbose, palette=palette_for(display, sys.stdout))
        self._job: FoundJob | None = None
        self._child: DispatchedChild | None = None

    # As it goes

    def sending(self, job: FoundJob) -> None:
        self._job = job

    def accepted(self, child: DispatchedChild) -> None:
        self._child = child
        if not self.is_text:
            return
        monitors = bool(child.eval_id) and self.options.wait is not Wait.DETACH
        self._write(self._out.accepted(child, self.options.token), *([""] if monitors and self._shows_steps else []))
        if monitors and self._browse:
            self._open_browser(child)

    def changed(self, change: Change) -> None:
        lines = self._out.changed(change, time.time())
        if isinstance(change, EvalMissing):
            self.error("\n".join(lines))
        elif self._shows_steps:
            self._write(lines)

    def moved(self, state: State, message: str) -> None:
        if self._child and self._shows_steps:
            self._write([self._out.moved(self._child, state, message, time.time())])

    def trouble(self, message: str) -> None:
        self._print(message, "warning")

    def _write(self, lines: Sequence[str], *more: str) -> None:
        write_result("".join(f"{line}\n" for line in [*lines, *more]))

    def _open_browser(self, child: DispatchedChild) -> None:
        connection = self.options.connection
        address = ui_address(connection.address, child.id, child.namespace)
        self._print(f"\n\n==> View this job in the Web UI: {address}\n", "info")
        if not _has_display() or not webbrowser.open(address):
            self._print("Failed to open browser: there is none here", "warning")

    # At its end

    def ended(self, end: DispatchEnd) -> None:
        if end.error is not None:
            self.error(failed_text(end.error))
            if end.verdict.outcome is Outcome.UNKNOWN:
                self.error(self._doubt(end.job, end.namespace))
        elif end.child and end.verdict.cause is Cause.UNREACHABLE:
            self.error(f"{end.verdict.message}: the job was dispatched. To look: {self._look(end.child)}")
        elif end.child and end.verdict.cause is Cause.DEADLINE:
            self.error(f"{end.verdict.message}; the job continues in Nomad. To look: {self._look(end.child)}")
        if not self.is_text:
            indent = 2 if self._output is OutputFormat.JSON else None
            write_result(json.dumps(end_json(end), indent=indent) + "\n")
        elif end.child and self.options.wait is Wait.COMPLETION:
            self._write([self._out.ended(end.child, end.verdict, time.time())])

    def interruption(self) -> str:
        """Return the message about what an interruption leaves behind."""
        if self._child is not None:
            return f"interrupted: the job continues in Nomad. To look: {self._look(self._child)}"
        if self._job is not None:
            return f"interrupted: {self._doubt(self._job.id, self._job.namespace)}"
        return "interrupted: nothing was dispatched"

    def error(self, text: str) -> None:
        self._print(text, "error")

    def _doubt(self, job: str, namespace: str) -> str:
        options = self.options
        return doubt_text(job, namespace, prefix=options.prefix, token=options.token, flags=self._given_flags())

    def _look(self, child: DispatchedChild) -> str:
        return look_command(child.id, child.namespace, flags=self._given_flags())

    def _given_flags(self) -> list[str]:
        given = self._flags
        flags = {"-address": given.address, "-region": given.region}
        return [f"{name}={value}" for name, value in flags.items() if value]

    def _print(self, text: str, level: str) -> None:
        stream = Unbreakable(sys.stderr)
        if self._display.log_format is LogFormat.JSON:
            stream.write(json.dumps({"level": level, "message": text.strip()}) + "\n")
            return
        palette = palette_for(self._display, sys.stderr)
        paint = {"error": palette.bad, "warning": palette.doubtful}.get(level, str)
        stream.write(f"{paint(text)}\n")


class GuardedPrinter(Attempts):
    """Hands on to a printer until that fails; the dispatch goes on, and its end is then written in plain lines."""

    def __init__(self, printer: DispatchPrinter) -> None:
        super().__init__()
        self._printer = printer

    def sending(self, job: FoundJob) -> None:
        self.attempt(self._printer.sending, job)

    def accepted(self, child: DispatchedChild) -> None:
        self.attempt(self._printer.accepted, child)

    def changed(self, change: Change) -> None:
        self.attempt(self._printer.changed, change)

    def moved(self, state: State, message: str) -> None:
        self.attempt(self._printer.moved, state, message)

    def trouble(self, message: str) -> None:
        self.attempt(self._printer.trouble, message)

    def ended(self, end: DispatchEnd) -> None:
        """Write how it ended, in plain lines if anything could not be shown."""
        self.attempt(self._printer.ended, end)
        if self.fault is not None:
            self._printer.error(describe_fault(self.fault))
            takes_text = self._printer.is_text and not isinstance(self.fault, FileError)
            print_plainly(_plain_lines(end), on_result_stream=takes_text)


def _plain_lines(end: DispatchEnd) -> Iterator[str]:
    """Yield the result of the dispatch for the case that it cannot be shown as usual."""
    if end.child is not None:
        yield f"child: {ascii(end.child.id)[1:-1]}"
    yield f"outcome: {end.verdict.outcome}"
    yield f"exit code: {end.exit_code}"


def _has_display() -> bool:
    """Return whether there is a display. Without one, Python would open a browser in this terminal."""
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
