"""A server that answers as a test wants it, in a thread of its own: for what real ones do only in bad moments."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; the path is decoded."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. *body*: a text, or a value that is sent as JSON; None closes the connection instead."""

    body: object = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[Asked], Reply]


@dataclass(slots=True)
class Scripted:
    """The server; what it was asked is kept."""

    address: str
    asked: list[Asked] = field(default_factory=list)

    def dispatches(self) -> list[Asked]:
        return [each for each in self.asked if each.path.endswith("/dispatch")]


@contextmanager
def scripted(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    served = Scripted("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, unquote(parts.path), dict(parse_qsl(parts.query)), body)
            served.asked.append(asked)
            reply = script(asked)
            if reply.body is None:
                self.close_connection = True
                return
            content = reply.body.encode() if isinstance(reply.body, str) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, text in {"Content-Length": str(len(content)), **reply.headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(content)

        do_PUT = do_DELETE = do_GET  # noqa: N815  http.server's names

        def handle(self) -> None:
            with suppress(ConnectionError, ssl.SSLError):  # of a client that has seen enough
                super().handle()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        served.address = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


EVAL_ID = "11111111-2222-3333-4444-555555555555"
NOT_FOUND = Reply("job not found", 404)
FORBIDDEN = Reply("Permission denied", 403)


def stub(job_id: str, namespace: str = "default") -> dict[str, object]:
    """A row of the job list."""
    return {"ID": job_id, "Namespace": namespace, "Type": "batch", "Status": "running", "ParameterizedJob": True}


def dispatched(child: str, *, eval_id: str = EVAL_ID, index: int = 10) -> Reply:
    """Nomad's answer to a dispatch."""
    return Reply({"DispatchedJobID": child, "EvalID": eval_id, "JobCreateIndex": 10, "Index": index})


def with_job(on_dispatch: Script, *, otherwise: Script = lambda _: NOT_FOUND) -> Script:
    """A Nomad that has the parameterized job `ok`, and no other."""

    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/jobs":
            return Reply([stub("ok")])
        return on_dispatch(asked) if asked.path.endswith("/dispatch") else otherwise(asked)

    return script
