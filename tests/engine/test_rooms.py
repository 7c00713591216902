"""Each room of the engine alone, with the fake Nomad: commands in, happenings out."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from dispatchfile.engine import commands as c
from dispatchfile.engine import happenings as h
from dispatchfile.engine.errands import Errands
from dispatchfile.engine.happenings import FailureKind, RequestFailure
from dispatchfile.engine.recorder import Recorder
from dispatchfile.engine.sender import Sender
from dispatchfile.engine.settler import Settler
from dispatchfile.engine.source import ListedItems
from dispatchfile.engine.spec import BatchSpec, Resumption, Start
from dispatchfile.engine.supply import Supply
from dispatchfile.errors import (
    NomadAmbiguous,
    NomadForbidden,
    NomadLeaderless,
    NomadRefused,
    NomadThrottled,
    NomadUnavailable,
)
from dispatchfile.events import Intent, Moved, NoJournal, Outcome, Sending, State, Verdict
from dispatchfile.settings import Settings
from tests.fake_nomad import FakeNomad
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


# Sender


async def send(nomad, **options):
    posted = []
    async with tasks() as group:
        Sender(nomad, group, posted.append).send(c.Send(KEY, 7, A.request, "run1-a-1", options.get("token")))
        await asyncio.sleep(1)
    return posted


async def test_an_answer_names_the_child():
    """It also names the evaluation, if the child is new."""
    nomad = FakeNomad()
    assert await send(nomad) == [h.Answered(KEY, 7, nomad.made[0].id, "eval-100")]


async def test_a_hit_has_no_evaluation():
    """The child existed."""
    nomad = FakeNomad()
    old = nomad._make("encode", "default", "tok", "old", b"", {})
    assert await send(nomad, token="tok") == [h.Answered(KEY, 7, old.id, "")]


@pytest.mark.parametrize(
    ("error", "happening"),
    [
        (NomadUnavailable("refused"), h.NotSent(KEY, 7, RequestFailure(FailureKind.UNAVAILABLE, "refused"))),
        (NomadThrottled("429"), h.NotSent(KEY, 7, RequestFailure(FailureKind.THROTTLED, "429"))),
        (NomadLeaderless("No leader"), h.NotSent(KEY, 7, RequestFailure(FailureKind.LEADERLESS, "No leader"))),
        (NomadAmbiguous("reset"), h.Lost(KEY, 7, RequestFailure(FailureKind.AMBIGUOUS, "reset"))),
        (NomadRefused("no"), h.Refused(KEY, 7, RequestFailure(FailureKind.REFUSED, "no"))),
        (NomadForbidden("denied"), h.Refused(KEY, 7, RequestFailure(FailureKind.FORBIDDEN, "denied"))),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_failure_says_what_became_of_the_request(error, happening):
    """One happening follows on each request."""
    assert await send(FakeNomad(script=raising(error))) == [happening]


async def test_what_has_not_left_as_the_run_stops_is_withdrawn():
    """Even if it was asked for a moment before."""
    nomad, posted = FakeNomad(), []
    async with tasks() as group:
        sender = Sender(nomad, group, posted.append)
        sender.send(c.Send(KEY, 7, A.request, "run1-a-1", None))
        sender.withdraw(c.Withdraw())
        await asyncio.sleep(1)
    assert (posted, nomad.calls) == ([h.Withdrawn(KEY, 7)], [])


# Settler


@asynccontextmanager
async def settler(nomad):
    posted = []
    async with tasks() as group:
        yield Settler(nomad, group, posted.append), posted


def look_for(item="a", serial=1, *, prefix=None, token=None):
    return c.LookFor((item, 1), serial, JOB, f"run1-{item}-1" if prefix is None else prefix, token)


async def test_a_look_shows_the_attempts_own_children_oldest_first():
    """Not those of others whose prefixes begin alike."""
    nomad = FakeNomad()
    first = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    nomad._make("encode", "default", "", "run1-a-1-1", b"", {})
    second = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    async with settler(nomad) as (room, posted):
        room.look_for(look_for())
        await asyncio.sleep(1)
    assert posted == [h.Looked(KEY, 1, (first.id, second.id))]


async def test_looks_of_one_moment_share_a_list():
    """Fifty at most."""
    nomad = FakeNomad()
    child = nomad._make("encode", "default", "", "run1-i7-1", b"", {})
    async with settler(nomad) as (room, posted):
        for number in range(60):
            room.look_for(look_for(f"i{number}", number))
        await asyncio.sleep(1)
    assert len([call for call in nomad.calls if call.startswith("list")]) == 2
    found = {looked.key[0]: looked.children for looked in posted}
    assert found == {f"i{number}": () for number in range(60)} | {"i7": (child.id,)}


async def test_an_exact_prefix_is_looked_for_by_its_token():
    """The prefix does not tell whose child it is."""
    nomad = FakeNomad()
    child = nomad._make("encode", "default", "tok", "w-a", b"", {})
    async with settler(nomad) as (room, posted):
        room.look_for(look_for(prefix="", token="tok"))
        await asyncio.sleep(1)
    assert posted == [h.Looked(KEY, 1, (child.id,))]


async def test_a_list_that_fails_fails_all_that_share_it():
    """Each hears of it."""
    nomad = FakeNomad()
    nomad.down = True
    async with settler(nomad) as (room, posted):
        room.look_for(look_for("a", 1))
        room.look_for(look_for("b", 2))
        await asyncio.sleep(1)
    assert [(looked.key[0], looked.failure.kind) for looked in posted] == [
        ("a", FailureKind.UNAVAILABLE),
        ("b", FailureKind.UNAVAILABLE),
    ]


async def test_a_count_tells_all_that_nomad_has_had_and_has():
    """The total first, then the list."""
    nomad = FakeNomad()
    gone = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    stays = nomad._make("encode", "default", "", "theirs", b"", {})
    nomad.end(gone)
    nomad.collect()
    async with settler(nomad) as (room, posted):
        room.count(c.Count(JOB, 4))
        await asyncio.sleep(1)
    assert posted == [
        h.Counted(JOB, 4, registered_at=7, total=2, counted_at=stays.index, listed=((stays.index, stays.id),))
    ]
    assert nomad.calls == ["job encode", "summary encode", "list encode/dispatch- "]


async def test_a_count_that_fails_says_so():
    """The core asks again, or gives up."""
    nomad = FakeNomad()
    nomad.down = True
    async with settler(nomad) as (room, posted):
        room.count(c.Count(JOB, 4))
        await asyncio.sleep(1)
    failure = RequestFailure(FailureKind.UNAVAILABLE, "connection refused by http://fake")
    assert posted == [h.Counted(JOB, 4, failure)]


# Errands


async def run_errand(nomad, ask):
    posted = []
    async with tasks() as group:
        ask(Errands(nomad, group, posted.append))
        await asyncio.sleep(1)
    return posted


async def test_a_child_is_stopped():
    """The core hears when Nomad has taken the request."""
    nomad = FakeNomad(lifetime_s=None)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    posted = await run_errand(nomad, lambda room: room.stop_child(c.StopChild(KEY, 3, JOB, child.id)))
    assert (posted, nomad.stopped) == ([h.ChildStopped(KEY, 3)], [child.id])


@pytest.mark.parametrize(
    ("end", "read"),
    [
        (lambda nomad, child: None, h.ChildRead(KEY, 3, exists=True, lives=True)),
        (lambda nomad, child: nomad.end(child), h.ChildRead(KEY, 3, exists=True)),
        (lambda nomad, child: nomad.purge(child), h.ChildRead(KEY, 3)),
    ],
    ids=["lives", "has-ended", "is-gone"],
)
async def test_a_child_is_read(end, read):
    """The answer says whether there is a child, and whether it lives."""
    nomad = FakeNomad(lifetime_s=None)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    end(nomad, child)
    assert await run_errand(nomad, lambda room: room.read_child(c.ReadChild(KEY, 3, JOB, child.id))) == [read]


async def test_a_token_that_nomad_knows_has_nothing_against_it():
    """What was denied is a right that it lacks."""
    assert await run_errand(FakeNomad(), lambda room: room.check_token(c.CheckToken(5))) == [h.TokenChecked(5, "")]


async def test_a_token_that_nomad_does_not_know_is_refused():
    """The reason has Nomad's words."""

    class Forgetful(FakeNomad):
        async def read_token_self(self):
            raise NomadForbidden("Permission denied", status=403)

    posted = await run_errand(Forgetful(), lambda room: room.check_token(c.CheckToken(5)))
    assert posted == [h.TokenChecked(5, "Nomad refuses the token (Permission denied)")]


