"""Positions, lines and excerpts."""

import pytest

from dispatchfile.source import Position, SourceText, excerpt


def test_a_position_is_written_as_editors_and_compilers_do() -> None:
    """A position shows as path:line:column."""
    assert str(Position("dir/a.yaml", 3, 14)) == "dir/a.yaml:3:14"


def test_positions_sort_by_file_then_line_then_column() -> None:
    """Numbers compare as numbers, not as text."""
    places = [Position("b", 1, 1), Position("a", 10, 1), Position("a", 9, 20), Position("a", 9, 3)]
    assert sorted(places) == [Position("a", 9, 3), Position("a", 9, 20), Position("a", 10, 1), Position("b", 1, 1)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_found_whatever_ends_them(end: str) -> None:
    """Unix, Windows and old Mac line ends all end a line, and belong to none."""
    source = SourceText("a", end.join(["one", "", "three"]))
    assert [source.line(number) for number in range(5)] == ["", "one", "", "three", ""]


def test_other_separators_end_no_line() -> None:
    """What str.splitlines takes for a line end is a character like any other in YAML 1.2."""
    source = SourceText("a", "one\x0b\x0c\x1c\u2028two\nthree")
    assert source.line(2) == "three"


@pytest.mark.parametrize(
    ("offset", "line", "column"),
    [(0, 1, 1), (2, 1, 3), (3, 1, 4), (4, 2, 1), (7, 3, 1), (9, 3, 3)],
)
def test_an_offset_becomes_line_and_column(offset: int, line: int, column: int) -> None:
    """Lines and columns count from 1; a line end still belongs to its line."""
    assert SourceText("a", "one\ntw\nend").position(offset) == Position("a", line, column)


def test_columns_count_characters() -> None:
    """A character beyond the basic plane is one column, as in the parser's marks."""
    assert SourceText("a", "\U0001f600é: x").position(2) == Position("a", 1, 3)


def test_a_position_beyond_the_text_is_its_end() -> None:
    """A parser that complains of the end of the file may point to a line that nobody sees."""
    source = SourceText("a", "one\ntwo\n\n")
    assert [source.clamp(Position("a", 4, 1)), source.clamp(Position("a", 1, 2))] == [
        Position("a", 2, 4),
        Position("a", 1, 2),
    ]


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [
        pytest.param("id: a b", 5, "    id: a b\n        ^", id="plain"),
        pytest.param("id: a\r\n", 5, "    id: a\n        ^", id="without the line's end"),
        pytest.param("a:\tb", 4, "    a:  b\n        ^", id="tab"),
        pytest.param("日本: x", 5, "    日本: x\n          ^", id="wide characters"),
        pytest.param("e\u0301: x", 5, "    e\u0301: x\n       ^", id="combining character"),
        pytest.param("a\x1b[31mb", 7, "    a�[31mb\n          ^", id="control character"),
        pytest.param("a", 9, "    a\n     ^", id="column beyond the line"),
        pytest.param("", 1, "    \n    ^", id="empty line"),
    ],
)
def test_an_excerpt_shows_the_line_with_a_caret(line: str, column: int, expected: str) -> None:
    """The caret stands below its character, and nothing in the line can steer a terminal."""
    assert excerpt(line, column) == expected


def test_an_excerpt_of_a_long_line_is_cut_around_its_caret() -> None:
    """A manifest in one line still gives an excerpt that fits a screen."""
    line, caret = excerpt("a" * 5000 + "X" + "b" * 5000, 5001).split("\n")
    assert (len(line), line[caret.index("^")]) == (164, "X")
