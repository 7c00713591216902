"""Resumes from a journal: who was left out, what was never recorded, and who may work on it."""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from dispatchfile.clock import Clock
from dispatchfile.errors import JournalError, RunRefused
from dispatchfile.events import Accepted, Cause, Ended, Outcome, Verdict
from dispatchfile.journal import Journal, RunHeader, RunState, StoredBaseline, Target, open_run
from dispatchfile.nomad.connection import Connection
from dispatchfile.settings import Settings, Share, Wait
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.reporting import NoReporter
from dispatchfile.usecases.resume import ResumeOptions, resume_run
from dispatchfile.usecases.run import run_or_resume
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.prepare import RunOptions
from dispatchfile.usecases.running.resume_state import read_resume_state
from tests.batches import run_batch
from tests.engine import Start, intent
from tests.fake_nomad import FakeNomad
from tests.making import make_item

RUN = "run1"
MANIFEST = """
version: 1
name: proof
defaults: {job: encode}
dispatches: [{id: a}, {id: b}, {id: c}]
"""
SETTINGS = Settings(wait=Wait.DETACH, in_flight=None)
WATCHING = Settings(wait=Wait.COMPLETION)
CONNECTION = Connection("http://fake")


def connect_to(nomad):
    @asynccontextmanager
    async def connect(connection, settings):
        yield nomad

    return connect


def header(settings=SETTINGS, run_id=RUN, rerun_of=None):
    return RunHeader(
        id=run_id,
        name="proof",
        manifest="-",
        shown_manifest="-",
        manifest_digest="",
        target=Target("http://fake", "", ("default",)),
        settings=settings,
        local=False,
        started_at=1_795_000_000.0,
        tool_version="0",
        rerun_of=rerun_of,
    )


async def begin(folder, items, *, settings=SETTINGS, chosen=None, run_id=RUN, rerun_of=None):
    """A journal as `run` begins it; *chosen*: the items that were not left out."""
    baseline = StoredBaseline("default", "", "encode", 7, 0, 7, 0.0)
    journal = Journal.create(folder, header(settings, run_id, rerun_of), items, baselines=[baseline])
    await journal.add_intents([intent(item, 1, run=run_id, rerun_of=rerun_of) for item in chosen or items])
    return journal


async def leave(journal):
    await journal.close(RunState.INTERRUPTED, exit_code=1, finished_at=0.0)


async def resume(folder, nomad, **options):
    asked = ResumeOptions(run=RUN, manifest=None, connection=CONNECTION, environ={}, state_dir=str(folder), **options)
    summary = await resume_run(
        asked, reporter=NoReporter(), control=Control(), clock=Clock(), connect=connect_to(nomad)
    )
    return {item.id: item.outcome for item in summary.items}


def write_manifest(folder):
    path = folder / "dispatchfile.yaml"
    path.write_text(MANIFEST, encoding="utf-8")
    return path


async def run(manifest, nomad, *, connection=CONNECTION, **options):
    """`run --run-id run1`."""
    asked = RunOptions(
        source=ManifestSource(path=str(manifest), content=None, variables={}, environ={}),
        connection=connection,
        settings={"wait": "detach", "settle": "0.2s"},
        run_id=RUN,
        state_dir=str(manifest.parent),
        **options,
    )
    end = await run_or_resume(asked, reporter=NoReporter(), control=Control(), clock=Clock(), connect=connect_to(nomad))
    return {item.id: item.outcome for item in end.summary.items}


def standing_of(folder, **options):
    reader = open_run(folder, RUN)
    return read_resume_state(reader, reader.run(), **options)


def ended(item_id, attempt, outcome, cause=None, retry_at=None):
    return Ended(item_id, attempt, 1_795_000_001.0, Verdict(outcome, cause), retry_at)


# `run` with an ID

EACH = {"a": Outcome.DISPATCHED, "b": Outcome.DISPATCHED, "c": Outcome.DISPATCHED}


async def test_a_run_whose_id_is_in_the_journal_is_resumed(tmp_path):
    """CI repeats the same command after a kill: what was sent is not sent again."""
    manifest, nomad = write_manifest(tmp_path), FakeNomad(latency_s=0)
    original = nomad.dispatch_job

    async def dispatching(*args, **options):
        if options["id_prefix"] == "run1-b-1":
            raise RuntimeError("killed")
        return await original(*args, **options)

    nomad.dispatch_job = dispatching
    with pytest.raises(RuntimeError, match="killed"):
        await run(manifest, nomad)
    nomad.dispatch_job = original
    assert await run(manifest, nomad) == EACH
    assert sorted(child.prefix for child in nomad.made) == ["run1-a-1", "run1-b-1", "run1-c-1"]


