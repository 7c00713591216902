"""Waiting for a Nomad that is there, before a run has begun."""

import asyncio

import pytest

from dispatchfile.errors import NomadThrottled, NomadUnavailable, NomadUnreadable
from dispatchfile.nomad.patience import LONGEST, Patience
from tests.batches import seconds
from tests.virtual_time import VIRTUAL_TIME

BUSY = [
    pytest.param(NomadThrottled("429", status=429), id="too many requests"),
    pytest.param(NomadUnavailable("No cluster leader", status=500), id="an election"),
    pytest.param(NomadUnavailable("the servers have no leader", status=200), id="a list without a leader"),
    pytest.param(NomadUnavailable("HTTP 502", status=502), id="a proxy that does not reach Nomad"),
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
    assert await Patience(seconds(300)).repeat(nomad.read) == "answer"
    assert nomad.took_s == 0.25 + 0.5 + 1


@pytest.mark.parametrize(("limit_s", "at_most_s"), [(300, LONGEST.total_seconds()), (5, 5)])
async def test_not_for_ever(limit_s, at_most_s):
    """Half a minute, or less if the run is to take Nomad for unreachable sooner."""
    nomad = Nomad(NomadUnavailable("No cluster leader", status=500), times=1_000)
    with pytest.raises(NomadUnavailable, match="No cluster leader"):
        await Patience(seconds(limit_s)).repeat(nomad.read)
    assert at_most_s / 2 < nomad.took_s <= at_most_s


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(NomadUnreadable("HTTP 404", status=404), id="no such route"),
        pytest.param(NomadUnavailable("No path to region (is its name right?)", status=500), id="a wrong region"),
        pytest.param(NomadUnavailable("HTTP 403", status=403), id="a proxy that wants a password"),
    ],
)
async def test_what_does_not_pass_is_told_at_once(error):
    """Who has mistyped something waits for nothing."""
    nomad = Nomad(error, times=1)
    with pytest.raises(type(error)):
        await Patience(seconds(300)).repeat(nomad.read)
    assert nomad.took_s == 0


LOST = [
    pytest.param(NomadUnavailable("the connection was closed without an answer"), id="a lost connection"),
    pytest.param(NomadUnreadable("/v1/jobs: not an answer from Nomad"), id="broken JSON"),
]


@pytest.mark.parametrize("error", LOST)
async def test_a_bad_answer_is_asked_for_again(error):
    """Two bad answers harm nothing."""
    nomad = Nomad(error, times=2)
    assert await Patience(seconds(300)).repeat(nomad.read) == "answer"
    assert nomad.took_s == 0.75


@pytest.mark.parametrize("error", LOST)
async def test_the_third_bad_answer_is_the_last(error):
    """What never works is told soon."""
    nomad = Nomad(error, times=3)
    with pytest.raises(type(error)):
        await Patience(seconds(300)).repeat(nomad.read)
    assert nomad.took_s == 0.75
