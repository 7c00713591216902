"""A real agent with ACLs, and tokens that may do no more than a test gives them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.conformance.agents import agents, healthy
from tests.conformance.backends import Backend, backend_at

ACLS = """
acl {
  enabled = true
}
"""


@dataclass(frozen=True, slots=True)
class Guarded:
    """An agent that asks for tokens. *manager* may do everything."""

    manager: Backend

    async def token_with(self, *capabilities: str) -> str:
        """The secret of a token with these capabilities in the default namespace; with none, a token all the same."""
        name = await self.rule(*capabilities, by=capabilities)
        token = await self.manager.put("/v1/acl/token", {"Name": name, "Type": "client", "Policies": [name]})
        return token["SecretID"]

    async def rule(self, *capabilities: str, by: Sequence[str]) -> str:
        """Let tokens that were given these capabilities from now on do what is listed in *by*; gives the policy."""
        name = "-".join(["may", *capabilities])
        rules = {"namespace": {"default": {"capabilities": list(by)}}}
        await self.manager.put(f"/v1/acl/policy/{name}", {"Name": name, "Rules": json.dumps(rules)})
        return name

    async def revoke(self, secret: str) -> None:
        """Delete a token."""
        answer = await self.manager.http.get("/v1/acl/token/self", headers={"X-Nomad-Token": secret})
        gone = await self.manager.ask("DELETE", f"/v1/acl/token/{answer.json()['AccessorID']}")
        assert gone.status_code == 200, gone.text

    async def as_one_who_may(self, *capabilities: str) -> Backend:
        return self.manager.at(token=await self.token_with(*capabilities))


@asynccontextmanager
async def guarded_agent() -> AsyncIterator[Guarded]:
    async with agents(ACLS) as (agent,):
        agent.start()
        async with backend_at("real", agent.address) as stranger:
            await healthy(agent, stranger.http)
            secret = (await stranger.put("/v1/acl/bootstrap"))["SecretID"]
        async with backend_at("real", agent.address, token=secret) as manager:
            await manager.nodes(1)
            yield Guarded(manager)
