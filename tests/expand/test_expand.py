"""`for_each` to rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dispatchfile.expand import Row, expand
from dispatchfile.files import Files
from dispatchfile.manifest import load_manifest
from dispatchfile.problems import Problem
from dispatchfile.source import Position

NO_FILES: Mapping[str, bytes] = {}


def rows(
    folder: Path, for_each: str, files: Mapping[str, bytes] = NO_FILES, *, path: str = "dispatchfile.yaml"
) -> list[Row | Problem]:
    """Return the rows of a manifest whose only dispatch has this for_each, in a folder with these files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    text = f"version: 1\ndispatches:\n- job: encode\n  for_each: {for_each}\n"
    document, problems = load_manifest(text.encode(), path=path, folder=folder)
    assert document is not None
    assert problems == ()
    return list(expand(document, 0, Files(folder)))


def told(results: list[Row | Problem]) -> list[str]:
    """The problems, as they are told."""
    return [f"{problem.code} {problem}" for problem in results if isinstance(problem, Problem)]


def eaches(results: list[Row | Problem]) -> list[Mapping[str, object] | None]:
    return [row.each for row in results if isinstance(row, Row)]


def test_a_dispatch_without_for_each_is_one_row(tmp_path: Path) -> None:
    """Where there is nothing to repeat, there is one row that templates know nothing of."""
    document, _ = load_manifest(b"version: 1\ndispatches: [{job: a}, {job: b}]", path="m.yaml", folder=tmp_path)
    assert document is not None
    assert list(expand(document, 1, Files(tmp_path))) == [Row(1, None, None)]


def test_a_list_of_scalars_gives_values_at_their_places(tmp_path: Path) -> None:
    """Each element is a row, found as each.value, and numbers keep the text they were written with."""
    results = rows(tmp_path, "{list: [intro, 1.10]}")
    assert results[0] == Row(0, {"index": 0, "value": "intro"}, Position("dispatchfile.yaml", 4, 21))
    assert [str(each["value"]) for each in eaches(results) if each] == ["intro", "1.10"]


def test_a_list_of_mappings_gives_their_keys(tmp_path: Path) -> None:
    """A row's keys are read by name; the whole row is each.value."""
    assert eaches(rows(tmp_path, "{list: [{slug: a}]}")) == [{"slug": "a", "index": 0, "value": {"slug": "a"}}]


def test_a_key_of_the_row_wins_over_index_and_value(tmp_path: Path) -> None:
    """What the author wrote is not hidden by what every row has."""
    assert eaches(rows(tmp_path, "{list: [{index: x, value: y}]}")) == [{"index": "x", "value": "y"}]


def test_csv_rows_are_texts_at_their_lines(tmp_path: Path) -> None:
    """Every field is text; a row is at the line where it starts, whatever line ends its fields hold."""
    films = b'\xef\xbb\xbfslug,title\r\na,"two\r\nlines"\r\n\r\nb,007\r\n'
    assert rows(tmp_path, "{csv: films.csv}", {"films.csv": films}) == [
        Row(
            0,
            {"slug": "a", "title": "two\r\nlines", "index": 0, "value": {"slug": "a", "title": "two\r\nlines"}},
            Position("films.csv", 2, 1),
        ),
        Row(
            0,
            {"slug": "b", "title": "007", "index": 1, "value": {"slug": "b", "title": "007"}},
            Position("films.csv", 5, 1),
        ),
    ]


def test_places_are_reached_as_the_manifest_is(tmp_path: Path) -> None:
    """A file is shown by the way that leads to it from where the manifest was named."""
    results = rows(tmp_path, "{csv: lists/films.csv}", {"lists/films.csv": b"a\n1\n"}, path="jobs/dispatchfile.yaml")
    assert [row.position for row in results] == [Position("jobs/lists/films.csv", 2, 1)]


