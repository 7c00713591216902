"""Servers that die while a run dispatches: no item is lost, and none is sent twice."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx
import pytest

from dispatchfile.errors import NomadNotFound
from dispatchfile.events import Accepted
from dispatchfile.nomad.connecting import client_of
from tests.conformance.agents import RealAgent, agents, healthy, until
from tests.conformance.backends import backend_at
from tests.conformance.driver import Told, run_items
from tests.conformance.jobs import job, mock
from tests.conformance.lacks import real_only

pytestmark = [*real_only("servers", "state"), pytest.mark.timeout(120)]

ALONE = """
server {
  enabled          = true
  bootstrap_expect = 1
}
"""
ONE_OF_THREE = """
server {{
  enabled          = true
  bootstrap_expect = 3
  raft_multiplier  = 1
  server_join {{
    retry_join     = {peers}
    retry_interval = "1s"
  }}
}}
"""
CLIENT_ONLY = """
client {{
  enabled = true
  servers = {servers}
}}
"""
MANY = 120


def parent(name):
    return job(name, mock(run_for="100ms"))


async def under_way(told: Told, accepted: int) -> None:
    """Returns when so many items have their child."""
    await told.first(Accepted, lambda _: told.count(Accepted) >= accepted)


async def run_through(backend, folder, name, outage: Callable[[], Awaitable[None]], *, wait):
    """A run of many items whose server suffers an *outage* when a quarter of them has a child; its summary."""
    told = Told()
    items = [{"id": f"item-{number}", "job": name} for number in range(MANY)]

    async def strike() -> None:
        await under_way(told, MANY // 4)
        await outage()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(strike())
        return await run_items(backend, folder, items, told=told, wait=wait, rate="100/s", settle="2s")


async def test_a_server_that_is_killed_and_comes_back_costs_no_item(tmp_path):
    """What was under way is looked for before it is repeated."""
    async with agents(ALONE, dev=False) as (agent,):

        async def restart() -> None:
            agent.kill()
            agent.start()

        agent.start()
        async with backend_at("real", agent.address) as backend:
            await healthy(agent, backend.http)
            await backend.register(parent("outlasting"))
            summary = await run_through(backend, tmp_path, "outlasting", restart, wait="detach")
            assert summary.counts["dispatched"] == MANY
            assert sorted(item.child for item in summary.items) == sorted(await backend.children("outlasting"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Three servers and a node without a server."""

    servers: list[RealAgent]
    node: RealAgent

    async def leader(self) -> RealAgent:
        """The server that leads, as soon as one does."""

        async def leading() -> RealAgent | None:
            with suppress(httpx.HTTPError):
                async with backend_at("real", self.servers[0].address) as backend:
                    answer = await backend.ask("GET", "/v1/status/leader")
                return next((one for one in self.servers if answer.text == f'"{one.rpc}"'), None)
            return None

        return await until(leading, within_s=40)

    async def follower(self) -> RealAgent:
        leader = await self.leader()
        return next(one for one in self.servers if one is not leader)


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    async with agents("", "", "", "", dev=False) as made:
        servers, node = made[:3], made[3]
        peers = json.dumps([server.serf for server in servers])
        for server in servers:
            server.config = ONE_OF_THREE.format(peers=peers)
            server.start()
        node.config = CLIENT_ONLY.format(servers=json.dumps([server.rpc for server in servers]))
        whole = Cluster(servers, node)
        await whole.leader()
        node.start()  # a node that finds no leader waits long before it looks again
        async with backend_at("real", node.address) as backend:
            await healthy(node, backend.http)
            await backend.nodes(1)
        yield whole


async def test_a_cluster_that_loses_its_leader_costs_no_item(tmp_path):
    """The request that dies with the leader may have been carried out or not; either way there is one child."""
    async with cluster() as servers:
        leader, follower = await servers.leader(), await servers.follower()

        async def kill_leader() -> None:
            leader.kill()

        async with backend_at("real", follower.address) as backend:
            await backend.register(parent("outliving"))
            await refusals_read_the_same_through(servers.node.address, follower.address)
            summary = await run_through(backend, tmp_path, "outliving", kill_leader, wait="placement")
            assert summary.counts["placed"] == MANY
            assert sorted(item.child for item in summary.items) == sorted(await backend.children("outliving"))


async def refusals_read_the_same_through(*addresses: str) -> None:
    """A server that hands a request on puts its own words in front of the answer; the client takes them away."""
    for address in addresses:
        async with backend_at("real", address) as backend, client_of(backend.connection, max_connections=1) as client:
            answer = await backend.ask("PUT", "/v1/job/nobody/dispatch", body={})
            assert re.fullmatch("(rpc error: )+parameterized job not found", answer.text)
            with pytest.raises(NomadNotFound, match=r"^parameterized job not found$"):
                await client.dispatch_job("nobody", payload=None, meta={})
