"""The watcher alone, with the fake Nomad: commands in, happenings out."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType

import pytest

from dispatchfile.clock import Clock
from dispatchfile.engine import commands as c
from dispatchfile.engine import happenings as h
from dispatchfile.engine.happenings import FailureKind, RequestFailure
from dispatchfile.engine.spec import Listing, ParentSpec
from dispatchfile.engine.watcher import Watcher
from dispatchfile.errors import (
    NomadForbidden,
    NomadUnreadable,
)
from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.nomad.models import PlacementFailure
from dispatchfile.settings import Settings, Wait
from tests.fake_nomad import GROUP, FakeNomad
from tests.making import make_item
from tests.virtual_time import VIRTUAL_TIME

A = make_item("a")
JOB = A.request.job_key
KEY = ("a", 1)
SPEC = ParentSpec("batch", {"g": GROUP}, Listing("encode/dispatch-run1-"))


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


@asynccontextmanager
async def tasks():
    """A group whose tasks end with the test."""
    async with asyncio.TaskGroup() as group:
        found = []
        create = group.create_task

        def creating(work, **options):
            found.append(create(work, **options))
            return found[-1]

        group.create_task = creating
        yield group
        for task in found:
            task.cancel()


def raising(error):
    def play(prefix):
        raise error

    return play


@asynccontextmanager
async def watcher(nomad, settings=Settings(wait=Wait.COMPLETION), jobs=MappingProxyType({JOB: SPEC})):  # noqa: B008  frozen values
    posted = []
    async with tasks() as group:
        clock = Clock(wall=asyncio.get_running_loop().time)
        room = Watcher(nomad, group, posted.append, clock=clock, settings=settings, jobs=jobs)
        room.start()
        yield room, posted


def watch(child, key=KEY, serial=1, **options):
    options = {"is_listed": True, "may_be_phantom": False, "wait": Wait.COMPLETION} | options
    return c.Watch(key, serial, child.id, JOB, **options)


def seen(posted):
    return [happening for happening in posted if not isinstance(happening, h.Reached)]


async def test_a_child_is_followed_to_its_end():
    """It runs, it ends, and its verdict is reported once."""
    nomad = FakeNomad(lifetime_s=None)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child))
        await asyncio.sleep(5)
        nomad.end(child, 3)
        await asyncio.sleep(60)
    moved_to, judged = seen(posted)
    assert moved_to == h.ChildMoved(KEY, 1, State.RUNNING)
    assert (judged.key, judged.serial, judged.verdict.outcome, judged.verdict.exit_code) == (KEY, 1, Outcome.FAILED, 3)


async def test_attempts_that_share_a_child_hear_of_it_each():
    """Watches are kept by attempt."""
    nomad = FakeNomad(lifetime_s=3)
    child = nomad._make("encode", "default", "tok", "run1-a-1", b"", {})
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child))
        room.watch(watch(child, ("b", 1), 2))
        await asyncio.sleep(20)
    judged = [(each.key[0], each.serial) for each in posted if isinstance(each, h.Judged)]
    assert sorted(judged) == [("a", 1), ("b", 2)]


async def test_a_child_that_is_forgotten_is_asked_for_no_more():
    """Nothing is reported of it."""
    nomad = FakeNomad(lifetime_s=3)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child))
        room.forget(c.Forget(KEY))
        await asyncio.sleep(20)
    assert (posted, nomad.calls) == ([], [])


async def test_a_child_that_never_was_vanishes():
    """Only an answer to a token may name one."""
    nomad = FakeNomad()
    child = replace(nomad._make("encode", "default", "tok", "run1-a-1", b"", {}))
    nomad.children.clear()
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child, may_be_phantom=True))
        await asyncio.sleep(20)
    assert seen(posted) == [h.Vanished(KEY, 1)]


async def test_a_look_that_is_asked_for_tells_that_the_child_lives():
    """The look takes place immediately, whatever the pace of the polls is."""
    nomad = FakeNomad(lifetime_s=None)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child))
        room.look_at(c.LookAt(KEY, 9))
        await asyncio.sleep(0.5)
    (looked,) = [each for each in posted if isinstance(each, h.LookedAt)]
    assert (looked.serial, looked.surely_lives, looked.records.status) == (9, True, "running")


async def test_a_look_that_fails_tells_nothing():
    """Neither that the child lives nor that it has ended."""
    nomad = FakeNomad(lifetime_s=None)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    nomad.down = True
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child))
        room.look_at(c.LookAt(KEY, 9))
        await asyncio.sleep(0.2)
    failure = RequestFailure(FailureKind.UNAVAILABLE, "connection refused by http://fake")
    assert posted == [h.Troubled(failure), h.LookedAt(KEY, 9, surely_lives=False)]


async def test_a_child_that_may_not_be_read_any_more_is_reported_once():
    """It is not looked at again by itself."""
    nomad = FakeNomad(lifetime_s=3)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})

    async def reading(*args, **options):
        raise NomadForbidden("Permission denied", status=403)

    nomad.read_allocations = reading
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child))
        await asyncio.sleep(60)
    denied = h.WatchDenied(KEY, 1, RequestFailure(FailureKind.FORBIDDEN, "Permission denied"))
    assert seen(posted)[1:] == [denied]


async def test_a_list_that_is_denied_waits_for_the_core():
    """It is polled no more until the core has found out whether the token itself is refused."""
    nomad = FakeNomad(lifetime_s=None)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})

    async def denied(*args, **options):
        await nomad._call("denied")
        raise NomadForbidden("Permission denied", status=403)

    nomad.list_all_jobs = nomad.list_allocations = denied
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child))
        await asyncio.sleep(60)
        assert seen(posted) == [h.PollDenied(JOB, RequestFailure(FailureKind.FORBIDDEN, "Permission denied"))]
        assert nomad.calls == ["denied", "denied"]
        room.look_at_all(c.LookAtAll(JOB))
        await asyncio.sleep(0.5)
    assert f"allocations {child.id}" in nomad.calls


async def test_a_child_whose_end_cannot_be_read_is_given_up():
    """Lists come, so Nomad is there, and nothing else will tell."""
    nomad = FakeNomad(lifetime_s=3)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})

    async def reading(*args, **options):
        raise NomadUnreadable("a web page")

    nomad.read_allocations = reading
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child))
        await asyncio.sleep(400)
    (judged,) = [each for each in posted if isinstance(each, h.Judged)]
    assert judged.verdict == Verdict(Outcome.UNKNOWN, Cause.UNREACHABLE, "its result cannot be read: a web page")


async def test_the_last_line_of_a_log_is_read():
    """The line is that of stderr, or of stdout if stderr is empty."""
    nomad = FakeNomad()

    async def read(alloc_id, task, *, stream, **options):
        return b"" if stream == "stderr" else b"one\nlast\n\n"

    nomad.read_logs = read
    async with watcher(nomad) as (room, posted):
        room.read_log(c.ReadLog(KEY, 4, JOB, "alloc", "t"))
        await asyncio.sleep(1)
    assert posted == [h.LogRead(KEY, 4, "last")]


async def test_a_log_that_cannot_be_read_may_have_a_last_line():
    """The results say so."""
    async with watcher(FakeNomad()) as (room, posted):
        room.read_log(c.ReadLog(KEY, 4, JOB, "alloc", "t"))
        await asyncio.sleep(1)
    assert posted == [h.LogRead(KEY, 4, "", is_unread=True)]


MEMORY = PlacementFailure(nodes_evaluated=1, nodes_exhausted=1, dimension_exhausted={"memory": 1})
DISK = PlacementFailure(nodes_evaluated=1, nodes_exhausted=1, dimension_exhausted={"disk": 1})


def queue(nomad, number=1, failure=MEMORY):
    """A child that no node can take."""
    child = nomad._make("encode", "default", "", f"run1-{number}-1", b"", {})
    child.status, child.placed, child.failures = "pending", False, {"g": failure}
    return child


def place(child):
    child.status, child.placed = "running", True


async def test_the_first_child_that_waits_is_asked_why_within_three_seconds():
    """Its evaluation says what it waits for."""
    nomad = FakeNomad(lifetime_s=None)
    child = queue(nomad)
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child))
        await asyncio.sleep(3)
    queued = h.ChildMoved(KEY, 1, State.QUEUED)
    assert seen(posted) == [queued, replace(queued, message="queued: memory exhausted on 1 node", blocked=True)]


async def test_a_child_that_runs_waits_no_more():
    """What was said of its waiting is not said of its running."""
    nomad = FakeNomad(lifetime_s=None)
    child = queue(nomad)
    async with watcher(nomad) as (room, posted):
        room.watch(watch(child))
        await asyncio.sleep(3)
        place(child)
        await asyncio.sleep(3)
    assert seen(posted)[-1] == h.ChildMoved(KEY, 1, State.RUNNING)


async def test_why_a_job_waits_is_asked_again_when_that_may_have_changed():
    """Some ten seconds after another child of the job has started or ended, else after thirty."""
    nomad = FakeNomad(lifetime_s=None)
    first, second = queue(nomad), queue(nomad, 2)
    async with watcher(nomad) as (room, posted):
        room.watch(watch(first))
        room.watch(watch(second, ("b", 1), 2))
        await asyncio.sleep(3)
        place(second)
        first.failures = {"g": DISK}
        await asyncio.sleep(14)
    assert seen(posted)[-1] == h.ChildMoved(KEY, 1, State.QUEUED, "queued: disk exhausted on 1 node", blocked=True)


async def test_many_children_that_wait_cost_few_reads():
    """One of them is asked for all of the job; four reads in the half minute before any was asked in version 0.1.0."""
    nomad = FakeNomad(lifetime_s=None)
    async with watcher(nomad) as (room, posted):
        for number in range(5_000):
            room.watch(watch(queue(nomad, number), (f"i{number}", 1), number + 1))
        await asyncio.sleep(29)
    reads = [call for call in nomad.calls if not call.startswith("list ")]
    assert len(reads) <= 4
    assert [move.message for move in seen(posted) if move.blocked] == ["queued: memory exhausted on 1 node"]


async def test_each_job_is_asked_for_itself():
    """Children of another job wait for something else."""
    nomad = FakeNomad(jobs=("encode", "other"), lifetime_s=None)
    child, other = queue(nomad), nomad._make("other", "default", "", "run1-2-1", b"", {})
    other.status, other.placed, other.failures = "pending", False, {"g": DISK}
    key = JOB._replace(job="other")
    async with watcher(nomad, jobs={JOB: SPEC, key: replace(SPEC, listing=Listing("other/dispatch-run1-"))}) as (
        room,
        posted,
    ):
        room.watch(watch(child))
        room.watch(replace(watch(other, ("b", 1), 2), job=key))
        await asyncio.sleep(4)
    assert sorted(move.message for move in seen(posted) if move.blocked) == [
        "queued: disk exhausted on 1 node",
        "queued: memory exhausted on 1 node",
    ]
