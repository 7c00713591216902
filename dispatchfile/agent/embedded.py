"""The agent as one object: state, scheduler, tasks and server, started and stopped together."""

import asyncio
import random
import socket
import ssl
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from dispatchfile.agent.advice import advice_on
from dispatchfile.agent.clock import AgentClock, LoopClock
from dispatchfile.agent.core import Core
from dispatchfile.agent.drivers import known_drivers
from dispatchfile.agent.faults import Fault, Faults
from dispatchfile.agent.machine import machine_attributes, machine_name
from dispatchfile.agent.records import Drain, Namespace, Node, StoredJob, Transition
from dispatchfile.agent.routes_job_writes import register
from dispatchfile.agent.runners import MakeRunner, TaskRunners
from dispatchfile.agent.scheduler import Report, Scheduler
from dispatchfile.agent.server import AgentServer
from dispatchfile.agent.setbacks import Say, Setbacks
from dispatchfile.agent.state import StateStore
from dispatchfile.agent.submitted import joined_problems, problems_of, read_submitted
from dispatchfile.jobspec.warnings import job_warnings

_FOUR_HOURS: Final = 4 * 3600.0
_BACKLOG: Final = 512


class RefusedJob(ValueError):
    """A job that the agent does not take; the message is Nomad's."""


class EmbeddedAgent:
    """
    A one-machine stand-in for Nomad: an HTTP server, a scheduler, and tasks that run on this machine.

    Used as an async context manager; everything ends with it, running tasks included. It keeps nothing on disk
    but the folders of its allocations, below *root* (by default a temporary folder that is removed at the end).

    What it leaves out of Nomad: service and system jobs, deployments, preemption, `disconnect` blocks, ACLs,
    CPU and memory as a limit on placement (there are *slots*), and the clock of periodic jobs (they are
    launched by ``/v1/job/:id/periodic/force``).

    folder: where those are, while it runs.
    """

    folder: Path

    def __init__(
        self,
        *,
        jobs: Iterable[Mapping[str, object]] = (),
        bind: str = "127.0.0.1",
        port: int = 0,
        allow_remote: bool = False,
        uds: Path | None = None,
        ssl_context: ssl.SSLContext | None = None,
        slots: int | None = None,
        fixed: bool = False,
        faults: Sequence[Fault] = (),
        seed: int = 0,
        root: Path | None = None,
        clock: AgentClock | None = None,
        name: str | None = None,
        version: str = "2.0.5",
        datacenter: str = "dc1",
        node_meta: Mapping[str, str] | None = None,
        max_connections: int = 100,
        batch_seconds: float = 0.05,
        collect_after: float = _FOUR_HOURS,
        make_runner: MakeRunner | None = None,
        on_setback: Say | None = None,
    ) -> None:
        """
        *jobs*: as ``PUT /v1/jobs`` takes them. *bind*: a loopback address, unless *allow_remote* says that
        anybody who reaches this machine may run commands on it. *port*: 0 for a free one. *uds*: a unix socket
        beside it. *slots*: allocations that run at a time, None for any number. *fixed*: its node never changes,
        so a job that this node can never run is not kept waiting, as a real server would. *seed*: of the faults.
        *clock*: for tests. *name*: of node and server, by default the machine's. *version*: the Nomad version
        it presents itself as. *max_connections*: for each client, 0 for any number. *batch_seconds*: how long
        reports of tasks are gathered. *collect_after*: seconds from a job's end until it is forgotten; a `gc`
        fault goes before it. *make_runner*: for tests, in place of real tasks. *on_setback*: hears once for each task
        of a job that it did not start, or failed, and will be tried again.

        Raises ValueError for an address that is not this machine's alone.
        """
        if not allow_remote:
            _check_loopback(bind)
        self._jobs = list(jobs)
        self._bind, self._port, self._uds, self._ssl = bind, port, uds, ssl_context
        self._root, self._clock = root, clock
        self._seed, self._slots, self._fixed = seed, slots, fixed
        self._faults = Faults(faults, seed)
        self._name, self._version = name or machine_name(), version
        self._datacenter, self._node_meta = datacenter, dict(node_meta or {})
        self._max_connections, self._batch_seconds = max_connections, batch_seconds
        self._collect_after = collect_after if self._faults.collect_after is None else self._faults.collect_after
        self._make_runner = make_runner
        self._setbacks = Setbacks(on_setback) if on_setback else None
        self._exits = AsyncExitStack()
        self._closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            await self._start(exits)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        await self._exits.aclose()

    def close(self) -> None:
        """Let `wait_closed` return; the end of the context does the rest."""
        self._closed.set()

    async def wait_closed(self) -> None:
        """Serve until somebody calls `close`."""
        await self._closed.wait()

    @property
    def address(self) -> str:
        """Such as ``http://127.0.0.1:4646``."""
        scheme = "https" if self._ssl else "http"
        return f"{scheme}://{self._core.http_address}"

    @property
    def requests(self) -> int:
        """Return how many requests it has read."""
        return self._server.requests

    @property
    def peak_connections(self) -> int:
        """Return the highest number of connections that were open at the same time."""
        return self._server.gate.peak

    @property
    def node(self) -> Node:
        return self._scheduler.node

    @property
    def state(self) -> StateStore:
        """Return the state, which callers must not change."""
        return self._state

    def advice(self) -> Mapping[str, str]:
        """Return, by ID, what to change in each registered job that the node can never run."""
        known = ((job, advice_on(job, self.node)) for job in self._state.jobs.values() if not job.parent_id)
        return {job.id: sentence for job, sentence in known if sentence is not None}

    def warnings(self) -> Sequence[tuple[str, str]]:
        """Return warnings about the registered jobs: the job's ID, and a sentence."""
        jobs = [job for job in self._state.jobs.values() if not job.parent_id]
        return [(job.id, warning) for job in jobs for warning in job_warnings({**job.spec.document, "Meta": job.meta})]

    # what tests and rehearsals do to it from inside

    def set_faults(self, faults: Sequence[Fault]) -> None:
        """Other faults from now on, none for an empty list; a `gc` among them is left out."""
        self._faults.replace(faults)

    def register_job(self, job: Mapping[str, object]) -> StoredJob:
        """Register a job as ``PUT /v1/jobs`` takes it, in whatever namespace and node pool; raises RefusedJob."""
        submitted = read_submitted(job)
        if submitted.namespace not in self._state.namespaces:
            self._add_namespace(submitted.namespace)
        if problems := problems_of(submitted, self._state.namespaces, {submitted.spec.node_pool}):
            raise RefusedJob(f"job {submitted.id!r}: {joined_problems(problems).strip()}")
        register(self._core, submitted)
        return self._state.jobs[submitted.namespace, submitted.id]

    def stop_job(self, job_id: str, *, namespace: str = "default") -> None:
        self._scheduler.stop_job(self._state.jobs[namespace, job_id], purge=False)

    def purge_job(self, job_id: str, *, namespace: str = "default") -> None:
        """Forget a job at once, with everything that belongs to it."""
        self._scheduler.purge(self._state.jobs[namespace, job_id])

    def garbage_collect(self) -> None:
        """Forget all dead jobs, as `nomad system gc`."""
        self._scheduler.collect_garbage()

    def stop_alloc(self, alloc_id: str) -> None:
        """Stop one allocation, as `nomad alloc stop`: it is replaced if its reschedule policy has an attempt left."""
        alloc = self._state.allocs[alloc_id]
        is_batch = alloc.job.spec.type == "batch"
        transition = Transition(migrate=True, no_shutdown_delay=False, reschedule=is_batch)
        self._scheduler.stop_alloc(alloc, transition)

    def set_node_meta(self, **meta: str) -> None:
        """Change what ``${meta.…}`` says; what waits for it is tried again."""
        self._scheduler.change_node(replace(self.node, meta={**self.node.meta, **meta}))

    def set_eligible(self, *, eligible: bool) -> None:
        self._scheduler.change_node(replace(self.node, eligible=eligible))

    def drain_node(self, deadline_seconds: float) -> None:
        """Drain the node, as `nomad node drain -enable -deadline`."""
        drain = Drain(int(deadline_seconds * 10**9), self._state.now_ns())
        self._scheduler.drain_node(drain, eligible=False)

    def lose_node(self) -> None:
        """Lose the node as if its machine had gone: its allocations are lost, and nothing can be placed."""
        self._scheduler.lose_node()

    def restore_node(self) -> None:
        self._scheduler.restore_node()

    # its parts

    async def _start(self, exits: AsyncExitStack) -> None:
        self.folder = self._root or _temporary_folder(exits)
        sock = exits.enter_context(_bound_socket(self._bind, self._port))
        host, port = sock.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        clock = self._clock or LoopClock()
        self._state = StateStore(clock.now_ns)
        runners = TaskRunners(self.folder / "alloc", lambda: self.node, self._report, self._make_runner)
        exits.push_async_callback(runners.close)
        self._scheduler = Scheduler(
            self._state,
            clock,
            self._new_node(f"{shown}:{port}"),
            runners,
            batch_seconds=self._batch_seconds,
            collect_after=self._collect_after,
        )
        self._add_namespace("default", "Default shared namespace")
        self._core = self._new_core(shown, port, runners)
        for job in self._jobs:
            self.register_job(job)
        await self._serve(exits, sock)

    def _report(self, alloc_id: str, report: Report) -> None:
        if self._setbacks and (alloc := self._state.allocs.get(alloc_id)):
            self._setbacks.note(alloc, report)
        self._scheduler.report(alloc_id, report)

    def _new_core(self, host: str, port: int, runners: TaskRunners) -> Core:
        scratch = self.folder / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        return Core(
            state=self._state,
            scheduler=self._scheduler,
            rng=random.Random(self._seed),  # noqa: S311 - jitter is no secret
            name=self._name,
            version=self._version,
            host=host,
            port=port,
            max_connections=self._max_connections,
            log_file=runners.log_file,
            scratch=scratch,
        )

    def _new_node(self, address: str) -> Node:
        return Node(
            id=str(uuid.uuid4()),
            name=self._name,
            datacenter=self._datacenter,
            http_address=address,
            version=self._version,
            attributes=machine_attributes(known_drivers, self._version, address),
            drivers=known_drivers,
            meta=self._node_meta,
            slots=self._slots,
            fixed=self._fixed,
        )

    def _add_namespace(self, name: str, description: str = "") -> None:
        with self._state.step("NamespaceUpserted") as step:
            step.put_namespace(Namespace(name, description))

    async def _serve(self, exits: AsyncExitStack, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = AgentServer(self._core, self._faults, loop.time)
        exits.push_async_callback(self._server.close)
        await self._server.listen(sock, self._ssl)
        if self._uds is not None:
            await self._server.listen_unix(self._uds)
            exits.callback(self._uds.unlink, missing_ok=True)


def _temporary_folder(exits: AsyncExitStack) -> Path:
    return Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="dispatchfile-agent-")))


def _check_loopback(bind: str) -> None:
    if not _is_loopback(bind):
        raise ValueError(
            f"{bind} can be reached from other machines, and everyone who reaches the agent can run commands here: "
            "use a loopback address such as 127.0.0.1, or allow remote access"
        )


def _is_loopback(bind: str) -> bool:
    try:
        return ip_address(bind).is_loopback
    except ValueError:
        return bind == "localhost"


def _bound_socket(bind: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((bind, port))
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
