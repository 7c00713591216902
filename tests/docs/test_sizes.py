"""The program that counts lines: what is over a limit is named, unless a reason stands beside it."""

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / ".ci" / "sizes.py"
LONG_BODY = "    x = 1\n" * 41
REASON = "    # long: a measured loop\n"


@pytest.fixture(scope="module")
def too_long_in() -> Callable[[Path, str], Iterator[str]]:
    return runpy.run_path(str(PROGRAM))["too_long_in"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("x = 1\n" * 400, [], id="file-at-its-limit"),
        pytest.param("x = 1\n" * 401, ["m.py: 401 lines, at most 400"], id="file-over-it"),
        pytest.param("# long: a table\n" + "x = 1\n" * 401, [], id="file-with-a-reason"),
        pytest.param("class C:\n" + "    x = 1\n" * 249, [], id="class-at-its-limit"),
        pytest.param("class C:\n" + "    x = 1\n" * 250, ["m.py:1: C has 251 lines, at most 250"], id="class-over-it"),
        pytest.param('def f():\n    """Say so."""\n' + "    x = 1\n" * 40, [], id="body-at-its-limit"),
        pytest.param("def f():\n" + LONG_BODY, ["m.py:1: f has 41 lines, at most 40"], id="body-over-it"),
        pytest.param("async def f():\n" + LONG_BODY, ["m.py:1: f has 41 lines, at most 40"], id="async-body-over-it"),
        pytest.param("def f(\n" + "    *,\n    a,\n" + "):\n" + "    x = 1\n" * 40, [], id="signature-is-not-counted"),
        pytest.param("def f():\n" + REASON + LONG_BODY, [], id="body-with-a-reason"),
        pytest.param("def f():\n" + LONG_BODY + REASON, ["m.py:1: f has 41 lines, at most 40"], id="reason-too-late"),
    ],
)
def test_what_is_too_long_is_named(too_long_in, text: str, found: list[str]) -> None:
    """Files, classes and function bodies have limits of their own."""
    assert list(too_long_in(Path("m.py"), text)) == found
