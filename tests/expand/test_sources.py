"""Rows from lines, ranges, variables, standard input and matrices of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dispatchfile.expand import Row, expand
from dispatchfile.files import Files, StandardInput
from dispatchfile.manifest import load_manifest
from dispatchfile.problems import Problem
from dispatchfile.source import Position
from tests.expand.test_expand import NO_FILES, eaches, rows, told


def values(results: list[Row | Problem]) -> list[object]:
    return [each["value"] for each in eaches(results) if each]


def test_lines_are_rows_at_their_places(tmp_path: Path) -> None:
    """
    A row is a line without its end and without a byte order mark. Blank lines are skipped; the last
    may have no end.
    """
    content = b"\xef\xbb\xbfhttps://a.example/x y\r\n\r\n  \n \xc3\xa4 \nlast"
    results = rows(tmp_path, "{lines: urls.txt}", {"urls.txt": content})
    assert values(results) == ["https://a.example/x y", " ä ", "last"]
    assert [row.position for row in results] == [Position("urls.txt", line, 1) for line in (1, 4, 5)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"a\nb\0c\n", "2:2: a NUL character: this is not a file of lines", id="nul"),
        pytest.param(b"a\n\xff\n", "2:1: not UTF-8: save the file as UTF-8", id="latin-1"),
        pytest.param("a\n".encode("utf-16"), "1:1: not UTF-8: save the file as UTF-8", id="utf-16"),
        pytest.param(
            b"a\n" + b"x" * 2_000_000, "2:1: a line of 2,000,000 bytes, at most 1,048,576 are allowed", id="endless"
        ),
        pytest.param(b"a\rb\n", "1:2: a carriage return within a line: line ends must be LF or CRLF", id="old mac"),
    ],
)
def test_a_file_that_is_not_of_lines(tmp_path: Path, content: bytes, expected: str) -> None:
    """What is wrong is told at its line and column."""
    assert told(rows(tmp_path, "{lines: f}", {"f": content})) == [f"DF023 f:{expected}"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("{to: 3}", [1, 2, 3], id="default"),
        pytest.param("{from: 0, to: 7, step: 3}", [0, 3, 6], id="step"),
        pytest.param("{from: 8, to: 10, width: 2}", ["08", "09", "10"], id="width"),
        pytest.param("{from: 4, to: 4}", [4], id="one"),
    ],
)
def test_a_range_includes_its_end(tmp_path: Path, written: str, expected: list[object]) -> None:
    """Numbers, or texts of a width."""
    assert values(rows(tmp_path, f"{{range: {written}}}")) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(
            "{from: 5, to: 1}",
            "DF022 m.yaml:4:21: for_each.range gives no rows: it goes from 5 to 1: `to` must not be less than `from`",
            id="backwards",
        ),
        pytest.param(
            "{to: 1000000000000}",
            "DF023 m.yaml:4:21: the range gives 1,000,000,000,000 rows: at most 1,000,000 are allowed",
            id="enormous",
        ),
    ],
)
def test_a_range_that_cannot_be_meant(tmp_path: Path, written: str, expected: str) -> None:
    """It is told before a row of it is made."""
    assert told(rows(tmp_path, f"{{range: {written}}}", path="m.yaml")) == [expected]


def test_an_axis_may_be_any_source(tmp_path: Path) -> None:
    """A row stands where its first value from a file does; a row with keys is the whole value."""
    files = {"urls.txt": b"a\n\nb\n", "films.csv": b"slug\nintro\n"}
    axes = "{n: {range: {to: 2}}, url: {lines: urls.txt}, film: {csv: films.csv}, p: [small]}"
    results = rows(tmp_path, f"{{matrix: {axes}}}", files)
    film = {"slug": "intro"}
    assert values(results) == [{"n": n, "url": url, "film": film, "p": "small"} for n in (1, 2) for url in ("a", "b")]
    assert [row.position for row in results] == [Position("urls.txt", line, 1) for line in (1, 3, 1, 3)]


def test_problems_of_an_axis_are_told_once(tmp_path: Path) -> None:
    """Whatever is combined with it."""
    files = {"f.csv": b"a,b\n1\n,\n2,3\n", "empty.txt": b"\n"}
    results = rows(tmp_path, "{matrix: {row: {csv: f.csv}, p: [1, 2]}}", files)
    assert told(results) == [
        "DF024 f.csv:2:1: this row has 1 field, the header has 2: add b",
        "DF024 f.csv:3:1: all cells of this row are empty: remove it",
    ]
    assert len(values(results)) == 2
    assert told(rows(tmp_path, "{matrix: {row: {lines: empty.txt}, p: [1, 2]}}", files)) == [
        "DF022 dispatchfile.yaml:4:36: empty.txt gives no rows"
    ]
    assert told(rows(tmp_path, "{matrix: {row: {lines: gone.txt}, p: [1, 2]}}", files)) == [
        "DF030 dispatchfile.yaml:4:36: gone.txt: does not exist"
    ]


@pytest.mark.parametrize(
    "axes",
    [
        pytest.param("{a: {range: {to: 10000}}, b: {range: {to: 1000}}, c: {lines: gone.txt}}", id="known sizes"),
        pytest.param("{a: {range: {to: 900000}}, b: {lines: f}}", id="a file beside a range"),
        pytest.param("{a: {lines: f}, b: {lines: f}, c: {lines: f}, d: {lines: f}}", id="files"),
    ],
)
def test_a_matrix_that_is_too_large_is_told_before_it_is_made(tmp_path: Path, axes: str) -> None:
    """The size is computed before a file is read, or from as many lines as are needed."""
    [problem] = told(rows(tmp_path, f"{{matrix: {axes}}}", {"f": b"x\n" * 50}, path="m.yaml"))
    assert problem.startswith("DF023 m.yaml:4:22: the matrix gives ")
    assert problem.endswith("rows: at most 1,000,000 are allowed")


def test_no_rows_can_be_allowed(tmp_path: Path) -> None:
    """`allow_empty` works for any source and hides no other problem."""
    for kind, written in (("lines", "f"), ("csv", "f"), ("glob", '"*.x"'), ("json", "list")):
        assert rows(tmp_path, f"{{{kind}: {written}, allow_empty: true}}", {"f": b"\n", "list": b"[]"}) == []
    assert told(rows(tmp_path, "{json: f, allow_empty: true}")) == [
        "DF023 f:2:1: the file must contain a list, with one element for each row"
    ]


def piped(folder: Path, for_each: str, content: bytes, *, count: int = 1) -> list[Row | Problem]:
    """Return the rows of dispatches with this for_each when *content* is piped in."""
    text = "version: 1\ndispatches:\n" + f"- {{job: encode, for_each: {for_each}}}\n" * count
    document, _ = load_manifest(text.encode(), path="m.yaml", folder=folder)
    assert document is not None
    files = Files(folder, standard_input=StandardInput(lambda _: content))
    return [row for index in range(count) for row in expand(document, index, files)]


@pytest.mark.parametrize(
    ("for_each", "content", "expected"),
    [
        pytest.param('{lines: "-"}', b"a\n", "a", id="lines"),
        pytest.param('{ndjson: "-"}', b'"a"\n', "a", id="ndjson"),
        pytest.param('{json: "-"}', b'["a"]', "a", id="json"),
        pytest.param('{csv: "-"}', b"x\na\n", {"x": "a"}, id="csv"),
        pytest.param('{csv: {file: "-", columns: [x]}}', b"a\n", {"x": "a"}, id="csv with columns"),
    ],
)
def test_standard_input_is_a_file(tmp_path: Path, for_each: str, content: bytes, expected: object) -> None:
    """Its rows have places, too."""
    [row] = piped(tmp_path, for_each, content)
    assert isinstance(row, Row)
    assert row.each is not None
    assert row.position is not None
    assert (row.each["value"], row.position.file) == (expected, "<stdin>")


def test_standard_input_can_be_read_once(tmp_path: Path) -> None:
    """The second dispatch that asks is told where the first stands."""
    assert told(piped(tmp_path, '{lines: "-"}', b"a\n", count=2)) == [
        "DF029 m.yaml:4:35: standard input is already read at m.yaml:3:35: only one for_each can read it"
    ]


def test_standard_input_of_an_earlier_process_is_gone(tmp_path: Path) -> None:
    """Nothing is read if nobody provides it."""
    assert told(rows(tmp_path, '{lines: "-"}', NO_FILES, path="m.yaml")) == [
        "DF029 m.yaml:4:21: standard input was read by an earlier process: start a new run with `dispatchfile run`"
    ]


DIALECTS: Mapping[str, tuple[str, bytes, str]] = {
    "semicolons": ("f", b"a;b\n1;2,5\n", ('1:1: the line has no comma, and looks separated by semicolons: '
                   'set delimiter, as in csv: {file: f, delimiter: ";"}')),
    "tabs": ("f", b"a\tb\n1\t2\n", ('1:1: the line has no comma, and looks separated by tabs: '
             'set delimiter, as in csv: {file: f, delimiter: "\\t"}')),
    "quoted commas": ("f", b'"a, b";c\n1;2\n', ('1:1: the line has no comma, and looks separated by semicolons: '
                      'set delimiter, as in csv: {file: f, delimiter: ";"}')),
    "cp1252": ("f", "a,b\nMü,1\n".encode("cp1252"),
               "2:2: not UTF-8: set encoding, as in csv: {file: f, encoding: cp1252}"),
    "utf-16": ("f", "a,b\n1,2\n".encode("utf-16"), ("1:1: this looks like UTF-16: set encoding, as in csv: "
               "{file: f, encoding: utf-16}")),
    "utf-16 without a mark": ("f", "a,b\n1,2\n".encode("utf-16-be"), ("1:1: this looks like UTF-16-BE: set encoding, "
                              "as in csv: {file: f, encoding: utf-16-be}")),
    "plain lines": ("f", b"https://a.example/x\n", ("1:1: this looks like a file of plain lines, not like the names of "
                    "columns: use `lines: f`, or name the column: csv: {file: f, columns: [NAME]}")),
    "plain lines with numbers": ("f", b"host-1\nhost-2\n", ("1:1: this looks like a file of plain lines, not like the "
                    "names of columns: use `lines: f`, or name the column: csv: {file: f, columns: [NAME]}")),
    "a nul": ("f", b"a,b\n1,\0\n", "2:3: a NUL character: this is not a CSV file"),
    "utf-8 after all": ("{file: f, encoding: cp1252}", b"\xef\xbb\xbfa,b\n1,2\n",
                        "1:1: the file starts as UTF-8 does, not cp1252: leave `encoding` out"),
    "wrong encoding": ("{file: f, encoding: ascii}", b"a,b\n1,\xff\n", "2:3: not ascii: set another encoding"),
    "columns twice": ("{file: f, columns: [a, a]}", b"1,2\n", "1:1: duplicate column 'a' in the header"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("csv", "content", "expected"), [pytest.param(*case, id=name) for name, case in DIALECTS.items()]
)
def test_another_dialect_names_the_key_to_set(tmp_path: Path, csv: str, content: bytes, expected: str) -> None:
    """The error says what the file looks like and how to declare it. An exact setting is not questioned."""
    assert told(rows(tmp_path, f"{{csv: {csv}}}", {"f": content})) == [f"DF023 f:{expected}"]


@pytest.mark.parametrize("encoding", ["klingon", "base64", "idna", "zlib", "x" * 100, '"a\\0b"'])
def test_an_encoding_must_be_one_of_texts(tmp_path: Path, encoding: str) -> None:
    """It is told at its key, before the file is read."""
    [problem] = told(rows(tmp_path, f"{{csv: {{file: gone, encoding: {encoding}}}}}", path="m.yaml"))
    assert problem.startswith("DF015 m.yaml:4:42: ")
    assert "is not an encoding" in problem


def test_a_delimiter_that_is_named_is_taken_at_its_word(tmp_path: Path) -> None:
    """One column is one column, however it looks."""
    results = rows(tmp_path, '{csv: {file: f, delimiter: ","}}', {"f": b"a;b\n1;2\n"})
    assert values(results) == [{"a;b": "1;2"}]


def test_a_row_of_empty_cells_is_kept_for_where(tmp_path: Path) -> None:
    """It comes with its problem, which counts only where the row stays."""
    [first, doubtful] = rows(tmp_path, '{csv: {file: f, delimiter: ";"}}', {"f": b"a;b\n1;2\n;\n"})
    assert isinstance(first, Row)
    assert isinstance(doubtful, Row)
    assert first.doubt is None
    assert doubtful.doubt == Problem(
        "DF024", Position("f", 3, 1), "all cells of this row are empty", "remove it, or drop it with `where`"
    )
