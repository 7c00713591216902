"""The embedded agent as a run's Nomad: served on a socket, and spoken to by the real client, on virtual time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from dispatchfile.agent import EmbeddedAgent, parse_fault
from dispatchfile.agent.clock import Timer
from dispatchfile.agent.cluster_views import node_view
from dispatchfile.agent.records import Allocation, StoredJob
from dispatchfile.agent.runner import AllocRunner
from dispatchfile.agent.scheduler import Report
from dispatchfile.agent.views import job_view
from dispatchfile.errors import NomadError
from dispatchfile.items import Item
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connecting import client_of
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import Dispatched
from dispatchfile.nomad.protocol import Answer
from dispatchfile.nomad.transport import HttpTransport, limits_of
from dispatchfile.settings import Settings
from dispatchfile.usecases import stop
from dispatchfile.usecases.past import leave_as_it_was
from dispatchfile.usecases.reporting import NoReporter
from tests.exactly_once.checks import check_request
from tests.exactly_once.process import Process
from tests.exactly_once.scripts import JOBS, RunScript
from tests.exactly_once.steady import Elsewhere
from tests.exactly_once.world import OVER, World

NEVER_S = 1e9
NO_RETRIES = {"Attempts": 0, "Interval": 600_000_000_000, "Delay": 1_000_000_000, "Mode": "fail"}


def parent_of(job_id: str) -> dict[str, object]:
    """A parameterized job; what its children do is up to the script."""
    task = {"Name": "t", "Driver": "mock_driver", "Config": {}, "Resources": {"CPU": 10, "MemoryMB": 10}}
    group = {
        "Name": "g",
        "Count": 1,
        "RestartPolicy": NO_RETRIES,
        "ReschedulePolicy": {"Attempts": 0, "Unlimited": False},
        "Tasks": [task],
    }
    return {
        "ID": job_id,
        "Name": job_id,
        "Type": "batch",
        "Datacenters": ["*"],
        "ParameterizedJob": {"Payload": "optional"},
        "TaskGroups": [group],
    }


class LoopTime:
    """The agent's clock: the event loop's, which is virtual. It stops when the agent does."""

    def __init__(self) -> None:
        self._timers: list[asyncio.TimerHandle] = []

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def now_ns(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e9)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), callback)
        self._timers.append(timer)
        return timer


@dataclass(frozen=True, slots=True)
class LiveChild:
    """One child, as the agent has it now or had it last."""

    id: str
    parent: str
    prefix: str
    token: str
    status: str
    stop: bool
    exit_code: int


class LiveNomad:
    """An embedded agent, and all children that it ever had."""

    def __init__(self, lifetime_s: Callable[[str], float], exit_code: Callable[[str], int]) -> None:
        self._lifetime_s, self._exit_code = lifetime_s, exit_code
        self._made: dict[str, LiveChild] = {}
        self.down = False  # only the fake's processes meet outages; here they are faults
        self._agent: EmbeddedAgent
        self.address = ""
        self._clock = LoopTime()

    @asynccontextmanager
    async def running(self, folder: Path) -> AsyncIterator[None]:
        socket = folder / "agent.sock"
        self.address = f"unix://{socket}"
        self._agent = EmbeddedAgent(
            jobs=[parent_of(job) for job in JOBS],
            uds=socket,
            root=folder / "agent",
            clock=self._clock,
            collect_after=NEVER_S,
            make_runner=self._runner,
            max_connections=0,
        )
        async with self._agent:
            yield
        self._clock.stop()

    def _runner(self, alloc: Allocation, report: Callable[[Report], None]) -> AllocRunner:
        """Its task does what the script says of the child."""
        prefix = prefix_of(alloc.job)
        config = {"run_for": f"{self._lifetime_s(prefix)}s", "exit_code": self._exit_code(prefix)}
        view: dict[str, Any] = {**job_view(alloc.job)}
        (group,) = view["TaskGroups"]
        (task,) = group["Tasks"]
        view["TaskGroups"] = [{**group, "Tasks": [{**task, "Config": config}]}]
        return AllocRunner(
            alloc_id=alloc.id,
            alloc_name=alloc.name,
            job=view,
            group=alloc.group,
            node=node_view(self._agent.node),
            root=self._agent.folder / "alloc",
            report=report,
            inherited={},
            now_ns=self._clock.now_ns,
        )

    @property
    def children(self) -> dict[str, LiveChild]:
        """All that Nomad still has."""
        jobs = [job for job in self._agent.state.jobs.values() if job.parent_id]
        now = {job.id: self._child(job) for job in jobs}
        self._made |= now
        return now

    @property
    def made(self) -> list[LiveChild]:
        """All that it ever had."""
        self._made |= self.children
        return list(self._made.values())

    def _child(self, job: StoredJob) -> LiveChild:
        prefix = prefix_of(job)
        return LiveChild(job.id, job.parent_id, prefix, job.token, job.status, job.stop, self._exit_code(prefix))

    # What happens to it

    def set_faults(self, faults: Sequence[str]) -> None:
        self._agent.set_faults([parse_fault(fault) for fault in faults])

    def collect(self) -> bool:
        """Garbage-collect as `nomad system gc` does. Return whether anything went."""
        before = len(self.children)
        self._agent.garbage_collect()
        return len(self.children) < before

    def stop(self, child: LiveChild) -> None:
        self._agent.stop_job(child.id)

    def purge(self, child: LiveChild) -> None:
        self._agent.purge_job(child.id)

    def set_room(self, *, there_is: bool) -> None:
        """Set whether anything can be placed."""
        self._agent.set_eligible(eligible=there_is)


def prefix_of(job: StoredJob) -> str:
    """Return the IdPrefixTemplate of its dispatch."""
    return job.id.removeprefix(f"{job.parent_id}/dispatch-").rsplit("-", 2)[0]


class LookingTransport(HttpTransport):
    """The way to Nomad of somebody who only looks."""

    async def send(self, method: str, target: str, body: bytes = b"") -> Answer:
        assert method == "GET", f"who only looks sends {method} {target}"
        return await super().send(method, target, body)


@asynccontextmanager
async def looking(connection: Connection, settings: Settings) -> AsyncIterator[Client]:
    """A client that may read, and nothing else."""
    limits = limits_of(connection, max_connections=settings.concurrency)
    async with Client(connection, LookingTransport(connection, limits)) as client:
        yield client


class LiveWorld(World):
    """A run's surroundings, with a Nomad that is served. *open* before its first process."""

    nomad: LiveNomad  # type: ignore[assignment]  # it has what processes and checks ask of the fake

    def __init__(self, script: RunScript, folder: Path, runner: Elsewhere) -> None:
        super().__init__(script, folder, runner)
        self.was_stopped = False
        self._exits = AsyncExitStack()

    def _nomad(self) -> LiveNomad:  # type: ignore[override]  # as above
        return LiveNomad(self.lifetime, self.exit_code)

    def _use_token(self, item: Item) -> None:
        """Its agent does not run yet: *open* does it."""

    async def open(self) -> None:
        await self._exits.enter_async_context(self.nomad.running(self.folder))
        for number in self.script.known_tokens:
            item = self.items[number % len(self.items)]
            if item.request.token:
                await self.dispatch_as_stranger(item.request.job, item.request.token)

    async def close(self) -> None:
        await self._exits.aclose()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with client_of(Connection(self.nomad.address), max_connections=8) as client:
            yield client

    async def dispatch_as_stranger(self, job: str, token: str | None) -> None:
        async with self.client() as client:
            with suppress(NomadError):
                await client.dispatch_job(job, payload=None, meta={}, id_prefix="theirs", token=token)

    def own_children(self) -> dict[tuple[str, int], list[LiveChild]]:
        """All that this run's requests have ever made, by item and attempt."""
        attempts = [(item, attempt) for item in self.items for attempt in range(1, item.retry.attempts + 1)]
        return {
            (item.id, attempt): cast("list[LiveChild]", self.children_of(item, attempt)) for item, attempt in attempts
        }


