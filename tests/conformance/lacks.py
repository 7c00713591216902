"""What the embedded agent cannot do, why, and how to see that it still cannot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import pytest

from tests.conformance.backends import Backend
from tests.conformance.conftest import REAL
from tests.conformance.jobs import FOR_EVER, job, mock, with_memory
from tests.conformance.waits import until_running


@dataclass(frozen=True, slots=True)
class Lack:
    """*reason*: told where a test is left out. *is_there*: whether the agent can do it after all."""

    reason: str
    is_there: Callable[[Backend], Awaitable[bool]]


async def counts_memory(backend: Backend) -> bool:
    """Whether a task has to wait for memory that another one has taken."""
    (stub,) = await backend.get("/v1/nodes")
    node = await backend.get(f"/v1/node/{stub['ID']}")
    most_of_it = int(node["Attributes"]["memory.totalbytes"]) * 6 // 10 >> 20
    await backend.register(job("huge", with_memory(mock(run_for=FOR_EVER), most_of_it)))
    children = [(await backend.dispatch("huge"))["DispatchedJobID"] for _ in range(2)]
    return not all([await until_running(backend, child) for child in children])


async def has_tokens(backend: Backend) -> bool:
    return (await backend.ask("PUT", "/v1/acl/bootstrap")).status_code != 404


async def can_reject_registrations(backend: Backend) -> bool:
    wanted = {"RejectJobRegistration": True}
    return (await backend.ask("PUT", "/v1/operator/scheduler/configuration", body=wanted)).status_code == 200


async def limits_priorities(backend: Backend) -> bool:
    return "JobMaxPriority" in (await backend.get("/v1/agent/self"))["config"]["Server"]


async def has_peers(backend: Backend) -> bool:
    return len(await backend.get("/v1/status/peers")) > 1


async def keeps_state(backend: Backend) -> bool:
    """Whether it is anything but an agent in dev mode, which forgets everything as it ends."""
    return not (await backend.get("/v1/agent/self"))["config"]["DevMode"]


async def changes_node_metadata(backend: Backend) -> bool:
    return (await backend.ask("POST", "/v1/client/metadata", body={"Meta": {"a": "b"}})).status_code == 200


EMBEDDED_LACKS: Mapping[str, Lack] = {
    "memory": Lack("memory and CPU are not counted: slots limit what runs, and nothing is preempted", counts_memory),
    "tokens": Lack("it has no ACLs: whoever reaches it may do everything", has_tokens),
    "scheduler configuration": Lack("how it places jobs cannot be changed", can_reject_registrations),
    "server configuration": Lack("what a server's file configures is as Nomad's defaults have it", limits_priorities),
    "servers": Lack("it is one server, which leads for as long as it lives", has_peers),
    "state": Lack("it keeps nothing on disk, so it cannot be started again where it was", keeps_state),
    "node metadata": Lack(
        "there is no route for it: tests and rehearsals change it from inside", changes_node_metadata
    ),
}


def real_only(*lacks: str) -> list[pytest.MarkDecorator]:
    """The marks of tests that the embedded agent cannot run, for what it lacks."""
    unknown = set(lacks) - EMBEDDED_LACKS.keys()
    assert not unknown, unknown
    return REAL
