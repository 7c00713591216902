"""A script played from the first process to the last, and checked."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.exactly_once.checks import check_end
from tests.exactly_once.process import Process
from tests.exactly_once.scripts import Life, RunScript
from tests.exactly_once.steady import Elsewhere
from tests.exactly_once.world import World
from tests.virtual_time import VirtualLoop

LIVES_AT_MOST = 12
LATE_S = 100.0  # later nothing comes
MEMORY = "/dev/shm"  # syncs cost nothing there


@contextmanager
def disk() -> Iterator[Path]:
    """A folder for journals, where their many commits take little time."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as name:
        yield Path(name)


def play(script: RunScript, runner: Elsewhere) -> World:
    """Every process of the script, and one more to the end; what there is then, checked."""
    with disk() as folder, asyncio.Runner(loop_factory=VirtualLoop) as loop:
        return loop.run(_play(script, folder, runner))


async def _play(script: RunScript, folder: Path, runner: Elsewhere) -> World:
    world = World(script, folder, runner)
    for life in (*script.lives, *[Life()] * LIVES_AT_MOST):
        process = Process(world, life)
        await process.run()
        world.lives += 1
        world.points = world.points or process.reached
        for what in life.afterwards:
            world.happen(what, old_s=0.0)
        await asyncio.sleep(life.downtime_s)
        if world.is_over:
            break
    assert world.is_over, "the run never ends"
    await asyncio.sleep(LATE_S)
    check_end(world)
    world.outcomes = {result.id: result.outcome for result in world.results().items()}
    return world