async def test_a_run_whose_id_is_in_no_journal_adopts_what_nomad_has(tmp_path):
    """Another machine took over, without the first one's state folder."""
    manifest, nomad = write_manifest(tmp_path), FakeNomad(latency_s=0)
    nomad._make("encode", "default", "", "run1-b-1", b"", {})
    assert await run(manifest, nomad) == EACH
    assert sorted(child.prefix for child in nomad.made) == ["run1-a-1", "run1-b-1", "run1-c-1"]


async def test_a_run_that_a_signal_ends_before_it_sends_has_its_exit_code(tmp_path):
    """Its items are on record by then, and a resume goes on with them."""
    nomad, control, started = FakeNomad(), Control(), asyncio.Event()

    class Waiting(NoReporter):
        def started(self, facts, results):
            started.set()

    asked = RunOptions(
        source=ManifestSource(path=str(write_manifest(tmp_path)), content=None, variables={}, environ={}),
        connection=CONNECTION,
        settings={"wait": "detach"},
        run_id=RUN,
        state_dir=str(tmp_path),
    )
    running = asyncio.create_task(
        run_or_resume(asked, reporter=Waiting(), control=control, clock=Clock(), connect=connect_to(nomad))
    )
    await started.wait()
    control.exit_code = 143
    running.cancel()
    await asyncio.wait([running])
    status = open_run(tmp_path, RUN).run().status
    assert (status.state, status.exit_code) == (RunState.INTERRUPTED, 143)
    assert await resume(tmp_path, nomad) == EACH


async def test_an_id_belongs_to_one_manifest_and_one_cluster(tmp_path):
    """Going on with another run than was meant would send what nobody asked for."""
    manifest, nomad = write_manifest(tmp_path), FakeNomad(latency_s=0)
    await run(manifest, nomad)
    other = manifest.rename(tmp_path / "other.dispatchfile.yaml")
    with pytest.raises(RunRefused, match="choose another --run-id"):
        await run(other, nomad)
    with pytest.raises(RunRefused, match="was sent to http://fake"):
        await run(other.rename(manifest), nomad, connection=Connection("http://elsewhere"))
    assert len(nomad.made) == 3


# What was left out


async def test_a_run_has_intents_for_what_it_is_to_send_alone(tmp_path):
    """What --only leaves out could not be sent even if the process were killed before that is on record."""
    manifest = write_manifest(tmp_path)
    await run(manifest, FakeNomad(latency_s=0), only=["a"])
    assert list(open_run(tmp_path, RUN).attempts()) == [("a", 1)]


async def test_what_was_left_out_stays_out(tmp_path):
    """The process was killed before it could say which items were skipped: a resume says it, and sends none of them."""
    items = [make_item("a"), make_item("b"), make_item("c")]
    await leave(await begin(tmp_path, items, chosen=items[1:2]))
    nomad = FakeNomad(latency_s=0)
    assert await resume(tmp_path, nomad) == {
        "a": Outcome.SKIPPED,
        "b": Outcome.DISPATCHED,
        "c": Outcome.SKIPPED,
    }
    assert [child.prefix for child in nomad.made] == ["run1-b-1"]


async def test_a_share_of_the_items_is_one_of_those_chosen(tmp_path):
    """Canaries and `stop_on` count what the run was to send, as in its first process."""
    items = [make_item(item_id) for item_id in "abcdefgh"]
    settings = replace(WATCHING, canary=Share(percent=50.0))
    journal = await begin(tmp_path, items, settings=settings, chosen=items[4:])
    await journal.mark_may_send([("e", 1)])
    journal.record(Accepted("e", 1, 0.0, "encode/dispatch-run1-e-1-1-00000001"))
    journal.record(ended("e", 1, Outcome.FAILED))
    await leave(journal)
    nomad = FakeNomad(latency_s=0)
    outcomes = await resume(tmp_path, nomad)
    assert nomad.made == []
    assert [outcomes[item_id] for item_id in "aefgh"] == [
        Outcome.SKIPPED, Outcome.FAILED, Outcome.UNSENT, Outcome.UNSENT, Outcome.UNSENT
    ]  # fmt: skip


# What is not on record


