"""One batch from the first request to the last verdict: limits, retries, deadlines and ends."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from dispatchfile.errors import JournalError, NomadAmbiguous, NomadForbidden, NomadLeaderless, NomadUnreadable
from dispatchfile.events import Accepted, Cause, Ended, NoJournal, Notice, NoticeKind, Outcome, Verdict
from dispatchfile.nomad.models import TokenSelf
from dispatchfile.settings import Rate, Settings, Share, Wait
from tests.batches import COMPLETION, Outcomes, make_batch, run_batch, seconds
from tests.engine import BatchState, Start
from tests.fake_nomad import FakeNomad
from tests.making import make_item
from tests.virtual_time import VIRTUAL_TIME


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


def items(count, **options):
    return [make_item(f"i{number:03}", **options) for number in range(count)]


def notices(ended):
    return [(event.kind, event.message) for event in ended.events if isinstance(event, Notice)]


async def test_every_item_is_dispatched_once_and_watched_to_its_end():
    """A hundred items make a hundred children, each with the verdict of its end."""
    nomad = FakeNomad(lifetime_s=3, exit_code=lambda prefix: 3 if "i007" in prefix else 0)
    ended = await run_batch(nomad, items(100))
    assert ended.state is BatchState.FINISHED
    assert len(nomad.made) == 100
    assert {item for item, outcome in ended.outcomes().items() if outcome is not Outcome.SUCCEEDED} == {"i007"}
    assert ended.last("i007").exit_code == 3


async def test_a_run_costs_little_more_than_two_requests_an_item():
    """One dispatch and one read each, and a list a second for all of them."""
    nomad = FakeNomad(lifetime_s=5)
    await run_batch(nomad, items(1000))
    assert len(nomad.calls) <= 2.1 * 1000


async def test_a_journal_that_cannot_be_written_ends_the_batch_within_half_a_second():
    """Though nothing is left to send, and the children would run for hours."""

    class Full(NoJournal):
        is_full = False

        def record(self, event):
            self.is_full = self.is_full or isinstance(event, Accepted)

        def check(self):
            if self.is_full:
                raise JournalError("no space is left on its disk")

    began = asyncio.get_running_loop().time()
    with pytest.raises(JournalError, match="no space is left on its disk"):
        await run_batch(FakeNomad(lifetime_s=7200), items(1), journal=Full())
    assert asyncio.get_running_loop().time() - began == pytest.approx(0.5)


async def test_requests_at_the_same_time_are_bounded():
    """Never more than `concurrency + 2` requests are under way."""
    nomad = FakeNomad(lifetime_s=1, latency_s=0.2)
    await run_batch(nomad, items(60), replace(COMPLETION, concurrency=4))
    assert nomad.peak_under_way <= 4 + 4 + 1


async def test_in_flight_bounds_living_children():
    """Items sent and without outcome never exceed the limit."""
    nomad = FakeNomad(lifetime_s=10)
    peak = 0
    original = nomad.dispatch_job

    async def dispatching(*args, **options):
        nonlocal peak
        answer = await original(*args, **options)
        peak = max(peak, sum(child.status != "dead" for child in nomad.made))
        return answer

    nomad.dispatch_job = dispatching
    await run_batch(nomad, items(30), replace(COMPLETION, in_flight=5))
    assert peak == 5


async def test_detach_ends_with_nomads_word():
    """Nothing is watched: the item is dispatched, and that is all."""
    nomad = FakeNomad(lifetime_s=None)
    ended = await run_batch(nomad, items(5), Settings(wait=Wait.DETACH, in_flight=None))
    assert set(ended.outcomes().values()) == {Outcome.DISPATCHED}
    assert len(nomad.calls) == 6  # and one list for doubles


async def test_placement_follows_each_item_until_it_is_placed():
    """Two requests an item, and no waiting for an end."""
    nomad = FakeNomad(lifetime_s=None)
    ended = await run_batch(nomad, items(20), Settings(wait=Wait.PLACEMENT))
    assert set(ended.outcomes().values()) == {Outcome.PLACED}
    assert len(nomad.calls) <= 2.1 * 20


async def test_rate_holds_for_the_whole_run():
    """Twenty items at four a second take almost five seconds to send."""
    nomad = FakeNomad(lifetime_s=0)
    await run_batch(nomad, items(20), replace(COMPLETION, rate=Rate(4, 1)))
    assert 4.5 <= nomad.dispatch_times[-1] - nomad.dispatch_times[0] <= 5.0


async def test_a_retry_makes_a_new_child_under_its_own_prefix():
    """Attempt 2 is told from attempt 1 by its prefix, and leaves after the delay."""
    nomad = FakeNomad(lifetime_s=1, exit_code=lambda prefix: 3 if prefix.endswith("-1") else 0)
    ended = await run_batch(nomad, [make_item("a", attempts=3, delay_s=30)])
    assert [child.prefix for child in nomad.made] == ["run1-a-1", "run1-a-2"]
    assert nomad.dispatch_times[1] - nomad.dispatch_times[0] >= 30
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}


async def test_a_retrys_token_wants_a_new_child():
    """The second attempt's token is the first's with its number."""
    nomad = FakeNomad(lifetime_s=1, exit_code=lambda prefix: 3 if prefix.endswith("-1") else 0)
    await run_batch(nomad, [make_item("a", attempts=2, token="tok")])
    assert [child.token for child in nomad.made] == ["tok", "tok#2"]


async def test_stop_on_starts_nothing_more_and_waits_for_what_lives():
    """The run stops early; items in flight still get their verdicts, the rest is unsent with the cause."""
    nomad = FakeNomad(lifetime_s=1, exit_code=lambda _: 1)
    ended = await run_batch(nomad, items(30), replace(COMPLETION, in_flight=3, stop_on=Share(count=2)))
    assert ended.state is BatchState.STOPPED_EARLY
    counted = list(ended.outcomes().values())
    assert 3 <= counted.count(Outcome.FAILED) <= 6
    assert counted.count(Outcome.UNSENT) == 30 - counted.count(Outcome.FAILED)
    assert ended.last("i029").cause is Cause.STOP_ON
    assert (NoticeKind.STOP_ON, "failures exceed stop_on (2): no new dispatches") in notices(ended)


async def test_a_canary_goes_to_completion_before_the_rest_starts():
    """Even under placement the canaries are followed to their end."""
    nomad = FakeNomad(lifetime_s=20)
    ended = await run_batch(nomad, items(10), Settings(wait=Wait.PLACEMENT), canaries=["i000", "i001"])
    assert nomad.dispatch_times[2] - nomad.dispatch_times[1] >= 20
    assert ended.last("i000").outcome is Outcome.SUCCEEDED
    assert ended.last("i009").outcome is Outcome.PLACED
    assert (NoticeKind.CANARY_PASSED, "all 2 canary items succeeded: sending the other items") in notices(ended)


async def test_a_single_canary_is_told_of_as_one():
    """It is the usual number."""
    ended = await run_batch(FakeNomad(lifetime_s=1), items(2), canaries=["i000"])
    assert (NoticeKind.CANARY_PASSED, "the canary item succeeded: sending the other items") in notices(ended)


async def test_a_failed_canary_leaves_the_rest_unsent():
    """The run is over, and says why."""
    nomad = FakeNomad(lifetime_s=1, exit_code=lambda _: 1)
    ended = await run_batch(nomad, items(10), canaries=["i000"])
    assert ended.state is BatchState.STOPPED_EARLY
    assert len(nomad.made) == 1
    assert {ended.last(f"i{number:03}").cause for number in range(1, 10)} == {Cause.CANARY}


async def test_an_item_over_its_timeout_is_left_or_stopped():
    """By default it is left to go on; `on_timeout: stop` stops it. Either way it is timed out."""
    nomad = FakeNomad(lifetime_s=None)
    pair = [make_item("left", deadline_s=60), make_item("stopped", deadline_s=60, stop_on_deadline=True)]
    ended = await run_batch(nomad, pair)
    assert set(ended.outcomes().values()) == {Outcome.TIMED_OUT}
    assert {ended.last(item).cause for item in ("left", "stopped")} == {Cause.DEADLINE}
    assert ended.last("left").message == "exceeded its timeout of 1m: not stopped"
    assert [ended.last(item).starts for item in ("left", "stopped")] == [1, 1]
    assert nomad.stopped == [nomad.of("run1-stopped-1")[0].id]


async def test_an_end_that_nomad_shows_beats_the_timeout():
    """The child had ended when the time was up: its end counts."""
    nomad = FakeNomad(lifetime_s=None)

    def end_all():
        for child in nomad.made:
            nomad.end(child)

    asyncio.get_running_loop().call_later(59.95, end_all)
    ended = await run_batch(nomad, [make_item("a", deadline_s=60)])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}


async def test_a_retry_first_stops_a_predecessor_that_may_still_live():
    """A timed out child that was left is stopped before the next attempt leaves."""
    nomad = FakeNomad(lifetime_s=None)
    item = make_item("a", deadline_s=10, attempts=2, retry_on=frozenset({"timed_out"}))
    await run_batch(nomad, [item])
    first, second = nomad.made
    calls = nomad.calls
    assert calls.index(f"stop {first.id}") < calls.index("dispatch run1-a-2")
    assert second.prefix == "run1-a-2"


async def test_the_runs_timeout_is_told_as_it_is_written():
    """Not as Python prints it."""
    settings = replace(COMPLETION, timeout=timedelta(seconds=90))
    ended = await run_batch(FakeNomad(lifetime_s=None), items(1), settings, run_timeout_s=90)
    assert (NoticeKind.TIMEOUT, "the run exceeded its timeout of 1m30s: no new dispatches") in notices(ended)


async def test_the_runs_timeout_ends_everything():
    """Nothing starts any more, and what lives is timed out."""
    nomad = FakeNomad(lifetime_s=None)
    ended = await run_batch(nomad, items(6), replace(COMPLETION, in_flight=2), run_timeout_s=100)
    assert ended.state is BatchState.STOPPED_EARLY
    counted = list(ended.outcomes().values())
    assert (counted.count(Outcome.TIMED_OUT), counted.count(Outcome.UNSENT)) == (2, 4)


async def test_an_interruption_leaves_what_lives_and_sends_nothing_more():
    """Living items have no outcome yet; the rest is unsent, to be sent by a resume."""
    nomad = FakeNomad(lifetime_s=None)
    outcomes = Outcomes()
    batch = make_batch(nomad, items(10), replace(COMPLETION, in_flight=4), outcomes=outcomes)
    asyncio.get_running_loop().call_later(10, batch.interrupt)
    assert await batch.run() is BatchState.INTERRUPTED
    assert len(nomad.made) == 4
    assert set(outcomes.outcomes().values()) == {Outcome.UNSENT}
    assert len(outcomes.outcomes()) == 6
    assert nomad.stopped == []


@pytest.mark.parametrize("interrupted_after_s", [2.0, 150.0])
async def test_an_interruption_waits_at_length_for_no_look_where_nomad_hangs(interrupted_after_s):
    """What is in doubt is left to a resume, though each list may take two minutes and one comes behind the other."""

    class Sluggish(FakeNomad):
        async def dispatch_job(self, job, *, id_prefix, **request):
            await asyncio.sleep(int(id_prefix[6:9]))
            return await super().dispatch_job(job, id_prefix=id_prefix, **request)

        async def list_all_jobs(self, **query):
            await asyncio.sleep(120)
            return await super().list_all_jobs(**query)

    nomad = Sluggish(script=lambda prefix: None if prefix == "run1-i000-1" else "drop", lifetime_s=None)
    outcomes = Outcomes()
    batch = make_batch(nomad, items(8), COMPLETION, outcomes=outcomes)
    loop = asyncio.get_running_loop()
    started = loop.time()
    loop.call_later(interrupted_after_s, batch.interrupt)
    assert await batch.run() is BatchState.INTERRUPTED
    assert loop.time() - started <= max(interrupted_after_s, 8.0) + 6.0  # the last answer comes after 8 s
    assert outcomes.of("i007") == ["Sending", "Doubted"]


async def test_no_answer_for_too_long_ends_the_run_as_interrupted():
    """Nomad is away: after `unreachable_after` the run gives up, and says so."""
    nomad = FakeNomad(lifetime_s=1)
    nomad.down = True
    ended = await run_batch(nomad, items(3), replace(COMPLETION, unreachable_after=seconds(60)))
    assert ended.state is BatchState.INTERRUPTED
    assert {ended.last(f"i{number:03}").cause for number in range(3)} == {Cause.UNREACHABLE}


async def test_an_election_is_told_as_such():
    """Nobody has to look for a fault in the network."""
    elected_at = asyncio.get_running_loop().time() + 30

    def elect(_):
        if asyncio.get_running_loop().time() < elected_at:
            raise NomadLeaderless("No cluster leader")

    nomad = FakeNomad(script=elect)
    ended = await run_batch(nomad, items(1))
    assert (NoticeKind.NO_LEADER, "No cluster leader; retrying") in notices(ended)


async def test_a_server_that_limits_requests_is_told_of_now_and_then():
    """A run that goes slower for that reason says so, once a minute at most."""
    nomad = FakeNomad(lifetime_s=100)
    loop = asyncio.get_running_loop()
    for after_s in range(0, 90, 5):
        loop.call_later(after_s, lambda: setattr(nomad, "throttled", nomad.throttled + 1))
    ended = await run_batch(nomad, items(1))
    told = [message for kind, message in notices(ended) if kind is NoticeKind.THROTTLED]
    assert told == [
        "1 request was answered with 429 (too many requests): sending more slowly",
        "12 requests were answered with 429 (too many requests): sending more slowly",
    ]


async def test_dispatches_that_never_get_through_end_the_run_though_nomad_can_be_read():
    """A proxy that lets no dispatch pass: each is looked for, none is there, and at last the run gives up."""

    def swallow(prefix):
        raise NomadAmbiguous("HTTP 502 with a web page")

    nomad = FakeNomad(script=swallow)
    ended = await run_batch(nomad, items(3), replace(COMPLETION, unreachable_after=seconds(300)))
    assert (ended.state, nomad.made) == (BatchState.INTERRUPTED, [])
    (told,) = (event.message for event in ended.events if isinstance(event, Notice))
    assert told == "no dispatch was accepted for 300 s; last error: HTTP 502 with a web page: ending the run"


async def test_a_dispatch_that_gets_through_shows_that_others_may():
    """One item in doubt again and again holds up neither the others nor, while they go through, the run."""
    tries = Counter()

    def swallow(prefix):
        tries[prefix] += 1
        if prefix == "run1-i000-1" and tries[prefix] <= 3:
            raise NomadAmbiguous("HTTP 502 with a web page")

    nomad = FakeNomad(script=swallow, lifetime_s=1)
    settings = replace(COMPLETION, unreachable_after=seconds(60), rate=Rate(1, 1), settle=seconds(30))
    ended = await run_batch(nomad, items(200), settings)
    assert ended.state is BatchState.FINISHED
    assert set(ended.outcomes().values()) == {Outcome.SUCCEEDED}
    assert set(tries.values()) == {1, 4}


async def test_a_child_whose_end_cannot_be_read_is_unknown():
    """Lists come and details never do: Nomad is there, so the run does not end; but no item is waited for for ever."""
    nomad = FakeNomad(lifetime_s=1)
    original = nomad.read_allocations

    async def reading(job_id, **options):
        if "i000" in job_id:
            await nomad._call("allocations in vain")
            raise NomadUnreadable("a web page")
        return await original(job_id, **options)

    nomad.read_allocations = reading
    ended = await run_batch(nomad, items(2), replace(COMPLETION, unreachable_after=seconds(60)))
    told = "its result cannot be read: a web page"
    assert ended.state is BatchState.FINISHED
    assert ended.last("i000") == Verdict(Outcome.UNKNOWN, Cause.UNREACHABLE, told)
    assert ended.last("i001").outcome is Outcome.SUCCEEDED
    assert nomad.calls.count("allocations in vain") < 20


async def test_a_short_outage_fails_no_item():
    """Nomad is away for half a minute: the run slows down, and goes on."""
    nomad = FakeNomad(lifetime_s=5)
    loop = asyncio.get_running_loop()
    loop.call_later(2, lambda: setattr(nomad, "down", True))
    loop.call_later(32, lambda: setattr(nomad, "down", False))
    ended = await run_batch(nomad, items(50), replace(COMPLETION, rate=Rate(10, 1)))
    assert set(ended.outcomes().values()) == {Outcome.SUCCEEDED}
    assert len(nomad.made) == 50


async def test_children_of_an_earlier_process_are_watched_on():
    """Nothing is sent for an item that has a child."""
    nomad = FakeNomad(lifetime_s=10)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    ended = await run_batch(nomad, [make_item("a")], starts={"a": Start(child=child.id)}, made=[child.id])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    assert len(nomad.made) == 1


async def test_the_log_of_a_rare_ending_is_read_though_many_others_came_before():
    """Of 30 that fail alike eight logs are read; what is left of the ten is for those that end in another way."""
    nomad = FakeNomad(
        lifetime_s=lambda prefix: 60 if "rare" in prefix else 30, exit_code=lambda prefix: 7 if "rare" in prefix else 3
    )

    async def read(alloc_id, *_, **__):
        (child,) = (child for child in nomad.children.values() if alloc_id.endswith(f"{child.index:012x}"))
        return b"no space left\n" if child.exit_code == 7 else b"no such codec\n"

    nomad.read_logs = read
    ended = await run_batch(nomad, [*items(30), make_item("rare")], logs_at_most=10, logs_reserved=2)
    verdicts = {end.item: end.verdict for end in ended.events if isinstance(end, Ended)}
    assert verdicts["rare"].last_log_line == "no space left"
    lines = Counter(verdict.last_log_line for verdict in verdicts.values())
    assert lines == {"no such codec": 8, "": 22, "no space left": 1}
    assert all(verdict.log_unread is not bool(verdict.last_log_line) for verdict in verdicts.values())


async def test_unplaced_after_ends_an_item_that_finds_no_node():
    """Blocked for longer than asked: unplaced, and left in Nomad's queue."""
    nomad = FakeNomad(lifetime_s=None)
    original = nomad._make

    def making(*args):
        child = original(*args)
        child.status, child.placed = "pending", False
        return child

    nomad._make = making
    ended = await run_batch(nomad, [make_item("a")], replace(COMPLETION, unplaced_after=seconds(600)))
    assert ended.last("a").outcome is Outcome.UNPLACED
    assert nomad.stopped == []


