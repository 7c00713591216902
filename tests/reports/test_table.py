"""Tables and wrapped lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dispatchfile.reports.table import (
    Copyable,
    cut_around,
    fit,
    labelled,
    lay_out,
    row_lines,
    shorten_middle,
    wrap_at_words,
)


def test_columns_are_aligned_and_numbers_to_the_right() -> None:
    """No blanks are left at the ends of lines."""
    assert lay_out([("ITEMS", "WHY", "WORDS"), ("1,200", "exit", "no"), ("7", "-", "")], width=None) == [
        "ITEMS  WHY   WORDS",
        "1,200  exit  no",
        "    7  -",
    ]


def test_the_last_column_is_wrapped_below_itself() -> None:
    """Lines fit the terminal, and no word of a message is lost."""
    lines = lay_out([("ITEM", "MESSAGE"), ("film-1", "one two three four five six seven")], width=34)
    assert lines == ["ITEM    MESSAGE", "film-1  one two three four five", "        six seven"]


def test_the_lines_of_each_row_are_known() -> None:
    """Whatever is wrapped, what belongs to a row can be put below it."""
    rows = [("ITEM", "MESSAGE"), ("film-1", "one two three four five six seven"), ("b", "x")]
    assert row_lines(rows, width=34) == [
        ["ITEM    MESSAGE"],
        ["film-1  one two three four five", "        six seven"],
        ["b       x"],
    ]


def test_a_message_has_five_lines_at_most_and_keeps_its_end() -> None:
    """An ellipsis shows what is left out; -o json has all of it."""
    lines = lay_out([("ITEM", "MESSAGE"), ("a", "word " * 101 + "no such codec")], width=40)
    assert lines == ["ITEM  MESSAGE", "a", *["  word word word word word word word"] * 3,
                     "  word word word word word word word…", "  word word word no such codec"]  # fmt: skip


def test_a_message_that_its_column_has_no_room_for_goes_below_its_row() -> None:
    """It has the whole width there; the messages of the other rows stay beside their items."""
    rows = [("ITEM", "MESSAGE"), ("a-long-name", "word " * 25 + "no such codec: vp9"), ("b", "exit code 3")]
    assert lay_out(rows, width=40) == [
        "ITEM         MESSAGE",
        "a-long-name",
        *["  word word word word word word word"] * 3,
        "  word word word word no such codec: vp9",
        "b            exit code 3",
    ]


def test_a_word_that_its_column_would_break_goes_below_its_row() -> None:
    """An address can be copied in one piece; a word wider than the terminal is broken where it is."""
    rows = [("ITEM", "MESSAGE"), ("a", "GET https://api.example.com/items/0: HTTP 404"), ("b", "x" * 50)]
    assert lay_out(rows, width=36) == [
        "ITEM  MESSAGE",
        "a",
        "  GET",
        "  https://api.example.com/items/0:",
        "  HTTP 404",
        "b     " + "x" * 30,
        "      " + "x" * 20,
    ]


def test_other_columns_are_shortened_in_the_middle() -> None:
    """Names that begin and end alike are still told apart."""
    assert lay_out([("film-0001-of-a-long-series-of-films-0001", "b")], width=80, widest=15) == ["film-00…ms-0001  b"]


def test_where_no_room_is_left_the_last_column_goes_below() -> None:
    """On the narrowest of terminals nothing is lost."""
    rows = [("ITEM", "OUTCOME", "CAUSE", "MESSAGE"), ("film-1", "failed", "exit 3", "no such codec: vp9")]
    assert lay_out(rows, width=20) == [
        "ITEM  OUTCOME  CAUSE",
        "  MESSAGE",
        "film-1  failed",
        "exit 3",
        "  no such codec: vp9",
    ]


def test_nothing_is_shortened_where_there_is_no_width() -> None:
    """Whoever reads from a pipe wants the whole of a name."""
    name, words = "a" * 90, "b " * 300
    assert lay_out([(name, words)], width=None) == [f"{name}  {words}".rstrip()]


@pytest.mark.parametrize(
    ("text", "cells", "short"),
    [
        pytest.param("abc", 3, "abc", id="fits"),
        pytest.param("abcdefghij", 5, "ab…ij", id="letters"),
        pytest.param("日本語日本語日本語", 8, "日本…語", id="wide ones"),
        pytest.param("e\u0301" * 9, 5, "e\u0301e\u0301…e\u0301e\u0301", id="combining ones"),
        pytest.param("abc", 2, "a…", id="hardly any room"),
    ],
)
def test_the_middle_is_left_out(text: str, cells: int, short: str) -> None:
    """No character is cut in two, and no mark is left without its letter."""
    assert (shorten_middle(text, cells), cell_len(short) <= cells) == (short, True)


def test_wide_characters_take_two_cells() -> None:
    """Terminals draw them so, and columns stay aligned."""
    assert lay_out([("日本", "x"), ("abcd", "y")], width=None) == ["日本  x", "abcd  y"]


def test_a_long_line_is_wrapped_and_keeps_its_colours() -> None:
    """Continuations are indented."""
    assert fit(["12 of 20 items did not succeed:"], 22) == ["12 of 20 items did not", "  succeed:"]
    assert fit(["\x1b[1;31m12 of 20 items did not\x1b[0m succeed:"], 22) == [
        "\x1b[1;31m12 of 20 items did not\x1b[0m",
        "  succeed:",
    ]


def test_a_word_wider_than_the_terminal_is_continued_without_a_blank() -> None:
    """No blank is doubled where a line was broken."""
    assert fit(["FAIL season-and-episode-0001: exit code 3 on n1"], 16) == [
        "FAIL",
        "  season-and-epi",
        "  sode-0001:",
        "  exit code 3 on",
        "  n1",
    ]


def test_a_command_within_a_line_stays_on_one_line() -> None:
    """Its own words are no place to break at."""
    line = "Error: run r1 of f.yaml is unfinished: `dispatchfile resume r1` goes on"
    assert fit([line], 40) == [
        "Error: run r1 of f.yaml is unfinished:",
        "  `dispatchfile resume r1` goes on",
    ]


def test_names_that_would_become_alike_are_shown_whole() -> None:
    """Whoever reads them has to know which is which."""
    rows = [("ITEM", "MESSAGE"), *((f"season-01-{n}-of-a-long-series", "running on n1") for n in "ab")]
    assert lay_out(rows, width=33) == [
        "ITEM",
        "  MESSAGE",
        "season-01-a-of-a-long-series",
        "  running on n1",
        "season-01-b-of-a-long-series",
        "  running on n1",
    ]


def test_a_command_is_never_wrapped() -> None:
    """Whoever copies it gets all of it."""
    command = Copyable("  dispatchfile rerun k3v9x2ab --only group:1a2b3c4d")
    assert fit([command], 20) == [command]
    assert labelled("run again with", "dispatchfile rerun k3v9x2ab", 80) == [
        "run again with: dispatchfile rerun k3v9x2ab"
    ]
    assert labelled("run again with", "dispatchfile rerun k3v9x2ab", 30) == [
        "run again with:",
        "  dispatchfile rerun k3v9x2ab",
    ]


@pytest.mark.parametrize(
    ("line", "at", "shown"),
    [
        ("    job: x", 9, ["    job: x", "         ^"]),
        ("    job: encode # of films", 9, ["    job: encode # o…", "         ^"]),
        ("    title: a long text with an error here", 37, ["…an error here", "          ^"]),
    ],
    ids=["fits", "far from the end", "far from the start"],
)
def test_an_excerpt_is_cut_around_its_caret(line: str, at: int, shown: list[str]) -> None:
    """The caret stays below its character."""
    assert cut_around(line, f"{' ' * at}^", width=20) == shown
    assert shown[0][shown[1].index("^")] == line[at]


@given(st.text("ab 日é", max_size=90), st.integers(0, 89), st.integers(20, 100))
def test_an_excerpt_is_never_wider_than_the_terminal(line: str, at: int, width: int) -> None:
    """Neither of its lines, wherever the caret is."""
    caret = " " * min(at, cell_len(line)) + "^"
    assert max(map(cell_len, cut_around(line, caret, width=width))) <= width


def test_only_a_word_wider_than_the_line_is_broken() -> None:
    """A file name or an option is one word."""
    assert wrap_at_words("see docs/a-name.md now", 15) == ["see", "docs/a-name.md", "now"]
    assert wrap_at_words("see docs/a-name.md now", 12) == ["see", "docs/a-name.", "md now"]
