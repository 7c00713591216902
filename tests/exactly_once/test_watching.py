"""One end for each attempt, however many looks see it: a second one would make a second next attempt."""

import asyncio
from dataclasses import replace

import pytest

from dispatchfile.errors import NomadAmbiguous, NomadError, NomadForbidden, NomadRefused, NomadUnavailable
from dispatchfile.events import Accepted, Ended, Outcome
from dispatchfile.settings import Settings, Wait
from tests.batches import COMPLETION, Outcomes, make_batch, run_batch, seconds
from tests.engine import BatchState, Start
from tests.fake_nomad import FakeNomad
from tests.making import make_item
from tests.virtual_time import VIRTUAL_TIME

PHANTOM = "encode/dispatch-run1-a-1-1-00000000"


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


def strike(fault):
    if isinstance(fault, Exception):
        raise fault
    return fault


async def test_items_that_share_a_token_follow_the_same_child_to_its_end():
    """The second one's dispatch is a hit: both have the child's end as their outcome."""
    nomad = FakeNomad(lifetime_s=5, exit_code=lambda _: 3)
    ended = await run_batch(nomad, [make_item("a", token="tok"), make_item("b", token="tok")])
    assert ended.outcomes() == {"a": Outcome.FAILED, "b": Outcome.FAILED}
    assert len(nomad.made) == 1


async def test_of_items_that_share_a_child_each_has_its_own_timeout():
    """One is timed out and goes its way, the other one waits for the child."""
    nomad = FakeNomad(lifetime_s=60)
    ended = await run_batch(nomad, [make_item("a", token="tok", deadline_s=10), make_item("b", token="tok")])
    assert ended.outcomes() == {"a": Outcome.TIMED_OUT, "b": Outcome.SUCCEEDED}


async def test_an_end_whose_log_is_still_being_read_beats_the_timeout():
    """The child has failed, its last log line takes a while, and meanwhile its time is up: it has failed, once."""
    nomad = FakeNomad(lifetime_s=30, exit_code=lambda prefix: 3 if prefix.endswith("-1") else 0)

    async def reading(*args, **options):
        await asyncio.sleep(30)
        raise NomadError("no logs here")

    nomad.read_logs = reading
    item = make_item("a", deadline_s=45, attempts=2, retry_on=frozenset({"failed", "timed_out"}))
    ended = await run_batch(nomad, [item], logs_at_most=9)
    ends = [(end.attempt, end.verdict.outcome) for end in ended.events if isinstance(end, Ended)]
    assert ends == [(1, Outcome.FAILED), (2, Outcome.SUCCEEDED)]
    assert [child.prefix for child in nomad.made] == ["run1-a-1", "run1-a-2"]


async def test_a_phantom_that_two_looks_find_out_is_sought_once():
    """The look that is due and the one at the end of the item's time come together: one repeat follows, not two."""
    nomad = FakeNomad(lifetime_s=None)
    item = make_item("a", token="tok", deadline_s=20)
    start = Start(child=PHANTOM, sent_at=900.0)
    ended = await run_batch(nomad, [item], Settings(wait=Wait.PLACEMENT), starts={"a": start})
    assert ended.outcomes() == {"a": Outcome.PLACED}
    assert len(nomad.made) == 1


async def test_a_repeat_is_not_believed_before_its_child_was_seen():
    """Nobody watches a detached child: its proof is looked for until Nomad can be read again."""
    faults = iter([NomadAmbiguous("reset"), "phantom"])
    nomad = FakeNomad(lifetime_s=None, script=lambda _: strike(next(faults)))

    async def reading(*args, **options):
        nomad._make("encode", "default", "tok", "run1-a-1", b"", {})  # the first request's, which had been waiting
        raise NomadUnavailable("no leader")

    nomad.read_job = reading
    ended = await run_batch(nomad, [make_item("a", token="tok")], Settings(wait=Wait.DETACH, in_flight=None))
    accepted = [event.child for event in ended.events if isinstance(event, Accepted)]
    assert accepted == [child.id for child in nomad.made]


async def test_a_child_that_was_found_is_no_phantom():
    """It bore the token and was there; that it is gone says that it was collected, and nothing is sent again."""
    nomad = FakeNomad(lifetime_s=None)
    child = nomad._make("encode", "default", "tok", "run1-a-1", b"", {})
    nomad.end(child)
    nomad.collect()
    start = Start(child=child.id, adopted=True)
    ended = await run_batch(nomad, [make_item("a", token="tok")], starts={"a": start}, made=[child.id])
    assert ended.outcomes() == {"a": Outcome.UNKNOWN}
    assert len(nomad.made) == 1


async def test_a_child_that_somebody_else_made_for_the_token_is_no_phantom():
    """A hit names a child that exists; once that is gone its end is unknown."""
    nomad = FakeNomad(lifetime_s=None)
    child = nomad._make("encode", "default", "tok", "theirs", b"", {})
    asyncio.get_running_loop().call_later(0.015, nomad.children.clear)
    ended = await run_batch(nomad, [make_item("a", token="tok")])
    assert ended.outcomes() == {"a": Outcome.UNKNOWN}
    assert nomad.made == [child]


async def test_somebody_elses_child_is_not_taken_while_the_own_request_may_still_come():
    """If theirs is collected before, ours is made after all: the item goes on with the child it then has."""
    nomad = FakeNomad(lifetime_s=None, script=lambda prefix: "late", late_s=30)
    theirs = nomad._make("encode", "default", "tok", "theirs", b"", {})
    nomad.end(theirs)
    asyncio.get_running_loop().call_later(20, nomad.collect)
    asyncio.get_running_loop().call_later(60, lambda: nomad.end(nomad.of("run1-a-1")[0]))
    ended = await run_batch(nomad, [make_item("a", token="tok")])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    accepted = [event.child for event in ended.events if isinstance(event, Accepted)]
    assert accepted == [child.id for child in nomad.of("run1-a-1")]


