"""Durations as Go reads and writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.jobspec import format_duration, parse_duration

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("30s", 30 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("1h30m0.5s", 5_400_500_000_000),
        ("-5s", -5 * SECOND),
        ("+5s", 5 * SECOND),
        (".5s", SECOND // 2),
        ("1.s", SECOND),
        ("1us", 1000),
        ("1µs", 1000),
        ("1.0000000009s", SECOND),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text, nanoseconds):
    """All units, several in a row, fractions and signs."""
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("bogus", 'time: invalid duration "bogus"'),
        (".s", 'time: invalid duration ".s"'),
        ("-", 'time: invalid duration "-"'),
        ("5", 'time: missing unit in duration "5"'),
        ("1h5", 'time: missing unit in duration "1h5"'),
        ("5d", 'time: unknown unit "d" in duration "5d"'),
        ("5 s", 'time: unknown unit " s" in duration "5 s"'),
        ("1.2.3s", 'time: missing unit in duration "1.2.3s"'),
        ("٣s", 'time: invalid duration "٣s"'),
        ("9999999999h", 'time: invalid duration "9999999999h"'),
        ("9" * 5000 + "s", 'time: invalid duration "' + "9" * 5000 + 's"'),
    ],
)
def test_a_bad_duration_is_refused_with_gos_text(text, message):
    """A driver shows the text in its failure, so it is Go's, word for word."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        parse_duration(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1500, "1.5µs"),
        (500_000_000, "500ms"),
        (109_142_570, "109.14257ms"),
        (5 * SECOND, "5s"),
        (1_079_540_604, "1.079540604s"),
        (1_014_854_650, "1.01485465s"),
        (60 * SECOND, "1m0s"),
        (600 * SECOND, "10m0s"),
        (86_400 * SECOND, "24h0m0s"),
        (-5 * SECOND, "-5s"),
    ],
)
def test_a_duration_is_written_as_go_writes_it(nanoseconds, text):
    """Task events name delays and intervals in Go's form."""
    assert format_duration(nanoseconds) == text


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_a_written_duration_reads_back(nanoseconds):
    """Every duration that Go can hold survives the way to text and back."""
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds
