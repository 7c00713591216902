"""Allocations as a 2.0.5 client ran them, run again here."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatchfile.agent.runner import AllocRunner, AllocUpdate
from tests.agent.virtual_time import VirtualTime

RECORDINGS = Path(__file__).parents[1] / "recordings" / "allocation"
ENDINGS = Path(__file__).parent / "endings"
NODE = {"ID": "5266bc1b", "Name": "node-1", "Datacenter": "dc1", "Attributes": {}, "Meta": {}}
JITTER = 0.25
HASTE = 20  # real processes cannot be hurried, but the waits between them can

MOCK = [
    "ok-1",
    "exit3-1",
    "lifecycle-ok-1",
    "twotasks-1",
    "prestart-fail-1",
    "poststop-fail-1",
    "starterr-1",
    "starterr-rec-1",
    "maxrun-1",
    "artifact-1",
    "sys-fail-1",
    "defaults-1",
    "resched-fail-1",
]
STOPPED = ["stop-1"]
PROCESSES = ["restart-ok-1", "nocmd-1", "badconfig-1", "kill9-1", "exit137-1", "count2-1", "count2-2"]


def read_recording(name: str) -> dict[str, Any]:
    return json.loads((RECORDINGS / f"{name}.json").read_text("utf-8"))["response"]["body_json"]


def read_ending(name: str) -> dict[str, Any]:
    return json.loads((ENDINGS / f"{name}.json").read_text("utf-8"))


def comparable(states: dict[str, Any]) -> dict[str, Any]:
    """Task states without their times, and without delays that depend on times."""
    return {name: comparable_state(state) for name, state in states.items()}


def comparable_state(state: dict[str, Any]) -> dict[str, Any]:
    times = {key: state[key] is not None for key in ("StartedAt", "FinishedAt", "LastRestart")}
    return {**state, **times, "Events": [comparable_event(event) for event in state["Events"]]}


def comparable_event(event: dict[str, Any]) -> dict[str, Any]:
    timeless = {key: value for key, value in event.items() if key != "Time"}
    if event["RestartReason"].startswith("Exceeded allowed attempts, applying"):
        details = {key: value for key, value in event["Details"].items() if key != "start_delay"}
        timeless |= {"Details": details, "StartDelay": 0, "DisplayMessage": ""}
    return timeless


def chances(alloc: dict[str, Any]) -> Iterator[float]:
    """The luck that made the recorded delays."""
    group = next(group for group in alloc["Job"]["TaskGroups"] if group["Name"] == alloc["TaskGroup"])
    delay_ns = group["RestartPolicy"]["Delay"]
    states = alloc["TaskStates"].values()
    restarts = [event for state in states for event in state["Events"] if event["Type"] == "Restarting"]
    yield from [0.0] * (sum(state["Restarts"] for state in states) - len(restarts))  # told, but no longer kept
    for event in restarts:
        if event["RestartReason"] == "Restart within policy":
            yield (event["StartDelay"] - delay_ns + 0.5) / (delay_ns * JITTER)


def stop_after_s(alloc: dict[str, Any]) -> float:
    events = [event for state in alloc["TaskStates"].values() for event in state["Events"]]
    killed_ns = min(event["Time"] for event in events if event["Type"] == "Killing")
    return (killed_ns - min(event["Time"] for event in events)) / 1e9


def make_runner(alloc: dict[str, Any], folder: Path, updates: list[AllocUpdate], **more: Any) -> AllocRunner:
    luck = chances(alloc)
    return AllocRunner(
        alloc_id=alloc["ID"],
        alloc_name=alloc["Name"],
        job=alloc["Job"],
        group=alloc["TaskGroup"],
        node=NODE,
        root=folder,
        report=updates.append,
        chance=lambda: next(luck, 0.0),
        **more,
    )


async def play(alloc: dict[str, Any], folder: Path, stop_after: float | None = None) -> list[AllocUpdate]:
    """Every update of an allocation of mock tasks."""
    time, updates = VirtualTime(), []
    runner = make_runner(alloc, folder, updates, sleep=time.sleep, now_ns=time.now_ns)

    async def run_and_stop() -> None:
        running = asyncio.ensure_future(runner.run())
        if stop_after is not None:
            await time.sleep(stop_after)
            runner.stop()
        await running

    await time.play(run_and_stop())
    return updates


async def hurry(seconds: float) -> None:
    await asyncio.sleep(seconds / HASTE)


def final(update: AllocUpdate) -> tuple[str, str, dict[str, Any]]:
    return update.client_status, update.client_description, comparable(dict(update.task_states))


def recorded(alloc: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    return alloc["ClientStatus"], alloc["ClientDescription"], comparable(alloc["TaskStates"])


@pytest.mark.parametrize("name", MOCK)
async def test_an_allocation_of_mock_tasks_ends_as_recorded(tmp_path, name):
    """Statuses, states and every field of every event but its time are those of a real client."""
    alloc = read_recording(name)
    assert final((await play(alloc, tmp_path))[-1]) == recorded(alloc)


async def test_a_stopped_allocation_ends_as_recorded(tmp_path):
    """A stop kills the task, which is then complete and not failed."""
    alloc = read_recording("stop-1")
    assert final((await play(alloc, tmp_path, stop_after_s(alloc)))[-1]) == recorded(alloc)


@pytest.mark.parametrize("name", PROCESSES)
async def test_an_allocation_of_processes_ends_as_recorded(tmp_path, name):
    """Exit codes, signals, missing commands and bad configs come out as a real client tells them."""
    alloc, updates = read_recording(name), []
    await make_runner(alloc, tmp_path, updates, sleep=hurry).run()
    assert final(updates[-1]) == recorded(alloc)


async def test_a_follower_that_ignores_the_interrupt_is_killed_after_its_leader(tmp_path):
    """The follower's 137 with signal 9 is no failure."""
    alloc, updates = read_recording("leader-1"), []
    follower = next(t for t in alloc["Job"]["TaskGroups"][0]["Tasks"] if t["Name"] == "follower")
    follower["Config"]["args"] = ["-c", "trap '' INT; sleep 600"]  # as it was in the recorded run
    await make_runner(alloc, tmp_path, updates, sleep=hurry).run()
    assert final(updates[-1]) == recorded(alloc)


