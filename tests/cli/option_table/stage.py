"""Where options are tried out: a folder with a manifest and its job, past runs, and a server that keeps requests."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

import pytest

from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.events import Accepted, Cause, Ended, Event, Outcome, Sending, Verdict
from dispatchfile.journal import RunHeader, RunState, Target, list_runs
from dispatchfile.usecases.load import ManifestSource, load_items
from tests.dispatch_command.jobs import ask
from tests.usecases.past_runs import header, keep_run

JOB = """\
{"Job": {"ID": "work", "Type": "batch", "Datacenters": ["*"],
 "ParameterizedJob": {"Payload": "optional", "MetaRequired": ["how"]},
 "TaskGroups": [{"Name": "g", "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
  "ReschedulePolicy": {"Attempts": 0, "Unlimited": false},
  "Tasks": [{"Name": "t", "Driver": "raw_exec",
   "Config": {"command": "/bin/sh", "args": ["-c", "eval $NOMAD_META_how"]}}]}]}}
"""
MANIFEST = """\
version: 1
name: nightly
vars: {how: "true"}
dispatches:
  - {id: bad, job: work, meta: {how: "false"}, tags: [odd]}
  - {id: good, job: work, meta: {how: "{{ vars.how }}"}}
  - {id: more, job: work, meta: {how: "true"}}
  - {id: last, job: work, meta: {how: "true"}}
"""
REFUSAL = b"Permission denied"
LONG_AGO = 990.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the recording server got."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    certificate: bool  # whether the client showed one
    body: bytes


class RecordingServer:
    """Keeps every request and refuses it, as Nomad does with a token that may do nothing."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                split = urlsplit(self.path)
                shown = isinstance(self.connection, ssl.SSLSocket) and bool(self.connection.getpeercert())
                query = parse_qs(split.query)
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                server.requests.append(Request(self.command, split.path, query, dict(self.headers), shown, body))
                self.send_response(403)
                self.send_header("Content-Length", str(len(REFUSAL)))
                self.end_headers()
                self.wfile.write(REFUSAL)

            do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815  as the base class names them

            def log_message(self, *_: object) -> None:
                return

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"{'http' if context is None else 'https'}://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[RecordingServer]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up in the middle of a handshake is what some tests are about."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a command line."""

    code: int
    out: str
    err: str

    @property
    def items(self) -> dict[str, Mapping[str, object]]:
        """The items of a summary as JSON, by id."""
        return {item["id"]: item for item in json.loads(self.out)["items"]}

    @property
    def events(self) -> list[Mapping[str, object]]:
        """The events of an output as NDJSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def outcomes(self) -> dict[str, str]:
        return {name: f"{item['outcome']}/{item['cause'] or '-'}" for name, item in self.items.items()}


@dataclass(slots=True)
class Stage:
    """The working folder of one test, and the server that it may ask."""

    folder: Path
    server: RecordingServer
    capsys: pytest.CaptureFixture[str]
    certificates: Path
    tls_server: RecordingServer
    start_agent: Callable[[], str]  # once for all tests; gives its address

    def call(self, *argv: str) -> Answer:
        self.capsys.readouterr()
        code = run_to_exit_code(list(argv))
        captured = self.capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    def asked(self, *argv: str) -> list[Request]:
        """The requests that a command line sends to the recording server."""
        self.server.requests.clear()
        self.call(*argv)
        return list(self.server.requests)

    def asked_by_tls(self, *argv: str) -> list[Request]:
        self.tls_server.requests.clear()
        self.call(*argv)
        return list(self.tls_server.requests)

    def runs(self, state: str = "state") -> list[RunHeader]:
        """The runs in the journal, newest first."""
        stored, errors = list_runs(self.folder / state)
        assert errors == []
        return [run.header for run in stored]

    @property
    def agent(self) -> str:
        """The address of an embedded agent in a process of its own that has the job."""
        address = self.start_agent()
        ask(address, "PUT", "/v1/jobs", json.loads(JOB))
        return address

    def keep(
        self,
        run: str,
        *,
        state: RunState,
        ends: Mapping[str, Verdict | None],
        address: str = "local",
        changes: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """
        A past run of the folder's manifest.

        ends: how items ended, by id; None: Nomad has a child of it, and its end was not seen. Others were not sent.
        address: where it went. changes: of its header.
        """
        manifest = self.folder / "dispatchfile.yaml"
        items = load_items(ManifestSource(path=str(manifest), content=None, variables={}, environ={})).items
        events: list[Event] = []
        for item in items:
            if item.id in ends:
                events += _events(run, item.id, ends[item.id])
        head = header(
            id=run,
            manifest=str(manifest),
            local=address == "local",
            target=Target(address, "", ("default",)),
            **{"started_at": LONG_AGO, **changes},
        )
        asyncio.run(keep_run(self.folder / "state", items, events, head=head, state=state))


def _events(run: str, item: str, end: Verdict | None) -> list[Event]:
    child = f"work/dispatch-{run}-{item}-1-1795000000-00000000"
    sent: list[Event] = [Sending(item, 1, LONG_AGO), Accepted(item, 1, LONG_AGO + 1, child, "eval-1", existing=False)]
    if end is None:
        return sent
    if end.outcome is Outcome.UNSENT:
        return [Ended(item, 1, LONG_AGO + 2, end)]
    return [*sent, Ended(item, 1, LONG_AGO + 2, end)]


SUCCEEDED = Verdict(Outcome.SUCCEEDED)
FAILED = Verdict(Outcome.FAILED, Cause.EXIT, "exit code 1", 1)
UNSENT = Verdict(Outcome.UNSENT, Cause.INTERRUPTED, "interrupted")
UNKNOWN = Verdict(Outcome.UNKNOWN, Cause.COLLECTED, "gone")
