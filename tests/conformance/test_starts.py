"""Starts that no policy of the job counts: Nomad makes them, and the summary tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from dispatchfile.events import ExtraStart, Outcome
from dispatchfile.reports.summary import extra_starts_lines
from dispatchfile.results import ItemResult
from tests.conformance.backends import Backend, Kind, own_backend
from tests.conformance.cases import Act, Dispatched, migrate_alloc
from tests.conformance.driver import Told, of, run_items
from tests.conformance.jobs import Document, group, job, mock, shell, wants_meta
from tests.conformance.waits import until_blocked, until_running

pytestmark = pytest.mark.timeout(120)
QUICK_WHERE_FAST = {**shell('[ "$FAST" = yes ] || exec sleep 600'), "Env": {"FAST": "${meta.fast}"}}


@pytest.fixture
async def two_nodes(kind: Kind) -> AsyncIterator[Backend]:
    async with own_backend(kind, second_node=True) as backend:
        yield backend


async def lose_first_node(dispatched: Dispatched) -> None:
    """The other node takes the job, which ends there at once; the embedded agent's only one comes back as such."""
    backend = dispatched.backend
    await dispatched.seen()
    await until_running(backend, dispatched.child)
    for key in ("second", "fast"):
        await backend.set_node_meta(key, "yes")
    backend.lose_node()
    if backend.agent is not None:
        await until_blocked(backend, dispatched.child)
        backend.agent.restore_node()


async def run_once(backend: Backend, folder, document: Document, act: Act) -> tuple[ItemResult, list[str]]:
    """One item that may start once; what became of it, and what the summary says of its starts."""
    await backend.register(document)
    told = Told()

    async def acted() -> None:
        child = await told.child_of("once")
        await act(Dispatched(backend, document["ID"], child, partial(told.running, "once")))

    item = {"id": "once", "job": document["ID"], "max_starts": 1}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(acted())
        summary = await run_items(backend, folder, [item], told=told)
    return of(summary, "once"), list(extra_starts_lines(summary))


async def test_an_item_whose_node_is_lost_is_told_as_over_its_max_starts(two_nodes, tmp_path):
    """Restart and reschedule attempts 0 do not keep Nomad from replacing a lost allocation."""
    document = job("lost-once", group(QUICK_WHERE_FAST), **wants_meta("second"))
    item, lines = await run_once(two_nodes, tmp_path, document, lose_first_node)
    assert (item.outcome, item.starts, item.extra_starts) == (Outcome.SUCCEEDED, 2, (ExtraStart.NODE_LOST,))
    assert lines == ["once was started 2 times, max_starts is 1: its node was lost"]


async def test_an_item_whose_allocation_is_stopped_is_told_as_over_its_max_starts(backend, tmp_path):
    """A stop through the API is a migration, for which no policy counts."""
    item, lines = await run_once(backend, tmp_path, job("stopped-once", mock(run_for="2s")), migrate_alloc)
    assert (item.outcome, item.starts, item.extra_starts) == (Outcome.SUCCEEDED, 2, (ExtraStart.ALLOC_STOP,))
    assert lines == ["once was started 2 times, max_starts is 1: its allocation was stopped in Nomad"]
