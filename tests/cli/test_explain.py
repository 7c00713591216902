"""`explain` as it is typed."""

import json

import pytest

from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.problems import CODES


def test_a_code_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """A code may be written in lower case."""
    assert run_to_exit_code(["explain", "df033"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"DF033: {CODES['DF033']}\n")
    assert [out.count(f"\n{label}\n") for label in ("Wrong:", "Right:")] == [1, 1]


def test_without_a_name_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """The list has a form for people and one for scripts."""
    assert run_to_exit_code(["explain"]) == 0
    out = capsys.readouterr().out
    assert [code for code in CODES if f"  {code}  {CODES[code]}\n" not in out] == []
    assert run_to_exit_code(["explain", "-o", "json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert [entry["name"] for entry in entries if entry["kind"] == "code"] == list(CODES)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DF33", "did you mean DF033?"),
        ("zebra", "`dispatchfile explain` lists all names"),
        ("\x1b[31m", "`dispatchfile explain` lists all names"),
    ],
)
def test_an_unknown_name_is_an_error_with_near_ones(name: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1."""
    assert run_to_exit_code(["explain", name]) == 1
    assert capsys.readouterr() == (
        "",
        f"Error: no code, outcome, cause, state or exit code is called {name!r}: {hint}\n",
    )
