"""`dispatch`: one job dispatched, as `nomad job dispatch` does it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatchfile.cli.option_groups import ConnectionFlags, Display, checked_setting
from dispatchfile.cli.options import OutputAtOnce, StateDir
from dispatchfile.errors import FileError, UsageError
from dispatchfile.files import STANDARD_INPUT
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.text import visible
from dispatchfile.secrecy import shown_name

if TYPE_CHECKING:
    from dispatchfile.cli.dispatch_printer import DispatchPrinter, GuardedPrinter
    from dispatchfile.nomad.connection import Connection
    from dispatchfile.settings import Wait
    from dispatchfile.usecases.dispatch_one import DispatchEnd, DispatchOptions
    from dispatchfile.usecases.resolve_job import JobsUnlisted, NoSuchJob, SeveralJobs

MAX_INPUT_BYTES = 64 << 20  # Nomad says itself of 16 KiB that they are too much; this ends what would never end
WRONG_COUNT = """\
This command takes one or two argument: <parameterized job> [input source]
For additional help try 'dispatchfile dispatch -help'"""


@dataclass(frozen=True, slots=True)
class DispatchFlags:
    """The request of a dispatch, and how far to follow it; the options of the Nomad CLI."""

    meta: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="KEY=VALUE", help="Set a meta key that the job permits; repeatable."),
    ] = None
    detach: Annotated[bool, typer.Option("--detach", help="Do not monitor the evaluation.")] = False
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="", help="Wait until the job has ended."),
    ] = None
    idempotency_token: Annotated[
        str | None,
        typer.Option("--idempotency-token", metavar="TOKEN", help="Do not dispatch if a job with this token exists."),
    ] = None
    id_prefix_template: Annotated[
        str | None,
        typer.Option(
            "--id-prefix-template", metavar="PREFIX", help="Prefix of the dispatched job's ID, taken literally."
        ),
    ] = None
    priority: Annotated[int | None, typer.Option("--priority", metavar="N", help="Override the job's priority.")] = None
    ui: Annotated[bool, typer.Option("--ui", help="Open the dispatched job in the browser.")] = False
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout", metavar="TIME", help="Stop watching after this time, for example 10m; the job is left alone."
        ),
    ] = None
    state_dir: StateDir = None
    no_journal: Annotated[
        bool, typer.Option("--no-journal", help="Keep no record; `status` and `logs` do not know the job.")
    ] = False


@dataclass(frozen=True, slots=True)
class DispatchDisplay(Display):
    """The verbosity, the colors and the format of notices. -v has the same meaning as in the Nomad CLI."""

    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show IDs in full.")] = False


def dispatch(
    *,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="JOB [INPUT]",
            help="A parameterized job, or a unique prefix of its ID; a file with the payload, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    flags: DispatchFlags,
    connection: ConnectionFlags,
    output: OutputAtOnce = OutputFormat.TEXT,
    display: DispatchDisplay,
) -> int:
    """
    Dispatch one job, as `nomad job dispatch` does.

    Takes the same arguments, with one or two dashes, and prints the same lines. Exit code: 0 if the job was dispatched
    and placed, 2 if it could not be placed, 1 for anything else. With --wait: 0 if it succeeded, 2 if not. If the
    dispatch may or may not have reached Nomad, it is not repeated and the exit code is 1.
    """
    from dispatchfile.cli.dispatch_printer import DispatchPrinter

    return run_dispatch(
        tuple(arguments or ()), flags, connection, DispatchPrinter(connection, output, display, browse=flags.ui)
    )


def run_dispatch(
    arguments: Sequence[str], flags: DispatchFlags, connection: ConnectionFlags, printer: DispatchPrinter
) -> int:
    """
    Dispatch and follow; return the exit code. Errors are written in the Nomad CLI's words.

    Raises Interrupted, which says whether anything was dispatched.
    """
    from dispatchfile.cli.dispatch_printer import GuardedPrinter
    from dispatchfile.errors import DispatchfileError, Interrupted
    from dispatchfile.usecases.resolve_job import JobsUnlisted, NoSuchJob, SeveralJobs

    watcher = GuardedPrinter(printer)
    try:
        printer.options = _read_options(arguments, flags, connection)
        end = _dispatch(printer.options, flags, printer, watcher)
    except (JobsUnlisted, NoSuchJob, SeveralJobs) as exc:
        printer.error(_unclear_text(exc))
    except Interrupted:
        raise
    except DispatchfileError as exc:
        printer.error(str(exc))
    else:
        watcher.ended(end)
        return end.exit_code
    return 1


def _unclear_text(exc: JobsUnlisted | NoSuchJob | SeveralJobs) -> str:
    from dispatchfile.reports.dispatched import several_jobs_text, unlisted_text
    from dispatchfile.usecases.resolve_job import JobsUnlisted, SeveralJobs

    match exc:
        case SeveralJobs():
            return several_jobs_text(str(exc), exc.rows, with_namespaces=exc.with_namespaces, truncated=exc.truncated)
        case JobsUnlisted():
            return unlisted_text(exc.text, exc.error)
    return str(exc)


def _dispatch(
    options: DispatchOptions, flags: DispatchFlags, printer: DispatchPrinter, watcher: GuardedPrinter
) -> DispatchEnd:
    import asyncio

    from dispatchfile.cli.signals import Signals
    from dispatchfile.clock import Clock
    from dispatchfile.errors import Interrupted
    from dispatchfile.usecases.dispatch_one import dispatch_one
    from dispatchfile.usecases.dispatch_record import DispatchRecord
    from dispatchfile.usecases.resolve_job import JobsUnlisted, NoSuchJob, SeveralJobs

    signals = Signals(on_first=lambda: None, before_exit=lambda: None)
    try:
        with signals:
            folder = _record_folder(flags, printer)
            record = DispatchRecord(folder, Clock(), printer.trouble, lambda: signals.exit_code)
            return asyncio.run(dispatch_one(options, watcher=watcher, clock=Clock(), record=record))
    except KeyboardInterrupt:
        raise Interrupted(printer.interruption(), signals.exit_code or 130) from None
    except (JobsUnlisted, NoSuchJob, SeveralJobs):
        raise
    except (FileError, UsageError) as exc:
        raise UsageError(f"Error initializing client: {exc}") from exc


def _record_folder(flags: DispatchFlags, printer: DispatchPrinter) -> Path | None:
    """Return the state folder, or None: a folder that cannot be used does not prevent a dispatch."""
    from dispatchfile.errors import JournalError
    from dispatchfile.journal import state_folder

    try:
        return None if flags.no_journal else state_folder(flags.state_dir, os.environ)
    except JournalError as error:
        printer.trouble(f"this dispatch is not on record: {error}")
        return None


# Arguments, in the order in which the CLI looks at them


def _read_options(arguments: Sequence[str], flags: DispatchFlags, connection: ConnectionFlags) -> DispatchOptions:
    """Raises UsageError and FileError in the Nomad CLI's words."""
    from dispatchfile.usecases.dispatch_one import DispatchOptions

    if not 1 <= len(arguments) <= 2:
        raise UsageError(WRONG_COUNT)
    if flags.no_journal and flags.state_dir is not None:
        raise UsageError("--state-dir has no effect with --no-journal: leave out one of the two")
    job, *inputs = arguments
    _refuse_broken_texts([job, flags.idempotency_token or "", flags.id_prefix_template or "", *(flags.meta or ())])
    return DispatchOptions(
        payload=_read_input(inputs[0]) if inputs else None,
        meta=_read_meta(flags.meta or ()),
        connection=_read_connection(connection),
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


def _read_input(source: str) -> bytes:
    """Return the whole payload. Raises UsageError as Go words it."""
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


def _read_meta(texts: Sequence[str]) -> dict[str, str]:
    """Convert `key=value` texts to a mapping, in which the last value of a key wins. Raises UsageError."""
    meta = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator:
            raise UsageError(f"Error parsing meta value: {visible(shown_name(text))}")
        meta[key] = value
    return meta


def _read_connection(flags: ConnectionFlags) -> Connection:
    from dispatchfile.nomad.connection import read_connection

    try:
        return read_connection(flags.as_mapping(), os.environ)
    except (FileError, UsageError) as exc:
        raise UsageError(f"Error initializing client: {exc}") from exc


def _wait_of(flags: DispatchFlags) -> Wait:
    """Return how far to wait; --detach overrides --wait, as in the Nomad CLI."""
    from dispatchfile.settings import Wait

    if flags.detach:
        return Wait.DETACH
    return Wait.PLACEMENT if flags.wait is None else Wait(checked_setting("wait", flags.wait))


def _timeout_of(flags: DispatchFlags) -> timedelta | None:
    from dispatchfile.settings import NONE, parse_timeout

    if flags.timeout is None:
        return None
    if flags.detach:
        raise UsageError("--timeout has no effect with --detach: leave out one of the two")
    given = checked_setting("timeout", flags.timeout)
    return None if given == NONE else parse_timeout(given)
