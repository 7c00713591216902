"""The watcher alone, with the fake Nomad: commands in, happenings out."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from dispatchfile.clock import Clock
from dispatchfile.engine import commands as c
from dispatchfile.engine import happenings as h
from dispatchfile.engine.happenings import Failure, FailureKind
from dispatchfile.engine.spec import JobSpec, Listing
from dispatchfile.engine.watcher import Watcher
from dispatchfile.errors import (
    NomadForbidden,
    NomadUnreadable,
)
from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.settings import Settings, Wait
from tests.fake_nomad import GROUP, FakeNomad
from tests.making import make_item
from tests.virtual_time import VIRTUAL_TIME

A = make_item("a")
JOB = A.request.job_key
KEY = ("a", 1)


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
async def watcher(nomad, settings=Settings(wait=Wait.COMPLETION)):  # noqa: B008  a frozen value
    posted = []
    jobs = {JOB: JobSpec("batch", {"g": GROUP}, Listing("encode/dispatch-run1-"))}
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
    """At once, whatever the pace of the polls."""
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
        await asyncio.sleep(0.5)
    failure = Failure(FailureKind.UNAVAILABLE, "connection refused by http://fake")
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
    denied = h.WatchDenied(KEY, 1, Failure(FailureKind.FORBIDDEN, "Permission denied"))
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
        assert seen(posted) == [h.PollDenied(JOB, Failure(FailureKind.FORBIDDEN, "Permission denied"))]
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
    """Of stderr, and of stdout where that is empty."""
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
