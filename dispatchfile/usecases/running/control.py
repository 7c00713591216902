"""Interrupts a run from outside."""

from __future__ import annotations

from typing import Protocol


class Interruptible(Protocol):
    """Something under way that can be ended in good order."""

    def interrupt(self) -> None: ...


class Control:
    """Interrupts a run from outside, for a signal or for another process."""

    def __init__(self) -> None:
        self._target: Interruptible | None = None
        self.interrupted = False
        self.exit_code: int | None = None  # 129, 130 or 143 where a signal interrupted it
        self.stop_was_requested = False  # by another process

    def interrupt(self, exit_code: int | None = None) -> None:
        """Send nothing more, wait for the answers under way, write the journal, and end."""
        self.interrupted, self.exit_code = True, exit_code
        if self._target is not None:
            self._target.interrupt()

    def attach(self, target: Interruptible) -> None:
        """Pass interruptions to the target from now on. An earlier one is passed on, too."""
        self._target = target
        if self.interrupted:
            target.interrupt()

    @property
    def is_attached(self) -> bool:
        return self._target is not None