async def test_max_run_duration_is_told_before_the_task_is_dead(tmp_path):
    """The allocation is complete while a process that ignores its signal still runs, and stays so."""
    alloc, settled, updates = read_recording("maxrun-exec-1"), read_recording("maxrun-exec-settled-1"), []
    task = alloc["Job"]["TaskGroups"][0]["Tasks"][0]
    task["Config"]["args"] = ["-c", "trap '' INT; sleep 600"]
    await make_runner(alloc, tmp_path, updates, sleep=hurry).run()
    early = next(update for update in updates if update.client_status == "complete")
    assert (final(early), final(updates[-1])) == (recorded(alloc), recorded(settled))


@pytest.mark.parametrize("path", sorted(ENDINGS.glob("*.json")), ids=lambda path: path.stem)
async def test_an_ending_of_several_tasks_is_as_observed(tmp_path, path):
    """Sidecars, leaders, hooks, delays and limits end as on a 2.0.5 client."""
    ending = read_ending(path.stem)
    alloc = ending["alloc"]
    stop_after = stop_after_s(alloc) if ending["stopped_while_running"] else None
    assert final((await play(alloc, tmp_path, stop_after))[-1]) == recorded(alloc)


async def test_every_visible_change_is_told_once(tmp_path):
    """A task that runs and ends makes three updates; none repeats the one before."""
    updates = await play(read_recording("ok-1"), tmp_path)
    assert [
        (update.client_status, update.client_description, update.task_states["t"]["State"]) for update in updates
    ] == [
        ("pending", "No tasks have started", "pending"),
        ("running", "Tasks are running", "running"),
        ("complete", "All tasks have completed", "dead"),
    ]


async def test_an_update_does_not_change_afterwards(tmp_path):
    """What was reported stays as it was, whatever the task does next."""
    updates = await play(read_recording("ok-1"), tmp_path)
    assert [len(update.task_states["t"]["Events"]) for update in updates] == [1, 3, 4]


async def test_mock_tasks_that_write_nothing_leave_no_trace(tmp_path):
    """Thousands of mock allocations cost no disk."""
    await play(read_recording("ok-1"), tmp_path)
    assert list(tmp_path.iterdir()) == []
