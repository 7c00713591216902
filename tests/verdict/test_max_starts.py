"""The number of times that the policies of a parent let a task of one item start."""

from dataclasses import replace

import pytest

from dispatchfile.nomad.models import FailurePolicy, TaskGroup
from dispatchfile.verdict import max_starts
from tests.verdict.builders import group_of

DEFAULTS = group_of(restarts=3, reschedules=1)


@pytest.mark.parametrize(
    ("group", "attempts", "job_type", "starts"),
    [
        (DEFAULTS, 1, "batch", 8),
        (DEFAULTS, 2, "batch", 16),
        (DEFAULTS, 1, "sysbatch", 4),
        (group_of(), 1, "batch", 1),
        (replace(DEFAULTS, count=0), 1, "batch", 0),
        (replace(DEFAULTS, reschedule=FailurePolicy(unlimited=True)), 1, "batch", None),
        (replace(DEFAULTS, reschedule=FailurePolicy(unlimited=True)), 1, "sysbatch", 4),
        (replace(DEFAULTS, restart=FailurePolicy(3, mode="delay")), 1, "batch", None),
        (replace(DEFAULTS, restart=FailurePolicy(0, mode="delay")), 1, "batch", 2),
        (replace(DEFAULTS, task_restarts={"t": FailurePolicy(9, mode="fail")}), 1, "batch", 20),
        (replace(DEFAULTS, task_restarts={"t": FailurePolicy(0, mode="fail")}), 1, "batch", 2),
        (replace(group_of(), tasks=("t", "u"), task_restarts={"u": FailurePolicy(1, mode="delay")}), 1, "batch", None),
    ],
)
def test_restarts_reschedules_and_attempts_multiply(
    group: TaskGroup, attempts: int, job_type: str, starts: int | None
) -> None:
    """A task's own restart policy beats its group's; mode "delay" never gives up unless it has no attempts at all."""
    assert max_starts({"g": group}, attempts, job_type) == starts


def test_the_group_that_starts_most_often_counts() -> None:
    """The number is a task's, so groups do not add up."""
    assert max_starts({"g": DEFAULTS, "h": group_of(restarts=1)}, 1, "batch") == 8
    assert (
        max_starts({"g": DEFAULTS, "h": replace(DEFAULTS, reschedule=FailurePolicy(unlimited=True))}, 1, "batch")
        is None
    )
    assert max_starts({}, 1, "batch") == 0
