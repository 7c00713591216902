"""Doubt is settled before anything is repeated."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from dispatchfile.errors import NomadAmbiguous, NomadForbidden, NomadRefused, NomadThrottled, NomadUnavailable
from dispatchfile.events import Cause, Outcome
from dispatchfile.settings import Settings, Wait
from tests.batches import COMPLETION, run_batch, seconds
from tests.engine import Baseline, BatchState, Start
from tests.fake_nomad import FakeNomad
from tests.making import make_item
from tests.virtual_time import VIRTUAL_TIME


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


def once(*faults):
    """A script that plays these faults, one a dispatch, then none."""
    waiting = list(faults)

    def play(prefix):
        fault = waiting.pop(0) if waiting else None
        if isinstance(fault, Exception):
            raise fault
        return fault

    return play


async def test_a_lost_answer_is_settled_by_adopting_the_child():
    """The child is found by its prefix: nothing is sent a second time."""
    nomad = FakeNomad(script=once("drop"), lifetime_s=5)
    ended = await run_batch(nomad, [make_item("a")])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    assert len(nomad.made) == 1
    assert ended.of("a")[:3] == ["Sending", "Doubted", "Accepted"]


async def test_a_request_that_never_arrived_is_repeated_after_settle():
    """Never seen in unbroken looks until settle has passed: then, and only then, it is sent again."""
    nomad = FakeNomad(script=once(NomadAmbiguous("reset")), lifetime_s=5)
    ended = await run_batch(nomad, [make_item("a")])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    sends = [index for index, call in enumerate(nomad.calls) if call.startswith("dispatch")]
    looks = nomad.calls[sends[0] + 1 : sends[1]]
    assert len(sends) == 2
    assert nomad.dispatch_times[0] >= 1_000 + 45
    assert len(looks) >= 45 / 5


async def test_looks_come_at_most_five_seconds_apart_and_the_last_after_settle():
    """Each look is close enough to the one before for no child to come and go unseen, the last one is late enough."""
    nomad = FakeNomad(script=once(NomadAmbiguous("reset")), latency_s=0)
    times = []
    original = nomad.list_all_jobs

    async def listing(**options):
        times.append(asyncio.get_running_loop().time())
        return await original(**options)

    nomad.list_all_jobs = listing
    ended = await run_batch(nomad, [make_item("a")], replace(COMPLETION, settle=seconds(12)))
    assert ended.of("a")[:4] == ["Sending", "Doubted", "Repeated", "Sending"]
    looks = [time for time in times if time <= nomad.dispatch_times[0]]
    assert max(later - earlier for earlier, later in pairwise(looks)) <= 5
    assert looks[-1] >= 1_000 + 12


async def test_a_child_that_appears_late_is_adopted():
    """A write that is still waiting in the server when the connection is lost shows up while looks go on."""
    nomad = FakeNomad(script=once(NomadAmbiguous("reset")), lifetime_s=100)
    asyncio.get_running_loop().call_later(20, lambda: nomad._make("encode", "default", "", "run1-a-1", b"", {}))
    ended = await run_batch(nomad, [make_item("a")])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    assert len(nomad.made) == 1


async def test_items_whose_prefixes_begin_alike_adopt_their_own_children_only():
    """`a` attempt 1 and `a-1` are two things: a prefix list for the one also shows the other's child."""
    nomad = FakeNomad(script=once(None, "drop", "drop"), lifetime_s=5)
    ended = await run_batch(nomad, [make_item("first"), make_item("a"), make_item("a-1")])
    assert set(ended.outcomes().values()) == {Outcome.SUCCEEDED}
    assert sorted(child.prefix for child in nomad.made) == ["run1-a-1", "run1-a-1-1", "run1-first-1"]


@pytest.mark.parametrize("error", [NomadUnavailable("no leader"), NomadThrottled("429")])
async def test_what_surely_was_not_done_is_repeated_without_looking(error):
    """A refused connection or a 429 leaves nothing to look for."""
    nomad = FakeNomad(script=once(error, error, error))
    ended = await run_batch(nomad, [make_item("a")])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    assert ended.of("a")[:4] == ["Sending", "Repeated", "Sending", "Repeated"]
    assert nomad.calls[:4] == ["dispatch run1-a-1"] * 4


async def test_a_refusal_is_final_and_others_go_on():
    """Nomad's no is the item's outcome, with Nomad's words."""
    nomad = FakeNomad(script=once(None, NomadRefused("Dispatch request included unpermitted metadata keys: [x]")))
    ended = await run_batch(nomad, [make_item("a"), make_item("b"), make_item("c")])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED, "b": Outcome.REFUSED, "c": Outcome.SUCCEEDED}
    assert "unpermitted" in ended.last("b").message


async def test_never_two_requests_are_under_way_for_one_item():
    """While an item is in doubt, nothing of it is sent."""
    nomad = FakeNomad(script=once(NomadAmbiguous("reset"), NomadAmbiguous("reset"), None), lifetime_s=1)
    await run_batch(nomad, [make_item("a")])
    assert len(nomad.of("run1-a-1")) == 1


async def test_an_attempt_of_a_killed_process_is_adopted():
    """After a kill, what is marked and not accepted is looked for before anything else is done with it."""
    nomad = FakeNomad(lifetime_s=30)
    nomad._make("encode", "default", "", "run1-a-1", b"", {})
    ended = await run_batch(nomad, [make_item("a"), make_item("b")], starts={"a": Start(in_doubt=True)})
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED, "b": Outcome.SUCCEEDED}
    assert len(nomad.of("run1-a-1")) == 1


