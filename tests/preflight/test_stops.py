"""The cases in which a run may have to stop a child, and the messages about a token that may not."""

from datetime import timedelta

import pytest

from dispatchfile.preflight import ParentState, check_items, find_stops
from dispatchfile.settings import Settings, Share, Wait
from tests.making import make_item

HOUR = timedelta(hours=1)
ENCODE = ("default", "", "encode")
LATE = {"deadline_s": 60.0, "stop_on_deadline": True}


def again(*after: str) -> dict[str, object]:
    return {"attempts": 2, "retry_on": frozenset(after)}


@pytest.mark.parametrize(
    ("item", "settings", "why"),
    [
        pytest.param(LATE, {}, "on_timeout: stop", id="timeout"),
        pytest.param({"stop_on_deadline": True}, {"timeout": HOUR}, "on_timeout: stop", id="timeout-of-the-run"),
        pytest.param(LATE | again("lost"), {}, "on_timeout: stop", id="timeout-before-retry"),
        pytest.param({"stop_on_deadline": True}, {}, "", id="no-timeout"),
        pytest.param({"deadline_s": 60.0}, {"timeout": HOUR}, "", id="left"),
        pytest.param({"deadline_s": 60.0} | again("timed_out"), {}, "retry on timed_out", id="left-and-retried"),
        pytest.param(again("unplaced", "lost", "failed"), {}, "retry on lost, unplaced", id="retried"),
        pytest.param(again("deadline"), {}, "retry on deadline", id="retried-by-cause"),
        pytest.param(again("failed", "oom", "stopped", "drain"), {}, "", id="retried-after-an-end"),
        pytest.param(again("failed"), {"unplaced_after": HOUR}, "retry with unplaced_after", id="failed-and-queued"),
        pytest.param({"retry_on": frozenset({"lost"})}, {"unplaced_after": HOUR}, "", id="one-attempt"),
        pytest.param(LATE | again("lost"), {"wait": Wait.DETACH}, "", id="not-watched"),
        pytest.param(LATE, {"wait": Wait.DETACH, "canary": Share(1)}, "on_timeout: stop", id="canaries-are-watched"),
    ],
)
def test_a_stop_is_foreseen(item, settings, why):
    """Whenever an attempt may leave a child that lives, and a stop is asked for or another attempt follows."""
    assert find_stops([make_item("a", **item)], Settings(**settings)) == ({"a": why} if why else {})


def test_an_interrupted_run_stops_whatever_lives():
    """With --on-interrupt stop, even children that nobody waits for are stopped."""
    items = [make_item("a"), make_item("b", **LATE)]
    stops = find_stops(items, Settings(wait=Wait.DETACH), on_interrupt=True)
    assert stops == dict.fromkeys(("a", "b"), "--on-interrupt=stop")


def found_in(state, *items, settings=None):
    settings = settings or Settings(wait=Wait.COMPLETION)
    problems = check_items(items, {ENCODE: state}, wait=settings.wait, version=None, stops=find_stops(items, settings))
    return [(problem.code, str(problem.position), problem.found) for problem in problems if problem.code == "DF107"]


def test_a_right_that_is_lacking_is_told_where_it_is_needed():
    """Once for each reason, at the first item that has it."""
    items = [
        make_item("plain", line=1),
        make_item("late", line=2, **LATE),
        make_item("later", line=3, **LATE),
        make_item("again", line=4, **again("lost")),
    ]
    lacking = "but the token has no permission to stop jobs in namespace 'default'"
    assert found_in(ParentState(may_stop=False), *items) == [
        ("DF107", "dispatchfile.yaml:2:5", f"on_timeout: stop, {lacking}"),
        ("DF107", "dispatchfile.yaml:4:5", f"retry on lost, {lacking}"),
    ]
    assert found_in(ParentState(), *items) == []


def test_nothing_is_said_where_nothing_is_stopped():
    """A right that no item needs is not mentioned."""
    assert found_in(ParentState(may_stop=False), make_item("plain")) == []