class LiveProcess(Process):
    """Begins the run, or goes on with it."""

    world: LiveWorld

    def connect(self) -> AbstractAsyncContextManager[Client]:
        return self._wired()

    @asynccontextmanager
    async def _wired(self) -> AsyncIterator[Client]:
        async with self.world.client() as client:
            yield cast("Client", LiveWire(self, client))


class StopProcess(LiveProcess):
    """`stop`: ends the run, and its children."""

    _is_over_before = False

    async def _work(self) -> None:
        assert self.world.path is not None
        reader, journal = self.open_again(self.world.path)
        before = reader.run().status
        self._is_over_before = before.state in OVER
        stopping = stop._Stopping(reader, journal, before, NoReporter(), self.world.clock, signal_exit=None)
        try:
            await stopping.run(Connection(self.world.nomad.address), self._connect_again, self._control)
            is_as_before = self._is_over_before and self._control.interrupted
            self.world.was_stopped = self.world.is_over and not is_as_before
        finally:
            await leave_as_it_was(journal, before, self.world.clock)

    def _check_error(self, error: NomadError) -> None:
        """
        It may have stopped children, and told so, before Nomad was lost.

        Then the run is no nearer to its end than it was, so that another stop or a resume goes on with it.
        """
        assert self.world.is_over == self._is_over_before, error

    def _connect_again(self, _connection: Connection, _settings: Settings) -> AbstractAsyncContextManager[Client]:
        return self.connect()


class LiveWire:
    """The client of a process that may be killed before and after each of its requests."""

    def __init__(self, process: LiveProcess, client: Client) -> None:
        self._process, self._world, self._client = process, process.world, client

    def __getattr__(self, name: str) -> object:
        method = getattr(self._client, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*arguments: object, **options: object) -> object:
            return await self._between_points(method(*arguments, **options))

        return call

    async def _between_points(self, request: Awaitable[object]) -> object:
        try:
            await self._process.reach()
        except asyncio.CancelledError:
            cast("Any", request).close()
            raise
        answer = await request
        await self._process.reach()
        return answer

    async def dispatch_job(self, job: str, *, id_prefix: str, token: str | None, **request: Any) -> Dispatched:
        assert not isinstance(self._process, StopProcess), "a stop sends nothing"
        item, attempt = self._world.attempt_of(id_prefix, token or "")
        await self._process.reach()
        check_request(self._world, item, attempt, self._process)
        self._world.sending.add(item.id)
        try:
            answer = await self._client.dispatch_job(job, id_prefix=id_prefix, token=token, **request)
        finally:
            self._world.sending.discard(item.id)
        await self._process.reach()
        return answer