async def test_what_nomad_has_of_a_run_is_adopted_though_the_journal_takes_it_for_unsent(tmp_path):
    """A run was started again under its ID, without its journal, and killed before what it found was on record."""
    nomad = FakeNomad(latency_s=0)
    child = nomad._make("encode", "default", "", "run1-a-1", b"", {})
    await leave(await begin(tmp_path, [make_item("a"), make_item("b")]))
    assert await resume(tmp_path, nomad) == {"a": Outcome.DISPATCHED, "b": Outcome.DISPATCHED}
    assert [made.prefix for made in nomad.made] == ["run1-a-1", "run1-b-1"]
    accepted = [event for event in open_run(tmp_path, RUN).events() if isinstance(event, Accepted)]
    assert accepted[0].child == child.id
    assert accepted[0].adopted


async def test_what_nomad_has_of_a_later_attempt_is_on_record_as_such(tmp_path):
    """The next resume knows it, too."""
    nomad = FakeNomad(latency_s=0)
    item = make_item("a", attempts=2)
    nomad._make("encode", "default", "", "run1-a-2", b"", {})
    await leave(await begin(tmp_path, [item]))
    assert await resume(tmp_path, nomad) == {"a": Outcome.DISPATCHED}
    assert len(nomad.made) == 1
    assert standing_of(tmp_path).starts == {}


# What is


async def test_a_retry_that_was_given_up_is_not_in_doubt(tmp_path):
    """It was marked ahead, then the run stopped: the end before it is the item's, and nothing is looked for."""
    journal = await begin(tmp_path, [make_item("a", attempts=2)])
    await journal.mark_may_send([("a", 1)])
    journal.record(Accepted("a", 1, 0.0, "encode/dispatch-run1-a-1-1-00000001"))
    journal.record(ended("a", 1, Outcome.FAILED, Cause.EXIT, retry_at=1.0))
    await journal.add_intents([intent(make_item("a"), 2, run=RUN, rerun_of=None)])
    await journal.mark_may_send([("a", 2)])
    journal.record(ended("a", 1, Outcome.FAILED, Cause.EXIT))
    await leave(journal)
    standing = standing_of(tmp_path)
    assert standing.starts == {}
    assert standing.failures == 1


async def test_a_resent_unknown_is_in_doubt_after_a_kill(tmp_path):
    """Here the next attempt was sent on purpose: the end before it says nothing about it."""
    journal = await begin(tmp_path, [make_item("a")])
    await journal.mark_may_send([("a", 1)])
    journal.record(ended("a", 1, Outcome.UNKNOWN, Cause.COLLECTED))
    await journal.add_intents([intent(make_item("a"), 2, run=RUN, rerun_of=None)])
    await journal.mark_may_send([("a", 2)])
    await leave(journal)
    assert standing_of(tmp_path).starts == {"a": Start(2, in_doubt=True)}


async def test_an_attempt_in_doubt_knows_what_it_has_to_stop_first(tmp_path):
    """The process was killed between the mark and the stop of the child that was left to live."""
    journal = await begin(tmp_path, [make_item("a", attempts=2)])
    await journal.mark_may_send([("a", 1)])
    journal.record(Accepted("a", 1, 0.0, "old"))
    journal.record(ended("a", 1, Outcome.TIMED_OUT, Cause.DEADLINE, retry_at=1.0))
    await journal.add_intents([intent(make_item("a"), 2, run=RUN, rerun_of=None)])
    await journal.mark_may_send([("a", 2)])
    await leave(journal)
    assert standing_of(tmp_path).starts == {"a": Start(2, in_doubt=True, predecessor="old")}


@pytest.mark.parametrize("marked", [[], [("a", 1)]], ids=["never-sent", "in-doubt"])
async def test_a_rerun_still_has_to_stop_what_lives_on_from_the_run_before(tmp_path, marked):
    """It was killed before it had come to that: no item has two living children."""
    nomad = FakeNomad(latency_s=0, lifetime_s=None)
    old = nomad._make("encode", "default", "", "run0-a-1", b"", {})
    before = await begin(tmp_path, [make_item("a")], run_id="run0")
    await before.mark_may_send([("a", 1)])
    before.record(Accepted("a", 1, 0.0, old.id))
    before.record(ended("a", 1, Outcome.TIMED_OUT, Cause.DEADLINE))
    await before.close(RunState.FINISHED, exit_code=2, finished_at=0.0)
    journal = await begin(tmp_path, [make_item("a")], rerun_of="run0")
    if marked:
        await journal.mark_may_send(marked)
    await leave(journal)
    assert await resume(tmp_path, nomad, settings={"settle": "0.2s"}) == {"a": Outcome.DISPATCHED}
    assert nomad.stopped == [old.id]
    assert [child.prefix for child in nomad.made] == ["run0-a-1", "run1-a-1"]


