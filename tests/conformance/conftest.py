"""Each test runs twice: against the embedded agent, and against a real Nomad agent where NOMAD_BIN names a binary."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.conformance.backends import Backend, Kind, backend_at, own_backend
from tests.real_nomad import NO_BINARY, binary, real_agent

REAL = [pytest.mark.nomad, pytest.mark.skipif(binary() is None, reason=NO_BINARY)]


@pytest.fixture(params=["embedded", pytest.param("real", marks=REAL)])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Which of the two a test runs against."""
    return request.param


@pytest.fixture(scope="session")
def real_address() -> Iterator[str]:
    """The one real agent that all tests share which need no configuration of their own."""
    with real_agent() as address:
        yield address


@pytest.fixture
async def backend(kind: Kind, request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    """A fresh embedded agent, or the shared real one."""
    if kind == "embedded":
        async with own_backend(kind) as embedded:
            yield embedded
    else:
        async with backend_at(kind, request.getfixturevalue("real_address")) as real:
            yield real
