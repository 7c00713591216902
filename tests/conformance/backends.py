"""The two things that speak Nomad's HTTP API: the embedded agent, and a real Nomad agent where NOMAD_BIN names one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote

import httpx

from dispatchfile.agent import EmbeddedAgent
from dispatchfile.nomad.connection import Connection
from tests.conformance.agents import RealAgent, agents, healthy, until
from tests.conformance.jobs import SECOND, Document
from tests.real_nomad import binary

Kind = Literal["embedded", "real"]
NODE_READY_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Backend:
    """One of the two, seen from outside; whatever has a route is asked of it over HTTP."""

    kind: Kind
    connection: Connection  # for the tool under test
    http: httpx.AsyncClient  # for the test itself
    agent: EmbeddedAgent | None = None  # for what has no route there
    second: RealAgent | None = None  # whose node may go away

    @property
    def address(self) -> str:
        return self.connection.address

    def at(self, **changes: Any) -> Backend:
        """The same backend over another connection of the tool's: through a proxy, with another token."""
        return replace(self, connection=replace(self.connection, **changes))

    async def ask(self, method: str, path: str, *, body: object = None, **query: str) -> httpx.Response:
        """Any request. *body*: bytes go as they are, None stands for no body, anything else is JSON."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return await self.http.request(method, path, content=content, params=query or None)

    async def get(self, path: str, **query: str) -> Any:
        """What a read that must work gives."""
        return _said(await self.ask("GET", path, **query))

    async def put(self, path: str, body: object = None, **query: str) -> Any:
        """What a write that must work gives."""
        return _said(await self.ask("PUT", path, body=body, **query))

    # Jobs

    async def register(self, *jobs: Document, namespace: str = "default") -> None:
        for job in jobs:
            await self.put("/v1/jobs", {"Job": {**job, "Namespace": namespace}}, namespace=namespace)

    async def job(self, job_id: str) -> Document | None:
        """The job, None if there is none (any more)."""
        answer = await self.ask("GET", job_path(job_id))
        return None if answer.status_code == 404 else _said(answer)

    async def stop_job(self, job_id: str, *, purge: bool = False) -> None:
        _said(await self.ask("DELETE", job_path(job_id), **({"purge": "true"} if purge else {})))

    async def dispatch(self, job_id: str, *, token: str = "", namespace: str = "", **body: object) -> Document:
        """A dispatch that must work, past the tool under test."""
        query = {"idempotency_token": token, "namespace": namespace}
        given = {key: value for key, value in query.items() if value}
        return await self.put(job_path(job_id, "/dispatch"), body, **given)

    async def children(self, job_id: str) -> list[str]:
        rows = await self.get("/v1/jobs", prefix=f"{job_id}/dispatch-")
        return [row["ID"] for row in rows if row["ParentID"] == job_id]

    async def allocs(self, job_id: str) -> list[Document]:
        return await self.get(job_path(job_id, "/allocations"))

    async def evals(self, job_id: str) -> list[Document]:
        return await self.get(job_path(job_id, "/evaluations"))

    # The cluster

    async def nodes(self, count: int) -> list[str]:
        """The IDs of all nodes, as soon as there are so many and all are ready."""

        async def ready() -> list[str]:
            nodes = await self.get("/v1/nodes")
            return [node["ID"] for node in nodes] if [n["Status"] for n in nodes] == ["ready"] * count else []

        return await until(ready, within_s=NODE_READY_WITHIN_S)

    async def set_node_meta(self, key: str, value: str) -> None:
        """Change the node's metadata; what waits for it is tried again."""
        if self.agent is not None:
            self.agent.set_node_meta(**{key: value})
        else:
            _said(await self.ask("POST", "/v1/client/metadata", body={"Meta": {key: value}}))

    async def drain_node(self, *, deadline_s: float) -> None:
        (node,) = await self.nodes(1)
        spec = {"Deadline": int(deadline_s * SECOND), "IgnoreSystemJobs": False}
        await self.put(f"/v1/node/{node}/drain", {"NodeID": node, "DrainSpec": spec})

    async def set_eligible(self, *, eligible: bool) -> None:
        (node,) = await self.nodes(1)
        wanted = "eligible" if eligible else "ineligible"
        await self.put(f"/v1/node/{node}/eligibility", {"NodeID": node, "Eligibility": wanted})

    def lose_node(self) -> None:
        """The node, or the second one where there are two, is gone from one moment to the next."""
        if self.agent is not None:
            self.agent.lose_node()
        elif self.second is not None:
            self.second.kill()

    async def stop_alloc(self, alloc: str, kind: str) -> None:
        """
        Stop one allocation as `nomad alloc stop` of 2.0.5 does, by the CLI itself where NOMAD_BIN names it.

        Source of the query without it: hashicorp/nomad, command/alloc_stop.go.
        """
        if program := binary():
            await self._run_cli(program, "alloc", "stop", "-detach", alloc)
        else:
            await self.put(f"/v1/allocation/{alloc}/stop", **({"reschedule": "true"} if kind == "batch" else {}))

    async def _run_cli(self, program: str, *arguments: str) -> None:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("NOMAD_")}
        process = await asyncio.create_subprocess_exec(
            program, *arguments, stdout=PIPE, stderr=STDOUT, env={**environ, "NOMAD_ADDR": self.address}
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()

    async def collect(self) -> None:
        await self.put("/v1/system/gc")

    async def add_namespace(self, name: str) -> None:
        await self.put("/v1/namespace", {"Name": name})


def job_path(job_id: str, question: str = "") -> str:
    return f"/v1/job/{quote(job_id, safe='')}{question}"


def _said(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer.json() if answer.content else None


@contextlib.asynccontextmanager
async def backend_at(kind: Kind, address: str, **how: Any) -> AsyncIterator[Backend]:
    """The backend at an address. *how*: fields of the tool's connection, of which the test's own client takes its."""
    connection = Connection(address=address, **how)
    headers = {"X-Nomad-Token": connection.token} if connection.token else {}
    how_to = {"timeout": 20, "verify": tls_of(connection), "trust_env": False}
    async with httpx.AsyncClient(base_url=address, headers=headers, **how_to) as http:
        yield Backend(kind, connection, http)


def tls_of(connection: Connection) -> Any:
    """What the test's own client needs to know of certificates."""
    if not connection.ca_cert:
        return False
    context = ssl.create_default_context(cafile=connection.ca_cert)
    if connection.client_cert:
        context.load_cert_chain(connection.client_cert, connection.client_key)
    return context


@contextlib.asynccontextmanager
async def own_backend(
    kind: Kind,
    *,
    slots: int | None = None,
    connections: int = 100,
    memory_mb: int | None = None,
    second_node: bool = False,
    version: str = "2.0.5",
) -> AsyncIterator[Backend]:
    """
    A fresh backend for one test.

    slots: allocations that its node takes at a time, None for any number. connections: at most so many for a client.
    memory_mb: of the node, on a real one. second_node: there is a node with `second = yes` in its metadata that may be
    lost; the embedded agent's only one is such a node. version: that the embedded agent passes for.
    """
    if kind == "embedded":
        agent = EmbeddedAgent(
            slots=slots,
            max_connections=connections,
            node_meta={"second": "yes"} if second_node else None,
            version=version,
        )
        async with agent, backend_at(kind, agent.address) as backend:
            yield replace(backend, agent=agent)
        return
    limits = {"node_max_allocs": slots, "memory_total_mb": memory_mb}
    client = " ".join(f"{key} = {value}\n" for key, value in limits.items() if value)
    settings = (f"limits {{ http_max_conns_per_client = {connections} }}", f"client {{ {client} }}")
    async with real_backend(*settings, *([SHORT_HEARTBEATS] if second_node else []), second=second_node) as backend:
        yield backend


SHORT_HEARTBEATS = """
server {
  heartbeat_grace           = "1s"
  min_heartbeat_ttl         = "1s"
  max_heartbeats_per_second = 1000.0
}
"""
SECOND_NODE = """
client {{
  enabled = true
  servers = ["{rpc}"]
  meta {{ second = "yes" }}
}}
"""


@contextlib.asynccontextmanager
async def real_backend(*settings: str, second: bool = False) -> AsyncIterator[Backend]:
    """A real agent in dev mode, whose node is ready. *settings*: pieces of its configuration."""
    async with agents("\n".join(settings), "") as (agent, other):
        agent.start()
        async with backend_at("real", agent.address) as backend:
            await healthy(agent, backend.http)
            await backend.nodes(1)
            if second:
                other.dev = False
                other.config = SECOND_NODE.format(rpc=agent.rpc)
                other.start()
                await backend.nodes(2)
            yield replace(backend, second=other)
