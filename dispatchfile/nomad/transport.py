"""
The way to Nomad: httpx's transport interface over h11, and the only place that knows either of them.

httpx's own pool looks at every connection for every request, which makes it quadratic in the number of requests
under way (encode/httpx, issue 3215). `KeepAliveTransport` has one list of idle connections instead, writes a request
at once and collects its answer. The stock transport is used where a proxy stands between.

`Transport` sends through either and turns whatever goes wrong on the way into the three things a caller can act on:
surely not sent, perhaps carried out, not Nomad's answer.
"""

from __future__ import annotations

import asyncio
import base64
import enum
import errno
import os
import re
import socket
import ssl
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import h11
import httpx

from dispatchfile.errors import NomadAmbiguous, NomadError, NomadUnavailable, NomadUnreadable, UsageError
from dispatchfile.nomad.answers import PERHAPS_DONE, Answer
from dispatchfile.nomad.connection import Connection, Endpoint
from dispatchfile.nomad.proxies import is_loopback
from dispatchfile.nomad.tls import tls_context

MAX_HEAD_BYTES = 64 * 1024
HAPPY_EYEBALLS_S = 0.25
SHORTEST_GRACE_S, LONGEST_GRACE_S = 0.005, 0.05
PATIENCE = 4.0  # a whole request may take so many times the longest silence


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one connection may cost."""

    answer_bytes: int = 64 * 1024 * 1024  # of a body, also when unpacked; 10,000 rows of the job list take 9 MB
    idle_s: float = 50.0  # common load balancers drop idle connections after 60 s


class Unsent(httpx.WriteError):
    """The request did not leave this process, or not to its end: nobody can have carried it out."""


class NotHttp(httpx.RemoteProtocolError):
    """Something answered, but not in HTTP."""


class TooLarge(httpx.ReadError):
    """The answer is larger than any that Nomad gives."""


class Fate(enum.Enum):
    """What a fault on the way says about the request."""

    UNSENT = enum.auto()
    LOST = enum.auto()  # sent, or perhaps sent, and no answer
    GARBLED = enum.auto()  # an answer that makes no sense


# By class; a class that is not listed has its base's fate.
FATES: Mapping[type[Exception], Fate] = {
    Unsent: Fate.UNSENT,
    NotHttp: Fate.GARBLED,
    TooLarge: Fate.GARBLED,
    httpx.ConnectError: Fate.UNSENT,
    httpx.ConnectTimeout: Fate.UNSENT,
    httpx.PoolTimeout: Fate.UNSENT,
    httpx.ProxyError: Fate.UNSENT,  # the proxy refused to connect
    httpx.UnsupportedProtocol: Fate.UNSENT,
    httpx.InvalidURL: Fate.UNSENT,
    httpx.ReadError: Fate.LOST,
    httpx.ReadTimeout: Fate.LOST,
    httpx.WriteError: Fate.LOST,
    httpx.WriteTimeout: Fate.LOST,
    httpx.CloseError: Fate.LOST,
    httpx.NetworkError: Fate.LOST,
    httpx.TimeoutException: Fate.LOST,
    httpx.LocalProtocolError: Fate.LOST,
    httpx.RemoteProtocolError: Fate.LOST,  # the stock transport says so when the connection was closed
    httpx.ProtocolError: Fate.LOST,
    httpx.TransportError: Fate.LOST,
    httpx.DecodingError: Fate.GARBLED,
    httpx.TooManyRedirects: Fate.LOST,
    httpx.RequestError: Fate.LOST,
    httpx.HTTPStatusError: Fate.LOST,
    httpx.HTTPError: Fate.LOST,
    httpx.StreamConsumed: Fate.LOST,
    httpx.StreamClosed: Fate.LOST,
    httpx.ResponseNotRead: Fate.LOST,
    httpx.RequestNotRead: Fate.LOST,
    httpx.StreamError: Fate.LOST,
    httpx.CookieConflict: Fate.LOST,
    h11.LocalProtocolError: Fate.UNSENT,  # raised before anything is written
    h11.RemoteProtocolError: Fate.GARBLED,
    h11.ProtocolError: Fate.GARBLED,
    zlib.error: Fate.GARBLED,
    EOFError: Fate.LOST,
    OSError: Fate.LOST,  # with ssl.SSLError, socket.gaierror, TimeoutError and every ConnectionError
}
FOREIGN = tuple(FATES)


def fate_of(error: Exception) -> Fate:
    return next(FATES[kind] for kind in type(error).__mro__ if kind in FATES)


# One connection


class Wire(asyncio.Protocol):
    """One connection, carrying one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, bounds: Bounds) -> None:
        self._loop, self._bounds = loop, bounds
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._transport: asyncio.Transport
        self._waiting: asyncio.Future[httpx.Response] | None = None
        self._grace: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._silence_s = self._heard_at = 0.0
        self._head: h11.Response | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._served = 0  # requests answered
        self._is_spoken_to = False  # something arrived that nobody had asked for
        self._is_over = False  # nothing more will arrive
        self._is_lost = False  # its socket is closed, or will be before anything else happens
        self._tell_lost: Callable[[], None] | None = None
        self._lost_by: Exception | None = None
        self._is_unsent = False  # the request has not left to its last byte
        self.idle_since = 0.0
        self.opened_in_s = 0.0

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        transport.set_write_buffer_limits(high=1, low=0)  # then pause_writing says that not all has left

    def pause_writing(self) -> None:
        self._is_unsent = True

    def resume_writing(self) -> None:
        self._is_unsent = False

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._waiting is None:
            self._hear_unasked(data)
        else:
            self._receive(data)

    def eof_received(self) -> None:
        self._is_over = True
        self._end_grace()
        if self._waiting is not None:
            self._receive(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_over, self._is_lost, self._lost_by = True, True, exc
        if self._tell_lost is not None:
            self._tell_lost()
        self._end_grace()
        if not self._served and getattr(exc, "reason", None) in HANDSHAKE_ALERTS:
            self._is_unsent = True  # TLS 1.3 refuses a client's certificate after the client's handshake is over
        self._fail(self._loss())

    # One request

    async def ask(self, request: httpx.Request, body: bytes, silence_s: float) -> httpx.Response:
        """
        Send the request and wait for its whole answer.

        Raises Unsent, or another httpx.TransportError where the request may have been carried out. Whoever is
        cancelled here has to abort the connection.
        """
        if not self._served:
            await self._give_grace()
        data = self._frame(request, body)
        self._heard_at, self._silence_s = self._loop.time(), silence_s
        self._timer = self._loop.call_at(self._heard_at + silence_s, self._check_silence)
        answered: asyncio.Future[httpx.Response] = self._loop.create_future()
        self._waiting = answered
        if self._is_over or self._is_spoken_to:
            self._hear_refusal()
        else:
            self._write(data)
        return await answered

    async def _give_grace(self) -> None:
        """
        Give a server that has too many connections the time to say so: as long as the way there and back takes.

        What it refuses unasked was surely not carried out; to be refused in the middle of the request looks like a
        lost answer.
        """
        if not (self._is_spoken_to or self._is_over):
            self._grace = self._loop.create_future()
            grace_s = min(max(self.opened_in_s, SHORTEST_GRACE_S), LONGEST_GRACE_S)
            timer = self._loop.call_later(grace_s, self._end_grace)
            await self._grace
            timer.cancel()

    def _end_grace(self) -> None:
        if self._grace is not None and not self._grace.done():
            self._grace.set_result(None)

    def _frame(self, request: httpx.Request, body: bytes) -> bytes:
        target = request.extensions.get("target", request.url.raw_path)
        head = self._http.send(h11.Request(method=request.method, target=target, headers=request.headers.raw))
        rest = self._http.send(h11.Data(data=body)) if body else b""
        self._http.send(h11.EndOfMessage())
        return (head or b"") + (rest or b"")

    def _write(self, data: bytes) -> None:
        self._transport.write(data)
        if self._transport.is_closing():  # not even the first byte was taken
            self._is_unsent = True

    def _hear_refusal(self) -> None:
        """Answered, or closed, before anything was asked: the server has too many connections already."""
        self._is_unsent = True
        self._receive(b"") if self._is_over else self._read_events()

    def _check_silence(self) -> None:
        silent_until = self._heard_at + self._silence_s
        if self._loop.time() < silent_until:
            self._timer = self._loop.call_at(silent_until, self._check_silence)
        else:
            self._fail(httpx.ReadTimeout(f"no data received for {self._silence_s:g} s"))

    # Its answer

    def _hear_unasked(self, data: bytes) -> None:
        """A new connection may be refused before it was used; a used one that speaks up cannot be used again."""
        self._is_spoken_to = True
        self._end_grace()
        if self._served:
            self.abort()
        else:
            self._http.receive_data(data)

    def _receive(self, data: bytes) -> None:
        """Empty *data* says that this was all."""
        self._http.receive_data(data)
        self._read_events()

    def _read_events(self) -> None:
        try:
            while self._waiting is not None and self._take(self._http.next_event()):
                pass
        except h11.RemoteProtocolError as exc:
            self._fail(self._loss() if self._is_over else NotHttp(f"not an HTTP answer ({exc})"))
        if self._waiting is not None and self._head is None and not self._begins_well():
            self._fail(NotHttp("not an HTTP answer"))

    def _begins_well(self) -> bool:
        """h11 waits for a blank line before it looks; what speaks another language may never send one."""
        return b"HTTP/".startswith(self._http.trailing_data[0][:5])

    def _take(self, event: object) -> bool:
        """Whether there may be more to read."""
        if isinstance(event, h11.Data):
            self._collect(bytes(event.data))
        elif isinstance(event, h11.Response):
            self._begin(event)
        elif isinstance(event, h11.EndOfMessage):
            self._finish()
        elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
            self._fail(self._loss())
        return event is not h11.NEED_DATA

    def _begin(self, head: h11.Response) -> None:
        self._head = head
        announced = next((int(text) for name, text in head.headers if name == b"content-length"), 0)
        self._check_size(announced)

    def _collect(self, part: bytes) -> None:
        self._body.append(part)
        self._size += len(part)
        self._check_size(self._size)

    def _check_size(self, size: int) -> None:
        if size > self._bounds.answer_bytes:
            self._fail(_too_large(self._bounds.answer_bytes))

    def _loss(self) -> httpx.TransportError:
        if self._is_unsent:
            return Unsent("the connection was closed before the request was sent")
        if self._head is not None:
            return httpx.ReadError("the connection was closed in the middle of the answer")
        return httpx.ReadError("the connection was closed without an answer")

    def _fail(self, error: httpx.TransportError) -> None:
        waiting = self._settle()
        if waiting is not None:
            error.__cause__ = self._lost_by
            waiting.set_exception(error)
        self._transport.abort()  # never close(), which would still send what is left of the request

    def _finish(self) -> None:
        waiting, head = self._settle(), self._head
        if waiting is None or head is None:
            return
        body = httpx.ByteStream(b"".join(self._body))
        response = httpx.Response(head.status_code, headers=list(head.headers), stream=body)
        waiting.set_result(response)
        self._served += 1
        self._head, self._body, self._size = None, [], 0
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE and not self._http.trailing_data[0]:
            self._http.start_next_cycle()
        else:
            self.abort()

    def _settle(self) -> asyncio.Future[httpx.Response] | None:
        """Who waits for the answer, if anybody still does."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, None
        return None if waiting is None or waiting.done() else waiting

    # Between requests

    def is_usable(self, now: float) -> bool:
        """Whether a next request may go out here: the other side has not closed it, and is not about to."""
        return not (
            self._is_spoken_to
            or self._is_over
            or self._is_unsent
            or self._transport.is_closing()
            or now - self.idle_since > self._bounds.idle_s
        )

    def abort(self) -> None:
        self._settle()
        self._transport.abort()

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Call *tell* once there is no connection any more, which may be now."""
        if self._is_lost:
            tell()
        else:
            self._tell_lost = tell


# What a server says of a client's certificate. Source: RFC 8446, 6.2; spelled as OpenSSL does.
HANDSHAKE_ALERTS: Mapping[str, str] = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a client certificate: set --client-cert and --client-key",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it refuses the handshake: does it ask for --client-cert and --client-key?",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it refuses the client certificate",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it refuses the client certificate: this type is not supported",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it refuses the client certificate: it was revoked",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it refuses the client certificate: it has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it refuses the client certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the CA of the client certificate",
    "TLSV1_ALERT_ACCESS_DENIED": "it refuses the client certificate: access denied",
    "TLSV1_ALERT_DECRYPT_ERROR": "it refuses the client certificate's signature",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it supports no secure version of TLS",
}


