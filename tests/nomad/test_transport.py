"""Requests to Nomad: what arrives, what it means when nothing does, and how few connections it takes."""

import asyncio
import gzip
import random
import ssl
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from dispatchfile.errors import FileError, NomadAmbiguous, NomadError, NomadThrottled, NomadUnavailable, NomadUnreadable
from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.connection import Connection, read_connection
from dispatchfile.nomad.refusals import trouble_of_write
from dispatchfile.nomad.transport import ConnectionLimits, HttpTransport, limits_of
from dispatchfile.nomad.transport.faults import Fate, TransportFault
from dispatchfile.nomad.transport.http import headers_of
from dispatchfile.nomad.transport.http1 import Http1
from dispatchfile.nomad.transport.pool import ConnectionPool
from dispatchfile.nomad.transport.pooled_connection import PooledConnection
from dispatchfile.nomad.transport.proxied import ProxiedBackend
from tests.nomad.loopback import Line, echo, refusing, serving
from tests.nomad.recorded import recording

SOON = timedelta(seconds=0.05)
TARGET = "/v1/job/a%2Fb?namespace=media"


def transport_to(address, *, max_connections=4, flags=(), environ=(), limits=(), **times):
    """A transport to an address, with shorter patience where *times* says so."""
    read = read_connection({"address": address} | dict(flags), dict(environ))
    fields = {name: getattr(read, name) for name in Connection.__slots__}
    connection = Connection(**(fields | times))
    return HttpTransport(connection, replace(limits_of(connection, max_connections=max_connections), **dict(limits)))


async def both(transport):
    """What a GET and a PUT raise."""
    with pytest.raises(NomadError) as get:
        await transport.send("GET", TARGET)
    with pytest.raises(NomadError) as put:
        await transport.send("PUT", TARGET, b"{}")
    return get.value, put.value


async def drip(line: Line):
    """An answer that is never silent for long, and never complete."""
    await line.request()
    await line.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n")
    while True:
        await line.write(b".")
        await asyncio.sleep(0.005)


async def faults_of(script, **how):
    """What a GET and a PUT raise at a server that follows *script*."""
    async with serving(script) as server, transport_to(server.address, **how) as transport:
        return await both(transport)


def assert_lost(faults, story):
    """A GET may be repeated, a PUT may have been carried out; both say what happened."""
    get, put = faults
    assert (type(get), type(put)) == (NomadUnavailable, NomadAmbiguous)
    assert story in str(get)
    assert story in str(put)
    assert "may have been carried out" in str(put)


# What arrives


async def test_requests_one_after_the_other_share_one_connection():
    """Keep-alive: the same connection serves them all."""
    async with serving(echo) as server, transport_to(server.address) as transport:
        answers = [await transport.send("PUT", f"/v1/{n}", b"{}") for n in range(5)]
        assert [answer.body for answer in answers] == [b"PUT /v1/%d {}" % n for n in range(5)]
        assert (server.connections, transport.peak_connections, transport.counters.requests) == (1, 1, 5)


@pytest.mark.parametrize(
    ("method", "body", "length"), [("GET", b"", None), ("PUT", b'{"a":1}', "7"), ("DELETE", b"", None)]
)
async def test_a_request_arrives_as_it_was_asked_for(method, body, length):
    """Method, target without a change, body, and the headers of the connection."""
    seen = []

    async def script(line: Line):
        seen.append(await line.request())
        await line.answer()

    flags, environ = {"token": "t-1"}, {"NOMAD_HTTP_AUTH": "ann"}
    async with serving(script) as server, transport_to(server.address, flags=flags, environ=environ) as transport:
        await transport.send(method, TARGET, body)
        host = server.address.removeprefix("http://")
    (request,) = seen
    assert (request.method, request.target, request.body) == (method, TARGET, body)
    assert request.headers.get("content-length") == length
    assert request.headers["host"] == host
    assert request.headers["x-nomad-token"] == "t-1"
    assert request.headers["authorization"] == "Basic YW5uOg=="  # "ann:"
    assert "accept-encoding" not in request.headers  # on one machine, packing is a waste


async def test_a_path_in_the_address_is_put_in_front():
    """For agents that a proxy shows below a path."""
    async with serving(echo) as server, transport_to(f"{server.address}/nomad/") as transport:
        assert (await transport.send("GET", "/v1/jobs")).body == b"GET /nomad/v1/jobs "


