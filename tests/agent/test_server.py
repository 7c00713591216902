"""The agent on real sockets: what a client sees of connections, waits, faults and streams."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from dispatchfile.agent import EmbeddedAgent, RefusedJob, parse_fault
from dispatchfile.agent.records import Allocation
from dispatchfile.agent.scheduler import Report
from dispatchfile.agent.watches import WatchSet

from .fakes import FakeReport
from .recordings import body_of, recorded

JOB: Mapping[str, Any] = {**body_of("job/ok"), "ID": "ok", "Name": None}


class EndlessTask:
    """A task that runs until it is stopped, or until a test ends it."""

    def __init__(self, alloc: Allocation, report: Callable[[Report], None]) -> None:
        self.alloc = alloc
        self._report = report
        self._over = asyncio.Event()

    async def run(self) -> None:
        self._report(FakeReport("running", "Tasks are running"))
        await self._over.wait()
        self._report(FakeReport("complete", "All tasks have completed"))

    def stop(self, reason: str = "") -> None:
        self._over.set()


class Tasks:
    """The tasks that an agent was asked to run."""

    def __init__(self) -> None:
        self.all: list[EndlessTask] = []

    def __call__(self, alloc: Allocation, report: Callable[[Report], None]) -> EndlessTask:
        task = EndlessTask(alloc, report)
        self.all.append(task)
        return task


@asynccontextmanager
async def _agent(*faults: str, **options: Any) -> AsyncIterator[tuple[EmbeddedAgent, httpx.AsyncClient]]:
    options = {"jobs": [JOB], "make_runner": Tasks(), "batch_seconds": 0.0, **options}
    async with (
        EmbeddedAgent(faults=[parse_fault(fault) for fault in faults], **options) as agent,
        httpx.AsyncClient(base_url=agent.address, trust_env=False) as client,
    ):
        yield agent, client


async def _dispatch(client: httpx.AsyncClient, **query: str) -> dict[str, Any]:
    answer = await client.put("/v1/job/ok/dispatch", params=query, json={})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_answer_has_nomads_headers() -> None:
    """A query tells its index and whether there is a leader, in Nomad's spelling."""
    async with _agent() as (_, client):
        answer = await client.get("/v1/jobs")
        names = [name.decode() for name, _ in answer.headers.raw]
    assert {"X-Nomad-Index", "X-Nomad-Knownleader", "X-Nomad-Lastcontact", "Content-Type"} <= set(names)
    assert (answer.headers["X-Nomad-Knownleader"], answer.headers["Content-Type"]) == ("true", "application/json")


async def test_page_token_is_a_header() -> None:
    """A page that is not the last one names the next."""
    async with _agent(jobs=[JOB, {**JOB, "ID": "second"}]) as (_, client):
        first = await client.get("/v1/jobs", params={"per_page": 1})
        last = await client.get("/v1/jobs", params={"per_page": 1, "next_token": first.headers["X-Nomad-Nexttoken"]})
    assert (first.headers["X-Nomad-Nexttoken"], "X-Nomad-Nexttoken" in last.headers) == ("default.second", False)


async def test_unknown_route_has_no_body_at_all() -> None:
    """A path that is none of Nomad's is a 404 without a body and without a type."""
    async with _agent() as (_, client):
        answer = await client.get("/v1/nothing")
    assert (answer.status_code, answer.content, "Content-Type" in answer.headers) == (404, b"", False)


async def test_double_slash_is_redirected() -> None:
    """A path with an empty part is answered with the clean one, as recorded."""
    wanted = recorded("errors/raw-double-slash")["response"]
    async with _agent() as (_, client):
        answer = await client.get("/v1/job/a//b")
    assert (answer.status_code, answer.headers["Location"]) == (307, wanted["headers"]["Location"])
    assert answer.text.strip() == wanted["body_text"].strip()


