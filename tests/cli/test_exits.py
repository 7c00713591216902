"""Exceptions to exit codes, and to one line."""

import json
from pathlib import Path

import pytest

from dispatchfile.cli.exits import exit_code_of, run_to_exit_code
from dispatchfile.errors import AgentError, FileError, Interrupted, NomadForbidden, UsageError


@pytest.mark.parametrize(
    ("exc", "code", "line"),
    [
        pytest.param(UsageError("--a: b"), 1, "Error: --a: b\n", id="ours"),
        pytest.param(NomadForbidden("no\n\n  right \x1b[1m"), 1, "Error: no right \\x1b[1m\n", id="many lines"),
        pytest.param(
            AgentError("a:1:1: no\nb:2:2: \x1b[1m"), 1, "Error: a:1:1: no\nb:2:2: \\x1b[1m\n", id="a line each"
        ),
        pytest.param(Interrupted("go on with resume", 143), 143, "go on with resume\n", id="a signal"),
        pytest.param(
            UsageError("--x: -----BEGIN KEY-----\nMHc\n-----END KEY----- is no x"),
            1,
            "Error: --x: (a key, not shown) is no x\n",
            id="a key",
        ),
        pytest.param(
            UsageError(r"--x: '-----BEGIN KEY-----\nMHc\n"), 1, "Error: --x: '(a key, not shown)\n", id="a cut key"
        ),
        pytest.param(UsageError("'hvs.CAESIJ0123456789'"), 1, "Error: '(a token, not shown)'\n", id="a token"),
        pytest.param(MemoryError(), 1, "Error: there is not enough memory for this\n", id="no memory"),
        pytest.param(KeyboardInterrupt(), 130, "interrupted\n", id="Ctrl-C"),
        pytest.param(SystemExit(3), 3, "", id="somebody's own exit"),
        pytest.param(SystemExit("text"), 1, "", id="an exit with a text"),
        pytest.param(
            ExceptionGroup("two", [FileError("a", "is gone"), UsageError("b")]), 1, "Error: a: is gone\n", id="a group"
        ),
        pytest.param(
            BaseExceptionGroup("two", [KeyboardInterrupt(), Interrupted("x", 143)]), 143, "x\n", id="signals in a group"
        ),
        pytest.param(BaseExceptionGroup("one", [KeyboardInterrupt()]), 130, "interrupted\n", id="Ctrl-C in a group"),
    ],
)
def test_what_ends_a_command_has_its_code_and_one_line(
    exc: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line goes to standard error; standard output is for results."""
    assert exit_code_of(exc, []) == code
    assert capsys.readouterr() == ("", line)


def test_a_folder_that_was_deleted_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another terminal may have removed the working folder."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for argv in (["validate", "m.yaml"], ["run", "m.yaml"]):
        assert run_to_exit_code(argv) == 1
        assert capsys.readouterr().err == "Error: the current folder no longer exists: change to another folder\n"


def test_one_unforeseen_exception_makes_the_whole_group_unforeseen(capsys: pytest.CaptureFixture[str]) -> None:
    """What is ours in it may only follow from what is not."""
    assert exit_code_of(ExceptionGroup("two", [UsageError("a"), ZeroDivisionError("b")]), []) == 1
    line, _, path = capsys.readouterr().err.rstrip(")\n").partition(" (traceback in ")
    Path(path).unlink()
    assert line == "Error: internal error: ExceptionGroup: two (2 sub-exceptions)"


def test_a_wrong_command_line_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """One object and no usage above it."""
    assert run_to_exit_code(["run", "--bogus\x1b[1m", "--log-format=json"]) == 1
    record = json.loads(capsys.readouterr().err)
    assert record["message"].startswith("No such option")
    assert "--bogus\\x1b[1m" in record["message"]


@pytest.mark.parametrize("argv", [["--log-format=json"], ["run", "--log-format", "json"]])
def test_errors_are_json_for_those_who_collect_logs(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Even before the command line has been read."""
    exit_code_of(UsageError("--a: b"), argv)
    assert json.loads(capsys.readouterr().err) == {"level": "error", "message": "--a: b"}