async def test_any_status_is_an_answer_with_its_headers_by_lower_case_name():
    """What it means is for others to say; redirects are not followed."""

    async def script(line: Line):
        await line.request()
        await line.answer(307, b"gone", Location="/v1/a", X_Nomad_INDEX="7")

    async with serving(script) as server, transport_to(server.address) as transport:
        answer = await transport.send("GET", "/v1/a//b")
    assert (answer.status, answer.body) == (307, b"gone")
    assert (answer.headers["location"], answer.headers["x-nomad-index"]) == ("/v1/a", "7")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc",
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/0.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ids=["chunked", "informational", "until-close", "http-1.0", "http-0.0"],
)
async def test_a_body_is_whole_however_it_is_framed(raw):
    """Every framing that HTTP/1 knows, in as many pieces as it takes; 1.11.2 says HTTP/0.0."""

    async def script(line: Line):
        await line.request()
        for byte in raw:
            await line.write(bytes([byte]))

    async with serving(script) as server, transport_to(server.address) as transport:
        answer = await transport.send("GET", TARGET)
    assert (answer.status, answer.body) == (200, b"abc")


async def test_a_packed_answer_is_unpacked():
    """Nomad packs what is long, errors too, for who accepts it."""

    async def script(line: Line):
        await line.request()
        await line.answer(500, gzip.compress(b"x" * 5000), Content_Encoding="gzip")

    async with serving(script) as server, transport_to(server.address) as transport:
        assert (await transport.send("GET", TARGET)).body == b"x" * 5000


async def test_a_unix_socket_is_spoken_to_as_nomads_client_does(tmp_path):
    """HTTP through the socket, with a loopback host."""
    seen = []

    async def script(line: Line):
        seen.append(await line.request())
        await line.answer()

    async with (
        serving(script, socket=str(tmp_path / "api.sock")) as server,
        transport_to(server.address, environ={"HTTP_PROXY": "http://127.0.0.1:1"}) as transport,
    ):
        await transport.send("GET", TARGET)
    assert seen[0].headers["host"] == "127.0.0.1"


# The pool


async def test_never_more_connections_than_allowed_and_first_come_first_served():
    """Whoever finds all connections busy stands in line; only to a new connection a server is given time to refuse."""
    served = []

    async def script(line: Line):
        while request := await line.request():
            served.append(request.target)
            await asyncio.sleep(0)
            await line.answer()

    async with serving(script) as server, transport_to(server.address, max_connections=3) as transport:
        await asyncio.gather(*(transport.send("GET", f"/{n:02}") for n in range(30)))
        assert (server.peak, transport.peak_connections) == (3, 3)
    assert sorted(served) == [f"/{n:02}" for n in range(30)]
    from_the_line = [int(target[1:]) for target in served if target >= "/03"]
    assert all(abs(number - place) <= 3 for place, number in enumerate(from_the_line, 3))


async def test_the_connection_used_last_is_used_first():
    """What a burst needed falls idle, and an idle connection can be closed."""
    async with serving(echo) as server, transport_to(server.address) as transport:
        await asyncio.gather(*(transport.send("GET", "/burst") for _ in range(4)))
        for _ in range(8):
            await transport.send("GET", "/calm")
        assert server.connections == 4
        pool = transport._backend
        assert [wire._served for wire in pool._idle].count(1) == 3


async def test_idle_connections_are_closed_after_a_while():
    """Before a load balancer does it, and so that they do not count against the server's limit."""
    async with serving(echo) as server, transport_to(server.address, limits={"idle_s": 0.0}) as transport:
        for _ in range(3):
            await transport.send("GET", TARGET)
            await asyncio.sleep(0)
        assert server.connections == 3
        assert transport.peak_connections == 1


async def test_leaving_closes_every_connection():
    """The server sees them end."""
    async with serving(echo) as server:
        async with transport_to(server.address) as transport:
            await asyncio.gather(*(transport.send("GET", TARGET) for _ in range(4)))
            assert server.open == 4
        async with asyncio.timeout(5):
            await server.closed.wait()


async def test_a_connection_that_ended_while_idle_is_not_used_again():
    """Its end is seen before a request goes out on it, so that nothing is in doubt."""

    async def script(line: Line):
        await line.request()
        await line.answer()

    async with serving(script) as server, transport_to(server.address) as transport:
        for expected in (1, 2, 3):
            await transport.send("PUT", TARGET, b"{}")
            await until(lambda: transport._backend._idle[0]._is_over)
            assert server.connections == expected


