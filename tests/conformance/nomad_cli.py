"""The real CLI's own judgement of a case, to set beside the tool's."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from functools import partial

from tests.conformance.backends import Backend
from tests.conformance.cases import Case, Dispatched
from tests.conformance.waits import until_running
from tests.real_nomad import binary

ENDS_WITHIN_S = 60.0
SAYS_CHILD = "Dispatched Job ID = "


async def dispatch_and_wait(case: Case, backend: Backend) -> int:
    """What `nomad job dispatch -wait` of a job of the case's kind exits with; the child is acted on all the same."""
    parent = f"{case.name}-by-nomad"
    await backend.register(case.job(parent))
    environ = {key: value for key, value in os.environ.items() if not key.startswith("NOMAD_")}
    process = await asyncio.create_subprocess_exec(
        str(binary()),
        *("job", "dispatch", "-wait", parent),
        stdout=PIPE,
        stderr=DEVNULL,
        env={**environ, "NOMAD_ADDR": backend.address},
    )
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            return await _act_and_wait(process, case, backend, parent)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _act_and_wait(process: Process, case: Case, backend: Backend, parent: str) -> int:
    assert process.stdout is not None
    first = (await process.stdout.readline()).decode()
    assert first.startswith(SAYS_CHILD), first
    child = first.removeprefix(SAYS_CHILD).strip()
    if case.act is not None:
        await case.act(Dispatched(backend, parent, child, partial(until_running, backend, child)))
    await process.stdout.read()
    return await process.wait()