async def test_a_child_purged_while_it_was_watched_is_stopped():
    """It was seen alive, and somebody removed it."""
    nomad = FakeNomad(lifetime_s=None)
    asyncio.get_running_loop().call_later(20, nomad.children.clear)
    ended = await run_batch(nomad, [make_item("a")])
    assert ended.last("a").outcome is Outcome.UNKNOWN  # no evaluation tells of a purge here


async def test_a_child_that_only_nomad_knows_is_told_as_adopted():
    """With a run's ID but without its journal, what Nomad still has is adopted, and put on record."""
    nomad = FakeNomad(lifetime_s=10)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    ended = await run_batch(nomad, [make_item("a")], starts={"a": Start(child=child.id, in_journal=False)})
    assert ended.of("a")[0] == "Accepted"
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    assert len(nomad.made) == 1


class ForgetfulNomad(FakeNomad):
    """One whose token expires *expires_s* after it was made."""

    def __init__(self, *, expires_s: float, **options):
        super().__init__(**options)
        self.expires_at = asyncio.get_running_loop().time() + expires_s

    async def _call(self, name):
        await super()._call(name)
        if asyncio.get_running_loop().time() >= self.expires_at:
            raise NomadForbidden("Permission denied", status=403)

    async def list_allocations(self, **_):
        await self._call("list_allocations")
        return ()