def test_uneven_csv_rows_are_told_and_the_others_go_on(tmp_path: Path) -> None:
    """A row with too few or too many fields is a problem at its line; the rows around it are rows."""
    results = rows(tmp_path, "{csv: f.csv}", {"f.csv": b"a,b\n1\n1,2\n1,2,3\n"})
    assert told(results) == [
        "DF024 f.csv:2:1: this row has 1 field, the header has 2: add b",
        "DF024 f.csv:4:1: this row has 3 fields, the header has 2: quote fields that contain a comma",
    ]
    assert [each["b"] for each in eaches(results) if each] == ["2"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", "DF022 m.yaml:4:19: f.csv is empty: its first line must name the columns", id="empty"),
        pytest.param(b"a,b\n", "DF022 m.yaml:4:19: f.csv gives no rows: it needs at least one row", id="header"),
        pytest.param(b"a,a\n1,2\n", "DF023 f.csv:1:1: duplicate column 'a' in the header", id="twice"),
        pytest.param(b"a,,c\n1,2,3\n", "DF023 f.csv:1:1: column 2 of the header has no name", id="nameless"),
        pytest.param(
            b"a\n\xff\n",
            "DF023 f.csv:2:1: not UTF-8: set encoding, as in csv: {file: f.csv, encoding: cp1252}",
            id="latin-1",
        ),
        pytest.param(b'a\n"b"c\n', "DF023 f.csv:2:1: not valid CSV: ',' expected after '\"'", id="quote"),
        pytest.param(b'a\n"b\n', "DF023 f.csv:2:1: not valid CSV: unexpected end of data", id="open-quote"),
        pytest.param(
            b'a,b\n1,"x\ny"\r\n2,"open\n3,4\n5,6\n',
            "DF023 f.csv:4:3: not valid CSV: unexpected end of data",
            id="quote-that-opens-above-the-end",
        ),
        pytest.param(
            b'a,b\n1,"open\n"x",2\n',
            "DF023 f.csv:2:3: not valid CSV: ',' expected after '\"'",
            id="quote-that-opens-above-another",
        ),
        pytest.param(
            b'a,b\n1,"open\n' + b"2,3\n" * 50_000,
            "DF023 f.csv:2:3: not valid CSV: field larger than field limit (131072)",
            id="quote-that-opens-far-above",
        ),
    ],
)
def test_a_csv_file_that_cannot_be_read(tmp_path: Path, content: bytes, expected: str) -> None:
    """Each mistake in a CSV file is told where it begins."""
    assert told(rows(tmp_path, "{csv: f.csv}", {"f.csv": content}, path="m.yaml")) == [expected]


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson"])
def test_a_missing_file_is_told_at_its_name(tmp_path: Path, kind: str) -> None:
    """A file that is not there is a problem of the manifest, not of the file."""
    [problem] = rows(tmp_path, f"{{{kind}: gone.x}}")
    assert isinstance(problem, Problem)
    assert (problem.code, problem.position.line) == ("DF030", 4)
    assert "gone.x" in problem.found
    assert "gone.x" in problem.excerpt