async def test_encoded_slashes_belong_to_the_id() -> None:
    """An ID is read from its encoded form, whatever it contains."""
    async with _agent() as (_, client):
        answer = await client.put("/v1/job/ok/dispatch", json={"IdPrefixTemplate": "sp ace?x=1#hé%2F\u0000"})
        child = answer.json()["DispatchedJobID"]
        path = "".join(f"%{byte:02X}" for byte in child.encode())
        read = await client.get(f"/v1/job/{path}")
    assert (read.status_code, read.json()["ID"]) == (200, child)


async def test_pretty_is_indented() -> None:
    """A reader may ask for readable JSON."""
    async with _agent() as (_, client):
        answer = await client.get("/v1/regions", params={"pretty": ""})
    assert answer.text == '[\n    "global"\n]\n'


async def test_large_body_is_taken() -> None:
    """There is no limit on a body but the payload's."""
    async with _agent() as (_, client):
        answer = await client.put("/v1/job/ok/dispatch", json={"Meta": {"k": "x" * 3_000_000}})
    assert answer.status_code == 200


async def test_client_that_asks_before_sending_is_told_to_go_on() -> None:
    """A client that waits for a go-ahead with its body gets it."""
    async with _agent() as (agent, _):
        reader, writer = await _connect(agent)
        head = "PUT /v1/job/ok/dispatch HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        writer.write(head.encode())
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        writer.write(b"{}")
        await reader.readline()
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def _connect(agent: EmbeddedAgent) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = httpx.URL(agent.address)
    return await asyncio.open_connection(url.host, url.port)


# waiting


async def test_waiting_query_returns_with_the_change() -> None:
    """A query that waits is answered when its object changes, with the new index."""
    async with _agent() as (agent, client):
        child = (await _dispatch(client))["DispatchedJobID"]
        path = f"/v1/job/{child.replace('/', '%2F')}"
        first = await _until(client, path, lambda job: job["Status"] == "running")
        waiting = asyncio.create_task(client.get(path, params={"index": first, "wait": "30s"}))
        agent.stop_job(child)
        answer = await waiting
    assert (int(answer.headers["X-Nomad-Index"]) > first, answer.json()["Stop"]) == (True, True)


async def _until(client: httpx.AsyncClient, path: str, holds: Callable[[Any], bool]) -> int:
    """Wait with blocking queries until something holds; its index."""
    index = 0
    while True:
        answer = await client.get(path, params={"index": index, "wait": "10s"} if index else {})
        index = int(answer.headers["X-Nomad-Index"])
        if holds(answer.json()):
            return index


async def test_waiting_query_ends_with_its_time() -> None:
    """A query whose time is over is answered with the index it had."""
    async with _agent() as (_, client):
        index = (await client.get("/v1/job/ok")).headers["X-Nomad-Index"]
        answer = await client.get("/v1/job/ok", params={"index": index, "wait": "20ms"})
    assert (answer.status_code, answer.headers["X-Nomad-Index"]) == (200, index)


@pytest.mark.parametrize("recording", ["bad-index", "bad-wait", "bad-stale", "bad-per-page"])
async def test_bad_parameter_is_refused_as_recorded(recording: str) -> None:
    """A parameter that cannot be read is a 400 with Nomad's text."""
    exchange = recorded(f"errors/{recording}")
    async with _agent() as (_, client):
        answer = await client.get(exchange["request"]["path"], params=exchange["request"]["query"])
    assert (answer.status_code, answer.text) == (400, exchange["response"]["body_text"])


# connections


