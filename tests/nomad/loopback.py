"""A server on the loopback that does with each connection what its script says."""

from __future__ import annotations

import asyncio
import select
import socket as socket_module
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

import h11


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Line:
    """One connection, from the server's side."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection = field(default_factory=lambda: h11.Connection(h11.SERVER))

    async def request(self) -> Received | None:
        """The next request; None when the client is gone."""
        head, body = None, b""
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                self.http.receive_data(await self.reader.read(65536))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                headers = {name.decode(): value.decode() for name, value in head.headers}
                return Received(head.method.decode(), head.target.decode(), headers, body)
            else:
                return None

    async def answer(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        """A whole answer; the connection stays open."""
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        head = h11.Response(status_code=status, headers=[*named, ("Content-Length", str(len(body)))])
        parts = [self.http.send(head), self.http.send(h11.Data(data=body)), self.http.send(h11.EndOfMessage())]
        await self.write(b"".join(part or b"" for part in parts))
        if self.http.our_state is h11.DONE and self.http.their_state is h11.DONE:
            self.http.start_next_cycle()

    def begin_anew(self) -> None:
        """Forget what was said: a next request may follow on an answer that broke off."""
        self.http = h11.Connection(h11.SERVER)

    async def write(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection with a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SOL_SOCKET, SO_LINGER: on, 0 s
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client is gone."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Script = Callable[[Line], Awaitable[None]]


HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)  # the last one on Linux alone


def is_hung_up(writer: asyncio.StreamWriter) -> bool:
    """Whether the client has closed the connection, though the server may not have come to notice."""
    sock = writer.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock.fileno(), HUNG_UP)
    return bool(poll.poll(0))


@dataclass
class Loopback:
    """What the server has seen."""

    address: str = ""
    connections: int = 0
    open: int = 0
    peak: int = 0  # of connections that were open at both ends
    closed: asyncio.Event = field(default_factory=asyncio.Event)  # no connection is open
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def count(self, writer: asyncio.StreamWriter) -> None:
        """One more connection."""
        self.writers.add(writer)
        self.connections += 1
        self.open += 1
        self.peak = max(self.peak, sum(not is_hung_up(one) for one in self.writers))
        self.closed.clear()

    def discount(self, writer: asyncio.StreamWriter) -> None:
        self.writers.discard(writer)
        self.open -= 1
        if not self.open:
            self.closed.set()


@asynccontextmanager
async def serving(script: Script, *, tls: ssl.SSLContext | None = None, socket: str = "") -> AsyncIterator[Loopback]:
    """A server for the time of a test. A script that ends closes its connection."""
    seen, tasks = Loopback(), set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(task := asyncio.current_task())
        seen.count(writer)
        try:
            with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                await script(Line(reader, writer))
        except h11.RemoteProtocolError:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        finally:
            writer.transport.abort() if writer.is_closing() else writer.close()
            seen.discount(writer)
            tasks.discard(task)

    if socket:
        server = await asyncio.start_unix_server(connected, socket)
        seen.address = f"unix://{socket}"
    else:
        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        seen.address = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        for task in set(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def refusing(tls: ssl.SSLContext) -> Iterator[str]:
    """
    Address of a server whose TLS handshakes fail, and which says why as Go's do.

    In a thread: asyncio's servers close without sending the alert.
    """
    with socket_module.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_refuse_all, args=(listener, tls), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket_module.SHUT_RDWR)
        thread.join()


def _refuse_all(listener: socket_module.socket, tls: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                _refuse(connection, tls)


def _refuse(connection: socket_module.socket, tls: ssl.SSLContext) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    handshake = tls.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            handshake.do_handshake()
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))
        except ssl.SSLError:
            break
    connection.sendall(outgoing.read())
    connection.shutdown(socket_module.SHUT_WR)
    while connection.recv(65536):
        pass


async def echo(line: Line) -> None:
    """Answer every request with what was asked, as the Go server answers: quickly, and kept alive."""
    while request := await line.request():
        await line.answer(body=f"{request.method} {request.target} {request.body.decode()}".encode())
