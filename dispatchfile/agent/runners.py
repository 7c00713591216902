"""The tasks of the agent's allocations: started, ended, and their logs found again."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dispatchfile.agent.cluster_views import node_view
from dispatchfile.agent.guard import Guard
from dispatchfile.agent.records import Allocation, Node
from dispatchfile.agent.runner import AllocRunner, AllocUpdate
from dispatchfile.agent.scheduler import Report
from dispatchfile.agent.taskdir import log_path
from dispatchfile.agent.views import job_view

ReportAlloc = Callable[[str, Report], None]


class Runner(Protocol):
    """Runs one allocation."""

    async def run(self) -> None: ...
    def stop(self, reason: str = "") -> None: ...


MakeRunner = Callable[[Allocation, Callable[[Report], None]], Runner]


@dataclass(frozen=True, slots=True)
class _Broken:
    """The report of an allocation whose runner failed by itself."""

    client_description: str
    client_status: str = "failed"

    @property
    def task_states(self) -> dict[str, dict[str, object]]:
        return {}


class TaskRunners:
    """
    Runs allocations below a folder; `report` is called with what becomes of them.

    make_runner: for tests, in place of real tasks. Nothing is started any more once it is closed.
    """

    def __init__(
        self, root: Path, node: Callable[[], Node], report: ReportAlloc, make_runner: MakeRunner | None = None
    ) -> None:
        self._root = root
        self._node = node
        self._report = report
        self._guard = None if make_runner else Guard()
        self._make_runner = make_runner or self._real_runner
        self._running: dict[str, tuple[Runner, asyncio.Task[None]]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def launch(self, alloc: Allocation) -> None:
        if self._is_closed:
            return
        runner = self._make_runner(alloc, lambda update: self._report(alloc.id, update))
        self._running[alloc.id] = (runner, self._spawn(self._run(alloc.id, runner)))

    def halt(self, alloc_id: str, _reason: str) -> None:
        """Nomad tells tasks nothing of why they are stopped."""
        if (running := self._running.get(alloc_id)) is not None:
            running[0].stop()

    def forget(self, alloc_id: str) -> None:
        self.halt(alloc_id, "")
        running = self._running.get(alloc_id)
        if not self._is_closed and (running or (self._root / alloc_id).exists()):
            self._spawn(self._remove(alloc_id, running[1] if running else None))

    def log_file(self, alloc_id: str, task: str, kind: str) -> Path:
        return log_path(self._root / alloc_id, task, kind)

    async def close(self) -> None:
        """End all tasks at once, without their kill timeouts."""
        self._is_closed = True
        if self._guard is not None:
            await asyncio.to_thread(self._guard.close)
        tasks = [*(task for _, task in self._running.values()), *self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _real_runner(self, alloc: Allocation, report: Callable[[AllocUpdate], None]) -> Runner:
        return AllocRunner(
            alloc_id=alloc.id,
            alloc_name=alloc.name,
            job=job_view(alloc.job),
            group=alloc.group,
            node=node_view(self._node()),
            root=self._root,
            report=report,
            guard=self._guard,
        )

    async def _run(self, alloc_id: str, runner: Runner) -> None:
        try:
            await runner.run()
        except Exception as exc:  # noqa: BLE001 - an allocation must not stay alive for ever for want of a runner
            self._report(alloc_id, _Broken(f"internal error: {exc!r}"))
        finally:
            self._running.pop(alloc_id, None)

    async def _remove(self, alloc_id: str, running: "asyncio.Task[None] | None") -> None:
        if running is not None:
            await asyncio.wait([running])
        await asyncio.to_thread(shutil.rmtree, self._root / alloc_id, ignore_errors=True)

    def _spawn(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task