async def test_connection_over_the_limit_is_answered_at_once() -> None:
    """A connection too many gets the recorded bytes before it asks anything; the open ones go on."""
    async with _agent(max_connections=2) as (agent, _):
        first, second = await _connect(agent), await _connect(agent)
        reader, writer = await _connect(agent)
        assert (await reader.read()).decode() == recorded("errors/429-raw")["response_raw"]
        writer.close()
        first[1].close()
        await first[1].wait_closed()
        second[1].write(b"GET /v1/regions HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await second[0].readline()).startswith(b"HTTP/1.1 200")
        second[1].close()
        assert agent.peak_connections == 2


async def test_limit_is_explained_only_so_often() -> None:
    """After a hundred refusals in a moment connections are closed without a word."""
    async with _agent(max_connections=1) as (agent, _):
        kept = await _connect(agent)
        answers = []
        for _ in range(120):
            reader, writer = await _connect(agent)
            answers.append(await reader.read())
            writer.close()
        kept[1].close()
    assert 100 <= sum(answer.startswith(b"HTTP/1.1 429") for answer in answers) < 120
    assert answers[-1] == b""


async def test_unix_socket_is_not_limited(tmp_path: Path) -> None:
    """The same agent answers on a unix socket, without a limit of connections."""
    path = tmp_path / "agent.sock"
    async with _agent(max_connections=1, uds=path) as (_, _):
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answers = await asyncio.gather(*(client.get("/v1/regions") for _ in range(5)))
        assert [answer.json() for answer in answers] == [["global"]] * 5
    assert not path.exists()


async def test_agent_speaks_tls() -> None:
    """With a context the agent's address is https."""
    authority = trustme.CA()
    server, trusting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(trusting)
    async with (
        EmbeddedAgent(ssl_context=server, make_runner=Tasks()) as agent,
        httpx.AsyncClient(base_url=agent.address, verify=trusting, trust_env=False) as client,
    ):
        assert (agent.address[:8], (await client.get("/v1/regions")).json()) == ("https://", ["global"])


# faults


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("429=100%", 429, "Your IP is issuing too many concurrent connections, please rate limit your calls\n"),
        ("500=100%", 500, "rpc error: EOF"),
        ("leaderless=9", 500, "No cluster leader"),
    ],
)
async def test_fault_is_answered_in_nomads_words(fault: str, status: int, text: str) -> None:
    """A scripted refusal has the status and the text of a real one."""
    async with _agent(fault) as (_, client):
        answer = await client.get("/v1/jobs")
    assert (answer.status_code, answer.text) == (status, text)


async def test_proxy_page_is_html() -> None:
    """The html fault is the page of a proxy that does not reach Nomad."""
    async with _agent("html=100%") as (_, client):
        answer = await client.get("/v1/jobs")
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (502, "text/html")


async def test_stale_read_is_answered_without_a_leader() -> None:
    """Without a leader a stale read is answered and says so; the health check tells it in its own form."""
    async with _agent("leaderless=1h") as (_, client):
        stale = await client.get("/v1/jobs", params={"stale": ""})
        health = await client.get("/v1/agent/health")
        own = await client.get("/v1/agent/self")
    assert (stale.status_code, stale.headers["X-Nomad-Knownleader"]) == (200, "false")
    assert int(stale.headers["X-Nomad-Lastcontact"]) > 10**9
    assert (health.status_code, health.text) == (500, recorded("errors/no-leader-health")["response"]["body_text"])
    assert own.status_code == 200


async def test_reset_leaves_no_child_and_lost_answer_leaves_one() -> None:
    """A reset request was not processed; one whose answer was lost was."""
    for fault, error, children in (
        ("reset=100%:dispatch", httpx.ReadError, 0),
        ("drop-after-write=100%", httpx.RemoteProtocolError, 1),
    ):
        async with _agent(fault) as (agent, client):
            with pytest.raises(error):
                await client.put("/v1/job/ok/dispatch", json={})
            assert len(agent.state.children_of(("default", "ok"))) == children


async def test_delayed_write_goes_on_without_its_client() -> None:
    """A client that gives up does not call its dispatch back."""
    async with _agent("delay=50ms:dispatch") as (agent, client):
        changed = agent.state.watches.add(WatchSet(keys=(("jobs",),)))
        with pytest.raises(httpx.ReadTimeout):
            await client.put("/v1/job/ok/dispatch", json={}, timeout=httpx.Timeout(10, read=0.01))
        await asyncio.wait_for(changed[1].wait(), 10)
        assert len(agent.state.children_of(("default", "ok"))) == 1