@pytest.mark.parametrize(
    ("events", "counted"),
    [
        pytest.param([Accepted("a", 1, 0.0, "child")], {"child"}, id="answered"),
        pytest.param([Accepted("a", 1, 0.0, "child", existing=True)], set(), id="somebody-elses"),
        pytest.param([Accepted("t", 1, 0.0, "child")], set(), id="perhaps-a-phantom"),
        pytest.param([Accepted("t", 1, 0.0, "child", adopted=True)], {"child"}, id="found"),
        pytest.param([Accepted("t", 1, 0.0, "child"), ended("t", 1, Outcome.FAILED)], {"child"}, id="seen-to-end"),
        pytest.param([Accepted("t", 1, 0.0, "child"), ended("t", 1, Outcome.UNKNOWN)], set(), id="never-seen"),
        pytest.param([Accepted("b", 1, 0.0, "child", adopted=True)], set(), id="older-than-the-run"),
    ],
)
async def test_which_children_a_run_has_surely_made(tmp_path, events, counted):
    """`t` has a token, `b` was never marked: it was found by the run's name."""
    items = [make_item("a"), make_item("b"), make_item("t", token="tok")]
    journal = await begin(tmp_path, items)
    await journal.mark_may_send([("a", 1), ("t", 1)])
    for event in events:
        journal.record(event)
    await leave(journal)
    assert standing_of(tmp_path).made_children == {("default", "", "encode"): counted}


# Who may


async def test_two_processes_never_work_on_one_run(tmp_path):
    """The second one is refused, whatever it wants with it, and has asked Nomad nothing."""
    journal = await begin(tmp_path, [make_item("a")])
    nomad = FakeNomad(latency_s=0)
    try:
        with pytest.raises(RunRefused, match="is working on run run1"):
            await resume(tmp_path, nomad)
    finally:
        await leave(journal)
    assert nomad.calls == []


async def test_a_finished_run_is_told_again_and_sends_nothing(tmp_path):
    """Nothing is asked of Nomad."""
    await leave(await begin(tmp_path, [make_item("a")]))
    nomad = FakeNomad(latency_s=0)
    assert await resume(tmp_path, nomad) == {"a": Outcome.DISPATCHED}
    asked = len(nomad.calls)
    assert await resume(tmp_path, nomad) == {"a": Outcome.DISPATCHED}
    assert len(nomad.calls) == asked


async def test_a_run_that_was_stopped_is_over(tmp_path):
    """After stop_on there is nothing to go on with."""
    settings = replace(WATCHING, stop_on=Share(count=0), in_flight=1)
    await leave(await begin(tmp_path, [make_item("a"), make_item("b")], settings=settings))
    nomad = FakeNomad(latency_s=0, exit_code=lambda _: 3)
    assert await resume(tmp_path, nomad) == {"a": Outcome.FAILED, "b": Outcome.UNSENT}
    with pytest.raises(RunRefused, match="cannot be resumed"):
        await resume(tmp_path, nomad)
    assert len(nomad.made) == 1


async def test_a_full_disk_ends_the_run_and_a_resume_makes_up_for_it(tmp_path):
    """What was marked before may have left, nothing else has; with space again each item has one child."""
    items = [make_item(f"i{number:03}") for number in range(300)]
    journal = await begin(tmp_path, items)
    nomad = FakeNomad(latency_s=0)
    original, fill = nomad.dispatch_job, iter(["PRAGMA max_page_count = 1"])

    async def dispatching(*args, **options):
        if len(nomad.made) >= 100 and (pragma := next(fill, None)):
            journal._writer._store._connection.execute(pragma).fetchall()
        return await original(*args, **options)

    nomad.dispatch_job = dispatching
    with pytest.raises(JournalError, match="no space is left"):
        await run_batch(nomad, items, journal=journal, wall=time.time)
    with pytest.raises(JournalError, match="no space is left"):
        await leave(journal)
    marked = {key[0] for key, progress in open_run(tmp_path, RUN).attempts().items() if progress.marked}
    assert {child.prefix for child in nomad.made} <= {f"run1-{item}-1" for item in marked}
    assert len(marked) < 300
    nomad.dispatch_job = original
    outcomes = await resume(tmp_path, nomad, settings={"settle": "0.2s"})
    assert set(outcomes.values()) == {Outcome.DISPATCHED}
    assert len({child.prefix for child in nomad.made}) == len(nomad.made) == 300
