"""Where looks by prefix are not enough, the total of the parent decides: which children account for it."""

import asyncio

import pytest

from dispatchfile.errors import NomadUnavailable
from dispatchfile.events import Outcome
from tests.batches import run_batch
from tests.engine import Baseline, Start
from tests.fake_nomad import FakeNomad
from tests.making import make_item
from tests.virtual_time import VIRTUAL_TIME

IN_DOUBT = Start(in_doubt=True)


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


def made(nomad, prefix, token="", *, collected=False):
    """A child as a dispatch with this prefix makes it; one that is collected has left no trace but the total."""
    child = nomad._make("encode", "default", token, prefix, b"", {})
    if collected:
        nomad.end(child)
        nomad.children.pop(child.id)
    return child


async def test_a_child_older_than_the_run_accounts_for_nothing():
    """The token's old child is no answer to where the child went that nobody has seen."""
    nomad = FakeNomad(lifetime_s=None)
    old = made(nomad, "old", "tok")
    made(nomad, "run1-a-1", collected=True)
    nomad.end(old)
    ended = await run_batch(
        nomad,
        [make_item("t", token="tok"), make_item("a")],
        starts={"a": IN_DOUBT},
        baseline=Baseline(1, old.index),
    )
    assert ended.outcomes() == {"t": Outcome.SUCCEEDED, "a": Outcome.UNKNOWN}
    assert len(nomad.of("run1-a-1")) == 1


async def test_a_child_found_by_the_runs_name_may_be_older_than_the_total():
    """A run that goes on without its journal finds what it made before it read the total."""
    nomad = FakeNomad(lifetime_s=None)
    found = made(nomad, "run1-b-1")
    made(nomad, "run1-a-1", collected=True)
    nomad.end(found)
    starts = {"b": Start(child=found.id, in_journal=False), "a": IN_DOUBT}
    ended = await run_batch(nomad, [make_item("b"), make_item("a")], starts=starts, baseline=Baseline(1, found.index))
    assert ended.outcomes() == {"b": Outcome.SUCCEEDED, "a": Outcome.UNKNOWN}


async def test_a_phantom_accounts_for_nothing():
    """Nomad names a child that never was, just as the total is asked about another one that was, and is gone."""
    nomad = FakeNomad(lifetime_s=None, script=lambda prefix: "phantom" if prefix == "run1-t-1" else None)
    made(nomad, "run1-a-1", collected=True)
    starts = {"t": Start(retry_at=1_000 + 44.9), "a": IN_DOUBT}
    asyncio.get_running_loop().call_later(60, lambda: nomad.end(made(nomad, "theirs", "tok")))
    ended = await run_batch(nomad, [make_item("t", token="tok"), make_item("a")], starts=starts)
    assert ended.outcomes() == {"t": Outcome.SUCCEEDED, "a": Outcome.UNKNOWN}
    assert len(nomad.of("run1-a-1")) == 1


async def test_a_parent_that_was_registered_anew_has_forgotten():
    """Its total starts from zero, as if nothing had been made since the run began."""
    nomad = FakeNomad(lifetime_s=None)
    made(nomad, "run1-a-1", collected=True)
    nomad.register_anew("encode")
    ended = await run_batch(nomad, [make_item("a")], starts={"a": IN_DOUBT})
    assert ended.outcomes() == {"a": Outcome.UNKNOWN}
    assert len(nomad.made) == 1


async def test_a_total_lower_than_what_the_run_has_made_proves_nothing():
    """Told to reconcile its summaries, a server counts only the children it still has."""
    nomad = FakeNomad(lifetime_s=None)
    mine = [made(nomad, f"run1-z{number}-1", collected=True) for number in range(3)]
    made(nomad, "run1-a-1", collected=True)
    nomad.made.clear()
    ended = await run_batch(nomad, [make_item("a")], starts={"a": IN_DOUBT}, made=[child.id for child in mine])
    assert ended.outcomes() == {"a": Outcome.UNKNOWN}
    assert nomad.made == []


async def test_a_count_that_fails_is_made_again():
    """That Nomad cannot be reached for a moment says nothing about the item."""
    nomad = FakeNomad(lifetime_s=1)
    original, failures = nomad.read_summary, iter([NomadUnavailable("no leader")] * 3)

    async def reading(*args, **options):
        if error := next(failures, None):
            raise error
        return await original(*args, **options)

    nomad.read_summary = reading
    ended = await run_batch(nomad, [make_item("a")], starts={"a": IN_DOUBT})
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    assert len(nomad.made) == 1


async def test_a_parent_that_is_gone_leaves_its_items_unknown():
    """Nobody can tell what it had."""
    nomad = FakeNomad(lifetime_s=1)
    del nomad.registered["encode"]
    ended = await run_batch(nomad, [make_item("a")], starts={"a": IN_DOUBT})
    assert ended.outcomes() == {"a": Outcome.UNKNOWN}
    assert nomad.made == []


async def test_attempts_in_doubt_share_a_count():
    """After a kill some dozens are in doubt at once: the list of all children is not read for each."""
    nomad = FakeNomad(lifetime_s=1)
    items = [make_item(f"i{number:02}") for number in range(60)]
    ended = await run_batch(nomad, items, starts={item.id: IN_DOUBT for item in items})
    assert set(ended.outcomes().values()) == {Outcome.SUCCEEDED}
    assert len(nomad.made) == 60
    assert nomad.calls.count("summary encode") <= 2


async def test_a_machine_that_slept_has_not_looked():
    """The clock that never goes back stands still in sleep: only the wall clock tells of the hours without a look."""
    nomad = FakeNomad(lifetime_s=None, script=lambda prefix: "late" if not nomad.made else None, late_s=12)
    loop, slept_s = asyncio.get_running_loop(), 0.0

    def sleep():
        nonlocal slept_s
        slept_s = 20_000.0
        nomad.end(nomad.made[0])
        nomad.collect()

    loop.call_later(12.5, sleep)
    ended = await run_batch(nomad, [make_item("a")], wall=lambda: loop.time() + slept_s)
    assert ended.outcomes() == {"a": Outcome.UNKNOWN}
    assert len(nomad.made) == 1
