"""The one place where the agent meets time, so that tests can hand in their own."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something that will happen, and can be called off."""

    def cancel(self) -> None: ...


class AgentClock(Protocol):
    """Wall time for the records, and timers for what is due later."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970, as Nomad stores times."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back in so many seconds, never before the caller has returned."""
        ...


class LoopClock:
    """Real time on the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now_ns(self) -> int:
        return time.time_ns()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        if seconds <= 0:
            return self._loop.call_soon(callback)
        return self._loop.call_later(seconds, callback)
