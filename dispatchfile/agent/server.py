"""
The HTTP server: bytes to a `HttpRequest`, an answer to bytes; waiting, faults and the connection limit in between.

One handler finds its route by the path alone, as a router for a dozen of prefixes would only cost time.
"""

import asyncio
import json
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from dispatchfile.agent import routes_cluster, routes_job_writes, routes_jobs, routes_work
from dispatchfile.agent.core import REGION, Core
from dispatchfile.agent.faults import FaultEffect, Faults, FaultTarget
from dispatchfile.agent.gate import TOO_MANY_TEXT, Doorman, Gate, Guest
from dispatchfile.agent.http import (
    Answer,
    BlockingQuery,
    HttpError,
    HttpRequest,
    Read,
    Reply,
    Stream,
    encode,
    parse_query,
    read_blocking_query,
    refusal,
)

Route = Callable[[Core, HttpRequest], Answer]

_EXACT: Final[Mapping[str, Route]] = MappingProxyType(
    {
        "/v1/acl/token/self": routes_cluster.token_self,
        "/v1/agent/health": routes_cluster.health,
        "/v1/agent/members": routes_cluster.members,
        "/v1/agent/self": routes_cluster.agent_self,
        "/v1/allocations": routes_work.allocations,
        "/v1/deployments": routes_cluster.deployments,
        "/v1/evaluations": routes_work.evaluations,
        "/v1/event/stream": routes_work.event_stream,
        "/v1/jobs": routes_jobs.jobs,
        "/v1/jobs/parse": routes_job_writes.parse,
        "/v1/jobs/statuses": routes_jobs.statuses,
        "/v1/namespace": routes_cluster.one_namespace,
        "/v1/namespaces": routes_cluster.namespaces,
        "/v1/nodes": routes_cluster.nodes,
        "/v1/operator/scheduler/configuration": routes_cluster.scheduler_configuration,
        "/v1/regions": routes_cluster.regions,
        "/v1/search": routes_cluster.search,
        "/v1/status/leader": routes_cluster.leader,
        "/v1/status/peers": routes_cluster.peers,
        "/v1/system/gc": routes_cluster.system_gc,
        "/v1/validate/job": routes_job_writes.validate,
    }
)
_BELOW: Final[Mapping[str, Route]] = MappingProxyType(
    {
        "/v1/job/": routes_jobs.one_job,
        "/v1/evaluation/": routes_work.one_evaluation,
        "/v1/allocation/": routes_work.one_allocation,
        "/v1/client/fs/logs/": routes_work.logs,
        "/v1/client/allocation/": routes_work.client_allocation,
        "/v1/node/": routes_cluster.one_node,
        "/v1/namespace/": routes_cluster.one_namespace,
    }
)
_READS_BY_BODY: Final = frozenset({"/v1/jobs/statuses", "/v1/search", "/v1/jobs/parse", "/v1/validate/job"})
_DISPATCHES: Final = ("/dispatch", "/dispatch/payload")
_LOCAL: Final = frozenset({"/v1/agent/self", "/v1/agent/members", "/v1/regions", "/v1/event/stream"})
_PLAIN: Final = "text/plain; charset=utf-8"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NO_CONTACT_MS: Final = 9223372036854
_KEEP_ALIVE_SECONDS: Final = 3600
_LARGEST_HEAD: Final = 1 << 20
_GRACE_SECONDS: Final = 0.01  # for aiohttp 0 is no limit at all
_PROXY_PAGE: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    "<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


def route_for(path: str) -> Route | None:
    exact = _EXACT.get(path)
    if exact is not None:
        return exact
    return next((route for prefix, route in _BELOW.items() if path.startswith(prefix)), None)


def answer_for(core: Core, call: HttpRequest, *, phantom: bool = False) -> Answer:
    """
    Return the answer to the call, which may be a refusal.

    phantom: the answer to a dispatch that made a child names another one, and an evaluation, that do not exist.
    """
    route = route_for(call.path)
    if route is None:
        return Reply(status=404, has_body=False)
    try:
        if call.get("region") not in {"", REGION}:
            raise HttpError(500, "No path to region")
        answer = route(core, call)
    except HttpError as exc:
        return refusal(exc)
    return routes_job_writes.with_phantom(answer) if phantom and isinstance(answer, Reply) else answer


