"""Runs over TLS with certificates on both sides, and what is said where they do not fit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import trustme

from dispatchfile.errors import NomadError
from tests.conformance.backends import Backend, Kind
from tests.conformance.certificates import tls_backend
from tests.conformance.driver import end_of, manifest_of, run_items
from tests.conformance.jobs import job, mock

ITEMS = [{"id": f"item-{number}", "job": "secret"} for number in range(20)]


@pytest.fixture
async def guarded(kind: Kind, tmp_path: Path) -> AsyncIterator[Backend]:
    async with tls_backend(kind, tmp_path) as backend:
        await backend.register(job("secret", mock(run_for="0s")))
        yield backend


async def refusal_of(backend: Backend, folder: Path) -> str:
    with pytest.raises(NomadError) as caught:
        await end_of(backend, folder, manifest_of(ITEMS))
    return str(caught.value)


async def test_a_run_goes_over_tls(guarded, tmp_path):
    """With a certificate that the server trusts, from a CA that the client trusts."""
    summary = await run_items(guarded, tmp_path, ITEMS)
    assert (summary.exit_code, len(await guarded.children("secret"))) == (0, len(ITEMS))


WITHOUT_CERTIFICATE: Mapping[Kind, str] = {
    "embedded": "was closed",  # asyncio ends a failed handshake without an alert
    "real": "certificate",
}
PLAIN: Mapping[Kind, str] = {
    "embedded": "the connection was closed without an answer",
    "real": "use an https:// address",
}


async def test_without_a_certificate_it_is_said_that_one_is_wanted(kind, guarded, tmp_path):
    """TLS 1.3 tells it only after the handshake, in place of an answer."""
    assert WITHOUT_CERTIFICATE[kind] in await refusal_of(guarded.at(client_cert="", client_key=""), tmp_path)
    assert await guarded.children("secret") == []


async def test_an_unknown_ca_is_named(guarded, tmp_path):
    """The server's certificate is checked before anything is sent."""
    other = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    refusal = await refusal_of(guarded.at(ca_cert=str(other)), tmp_path)
    assert "its certificate is not trusted" in refusal
    assert "--ca-cert" in refusal


async def test_plain_http_is_told_to_use_https(kind, guarded, tmp_path):
    """As people forget the scheme."""
    address = guarded.address.replace("https://", "http://")
    assert PLAIN[kind] in await refusal_of(guarded.at(address=address), tmp_path)
