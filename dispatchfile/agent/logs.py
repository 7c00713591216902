"""
Task logs as Nomad's file system routes give them: plain, or framed in JSON for the CLI.

Source: hashicorp/nomad, client/fs_endpoint.go and command/agent/fs_endpoint.go.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from dispatchfile.agent.http import encode

_FRAME_BYTES: Final = 64 * 1024
_POLL_SECONDS: Final = 0.1
_POLLS_TO_HEARTBEAT: Final = 10


@dataclass(frozen=True, slots=True)
class LogRequest:
    """
    offset: bytes from *origin*. follow: wait for what is still to be written, for ever, as Nomad does.

    plain: the bytes alone, instead of frames.
    """

    offset: int = 0
    origin: Literal["start", "end"] = "start"
    follow: bool = False
    plain: bool = False


async def log_chunks(path: Path, name: str, request: LogRequest) -> AsyncGenerator[bytes]:
    """The body of the answer, bit by bit; *name* is what frames call the file."""
    place = _start(path, request)
    idle = 0
    while True:
        data = _read(path, place)
        if data:
            place += len(data)
            idle = 0
            yield data if request.plain else _frame(name, place, data)
        elif not request.follow:
            return
        else:
            await asyncio.sleep(_POLL_SECONDS)
            idle += 1
            if not request.plain and idle % _POLLS_TO_HEARTBEAT == 0:
                yield b"{}"


def _start(path: Path, request: LogRequest) -> int:
    """Nomad takes no offset from the end for the beginning: that is how `alloc logs -f` shows the whole log."""
    if request.origin == "start" or request.offset == 0:
        return request.offset
    size = path.stat().st_size if path.exists() else 0
    return max(0, size - request.offset)


def _read(path: Path, place: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(place)
            return file.read(_FRAME_BYTES)
    except FileNotFoundError:
        return b""


def _frame(name: str, place: int, data: bytes) -> bytes:
    return encode({"Data": base64.b64encode(data).decode(), "File": name, "Offset": place})