async def test_while_nobody_can_tell_no_time_is_up():
    """The child ended in time, but Nomad was away as its time was up: what Nomad shows then is its outcome."""
    nomad = FakeNomad(lifetime_s=40)
    loop = asyncio.get_running_loop()
    loop.call_later(30, lambda: setattr(nomad, "down", True))
    loop.call_later(90, lambda: setattr(nomad, "down", False))
    ended = await run_batch(nomad, [make_item("a", deadline_s=60), make_item("b", deadline_s=35)])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED, "b": Outcome.SUCCEEDED}


async def test_overdue_items_do_not_keep_the_run_from_seeing_that_nomad_is_away():
    """Hundreds are over their time, each look fails slowly, and the run still ends after `unreachable_after`."""
    nomad = FakeNomad(lifetime_s=None)
    asyncio.get_running_loop().call_later(30, lambda: (setattr(nomad, "down", True), setattr(nomad, "latency_s", 5)))
    items = [make_item(f"i{number:03}", deadline_s=60) for number in range(300)]
    began = asyncio.get_running_loop().time()
    ended = await run_batch(nomad, items, replace(COMPLETION, unreachable_after=seconds(60)))
    assert ended.state is BatchState.INTERRUPTED
    assert asyncio.get_running_loop().time() - began < 30 + 60 + 60


async def test_a_child_that_two_looks_may_not_read_any_more_has_one_end():
    """The look at the end of its time comes as another one is under way: one retry follows, not two."""
    nomad = FakeNomad(lifetime_s=None, latency_s=1.0)
    original = nomad.read_allocations

    async def reading(job_id, **options):
        await original(job_id, **options)
        if "run1-a-1" in job_id:
            raise NomadForbidden("Permission denied", status=403)
        return ()

    nomad.read_allocations = reading
    item = make_item("a", deadline_s=20, attempts=2, retry_on=frozenset({"unknown"}))
    outcomes = Outcomes()
    batch = make_batch(nomad, [item], outcomes=outcomes)
    loop = asyncio.get_running_loop()
    loop.call_later(20.2, lambda: setattr(nomad.made[0], "status", "dead"))
    loop.call_later(60, batch.interrupt)
    await batch.run()
    assert [event.attempt for event in outcomes.events if isinstance(event, Ended)].count(1) == 1
    assert len(nomad.made) == 2


async def test_a_server_that_refuses_a_filter_is_asked_without():
    """It knows less than Nomad does: more rows come, and the run goes on."""
    nomad = FakeNomad(lifetime_s=lambda prefix: 5.0 if "early" in prefix else 60.0)
    original = nomad.list_all_jobs

    async def listing(**options):
        if options.get("filter"):
            raise NomadRefused("filters are not known here", status=400)
        return await original(**options)

    nomad.list_all_jobs = listing
    items = [make_item(f"{'early' if number < 250 else 'late'}{number}") for number in range(300)]
    ended = await run_batch(nomad, items, replace(COMPLETION, unreachable_after=seconds(30)))
    assert set(ended.outcomes().values()) == {Outcome.SUCCEEDED}
    assert len(ended.outcomes()) == 300


class WithoutLists(FakeNomad):
    """A Nomad whose token has read-job, but not list-jobs; children that are not placed have no allocations."""

    async def list_all_jobs(self, **options):
        raise NomadForbidden("Permission denied", status=403)

    async def list_allocations(self, *, filter, **options):  # noqa: A002  as the client
        await self._call("allocations")
        return tuple(self._alloc(child) for child in self.children.values() if child.placed)


@pytest.mark.parametrize("how", ["purge", "stop"])
async def test_without_lists_the_end_of_a_child_without_allocations_is_seen(how):
    """No row shows it, neither before nor after: it is asked for now and then."""
    nomad = WithoutLists(lifetime_s=None)
    nomad.placed = False

    def end():
        nomad.made[0].placed = False
        nomad.purge(nomad.made[0]) if how == "purge" else setattr(nomad.made[0], "stop", True)

    asyncio.get_running_loop().call_later(5, end)
    ended = await asyncio.wait_for(run_batch(nomad, [make_item("a")]), 3_600)
    assert ended.outcomes() == {"a": Outcome.STOPPED}
    assert len(nomad.calls) < 60


async def test_all_that_nobody_takes_are_unplaced_soon_after_nomad_says_so():
    """The server was busy: when their time was up, nothing was blocked yet."""
    nomad = FakeNomad(lifetime_s=None)
    loop = asyncio.get_running_loop()

    async def evaluations(job_id, **options):
        await nomad._call(f"evaluations {job_id}")
        row = nomad._evaluation(nomad.children[job_id])
        return (row if loop.time() > 1060 else replace(row, status="pending", triggered_by="job-register"),)

    original = nomad.dispatch_job

    async def dispatching(*args, **options):
        answer = await original(*args, **options)
        child = nomad.children[answer.child]
        child.placed, child.status = False, "pending"
        return answer

    nomad.read_evaluations, nomad.dispatch_job = evaluations, dispatching
    items = [make_item(f"i{number}") for number in range(20)]
    ended = await asyncio.wait_for(run_batch(nomad, items, replace(COMPLETION, unplaced_after=seconds(10))), 3_600)
    assert set(ended.outcomes().values()) == {Outcome.UNPLACED}
    assert max(event.at for event in ended.events if isinstance(event, Ended)) < 1060 + 15
