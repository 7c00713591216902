"""Children that Nomad forgets while a run still goes on."""

from __future__ import annotations

import asyncio

import pytest

from dispatchfile.events import Cause, Outcome
from tests.conformance.driver import Told, outcomes, run_items
from tests.conformance.jobs import job, mock
from tests.conformance.tap import tapped
from tests.conformance.waits import until_dead, until_gone, until_running

SUCCEEDED = (Outcome.SUCCEEDED, None)


async def test_a_verdict_that_was_seen_outlives_the_child(backend, tmp_path):
    """Collection after the end changes nothing; what still runs is not collected."""
    await backend.register(job("collected-short", mock(run_for="0s")), job("collected-long", mock(run_for="3s")))
    items = [{"id": name, "job": f"collected-{name}"} for name in ("short", "long")]
    told = Told()

    async def collect() -> None:
        await told.ended("short")
        await backend.collect()
        await until_gone(backend, await told.child_of("short"))

    async with asyncio.TaskGroup() as group:
        group.create_task(collect())
        summary = await run_items(backend, tmp_path, items, told=told)
    assert outcomes(summary) == {"short": SUCCEEDED, "long": SUCCEEDED}


@pytest.mark.parametrize("exit_code", [0, 3])
async def test_an_end_that_nobody_saw_is_unknown(backend, tmp_path, exit_code):
    """A child that was collected between two looks may have ended well or badly: nobody can tell."""
    await backend.register(job("unseen", mock(run_for="0s", exit_code=exit_code)))
    told = Told()
    async with tapped(backend) as (reached, tap), asyncio.TaskGroup() as group:

        async def collect_unseen() -> None:
            child = await told.child_of("a")
            tap.close()
            await until_dead(backend, child)
            await backend.collect()
            await until_gone(backend, child)
            tap.open()

        group.create_task(collect_unseen())
        summary = await run_items(reached, tmp_path, [{"id": "a", "job": "unseen"}], told=told)
    assert outcomes(summary) == {"a": (Outcome.UNKNOWN, Cause.COLLECTED)}
    assert summary.exit_code == 1


async def test_a_purge_that_nobody_saw_coming_is_unknown(backend, tmp_path):
    """Its evaluations tell of the purge, and nothing tells whether it had ended before."""
    await backend.register(job("purged-unseen", mock(run_for="20m")))
    told = Told()
    async with tapped(backend) as (reached, tap), asyncio.TaskGroup() as group:

        async def purge_unseen() -> None:
            child = await told.child_of("a")
            tap.close()
            await until_running(backend, child)
            await backend.stop_job(child, purge=True)
            tap.open()

        group.create_task(purge_unseen())
        summary = await run_items(reached, tmp_path, [{"id": "a", "job": "purged-unseen"}], told=told)
    assert outcomes(summary) == {"a": (Outcome.UNKNOWN, Cause.PURGE)}
