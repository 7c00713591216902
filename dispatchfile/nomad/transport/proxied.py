"""Connections through a proxy, by the stock transport of httpx. The only place that knows httpx."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

import httpx

from dispatchfile.errors import UsageError
from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.connection import Endpoint
from dispatchfile.nomad.transport.backend import ConnectionLimits, Headers
from dispatchfile.nomad.transport.faults import Fate, TransportFault, too_large

# By class; a class that is not listed has its base's fate.
FATES: Mapping[type[Exception], Fate] = {
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
}
FOREIGN = tuple(FATES)


class ProxiedBackend:
    """Requests to one endpoint through a proxy. Raises UsageError for a URL of a proxy that cannot be used."""

    def __init__(
        self, endpoint: Endpoint, headers: Headers, limits: ConnectionLimits, tls: ssl.SSLContext | None, *, proxy: str
    ) -> None:
        self._headers, self._limits = headers, limits
        self._via: httpx.AsyncBaseTransport = _stock_transport(proxy, tls, limits)
        scheme = "https" if endpoint.scheme == "https" else "http"
        self._url = httpx.URL(scheme=scheme, host=endpoint.host, port=endpoint.port, path="/")
        self._in_flight = 0
        self.peak = 0  # of requests: only that is known

    async def open(self) -> None:
        await self._via.__aenter__()

    async def close(self) -> None:
        await self._via.__aexit__(None, None, None)

    async def ask(self, method: str, target: bytes, body: bytes) -> Answer:
        self._in_flight += 1
        self.peak = max(self.peak, self._in_flight)
        try:
            async with asyncio.timeout(self._limits.whole_s):
                return await self._exchange(self._request(method, target, body))
        except TimeoutError as exc:
            message = f"the answer was not complete after {self._limits.whole_s:g} s"
            raise TransportFault(Fate.LOST, message, lasting=True) from exc
        except FOREIGN as exc:
            raise _fault_of(exc) from exc
        finally:
            self._in_flight -= 1

    def _request(self, method: str, target: bytes, body: bytes) -> httpx.Request:
        headers = list(self._headers)
        if body:
            headers += [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(body))]
        silence_s = self._limits.silence_s
        timeout = {"connect": self._limits.connect_s, "read": silence_s, "write": silence_s, "pool": silence_s}
        return httpx.Request(
            method,
            self._url.copy_with(raw_path=target),
            headers=headers,
            stream=httpx.ByteStream(body),
            extensions={"timeout": timeout},
        )

    async def _exchange(self, request: httpx.Request) -> Answer:
        response = await self._via.handle_async_request(request)
        body = await _collect(response, self._limits.answer_bytes)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        return Answer(response.status_code, headers, body)


def _fault_of(error: Exception) -> TransportFault:
    fate = next(FATES[kind] for kind in type(error).__mro__ if kind in FATES)
    return TransportFault(fate, str(error) or type(error).__name__, lasting=isinstance(error, httpx.TimeoutException))


def _stock_transport(proxy: str, tls: ssl.SSLContext | None, limits: ConnectionLimits) -> httpx.AsyncHTTPTransport:
    most = limits.max_connections
    pool = httpx.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=limits.idle_s)
    proxy_tls = ssl.create_default_context() if proxy.startswith("https:") else None
    try:
        through = httpx.Proxy(proxy, ssl_context=proxy_tls)
    except (httpx.InvalidURL, ValueError):
        told = "HTTP_PROXY or HTTPS_PROXY must be a URL such as http://host:3128"
        raise UsageError(told) from None  # the cause may hold a password
    verify = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=pool, proxy=through)


async def _collect(response: httpx.Response, most: int) -> bytes:
    parts, size = [], 0
    try:
        async for part in response.stream:  # type: ignore[union-attr]
            parts.append(part)
            size += len(part)
            if size > most:
                raise too_large(most)
    finally:
        await response.aclose()
    return b"".join(parts)
