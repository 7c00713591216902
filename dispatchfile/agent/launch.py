"""The values that a driver gets to start a task, and the handle that it returns."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dispatchfile.agent.guard import Guard
from dispatchfile.agent.outcomes import ExitResult
from dispatchfile.agent.waiting import Sleep


@dataclass(frozen=True, slots=True)
class Launch:
    """
    A start of a task.

    config: as `read_config` gives it. environment: made when it is first asked for. stdout, stderr: files to add
    to, None where the task's output is not kept.
    """

    config: Mapping[str, Any]
    environment: Callable[[], Mapping[str, str]]
    folder: Path
    stdout: Path | None
    stderr: Path | None
    user: str = ""
    guard: Guard | None = None
    sleep: Sleep = asyncio.sleep


class Handle(Protocol):
    """A running task."""

    async def wait(self) -> ExitResult:
        """Wait for the end; called once."""
        ...

    async def stop(self, signal_name: str, timeout_s: float) -> None:
        """Ask the task to end, by *signal_name* or else SIGINT, and after *timeout_s* make it end."""
        ...

    def abandon(self) -> None:
        """End the task at once, because the agent itself is ending."""
        ...
