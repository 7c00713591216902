"""A run that stops: what has not left stays, is on record as unsent, and loses nothing that a resume is to make."""

import asyncio
from dataclasses import dataclass, field

import pytest

from dispatchfile.errors import JournalError, NomadAmbiguous, NomadForbidden, NomadUnavailable
from dispatchfile.events import Cause, Ended, Event, Intent, NoJournal, Outcome, Verdict
from dispatchfile.settings import Settings, Share
from tests.batches import COMPLETION, Outcomes, make_batch, run_batch
from tests.engine import BatchState, Start
from tests.fake_nomad import FakeNomad
from tests.making import make_item
from tests.virtual_time import VIRTUAL_TIME

FAILED = Verdict(Outcome.FAILED, Cause.EXIT)


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


@dataclass
class SlowJournal(NoJournal):
    """Takes a second for each commit, keeps what it was told, and fails from a commit on."""

    fails_from: int | None = None
    log: list[tuple[str, str, int]] = field(default_factory=list)
    commits: int = 0

    async def add_intents(self, intents: list[Intent]) -> None:
        await self._commit([("intent", intent.item, intent.attempt) for intent in intents])

    async def mark_may_send(self, attempts: list[tuple[str, int]]) -> None:
        await self._commit([("mark", *attempt) for attempt in attempts])

    def record(self, event: Event) -> None:
        if isinstance(event, Ended):
            self.log.append((event.verdict.outcome, event.item, event.attempt))

    async def _commit(self, entries: list[tuple[str, str, int]]) -> None:
        self.commits += 1
        if self.fails_from is not None and self.commits >= self.fails_from:
            raise JournalError("no space is left")
        self.log += entries
        await asyncio.sleep(1)


async def test_what_was_marked_as_the_run_stopped_does_not_leave():
    """The interruption comes while the first block's mark is being written."""
    nomad, journal, outcomes = FakeNomad(lifetime_s=1), SlowJournal(), Outcomes()
    batch = make_batch(nomad, [make_item("a"), make_item("b")], outcomes=outcomes, journal=journal)
    asyncio.get_running_loop().call_later(0.5, batch.interrupt)
    assert await batch.run() is BatchState.INTERRUPTED
    assert nomad.made == []
    assert outcomes.outcomes() == {"a": Outcome.UNSENT, "b": Outcome.UNSENT}


async def test_nothing_is_marked_behind_its_end():
    """A mark behind `unsent` would put the item in doubt again: a resume would look for a child that never was."""
    nomad, journal, outcomes = FakeNomad(lifetime_s=1), SlowJournal(), Outcomes()
    items = [make_item(f"i{number:03}", attempts=2) for number in range(90)]
    starts = {item.id: Start(2, retry_at=1_000.0) for item in items[80:]}
    batch = make_batch(nomad, items, outcomes=outcomes, journal=journal, starts=starts)
    asyncio.get_running_loop().call_later(0.5, batch.interrupt)
    await batch.run()
    unsent = {entry[1:]: place for place, entry in enumerate(journal.log) if entry[0] == Outcome.UNSENT}
    marks = {entry[1:]: place for place, entry in enumerate(journal.log) if entry[0] == "mark"}
    assert len(unsent) == 80
    assert all(marks.get(key, -1) < place for key, place in unsent.items())
    assert [key for key in marks if key[1] == 2] == []


async def test_a_failure_while_the_answers_under_way_are_awaited_keeps_its_retry():
    """The run goes on later: the item's next attempt is a resume's to make, not lost."""
    nomad, outcomes = FakeNomad(lifetime_s=20, exit_code=lambda _: 3), Outcomes()
    original = nomad.dispatch_job

    async def dispatching(*args, **options):
        if options["id_prefix"].startswith("run1-slow"):
            await asyncio.sleep(60)
        return await original(*args, **options)

    nomad.dispatch_job = dispatching
    batch = make_batch(nomad, [make_item("a", attempts=2), make_item("slow")], outcomes=outcomes)
    asyncio.get_running_loop().call_later(10, batch.interrupt)
    assert await batch.run() is BatchState.INTERRUPTED
    (end,) = [event for event in outcomes.events if isinstance(event, Ended) and event.item == "a"]
    assert (end.attempt, end.verdict.outcome) == (1, Outcome.FAILED)
    assert end.retry_at is not None
    assert nomad.of("run1-a-2") == []


