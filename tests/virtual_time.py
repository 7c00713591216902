"""An event loop whose clock jumps to the next thing due, so that hours of waiting take no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

LAST_S = 864_000.0


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for the next timer, tells the loop to jump there."""

    jump: Callable[[float], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if ready := super().select(0):
            return ready
        self.jump(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 1,000 s; `time` moves only when nothing else is left to do."""

    def __init__(self) -> None:
        selector = _JumpingSelector()
        selector.jump = self._jump
        self._virtual_now = 1_000.0
        super().__init__(selector)

    def time(self) -> float:
        return self._virtual_now

    def _jump(self, seconds: float) -> None:
        self._virtual_now += seconds
        if self._virtual_now > LAST_S:
            raise AssertionError("nothing has ended within ten days of virtual time")


VIRTUAL_TIME: tuple[str, dict[str, Any]] = ("asyncio", {"loop_factory": VirtualLoop})