# All connections


class KeepAliveTransport(httpx.AsyncBaseTransport):
    """
    At most *max_connections* to one endpoint, the one used last first, so that what a burst needed can be closed.

    Who finds all of them busy waits in line, first come, first served.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        max_connections: int,
        connect_timeout_s: float,
        tls: ssl.SSLContext | None,
        bounds: Bounds = Bounds(),
    ) -> None:
        self._endpoint, self._limit, self._tls, self._bounds = endpoint, max_connections, tls, bounds
        self._connect_timeout_s = connect_timeout_s
        self._wires: set[Wire] = set()
        self._openings: set[asyncio.Task[Wire]] = set()
        self._idle: deque[Wire] = deque()
        self._line: deque[asyncio.Future[Wire | None]] = deque()
        self._places = 0  # connections, and those being made
        self.peak = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        silence_s: float = request.extensions["timeout"]["read"]
        body = b"".join([part async for part in request.stream])  # type: ignore[union-attr]
        wire = await self._acquire(silence_s)
        try:
            return await wire.ask(request, body, silence_s)
        except BaseException:
            wire.abort()
            raise
        finally:
            self._release(wire)

    async def aclose(self) -> None:
        for opening in self._openings:
            opening.cancel()
        await asyncio.gather(*self._openings, return_exceptions=True)
        await asyncio.sleep(0)  # what was opened for nobody is taken into the pool
        for wire in self._wires:
            wire.abort()
        self._wires.clear()
        self._idle.clear()
        await asyncio.sleep(0)  # the event loop closes sockets in its next round

    async def _acquire(self, timeout_s: float) -> Wire:
        now = asyncio.get_running_loop().time()
        while self._idle:
            wire = self._idle.pop()
            if wire.is_usable(now):
                return wire
            if not self._idle:
                return await self._stand_in_line(timeout_s, instead_of=wire)
            self._forget(wire)
        if self._places < self._limit:
            self._places += 1
            self.peak = max(self.peak, self._places)
            return await self._connect()
        return await self._stand_in_line(timeout_s)

    async def _stand_in_line(self, timeout_s: float, *, instead_of: Wire | None = None) -> Wire:
        """instead_of: what was handed over and is of no use any more; its place is the next one's."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Wire | None] = loop.create_future()
        if instead_of is None:
            self._line.append(turn)
        else:
            self._line.appendleft(turn)
            self._forget(instead_of)
        try:
            async with asyncio.timeout(timeout_s):
                wire = await turn
        except BaseException as exc:
            if turn.done() and not turn.cancelled():  # it came as we left
                self._pass_on(turn.result())
            if isinstance(exc, TimeoutError):
                raise httpx.PoolTimeout(f"no connection was free for {timeout_s:g} s") from exc
            raise
        if wire is None:
            return await self._connect()
        if wire.is_usable(loop.time()):
            return wire
        return await self._stand_in_line(timeout_s, instead_of=wire)

    async def _connect(self) -> Wire:
        """A new connection in a place that is already counted."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        opening = loop.create_task(self._open_in_time())
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)
        try:
            wire = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(partial(self._take_opened, started))
            raise
        except BaseException:
            self._pass_on(None)
            raise
        return self._opened(wire, started)

    def _take_opened(self, started: float, opening: asyncio.Task[Wire]) -> None:
        """Who wanted it is gone: it is the next one's, or else its place is."""
        is_open = not opening.cancelled() and opening.exception() is None
        self._pass_on(self._opened(opening.result(), started) if is_open else None)

    def _opened(self, wire: Wire, started: float) -> Wire:
        self._wires.add(wire)
        wire.idle_since = asyncio.get_running_loop().time()
        wire.opened_in_s = wire.idle_since - started
        return wire

    async def _open_in_time(self) -> Wire:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await self._open()
        except TimeoutError as exc:
            raise httpx.ConnectTimeout(f"no connection within {self._connect_timeout_s:g} s") from exc
        except (OSError, UnicodeError) as exc:
            raise httpx.ConnectError(str(exc)) from exc

    async def _open(self) -> Wire:
        loop, endpoint = asyncio.get_running_loop(), self._endpoint
        new_wire = partial(Wire, loop, self._bounds)
        if endpoint.socket:
            return (await loop.create_unix_connection(new_wire, endpoint.socket))[1]
        _, wire = await loop.create_connection(
            new_wire, endpoint.host, endpoint.port, ssl=self._tls, happy_eyeballs_delay=HAPPY_EYEBALLS_S
        )
        return wire

    def _release(self, wire: Wire) -> None:
        wire.idle_since = now = asyncio.get_running_loop().time()
        if not wire.is_usable(now):
            self._forget(wire)
        elif not self._hand_over(wire):
            self._idle.append(wire)
            while not self._idle[0].is_usable(now):
                self._forget(self._idle.popleft())

    def _forget(self, wire: Wire) -> None:
        """Its place is free once its socket is closed, so that there are never more of these than places."""
        wire.abort()
        self._wires.discard(wire)
        wire.when_lost(partial(self._pass_on, None))

    def _pass_on(self, wire: Wire | None) -> None:
        """Give a connection, or a place for one, to the next in line."""
        if wire is not None:
            self._release(wire)
        elif not self._hand_over(None):
            self._places -= 1

    def _hand_over(self, wire: Wire | None) -> bool:
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(wire)
                return True
        return False


