"""Time that passes only when everybody waits."""

import asyncio
import heapq
import itertools
from collections.abc import Coroutine
from typing import Any

SETTLING_ROUNDS = 30


class VirtualTime:
    """A clock and a sleep: whenever nothing else can happen, the clock jumps to the end of the next sleep."""

    def __init__(self) -> None:
        self._now_ns = 1_795_350_477_000_000_000
        self._numbers = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ns(self) -> int:
        return self._now_ns

    async def sleep(self, seconds: float) -> None:
        waiting = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_ns + round(seconds * 1e9), next(self._numbers), waiting))
        await waiting

    async def play(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* to its end."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(SETTLING_ROUNDS):
                await asyncio.sleep(0)
            if self._sleepers and not task.done():
                due_ns, _, waiting = heapq.heappop(self._sleepers)
                if not waiting.done():
                    self._now_ns = max(self._now_ns, due_ns)
                    waiting.set_result(None)
        task.result()
