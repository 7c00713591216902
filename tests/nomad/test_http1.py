"""Requests as bytes, and answers read from bytes."""

import inspect

import h11
import pytest

from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.transport.faults import Fate, TransportFault
from dispatchfile.nomad.transport.http1 import ConnectionClosed, Http1

HEADERS = ((b"Host", b"nomad"), (b"User-Agent", b"dispatchfile"))
OK = b"HTTP/1.1 200 OK\r\nX-Nomad-Index: 7\r\nContent-Length: 2\r\n\r\n[]"


def new(most_bytes: int = 100) -> Http1:
    return Http1(HEADERS, most_bytes=most_bytes)


def asked() -> Http1:
    http = new()
    http.frame("GET", b"/v1", b"")
    return http


def test_a_request_is_its_head_and_its_body():
    """The headers of the connection, then those of the body."""
    assert new().frame("PUT", b"/v1/jobs?a=b%20c", b"{}") == (
        b"PUT /v1/jobs?a=b%20c HTTP/1.1\r\nHost: nomad\r\nUser-Agent: dispatchfile\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_bodies_of_other_lengths_are_announced_as_they_are():
    """What was checked for one request is used for the next with as long a body only."""
    frames = [new().frame("PUT", b"/", b"x" * size).partition(b"Content-Length: ")[2] for size in (1, 2, 1)]
    assert frames == [b"1\r\n\r\nx", b"2\r\n\r\nxx", b"1\r\n\r\nx"]


@pytest.mark.parametrize("target", [b"/a b", b"/a\r\nX: y", b"/a\n"])
def test_a_target_that_would_break_the_request_is_not_sent(target):
    """Nothing was written, so nothing is in doubt."""
    with pytest.raises(TransportFault) as caught:
        new().frame("GET", target, b"")
    assert caught.value.fate is Fate.UNSENT


def test_an_answer_is_there_with_its_last_byte():
    """Not before."""
    http = asked()
    for byte in OK[:-1]:
        http.receive(bytes([byte]))
        assert http.read() is None
    http.receive(OK[-1:])
    assert http.read() == Answer(200, {"x-nomad-index": "7", "content-length": "2"}, b"[]")
    assert http.is_reusable


def test_requests_follow_each_other():
    """Nothing of one answer is in the next one."""
    http = new()
    for body in (b"[1]", b"[]"):
        http.frame("GET", b"/v1", b"")
        http.receive(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert http.read() == Answer(200, {"content-length": str(len(body))}, body)


@pytest.mark.parametrize(
    "raw", [OK + b"HTTP", OK.replace(b"X-Nomad-Index: 7", b"Connection: close"), OK.replace(b"1.1", b"1.0")]
)
def test_after_some_answers_nothing_can_follow(raw):
    """More than the answer, an announced end, and old HTTP."""
    http = asked()
    http.receive(raw)
    assert (http.read() or Answer(0)).status == 200
    assert not http.is_reusable


@pytest.mark.parametrize("raw", [b"", OK[:20], OK[:-1]])
def test_an_end_before_the_end_of_the_answer_is_told_from_nonsense(raw):
    """What became of the request is for the connection to say."""
    http = asked()
    http.receive(raw)
    if raw:
        http.receive(b"")
    with pytest.raises(ConnectionClosed):
        http.read()
    assert http.has_begun == (raw == OK[:-1])


@pytest.mark.parametrize(
    "raw",
    [b"SSH-2.0-x\r\n", b"\x15\x03\x01", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", OK.replace(b"2\r", b"101\r")],
)
def test_what_is_no_answer_is_garbled(raw):
    """Another protocol, a length that is none, and an answer over the limit."""
    http = asked()
    http.receive(raw)
    with pytest.raises(TransportFault) as caught:
        http.read()
    assert caught.value.fate is Fate.GARBLED


def test_every_exception_of_the_library_is_known():
    """A release that adds one has to be thought about."""
    kinds = {kind for kind in vars(h11).values() if inspect.isclass(kind) and issubclass(kind, Exception)}
    assert kinds == {h11.ProtocolError, h11.LocalProtocolError, h11.RemoteProtocolError}
