"""What the agent says of a task that does not work and will be tried again."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from dispatchfile.agent import taskevents
from dispatchfile.agent.outcomes import DownloadError, DriverError, ExitResult
from dispatchfile.agent.setbacks import Setbacks
from dispatchfile.agent.taskevents import Event

from .fakes import FakeReport
from .world import World

MISSING = 'failed to launch command with executor: rpc error: code = Unknown desc = binary "no" could not be found'
AGAIN = taskevents.restarting(0, "Restart within policy", 16_400_000_000)
NO_MORE = taskevents.not_restarting(0, "Error was unrecoverable")
NEVER = {"Attempts": 0, "Unlimited": False}


def sentences(*reports: Sequence[Event], reschedule: Mapping[str, Any] | None = None) -> list[tuple[str, str]]:
    """What is said of the task `t` of a child of job `film`, whose events were reported one after the other."""
    world, said = World(), list[tuple[str, str]]()
    setbacks = Setbacks(lambda job, sentence: said.append((job, sentence)))
    group = {"Name": "g", "Tasks": [{"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}]}
    group |= {"ReschedulePolicy": reschedule} if reschedule else {}
    parent = world.register({"ID": "film", "Type": "batch", "ParameterizedJob": {}, "TaskGroups": [group]})
    alloc = world.alloc(world.dispatch(parent))
    for events in reports:
        setbacks.note(alloc, FakeReport("running", task_states={"t": {"Events": list(events)}}))
    return said


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        pytest.param(
            [taskevents.not_started(0, DriverError(MISSING)), AGAIN],
            'task t did not start: binary "no" could not be found; its restart policy starts it again in 16 s: '
            "to try the job here, use a copy with a command of this machine",
            id="a command that is not here",
        ),
        pytest.param(
            [taskevents.not_started(0, DownloadError("no such host")), AGAIN],
            "task t did not start: no such host; its restart policy starts it again in 16 s",
            id="an artifact",
        ),
        pytest.param(
            [taskevents.started(0), taskevents.terminated(0, ExitResult(exit_code=3)), AGAIN],
            "task t failed (Exit Code: 3); its restart policy starts it again in 16 s",
            id="a failed process",
        ),
        pytest.param(
            [taskevents.not_started(0, DownloadError("no such host")), NO_MORE],
            "task t did not start: no such host; its reschedule policy may start it again",
            id="another allocation may follow",
        ),
    ],
)
def test_a_task_that_is_tried_again_is_explained(events: Sequence[Event], sentence: str) -> None:
    """Otherwise a run waits through many restarts and shows only that the item is queued."""
    assert sentences(events) == [("film", sentence)]


def test_a_task_is_explained_once() -> None:
    """A policy may start a task many times, and a job may have many children."""
    first, second = taskevents.not_started(0, DriverError("one")), taskevents.not_started(0, DriverError("two"))
    assert sentences([first, AGAIN], [first, AGAIN, second, AGAIN]) == [
        ("film", "task t did not start: one; its restart policy starts it again in 16 s")
    ]


def test_nothing_is_said_of_a_task_that_works_or_ends() -> None:
    """The item's own result says why it failed."""
    failed = taskevents.terminated(0, ExitResult(exit_code=1))
    assert sentences([taskevents.received(0)], [taskevents.started(0)], []) == []
    assert sentences([failed, NO_MORE], reschedule=NEVER) == []
