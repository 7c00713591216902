"""Words and lines that are safe to show."""

import pytest

from dispatchfile.reports.text import PLAIN, Palette, count_of, one_line, shorten, span, visible, visible_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\N{WOMAN}\u200d\N{PERSONAL COMPUTER} ok", "\N{WOMAN}\u200d\N{PERSONAL COMPUTER} ok"),
        ("ad\u200dmin \u200d", r"ad\u200dmin \u200d"),
        pytest.param("plain", "plain", id="plain"),
        pytest.param("Żółw 🐢", "Żółw 🐢", id="letters and pictures stay"),
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="a terminal escape"),
        pytest.param("\x9b31m", "\\x9b31m", id="the one-byte escape"),
        pytest.param("a\nb\tc\r", "a\\nb\\tc\\r", id="white space"),
        pytest.param("a\u202egnp.exe", "a\\u202egnp.exe", id="a bidirectional override"),
        pytest.param("a\u2028b", "a\\u2028b", id="a line separator"),
        pytest.param("\udcff", "\\udcff", id="a stray surrogate, as in a file name that is not UTF-8"),
        pytest.param("\x00", "\\x00", id="nul"),
    ],
)
def test_nothing_invisible_is_shown_raw(text: str, shown: str) -> None:
    """What a terminal would act on, or nobody could see, is written as an escape."""
    assert visible(text) == shown


def test_a_message_of_many_lines_is_shown_on_one() -> None:
    """Nomad's refusals have lists in them."""
    assert one_line("1 error occurred:\n\t* Missing meta \x07\n\n") == "1 error occurred: * Missing meta \\x07"


def test_only_a_line_feed_makes_a_new_line() -> None:
    """A carriage return inside a log line may not hide its beginning."""
    assert visible_lines("one\r\ntwo\rthree\n\tfour") == ["one", "two\\rthree", "    four"]


def test_long_texts_end_in_an_ellipsis() -> None:
    """The result is never wider than asked for."""
    assert [shorten("abcdef", width) for width in (6, 4, 1, 0)] == ["abcdef", "abc…", "…", "…"]


def test_counts_agree_with_their_nouns() -> None:
    """One item, many items."""
    assert [count_of(number, "item") for number in (0, 1, 12000)] == ["0 items", "1 item", "12,000 items"]


def test_spans_are_as_long_as_they_are_telling() -> None:
    """Tenths of a second for the short ones, no seconds for hours."""
    assert [span(s) for s in (0, 0.44, 9.94, 9.96, 59.6, 185, 3599.7, 7380)] == [
        "0.0s",
        "0.4s",
        "9.9s",
        "10s",
        "1m00s",
        "3m05s",
        "1h00m",
        "2h03m",
    ]


def test_colours_wrap_a_text_only_where_they_are_wanted() -> None:
    """A plain palette changes nothing, and an empty text gets no codes."""
    assert (Palette(on=True).bad("x"), Palette(on=True).bad(""), PLAIN.bad("x")) == ("\x1b[1;31mx\x1b[0m", "", "x")