async def test_a_connection_that_speaks_up_while_idle_is_not_used_again():
    """Some proxies say 408 before they close; that is no answer to the next request."""
    bored = asyncio.Event()

    async def script(line: Line):
        await line.request()
        await line.answer()
        await bored.wait()
        await line.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await line.gone()

    async with serving(script) as server, transport_to(server.address) as transport:
        await transport.send("PUT", TARGET, b"{}")
        bored.set()
        await until(lambda: transport._backend._idle[0]._is_spoken_to)
        assert (await transport.send("PUT", TARGET, b"{}")).status == 200
        assert server.connections == 2


async def test_a_cancelled_request_gives_its_place_back_and_its_connection_up():
    """A late answer to it must not be taken for the answer to the next one."""
    arrived = asyncio.Event()

    async def script(line: Line):
        while request := await line.request():
            if request.target == "/slow":
                arrived.set()
                await line.gone()
            else:
                await line.answer(body=request.target.encode())

    async with serving(script) as server, transport_to(server.address, max_connections=1) as transport:
        task = asyncio.create_task(transport.send("PUT", "/slow", b"{}"))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await transport.send("GET", "/next")).body == b"/next"
        assert (server.connections, server.peak) == (2, 1)


async def test_leaving_the_line_loses_no_place():
    """However many give up waiting, the connection goes to who still waits."""
    going = asyncio.Event()

    async def script(line: Line):
        while request := await line.request():
            await going.wait()
            await line.answer(body=request.target.encode())

    async with serving(script) as server, transport_to(server.address, max_connections=1) as transport:
        tasks = [asyncio.create_task(transport.send("GET", f"/{n}")) for n in range(6)]
        await until(lambda: len(transport._backend._turns) == 5)
        for task in tasks[1:5]:
            task.cancel()
        going.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [getattr(answer, "body", None) for answer in done] == [b"/0", None, None, None, None, b"/5"]
        assert (await transport.send("GET", "/6")).body == b"/6"
        assert server.peak == 1


async def test_a_place_handed_to_one_who_leaves_goes_to_the_next():
    """Cancelled in the very round in which its turn came."""

    async def script(line: Line):
        while request := await line.request():
            await line.answer(body=request.target.encode())

    async with serving(script) as server, transport_to(server.address, max_connections=1) as transport:

        async def send_then_cancel():
            await transport.send("GET", "/1")
            second.cancel()

        first = asyncio.create_task(send_then_cancel())
        await asyncio.sleep(0)
        second = asyncio.create_task(transport.send("GET", "/2"))
        third = asyncio.create_task(transport.send("GET", "/3"))
        await first
        assert (await third).body == b"/3"
        with pytest.raises(asyncio.CancelledError):
            await second
        assert server.connections == 1


async def test_a_failed_connection_gives_its_place_back():
    """Refused connections do not use up the pool."""
    async with serving(echo) as server:
        address = server.address
    async with transport_to(address, max_connections=1) as transport:
        for _ in range(3):
            with pytest.raises(NomadUnavailable, match="connection refused: is the agent running"):
                await transport.send("PUT", TARGET, b"{}")
        assert transport._backend._places == 0


async def test_waiting_for_a_connection_in_vain_is_surely_not_sent():
    """The request never left."""
    async with (
        serving(drip) as server,
        transport_to(server.address, max_connections=1, request_timeout=SOON) as transport,
    ):
        first = asyncio.create_task(transport.send("GET", "/1"))
        await asyncio.sleep(0)
        with pytest.raises(NomadUnavailable, match=r"no connection was free for 0\.05 s"):
            await transport.send("PUT", "/2", b"{}")
        first.cancel()


