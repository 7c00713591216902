"""Why tasks were started again although no policy of their job asked for it."""

from dataclasses import replace

import pytest

from dispatchfile.events import ExtraStart, Verdict
from dispatchfile.nomad.models import Alloc
from dispatchfile.verdict import judge_completion
from dispatchfile.verdict.extra_starts import find_extra_starts, merge_extra_starts
from tests.verdict.builders import KILLED, OK, RESTARTING, STARTED, alloc, child, event, exited, group_of, task

LOST = "alloc is lost since its node is down"
MIGRATED = "alloc is being migrated"
RECONNECTED = "alloc not needed due to disconnected client reconnect"
NEWEST = alloc(id="b2", at=20)


def before(client_status: str = "complete", desired_status: str = "stop", **changes) -> Alloc:
    """The allocation that held the place before the newest one."""
    return alloc(client_status, desired_status, next_allocation="b2", **changes)


@pytest.mark.parametrize(
    ("replaced", "reasons"),
    [
        pytest.param(before("lost", desired_description=LOST), (ExtraStart.NODE_LOST,), id="lost"),
        pytest.param(before(desired_description=LOST), (ExtraStart.NODE_LOST,), id="lost-and-the-node-came-back"),
        pytest.param(before("unknown", "run"), (ExtraStart.DISCONNECT,), id="disconnected"),
        pytest.param(before(desired_description=RECONNECTED), (ExtraStart.DISCONNECT,), id="reconnected"),
        pytest.param(
            before(desired_description=MIGRATED, stopped_by_hand=True), (ExtraStart.ALLOC_STOP,), id="alloc-stop"
        ),
        pytest.param(before(desired_description=MIGRATED), (ExtraStart.DRAIN,), id="drain-before-1.11.0"),
        pytest.param(before(desired_status="evict", preempted_by="c3"), (ExtraStart.PREEMPTION,), id="preempted"),
        pytest.param(before("failed"), (), id="rescheduled"),
    ],
)
def test_a_replaced_allocation_says_why_its_task_was_started_again(
    replaced: Alloc, reasons: tuple[ExtraStart, ...]
) -> None:
    """A reschedule after a failure is the job's own policy, and no reason."""
    assert find_extra_starts([replaced, NEWEST], NEWEST) == reasons


def test_a_restart_by_hand_is_a_reason_in_the_newest_allocation_too() -> None:
    """`nomad alloc restart` counts as a restart, and its event tells it from one of the restart policy."""
    by_hand = task(STARTED, event("Restart Signaled"), exited(0), RESTARTING, STARTED, exited(0), restarts=1)
    by_policy = task(STARTED, exited(3), RESTARTING, STARTED, exited(0), restarts=1)
    found = [find_extra_starts([one], one) for one in (alloc(tasks={"t": by_hand}), alloc(tasks={"t": by_policy}))]
    assert found == [(ExtraStart.RESTART,), ()]


def test_each_reason_is_given_once() -> None:
    """In the order in which they happened."""
    lost = before("lost", desired_description=LOST)
    stopped = replace(before(id="a2", at=15), desired_description=MIGRATED, stopped_by_hand=True)
    reasons = find_extra_starts([lost, stopped, replace(lost, id="a3"), NEWEST], NEWEST)
    assert reasons == (ExtraStart.NODE_LOST, ExtraStart.ALLOC_STOP)
    assert merge_extra_starts([reasons, (ExtraStart.NODE_LOST, ExtraStart.RESTART)]) == (*reasons, ExtraStart.RESTART)


def test_a_verdict_has_the_reasons_of_all_its_places() -> None:
    """An item is one, however many allocations its group has."""
    first = before("lost", desired_description=LOST, tasks={"t": KILLED})
    other = alloc(index=1, id="c3", tasks={"t": OK})
    verdict = judge_completion(child(first, NEWEST, other, groups={"g": group_of(2)}))
    assert isinstance(verdict, Verdict)
    assert (verdict.starts, verdict.extra_starts) == (2, (ExtraStart.NODE_LOST,))
