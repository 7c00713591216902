"""Waiting for what a child comes to, past the tool under test."""

from __future__ import annotations

from tests.conformance.agents import until
from tests.conformance.backends import Backend
from tests.conformance.jobs import Document

WITHIN_S = 30.0


async def until_running(backend: Backend, child: str) -> Document:
    """The child's first allocation, as soon as that runs."""

    async def running() -> Document | None:
        allocs = await backend.allocs(child)
        return next((alloc for alloc in allocs if alloc["ClientStatus"] == "running"), None)

    return await until(running, within_s=WITHIN_S)


async def until_restarting(backend: Backend, child: str) -> None:
    """Returns when a task of the child has ended and waits to be started again."""

    async def restarting() -> bool:
        states = [state for alloc in await backend.allocs(child) for state in (alloc["TaskStates"] or {}).values()]
        return any(state["Events"][-1]["Type"] == "Restarting" for state in states if state["Events"])

    await until(restarting, within_s=WITHIN_S)


async def until_blocked(backend: Backend, child: str) -> None:
    """Returns when the child waits for a node that takes it."""

    async def blocked() -> bool:
        return any(row["Status"] == "blocked" for row in await backend.evals(child))

    await until(blocked, within_s=WITHIN_S)


async def until_dead(backend: Backend, child: str) -> None:
    async def dead() -> bool:
        job = await backend.job(child)
        return job is not None and job["Status"] == "dead"

    await until(dead, within_s=WITHIN_S)


async def until_gone(backend: Backend, child: str) -> None:
    """Returns when Nomad has forgotten the child: collection goes on after it was asked for."""

    async def gone() -> bool:
        return await backend.job(child) is None

    await until(gone, within_s=WITHIN_S)
