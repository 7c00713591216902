"""
Connections straight to one endpoint.

httpx's own pool looks at every connection for every request, which makes it quadratic in the number of requests under
way (encode/httpx, issue 3215). This one has one list of idle connections instead, and makes no objects of an HTTP
library on the way.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from functools import partial

from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.connection import Endpoint
from dispatchfile.nomad.transport.backend import ConnectionLimits, Headers
from dispatchfile.nomad.transport.faults import Fate, TransportFault
from dispatchfile.nomad.transport.http1 import Http1
from dispatchfile.nomad.transport.pooled_connection import PooledConnection

HAPPY_EYEBALLS_S = 0.25
Slot = PooledConnection | None  # None: a place for a connection that has still to be made


class ConnectionPool:
    """
    At most `max_connections` to one endpoint, the one used last first, so that what a burst needed can be closed.

    A request that finds all of them busy waits for its turn, first come, first served.
    """

    def __init__(
        self, endpoint: Endpoint, headers: Headers, limits: ConnectionLimits, tls: ssl.SSLContext | None
    ) -> None:
        self._endpoint, self._headers, self._limits, self._tls = endpoint, headers, limits, tls
        self._connections: set[PooledConnection] = set()
        self._openings: set[asyncio.Task[PooledConnection]] = set()
        self._idle: deque[PooledConnection] = deque()
        self._turns: deque[asyncio.Future[Slot]] = deque()
        self._places = 0  # connections, and those being made
        self.peak = 0

    async def open(self) -> None:
        """Connections are made as they are needed."""

    async def ask(self, method: str, target: bytes, body: bytes) -> Answer:
        since = asyncio.get_running_loop().time()
        connection = await self._acquire(since)
        try:
            return await connection.ask(method, target, body, since=since)
        except BaseException:
            connection.abort()
            raise
        finally:
            self._release(connection)

    async def close(self) -> None:
        for opening in self._openings:
            opening.cancel()
        await asyncio.gather(*self._openings, return_exceptions=True)
        await asyncio.sleep(0)  # what was opened for nobody is taken into the pool
        for connection in self._connections:
            connection.abort()
        self._connections.clear()
        self._idle.clear()
        await asyncio.sleep(0)  # the event loop closes sockets in its next round

    async def _acquire(self, now: float) -> PooledConnection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable(now):
                return connection
            if not self._idle:
                return await self._wait_for_turn(instead_of=connection)
            self._forget(connection)
        if self._places < self._limits.max_connections:
            self._places += 1
            self.peak = max(self.peak, self._places)
            return await self._connect()
        return await self._wait_for_turn()

    async def _wait_for_turn(self, *, instead_of: PooledConnection | None = None) -> PooledConnection:
        """instead_of: what was handed over and is of no use any more; its place is the next one's."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Slot] = loop.create_future()
        if instead_of is None:
            self._turns.append(turn)
        else:
            self._turns.appendleft(turn)
            self._forget(instead_of)
        connection = await self._taken(turn)
        if connection is None:
            return await self._connect()
        if connection.is_usable(loop.time()):
            return connection
        return await self._wait_for_turn(instead_of=connection)

    async def _taken(self, turn: asyncio.Future[Slot]) -> Slot:
        timeout_s = self._limits.silence_s
        try:
            async with asyncio.timeout(timeout_s):
                return await turn
        except BaseException as exc:
            if turn.done() and not turn.cancelled():  # it came as we left
                self._pass_on(turn.result())
            if isinstance(exc, TimeoutError):
                raise TransportFault(Fate.UNSENT, f"no connection was free for {timeout_s:g} s") from exc
            raise

    # Making connections

    async def _connect(self) -> PooledConnection:
        """Return a new connection in a place that is already counted."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        opening = loop.create_task(self._open_in_time())
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)
        try:
            connection = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(partial(self._take_opened, started))
            raise
        except BaseException:
            self._pass_on(None)
            raise
        return self._opened(connection, started)

    def _take_opened(self, started: float, opening: asyncio.Task[PooledConnection]) -> None:
        """The request is gone: the connection is the next one's, or else its place is."""
        is_open = not opening.cancelled() and opening.exception() is None
        self._pass_on(self._opened(opening.result(), started) if is_open else None)

    def _opened(self, connection: PooledConnection, started: float) -> PooledConnection:
        self._connections.add(connection)
        connection.idle_since = asyncio.get_running_loop().time()
        connection.opened_in_s = connection.idle_since - started
        return connection

    async def _open_in_time(self) -> PooledConnection:
        limits = self._limits
        timeout_s = min(limits.connect_s, limits.whole_s)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._open()
        except TimeoutError as exc:
            raise TransportFault(Fate.UNSENT, f"no connection within {timeout_s:g} s") from exc
        except (OSError, UnicodeError) as exc:
            raise TransportFault(Fate.UNSENT, str(exc)) from exc

    async def _open(self) -> PooledConnection:
        loop, endpoint = asyncio.get_running_loop(), self._endpoint
        if endpoint.socket:
            return (await loop.create_unix_connection(self._new_connection, endpoint.socket))[1]
        _, connection = await loop.create_connection(
            self._new_connection, endpoint.host, endpoint.port, ssl=self._tls, happy_eyeballs_delay=HAPPY_EYEBALLS_S
        )
        return connection

    def _new_connection(self) -> PooledConnection:
        http = Http1(self._headers, most_bytes=self._limits.answer_bytes)
        return PooledConnection(asyncio.get_running_loop(), http, self._limits)

    # Passing them on

    def _release(self, connection: PooledConnection) -> None:
        connection.idle_since = now = asyncio.get_running_loop().time()
        if not connection.is_usable(now):
            self._forget(connection)
        elif not self._hand_over(connection):
            self._idle.append(connection)
            while not self._idle[0].is_usable(now):
                self._forget(self._idle.popleft())

    def _forget(self, connection: PooledConnection) -> None:
        """Its place is free once its socket is closed, so that there are never more of these than places."""
        connection.abort()
        self._connections.discard(connection)
        connection.when_lost(partial(self._pass_on, None))

    def _pass_on(self, slot: Slot) -> None:
        """Give a connection, or a place for one, to the request whose turn it is."""
        if slot is not None:
            self._release(slot)
        elif not self._hand_over(None):
            self._places -= 1

    def _hand_over(self, slot: Slot) -> bool:
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(slot)
                return True
        return False
