"""Columns of text."""

from dispatchfile.reports.table import cell_width, cut_to, lay_out


def test_columns_are_aligned_and_numbers_to_the_right() -> None:
    """No blanks are left at the ends of lines."""
    assert lay_out([("ITEMS", "WHY", "WORDS"), ("1,200", "exit", "no"), ("7", "-", "")], width=None) == [
        "ITEMS  WHY   WORDS",
        "1,200  exit  no",
        "    7  -",
    ]


def test_the_last_column_is_wrapped_below_itself() -> None:
    """Lines fit the terminal, and no word of a message is lost."""
    lines = lay_out([("ITEM", "MESSAGE"), ("film-1", "one two three four five six seven")], width=30)
    assert lines == ["ITEM    MESSAGE", "film-1  one two three four", "        five six seven"]


def test_other_columns_are_cut() -> None:
    """One long name leaves room for the rest."""
    assert lay_out([("a" * 60, "b")], width=80, widest=10) == ["aaaaaaaaa…  b"]


def test_nothing_is_cut_where_there_is_no_width() -> None:
    """Whoever reads from a pipe wants the whole of a name."""
    name, words = "a" * 90, "b " * 300
    assert lay_out([(name, words)], width=None) == [f"{name}  {words}".rstrip()]


def test_wide_characters_take_two_cells() -> None:
    """As terminals draw them, so that columns stay straight."""
    assert [cell_width(text) for text in ("abc", "日本", "e\u0301")] == [3, 4, 1]
    assert cut_to("日本語", 5) == "日本…"
    assert lay_out([("日本", "x"), ("abcd", "y")], width=None) == ["日本  x", "abcd  y"]
