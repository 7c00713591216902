"""Problems: their text, their order, their codes."""

import re

from dispatchfile.problems import CODES, Problem, Severity, has_errors, sort_problems
from dispatchfile.source import Position


def problem(line: int = 1, column: int = 1, code: str = "DF011", found: str = "x", file: str = "a.yaml") -> Problem:
    return Problem(code, Position(file, line, column), found)


def test_a_problem_says_where_what_and_what_would_be_right() -> None:
    """One line holds the place, what was found and the hint."""
    found = Problem("DF012", Position("a.yaml", 2, 7), "name is a number", "text is wanted")
    assert str(found) == "a.yaml:2:7: name is a number: text is wanted"


def test_a_problem_without_a_hint_ends_with_what_was_found() -> None:
    """No colon dangles where there is nothing to say."""
    assert str(problem()) == "a.yaml:1:1: x"


def test_problems_sort_as_a_reader_meets_them_and_come_once() -> None:
    """They sort by file, line, column, code and text. Two equal problems are one."""
    ordered = [
        problem(9),
        problem(10),
        problem(10, 2, "DF011", "b"),
        problem(10, 2, "DF012", "a"),
        problem(1, file="b.yaml"),
    ]
    assert sort_problems([*reversed(ordered), problem(10)]) == tuple(ordered)


def test_warnings_do_not_stop_a_run() -> None:
    """Only an error is one."""
    warning = Problem("DF011", Position("a", 1, 1), "x", severity=Severity.WARNING)
    assert [has_errors([]), has_errors([warning]), has_errors([warning, problem()])] == [False, False, True]


def test_codes_are_stable_words_for_scripts() -> None:
    """Each code is DF and three digits, with a short explanation that starts small and has no full stop."""
    wrong = [code for code, text in CODES.items() if not re.fullmatch(r"DF\d{3}", code) or text.endswith(".")]
    assert (wrong, len(set(CODES.values()))) == ([], len(CODES))