# What the client uses


@dataclass(slots=True)
class Counters:
    """What was asked of the server so far."""

    requests: int = 0
    throttled: int = 0  # answers 429


class Transport:
    """
    Sends requests to one Nomad and returns its answers, whatever their status.

    An async context manager. *via* replaces the way there. Raises FileError for certificates that cannot be used.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        max_connections: int,
        via: httpx.AsyncBaseTransport | None = None,
        bounds: Bounds = Bounds(),
    ) -> None:
        self._connection, self._endpoint, self._bounds = connection, connection.endpoint, bounds
        self._silence_s = connection.request_timeout.total_seconds()
        self._whole_s = PATIENCE * self._silence_s
        self._via = via or _way(connection, max_connections, bounds)
        self._url = httpx.URL(
            scheme="https" if self._endpoint.scheme == "https" else "http",
            host=self._endpoint.host,
            port=self._endpoint.port,
            path="/",
        )
        self._timeout = {
            "connect": connection.connect_timeout.total_seconds(),
            "read": self._silence_s,
            "write": self._silence_s,
            "pool": self._silence_s,
        }
        self._headers = _headers(connection, self._endpoint)
        self._under_way = self._peak = 0
        self.counters = Counters()

    async def __aenter__(self) -> Self:
        await self._via.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._via.__aexit__(kind, error, traceback)

    @property
    def peak_connections(self) -> int:
        """Connections open at one time, at most. Of other transports it is known only that they need no more."""
        return self._via.peak if isinstance(self._via, KeepAliveTransport) else self._peak

    async def send(self, method: str, target: str, body: bytes = b"") -> Answer:
        """
        One request and its answer. target: path and query, percent-encoded.

        Raises NomadUnavailable where the request surely was not carried out, or was a GET without an answer,
        NomadAmbiguous where another request may have been, and NomadUnreadable where what answered a GET is not HTTP.
        """
        self.counters.requests += 1
        self._under_way += 1
        self._peak = max(self._peak, self._under_way)
        try:
            answer = await self._exchange(self._request(method, target, body))
        except FOREIGN as exc:
            raise self._translated(exc, is_read=method == "GET") from exc
        finally:
            self._under_way -= 1
        self.counters.throttled += answer.status == 429
        return answer

    def _request(self, method: str, target: str, body: bytes) -> httpx.Request:
        headers = self._headers
        if body:
            headers = [*headers, (b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(body))]
        raw_path = (self._endpoint.path + target).encode("ascii")
        extensions: dict[str, object] = {"timeout": self._timeout}
        url = self._url
        if self._connection.proxy:  # which is asked for more than the target
            url = url.copy_with(raw_path=raw_path)
        else:  # spares the parsing of an URL for each request
            extensions["target"] = raw_path
        return httpx.Request(method, url, headers=headers, stream=httpx.ByteStream(body), extensions=extensions)

    async def _exchange(self, request: httpx.Request) -> Answer:
        try:
            async with asyncio.timeout(self._whole_s):
                response = await self._via.handle_async_request(request)
                body = await _collect(response, self._bounds.answer_bytes)
        except TimeoutError as exc:
            raise httpx.ReadTimeout(f"the answer was not complete after {self._whole_s:g} s") from exc
        headers = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in response.headers.raw}
        encoding = headers.get("content-encoding", "")
        return Answer(response.status_code, headers, _unpack(body, encoding, self._bounds.answer_bytes))

    def _translated(self, error: Exception, *, is_read: bool) -> NomadError:
        fate, story = fate_of(error), _explain(error, self._endpoint)
        where = f"{self._endpoint}{' through the proxy' if self._connection.proxy else ''}"
        if fate is Fate.UNSENT:
            return NomadUnavailable(f"cannot reach Nomad at {where}: {story}")
        if not is_read:
            return NomadAmbiguous(f"no answer from Nomad at {where}: {story}; {PERHAPS_DONE}")
        if fate is Fate.GARBLED:
            return NomadUnreadable(f"the server at {where} does not answer like Nomad: {story}")
        return NomadUnavailable(f"no answer from Nomad at {where}: {story}")


def is_passing(error: NomadError) -> bool:
    """Whether a read may work when it is repeated at once: not after a TLS fault, a timeout or a huge answer."""
    lasting = (ssl.SSLError, httpx.TimeoutException, TimeoutError, TooLarge)
    return not any(isinstance(cause, lasting) for cause in _causes(error))


def _way(connection: Connection, max_connections: int, bounds: Bounds) -> httpx.AsyncBaseTransport:
    endpoint = connection.endpoint
    tls = tls_context(connection) if endpoint.scheme == "https" else None
    if connection.proxy:
        return _proxied(connection.proxy, tls, max_connections, bounds)
    return KeepAliveTransport(
        endpoint,
        max_connections=max_connections,
        connect_timeout_s=connection.connect_timeout.total_seconds(),
        tls=tls,
        bounds=bounds,
    )


def _proxied(proxy: str, tls: ssl.SSLContext | None, max_connections: int, bounds: Bounds) -> httpx.AsyncBaseTransport:
    limits = httpx.Limits(
        max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=bounds.idle_s
    )
    proxy_tls = ssl.create_default_context() if proxy.startswith("https:") else None
    try:
        through = httpx.Proxy(proxy, ssl_context=proxy_tls)
    except (httpx.InvalidURL, ValueError):
        told = "HTTP_PROXY or HTTPS_PROXY must be a URL such as http://host:3128"
        raise UsageError(told) from None  # the cause may hold a password
    return httpx.AsyncHTTPTransport(
        verify=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False, limits=limits, proxy=through
    )


def _headers(connection: Connection, endpoint: Endpoint) -> list[tuple[bytes, bytes]]:
    headers = [(b"Host", endpoint.authority.encode("ascii")), (b"User-Agent", b"dispatchfile")]
    if connection.token:
        headers.append((b"X-Nomad-Token", connection.token.encode("ascii")))
    if auth := connection.http_auth:
        credentials = auth if ":" in auth else f"{auth}:"
        headers.append((b"Authorization", b"Basic " + base64.b64encode(credentials.encode())))
    if not is_loopback(endpoint.host):  # packing costs the server more than the way costs on one machine
        headers.append((b"Accept-Encoding", b"gzip"))
    return headers


async def _collect(response: httpx.Response, most: int) -> bytes:
    parts, size = [], 0
    try:
        async for part in response.stream:  # type: ignore[union-attr]
            parts.append(part)
            size += len(part)
            if size > most:
                raise _too_large(most)
    finally:
        await response.aclose()
    return b"".join(parts)


def _unpack(body: bytes, encoding: str, most: int) -> bytes:
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise httpx.DecodingError(f"the answer has the encoding {encoding!r}, which was not requested")
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    unpacked = stream.decompress(body, most + 1)
    if len(unpacked) > most:
        raise _too_large(most)
    if not stream.eof:
        raise httpx.DecodingError("the compressed answer is incomplete")
    return unpacked


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the answer is larger than {most >> 20} MiB")


# What went wrong, for people


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _explain(error: Exception, endpoint: Endpoint) -> str:
    """What happened, and what to try."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _explain_distrust(cause)
        if isinstance(cause, ssl.SSLError):
            return _explain_tls(cause)
        if isinstance(cause, socket.gaierror):
            return f"the host name {endpoint.host!r} cannot be resolved"
        if isinstance(cause, OSError) and (code := _errno(cause)):
            return _explain_os(code, endpoint)
        if isinstance(cause, ConnectionError):
            return "the connection was closed while connecting"
    return str(error) or type(error).__name__