@pytest.mark.parametrize("error", [NomadUnavailable("no leader"), NomadAmbiguous("reset")])
async def test_a_predecessor_that_cannot_be_stopped_just_now_is_stopped_later(error):
    """An outage fails no item; a stop may be repeated whatever became of it."""
    nomad = FakeNomad(lifetime_s=None)
    old = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    original, failures = nomad.stop_job, iter([error] * 3)

    async def stopping(*args, **options):
        if failure := next(failures, None):
            raise failure
        await original(*args, **options)

    nomad.stop_job = stopping
    asyncio.get_running_loop().call_later(60, lambda: nomad.end(nomad.of("run1-a-2")[0]))
    ended = await run_batch(nomad, [make_item("a", attempts=2)], starts={"a": Start(2, predecessor=old.id)})
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    assert old.stop


async def test_a_predecessor_that_may_not_be_stopped_ends_its_item():
    """Two attempts of one item never live beside each other: the next one is refused."""
    nomad = FakeNomad(lifetime_s=None)
    old = nomad._make("encode", "default", "", "run1-a-1", b"", {})

    async def stopping(*args, **options):
        raise NomadForbidden("Permission denied", status=403)

    nomad.stop_job = stopping
    ended = await run_batch(nomad, [make_item("a", attempts=2)], starts={"a": Start(2, predecessor=old.id)})
    assert ended.outcomes() == {"a": Outcome.REFUSED}
    assert nomad.made == [old]


async def test_a_predecessor_of_an_attempt_in_doubt_is_stopped_before_it_is_repeated():
    """The process was killed between the mark and the stop: the attempt was never sent, and the old child lives."""
    nomad = FakeNomad(lifetime_s=None)
    old = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    asyncio.get_running_loop().call_later(100, lambda: nomad.end(nomad.of("run1-a-2")[0]))
    start = Start(2, in_doubt=True, predecessor=old.id)
    ended = await run_batch(nomad, [make_item("a", attempts=2)], starts={"a": start}, made=[old.id])
    assert ended.outcomes() == {"a": Outcome.SUCCEEDED}
    assert nomad.calls.index(f"stop {old.id}") < nomad.calls.index("dispatch run1-a-2")


async def test_failures_of_earlier_processes_stop_the_run_before_it_sends():
    """More than `stop_on` had failed when the process was killed: nothing more is started."""
    nomad = FakeNomad(lifetime_s=1)
    settings = Settings(wait=COMPLETION.wait, stop_on=Share(count=1))
    ended = await run_batch(nomad, [make_item("a")], settings, failures=2)
    assert ended.state is BatchState.STOPPED_EARLY
    assert (ended.last("a").outcome, ended.last("a").cause) == (Outcome.UNSENT, Cause.STOP_ON)
    assert nomad.made == []


async def test_a_run_that_is_over_its_timeout_as_it_goes_on_sends_nothing():
    """Downtime counts: not one request leaves before the clock is looked at."""
    nomad = FakeNomad(lifetime_s=1)
    ended = await run_batch(nomad, [make_item("a")], run_timeout_s=-1)
    assert ended.state is BatchState.STOPPED_EARLY
    assert (ended.last("a").outcome, ended.last("a").cause) == (Outcome.UNSENT, Cause.DEADLINE)
    assert nomad.made == []


async def test_a_retry_that_is_never_made_leaves_the_end_before_it():
    """The attempt was in doubt when the run stopped, and was not carried out: the item's end is the first's."""
    nomad = FakeNomad(lifetime_s=1)
    settings = Settings(wait=COMPLETION.wait, stop_on=Share(count=0))
    starts = {"a": Start(2, in_doubt=True)}
    ended = await run_batch(
        nomad, [make_item("a", attempts=2)], settings, starts=starts, failures=1, verdicts={"a": (1, FAILED)}
    )
    assert ended.outcomes() == {"a": Outcome.FAILED}
    assert nomad.made == []


async def test_a_journal_that_cannot_be_written_ends_the_run_without_sending_more():
    """What was marked before may have left; of the rest nothing does."""
    nomad, journal = FakeNomad(lifetime_s=1), SlowJournal(fails_from=2)
    items = [make_item(f"i{number:03}") for number in range(300)]
    with pytest.raises(JournalError, match="no space is left"):
        await run_batch(nomad, items, journal=journal)
    await asyncio.sleep(100)
    marked = {item for kind, item, _ in journal.log if kind == "mark"}
    assert len(marked) < 300
    assert {child.prefix for child in nomad.made} <= {f"run1-{item}-1" for item in marked}