# Recorder


class Log(NoJournal):
    """What the journal was told, in order; each commit takes a second."""

    def __init__(self):
        self.log = []

    async def add_intents(self, intents):
        self.log.append(("intents", [intent.item for intent in intents]))
        await asyncio.sleep(1)

    async def mark_may_send(self, attempts):
        self.log.append(("mark", list(attempts)))
        await asyncio.sleep(1)

    def record(self, event):
        self.log.append(("event", event.item))


def moved(item):
    return c.Record(Moved(item, 1, 0.0, State.RUNNING))


async def test_what_follows_a_mark_is_recorded_behind_it():
    """Though intents come before the mark, which takes a while; but nothing waits until the mark is durable."""
    journal, posted, heard = Log(), [], []
    async with tasks() as group:
        recorder = Recorder(journal, group, posted.append, heard.append)
        recorder.record(moved("before"))
        recorder.mark(c.MarkAttempts(1, (KEY,), (Intent("a", 2, "", "p", None),)))
        recorder.record(moved("behind"))
        assert [event.item for event in heard] == ["before", "behind"]
        await asyncio.sleep(1.5)
        recorder.record(moved("later"))
        assert posted == []
        await asyncio.sleep(1)
    assert journal.log == [
        ("event", "before"),
        ("intents", ["a"]),
        ("mark", [KEY]),
        ("event", "behind"),
        ("event", "later"),
    ]
    assert posted == [h.Durable(1)]