def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    """Rows come from below the manifest's folder."""
    (tmp_path / "outside.csv").write_text("a\n1\n")
    (tmp_path / "inside").mkdir()
    [problem] = rows(tmp_path / "inside", "{csv: ../outside.csv}")
    assert isinstance(problem, Problem)
    assert problem.code == "DF031"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder where a file is wanted is told as such."""
    [problem] = rows(tmp_path, "{csv: sub}", {"sub/x": b""})
    assert isinstance(problem, Problem)
    assert (problem.code, "directory" in problem.found) == ("DF030", True)


def test_ndjson_rows_keep_numbers_as_written(tmp_path: Path) -> None:
    """Each line is a row; blank lines are none; numbers print as they stand there."""
    lines = b'{"take": 1.10, "n": 1e3, "big": 12345678901234567890}\n\r\n"plain"\r\n'
    results = rows(tmp_path, "{ndjson: f.ndjson}", {"f.ndjson": lines})
    first, second = eaches(results)
    assert first is not None
    assert second == {"index": 1, "value": "plain"}
    assert [str(first[key]) for key in ("take", "n", "big")] == ["1.10", "1e3", "12345678901234567890"]
    assert [row.position for row in results] == [Position("f.ndjson", 1, 1), Position("f.ndjson", 3, 1)]


def test_a_line_separator_within_a_text_does_not_end_a_line(tmp_path: Path) -> None:
    """Only a line feed ends a line of NDJSON: U+2028 may stand in a text."""
    content = '"a\N{LINE SEPARATOR}b\x85c"\n'.encode()
    assert eaches(rows(tmp_path, "{ndjson: f}", {"f": content})) == [{"index": 0, "value": "a\N{LINE SEPARATOR}b\x85c"}]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b'{"a": }', "f:2:7: not valid JSON: Expecting value", id="syntax"),
        pytest.param(b'{"a": 1} x', "f:2:10: not valid JSON: Extra data", id="more"),
        pytest.param(b'"\xc3\xa9\xff"', "f:2:3: not UTF-8: save the file as UTF-8", id="latin-1"),
        pytest.param(b'{"a": NaN}', "f:2:1: NaN is not a JSON number", id="nan"),
        pytest.param(b'{"a": 1e999}', "f:2:1: 1e999 is too large a number", id="infinite"),
        pytest.param(b'{"a": 1, "a": 2}', "f:2:1: duplicate key 'a'", id="twice"),
        pytest.param(rb'["\ud83d"]', "f:2:1: a text contains half of a surrogate pair", id="surrogate"),
        pytest.param(b"[" * 100_000, "f:2:1: nested too deeply", id="deep"),
        pytest.param(b"1" * 5_000, "f:2:1: a number with 5,000 digits is too long", id="long"),
    ],
)
def test_a_bad_line_of_ndjson_is_told_and_the_others_go_on(tmp_path: Path, line: bytes, expected: str) -> None:
    """A line that is no JSON is a problem at its line and column, in the place of its row."""
    results = rows(tmp_path, "{ndjson: f}", {"f": b"1\n" + line + b"\n3\n"})
    assert told(results) == [f"DF023 {expected}"]
    assert [each["value"] for each in eaches(results) if each] == [1, 3]


def test_json_elements_are_rows_at_their_places(tmp_path: Path) -> None:
    """The elements of a list in JSON are rows, and each knows its line and column."""
    content = b'[\n  {"slug": "a", "take": 1.10},\n  "b", [1]\n]\n'
    results = rows(tmp_path, "{json: f.json}", {"f.json": content})
    assert [row.position for row in results] == [
        Position("f.json", 2, 3),
        Position("f.json", 3, 3),
        Position("f.json", 3, 8),
    ]
    first, second, third = eaches(results)
    assert first is not None
    assert (first["slug"], str(first["take"])) == ("a", "1.10")
    assert (second, third) == ({"index": 1, "value": "b"}, {"index": 2, "value": [1]})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"{}", "DF023 f:1:1: the file must contain a list, with one element for each row", id="mapping"),
        pytest.param(b"", "DF023 f:1:1: the file must contain a list, with one element for each row", id="empty"),
        pytest.param(b"[]", "DF022 m.yaml:4:20: f gives no rows: it needs at least one row", id="no-rows"),
        pytest.param(b"[\n1 2]", "DF023 f:2:3: not valid JSON: Expecting ',' delimiter", id="comma"),
        pytest.param(b"[1,\n]", "DF023 f:2:1: not valid JSON: Expecting value", id="trailing-comma"),
        pytest.param(b"[1", "DF023 f:1:3: not valid JSON: Expecting ',' delimiter", id="cut"),
        pytest.param(b"[1] 2", "DF023 f:1:5: not valid JSON: Extra data", id="more"),
        pytest.param(b"[\n\xff]", "DF023 f:2:1: not UTF-8: save the file as UTF-8", id="latin-1"),
        pytest.param(b"\n {}", "DF023 f:2:2: the file must contain a list, with one element for each row", id="below"),
        pytest.param(b'[1,\n {"a": 1, "a": 2}]', "DF023 f:2:2: duplicate key 'a'", id="twice"),
        pytest.param(b"[1,\n [NaN]]", "DF023 f:2:2: NaN is not a JSON number", id="nan"),
        pytest.param(rb'[1, "\ud83d"]', "DF023 f:1:5: a text contains half of a surrogate pair", id="surrogate"),
        pytest.param(b"[1,\n" + b"[" * 100_000, "DF023 f:2:1: nested too deeply", id="deep"),
    ],
)
def test_a_json_file_that_cannot_be_read(tmp_path: Path, content: bytes, expected: str) -> None:
    """Each mistake in a JSON file is told with its line and column."""
    assert told(rows(tmp_path, "{json: f}", {"f": content}, path="m.yaml")) == [expected]


@pytest.mark.parametrize(("sensitive", "shown"), [("", True), (", sensitive: [payload]", False)])
@pytest.mark.parametrize(("kind", "content"), [("json", b'["sekrit" 1]'), ("ndjson", b'"sekrit" 1')])
def test_rows_that_may_feed_secrets_are_not_quoted(
    tmp_path: Path, kind: str, content: bytes, sensitive: str, shown: bool
) -> None:
    """What is wrong with them is told without an excerpt."""
    (tmp_path / "f").write_bytes(content)
    text = f"version: 1\ndispatches:\n- {{job: encode, for_each: {{{kind}: f}}{sensitive}}}\n"
    document, _ = load_manifest(text.encode(), path="m.yaml", folder=tmp_path)
    assert document is not None
    [*_, problem] = expand(document, 0, Files(tmp_path))
    assert isinstance(problem, Problem)
    assert (problem.code, "sekrit" in problem.excerpt) == ("DF023", shown)


def test_streamed_json_is_what_the_json_module_reads(tmp_path: Path) -> None:
    """Reading a list element by element gives the same values as reading it at once."""
    values = [None, True, "x,]", {"a": [1, {"b": "[,"}]}, [], {}, -1, 2.5]
    for indent in (None, 1):
        content = json.dumps(values, indent=indent).encode()
        found = eaches(rows(tmp_path / str(indent), "{json: f}", {"f": content}))
        assert [each["value"] for each in found if each] == values


def test_glob_rows_are_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Each file is a row with its path, its name, and its name without the last ending."""
    files = {"payloads/b.json": b"", "payloads/a.tar.gz": b"", "payloads/c.json": b""}
    assert rows(tmp_path, '{glob: "payloads/*.json"}', files) == [
        Row(
            0,
            {"path": path, "name": name, "stem": stem, "index": index, "value": path},
            Position(path, 1, 1),
        )
        for index, (path, name, stem) in enumerate(
            [("payloads/b.json", "b.json", "b"), ("payloads/c.json", "c.json", "c")]
        )
    ]


