"""Exceptions to exit codes and to the one line that is shown for each."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator, Sequence

from dispatchfile.cli.argv import normalize_argv, wants_json_log
from dispatchfile.cli.terminal import drop_the_rest, never_fail_on_characters, open_closed_streams, wrapped
from dispatchfile.errors import AgentError, DispatchfileError, Interrupted
from dispatchfile.reports.text import one_line, visible_lines
from dispatchfile.secrecy import without_keys

INTERRUPTED = 130


def run_to_exit_code(argv: Sequence[str]) -> int:
    """
    Return the exit code of the command; whatever goes wrong is one line on standard error.

    An error of ours has its own code, a wrong command line is 1, an interrupt 130; what nobody foresaw is 1, and its
    traceback goes to a file that the line names.
    """
    open_closed_streams()
    never_fail_on_characters(os.environ)
    argv = normalize_argv(argv)
    try:
        from dispatchfile.cli.program import run_command  # noqa: PLC0415  what fails here is shown like anything else

        return run_command(argv)
    except BaseException as exc:  # noqa: BLE001  the last resort for everybody
        return exit_code_of(exc, argv)
    finally:
        _drop_errors()


def _drop_errors() -> None:
    """Drop what standard error did not take, as on a full disk."""
    try:
        sys.stderr.flush()
    except OSError:
        drop_the_rest(sys.stderr)


def exit_code_of(exc: BaseException, argv: Sequence[str]) -> int:
    """The exit code of what ended a command, which is told in one line on standard error."""
    if isinstance(exc, BaseExceptionGroup):
        exc = _most_telling(exc)
    match exc:
        case SystemExit():
            return exc.code if isinstance(exc.code, int) else 1
        case Interrupted():
            _print_error(str(exc), "warning", argv)
            return exc.exit_code
        case DispatchfileError():
            _print_error(
                str(exc), "error", argv, by_line=isinstance(exc, AgentError)
            )  # a line for each problem of job files
            return exc.exit_code
        case KeyboardInterrupt():
            _print_error("interrupted", "warning", argv)
            return INTERRUPTED
    _print_error(_describe_trouble(exc, argv), "error", argv)
    return 1


def _describe_trouble(exc: BaseException, argv: Sequence[str]) -> str:
    """Return what this machine lacks, or where the traceback is of what nobody foresaw."""
    match exc:
        case FileNotFoundError() if _is_folder_gone():
            return "the current folder no longer exists: change to another folder"
        case MemoryError():
            return "there is not enough memory for this"
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            drop_the_rest(sys.stdout)
            return f"{exc.filename or 'standard output'}: {exc.strerror}"
    from dispatchfile.cli.crash import describe_crash  # noqa: PLC0415  needed by hardly any start

    return describe_crash(exc, argv, os.environ)


def _is_folder_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109  Path.cwd does the same
    except FileNotFoundError:
        return True
    return False


def _most_telling(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the exception to show of a group: the whole group if it has an unexpected one, else the first of ours."""
    leaves = list(_leaves(group))
    if any(not isinstance(leaf, DispatchfileError | KeyboardInterrupt) for leaf in leaves):
        return group
    return next((leaf for leaf in leaves if isinstance(leaf, DispatchfileError)), leaves[0])


def _leaves(exc: BaseException) -> Iterator[BaseException]:
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            yield from _leaves(inner)
    else:
        yield exc


def _print_error(message: str, level: str, argv: Sequence[str], *, by_line: bool = False) -> None:
    message = without_keys(message)
    if wants_json_log(argv):
        line = json.dumps({"level": level, "message": one_line(message)})
    else:
        first, *more = visible_lines(message) if by_line else [one_line(message)]
        lines = [f"Error: {first}" if level == "error" else first, *more]
        line = "\n".join(wrapped(each, sys.stderr) for each in lines)
    try:
        print(line, file=sys.stderr, flush=True)  # noqa: T201
    except OSError:
        return  # nobody is left to be told