async def test_whatever_happens_answers_go_to_their_questions_and_no_place_is_lost():
    """Answers, closings, resets, halves and cancellations at random, many at a time, over few connections."""
    chance, arrived = random.Random(7), set()

    async def moody(line: Line):
        if chance.random() < 0.2:
            return
        while request := await line.request():
            arrived.add(request.target)
            mood = chance.random()
            await asyncio.sleep(0)
            if mood < 0.05:
                return
            if mood < 0.1:
                line.reset()
            elif mood < 0.15:
                await line.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
                return
            elif mood < 0.2:
                await line.answer(body=request.target.encode(), Connection="close")
            else:
                await line.answer(body=request.target.encode())

    async with serving(moody) as server, transport_to(server.address, max_connections=5) as transport:
        tasks = [asyncio.create_task(transport.send("PUT", f"/{n}", b"{}")) for n in range(400)]
        for _ in range(60):
            chance.choice(tasks).cancel()
            await asyncio.sleep(0.001)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        pool = transport._backend
        for _ in range(3):  # sockets are closed in the event loop's next round
            await asyncio.sleep(0)
        assert server.peak <= transport.peak_connections == 5
        assert (pool._places, len(pool._turns)) == (len(pool._idle), 0)
        assert len(pool._connections) == len(pool._idle)
    assert all(end.body == b"/%d" % n for n, end in enumerate(ends) if isinstance(end, Answer))
    assert not [n for n, end in enumerate(ends) if isinstance(end, NomadUnavailable) and f"/{n}" in arrived]
    kinds = Counter(type(end) for end in ends)
    assert kinds[Answer] > 200
    assert kinds[NomadUnavailable] > 5
    assert set(kinds) <= {Answer, NomadAmbiguous, NomadUnavailable, asyncio.CancelledError}


# Faults of requests


async def test_a_connection_closed_without_an_answer_leaves_a_write_in_doubt():
    """The server may have done it before it ended."""

    async def script(line: Line):
        await line.request()

    assert_lost(await faults_of(script), "closed without an answer")


async def test_a_reset_leaves_a_write_in_doubt():
    """As above, less polite."""

    async def script(line: Line):
        await line.request()
        line.reset()

    assert_lost(await faults_of(script), "connection reset by peer")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    ],
    ids=["length", "chunked"],
)
async def test_half_an_answer_is_none(raw):
    """A cut body is not taken for a short one."""

    async def script(line: Line):
        await line.request()
        await line.write(raw)

    assert_lost(await faults_of(script), "in the middle of the answer")


async def test_half_a_head_is_no_answer():
    """Cut in the first line."""

    async def script(line: Line):
        await line.request()
        await line.write(b"HTTP/1.1 20")

    assert_lost(await faults_of(script), "closed without an answer")


async def test_silence_ends_after_the_request_timeout():
    """Nothing was heard for so long."""

    async def script(line: Line):
        await line.gone()

    assert_lost(await faults_of(script, request_timeout=SOON), "no data received for 0.05 s")


async def test_an_answer_in_drips_ends_too():
    """A server that always says a little and never comes to an end does not hold the tool for ever."""
    assert_lost(await faults_of(drip, limits={"whole_s": 0.2}), "not complete after 0.2 s")


@pytest.mark.parametrize(
    "raw", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x00\x01garbage\r\n\r\n", b"HTTP/1.1 two hundred\r\n\r\n"]
)
async def test_a_server_that_does_not_speak_http_is_not_nomad(raw):
    """A read says so at once; a write was sent, and what came back tells nothing of it."""

    async def script(line: Line):
        await line.request()
        await line.write(raw)
        await line.gone()

    get, put = await faults_of(script)
    assert (type(get), type(put)) == (NomadUnreadable, NomadAmbiguous)
    assert "not an HTTP answer" in str(get)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
    ],
    ids=["huge", "endless-head", "negative", "brotli", "bad-gzip"],
)
async def test_answers_that_no_nomad_gives_are_not_read(raw):
    """100 MB announced, a head without end, lengths and packings that make no sense."""

    async def script(line: Line):
        while await line.request():
            await line.write(raw)
            line.begin_anew()

    get, put = await faults_of(script)
    assert (type(get), type(put)) == (NomadUnreadable, NomadAmbiguous)


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_without_end_is_cut_off(packed):
    """Whatever it announced, and also where it is small only while packed."""

    async def script(line: Line):
        await line.request()
        if packed:
            await line.answer(body=gzip.compress(b"0" * (1 << 21)), Content_Encoding="gzip")
        else:
            await line.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                await line.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    get, put = await faults_of(script, limits={"answer_bytes": 1 << 20})
    assert (type(get), type(put)) == (NomadUnreadable, NomadAmbiguous)
    assert "the answer is larger than 1 MiB" in str(get)


