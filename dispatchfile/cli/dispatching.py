"""Carries out `dispatch`: arguments in the CLI's order and words, lines as events happen, an exit code."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
import time
import webbrowser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from dispatchfile.cli.fallback import Attempts, describe_fault, tell_plainly
from dispatchfile.cli.flags import ConnectionFlags, checked_setting
from dispatchfile.cli.options import DispatchDisplay, DispatchFlags
from dispatchfile.cli.session import palette_for
from dispatchfile.cli.signals import Signals
from dispatchfile.cli.terminal import LogFormat, Unbreakable, write_result
from dispatchfile.clock import Clock
from dispatchfile.errors import DispatchfileError, FileError, Interrupted, JournalError, UsageError
from dispatchfile.events import Cause, Outcome, State
from dispatchfile.files import STANDARD_INPUT
from dispatchfile.journal import state_folder
from dispatchfile.nomad.changes import Change, EvalMissing
from dispatchfile.nomad.connection import Connection, read_connection
from dispatchfile.reports.dispatched import (
    Wording,
    doubt_text,
    end_json,
    failed_text,
    look_command,
    several_jobs_text,
    ui_address,
    unlisted_text,
)
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.text import visible
from dispatchfile.secrecy import shown_name
from dispatchfile.settings import NONE, Wait, parse_timeout
from dispatchfile.usecases.dispatch_one import DispatchedChild, DispatchEnd, DispatchOptions, dispatch_one
from dispatchfile.usecases.dispatch_record import DispatchRecord
from dispatchfile.usecases.resolve_job import FoundJob, JobsUnlisted, NoSuchJob, SeveralJobs

MAX_INPUT_BYTES = 64 << 20  # Nomad says itself of 16 KiB that they are too much; this ends what would never end
WRONG_COUNT = """\
This command takes one or two argument: <parameterized job> [input source]
For additional help try 'dispatchfile dispatch -help'"""


@dataclass(frozen=True, slots=True)
class DispatchCall:
    """The options of `dispatch`, as given."""

    arguments: tuple[str, ...]
    flags: DispatchFlags
    connection: ConnectionFlags
    output: OutputFormat
    display: DispatchDisplay


def run_dispatch(call: DispatchCall, *, wording: Wording | None = None) -> int:
    """
    Dispatch and follow; the exit code. What goes wrong is told in the Nomad CLI's words.

    Raises Interrupted, which says whether anything was dispatched.
    """
    teller = _Teller(call, wording)
    watcher = _FaultProofWatcher(teller)
    try:
        options = read_options(call)
        teller.options = options
        end = _run(options, teller, watcher)
    except (JobsUnlisted, NoSuchJob, SeveralJobs) as exc:
        teller.error(_unclear_text(exc))
    except Interrupted:
        raise
    except DispatchfileError as exc:
        teller.error(str(exc))
    else:
        ending = Attempts()
        ending.attempt(teller.ended, end)
        if fault := watcher.fault or ending.fault:
            teller.error(describe_fault(fault))
            tell_plainly(
                _plain_lines(end),
                on_result_stream=call.output is OutputFormat.TEXT and not isinstance(fault, FileError),
            )
        return end.exit_code
    return 1


def _plain_lines(end: DispatchEnd) -> Iterator[str]:
    """Yield the result of the dispatch for the case that it cannot be shown as usual."""
    if end.child is not None:
        yield f"child: {ascii(end.child.id)[1:-1]}"
    yield f"outcome: {end.verdict.outcome}"
    yield f"exit code: {end.exit_code}"


def _unclear_text(exc: JobsUnlisted | NoSuchJob | SeveralJobs) -> str:
    match exc:
        case SeveralJobs():
            return several_jobs_text(str(exc), exc.rows, with_namespaces=exc.with_namespaces, truncated=exc.truncated)
        case JobsUnlisted():
            return unlisted_text(exc.text, exc.error)
    return str(exc)


def _run(options: DispatchOptions, teller: _Teller, watcher: _FaultProofWatcher) -> DispatchEnd:
    signals = Signals(on_first=lambda: None, before_exit=lambda: None)
    try:
        with signals:
            record = _record(teller, signals)
            return asyncio.run(dispatch_one(options, watcher=watcher, clock=Clock(), record=record))
    except KeyboardInterrupt:
        raise Interrupted(teller.interruption(), signals.exit_code or 130) from None
    except (JobsUnlisted, NoSuchJob, SeveralJobs):
        raise
    except (FileError, UsageError) as exc:
        raise UsageError(f"Error initializing client: {exc}") from exc


def _record(teller: _Teller, signals: Signals) -> DispatchRecord:
    """A state folder that cannot be had keeps nobody from dispatching."""
    flags, folder = teller.flags, None
    try:
        folder = None if flags.no_journal else state_folder(flags.state_dir, os.environ)
    except JournalError as error:
        teller.trouble(f"this dispatch is not on record: {error}")
    return DispatchRecord(folder, Clock(), teller.trouble, lambda: signals.exit_code)


# Arguments, in the order in which the CLI looks at them


def read_options(call: DispatchCall) -> DispatchOptions:
    """Raises UsageError and FileError in the Nomad CLI's words."""
    if not 1 <= len(call.arguments) <= 2:
        raise UsageError(WRONG_COUNT)
    job, *inputs = call.arguments
    flags = call.flags
    _refuse_broken_texts([job, flags.idempotency_token or "", flags.id_prefix_template or "", *(flags.meta or ())])
    return DispatchOptions(
        payload=read_input(inputs[0]) if inputs else None,
        meta=read_meta(flags.meta or ()),
        connection=_read_connection(call.connection),
        job=job.strip(),
        token=flags.idempotency_token or "",
        prefix=flags.id_prefix_template or "",
        priority=flags.priority,
        wait=_wait_of(flags),
        timeout=_timeout_of(flags),
    )


