"""Colours where they help, results on standard output."""

import io
import os
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from dispatchfile.cli.terminal import ColorChoice, Unbreakable, is_live, wants_ascii, wants_color, width_of, wrapped


@pytest.mark.parametrize(
    ("choice", "environ", "is_terminal", "wanted"),
    [
        pytest.param("auto", {}, True, True, id="a terminal"),
        pytest.param("auto", {}, False, False, id="a pipe"),
        pytest.param("always", {"NO_COLOR": "1"}, False, True, id="the flag wins over NO_COLOR"),
        pytest.param("never", {"FORCE_COLOR": "1"}, True, False, id="the flag wins over FORCE_COLOR"),
        pytest.param("auto", {"NO_COLOR": "1"}, True, False, id="NO_COLOR"),
        pytest.param("auto", {"NO_COLOR": ""}, True, True, id="an empty NO_COLOR says nothing"),
        pytest.param("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False, id="NO_COLOR wins over FORCE_COLOR"),
        pytest.param("auto", {"NOMAD_CLI_NO_COLOR": "true"}, True, False, id="as for the Nomad CLI"),
        pytest.param("auto", {"NOMAD_CLI_FORCE_COLOR": "1"}, False, True, id="forced as for the Nomad CLI"),
        pytest.param("auto", {"FORCE_COLOR": "1"}, False, True, id="FORCE_COLOR"),
        pytest.param("auto", {"FORCE_COLOR": "0"}, False, False, id="FORCE_COLOR=0 forces nothing"),
        pytest.param("auto", {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, False, True, id="forced on a dumb terminal"),
        pytest.param("auto", {"TERM": "dumb"}, True, False, id="a dumb terminal"),
        pytest.param("auto", {"CLICOLOR": "0"}, True, False, id="CLICOLOR=0"),
    ],
)
def test_who_decides_on_colours(choice: str, environ: dict[str, str], is_terminal: bool, wanted: bool) -> None:
    """The flag, else what forbids, else what forces, else the terminal."""
    assert wants_color(ColorChoice(choice), environ, is_terminal=is_terminal) is wanted


@pytest.mark.parametrize(
    ("columns", "width"),
    [pytest.param(0, 80, id="a terminal that does not know its size"), pytest.param(7, 7, id="a narrow one")],
)
def test_the_width_is_the_terminals_own(monkeypatch: pytest.MonkeyPatch, columns: int, width: int) -> None:
    """Lines can be wrapped at any width that is found."""
    monkeypatch.delenv("COLUMNS", raising=False)
    owner, terminal = os.openpty()
    with os.fdopen(owner), os.fdopen(terminal, "w") as stream:
        termios.tcsetwinsize(stream, (24, columns))
        assert width_of(stream) == width
        assert wrapped("1234 5678", stream) == ("1234 5678" if width == 80 else "1234\n  5678")


def test_a_help_fits_a_terminal_that_is_narrower_than_clicks_own() -> None:
    """Click wraps a help at 50 cells at least, and the terminal would break its words."""
    owner, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 40))
    environ = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "TERMINAL_WIDTH"}}
    command = [sys.executable, "-m", "dispatchfile", "explain", "--help"]
    with os.fdopen(owner, "rb", buffering=0) as screen:
        process = subprocess.Popen(command, stdout=terminal, stderr=subprocess.PIPE, env=environ)
        os.close(terminal)
        written = b""
        while chunk := _read(screen):
            written += chunk
        assert (process.communicate(), process.returncode) == ((None, b""), 0)
    lines = written.decode().splitlines()
    assert lines[0].strip() == "Usage: dispatchfile explain"
    assert [line for line in lines if len(line) > 40] == []


def _read(screen: io.RawIOBase | io.FileIO) -> bytes:
    """What a program wrote to its terminal; nothing once it has ended."""
    try:
        return screen.read(65_536) or b""
    except OSError:
        return b""


WRITING = "import sys; from dispatchfile.cli.terminal import write_result; write_result({text}); sys.exit(7)"


