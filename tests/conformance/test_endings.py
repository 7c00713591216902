"""Every ending that can be driven, through the whole tool; on a real Nomad beside `nomad job dispatch -wait`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.conformance.backends import Backend, Kind, own_backend
from tests.conformance.cases import SCENES, Case, Dispatched, Ending, Scene
from tests.conformance.conftest import REAL
from tests.conformance.driver import Told, run_items
from tests.conformance.lacks import EMBEDDED_LACKS
from tests.conformance.nomad_cli import dispatch_and_wait

PROCESSES_AT_ONCE = 8
END_FOR_THE_CLI = [scene for scene in SCENES if all(case.nomad_exit is not None for case in scene.cases)]
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def stage(scene: Scene, kind: Kind, backend: Backend) -> AsyncIterator[Backend]:
    """The backend that a scene wants, prepared for it."""
    if kind == "embedded" and scene.lacking:
        pytest.skip(EMBEDDED_LACKS[scene.lacking].reason)
    async with AsyncExitStack() as exits:
        if scene.own is not None:
            backend = await exits.enter_async_context(own_backend(kind, **scene.own))
        if scene.prepare:
            await scene.prepare(backend)
        yield backend


async def endings(scene: Scene, backend: Backend, folder: Path) -> Mapping[str, Ending | None]:
    """How each case ended in one run of all of them."""
    await backend.register(*(case.job(case.name) for case in scene.cases))
    items = [{"id": case.name, "job": case.name} for case in scene.cases]
    told = Told()
    async with asyncio.TaskGroup() as group:
        for case in scene.cases:
            group.create_task(act(case, backend, told))
        summary = await run_items(backend, folder, items, told=told, **scene.settings)
    assert summary.exit_code == max(case.ending.outcome.exit_class for case in scene.cases)
    return {item.id: Ending.of(item) for item in summary.items}


async def act(case: Case, backend: Backend, told: Told) -> None:
    """Do to a case's child what the case wants."""
    if case.act is not None:
        child = await told.child_of(case.name)
        await case.act(Dispatched(backend, case.name, child, partial(told.running, case.name)))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_a_child_is_judged_by_how_it_really_ended(scene, stage, tmp_path):
    """Success, failure, time-out, stop and loss are told apart, whatever Nomad's words for them are."""
    assert await endings(scene, stage, tmp_path) == {case.name: case.ending for case in scene.cases}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=REAL) for kind in ("embedded", "real")])
@pytest.mark.parametrize("scene", END_FOR_THE_CLI, ids=lambda scene: scene.name)
async def test_the_table_tells_what_the_cli_makes_of_the_same_endings(scene, stage):
    """`nomad job dispatch -wait` gives the exit codes that the table sets beside ours, whichever it speaks to."""
    slots = asyncio.Semaphore(PROCESSES_AT_ONCE)

    async def exit_code(case: Case) -> int:
        async with slots:
            return await dispatch_and_wait(case, stage)

    codes = await asyncio.gather(*map(exit_code, scene.cases))
    found = {case.name: code for case, code in zip(scene.cases, codes, strict=True)}
    assert found == {case.name: case.nomad_exit for case in scene.cases}