def _refuse_broken_texts(texts: Sequence[str]) -> None:
    """Bytes of an argument that are no text would reach Nomad as something else."""
    for text in texts:
        if not text.isascii() and text != text.encode("utf-8", "replace").decode():
            raise UsageError(f"{visible(text)}: is not UTF-8 text")


def read_input(source: str) -> bytes:
    """The whole payload. Raises UsageError as Go words it."""
    shown = "/dev/stdin" if source == STANDARD_INPUT else visible(shown_name(source))
    if not source:  # Path("") would be the folder
        raise UsageError("Error reading input data: open : no such file or directory")
    try:
        content = _read_some(source)
    except OSError as exc:
        verb = "read" if exc.errno in {errno.EISDIR, errno.EBADF} else "open"
        reason = (exc.strerror or str(exc)).lower()
        raise UsageError(f"Error reading input data: {verb} {shown}: {reason}") from exc
    if len(content) > MAX_INPUT_BYTES:
        raise UsageError(f"Error reading input data: {shown} has more than {MAX_INPUT_BYTES >> 20} MiB")
    return content


def _read_some(source: str) -> bytes:
    if source == STANDARD_INPUT:
        return sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
    with Path(source).open("rb") as file:
        return file.read(MAX_INPUT_BYTES + 1)


def read_meta(texts: Sequence[str]) -> dict[str, str]:
    """`key=value` texts, the last of a key winning. Raises UsageError."""
    meta = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator:
            raise UsageError(f"Error parsing meta value: {visible(shown_name(text))}")
        meta[key] = value
    return meta


def _read_connection(flags: ConnectionFlags) -> Connection:
    try:
        return read_connection(flags.as_mapping(), os.environ)
    except (FileError, UsageError) as exc:
        raise UsageError(f"Error initializing client: {exc}") from exc


def _wait_of(flags: DispatchFlags) -> Wait:
    """Return how far to wait: detach overrides wait, as in the CLI."""
    if flags.detach:
        return Wait.DETACH
    return Wait.PLACEMENT if flags.wait is None else Wait(checked_setting("wait", flags.wait))


