"""The two streams: results on standard output, everything else on standard error, with colours where they help."""

from __future__ import annotations

import codecs
import errno
import io
import os
import shutil
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import TextIO

from dispatchfile.errors import FileError

FORCING = ("FORCE_COLOR", "CLICOLOR_FORCE", "NOMAD_CLI_FORCE_COLOR")
FORBIDDING = ("NO_COLOR", "NOMAD_CLI_NO_COLOR")
LINE_TERMINALS = frozenset({"dumb", "unknown"})  # those that cannot redraw a line
LOCALES = ("LC_ALL", "LC_CTYPE", "LANG")  # the first that is set counts
ENCODINGS = ("PYTHONIOENCODING", "PYTHONUTF8")  # by which a user chooses Python's own
FALLBACK = "dispatchfile.ascii"  # an error handler for what a stream cannot encode
USUAL_SIZE = os.terminal_size((80, 24))
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


class ColorChoice(StrEnum):
    """The `--color` option: when to use colors."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class LogFormat(StrEnum):
    """The format of notices and errors on standard error."""

    TEXT = "text"
    JSON = "json"


def wants_color(choice: ColorChoice, environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """
    The flag, else the environment, else whether somebody looks.

    Source: no-color.org, force-color.org, bixense.com/clicolors; hashicorp/nomad, command/meta.go.
    """
    if choice is not ColorChoice.AUTO:
        return choice is ColorChoice.ALWAYS
    if any(environ.get(name) for name in FORBIDDING):
        return False
    if any(environ.get(name, "0") not in {"", "0", "false"} for name in FORCING):
        return True
    return is_terminal and environ.get("TERM") not in LINE_TERMINALS and environ.get("CLICOLOR") != "0"


def is_live(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether *stream* is a terminal that can redraw a line, and is not logged by CI."""
    return stream.isatty() and environ.get("TERM") not in LINE_TERMINALS and not environ.get("CI")


def open_closed_streams() -> None:
    """
    A stream that was closed for us leads nowhere; else the next file to be opened would take its place.

    To read from a closed one (`<&-`) stays an error: it must not look empty.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  as its own


def never_fail_on_characters(environ: Mapping[str, str]) -> None:
    """
    Make a stream of few characters show the others as escapes instead of failing, and an ellipsis as `~` or `...`.

    A terminal whose locale is set to C or POSIX gets ASCII, although Python itself would write UTF-8 there.
    """
    codecs.register_error(FALLBACK, _ascii_for)
    is_ascii = wants_ascii(environ)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="ascii" if is_ascii and stream.isatty() else None, errors=FALLBACK)


def wants_ascii(environ: Mapping[str, str]) -> bool:
    """Return whether the locale is set to one without characters beyond ASCII, and nothing says otherwise."""
    if any(environ.get(name) for name in ENCODINGS):
        return False
    locale = next((environ[name] for name in LOCALES if environ.get(name)), "")
    return locale in {"C", "POSIX"}


def _ascii_for(error: UnicodeError) -> tuple[str | bytes, int]:
    """An ellipsis that cuts a word takes one cell, as it does in tables."""
    if not isinstance(error, UnicodeEncodeError) or error.object[error.start] != ELLIPSIS:
        return codecs.backslashreplace_errors(error)
    before = error.object[error.start - 1 : error.start]
    return ("~" if before.isalnum() else "..."), error.start + 1


def width_of(stream: TextIO) -> int | None:
    """
    Return the width of the terminal in cells, or None if *stream* is none.

    A terminal that does not know its size, such as one that `script` opens in CI, counts as 80 cells wide.
    """
    if not stream.isatty():
        return None
    try:
        own = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        own = USUAL_SIZE
    return shutil.get_terminal_size(own if own.columns else USUAL_SIZE).columns  # COLUMNS comes first


def terminal_width() -> int | None:
    """Return the width of standard output in cells, or None if it is no terminal."""
    return width_of(sys.stdout)


def wrapped(line: str, stream: TextIO) -> str:
    """Return the line wrapped at words where *stream* is a terminal, which would break them."""
    width = width_of(stream)
    if width is None:
        return line
    from dispatchfile.reports.table import fit  # noqa: PLC0415  most starts need no Rich

    return "\n".join(fit([line], width))


def write_result(text: str) -> None:
    """
    The result, on standard output. Nobody reading on (`| head`, or a terminal that went away) is fine and changes no
    exit code.

    Raises FileError where it cannot be written, as on a full disk.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as exc:
        is_unread = isinstance(exc, BrokenPipeError) or _is_of_lost_terminal(exc, sys.stdout)
        drop_the_rest(sys.stdout)
        if is_unread:
            return
        raise FileError("standard output", exc.strerror or str(exc)) from exc


def _is_of_lost_terminal(error: OSError, stream: TextIO) -> bool:
    """Return whether a write failed because the terminal has gone away. Such a stream is no terminal any more."""
    return error.errno == errno.EIO and stat.S_ISCHR(os.fstat(stream.fileno()).st_mode)


class Unbreakable(io.TextIOBase):
    """
    A stream whose reader may go away, or whose disk may fill up, without ending the run that writes to it.

    For what is nice to see; a result goes through `write_result`.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):  # also called as this object goes, when its stream may be closed
            self._stream.flush()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the base class has a plain attribute
        """Return the encoding of the stream: by it Rich chooses between line-drawing characters and ASCII."""
        return self._stream.encoding or "utf-8"

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


def drop_the_rest(stream: TextIO) -> None:
    """Drop what is still buffered. It would fail again when the interpreter ends, and change the exit code."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  the builtin gives a descriptor for dup2 just as well
        os.dup2(nowhere.fileno(), stream.fileno())
