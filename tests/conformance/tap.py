"""A way to the backend that can be closed for a while, so that a test decides what a run gets to see, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from urllib.parse import urlsplit

from tests.conformance.backends import Backend

CHUNK_BYTES = 65_536


class Tap:
    """While it is closed, what the client sends waits; answers still come through."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._open = asyncio.Event()
        self._open.set()
        self._pipes: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._host, self._port)
        for pipe in (self._pipe(reader, there[1], held=True), self._pipe(there[0], writer, held=False)):
            task = asyncio.create_task(pipe)
            self._pipes.add(task)
            task.add_done_callback(self._pipes.discard)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, held: bool) -> None:
        with closing(writer), suppress(ConnectionError):
            while chunk := await reader.read(CHUNK_BYTES):
                if held:
                    await self._open.wait()
                writer.write(chunk)
                await writer.drain()

    async def shut(self) -> None:
        for task in self._pipes:
            task.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)


@asynccontextmanager
async def tapped(backend: Backend) -> AsyncIterator[tuple[Backend, Tap]]:
    """The backend as the tool reaches it through a tap; the test itself goes past it."""
    parts = urlsplit(backend.address)
    tap = Tap(parts.hostname or "", parts.port or 0)
    server = await asyncio.start_server(tap.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield backend.at(address=f"http://127.0.0.1:{port}"), tap
    finally:
        server.close()
        await tap.shut()
