"""SIGINT, SIGTERM and SIGHUP: the first ends a run in good order, the second at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Protocol, Self

HANG_UP = getattr(signal, "SIGHUP", None)  # Windows has none
HANDLED = (signal.SIGINT, signal.SIGTERM, HANG_UP)


class SignalTarget(Protocol):
    """Something that can end in good order once it has begun."""

    exit_code: int | None  # told in any case: what is put on record on the way out is to say it

    @property
    def is_attached(self) -> bool: ...

    def interrupt(self, exit_code: int) -> None: ...


class Signals:
    """
    Takes SIGINT, SIGTERM and, unless it is ignored as under `nohup`, SIGHUP within its context.

    Before there is anything to end in good order, a signal is a KeyboardInterrupt, wherever the program is. The second
    one ends the process where it stands; *before_exit* has then been called. Only SIGHUP may come twice: a shell hands
    it on to its jobs, and the kernel sends it to them as the shell ends.
    """

    def __init__(self, *, on_first: Callable[[], None], before_exit: Callable[[], None]) -> None:
        self.received: int | None = None
        self._on_first, self._before_exit = on_first, before_exit
        self._target: SignalTarget | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Self:
        wanted = [number for number in HANDLED if number is not None and not _is_ignored(number)]
        self._previous = {number: signal.signal(number, self._take) for number in wanted}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)  # type: ignore[arg-type]  # what signal.signal gave

    def watch_over(self, target: SignalTarget) -> None:
        """Let the first signal interrupt *target* in the running event loop, once *target* is attached."""
        self._target, self._loop = target, asyncio.get_running_loop()

    @property
    def exit_code(self) -> int | None:
        """129, 130 or 143 after a signal."""
        return None if self.received is None else 128 + self.received

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            if number == HANG_UP:
                return
            self._before_exit()
            os._exit(128 + number)
        self.received = number
        if self._target is not None:
            self._target.exit_code = 128 + number
        if self._target is None or self._loop is None or not self._target.is_attached:
            raise KeyboardInterrupt
        self._loop.call_soon_threadsafe(self._interrupt, self._target, 128 + number)

    def _interrupt(self, target: SignalTarget, exit_code: int) -> None:
        self._on_first()
        target.interrupt(exit_code)


def _is_ignored(number: signal.Signals) -> bool:
    return number == HANG_UP and signal.getsignal(number) is signal.SIG_IGN
