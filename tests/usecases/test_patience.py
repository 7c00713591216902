"""Waiting for a Nomad that is there, before a run has begun."""

import asyncio

import pytest

from dispatchfile.errors import NomadThrottled, NomadUnavailable
from dispatchfile.usecases.patience import LONGEST, patiently
from tests.batches import seconds
from tests.virtual_time import VIRTUAL_TIME

BUSY = [
    pytest.param(NomadThrottled("429", status=429), id="too many requests"),
    pytest.param(NomadUnavailable("No cluster leader", status=500), id="an election"),
]


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


class Nomad:
    """Answers after so many errors."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left, self.began_at = error, times, asyncio.get_running_loop().time()

    async def read(self) -> str:
        self.left -= 1
        if self.left >= 0:
            raise self.error
        return "answer"

    @property
    def took_s(self) -> float:
        return asyncio.get_running_loop().time() - self.began_at


@pytest.mark.parametrize("error", BUSY)
async def test_what_passes_is_waited_for(error):
    """An election takes some seconds."""
    nomad = Nomad(error, times=3)
    assert await patiently(nomad.read, seconds(300)) == "answer"
    assert nomad.took_s == 7


@pytest.mark.parametrize(("limit_s", "at_most_s"), [(300, LONGEST.total_seconds()), (5, 5)])
async def test_not_for_ever(limit_s, at_most_s):
    """Half a minute, or less if the run is to take Nomad for unreachable sooner."""
    nomad = Nomad(NomadUnavailable("No cluster leader", status=500), times=1_000)
    with pytest.raises(NomadUnavailable, match="No cluster leader"):
        await patiently(nomad.read, seconds(limit_s))
    assert at_most_s / 2 < nomad.took_s <= at_most_s


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(NomadUnavailable("connection refused"), id="nobody listens"),
        pytest.param(NomadUnavailable("No path to region (is its name right?)", status=500), id="a wrong region"),
        pytest.param(NomadUnavailable("HTTP 403", status=403), id="a proxy that wants a password"),
    ],
)
async def test_what_does_not_pass_is_told_at_once(error):
    """Who has mistyped something waits for nothing."""
    nomad = Nomad(error, times=1)
    with pytest.raises(NomadUnavailable):
        await patiently(nomad.read, seconds(300))
    assert nomad.took_s == 0
