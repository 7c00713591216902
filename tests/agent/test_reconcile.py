"""When a failed allocation may be tried again."""

from dataclasses import replace

import pytest

from dispatchfile.agent.reconcile import may_reschedule, next_delay, reschedule_time
from dispatchfile.agent.records import Allocation, RescheduleEvent, ReschedulePolicy

from .recordings import body_of
from .world import World

SECOND = 10**9
ENDED = 1_795_350_500 * SECOND
STATES = {"t": {"FinishedAt": "2026-11-22T12:28:20Z"}, "u": {"FinishedAt": ""}}


def _policy(
    function: str = "constant", *, attempts: int = 0, unlimited: bool = False, max_delay: int = 0
) -> ReschedulePolicy:
    return ReschedulePolicy(attempts, 3600 * SECOND, 5 * SECOND, function, max_delay * SECOND, unlimited)


def _failed(*delays: int, last: int = ENDED - 10 * SECOND) -> Allocation:
    """An allocation that failed after attempts with these delays, the last of them made at *last*."""
    world = World()
    child = world.dispatch(world.register(body_of("job/ok"), ID="ok", Name=None))
    first = last - (len(delays) - 1) * SECOND
    events = [RescheduleEvent(first + i * SECOND, "a", "n", delay * SECOND) for i, delay in enumerate(delays)]
    return replace(world.alloc(child), client_status="failed", task_states=STATES, reschedules=tuple(events))


@pytest.mark.parametrize(
    ("function", "delays", "wanted"),
    [
        ("constant", [], 5),
        ("constant", [5, 5], 5),
        ("exponential", [], 5),
        ("exponential", [5], 10),
        ("exponential", [5, 10], 20),
        ("exponential", [5, 10, 20], 30),
        ("fibonacci", [5], 5),
        ("fibonacci", [5, 5], 10),
        ("fibonacci", [5, 5, 10], 15),
        ("fibonacci", [30, 5], 5),
    ],
)
def test_delay_grows_as_the_policy_says(function: str, delays: list[int], wanted: int) -> None:
    """The next delay follows from the earlier ones by the delay function, up to the maximum."""
    policy = _policy(function, unlimited=True, max_delay=30)
    assert next_delay(_failed(*delays), policy) == wanted * SECOND


def test_delay_starts_anew_after_a_long_good_time() -> None:
    """A delay at its maximum is reset when the last attempt ran for longer than that."""
    policy = _policy("exponential", unlimited=True, max_delay=30)
    assert next_delay(_failed(5, 10, 20, last=ENDED - 60 * SECOND), policy) == 5 * SECOND


def test_time_counts_from_the_end_of_the_last_task() -> None:
    """The next attempt is due so long after the task that ended last."""
    assert reschedule_time(_failed(), _policy(attempts=1)) == ENDED + 5 * SECOND


@pytest.mark.parametrize(
    ("policy", "attempted", "allowed"),
    [
        (None, 0, False),
        (_policy(attempts=0), 0, False),
        (_policy(attempts=1), 0, True),
        (_policy(attempts=1), 1, False),
        (_policy(attempts=2), 1, True),
        (_policy(unlimited=True), 9, True),
    ],
)
def test_attempts_are_limited_by_the_policy(policy: ReschedulePolicy | None, attempted: int, allowed: bool) -> None:
    """As many attempts are made as the policy has, none without one."""
    assert may_reschedule(_failed(*[5] * attempted), policy) == allowed


def test_attempts_out_of_the_interval_do_not_count() -> None:
    """An attempt that is longer ago than the interval is forgotten."""
    old = _failed(5, last=ENDED - 2 * 3600 * SECOND)
    assert may_reschedule(old, _policy(attempts=1))
