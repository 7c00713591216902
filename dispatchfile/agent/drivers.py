"""The drivers that the embedded agent knows, and what they have in common."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from dispatchfile.agent import mockdriver, rawexec
from dispatchfile.agent.driverconfig import SCHEMAS
from dispatchfile.agent.launch import Handle, Launch

known_drivers: Final = frozenset(SCHEMAS)
"""Jobs that ask for another driver find no node. ``exec`` runs without isolation, as ``raw_exec`` does."""

_STARTERS: Final[Mapping[str, Callable[[Launch], Awaitable[Handle]]]] = {
    "raw_exec": rawexec.start,
    "exec": rawexec.start,
    "mock_driver": mockdriver.start,
}


async def start_task(driver: str, launch: Launch) -> Handle:
    """Start one run of a task. Raises DriverError."""
    return await _STARTERS[driver](launch)