ADVICE_ON_DISTRUST: Mapping[int, str] = {  # by OpenSSL's verify code
    10: "renew it, or check this machine's clock",
    18: "pass its CA with --ca-cert",
    19: "pass its CA with --ca-cert",
    20: "pass its CA with --ca-cert",
    21: "pass its CA with --ca-cert",
    62: "pass the server name in the certificate with --tls-server-name",
    64: "pass the server name in the certificate with --tls-server-name",
}


def _explain_distrust(error: ssl.SSLCertVerificationError) -> str:
    advice = ADVICE_ON_DISTRUST.get(error.verify_code, "pass its CA with --ca-cert")
    return f"its certificate is not trusted ({error.verify_message.rstrip('.')}): {advice}"


def _explain_tls(error: ssl.SSLError) -> str:
    reason = getattr(error, "reason", None) or ""
    if reason in HANDSHAKE_ALERTS:
        return HANDSHAKE_ALERTS[reason]
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}:
        return "it does not use TLS: use an http:// address?"
    return f"TLS failed ({reason.replace('_', ' ').lower() or 'no reason given'})"


def _errno(error: OSError) -> int | None:
    """Several addresses of one host that all failed are told as one text."""
    told = re.search(r"\[Errno (\d+)\]", str(error))
    return error.errno or (int(told[1]) if told else None)


def _explain_os(code: int, endpoint: Endpoint) -> str:
    if code == errno.ECONNREFUSED and not endpoint.has_port and not endpoint.socket:
        return f"connection refused at port {endpoint.port}, the default of its scheme; Nomad's port is 4646"
    if code == errno.ECONNREFUSED:
        return "connection refused: is the agent running, and is the address correct?"
    if code == errno.ENOENT and endpoint.socket:
        return "there is no such socket: is the agent running, and is the path correct?"
    return os.strerror(code).lower()