async def test_a_packed_answer_that_is_cut_off_is_none():
    """The end of the packing is missing, though the length was right."""

    async def script(line: Line):
        await line.request()
        await line.answer(body=gzip.compress(b"[]" * 500)[:-8], Content_Encoding="gzip")

    get, _ = await faults_of(script)
    assert type(get) is NomadUnreadable


async def test_429_at_the_door_is_an_answer_and_counted():
    """Over its limit of connections Nomad answers before it has read anything."""
    raw = recording("errors", "429-raw")["response_raw"].encode()

    async def script(line: Line):
        await line.write(raw)
        line.writer.write_eof()
        await line.gone()

    async with serving(script) as server, transport_to(server.address) as transport:
        answer = await transport.send("PUT", TARGET, b"{}")
        assert type(trouble_of_write(answer)) is NomadThrottled
        assert transport.counters.throttled == 1


# One connection, without a network


class Pipe(asyncio.Transport):
    """A transport that takes what it is told to take."""

    def __init__(self, wire, *, breaks=False, fills=False):
        super().__init__()
        self.wire, self.breaks, self.fills = wire, breaks, fills
        self.written, self.closed = b"", False
        wire.connection_made(self)

    def set_write_buffer_limits(self, high=None, low=None):
        assert (high, low) == (1, 0)

    def write(self, data):
        if self.breaks:
            self.closed = True
            return
        self.written += bytes(data)
        if self.fills:
            self.wire.pause_writing()

    def is_closing(self):
        return self.closed

    def abort(self):
        self.closed = True


def new_connection():
    loop, limits = (
        asyncio.get_running_loop(),
        ConnectionLimits(max_connections=1, connect_s=5.0, silence_s=30.0, whole_s=120.0),
    )
    return PooledConnection(loop, Http1(((b"Host", b"nomad"),), most_bytes=limits.answer_bytes), limits)


def put(wire):
    return wire.ask("PUT", b"/v1", b"{}", since=asyncio.get_running_loop().time())


async def ask(wire, pipe):
    """A request in flight: written, or over."""
    task = asyncio.create_task(put(wire))
    await until(lambda: pipe.written or pipe.closed or task.done())
    return task


async def settled(task):
    await asyncio.wait([task], timeout=5)
    return task.exception()


async def test_a_connection_that_took_nothing_has_sent_nothing():
    """The first write already failed."""
    wire = new_connection()
    task = await ask(wire, Pipe(wire, breaks=True))
    wire.connection_lost(BrokenPipeError(32, "Broken pipe"))
    assert (await settled(task)).fate is Fate.UNSENT


async def test_a_connection_lost_before_all_was_sent_has_sent_nothing_of_use():
    """Without its last byte a body is no JSON, so nobody can have acted on it."""
    wire = new_connection()
    pipe = Pipe(wire, fills=True)
    task = await ask(wire, pipe)
    wire.eof_received()
    assert (await settled(task)).fate is Fate.UNSENT
    assert pipe.closed  # and what was left will not be sent either


async def test_a_connection_lost_after_all_was_sent_is_in_doubt():
    """The buffer has drained: the other side may have it all."""
    wire = new_connection()
    task = await ask(wire, Pipe(wire, fills=True))
    wire.resume_writing()
    wire.connection_lost(ConnectionResetError(104, "reset"))
    assert (await settled(task)).fate is Fate.LOST


@pytest.mark.parametrize("lost", [False, True])
async def test_a_new_connection_that_is_closed_before_it_was_used_has_sent_nothing(lost):
    """Beyond its budget for 429 Nomad just closes."""
    wire = new_connection()
    pipe = Pipe(wire)
    wire.connection_lost(None) if lost else wire.eof_received()
    assert (await settled(await ask(wire, pipe))).fate is Fate.UNSENT
    assert pipe.written == b""


async def test_an_answer_that_comes_before_the_question_is_taken_without_asking():
    """429 at the door: the request is not even written."""
    wire = new_connection()
    pipe = Pipe(wire)
    wire.data_received(b"HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n")
    task = asyncio.create_task(put(wire))
    await until(lambda: wire._waiting)
    wire.data_received(b"Content-Length: 0\r\n\r\n")
    await asyncio.wait([task], timeout=5)
    assert (task.result().status, pipe.written) == (429, b"")
    assert not wire.is_usable(0.0)


# TLS


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory):
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


