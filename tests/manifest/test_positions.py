"""The positions of values and keys."""

import hashlib
from pathlib import Path

import pytest

from dispatchfile.problems import Problem
from dispatchfile.source import Position
from tests.manifest.loading import PARSERS, document

TEXT = """\
version: 1
vars: {a: 1, "b": [x, {c: d}]}
empty: {}

dispatches:
  - id: intro
    meta:
      title: The end
      text: |
        one
        two
  - id: outro
    job:
"""


@PARSERS
@pytest.mark.parametrize(
    ("route", "value", "key"),
    [
        ((), "1:1", "1:1"),
        (("version",), "1:10", "1:1"),
        (("vars",), "2:7", "2:1"),
        (("vars", "a"), "2:11", "2:8"),
        (("vars", "b"), "2:19", "2:14"),
        (("vars", "b", 0), "2:20", "2:20"),
        (("vars", "b", 1, "c"), "2:27", "2:24"),
        (("empty",), "3:8", "3:1"),
        (("dispatches",), "6:3", "5:1"),
        (("dispatches", 0), "6:5", "6:5"),
        (("dispatches", 0, "id"), "6:9", "6:5"),
        (("dispatches", 0, "meta"), "8:7", "7:5"),
        (("dispatches", 0, "meta", "text"), "9:13", "9:7"),
        (("dispatches", 1, "id"), "12:9", "12:5"),
        (("dispatches", 1, "job"), "13:5", "13:5"),
    ],
)
def test_each_value_and_key_has_its_place(route: tuple[str | int, ...], value: str, key: str, pure: bool) -> None:
    """Lines and columns count from 1; a value that is not written stands at its key."""
    read = document(TEXT, pure=pure)
    assert [str(read.position(*route)), str(read.key_position(*route))] == [f"a.yaml:{value}", f"a.yaml:{key}"]


@pytest.mark.parametrize(
    ("route", "place"),
    [
        (("missing",), "1:1"),
        (("missing", "deeper", 3), "1:1"),
        (("vars", "missing"), "2:7"),
        (("vars", "a", "below a scalar"), "2:11"),
        (("vars", "b", 2), "2:19"),
        (("vars", "b", -1), "2:19"),
        (("vars", "b", "0"), "2:19"),
        (("dispatches", 0, "payload", "file"), "6:5"),
    ],
)
def test_what_is_not_there_stands_at_its_nearest_ancestor(route: tuple[str | int, ...], place: str) -> None:
    """A missing key is reported where the mapping is that lacks it."""
    read = document(TEXT)
    assert [str(read.position(*route)), str(read.key_position(*route))] == [f"a.yaml:{place}"] * 2


@PARSERS
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_places_do_not_depend_on_line_ends(end: str, pure: bool) -> None:
    """The same manifest has the same places on every system."""
    read = document(TEXT.replace("\n", end), pure=pure)
    assert (str(read.position("dispatches", 1, "id")), read.line(12)) == ("a.yaml:12:9", "  - id: outro")


@PARSERS
def test_columns_count_characters(pure: bool) -> None:
    """Not bytes, whatever the parser counts in."""
    assert str(document("vars: {é\U0001f600: 日本, b: c}", pure=pure).position("vars", "b")) == "a.yaml:1:19"


@PARSERS
def test_an_alias_stands_where_it_is_written(pure: bool) -> None:
    """What it stands for stands at its anchor."""
    read = document("vars: {a: &a [x, y], b: *a}", pure=pure)
    assert [str(read.position("vars", "b")), str(read.position("vars", "b", 1))] == ["a.yaml:1:25", "a.yaml:1:18"]


@PARSERS
def test_a_merged_key_stands_where_it_is_written(pure: bool) -> None:
    """Keys of the mapping itself keep their own places."""
    read = document("vars:\n  base: &base {a: 1, b: 2}\ndefaults:\n  <<: *base\n  b: 3\n", pure=pure)
    places = [str(place("defaults", key)) for key in "ab" for place in (read.key_position, read.position)]
    assert places == ["a.yaml:2:16", "a.yaml:2:19", "a.yaml:5:3", "a.yaml:5:6"]


def test_a_document_knows_what_it_was_read_from() -> None:
    """The digest is of the bytes, so that a plan can tell whether the manifest changed."""
    read = document("version: 1")
    expected = hashlib.sha256(b"version: 1").hexdigest()
    assert (read.path, read.folder, read.digest) == ("a.yaml", Path("/batch"), expected)


def test_a_problem_of_a_document_has_its_excerpt() -> None:
    """Later stages report without knowing the text."""
    read = document(TEXT)
    found = read.problem("DF012", read.position("version"), "version is odd", "another one is wanted", item="x")
    assert found == Problem(
        "DF012",
        Position("a.yaml", 1, 10),
        "version is odd",
        "another one is wanted",
        item="x",
        excerpt="    version: 1\n             ^",
    )
