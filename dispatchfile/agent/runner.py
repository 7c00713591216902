"""
Runs one allocation: its tasks in their order, and the updates to the server.

Source: hashicorp/nomad, client/allocrunner/alloc_runner.go and max_run_duration_hook.go.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dispatchfile.agent import taskevents
from dispatchfile.agent.guard import Guard
from dispatchfile.agent.lifecycle import ALLOWED, AllocPhase, Stage, next_phase
from dispatchfile.agent.taskdir import log_path
from dispatchfile.agent.taskenv import Placement
from dispatchfile.agent.taskevents import Event
from dispatchfile.agent.taskrunner import TaskRunner, TaskRunnerConfig
from dispatchfile.agent.waiting import Sleep

_TERMINAL: Final = frozenset({"complete", "failed"})


@dataclass(frozen=True, slots=True)
class AllocUpdate:
    """
    The update of a client to its server about an allocation.

    client_status: pending, running, complete or failed. client_description: Nomad's words for it.
    task_states: the API's TaskStates, a copy that does not change.
    """

    client_status: str
    client_description: str
    task_states: Mapping[str, Mapping[str, object]]


class AllocRunner:
    """Runs one allocation on this machine and reports what becomes of it."""

    def __init__(
        self,
        *,
        alloc_id: str,
        alloc_name: str,
        job: Mapping[str, object],
        group: str,
        node: Mapping[str, object],
        root: Path,
        report: Callable[[AllocUpdate], None],
        guard: Guard | None = None,
        inherited: Mapping[str, str] | None = None,
        sleep: Sleep = asyncio.sleep,
        now_ns: Callable[[], int] = time.time_ns,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """
        *job* and *node*: as the API has them, the job with its defaults. *group*: a name in *job*. *root*: the
        folder of all allocations; this one's is made in it under its ID when first needed. *inherited*: the
        environment that tasks start from, by default the agent's. *sleep*, *now_ns*, *chance*: for tests.
        """
        self.alloc_dir = root / alloc_id
        self._report = report
        self._group = _group_of(job, group)
        self._sleep = sleep
        self._now_ns = now_ns
        self._changed = asyncio.Event()
        self._phase = AllocPhase.PRESTART
        self._is_running = False
        self._is_over_max_run = False
        self._stop_reason: str | None = None
        self._last_update: AllocUpdate | None = None
        self._background: set[asyncio.Task[None]] = set()
        surroundings = TaskRunnerConfig(
            inherited=os.environ if inherited is None else inherited,
            guard=guard,
            sleep=sleep,
            now_ns=now_ns,
            chance=chance,
        )
        self._tasks = [
            TaskRunner(
                task=task,
                placement=Placement(alloc_id, alloc_name, job, self._group, node),
                alloc_root=self.alloc_dir,
                surroundings=surroundings,
                changed=self._changed.set,
            )
            for task in self._group.get("Tasks") or ()
        ]

    async def run(self) -> None:
        """Run all tasks to their end, calling *report* at every visible change; the last call is the final state."""
        self._is_running = True
        if self._stop_reason is not None:  # before anything could start
            for task in self._tasks:
                task.kill(self._killing(task))
        runs = [self._spawn(task.run()) for task in self._tasks]
        if limit_ns := self._group.get("MaxRunDuration"):
            self._spawn(self._enforce_max_run(limit_ns / 1e9))
        try:
            while not all(run.done() for run in runs):
                await self._changed.wait()
                self._changed.clear()
                await self._react()
            for run in runs:
                run.result()
        finally:
            await self._end_background()

    def stop(self, reason: str = "") -> None:
        """Kill all tasks, by their signals and timeouts; *reason* is shown instead of Nomad's text."""
        self._stop_reason = reason
        if self._is_running:
            self._spawn(self._kill_all())

    def log_path(self, task: str, kind: str) -> Path:
        """The file with a task's output, *kind* stdout or stderr; there is none before the task writes."""
        return log_path(self.alloc_dir, task, kind)

    def _spawn(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._settled)
        return task

    def _settled(self, task: "asyncio.Task[None]") -> None:
        self._background.discard(task)
        self._changed.set()

    async def _end_background(self) -> None:
        self._is_running = False
        left = list(self._background)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _react(self) -> None:
        """Answer a change: kill what must not go on, let run what may, and report."""
        live = [task for task in self._tasks if task.state != "dead" and task.stage is not Stage.POSTSTOP]
        if live and (event := self._reason_to_kill(live)):
            for task in live:
                task.emit(event)
            await self._kill_all()
        self._phase = next_phase(self._phase, self._tasks)
        for task in self._tasks:
            (task.gate.set if task.stage in ALLOWED[self._phase] else task.gate.clear)()
        self._report_changes()

    def _reason_to_kill(self, live: list[TaskRunner]) -> Event | None:
        dead = [task for task in self._tasks if task.state == "dead" and task.stage is not Stage.POSTSTOP]
        if any(task.is_leader and not task.failed for task in dead):
            return taskevents.leader_dead(self._now_ns())
        if failed := next((task for task in dead if task.failed), None):
            return taskevents.sibling_failed(self._now_ns(), failed.name)
        if all(task.stage.is_sidecar for task in live):
            return taskevents.main_tasks_dead(self._now_ns())
        return None

    async def _kill_all(self) -> None:
        """The leader first, sidecars last; poststop tasks run nevertheless, unless the time is over."""
        killable = [task for task in self._tasks if task.stage is not Stage.POSTSTOP]
        if self._is_over_max_run:
            await self._kill(task for task in self._tasks if task.stage is Stage.POSTSTOP)
        await self._kill(task for task in killable if task.is_leader)
        await self._kill(task for task in killable if not task.is_leader and not task.stage.is_sidecar)
        await self._kill(task for task in killable if not task.is_leader and task.stage.is_sidecar)

    async def _kill(self, tasks: Iterable[TaskRunner]) -> None:
        killed = list(tasks)
        for task in killed:
            task.kill(self._killing(task))
        for task in killed:
            await task.end()

    def _killing(self, task: TaskRunner) -> Event | None:
        if task.is_killed or task.status.finished_ns is not None:
            return None
        return taskevents.killing(
            self._now_ns(),
            task.kill_timeout_ns,
            reason=self._stop_reason or "",
            over_max_run=self._is_over_max_run,
        )

    async def _enforce_max_run(self, seconds: float) -> None:
        await self._sleep(seconds)
        self._is_over_max_run = True
        await self._kill_all()

    def _report_changes(self) -> None:
        status, description = self._client_status()
        finished_by_ns = self._now_ns() if status in _TERMINAL else None
        states = {task.name: task.status.as_api(finished_by_ns) for task in self._tasks}
        update = AllocUpdate(status, description, states)
        if update != self._last_update:
            self._last_update = update
            self._report(update)

    def _client_status(self) -> tuple[str, str]:
        """Source: client/allocrunner/alloc_runner.go (clientAlloc and getClientStatus)."""
        states = {task.state for task in self._tasks}
        if self._is_over_max_run:
            return "complete", taskevents.MAX_RUN_DURATION_EXCEEDED
        if any(task.failed and task.state == "dead" for task in self._tasks):
            return "failed", "Failed tasks"
        if "running" in states:
            return "running", "Tasks are running"
        if "pending" in states:
            return "pending", "No tasks have started"
        return "complete", "All tasks have completed"


def _group_of(job: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    groups: Iterable[Mapping[str, Any]] = job.get("TaskGroups") or ()
    for group in groups:
        if group.get("Name") == name:
            return group
    raise KeyError(f"the job has no group {name!r}")
