"""Small jobs for tests, and what came of running them."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dispatchfile.agent.runner import AllocRunner, AllocUpdate
from tests.agent.virtual_time import VirtualTime

ALLOC_ID = "1b0cb87f-eec9-c1a4-2e49-7d06e850e332"
NODE = {
    "ID": "b73e567b-33d0-2df0-e3b9-5191e6cce776",
    "Name": "node-1",
    "Datacenter": "dc1",
    "NodePool": "default",
    "NodeClass": "",
    "Attributes": {"kernel.name": "linux", "cpu.arch": "amd64", "unique.hostname": "node-1"},
    "Meta": {"rack": "r1"},
}
NO_RESTARTS = {"Attempts": 0, "Interval": 600_000_000_000, "Delay": 1_000_000_000, "Mode": "fail"}


def make_task(driver: str, config: Any, name: str = "t", **more: Any) -> dict[str, Any]:
    return {"Name": name, "Driver": driver, "Config": config, "RestartPolicy": NO_RESTARTS, **more}


def shell(script: str, name: str = "t", **more: Any) -> dict[str, Any]:
    return make_task("raw_exec", {"command": "/bin/sh", "args": ["-c", script]}, name, **more)


def make_job(*tasks: dict[str, Any], group: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    groups = [{"Name": "g", "Count": 1, "Tasks": list(tasks), **(group or {})}]
    return {"ID": "j", "Name": "j", "Type": "batch", "TaskGroups": groups, **more}


def make_runner(job: dict[str, Any], root: Path, updates: list[AllocUpdate], **more: Any) -> AllocRunner:
    given = {"inherited": {"PATH": "/usr/bin:/bin"}, **more}
    return AllocRunner(
        alloc_id=ALLOC_ID,
        alloc_name=f"{job['Name']}.g[0]",
        job=job,
        group="g",
        node=NODE,
        root=root,
        report=updates.append,
        **given,
    )


async def run_processes(job: dict[str, Any], root: Path, **more: Any) -> AllocUpdate:
    """The last update of a job of real processes."""
    updates: list[AllocUpdate] = []
    await make_runner(job, root, updates, **more).run()
    return updates[-1]


async def run_mocks(job: dict[str, Any], root: Path, **more: Any) -> AllocUpdate:
    """The last update of a job of mock tasks, in no time."""
    time, updates = VirtualTime(), []
    runner = make_runner(job, root, updates, sleep=time.sleep, now_ns=time.now_ns, **more)
    await time.play(runner.run())
    return updates[-1]


async def eventually(condition: Callable[[], object]) -> None:
    """Returns once the condition holds; other processes make it hold, and the test's timeout is the deadline."""
    while not condition():  # noqa: ASYNC110 - nothing in this process could set an event
        await asyncio.sleep(0.005)


def is_running(updates: list[AllocUpdate]) -> bool:
    return bool(updates) and updates[-1].client_status == "running"


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has, it is only not buried yet."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def messages(update: AllocUpdate, task: str = "t") -> list[tuple[str, str]]:
    """Type and text of a task's events, less those that every task has."""
    events: Any = update.task_states[task]["Events"]
    usual = ("Received", "Task Setup")
    return [(event["Type"], event["DisplayMessage"]) for event in events if event["Type"] not in usual]


def output(root: Path, task: str = "t", kind: str = "stdout") -> str:
    path = root / ALLOC_ID / "alloc" / "logs" / f"{task}.{kind}.0"
    return path.read_text("utf-8") if path.exists() else ""
