"""
Requests to one Nomad and its answers, whatever their status.

A request that fails becomes one of three errors that a caller can act on: not carried out, perhaps carried out,
not Nomad's answer.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from types import TracebackType
from typing import Self

from dispatchfile.errors import NomadAmbiguous, NomadError, NomadUnavailable, NomadUnreadable
from dispatchfile.nomad.answers import PERHAPS_DONE, Answer
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.protocol import Counters
from dispatchfile.nomad.proxies import is_loopback
from dispatchfile.nomad.transport.backend import ConnectionLimits, Headers, HttpBackend
from dispatchfile.nomad.transport.explaining import explain
from dispatchfile.nomad.transport.faults import FAULTS, Fate, TransportFault, fate_of, is_lasting, too_large
from dispatchfile.nomad.transport.pool import ConnectionPool
from dispatchfile.nomad.transport.tls import tls_context
from dispatchfile.secrecy import forms_of, masked

PATIENCE = 4.0  # a whole request may take so many times the longest silence


class HttpTransport:
    """
    The transport over HTTP/1.1, straight or through a proxy.

    *backend* replaces the one that the connection asks for. Raises FileError for certificates that cannot be used, and
    UsageError for a proxy that cannot.
    """

    def __init__(self, connection: Connection, limits: ConnectionLimits, *, backend: HttpBackend | None = None) -> None:
        self._endpoint, self._is_proxied = connection.endpoint, bool(connection.proxy)
        self._limits, self._secrets = limits, _secrets_of(connection)
        self._backend = backend or _backend_for(connection, limits)
        self.counters = Counters()

    async def __aenter__(self) -> Self:
        await self._backend.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._backend.close()

    @property
    def peak_connections(self) -> int:
        return self._backend.peak

    async def send(self, method: str, target: str, body: bytes = b"") -> Answer:
        self.counters.requests += 1
        try:
            answer = await self._backend.ask(method, (self._endpoint.path + target).encode("ascii"), body)
            answer = _unpacked(answer, self._limits.answer_bytes)
        except FAULTS as exc:
            raise self._translated(exc, is_read=method == "GET") from exc
        self.counters.throttled += answer.status == 429
        return Answer(answer.status, answer.headers, answer.body, self._secrets) if self._secrets else answer

    def _translated(self, error: Exception, *, is_read: bool) -> NomadError:
        fate, lasting = fate_of(error), is_lasting(error)
        story = masked(explain(error, self._endpoint), self._secrets)
        where = f"{self._endpoint}{' through the proxy' if self._is_proxied else ''}"
        if fate is Fate.UNSENT:
            return NomadUnavailable(f"cannot reach Nomad at {where}: {story}", is_lasting=lasting)
        if not is_read:
            return NomadAmbiguous(f"no answer from Nomad at {where}: {story}; {PERHAPS_DONE}", is_lasting=lasting)
        if fate is Fate.GARBLED:
            return NomadUnreadable(f"the server at {where} does not answer like Nomad: {story}")
        return NomadUnavailable(f"no answer from Nomad at {where}: {story}", is_lasting=lasting)


def limits_of(connection: Connection, *, max_connections: int) -> ConnectionLimits:
    """Return what the connection allows."""
    silence_s = connection.request_timeout.total_seconds()
    return ConnectionLimits(
        max_connections=max_connections,
        connect_s=connection.connect_timeout.total_seconds(),
        silence_s=silence_s,
        whole_s=PATIENCE * silence_s,
    )


def _backend_for(connection: Connection, limits: ConnectionLimits) -> HttpBackend:
    endpoint, headers = connection.endpoint, headers_of(connection)
    tls = tls_context(connection) if endpoint.scheme == "https" else None
    if not connection.proxy:
        return ConnectionPool(endpoint, headers, limits, tls)
    from dispatchfile.nomad.transport.proxied import ProxiedBackend  # noqa: PLC0415  httpx takes 40 ms to import

    return ProxiedBackend(endpoint, headers, limits, tls, proxy=connection.proxy)


def headers_of(connection: Connection) -> Headers:
    """Return the headers that go with every request."""
    endpoint = connection.endpoint
    headers = [(b"Host", endpoint.authority.encode("ascii")), (b"User-Agent", b"dispatchfile")]
    if connection.token:
        headers.append((b"X-Nomad-Token", connection.token.encode("ascii")))
    if connection.http_auth:
        headers.append((b"Authorization", f"Basic {_basic(connection)}".encode()))
    if not is_loopback(endpoint.host):  # packing costs the server more than the transfer on one machine
        headers.append((b"Accept-Encoding", b"gzip"))
    return tuple(headers)


def _basic(connection: Connection) -> str:
    """Return the user and the password as the header of HTTP's basic authentication has them."""
    auth = connection.http_auth
    return base64.b64encode((auth if ":" in auth else f"{auth}:").encode()).decode("ascii")


def _secrets_of(connection: Connection) -> tuple[str, ...]:
    """Return every text that shows what the requests carry to prove who sends them."""
    secrets = [connection.token]
    if auth := connection.http_auth:
        secrets += [_basic(connection), auth, auth.partition(":")[2]]
    return forms_of(secrets)


def _unpacked(answer: Answer, most: int) -> Answer:
    """Return the answer with its body as Nomad wrote it. Raises TransportFault."""
    encoding = answer.headers.get("content-encoding", "")
    if encoding in {"", "identity"}:
        return answer
    if encoding != "gzip":
        raise TransportFault(Fate.GARBLED, f"the answer has the encoding {encoding!r}, which was not requested")
    try:
        stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        body = stream.decompress(answer.body, most + 1)
    except zlib.error as exc:
        raise TransportFault(Fate.GARBLED, str(exc)) from exc
    if len(body) > most:
        raise too_large(most)
    if not stream.eof:
        raise TransportFault(Fate.GARBLED, "the compressed answer is incomplete")
    return replace(answer, body=body)