class Revoked(ForgetfulNomad):
    """One that goes on to know the token, which has lost all its rights."""

    async def read_token_self(self):
        return TokenSelf("accessor", "", "client", (), (), "")


async def test_a_right_that_is_taken_away_makes_what_still_lives_unknown():
    """Nomad goes on to answer, so nobody waits for it to be reached again: a resume with another token looks anew."""
    nomad = Revoked(expires_s=20, lifetime_s=lambda prefix: 5 if "i000" in prefix else 60)
    ended = await run_batch(nomad, items(3))
    assert ended.last("i000").outcome is Outcome.SUCCEEDED
    unknown = [(ended.last(item).outcome, ended.last(item).cause) for item in ("i001", "i002")]
    assert unknown == [(Outcome.UNKNOWN, Cause.PERMISSION)] * 2
    assert nomad.requests < 60


EXPIRED = "Nomad refuses the token (Permission denied): ending the run; resume it with a valid token"


@pytest.mark.parametrize(
    ("settings", "lifetime_s"),
    [
        pytest.param(COMPLETION, 60, id="while-watching"),
        pytest.param(replace(COMPLETION, rate=Rate(1, 10), in_flight=None), 0, id="while-sending"),
        pytest.param(replace(COMPLETION, concurrency=8), lambda prefix: 19.99 if "i001" in prefix else 60, id="both"),
    ],
)
async def test_a_token_that_expires_ends_the_run(settings, lifetime_s):
    """Nothing is concluded from its refusals: what lives goes on, what was not carried out is unsent."""
    nomad = ForgetfulNomad(expires_s=20, lifetime_s=lifetime_s)
    ended = await run_batch(nomad, items(12), settings)
    assert ended.state is BatchState.INTERRUPTED
    assert [event.message for event in ended.events if isinstance(event, Notice)] == [EXPIRED]
    unsent = [item.id for item in items(12)][len(nomad.made) :]
    told = {item: (ended.last(item).outcome, ended.last(item).cause) for item in ended.outcomes()}
    assert {item: end for item, end in told.items() if end[0] is not Outcome.SUCCEEDED} == dict.fromkeys(
        unsent, (Outcome.UNSENT, Cause.PERMISSION)
    )
    assert nomad.calls.count("token") == 1
    assert asyncio.get_running_loop().time() < nomad.expires_at + 15
