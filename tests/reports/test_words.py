"""Events described in one line."""

import pytest

from dispatchfile.events import (
    Accepted,
    Cause,
    Doubled,
    Doubted,
    Ended,
    Event,
    Moved,
    Notice,
    NoticeKind,
    Outcome,
    Repeated,
    Sending,
    State,
    Verdict,
)
from dispatchfile.reports.words import describe_event, level_of

FAILED = Verdict(Outcome.FAILED, Cause.EXIT, "no such\ncodec \x1b[1m", 3)


@pytest.mark.parametrize(
    ("event", "level", "line"),
    [
        (Sending("a", 1, 0.0), "info", "a: sending"),
        (Accepted("a", 2, 0.0, "enc/dispatch-1"), "info", "a, attempt 2: dispatched as enc/dispatch-1"),
        (Accepted("a", 1, 0.0, "enc/dispatch-1", adopted=True), "info", "a: found as enc/dispatch-1"),
        (Accepted("a", 1, 0.0, "x", existing=True), "info", "a: Nomad already had x for its token"),
        (Doubted("a", 1, 0.0, "connection reset"), "warning", "a: in doubt: connection reset"),
        (Repeated("a", 1, 0.0, "429"), "warning", "a: to be sent again: 429"),
        (Moved("a", 1, 0.0, State.RUNNING), "info", "a: running"),
        (Moved("a", 1, 0.0, State.QUEUED, "no node"), "info", "a: queued: no node"),
        (Ended("a", 1, 0.0, Verdict(Outcome.SUCCEEDED)), "info", "a: succeeded"),
        (Ended("a", 1, 0.0, FAILED), "error", "a: failed (exit 3): no such codec \\x1b[1m"),
        (
            Ended("a", 1, 10.0, FAILED, 40.0),
            "warning",
            "a: failed (exit 3): no such codec \\x1b[1m; next attempt in 30s",
        ),
        (Ended("a", 1, 0.0, Verdict(Outcome.UNSENT, Cause.STOP_ON)), "warning", "a: unsent (stop_on)"),
        (Doubled("a", 1, 0.0, ("x", "y")), "error", "a: ONE ATTEMPT HAS 2 CHILDREN: x, y"),
        (Notice(0.0, NoticeKind.NO_LEADER, "no leader"), "warning", "no leader"),
        (Notice(0.0, NoticeKind.CANARY_PASSED, "sending the other items"), "info", "sending the other items"),
    ],
)
def test_an_event_is_one_line_with_a_level(event: Event, level: str, line: str) -> None:
    """Whatever Nomad or a task said in it."""
    assert (level_of(event), describe_event(event)) == (level, line)
