"""
Runs one task of an allocation, from its first event to its last.

Source: hashicorp/nomad, client/allocrunner/taskrunner/task_runner.go.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dispatchfile.agent import taskevents
from dispatchfile.agent.artifacts import download
from dispatchfile.agent.driverconfig import read_config
from dispatchfile.agent.drivers import known_drivers, start_task
from dispatchfile.agent.guard import Guard
from dispatchfile.agent.launch import Handle, Launch
from dispatchfile.agent.lifecycle import Stage, stage_of
from dispatchfile.agent.outcomes import ExitResult, SetupError, StartFailure, TaskError
from dispatchfile.agent.restarts import Next, RestartTracker
from dispatchfile.agent.taskdir import TaskFolders, template_variables, write_payload, write_template
from dispatchfile.agent.taskenv import Placement, TaskEnvironment, build_environment
from dispatchfile.agent.taskevents import Event
from dispatchfile.agent.waiting import Sleep, ends_before, first_of, happens_within

MAX_EVENTS: Final = 10
DEFAULT_KILL_TIMEOUT_NS: Final = 5_000_000_000
MAX_KILL_TIMEOUT_NS: Final = 30_000_000_000


@dataclass(frozen=True, slots=True)
class TaskRunnerConfig:
    """The tools that a client gives to all its tasks. Tests replace the parts that depend on time and chance."""

    inherited: Mapping[str, str]
    guard: Guard | None
    sleep: Sleep
    now_ns: Callable[[], int]
    chance: Callable[[], float]


@dataclass(slots=True)
class TaskStateRecord:
    """The state of a task as it grows. state: pending, running or dead. Times in nanoseconds, None for never."""

    state: str = "pending"
    failed: bool = False
    restarts: int = 0
    last_restart_ns: int | None = None
    started_ns: int | None = None
    finished_ns: int | None = None
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))

    def as_api(self, finished_by_ns: int | None = None) -> dict[str, object]:
        """The TaskState of the API. *finished_by_ns*: shown where the task has not finished."""
        finished_ns = finished_by_ns if self.finished_ns is None else self.finished_ns
        return {
            "Events": list(self.events),
            "Failed": self.failed,
            "FinishedAt": format_time(finished_ns),
            "LastRestart": format_time(self.last_restart_ns),
            "Paused": "",
            "Restarts": self.restarts,
            "StartedAt": format_time(self.started_ns),
            "State": self.state,
        }


class TaskRunner:
    """Runs one task as often as its restart policy allows, whenever `gate` is open and until it is killed."""

    def __init__(
        self,
        *,
        task: Mapping[str, Any],
        placement: Placement,
        alloc_root: Path,
        surroundings: TaskRunnerConfig,
        changed: Callable[[], None],
    ) -> None:
        """*changed* is called after every event and change of state."""
        self.name: str = task["Name"]
        self.stage: Stage = stage_of(task)
        self.is_leader = bool(task.get("Leader"))
        self.kill_timeout_ns = min(task.get("KillTimeout") or DEFAULT_KILL_TIMEOUT_NS, MAX_KILL_TIMEOUT_NS)
        self.status = TaskStateRecord()
        self.gate = asyncio.Event()
        self._task = task
        self._placement = placement
        self._folders = TaskFolders(alloc_root, self.name)
        self._surroundings = surroundings
        self._now_ns = surroundings.now_ns
        self._changed = changed
        self._killed = asyncio.Event()
        self._ended = asyncio.Event()
        self._prepared: set[str] = set()
        self._environment: TaskEnvironment | None = None
        self._restarts = RestartTracker(
            task.get("RestartPolicy") or placement.group.get("RestartPolicy") or {},
            self.stage,
            now_ns=surroundings.now_ns,
            chance=surroundings.chance,
        )
        self.emit(taskevents.received(self._now_ns()))

    @property
    def state(self) -> str:
        return self.status.state

    @property
    def failed(self) -> bool:
        return self.status.failed

    @property
    def is_killed(self) -> bool:
        return self._killed.is_set()

    def emit(self, event: Event) -> None:
        """Add an event to the task's state."""
        if event["FailsTask"]:
            self.status.failed = True
        self.status.events.append(event)
        self._changed()

    async def run(self) -> None:
        """Run the task until it is dead."""
        try:
            while await self._may_start():
                if not await self._run_once():
                    break
            self._become("dead")
        finally:
            self._ended.set()
            self._changed()

    def kill(self, event: Event | None) -> None:
        """Let the task run no more; it ends later."""
        self._killed.set()
        if event:
            self.emit(event)

    async def end(self) -> None:
        """Wait for the end of `run`."""
        await self._ended.wait()

    async def _may_start(self) -> bool:
        if not (self.gate.is_set() or self._killed.is_set()):
            await first_of(self.gate.wait(), self._killed.wait())
        return not self._killed.is_set()

    async def _run_once(self) -> bool:
        """Start the task and see it through; whether it is to be started again."""
        try:
            await self._prepare()
            if self._killed.is_set():
                return False
            handle = await start_task(self._task["Driver"], self._launch())
        except TaskError as exc:
            self.emit(taskevents.not_started(self._now_ns(), exc))
            return await self._starts_again(StartFailure(exc.recoverable))
        self._become("running", taskevents.started(self._now_ns()))
        result, by_kill = await self._supervise(handle)
        self.emit(taskevents.terminated(self._now_ns(), result))
        if by_kill:
            self.emit(taskevents.killed(self._now_ns()))
            return False
        return await self._starts_again(result)

    async def _supervise(self, handle: Handle) -> tuple[ExitResult, bool]:
        """The end of a run, and whether it came because the task was killed."""
        end = asyncio.ensure_future(handle.wait())
        try:
            await first_of(end, self._killed.wait())
            by_kill = not end.done() and await self._stop(handle, end)
            return await end, by_kill
        finally:
            if not end.done():  # the agent itself is ending
                handle.abandon()
                end.cancel()
                await asyncio.gather(end, return_exceptions=True)

    async def _stop(self, handle: Handle, end: "asyncio.Future[ExitResult]") -> bool:
        delay_ns = self._task.get("ShutdownDelay") or 0
        if delay_ns:
            self._become("pending", taskevents.waiting_for_shutdown_delay(self._now_ns(), delay_ns))
            await first_of(end, self._surroundings.sleep(delay_ns / 1e9))
            if end.done():
                return False
        await handle.stop(self._task.get("KillSignal") or "", self.kill_timeout_ns / 1e9)
        return True

    async def _starts_again(self, outcome: ExitResult | StartFailure) -> bool:
        decision = self._restarts.decide(outcome)
        now_ns = self._now_ns()
        match decision.next:
            case Next.ENDED_WELL:
                return False
            case Next.FAILED:
                self._become("dead", taskevents.not_restarting(now_ns, decision.reason))
                return False
        self.status.restarts += 1
        self.status.last_restart_ns = now_ns
        self._become("pending", taskevents.restarting(now_ns, decision.reason, decision.delay_ns))
        return not await happens_within(self._killed, decision.delay_ns / 1e9, self._surroundings.sleep)

    def _become(self, state: str, event: Event | None = None) -> None:
        now_ns = self._now_ns()
        if state == "running" != self.status.state:
            self.status.started_ns = now_ns
        if state == "dead" and self.status.finished_ns is None:
            self.status.finished_ns = now_ns
        self.status.state = state
        if event:
            self.emit(event)
        else:
            self._changed()

    async def _prepare(self) -> None:
        """Do what precedes every start, each part until it has worked once. Raises SetupError or DownloadError."""
        if self._is_first("folder"):
            self.emit(taskevents.building_task_directory(self._now_ns()))
        self._refuse_unknown_driver()
        if self._needs_folder():
            self._folders.build()
        if "payload" not in self._prepared:
            write_payload(self._folders, self._task, self._placement.job)
            self._prepared.add("payload")
        if self._task.get("Artifacts") and "artifacts" not in self._prepared:
            await self._download_artifacts()
            self._prepared.add("artifacts")
        if self._is_first("templates"):
            self._write_templates()

    async def _download_artifacts(self) -> None:
        """Download all artifacts, unless the task is killed meanwhile."""
        self.emit(taskevents.downloading_artifacts(self._now_ns()))
        for artifact in self._task["Artifacts"]:
            downloading = download(artifact, self._folders, self._known_environment())
            if not await ends_before(self._killed, downloading):
                return

    def _is_first(self, part: str) -> bool:
        first = part not in self._prepared
        self._prepared.add(part)
        return first

    def _refuse_unknown_driver(self) -> None:
        if self._task["Driver"] not in known_drivers:
            raise SetupError(f"the embedded agent has no driver {self._task['Driver']}")

    def _needs_folder(self) -> bool:
        """Mock tasks that write nothing leave the disk alone."""
        parts = ("DispatchPayload", "Artifacts", "Templates")
        return self._task["Driver"] != "mock_driver" or any(self._task.get(part) for part in parts)

    def _write_templates(self) -> None:
        for template in self._task.get("Templates") or ():
            text = write_template(self._folders, template, self._known_environment())
            if template.get("Envvars"):
                self._environment = self._known_environment().with_variables(template_variables(text))

    def _launch(self) -> Launch:
        """Raises ConfigError."""
        is_logged = not (self._task.get("LogConfig") or {}).get("Disabled")
        return Launch(
            config=read_config(self._task["Driver"], self._task.get("Config"), self._known_environment),
            environment=lambda: self._known_environment().variables,
            folder=self._folders.task,
            stdout=self._folders.log("stdout") if is_logged else None,
            stderr=self._folders.log("stderr") if is_logged else None,
            user=self._task.get("User") or "",
            guard=self._surroundings.guard,
            sleep=self._surroundings.sleep,
        )

    def _known_environment(self) -> TaskEnvironment:
        """Made when first asked for, since most mock tasks never do."""
        if self._environment is None:
            self._environment = build_environment(
                self._placement, self._task, self._folders.named_folders, self._surroundings.inherited
            )
        return self._environment


def format_time(nanoseconds: int | None) -> str | None:
    """A time as Go writes it in JSON: RFC 3339 in UTC, with as many digits as it needs."""
    if nanoseconds is None:
        return None
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"