async def test_that_a_request_leaves_is_not_put_on_record():
    """The mark before it is, and the answer after it will be."""
    journal, heard = Log(), []
    async with tasks() as group:
        Recorder(journal, group, lambda _: None, heard.append).record(c.Record(Sending("a", 1, 0.0)))
    assert (journal.log, heard) == ([], [Sending("a", 1, 0.0)])


# Supply


def supply(items, *, starts=None, canaries=()):
    begun = starts or {}
    source = ListedItems(items, run="run1", begun=list(begun), canaries=canaries)
    posted = []
    verdicts = {"b": (1, Verdict(Outcome.FAILED))}
    spec = BatchSpec("run1", Settings(), source, {}, resumption=Resumption(begun, verdicts))
    return Supply(spec, posted.append), posted


def test_items_are_offered_as_they_are_wanted_canaries_first():
    """Each with its place in the order to send."""
    items = [make_item(name) for name in "abcd"]
    room, posted = supply(items, canaries=["c"])
    for count in (2, 2, 5):
        room.offer(c.Want(count))
    offered = [[(offer.item.id, offer.rank, offer.is_canary) for offer in each.offers] for each in posted]
    assert offered == [[("c", 2, True)], [("a", 0, False), ("b", 1, False)], [("d", 3, False)]]
    assert [each.is_last for each in posted] == [False, False, True]


def test_items_of_a_job_that_must_wait_are_left_out():
    """Others come before them."""
    items = [make_item("a"), make_item("b", job="mix"), make_item("c")]
    room, posted = supply(items)
    room.offer(c.Want(5, frozenset({items[0].request.job_key})))
    assert [offer.item.id for offer in posted[0].offers] == ["b"]


def test_what_an_earlier_process_has_begun_comes_first_and_once():
    """Each item is offered with what became of it."""
    items = [make_item("a"), make_item("b")]
    start = Start(2, retry_at=5.0)
    room, posted = supply(items, starts={"b": start})
    assert room.begin() == h.Begun((h.Offer(1, items[1], start, previous=(1, Verdict(Outcome.FAILED))),))
    room.offer(c.Want(5))
    assert [offer.item.id for offer in posted[0].offers] == ["a"]
