"""Nomad's HTTP API, a method an endpoint. Source: hashicorp/nomad, api/ and command/agent/."""

from __future__ import annotations

import copy
import re
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Self
from urllib.parse import quote

from dispatchfile.errors import NomadForbidden, NomadUnreadable
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.decode import (
    Row,
    as_text,
    parse_agent,
    parse_alloc,
    parse_evaluation,
    parse_job,
    parse_rows,
    parse_stub,
    parse_summary,
    parse_texts,
    parse_token,
)
from dispatchfile.nomad.models import (
    AgentSelf,
    Alloc,
    Dispatched,
    Evaluation,
    Job,
    JobStub,
    JobSummary,
    Page,
    TokenSelf,
)
from dispatchfile.nomad.patience import Patience
from dispatchfile.nomad.protocol import Transport
from dispatchfile.nomad.reader import Reader
from dispatchfile.nomad.refusals import DENIED, check_written, read_dispatched
from dispatchfile.nomad.registry import JobRegistry
from dispatchfile.nomad.targets import Targets, dispatch_body, job_path

PAGE_ROWS = 1000  # of the job list, these take 0.7 MB
PAGE_ALLOCS = 300  # with their task states, these take 2 MB


class Client:
    """
    A connection to Nomad with the rights of one token. An async context manager.

    namespace and region, everywhere: empty stands for the connection's own, and these for Nomad's defaults.

    Every read raises NomadUnavailable (no answer, or no leader; repeated a few times before), NomadForbidden,
    NomadRefused, and NomadUnreadable where the answer is not what Nomad says. Nothing but a read is ever repeated.
    """

    def __init__(self, connection: Connection, transport: Transport) -> None:
        self._connection, self._transport = connection, transport
        self._reader, self._targets = Reader(transport), Targets(connection.namespace, connection.region)
        self.dispatches = 0

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, traceback)

    def patient(self, limit: timedelta) -> Self:
        """
        Return this client with patience: for what is asked before a command has sent anything.

        Its reads are repeated for *limit* where Nomad is busy or has no leader, and a few times where the connection
        is lost or the answer cannot be read. Connections and counts are shared.
        """
        client = copy.copy(self)
        client._reader = replace(self._reader, patience=Patience(limit))  # noqa: SLF001  its own
        return client

    # What was asked of the server so far

    @property
    def requests(self) -> int:
        return self._transport.counters.requests

    @property
    def throttled(self) -> int:
        return self._transport.counters.throttled

    @property
    def peak_connections(self) -> int:
        return self._transport.peak_connections

    # Writes

    async def dispatch_job(
        self,
        job: str,
        *,
        payload: bytes | None,
        meta: Mapping[str, str],
        namespace: str = "",
        region: str = "",
        id_prefix: str = "",
        token: str | None = None,
        priority: int | None = None,
    ) -> Dispatched:
        """
        Create one child of the parameterized job *job*.

        payload: at most 16384 bytes, before the base64 added here. meta: only keys the job declares. id_prefix: taken
        literally. token: while the child exists, a second call creates nothing and answers without an evaluation ID.

        Raises NomadUnavailable (definitely not done: safe to repeat), NomadAmbiguous (perhaps done: settle first) and
        NomadRefused (never will be; Nomad answers 500 to a bad dispatch, so the status alone does not tell).
        Source: hashicorp/nomad, api/jobs.go and nomad/job_endpoint.go.
        """
        target = self._targets.of_dispatch(job, namespace, region, token)
        self.dispatches += 1
        body = dispatch_body(job, payload, meta, id_prefix, priority)
        return read_dispatched(await self._transport.send("PUT", target, body))

    async def stop_job(self, job_id: str, *, namespace: str = "", region: str = "", purge: bool = False) -> None:
        """
        Stop a job; *purge* also removes every trace of it. That there is no such job is no error.

        Needs submit-job. May be repeated whatever it raised: NomadUnavailable, NomadAmbiguous or NomadRefused.
        """
        target = self._targets.of(job_path(job_id), namespace, region, purge="true" if purge else "")
        check_written(await self._transport.send("DELETE", target))

    async def stop_nothing(self, *, namespace: str = "", region: str = "") -> None:
        """
        Ask to stop a job and name none: refused in every case, NomadForbidden to a token that may stop no job there.

        The right is checked before the ID is missed, so it is told without effect, whatever happens meanwhile.
        Source: hashicorp/nomad, nomad/job_endpoint.go, Deregister.
        """
        target = self._targets.of("/v1/job/", namespace, region)
        check_written(await self._transport.send("DELETE", target))

    @property
    def registry(self) -> JobRegistry:
        """Return what parses, plans and registers jobs."""
        return JobRegistry(self._transport, self._targets)

    # Jobs

    async def read_job(self, job_id: str, *, namespace: str = "", region: str = "") -> Job:
        """A job in full. Raises NomadNotFound. Needs read-job."""
        return await self._reader.read_object(self._targets.of(job_path(job_id), namespace, region), parse_job)

    async def read_summary(self, job_id: str, *, namespace: str = "", region: str = "") -> JobSummary:
        """The counts of a job. Raises NomadNotFound. Needs read-job."""
        return await self._reader.read_object(
            self._targets.of(job_path(job_id) + "/summary", namespace, region), parse_summary
        )

    async def read_allocations(self, job_id: str, *, namespace: str = "", region: str = "") -> tuple[Alloc, ...]:
        """The allocations of a job, none for one that does not exist. Needs read-job."""
        target = self._targets.of(job_path(job_id) + "/allocations", namespace, region)
        return await self._reader.read(target, lambda value: parse_rows(value, parse_alloc))

    async def read_evaluations(self, job_id: str, *, namespace: str = "", region: str = "") -> tuple[Evaluation, ...]:
        """The evaluations of a job, also of one that was purged; none for one that never was. Needs read-job."""
        target = self._targets.of(job_path(job_id) + "/evaluations", namespace, region)
        return await self._reader.read(target, lambda value: parse_rows(value, parse_evaluation))

    async def list_jobs(
        self,
        *,
        prefix: str = "",
        namespace: str = "",
        region: str = "",
        filter: str = "",  # noqa: A002  # Nomad's own word
        per_page: int = PAGE_ROWS,
        next_token: str = "",
    ) -> Page[JobStub]:
        """Return a page of the jobs whose ID begins with *prefix*, ordered by ID. Needs list-jobs."""
        target = self._targets.of("/v1/jobs", namespace, region, prefix=prefix, filter=filter, per_page=str(per_page))
        return await self._reader.read_page(target, next_token, parse_stub)

    async def list_all_jobs(
        self,
        *,
        prefix: str = "",
        namespace: str = "",
        region: str = "",
        filter: str = "",  # noqa: A002
        per_page: int = PAGE_ROWS,
    ) -> tuple[JobStub, ...]:
        """Return all pages of `list_jobs`. Pages are separate snapshots: of a job seen twice, the last one counts."""
        target = self._targets.of("/v1/jobs", namespace, region, prefix=prefix, filter=filter, per_page=str(per_page))
        return await self._reader.read_pages(target, parse_stub)

    # Evaluations and allocations

    async def read_evaluation(self, eval_id: str, *, namespace: str = "", region: str = "") -> Evaluation:
        """Return an evaluation. Raises NomadNotFound. Needs read-job."""
        target = self._targets.of(f"/v1/evaluation/{quote(eval_id, safe='')}", namespace, region)
        return await self._reader.read_object(target, parse_evaluation)

    async def read_evaluation_allocations(
        self, eval_id: str, *, namespace: str = "", region: str = ""
    ) -> tuple[Alloc, ...]:
        """Return the allocations that an evaluation placed; none if it does not exist. Needs read-job."""
        target = self._targets.of(f"/v1/evaluation/{quote(eval_id, safe='')}/allocations", namespace, region)
        return await self._reader.read(target, lambda value: parse_rows(value, parse_alloc))

    async def list_evaluations(
        self,
        *,
        namespace: str = "",
        region: str = "",
        filter: str = "",  # noqa: A002
        per_page: int = PAGE_ROWS,
    ) -> tuple[Evaluation, ...]:
        """Return all evaluations of a namespace that match *filter*, oldest first. Needs read-job."""
        target = self._targets.of("/v1/evaluations", namespace, region, filter=filter, per_page=str(per_page))
        return await self._reader.read_pages(target, parse_evaluation)

    async def list_allocations(
        self,
        *,
        namespace: str = "",
        region: str = "",
        filter: str = "",  # noqa: A002
        per_page: int = PAGE_ALLOCS,
    ) -> tuple[Alloc, ...]:
        """Return all allocations of a namespace that match *filter*, with task states. Needs read-job."""
        target = self._targets.of("/v1/allocations", namespace, region, filter=filter, per_page=str(per_page))
        return await self._reader.read_pages(target, parse_alloc)

    async def read_logs(
        self, alloc_id: str, task: str, *, stream: str, tail_bytes: int, namespace: str = "", region: str = ""
    ) -> bytes:
        """
        The last *tail_bytes* of what a task wrote. stream: "stdout" or "stderr". Needs read-logs.

        Raises NomadNotFound where there is no such allocation, or no log (yet, or any more), and NomadRefused where
        the allocation has no such task.
        """
        target = self._targets.of(
            f"/v1/client/fs/logs/{quote(alloc_id, safe='')}",
            namespace,
            region,
            task=task,
            type=stream,
            origin="end",
            offset=str(tail_bytes),
            plain="true",
        )
        return await self._reader.understand(target, lambda answer: answer.body[-tail_bytes:])

    # The cluster

    async def read_agent(self) -> AgentSelf:
        """Return the agent that answers. Needs agent:read, which no namespace's policy includes."""
        return await self._reader.read("/v1/agent/self", parse_agent)

    async def read_version(self) -> tuple[int, int, int] | None:
        """The version of the agent that answers, None where it may not be known."""
        agent = await _unless_denied(self.read_agent())
        return parse_version(agent.version) if agent else None

    async def read_highest_priority(self) -> int | None:
        """The highest priority that the server takes, None where it may not be known. Servers of a region agree."""
        agent = await _unless_denied(self.read_agent())
        return agent.highest_priority if agent else None

    async def read_leader(self) -> str:
        """Address of the leader, for servers. Raises NomadUnavailable where there is none."""
        return await self._reader.read("/v1/status/leader", as_text)

    @property
    def has_token(self) -> bool:
        """Return whether requests carry a token; without one they are anonymous for Nomad."""
        return bool(self._connection.token)

    async def read_token_self(self) -> TokenSelf:
        """The token in use. Raises NomadForbidden for one that is unknown, malformed or expired."""
        return await self._reader.read("/v1/acl/token/self", parse_token)

    async def read_regions(self) -> tuple[str, ...]:
        return await self._reader.read("/v1/regions", parse_texts)

    async def read_namespaces(self) -> tuple[str, ...]:
        """The namespaces in which the token may do anything at all."""
        return await self._reader.read("/v1/namespaces", lambda value: parse_rows(value, _name))


async def _unless_denied(reading: Awaitable[AgentSelf]) -> AgentSelf | None:
    """Return what is read, or None where a token or a proxy does not let this part of the API through."""
    try:
        return await reading
    except (NomadForbidden, NomadUnreadable) as error:
        if error.status not in DENIED and not isinstance(error, NomadForbidden):
            raise
        return None


def _name(row: Row) -> str:
    return as_text(row.get("Name"), "Name")


def parse_version(text: str) -> tuple[int, int, int] | None:
    """The numbers of "2.0.5", "1.10.5+ent" or "v1.9.0-beta.1"; None for anything else."""
    match = re.match(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?![\d.])", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None
