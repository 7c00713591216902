"""One child watched while Nomad cannot be reached, on virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from dispatchfile.clock import Clock
from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.nomad.changes import Change, EvalWatched
from dispatchfile.nomad.models import Alloc, Evaluation
from dispatchfile.usecases.watch_one import ChildWatch, watch_child, watch_evaluation
from tests.fake_nomad import FakeNomad
from tests.virtual_time import VIRTUAL_TIME


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


class Nomad(FakeNomad):
    """With the reads that only a single dispatch needs. *links*: what each evaluation is followed by."""

    def __init__(self, *, lifetime_s: float | None = 0.0, links: dict[str, tuple[str, str]] | None = None) -> None:
        super().__init__(lifetime_s=lifetime_s)
        self.links = links or {}

    async def read_evaluation(self, eval_id: str, *, namespace: str) -> Evaluation:
        await self._call("evaluation")
        status, follower = self.links[eval_id]
        values = (eval_id, "c", namespace, status, "why", "job-register", follower, "", "", {}, "", 1, 1)
        return Evaluation(*values)

    async def read_evaluation_allocations(self, eval_id: str, *, namespace: str) -> tuple[Alloc, ...]:
        return ()


@dataclass
class Told:
    """What the watcher was told."""

    changes: list[Change] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def changed(self, change: Change) -> None:
        self.changes.append(change)

    def moved(self, state: State, message: str) -> None:
        self.states.append(state)

    def trouble(self, message: str) -> None:
        self.troubles.append(message)


def watch_of(nomad: Nomad, told: Told) -> ChildWatch:
    return ChildWatch(nomad, "default", Clock(), told, 300.0)  # type: ignore[arg-type]  # the client's methods


async def dispatched(nomad: Nomad) -> str:
    answer = await nomad.dispatch_job(
        "encode", namespace="default", region="", payload=None, meta={}, id_prefix="p", token=None, priority=None
    )
    return answer.child


async def test_a_child_is_watched_far_longer_than_five_minutes():
    """There is no limit but its end."""
    nomad, told = Nomad(lifetime_s=7_200.0), Told()
    child = await dispatched(nomad)
    like = await nomad.read_job(child, namespace="default")
    verdict = await watch_child(watch_of(nomad, told), child, like, tokened=False)
    assert verdict.outcome is Outcome.SUCCEEDED
    assert told.states == [State.RUNNING]
    assert told.troubles == []


async def test_an_outage_is_told_once_and_sat_out():
    """Five minutes without any answer would end the watch; less does not."""
    nomad, told = Nomad(lifetime_s=400.0), Told()
    child = await dispatched(nomad)
    like = await nomad.read_job(child, namespace="default")
    watching = asyncio.create_task(watch_child(watch_of(nomad, told), child, like, tokened=False))
    await asyncio.sleep(20)
    nomad.down = True
    await asyncio.sleep(200)
    nomad.down = False
    assert (await watching).outcome is Outcome.SUCCEEDED
    assert told.troubles == ["connection refused by http://fake; retrying"]


async def test_nobody_waits_for_ever_for_a_nomad_that_is_gone():
    """What became of the child is unknown then."""
    nomad, told = Nomad(lifetime_s=None, links={"e": ("pending", "")}), Told()
    child = await dispatched(nomad)
    like = await nomad.read_job(child, namespace="default")
    nomad.down = True
    verdict = await watch_child(watch_of(nomad, told), child, like, tokened=False)
    assert verdict == Verdict(Outcome.UNKNOWN, Cause.UNREACHABLE, "no answer from Nomad for 300 s")
    assert await watch_evaluation(watch_of(nomad, told), "e") == verdict


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("complete", Verdict(Outcome.PLACED)),
        ("failed", Verdict(Outcome.UNPLACED, Cause.EVAL_FAILED, "why")),
        ("canceled", Verdict(Outcome.DISPATCHED, message="why")),
    ],
)
async def test_the_last_evaluation_of_a_chain_decides(status: str, verdict: Verdict):
    """A failed one that is followed by another says nothing yet."""
    nomad, told = Nomad(links={"e1": ("failed", "e2"), "e2": (status, "")}), Told()
    assert await watch_evaluation(watch_of(nomad, told), "e1") == verdict
    watched = [change for change in told.changes if isinstance(change, EvalWatched)]
    assert watched == [EvalWatched("e1"), EvalWatched("e2")]
