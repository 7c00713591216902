"""The parts of a run, each built alone."""

import asyncio
from datetime import timedelta

import pytest

from dispatchfile.engine import BatchSpec, Listing, LogReads, Start
from dispatchfile.errors import JournalError, NomadForbidden, NomadUnavailable
from dispatchfile.events import Cause, Ended, NoJournal, Outcome, Verdict
from dispatchfile.journal import JournalReader, RunState, list_runs
from dispatchfile.names import JobKey
from dispatchfile.nomad.connection import Connection
from dispatchfile.preflight import ParentState
from dispatchfile.results import Results
from dispatchfile.settings import Settings, Wait, resolve_settings
from dispatchfile.usecases.folding import fold_journal
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.past import run_facts
from dispatchfile.usecases.running.adopt import find_children, record_intents
from dispatchfile.usecases.running.baselines import baselines_of, to_store
from dispatchfile.usecases.running.connect import connected
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.execute import Executor, item_facts
from dispatchfile.usecases.running.preflight import Preflight, preflight
from dispatchfile.usecases.running.prepare import RunOptions, prepare
from dispatchfile.usecases.running.resume_state import read_resume_state
from dispatchfile.usecases.running.specs import batch_spec, canaries_of, listing_of, run_deadline
from dispatchfile.usecases.running.start import NewRun, start_run
from tests.making import make_item
from tests.usecases.past_runs import HEADER, STARTED_AT, PastNomad, Told, header, keep_run, loop_clock, sent
from tests.virtual_time import VIRTUAL_TIME

A, B, C = make_item("a"), make_item("b"), make_item("c", job="upload")
ENCODE = JobKey("default", "", "encode")


@pytest.fixture
def anyio_backend():
    return VIRTUAL_TIME


class Recorder:
    """Something under way that counts how often it is interrupted."""

    def __init__(self):
        self.interruptions = 0

    def interrupt(self):
        self.interruptions += 1


def test_an_interruption_before_the_work_begins_reaches_the_work() -> None:
    """A later interruption reaches it, too."""
    control, work = Control(), Recorder()
    control.interrupt(130)
    control.attach(work)
    control.interrupt(143)
    assert (work.interruptions, control.exit_code, control.is_attached) == (2, 143, True)


async def test_an_error_that_ends_the_work_names_the_address() -> None:
    """Whoever reads it sees where Nomad was looked for."""
    with pytest.raises(NomadUnavailable) as caught:
        async with connected(Connection(address="http://127.0.0.1:1"), Settings()):
            raise NomadUnavailable("no answer")
    assert str(caught.value) == "http://127.0.0.1:1: no answer"


def manifest(tmp_path, text):
    path = tmp_path / "dispatchfile.yaml"
    path.write_text(f"version: 1\ndispatches:\n  - id: a\n    job: encode\n  - id: b\n    job: encode\n{text}")
    return ManifestSource(path=str(path), content=None, variables={}, environ={})


def test_options_and_a_manifest_become_items_and_settings(tmp_path) -> None:
    """A flag overrides what the manifest says."""
    source = manifest(tmp_path, "settings: {concurrency: 3, wait: placement}\n")
    options = RunOptions(source=source, connection=Connection(), settings={"wait": "detach"}, skip=["b"])
    prepared = prepare(options)
    assert [item.id for item in prepared.selection.selected] == ["a"]
    assert (prepared.settings.concurrency, prepared.settings.wait) == (3, Wait.DETACH)


def test_the_problems_of_a_manifest_take_the_place_of_its_items(tmp_path) -> None:
    """Nothing can be sent then."""
    source = manifest(tmp_path, "settings: {concurrency: many}\n")
    (problem,) = prepare(RunOptions(source=source, connection=Connection()))
    assert (problem.position.line, problem.severity) == (7, "error")


async def test_preflight_asks_nothing_about_no_items() -> None:
    """It finds no problem with them, either."""
    nomad = PastNomad()
    assert await preflight(nomad, [], Settings()) == Preflight()
    assert nomad.calls == []


async def test_preflight_keeps_what_each_job_had_before() -> None:
    """The engine and the journal get the same baselines."""
    nomad = PastNomad()
    nomad.had(A)
    server = await preflight(nomad, [A], Settings())
    assert (server.problems, server.has_errors) == ((), False)
    assert [baseline.children for baseline in baselines_of(server.states).values()] == [1]
    assert [baseline.children for baseline in to_store(server.states, 5.0)] == [1]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param([A, B], Listing("encode/dispatch-run1-"), id="the run's ID stands in front"),
        pytest.param(
            [make_item("a", prefix="film")], Listing("encode/dispatch-", 'ID contains "-run1-"'), id="behind a prefix"
        ),
        pytest.param([make_item("c", job="upload", prefix="film")], Listing("encode/dispatch-run1-"), id="other job"),
    ],
)
def test_one_list_shows_all_children_of_a_run(items, expected) -> None:
    """The list uses a prefix, or a filter if items have prefixes of their own."""
    assert listing_of("encode", "run1", items) == expected


def spec_of(items, **settings) -> BatchSpec:
    return batch_spec("run1", items, resolve_settings(settings, {}), {ENCODE: ParentState()}, baselines={}, logs="all")


def test_items_of_high_priority_come_first() -> None:
    """Items of equal priority stay in the order of the file."""
    urgent = make_item("u", priority=90)
    spec = spec_of([A, urgent, B])
    assert [entry.item.id for entry in spec.source.take(3)] == ["u", "a", "b"]
    assert (spec.logs, spec.selected) == (LogReads(succeeded=True), 3)