class AgentServer:
    """
    Serves a `Core` on sockets.

    now: seconds on a clock that never goes back. requests: how many were read, also those that a fault kept
    from being processed.
    """

    def __init__(self, core: Core, faults: Faults, now: Callable[[], float]) -> None:
        self._core = core
        self._faults = faults
        self._now = now
        self._started = now()
        self._sockets: list[asyncio.Server] = []
        self._uncancelled: set[asyncio.Future[Answer]] = set()
        self._web = _Web(self._handle)
        self.gate = Gate(core.max_connections, now)
        self.requests = 0

    async def listen(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        self._sockets.append(await loop.create_server(self._doorman, sock=sock, ssl=context))

    async def listen_unix(self, path: Path) -> None:
        loop = asyncio.get_running_loop()
        self._sockets.append(await loop.create_unix_server(self._doorman, path=str(path)))

    async def close(self) -> None:
        for listening in self._sockets:
            listening.close()
        await self._web.shutdown(timeout=_GRACE_SECONDS)

    def _doorman(self) -> Doorman:
        return Doorman(self.gate, self._web.protocol_for)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        path, _, query = request.raw_path.partition("?")
        if "//" in path:
            return _redirect(path, query)
        call = HttpRequest(request.method, unquote(path, errors="replace"), parse_query(query), await _body(request))
        try:
            target = _target(call)
        except HttpError as exc:
            return _response(call, refusal(exc), leaderless=False)
        verdict = self._faults.judge(target, self._now() - self._started)
        answer = await self._answered(call, target, verdict)
        if verdict.kind is not None and verdict.kind != "phantom":
            return _struck(request, call, verdict)
        if isinstance(answer, Stream):
            return await self._stream(request, answer)
        return _response(call, answer, leaderless=verdict.leaderless)

    async def _answered(self, call: HttpRequest, target: FaultTarget, verdict: FaultEffect) -> Reply | Stream:
        """Return the answer to the call after its delay. A write continues even if its client has left."""
        if target.is_write and verdict.delay:
            work = asyncio.ensure_future(self._work(call, verdict))
            self._uncancelled.add(work)
            work.add_done_callback(self._uncancelled.discard)
            answer = await asyncio.shield(work)
        else:
            answer = await self._work(call, verdict)
        if not isinstance(answer, Read):
            return answer
        try:
            return await self._waited(answer, read_blocking_query(call, self._core.rng))
        except HttpError as exc:
            return refusal(exc)

    async def _work(self, call: HttpRequest, verdict: FaultEffect) -> Answer:
        if verdict.delay:
            await asyncio.sleep(verdict.delay)
        if verdict.kind is not None and not verdict.processed:
            return Reply()
        return answer_for(self._core, call, phantom=verdict.kind == "phantom")

    async def _waited(self, read: Read, query: BlockingQuery) -> Reply:
        """A query's answer once its index is beyond the one the client knows, or its time is over."""
        reply = read.answer()
        if query.index == 0 or (reply.index or 0) > query.index:
            return reply
        deadline = self._now() + query.seconds
        waiter = self._core.state.watches.add(read.watch)
        try:
            while (reply.index or 0) <= query.index and (left := deadline - self._now()) > 0:
                waiter[1].clear()
                await _happens_within(waiter[1], left)
                reply = read.answer()
        finally:
            self._core.state.watches.remove(waiter)
        return reply

    async def _stream(self, request: web.BaseRequest, stream: Stream) -> web.StreamResponse:
        response = _Raw() if stream.hijacks else web.StreamResponse()
        response.content_type = stream.content_type
        if stream.hijacks:
            response.force_close()
            response.headers["Cache-Control"] = "no-cache"
            self._web.forget(request)
        await response.prepare(request)
        async with aclosing(stream.chunks) as chunks:
            async for chunk in chunks:
                await response.write(chunk)
        await response.write_eof()
        return response


class _Web(web.Server):
    """aiohttp's server, which tells the gate when a connection is over."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
            max_field_size=_LARGEST_HEAD,
            max_line_size=_LARGEST_HEAD,
        )
        self._guests: dict[object, Guest] = {}

    def protocol_for(self, guest: Guest) -> asyncio.Protocol:
        protocol = self()
        self._guests[protocol] = guest
        return protocol

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        if (guest := self._guests.pop(handler, None)) is not None:
            guest.leave()

    def forget(self, request: web.BaseRequest) -> None:
        """A hijacked connection does not count any more."""
        if (guest := self._guests.get(request.protocol)) is not None:
            guest.leave()


class _Raw(web.StreamResponse):
    """A body that ends where the connection ends: neither a length nor chunks."""

    _length_check = False


async def _body(request: web.BaseRequest) -> bytes:
    """The whole body; Nomad sets no limit to it."""
    if not request.can_read_body:
        return b""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await request.content.read()


async def _happens_within(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _target(call: HttpRequest) -> FaultTarget:
    is_write = call.method not in {"GET", "HEAD"} and call.path not in _READS_BY_BODY
    is_dispatch = is_write and call.path.startswith("/v1/job/") and call.path.endswith(_DISPATCHES)
    has_token = is_dispatch and (bool(call.get("idempotency_token")) or b'"idempotencytoken"' in call.body.lower())
    return FaultTarget(
        is_write=is_write,
        is_dispatch=is_dispatch,
        has_token=has_token,
        is_stale=call.is_stale,
        is_local=call.path in _LOCAL,
    )


def _redirect(path: str, query: str) -> web.Response:
    """Go's router answers so to a path that is not clean."""
    location = re.sub("//+", "/", path) + (f"?{query}" if query else "")
    body = f'<a href="{escape(location)}">Temporary Redirect</a>.\n\n'
    headers = {"Location": location, "Content-Type": "text/html; charset=utf-8"}
    return web.Response(text=body, status=307, headers=headers)


def _response(call: HttpRequest, reply: Reply, *, leaderless: bool) -> web.Response:
    headers = {"Vary": "Accept-Encoding"}
    if reply.index is not None:
        headers["X-Nomad-Index"] = str(reply.index)
    if reply.is_query:
        headers["X-Nomad-Knownleader"] = "false" if leaderless else "true"
        headers["X-Nomad-Lastcontact"] = str(_NO_CONTACT_MS if leaderless else 0)
    if reply.next_token:
        headers["X-Nomad-Nexttoken"] = _CONTROL.sub(" ", reply.next_token)
    if not reply.has_body:
        return web.Response(status=reply.status, headers=headers)
    if reply.is_text:
        headers["Content-Type"] = _PLAIN
        return web.Response(body=str(reply.body).encode("utf-8", "replace"), status=reply.status, headers=headers)
    headers["Content-Type"] = "application/json"
    is_pretty = "pretty" in call.query and call.get("pretty") != "0"
    return web.Response(body=encode(reply.body, pretty=is_pretty), status=reply.status, headers=headers)


def _struck(request: web.BaseRequest, call: HttpRequest, verdict: FaultEffect) -> web.Response:
    """The answer of a fault."""
    if verdict.kind in {"reset", "drop-after-write"}:
        return _cut(request, reset=verdict.kind == "reset")
    if verdict.kind == "429":
        response = web.Response(body=TOO_MANY_TEXT, status=429, headers={"Content-Type": "text/plain"})
        response.force_close()
        return response
    if verdict.kind == "html":
        return web.Response(text=_PROXY_PAGE, status=502, content_type="text/html")
    text = "No cluster leader" if verdict.kind == "leaderless" else "rpc error: EOF"
    if call.path == "/v1/agent/health":
        text = json.dumps({"server": {"ok": False, "message": text}}, separators=(",", ":"))
    return web.Response(body=text.encode(), status=500, headers={"Content-Type": _PLAIN})


def _cut(request: web.BaseRequest, *, reset: bool) -> web.Response:
    """End the connection without an answer; what is returned is never sent."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        if reset and sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()
