"""Requests through a proxy: what the library below raises, and what is made of it."""

import inspect

import httpx
import pytest

from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.transport import ConnectionLimits
from dispatchfile.nomad.transport.faults import Fate, TransportFault
from dispatchfile.nomad.transport.proxied import FATES, ProxiedBackend

FOREIGN = [kind for kind in vars(httpx).values() if inspect.isclass(kind) and issubclass(kind, Exception)]


def way_by(handle, **limits: int) -> ProxiedBackend:
    """A backend whose requests go to *handle* in place of a proxy."""
    most = ConnectionLimits(max_connections=1, connect_s=5.0, silence_s=5.0, whole_s=20.0, **limits)
    backend = ProxiedBackend(Connection().endpoint, ((b"Host", b"nomad"),), most, None, proxy="http://proxy:1")
    backend._via = httpx.MockTransport(handle)
    return backend


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_every_exception_of_the_library_is_mapped(kind):
    """A release that adds one has to be thought about."""
    assert kind in FATES


@pytest.mark.parametrize(
    ("error", "fate", "lasting"),
    [
        (httpx.ConnectError("x"), Fate.UNSENT, False),
        (httpx.ConnectTimeout("x"), Fate.UNSENT, True),
        (httpx.PoolTimeout("x"), Fate.UNSENT, True),
        (httpx.ProxyError("x"), Fate.UNSENT, False),
        (httpx.ReadTimeout("x"), Fate.LOST, True),
        (httpx.WriteError("x"), Fate.LOST, False),
        (httpx.RemoteProtocolError("x"), Fate.LOST, False),
        (httpx.DecodingError("x"), Fate.GARBLED, False),
    ],
)
async def test_foreign_exceptions_do_not_get_out(error, fate, lasting):
    """They say what became of the request, with the cause kept."""

    async def fail(request):
        raise error

    with pytest.raises(TransportFault, match=r"^x$") as caught:
        await way_by(fail).ask("PUT", b"/v1", b"{}")
    assert (caught.value.fate, caught.value.lasting, caught.value.__cause__) == (fate, lasting, error)


async def test_the_proxy_is_asked_with_the_target_as_it_is():
    """Percent-encoding, headers and body, and the answer with its headers by lower-case name."""
    asked = []

    async def handle(request):
        asked.append((request.method, request.url.raw_path, request.headers.raw, await request.aread()))
        return httpx.Response(200, headers={"X-Nomad-Index": "7"}, content=b"[]")

    answer = await way_by(handle).ask("PUT", b"/v1/job/a%2Fb?n=%20", b"{}")
    headers = [(b"Host", b"nomad"), (b"Content-Type", b"application/json"), (b"Content-Length", b"2")]
    assert asked == [("PUT", b"/v1/job/a%2Fb?n=%20", headers, b"{}")]
    assert answer == Answer(200, {"x-nomad-index": "7", "content-length": "2"}, b"[]")


async def test_an_answer_without_end_is_cut_off():
    """Whatever it announced."""

    async def handle(request):
        return httpx.Response(200, content=b"x" * 11)

    with pytest.raises(TransportFault, match="the answer is larger than") as caught:
        await way_by(handle, answer_bytes=10).ask("GET", b"/v1", b"")
    assert (caught.value.fate, caught.value.lasting) == (Fate.GARBLED, True)
