"""What is no proof is not taken for one, and no run waits for ever for a proof that does not come."""

import asyncio
import re
from dataclasses import replace

import pytest

from dispatchfile.errors import NomadAmbiguous, NomadForbidden, NomadThrottled, NomadUnavailable, NomadUnreadable
from dispatchfile.events import Cause, Doubted, NoJournal, Outcome
from dispatchfile.settings import Settings, Wait, resolve_settings
from tests.batches import COMPLETION, run_batch
from tests.engine import BatchState, Start
from tests.engine.test_doubt import once
from tests.fake_nomad import FakeNomad
from tests.making import make_item
from tests.virtual_time import VIRTUAL_TIME

DETACH = Settings(wait=Wait.DETACH, in_flight=None)
A_DAY_S = 86_400


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


# A server that ignores prefixes


@pytest.mark.parametrize("others", [(), ("b",)])
async def test_looks_by_a_prefix_prove_nothing_before_one_was_seen(others):
    """The first answer is lost, and the child bears no prefix: it is neither made again nor called unsent."""
    nomad = FakeNomad(ignores_prefix=True, lifetime_s=5, script=once("drop"))
    ended = await run_batch(nomad, [make_item(name) for name in ("a", *others)])
    assert ended.outcomes()["a"] is Outcome.UNKNOWN
    assert len(nomad.made) <= 1 + len(others)


async def test_nor_after_a_kill():
    """The child that is looked for may be the one in the list that bears no prefix."""
    nomad = FakeNomad(ignores_prefix=True, lifetime_s=5)
    nomad.children.clear()
    nomad._make("encode", "default", "", "run1-a-1", b"", {})
    ended = await run_batch(nomad, [make_item("a")], starts={"a": Start(in_doubt=True)})
    assert (ended.outcomes(), len(nomad.made)) == ({"a": Outcome.UNKNOWN}, 1)


# Answers that nobody looks at


async def test_an_answer_to_a_token_is_proven_where_nobody_watches_the_child():
    """Somebody else's request with the same token was under way: Nomad may name a child that never was."""
    nomad = FakeNomad(lifetime_s=5, script=once("phantom"))
    ended = await run_batch(nomad, [make_item("a", token="t")], DETACH)
    assert (ended.outcomes(), len(nomad.made)) == ({"a": Outcome.DISPATCHED}, 1)


# Looks that fail for ever


@pytest.mark.parametrize("what", ["summary", "children", "token"])
async def test_an_attempt_of_which_nothing_can_be_found_out_is_given_up(what):
    """Nomad answers whatever else it is asked, so the run goes on."""
    nomad = FakeNomad(lifetime_s=None, script=once(NomadAmbiguous("reset")) if what == "token" else lambda _: None)
    listing = nomad.list_all_jobs

    async def failing(*args, **options):
        await nomad._call("in vain")
        raise NomadUnavailable("HTTP 502")

    async def failing_list(**options):
        by_token = "Token" in options.get("filter", "")
        is_bad = by_token if what == "token" else not options.get("filter") and options["prefix"] == "encode/dispatch-"
        return await (failing() if is_bad else listing(**options))

    if what == "summary":
        nomad.read_summary = failing
    nomad.list_all_jobs = failing_list
    asyncio.get_running_loop().call_later(1500, lambda: [nomad.end(child) for child in nomad.made])
    starts = {} if what == "token" else {"a": Start(in_doubt=True)}
    items = [make_item("a", token="t" if what == "token" else None), make_item("b")]
    ended = await asyncio.wait_for(run_batch(nomad, items, starts=starts), A_DAY_S)
    assert ended.outcomes() == {"a": Outcome.UNKNOWN, "b": Outcome.SUCCEEDED}
    assert ended.last("a").cause is Cause.UNREACHABLE


async def test_time_is_up_at_last_for_a_child_that_cannot_be_read():
    """Lists say that it runs, and nothing more can be learnt of it."""
    nomad = FakeNomad(lifetime_s=None)

    async def unreadable(*args, **options):
        await nomad._call("allocations")
        raise NomadUnreadable("too large")

    nomad.read_allocations = unreadable
    ended = await asyncio.wait_for(run_batch(nomad, [make_item("a", deadline_s=60, stop_on_deadline=True)]), A_DAY_S)
    assert ended.outcomes() == {"a": Outcome.TIMED_OUT}
    assert len(nomad.stopped) == 1


# Rights and rests


async def test_a_token_that_may_not_be_looked_for_does_not_hide_the_own_child():
    """Without list-jobs evaluations show it, two seconds after the first look."""
    nomad = FakeNomad(script=once(NomadAmbiguous("reset")), lifetime_s=100)

    async def forbidden(**options):
        raise NomadForbidden("Permission denied", status=403)

    async def evaluations(*, filter, **options):  # noqa: A002  as the client
        pattern = filter.split(" matches ")[1].strip('"`')
        return tuple(nomad._evaluation(child) for child in nomad.children.values() if re.search(pattern, child.id))

    nomad.list_all_jobs, nomad.list_evaluations = forbidden, evaluations
    late = asyncio.get_running_loop().call_later
    late(2, lambda: nomad._make("encode", "default", "t", "run1-a-1", b"", {}))
    ended = await run_batch(nomad, [make_item("a", token="t")], DETACH)
    assert (ended.outcomes(), len(nomad.made)) == ({"a": Outcome.DISPATCHED}, 1)


async def test_two_failures_with_nothing_between_them_do_not_end_the_run():
    """At one dispatch a minute they are a minute apart, though Nomad was never asked in between."""
    settings = resolve_settings({"wait": "completion", "rate": "1/m", "unreachable_after": "30s"}, {})
    nomad = FakeNomad(lifetime_s=1, script=once(NomadThrottled("429"), NomadThrottled("429")))
    ended = await run_batch(nomad, [make_item("a"), make_item("b")], settings)
    assert ended.state is BatchState.FINISHED


# What a kill leaves


async def test_attempts_in_doubt_are_looked_for_together():
    """A kill may leave 64 of them; each by itself would cost a dozen requests."""
    nomad = FakeNomad(lifetime_s=0, script=lambda _: None)
    items = [make_item(f"i{number}") for number in range(64)]
    starts = {item.id: Start(in_doubt=True) for item in items}
    ended = await run_batch(nomad, items, COMPLETION, starts=starts)
    assert set(ended.outcomes().values()) == {Outcome.SUCCEEDED}
    assert len([call for call in nomad.calls if call.startswith("list")]) < 64
    assert len([event for event in ended.events if isinstance(event, Doubted)]) == 64


async def test_as_many_are_marked_as_may_leave_soon():
    """What is marked and not sent is in doubt after a kill."""
    nomad = FakeNomad(lifetime_s=None)
    marks = []

    class Marks(NoJournal):
        async def mark_may_send(self, attempts):
            marks.append(len(attempts))

    settings = replace(resolve_settings({"wait": "detach", "rate": "2/s"}, {}), in_flight=None)
    await run_batch(nomad, [make_item(f"i{number}") for number in range(40)], settings, journal=Marks())
    assert (max(marks), sum(marks)) == (2, 40)