async def test_a_kill_that_left_no_child_and_no_unseen_one_is_repeated():
    """The parent's total has not grown by more than the children accounted for: definitely not sent."""
    nomad = FakeNomad(lifetime_s=1)
    ended = await run_batch(nomad, [make_item("a")], starts={"a": Start(in_doubt=True)})
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    assert len(nomad.made) == 1


async def test_a_child_collected_while_nobody_looked_makes_the_item_unknown():
    """Kill, `system gc`, resume: the total tells of a child that nobody has seen, so nothing is sent again."""
    nomad = FakeNomad(lifetime_s=None)
    nomad.end(nomad._make("encode", "default", "", "run1-a-1", b"", {}))
    nomad.collect()
    ended = await run_batch(nomad, [make_item("a")], starts={"a": Start(in_doubt=True)})
    assert ended.outcomes() == {"a": Outcome.UNKNOWN}
    assert ended.last("a").cause is Cause.COLLECTED
    assert len(nomad.made) == 1


async def test_other_peoples_children_that_are_still_listed_do_not_make_an_item_unknown():
    """Somebody else's dispatches of the same job are accounted for as long as they can be listed."""
    nomad = FakeNomad(lifetime_s=1)
    nomad._make("encode", "default", "", "somebody", b"", {})
    ended = await run_batch(nomad, [make_item("a")], starts={"a": Start(in_doubt=True)})
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}


async def test_children_on_record_account_for_what_was_collected():
    """A child that the journal knows and Nomad has collected is no unseen one."""
    nomad = FakeNomad(lifetime_s=None)
    old = nomad._make("encode", "default", "", "run1-z-1", b"", {})
    nomad.end(old)
    nomad.collect()
    nomad.lifetime_s = 1
    ended = await run_batch(nomad, [make_item("a")], starts={"a": Start(in_doubt=True)}, made=[old.id])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}


async def test_a_total_that_fell_proves_nothing():
    """A parent registered anew counts from zero: what is in doubt stays unknown."""
    nomad = FakeNomad(lifetime_s=1)
    ended = await run_batch(
        nomad, [make_item("a")], starts={"a": Start(in_doubt=True)}, baseline=Baseline(children=7, index=3)
    )
    assert ended.outcomes() == {"a": Outcome.UNKNOWN}


async def test_an_outage_during_the_looks_breaks_them():
    """Nobody could look for a while: a child may have come and gone, so the total has to speak."""
    nomad = FakeNomad(script=once(NomadAmbiguous("reset")), lifetime_s=None)
    loop = asyncio.get_running_loop()

    def go_down():
        nomad.down = True
        nomad.end(nomad._make("encode", "default", "", "run1-a-1", b"", {}))
        nomad.collect()

    loop.call_later(6, go_down)
    loop.call_later(30, lambda: setattr(nomad, "down", False))
    ended = await run_batch(nomad, [make_item("a")])
    assert ended.outcomes() == {"a": Outcome.UNKNOWN}
    assert len(nomad.made) == 1


async def test_a_phantom_is_found_out_and_the_item_sent_again():
    """Nomad answered with a child that never was, and knows no other child of the token: it is sent again."""
    nomad = FakeNomad(script=once("phantom"), lifetime_s=1)
    ended = await run_batch(nomad, [make_item("a", token="tok")])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    assert len(nomad.made) == 1


async def test_a_phantoms_real_child_is_adopted_as_existing():
    """The other dispatch with the token won the race: its child is watched in place of the phantom."""
    nomad = FakeNomad(script=once("phantom"), lifetime_s=1)
    theirs = nomad._make("encode", "default", "tok", "theirs", b"", {})
    ended = await run_batch(nomad, [make_item("a", token="tok")])
    accepted = [event for event in ended.events if type(event).__name__ == "Accepted"]
    assert [(event.child, event.existing) for event in accepted][-1] == (theirs.id, True)
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}


async def test_a_token_hit_is_watched_like_any_other():
    """The old child's end is the item's outcome."""
    nomad = FakeNomad(lifetime_s=None)
    nomad.end(nomad._make("encode", "default", "tok", "old", b"", {}), exit_code=3)
    ended = await run_batch(nomad, [make_item("a", token="tok")])
    assert ended.outcomes() == {"a": Outcome.FAILED}
    assert ended.last("a").exit_code == 3


async def test_a_server_that_ignores_prefixes_stops_the_run():
    """Nothing could be found again after a fault: one child, then no more."""
    nomad = FakeNomad(ignores_prefix=True, lifetime_s=1)
    ended = await run_batch(nomad, [make_item("a"), make_item("b")])
    assert ended.state is BatchState.STOPPED_EARLY
    assert len(nomad.made) == 1
    assert ended.outcomes()["b"] is Outcome.UNSENT


async def test_two_children_of_one_attempt_are_told_loudly():
    """It must never be; if it is, the run says so."""
    nomad = FakeNomad(lifetime_s=1)
    nomad._make("encode", "default", "", "run1-a-1", b"", {})
    ended = await run_batch(nomad, [make_item("a")])
    assert [event.item for event in ended.doubled] == ["a"]


async def test_doubt_that_may_not_be_looked_at_is_unknown():
    """No right to list jobs or to read evaluations: nobody can tell, and nothing is sent again."""
    nomad = FakeNomad(script=once("drop"))

    async def forbidden(**options):
        raise NomadForbidden("Permission denied", status=403)

    nomad.list_all_jobs = nomad.list_evaluations = forbidden
    ended = await run_batch(nomad, [make_item("a")], Settings(wait=Wait.DETACH, in_flight=None))
    assert ended.outcomes() == {"a": Outcome.UNKNOWN}
    assert ended.last("a").cause is Cause.PERMISSION
    assert len(nomad.made) == 1
