"""The clocks of a run, handed to whoever needs the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """
    *wall* gives seconds since the epoch, for records; `now` never goes back, for waiting.

    `now` is the event loop's own time: a test that runs a loop on virtual time needs no other fake.
    """

    wall: Callable[[], float] = time.time

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, until: float | None) -> bool:
        """Wait for the event, or for `now` to reach *until*. True if the event came."""
        timeout = None if until is None else max(0.0, until - self.now())
        try:
            async with asyncio.timeout(timeout):
                await event.wait()
        except TimeoutError:
            return False
        return True