async def test_phantom_is_answered_only_to_a_token() -> None:
    """A dispatch with a token may be told of a child that is not there; one without never is."""
    async with _agent("phantom=100%") as (_, client):
        plain = await _dispatch(client)
        phantom = await _dispatch(client, idempotency_token="t")
        reads = [
            (await client.get(f"/v1/job/{answer['DispatchedJobID'].replace('/', '%2F')}")).status_code
            for answer in (plain, phantom, await _dispatch(client, idempotency_token="t"))
        ]
    assert reads == [200, 404, 200]


async def test_dead_children_go_when_the_fault_says() -> None:
    """The gc fault forgets an ended child soon after its end."""
    tasks = Tasks()
    async with _agent("gc=10ms", make_runner=tasks) as (agent, client):
        child = (await _dispatch(client))["DispatchedJobID"]
        path = f"/v1/job/{child.replace('/', '%2F')}"
        index = await _until(client, path, lambda job: job["Status"] == "running")
        tasks.all[0].stop()
        while (answer := await client.get(path, params={"index": index, "wait": "10s"})).status_code == 200:
            index = int(answer.headers["X-Nomad-Index"])
        assert (answer.status_code, answer.text) == (404, "job not found")
        assert agent.state.children_of(("default", "ok")) == []


# streams and logs