def test_a_percentage_of_canaries_is_rounded_up() -> None:
    """There is at least one."""
    settings = resolve_settings({"canary": "40%"}, {})
    assert canaries_of([A, B, C], settings) == ["a", "b"]
    assert run_deadline(resolve_settings({"timeout": "1m"}, {}), 100.0) == 160.0
    assert run_deadline(Settings(), 100.0) is None


async def test_a_journal_tells_where_every_item_stands(tmp_path) -> None:
    """What is over, what is to be followed, and what was left out."""
    end = Ended("a", 1, STARTED_AT + 3, Verdict(Outcome.FAILED, Cause.EXIT))
    events = [*sent(A, "encode/dispatch-1"), end, *sent(B, "encode/dispatch-2")]
    name = await keep_run(tmp_path, [A, B], events, state=RunState.INTERRUPTED)
    reader = name.open()
    state = read_resume_state(reader, reader.run())
    assert (dict(state.ends), state.failures, [item.id for item in state.selected]) == ({"a": end.verdict}, 1, ["b"])
    assert state.starts["b"] == Start(child="encode/dispatch-2", sent_at=STARTED_AT + 2)


async def test_the_last_attempt_that_nomad_has_is_adopted() -> None:
    """It is put on record before anything is sent."""
    item = make_item("a", attempts=3)
    nomad = PastNomad()
    nomad.had(item)
    last = nomad.had(item, attempt=2)
    found = await find_children(nomad, [item, B], "run1")
    assert found == {"a": Start(2, child=last.id, in_journal=False)}
    await record_intents(NoJournal(), [item, B], found, HEADER)


async def execute(items, nomad, control):
    results, told = Results([item_facts(item) for item in items]), Told()
    executor = Executor(client=nomad, journal=NoJournal(), results=results, reporter=told, clock=loop_clock())
    server = await preflight(nomad, items, Settings())
    spec = batch_spec("run1", items, Settings(wait=Wait.COMPLETION), server.states, baselines={})
    return await executor.execute(run_facts(HEADER), spec, control), told


async def test_a_specification_becomes_a_summary() -> None:
    """The reporter is told of every event on the way, and not yet of the summary."""
    summary, told = await execute([A, B], PastNomad(lifetime_s=1), Control())
    assert (summary.counts[Outcome.SUCCEEDED], summary.exit_code, summary.state) == (2, 0, "finished")
    assert [event.item for event in told.events if isinstance(event, Ended)] == ["a", "b"]
    assert told.finished_with is None


async def test_an_interrupted_execution_ends_with_the_signals_exit_code() -> None:
    """Whatever its items came to."""
    control = Control()
    asyncio.get_running_loop().call_later(2, control.interrupt, 130)
    summary, _ = await execute([A], PastNomad(), control)
    assert (summary.state, summary.exit_code) == ("interrupted", 130)


def new_run(server, **changes):
    items = [A, B]
    given = {"header": header(), "items": items, "selected": items, "server": server, **changes}
    return NewRun(**given)


async def test_a_new_run_has_its_journal_and_its_summary(tmp_path) -> None:
    """An item that is left out on purpose says why."""
    nomad = PastNomad(lifetime_s=1)
    run = new_run(await preflight(nomad, [A], Settings()), selected=[A], skipped={"b": "left out"})
    journal = run.open_journal(tmp_path, new=False)
    summary = await start_run(run, nomad, journal, reporter=Told(), control=Control(), clock=loop_clock())
    assert (summary.exit_code, summary.counts[Outcome.SUCCEEDED], summary.counts[Outcome.SKIPPED]) == (0, 1, 1)
    ((stored,), errors) = list_runs(tmp_path)
    results = fold_journal(JournalReader(stored.path), stored)
    assert ([item.message for item in results.items()], stored.status.state, errors) == (
        ["", "left out"],
        RunState.FINISHED,
        [],
    )


async def test_whatever_ends_a_new_run_its_journal_is_closed(tmp_path) -> None:
    """The journal is that of an interrupted run, which can be resumed."""

    class Broken(Told):
        def event(self, event, results):
            raise NomadForbidden("no more")

    nomad = PastNomad(lifetime_s=1)
    run = new_run(await preflight(nomad, [A], Settings()), skipped={"b": "left out"})
    journal = run.open_journal(tmp_path, new=False)
    with pytest.raises(NomadForbidden, match="no more"):
        await start_run(run, nomad, journal, reporter=Broken(), control=Control(), clock=loop_clock())
    ((stored,), _) = list_runs(tmp_path)
    assert (stored.status.state, stored.status.exit_code) == (RunState.INTERRUPTED, 1)


async def test_a_journal_that_cannot_be_written_says_how_to_go_on(tmp_path) -> None:
    """No more items are sent, and those that were are on record."""

    class Full(Told):
        def event(self, event, results):
            raise JournalError("no space is left on its disk")

    nomad = PastNomad(lifetime_s=1)
    run = new_run(await preflight(nomad, [A], Settings()), skipped={"b": "left out"})
    journal = run.open_journal(tmp_path, new=False)
    with pytest.raises(JournalError) as caught:
        await start_run(run, nomad, journal, reporter=Full(), control=Control(), clock=loop_clock())
    assert str(caught.value) == (
        "no space is left on its disk: no more items are sent; continue it later with: dispatchfile resume run1"
    )


def test_the_deadline_of_an_item_does_not_change_its_place() -> None:
    """Only priorities do."""
    late = make_item("late", deadline_s=timedelta(hours=1).total_seconds())
    assert [entry.item.id for entry in spec_of([late, A]).source.take(2)] == ["late", "a"]
