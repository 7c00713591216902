"""The children that a list may leave out: those dispatched before every living one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.engine.watcher import STRAGGLERS, at_least, window_pattern
from dispatchfile.nomad.filters import matches

SECONDS = st.integers(1_700_000_000, 1_999_999_999)


def child(at: int, item: str = "a") -> str:
    return f"encode/dispatch-run1-{item}-1-{at}-0123abcd"


@given(SECONDS, SECONDS)
def test_a_pattern_for_numbers_from_a_least_one_matches_just_those(least, number):
    """Numbers of as many digits match if they are at least the given one, and only then."""
    assert bool(re.fullmatch(at_least(least), str(number))) == (number >= least)


@given(st.lists(SECONDS, min_size=1, max_size=STRAGGLERS * 2))
def test_every_living_child_is_within_the_window(times):
    """Whatever their ages, none that lives is left out."""
    living = [child(at, f"i{number}") for number, at in enumerate(times)]
    window = re.compile(window_pattern(living))
    assert all(window.search(name) for name in living)


def test_what_ended_long_before_is_left_out():
    """That is what the window is for: the list stays as short as what lives is young."""
    living = [child(1_795_000_900 + number, f"i{number}") for number in range(STRAGGLERS * 2)]
    window = re.compile(window_pattern(living))
    assert not window.search(child(1_795_000_000, "old"))
    assert window.search(child(1_795_001_100, "new"))


def test_a_few_old_stragglers_do_not_hold_the_window_open():
    """They are named one by one."""
    stragglers = [child(1_795_000_000 + number, f"old{number}") for number in range(STRAGGLERS)]
    window = re.compile(window_pattern([*stragglers, child(1_795_090_000)]))
    assert all(window.search(name) for name in stragglers)
    assert not window.search(child(1_795_000_500, "ended"))


@pytest.mark.parametrize("living", [[], ["encode/dispatch-odd"]])
def test_ids_without_a_time_leave_nothing_out(living):
    """Nothing to go by: the whole list is read."""
    assert window_pattern(living) == ""


def test_a_pattern_arrives_whole():
    """A pattern is quoted if possible, else in backticks, which allow no escapes and so no backtick."""
    plain = [child(1_795_000_000), child(1_795_000_001)]
    assert matches("ID", window_pattern(plain)) == f'ID matches "{window_pattern(plain)}"'
    odd = 'enc"ode\\^`/dispatch-run1-a.b-1-1795000000-0123abcd'
    window = window_pattern([odd, child(1_795_000_100)])
    assert "`" not in window
    assert re.search(window, odd)
    assert matches("ID", window) == f"ID matches `{window}`"