def test_a_glob_without_files_gives_no_rows(tmp_path: Path) -> None:
    """A pattern that nothing matches is a slip, not an empty batch."""
    assert told(rows(tmp_path, '{glob: "*.json"}')) == [
        "DF022 dispatchfile.yaml:4:20: for_each.glob gives no rows: it needs at least one row"
    ]


def test_a_matrix_gives_every_combination(tmp_path: Path) -> None:
    """The last axis changes fastest, and all rows stand where the for_each does."""
    results = rows(tmp_path, "{matrix: {codec: [webm, mp4], height: [720, 1080]}}")
    assert [each["value"] for each in eaches(results) if each] == [
        {"codec": "webm", "height": 720},
        {"codec": "webm", "height": 1080},
        {"codec": "mp4", "height": 720},
        {"codec": "mp4", "height": 1080},
    ]
    assert {row.position for row in results} == {Position("dispatchfile.yaml", 4, 3)}


def test_an_absurd_matrix_is_refused_before_it_is_made(tmp_path: Path) -> None:
    """Seven axes of ten are a slip; nobody reads a list of ten million dispatches."""
    axes = ", ".join(f"{name}: [0,1,2,3,4,5,6,7,8,9]" for name in "abcdefg")
    assert told(rows(tmp_path, f"{{matrix: {{{axes}}}}}")) == [
        "DF023 dispatchfile.yaml:4:22: the matrix gives 10,000,000 rows: at most 1,000,000 are allowed"
    ]


def test_a_row_knows_where_its_keys_come_from(tmp_path: Path) -> None:
    """Messages about a missing column name the file that should have it."""
    [row] = rows(tmp_path, "{csv: f.csv}", {"f.csv": b"a\n1\n"})
    assert isinstance(row, Row)
    assert (getattr(row.each, "called", ""), getattr(row.each, "origin", "")) == ("each", "f.csv")
