"""A next attempt waits for the end of the one before, and is made once: whose that one is, and who resumes."""

import asyncio
from dataclasses import replace

import pytest

from dispatchfile.errors import NomadForbidden, RunRefused
from dispatchfile.events import Accepted, Cause, Doubled, Doubted, Ended, NoJournal, Outcome, Sending
from dispatchfile.journal import open_run
from dispatchfile.nomad.models import FailurePolicy
from dispatchfile.settings import resolve_settings
from dispatchfile.usecases.running.adopt import find_children
from tests.batches import COMPLETION, Outcomes, make_batch, run_batch, seconds
from tests.engine import Start, intent
from tests.exactly_once.test_resuming import RUN, begin, ended, leave, resume, standing_of
from tests.fake_nomad import GROUP, FakeNomad
from tests.making import make_item
from tests.virtual_time import VIRTUAL_TIME

QUICK = {"settle": "0.2s"}


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


def living(nomad):
    return [child.id for child in nomad.made if child.status != "dead" and not child.stop]


def had_by_others(nomad):
    """A child that somebody else has made for the token."""
    return nomad._make("encode", "default", "tok", "theirs", b"", {})


# The one before still lives


class Rescheduling(FakeNomad):
    """The first child fails after five seconds, and no node takes its next allocation."""

    def __init__(self):
        super().__init__(lifetime_s=lambda prefix: None if prefix.endswith("-1") else 5.0)
        self.living_before = []
        asyncio.get_running_loop().call_later(5, self._fail)

    def _fail(self):
        self.made[0].exit_code, self.made[0].status = 1, "pending"

    async def read_evaluations(self, job_id, **options):
        rows = await super().read_evaluations(job_id, **options)
        if self.children[job_id].status != "pending":
            return rows
        return *rows, replace(rows[0], id="b", status="blocked", triggered_by="queued-allocs")

    async def dispatch_job(self, *args, **options):
        self.living_before.append(living(self))
        return await super().dispatch_job(*args, **options)


async def test_a_failed_child_that_is_queued_again_is_stopped_before_the_next_attempt():
    """It would run beside that as soon as there is room."""
    nomad = Rescheduling()
    item = make_item("a", attempts=2)
    group = replace(GROUP, reschedule=FailurePolicy(attempts=1))
    end = await run_batch(nomad, [item], replace(COMPLETION, unplaced_after=seconds(60)), group=group)
    assert end.outcomes() == {"a": Outcome.SUCCEEDED}
    assert nomad.living_before == [[], []]


async def test_a_resume_stops_it_too(tmp_path):
    """The journal knows that the job was still queued."""
    item = make_item("a", attempts=2)
    journal = await begin(tmp_path, [item])
    await journal.mark_may_send([("a", 1)])
    journal.record(Accepted("a", 1, 0.0, "encode/dispatch-run1-a-1-1-00000000"))
    end = ended("a", 1, Outcome.FAILED, Cause.EXIT, retry_at=1.0)
    journal.record(replace(end, verdict=replace(end.verdict, queued=True)))
    await leave(journal)
    assert standing_of(tmp_path).starts["a"].predecessor == "encode/dispatch-run1-a-1-1-00000000"


# The one before is somebody else's


async def test_a_retry_does_not_stop_somebody_elses_child():
    """It refuses to start beside it."""
    nomad = FakeNomad(lifetime_s=None)
    theirs = had_by_others(nomad)
    item = make_item("a", token="tok", deadline_s=5, attempts=2, retry_on=frozenset({"timed_out"}))
    end = await run_batch(nomad, [item])
    assert end.outcomes() == {"a": Outcome.REFUSED}
    assert (nomad.stopped, nomad.made) == ([], [theirs])


async def test_a_retry_starts_once_somebody_elses_child_has_ended():
    """Then there is nothing beside which it could run."""
    nomad = FakeNomad(lifetime_s=None)
    theirs = had_by_others(nomad)
    asyncio.get_running_loop().call_later(15, nomad.end, theirs)
    item = make_item("a", token="tok", deadline_s=5, attempts=2, retry_on=frozenset({"timed_out"}), delay_s=60)
    nomad.lifetime_s = 1
    end = await run_batch(nomad, [item])
    assert end.outcomes() == {"a": Outcome.SUCCEEDED}
    assert nomad.stopped == []


async def test_a_timeout_does_not_stop_somebody_elses_child():
    """Whatever `on_timeout` says."""
    nomad = FakeNomad(lifetime_s=None)
    had_by_others(nomad)
    end = await run_batch(nomad, [make_item("a", token="tok", deadline_s=5, stop_on_deadline=True)])
    assert end.last("a").message.endswith("not stopped, because it existed in Nomad before this run")
    assert nomad.stopped == []


async def test_resending_does_not_stop_somebody_elses_child(tmp_path):
    """A retry does not stop it, either."""
    nomad = FakeNomad(latency_s=0, lifetime_s=None)
    theirs = had_by_others(nomad)
    journal = await begin(tmp_path, [make_item("a", token="tok")])
    await journal.mark_may_send([("a", 1)])
    journal.record(Accepted("a", 1, 0.0, theirs.id, existing=True))
    journal.record(ended("a", 1, Outcome.UNKNOWN, Cause.PERMISSION))
    await leave(journal)
    assert await resume(tmp_path, nomad, resend_unknown=True, settings=QUICK) == {"a": Outcome.REFUSED}
    assert (nomad.stopped, nomad.made) == ([], [theirs])


# What is unknown, sent again