def _timeout_of(flags: DispatchFlags) -> timedelta | None:
    if flags.timeout is None:
        return None
    if flags.detach:
        raise UsageError("--timeout has no effect with --detach: leave out one of the two")
    given = checked_setting("timeout", flags.timeout)
    return None if given == NONE else parse_timeout(given)


# What is told


class _Teller:
    """Writes what happens: results on standard output, the rest on standard error."""

    options: DispatchOptions

    def __init__(self, call: DispatchCall, wording: Wording | None = None) -> None:
        self._call = call
        self._is_text = call.output is OutputFormat.TEXT
        self._shows_steps = self._is_text and not call.display.quiet
        self._out = wording or Wording(full_ids=call.display.verbose, palette=palette_for(call.display, sys.stdout))
        self._job: FoundJob | None = None
        self._child: DispatchedChild | None = None

    @property
    def flags(self) -> DispatchFlags:
        return self._call.flags

    # As it goes

    def sending(self, job: FoundJob) -> None:
        self._job = job

    def accepted(self, child: DispatchedChild) -> None:
        self._child = child
        if not self._is_text:
            return
        monitors = bool(child.eval_id) and self.options.wait is not Wait.DETACH
        self._write(self._out.accepted(child, self.options.token), *([""] if monitors and self._shows_steps else []))
        if monitors and self._call.flags.ui:
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
        self._tell(message, "warning")

    def _write(self, lines: Sequence[str], *more: str) -> None:
        write_result("".join(f"{line}\n" for line in [*lines, *more]))

    def _open_browser(self, child: DispatchedChild) -> None:
        connection = self.options.connection
        address = ui_address(connection.address, child.id, child.namespace)
        self._tell(f"\n\n==> View this job in the Web UI: {address}\n", "info")
        if not _has_display() or not webbrowser.open(address):
            self._tell("Failed to open browser: there is none here", "warning")

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
        if not self._is_text:
            indent = 2 if self._call.output is OutputFormat.JSON else None
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
        self._tell(text, "error")

    def _doubt(self, job: str, namespace: str) -> str:
        options = self.options
        return doubt_text(job, namespace, prefix=options.prefix, token=options.token, flags=self._given_flags())

    def _look(self, child: DispatchedChild) -> str:
        return look_command(child.id, child.namespace, flags=self._given_flags())

    def _given_flags(self) -> list[str]:
        given = self._call.connection
        flags = {"-address": given.address, "-region": given.region}
        return [f"{name}={value}" for name, value in flags.items() if value]

    def _tell(self, text: str, level: str) -> None:
        stream = Unbreakable(sys.stderr)
        if self._call.display.log_format is LogFormat.JSON:
            stream.write(json.dumps({"level": level, "message": text.strip()}) + "\n")
            return
        palette = palette_for(self._call.display, sys.stderr)
        paint = {"error": palette.bad, "warning": palette.doubtful}.get(level, str)
        stream.write(f"{paint(text)}\n")


class _FaultProofWatcher(Attempts):
    """Tells a teller of a dispatch until that fails; the dispatch goes on, and is told of in plain lines at its end."""

    def __init__(self, teller: _Teller) -> None:
        super().__init__()
        self._teller = teller

    def sending(self, job: FoundJob) -> None:
        self.attempt(self._teller.sending, job)

    def accepted(self, child: DispatchedChild) -> None:
        self.attempt(self._teller.accepted, child)

    def changed(self, change: Change) -> None:
        self.attempt(self._teller.changed, change)

    def moved(self, state: State, message: str) -> None:
        self.attempt(self._teller.moved, state, message)

    def trouble(self, message: str) -> None:
        self.attempt(self._teller.trouble, message)


def _has_display() -> bool:
    """Return whether there is a display. Without one, Python would open a browser in this terminal."""
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
