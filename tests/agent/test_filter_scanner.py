"""A place in a filter's text, and what would have been right at the farthest place that was reached."""

import pytest

from dispatchfile.agent.filter_scanner import FilterScanner, Mismatch


def test_a_scanner_walks_over_blanks_and_words() -> None:
    """A place moves only over what is there."""
    at = FilterScanner(" not in  x")
    at.words("not", "in")
    at.optional_blank()
    assert at.text[at.place :] == "x"
    with pytest.raises(Mismatch):
        at.literal("y")
    assert at.text[at.place :] == "x"


def test_the_error_names_all_that_would_have_been_right_at_the_farthest_place() -> None:
    """What failed before that place is forgotten; the place is given as line, column and byte."""
    at = FilterScanner("é\nab")
    at.fail('"z"')
    at.literal("é\na")
    at.fail('"y"')
    at.fail("EOF", '"x"')
    assert at.error() == '2:2 (4): no match found, expected: "x", "y" or EOF'


def test_a_complaint_goes_before_what_would_have_been_right() -> None:
    """The first one counts."""
    at = FilterScanner("(a")
    at.fail("EOF")
    at.complain("Unmatched parentheses", 0)
    at.complain("another", 1)
    assert at.error() == "1:1 (0): Unmatched parentheses"