def server_tls(leaf, *, clients=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        clients.configure_trust(context)
    return context


def written_pair(leaf, folder):
    """Paths of a certificate and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    leaf.cert_chain_pems[0].write_to_path(str(cert))
    leaf.private_key_pem.write_to_path(str(key))
    return {"client_cert": str(cert), "client_key": str(key)}


async def test_a_ca_file_or_a_folder_of_them_makes_the_server_trusted(authority, ca_file, tmp_path):
    """Also over many requests on one connection."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "my.ca").write_text("# für uns\n" + authority.cert_pem.bytes().decode(), encoding="utf-8")
    tls = server_tls(authority.issue_cert("127.0.0.1"))
    for flags in ({"ca_cert": ca_file}, {"ca_path": str(tmp_path)}, {"ca_cert": ca_file, "ca_path": "/nowhere"}):
        async with serving(echo, tls=tls) as server, transport_to(server.address, flags=flags) as transport:
            for _ in range(3):
                assert (await transport.send("PUT", "/v1", b"x" * 100_000)).status == 200
            assert server.connections == 1


@pytest.mark.parametrize(
    ("names", "flags", "advice"),
    [
        (["127.0.0.1"], {}, "pass its CA with --ca-cert"),
        (["server.global.nomad"], {"ca_cert": "CA"}, "--tls-server-name"),
        (["127.0.0.1"], {"ca_cert": "CA", "tls_server_name": "server.global.nomad"}, "--tls-server-name"),
    ],
    ids=["unknown-ca", "wrong-address", "wrong-name"],
)
async def test_a_certificate_that_is_not_trusted_says_what_to_try(authority, ca_file, names, flags, advice):
    """Nothing was sent, and trying again at once is useless."""
    flags = {key: ca_file if value == "CA" else value for key, value in flags.items()}
    tls = server_tls(authority.issue_cert(*names))
    async with serving(echo, tls=tls) as server, transport_to(server.address, flags=flags) as transport:
        get, put = await both(transport)
    assert (type(get), type(put)) == (NomadUnavailable, NomadUnavailable)
    assert "its certificate is not trusted" in str(get)
    assert advice in str(get)
    assert get.is_lasting


async def test_an_expired_certificate_says_so(authority, ca_file):
    """It may also be this machine's clock."""
    past = datetime(2020, 1, 1, tzinfo=UTC)
    tls = server_tls(authority.issue_cert("127.0.0.1", not_before=past, not_after=past))
    async with serving(echo, tls=tls) as server, transport_to(server.address, flags={"ca_cert": ca_file}) as transport:
        with pytest.raises(NomadUnavailable, match=r"certificate has expired.*clock"):
            await transport.send("PUT", TARGET, b"{}")


async def test_the_server_name_may_be_given_and_verification_switched_off(authority, ca_file):
    """Nomad's own certificates are made for server.<region>.nomad."""
    tls = server_tls(authority.issue_cert("server.global.nomad"))
    for flags in ({"ca_cert": ca_file, "tls_server_name": "server.global.nomad"}, {"tls_skip_verify": True}):
        async with serving(echo, tls=tls) as server, transport_to(server.address, flags=flags) as transport:
            assert (await transport.send("GET", TARGET)).status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_is_shown_where_it_is_asked_for(authority, ca_file, tmp_path, version):
    """Mutual TLS, in both versions."""
    tls = server_tls(authority.issue_cert("127.0.0.1"), clients=authority)
    tls.maximum_version = version
    flags = {"ca_cert": ca_file} | written_pair(authority.issue_cert("cli.global.nomad"), tmp_path)
    async with serving(echo, tls=tls) as server, transport_to(server.address, flags=flags) as transport:
        assert (await transport.send("GET", TARGET)).status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_missing_client_certificate_is_told_and_surely_nothing_was_sent(authority, ca_file, version):
    """Under TLS 1.3 the refusal comes after the handshake and looks like a lost answer, but is none."""
    tls = server_tls(authority.issue_cert("127.0.0.1"), clients=authority)
    tls.maximum_version = version
    with refusing(tls) as address:
        async with transport_to(address, flags={"ca_cert": ca_file}) as transport:
            get, put = await both(transport)
    assert (type(get), type(put)) == (NomadUnavailable, NomadUnavailable)
    assert "set --client-cert and --client-key" in str(put) or "ask for --client-cert" in str(put)
    assert put.is_lasting


async def test_a_client_certificate_of_another_ca_is_told(authority, ca_file, tmp_path):
    """The server does not know who made it."""
    tls = server_tls(authority.issue_cert("127.0.0.1"), clients=authority)
    flags = {"ca_cert": ca_file} | written_pair(trustme.CA().issue_cert("cli.global.nomad"), tmp_path)
    with refusing(tls) as address:
        async with transport_to(address, flags=flags) as transport:
            with pytest.raises(NomadUnavailable, match="does not know the CA of the client certificate"):
                await transport.send("PUT", TARGET, b"{}")


async def test_https_to_a_server_without_tls_says_http():
    """The other mistake, http to a server with TLS, is answered by Nomad itself."""
    async with serving(echo) as server, transport_to(server.address.replace("http", "https")) as transport:
        with pytest.raises(NomadUnavailable, match=r"does not use TLS: use an http:// address\?"):
            await transport.send("PUT", TARGET, b"{}")


def test_files_that_hold_no_certificate_are_named(authority, ca_file, tmp_path):
    """When the backend is made, before anything is sent."""
    (tmp_path / "no.pem").write_text("nothing")
    (tmp_path / "empty").mkdir()
    pair = written_pair(authority.issue_cert("a"), tmp_path)
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("b").private_key_pem.write_to_path(str(other))
    for flags, path, reason in [
        ({"ca_cert": "/nowhere.pem"}, "/nowhere.pem", "No such file"),
        ({"ca_cert": str(tmp_path / "no.pem")}, str(tmp_path / "no.pem"), "contains no PEM certificate"),
        ({"ca_cert": str(tmp_path)}, str(tmp_path), "Is a directory"),
        ({"ca_path": "/nowhere"}, "/nowhere", "not a folder with CA certificates"),
        ({"ca_path": str(tmp_path / "empty")}, str(tmp_path / "empty"), "not a folder with CA certificates"),
        ({"client_cert": "/nowhere", "client_key": "/n"}, "/nowhere", "No such file"),
        (pair | {"client_key": str(other)}, f"{pair['client_cert']} and {other}", "does not belong"),
        (pair | {"client_key": ca_file}, f"{pair['client_cert']} and {ca_file}", "unencrypted"),
    ]:
        with pytest.raises(FileError, match=reason) as caught:
            transport_to("https://nomad", flags=flags)
        assert caught.value.path == path


# Through a proxy


async def relay(line: Line):
    """A proxy as plain as can be: it answers for the target, or connects and copies."""
    request = await line.request()
    if request.method != "CONNECT":
        await line.answer(body=f"{request.target} {request.headers.get('proxy-authorization')}".encode())
        return
    reader, writer = await asyncio.open_connection(*request.target.replace("nomad.example", "127.0.0.1").split(":"))
    await line.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await asyncio.gather(_copy(line.reader, writer), _copy(reader, line.writer))


async def _copy(reader, writer):
    try:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
    finally:
        writer.close()


async def test_plain_http_goes_through_the_proxy_with_its_own_target():
    """The proxy is asked for the whole URL, percent-encoding untouched."""
    async with serving(relay) as proxy:
        environ = {"HTTP_PROXY": proxy.address.replace("//", "//ann:secret@")}
        async with transport_to("http://nomad.example:4646", environ=environ) as transport:
            answer = await transport.send("PUT", TARGET, b"{}")
            assert answer.body == f"http://nomad.example:4646{TARGET} Basic YW5uOnNlY3JldA==".encode()
            assert transport.peak_connections == 1


async def test_tls_goes_through_the_proxy_with_the_server_name_asked_for(authority, ca_file):
    """A tunnel, verified against --tls-server-name as without a proxy."""
    tls = server_tls(authority.issue_cert("server.global.nomad"))
    async with serving(echo, tls=tls) as server, serving(relay) as proxy:
        flags = {"ca_cert": ca_file, "tls_server_name": "server.global.nomad"}
        address = server.address.replace("127.0.0.1", "nomad.example")
        async with transport_to(address, flags=flags, environ={"HTTPS_PROXY": proxy.address}) as transport:
            assert (await transport.send("GET", "/v1/jobs")).body == b"GET /v1/jobs "
        async with transport_to(
            address, flags={"ca_cert": ca_file}, environ={"HTTPS_PROXY": proxy.address}
        ) as transport:
            with pytest.raises(NomadUnavailable, match=r"through the proxy: its certificate is not trusted"):
                await transport.send("PUT", "/v1/jobs", b"{}")


async def test_a_proxy_that_is_not_there_or_refuses_has_sent_nothing():
    """Nothing went past it."""

    async def refuse(line: Line):
        await line.request()
        await line.answer(403, b"no")

    async with serving(refuse) as proxy:
        for address, environ in [
            ("https://nomad.example", {"HTTPS_PROXY": proxy.address}),
            ("http://nomad.example", {"HTTP_PROXY": "http://ann:hunter2@127.0.0.1:9"}),
        ]:
            async with transport_to(address, environ=environ) as transport:
                with pytest.raises(NomadUnavailable, match="through the proxy") as caught:
                    await transport.send("PUT", TARGET, b"{}")
                assert "hunter2" not in str(caught.value)


async def test_a_proxy_that_loses_the_answer_leaves_a_write_in_doubt():
    """Closed after the request: as without a proxy."""

    async def lose(line: Line):
        await line.request()

    async with serving(lose) as proxy:
        environ = {"HTTP_PROXY": proxy.address}
        async with transport_to("http://nomad.example", environ=environ, request_timeout=SOON) as transport:
            get, put = await both(transport)
    assert (type(get), type(put)) == (NomadUnavailable, NomadAmbiguous)


# What goes wrong has a meaning


class Scripted:
    """A backend that answers as told, and keeps what it was asked."""

    peak = 1

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    async def open(self):
        pass

    async def close(self):
        pass

    async def ask(self, method, target, body):
        self.asked.append((method, target, body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def scripted(answer):
    backend = Scripted(answer)
    return backend, HttpTransport(Connection(), limits_of(Connection(), max_connections=1), backend=backend)


@pytest.mark.parametrize(
    ("error", "get", "put"),
    [
        (TransportFault(Fate.UNSENT, "x"), NomadUnavailable, NomadUnavailable),
        (TransportFault(Fate.LOST, "x"), NomadUnavailable, NomadAmbiguous),
        (TransportFault(Fate.GARBLED, "x"), NomadUnreadable, NomadAmbiguous),
        (ssl.SSLError("x"), NomadUnavailable, NomadAmbiguous),
        (ConnectionResetError("x"), NomadUnavailable, NomadAmbiguous),
        (TimeoutError(), NomadUnavailable, NomadAmbiguous),
        (OSError("x"), NomadUnavailable, NomadAmbiguous),
        (EOFError("x"), NomadUnavailable, NomadAmbiguous),
    ],
)
async def test_what_goes_wrong_with_a_request_is_one_of_three_things(error, get, put):
    """A caller can act on each of them; the cause is kept."""
    faults = await both(scripted(error)[1])
    assert tuple(type(fault) for fault in faults) == (get, put)
    assert all(fault.__cause__ is error for fault in faults)
    assert all("http://127.0.0.1:4646" in str(fault) for fault in faults)


async def test_another_backend_is_asked_with_the_target_as_it_is():
    """What tests hand in sees the same requests as the server does."""
    backend, transport = scripted(Answer(200, {"content-type": "application/json"}, b"[]"))
    async with transport:
        answer = await transport.send("PUT", TARGET, b"{}")
    assert backend.asked == [("PUT", TARGET.encode(), b"{}")]
    assert answer == Answer(200, {"content-type": "application/json"}, b"[]")


@pytest.mark.parametrize(("address", "encoding"), [("http://nomad.example", b"gzip"), ("http://localhost:4646", None)])
def test_remote_servers_may_pack_their_answers(address, encoding):
    """Lists are long, and the network may be slow."""
    assert dict(headers_of(read_connection({"address": address}, {}))).get(b"Accept-Encoding") == encoding


def test_the_default_backend_is_the_own_one():
    """Only a proxy asks for the stock transport."""
    assert type(transport_to("http://nomad")._backend) is ConnectionPool
    assert type(transport_to("http://nomad", environ={"HTTP_PROXY": "p:1"})._backend) is ProxiedBackend


async def until(condition):
    """Let the event loop run until *condition* holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 5
    for _ in iter(lambda: loop.time() < deadline, False):
        if condition():
            return
        await asyncio.sleep(0)
    pytest.fail("it did not come true within 5 s")