async def test_event_stream_has_a_connection_of_its_own() -> None:
    """A stream has neither a length nor chunks, is not counted, and tells what happens."""
    async with _agent(max_connections=1) as (agent, _):
        reader, writer = await _connect(agent)
        writer.write(b"GET /v1/event/stream?topic=Job&index=1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert "Connection: close" in head
        assert not {"Content-Length", "Transfer-Encoding"} & {line.partition(":")[0] for line in head.split("\r\n")}
        assert await reader.readline() == b"{}\n"
        async with httpx.AsyncClient(base_url=agent.address, trust_env=False) as client:
            child = (await _dispatch(client))["DispatchedJobID"]
        keys: list[str] = []
        while child not in keys:
            keys += [event["Key"] for event in json.loads(await reader.readline())["Events"]]
        writer.close()


async def test_a_task_without_logging_has_no_log_entry() -> None:
    """As Nomad 2.0.5 words it."""
    task = {
        "Name": "t",
        "Driver": "raw_exec",
        "Config": {"command": "/bin/true"},
        "LogConfig": {"Disabled": True, "MaxFiles": 1, "MaxFileSizeMB": 1},
    }
    job = {"ID": "mute", "Type": "batch", "ParameterizedJob": {}, "TaskGroups": [{"Name": "g", "Tasks": [task]}]}
    async with _agent(jobs=[job], make_runner=None) as (_, client):
        child = (await client.put("/v1/job/mute/dispatch", json={})).json()["DispatchedJobID"]
        path = child.replace("/", "%2F")
        await _until(client, f"/v1/job/{path}", lambda read: read["Status"] == "dead")
        [alloc] = (await client.get(f"/v1/job/{path}/allocations")).json()
        read = await client.get(f"/v1/client/fs/logs/{alloc['ID']}", params={"task": "t", "type": "stdout"})
    assert (read.status_code, read.text) == (404, 'log entry for task "t" and log type "stdout" not found')


async def test_logs_of_a_real_task() -> None:
    """What a task writes can be read while and after it runs, plain and in frames, from both ends."""
    task = {
        "Name": "t",
        "Driver": "raw_exec",
        "Config": {"command": "/bin/sh", "args": ["-c", "echo one; echo two >&2; echo three"]},
    }
    job = {
        "ID": "echo",
        "Type": "batch",
        "ParameterizedJob": {},
        "TaskGroups": [{"Name": "g", "Tasks": [task]}],
    }
    async with _agent(jobs=[job], make_runner=None) as (_, client):
        child = (await client.put("/v1/job/echo/dispatch", json={})).json()["DispatchedJobID"]
        path = child.replace("/", "%2F")
        await _until(client, f"/v1/job/{path}", lambda read: read["Status"] == "dead")
        [alloc] = (await client.get(f"/v1/job/{path}/allocations")).json()
        assert alloc["ClientStatus"] == "complete", alloc
        logs = f"/v1/client/fs/logs/{alloc['ID']}"
        questions = [
            {"task": "t", "type": "stdout", "plain": "true"},
            {"task": "t", "type": "stderr", "plain": "true"},
            {"task": "t", "type": "stdout", "plain": "true", "offset": "4"},
            {"task": "t", "type": "stdout", "plain": "true", "origin": "end", "offset": "6"},
            {"task": "t", "type": "stdout", "plain": "true", "origin": "end", "offset": "600"},
            {"task": "t", "type": "stdout", "plain": "true", "origin": "end"},
        ]
        texts = [(await client.get(logs, params=question)).text for question in questions]
        framed = (await client.get(logs, params={"task": "t", "type": "stdout"})).json()
        async with client.stream("GET", logs, params={"task": "t", "type": "stdout", "follow": "true"}) as followed:
            first = await anext(followed.aiter_bytes())
        unknown = await client.get(logs, params={"task": "nope", "type": "stdout"})
    whole, end = "one\nthree\n", "three\n"
    assert texts == [whole, "two\n", end, end, whole, whole]
    assert framed == {"Data": "b25lCnRocmVlCg==", "File": "alloc/logs/t.stdout.0", "Offset": 10}
    assert json.loads(first) == framed
    assert (unknown.status_code, unknown.text) == (400, 'unknown task name "nope"')


# the object


async def test_agent_refuses_to_be_reached_from_elsewhere() -> None:
    """An address that others can reach needs to be asked for in words."""
    for bind in ("0.0.0.0", "192.0.2.1", "::", "example.org"):
        with pytest.raises(ValueError, match="run commands here"):
            EmbeddedAgent(bind=bind)
    assert EmbeddedAgent(bind="localhost")
    assert EmbeddedAgent(bind="0.0.0.0", allow_remote=True)


async def test_agent_refuses_a_job_it_cannot_run() -> None:
    """A job of the start that has a problem is an error that names both."""
    with pytest.raises(RefusedJob, match=r"job 'bad': 1 error occurred:\s+\* Missing job task groups"):
        async with _agent(jobs=[{"ID": "bad", "Type": "batch"}]):
            pass


async def test_job_file_makes_its_namespace() -> None:
    """A namespace that a job of the start names is there."""
    async with _agent(jobs=[{**JOB, "Namespace": "team"}]) as (_, client):
        names = [one["Name"] for one in (await client.get("/v1/namespaces")).json()]
    assert names == ["default", "team"]


async def test_end_of_the_agent_ends_tasks_and_folders() -> None:
    """After its end nothing listens any more, and no task waits."""
    tasks = Tasks()
    async with _agent(make_runner=tasks) as (agent, client):
        child = (await _dispatch(client))["DispatchedJobID"]
        await _until(client, f"/v1/job/{child.replace('/', '%2F')}", lambda job: job["Status"] == "running")
        address = httpx.URL(agent.address)
        folder = agent.folder
    with socket.socket() as sock:
        assert sock.connect_ex((address.host, address.port or 0)) != 0
    assert _is_gone(folder)


def _is_gone(folder: Path) -> bool:
    return not folder.exists()


async def test_agent_serves_until_it_is_closed() -> None:
    """Who waits for the agent goes on when it is closed."""
    async with _agent() as (agent, client):
        waiting = asyncio.create_task(agent.wait_closed())
        assert (await client.get("/v1/agent/health")).json()["server"]["ok"]
        agent.close()
        await waiting
        assert agent.requests == 1


async def test_runner_that_breaks_fails_its_allocation() -> None:
    """A runner that cannot go on is reported, not forgotten."""

    class Broken(EndlessTask):
        async def run(self) -> None:
            raise RuntimeError("no such luck")

    async with _agent(make_runner=Broken) as (_, client):
        child = (await _dispatch(client))["DispatchedJobID"].replace("/", "%2F")
        await _until(client, f"/v1/job/{child}", lambda job: job["Status"] == "dead")
        [alloc] = (await client.get(f"/v1/job/{child}/allocations")).json()
    assert (alloc["ClientStatus"], "no such luck" in alloc["ClientDescription"]) == ("failed", True)