async def unknown(tmp_path, cause=Cause.PERMISSION):
    journal = await begin(tmp_path, [make_item("a")])
    await journal.mark_may_send([("a", 1)])
    journal.record(Doubted("a", 1, 0.0, "reset"))
    journal.record(ended("a", 1, Outcome.UNKNOWN, cause))
    await leave(journal)


async def test_what_is_there_after_all_is_taken_and_not_sent_again(tmp_path):
    """The child came late, or nobody was allowed to look."""
    nomad = FakeNomad(latency_s=0, lifetime_s=None)
    late = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    await unknown(tmp_path)
    assert await resume(tmp_path, nomad, resend_unknown=True, settings=QUICK) == {"a": Outcome.DISPATCHED}
    assert nomad.made == [late]


async def test_what_is_not_there_is_sent_again(tmp_path):
    """It is sent as the next attempt."""
    nomad = FakeNomad(latency_s=0, lifetime_s=None)
    await unknown(tmp_path, Cause.COLLECTED)
    assert await resume(tmp_path, nomad, resend_unknown=True, settings=QUICK) == {"a": Outcome.DISPATCHED}
    assert [child.prefix for child in nomad.made] == ["run1-a-2"]


async def test_what_cannot_be_looked_for_is_not_sent_again(tmp_path):
    """It may live."""
    nomad = FakeNomad(latency_s=0)

    async def listing(**options):
        raise NomadForbidden("Permission denied", status=403)

    nomad.list_all_jobs = listing
    await unknown(tmp_path)
    with pytest.raises(RunRefused, match="cannot be looked up"):
        await resume(tmp_path, nomad, resend_unknown=True, settings=QUICK)
    assert nomad.made == []


# Attempts that were marked ahead


async def test_retries_that_an_interruption_keeps_from_leaving_are_on_record_as_unsent():
    """They were marked with those that left: without a word a resume would have to look for them."""
    loop = asyncio.get_running_loop()
    nomad = FakeNomad(
        lifetime_s=lambda prefix: 1020 - loop.time() if prefix.endswith("-1") else 100, exit_code=lambda _: 1
    )
    marked = []

    class Marks(NoJournal):
        async def mark_may_send(self, attempts):
            marked.extend(attempts)

    outcomes = Outcomes()
    settings = resolve_settings({"wait": "completion", "rate": "3/s"}, {})
    items = [make_item(f"i{number}", attempts=2) for number in range(6)]
    batch = make_batch(nomad, items, settings, outcomes=outcomes, journal=Marks())
    loop.call_later(21.2, batch.interrupt)
    await batch.run()
    sent = {(event.item, event.attempt) for event in outcomes.events if isinstance(event, Sending)}
    ends = [event for event in outcomes.events if isinstance(event, Ended)]
    unsent = {(event.item, event.attempt) for event in ends if event.verdict.outcome is Outcome.UNSENT}
    assert unsent == set(marked) - sent != set()


async def test_a_retry_that_was_surely_not_sent_is_sent_by_a_resume(tmp_path):
    """Whatever has come and gone in Nomad meanwhile."""
    nomad = FakeNomad(latency_s=0)
    first = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    nomad.end(nomad._make("encode", "default", "", "theirs", b"", {}))
    nomad.end(first, 3)
    nomad.collect()
    item = make_item("a", attempts=2)
    journal = await begin(tmp_path, [item])
    await journal.mark_may_send([("a", 1)])
    journal.record(Accepted("a", 1, 0.0, first.id))
    journal.record(ended("a", 1, Outcome.FAILED, Cause.EXIT, retry_at=1.0))
    await journal.add_intents([intent(item, 2, run=RUN, rerun_of=None)])
    await journal.mark_may_send([("a", 2)])
    journal.record(ended("a", 2, Outcome.UNSENT, Cause.INTERRUPTED))
    await leave(journal)
    assert await resume(tmp_path, nomad, settings=QUICK) == {"a": Outcome.DISPATCHED}


# Whose child it is


async def test_a_child_in_another_namespace_is_no_child_of_the_item():
    """The item was moved between two runs of one ID; what the old namespace has is not adopted for the new one."""
    nomad = FakeNomad(latency_s=0)
    original = nomad.list_all_jobs

    async def listing(*, namespace, **options):
        return tuple(row for row in await original(namespace=namespace, **options) if row.namespace == namespace)

    nomad.list_all_jobs = listing
    nomad._make("encode", "blue", "", "run1-a-1", b"", {})
    mine = nomad._make("encode", "blue", "", "run1-b-3", b"", {})
    items = [make_item("a", namespace="green"), make_item("b", namespace="blue")]
    assert await find_children(nomad, items, "run1") == {"b": Start(3, child=mine.id, in_journal=False)}


async def test_two_children_of_an_attempt_are_told_whoever_sees_them_last(tmp_path):
    """The check includes items that ended in an earlier process, and attempts that the manifest does not count."""
    nomad = FakeNomad(latency_s=0)
    one = nomad._make("encode", "default", "", "run1-a-2", b"", {})
    nomad._make("encode", "default", "", "run1-a-2", b"", {})
    journal = await begin(tmp_path, [make_item("a"), make_item("b")])
    await journal.mark_may_send([("a", 1)])
    journal.record(Accepted("a", 1, 0.0, one.id))
    journal.record(ended("a", 1, Outcome.DISPATCHED))
    await leave(journal)
    await resume(tmp_path, nomad)
    told = [(event.item, event.attempt) for event in open_run(tmp_path, RUN).events() if isinstance(event, Doubled)]
    assert told == [("a", 2)]