def test_nobody_reading_on_is_no_error() -> None:
    """`| head` ends the pipe early; the exit code stays the command's own, and nothing is written about it."""
    program = WRITING.format(text="'line\\n' * 100_000")
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), error) == (7, b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("options", "code"), [("validate -", 1), ("validate m.yaml", 0), ("run m.yaml --dry-run", 0)])
def test_a_closed_stream_leads_nowhere(in_an_empty_folder: Path, options: str, code: int, closed: str) -> None:
    """Daemons and cron jobs start programs so; the exit code is what it would be, and no file takes its place."""
    Path("m.yaml").write_text("version: 1\ndispatches: [{id: a, job: j}]\n")
    ended = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m dispatchfile {options} {closed}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, "internal error" in ended.stderr) == (code, False)


def test_the_version_needs_somewhere_to_go() -> None:
    """It is all that is asked for."""
    ended = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m dispatchfile --version >&-"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (1, "Error: standard output: Bad file descriptor\n")


def test_a_result_that_cannot_be_written_is_an_error() -> None:
    """A full disk must not look like success."""
    program = WRITING.format(text="'x' * 100_000")
    with open("/dev/full", "w") as full:  # noqa: PTH123
        ended = subprocess.run([sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 1
    assert b"standard output: No space left on device" in ended.stderr


@pytest.mark.parametrize("call", ["--version", "--help", "schema", "validate"])
def test_a_full_disk_is_told_in_one_line(call: str) -> None:
    """Whatever was to be written to it."""
    with open("/dev/full", "w") as full:  # noqa: PTH123
        ended = subprocess.run(
            [sys.executable, "-m", "dispatchfile", call], stdout=full, stderr=subprocess.PIPE, check=False, timeout=30
        )
    assert (ended.returncode, ended.stderr) == (1, b"Error: standard output: No space left on device\n")


class _Stream(io.StringIO):
    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("environ", "is_terminal", "live"),
    [
        pytest.param({}, True, True, id="a terminal"),
        pytest.param({}, False, False, id="a pipe"),
        pytest.param({"TERM": "dumb"}, True, False, id="one that cannot redraw"),
        pytest.param({"TERM": "unknown"}, True, False, id="one that nobody knows"),
        pytest.param({"CI": "true"}, True, False, id="a log that looks like one"),
    ],
)
def test_lines_are_redrawn_only_where_somebody_looks(environ: dict[str, str], is_terminal: bool, live: bool) -> None:
    """A log would be full of cursor movements."""
    assert is_live(_Stream(is_terminal=is_terminal), environ) is live


def test_what_is_nice_to_see_never_ends_a_run() -> None:
    """The terminal was closed, or the disk of the log is full."""
    with open("/dev/full", "w") as full:  # noqa: PTH123
        stream = Unbreakable(full)
        assert stream.write("text") == 4
        assert (stream.isatty(), stream.fileno()) == (False, full.fileno())
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123  for what is still buffered as the test ends
            os.dup2(nowhere.fileno(), full.fileno())


def test_a_stream_that_was_closed_has_nothing_left_to_flush() -> None:
    """As the interpreter ends, this one is flushed once more, when the other may be gone."""
    inner = io.StringIO()
    stream = Unbreakable(inner)
    inner.close()
    stream.flush()


def test_a_stream_of_few_characters_shows_the_others_as_escapes() -> None:
    """LC_ALL=C or an old code page must not end a run either."""
    program = (
        "from dispatchfile.cli.terminal import never_fail_on_characters, write_result\n"
        "never_fail_on_characters({}); write_result('ü 日 \\udcff cut… --var k=…')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONIOENCODING": "ascii"}
    )
    assert ended.stdout == rb"\xfc \u65e5 \udcff cut~ --var k=..."


@pytest.mark.parametrize(
    ("environ", "ascii_only"),
    [
        pytest.param({}, False, id="nothing is set"),
        pytest.param({"LC_ALL": "C"}, True, id="C"),
        pytest.param({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, True, id="LC_ALL beats LANG"),
        pytest.param({"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LANG": "C"}, False, id="an empty one says nothing"),
        pytest.param({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, False, id="Python's own encoding is chosen"),
    ],
)
def test_a_locale_without_characters_gets_ascii(environ: dict[str, str], ascii_only: bool) -> None:
    """Only where it is set: a container without a locale often has a terminal that shows everything."""
    assert wants_ascii(environ) is ascii_only
