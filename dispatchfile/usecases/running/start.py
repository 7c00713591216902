"""A new run, from its journal to its summary: what `run` and `rerun` share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dispatchfile.clock import Clock
from dispatchfile.engine import BatchSpec, Resumption, Start, intent_of
from dispatchfile.errors import JournalError, RunRefused
from dispatchfile.events import Ended, NoJournal, Outcome, Verdict
from dispatchfile.items import Item
from dispatchfile.journal import Journal, RunHeader, RunState, unfinished_run
from dispatchfile.nomad.client import Client
from dispatchfile.results import Results, Summary
from dispatchfile.usecases.past import run_facts
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.running.adopt import record_intents
from dispatchfile.usecases.running.baselines import baselines_of, to_store
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.execute import Executor, item_facts
from dispatchfile.usecases.running.preflight import Preflight
from dispatchfile.usecases.running.specs import batch_spec, canaries_of, run_deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run that may start: everything is checked, nothing is sent."""

    header: RunHeader
    items: Sequence[Item]  # all of the manifest's, in its order
    selected: Sequence[Item]
    server: Preflight
    skipped: Mapping[str, str] = field(default_factory=dict)  # why an item is left out on purpose
    starts: Mapping[str, Start] = field(default_factory=dict)  # of items of which Nomad already has something
    logs: str = ""

    def open_journal(self, folder: Path, *, new: bool) -> Journal:
        """
        Return its journal, which is written as the run starts.

        new: even beside an unfinished run of the same manifest and target; else RunRefused is raised there.
        """
        header = self.header
        if not new and (other := unfinished_run(folder, Path(header.manifest), header.target)) is not None:
            raise RunRefused(
                f"run {other.header.id} of {header.shown_manifest} is unfinished: "
                f"`dispatchfile resume {other.header.id}` continues it, --new starts another run anyway"
            )
        return Journal.create(folder, header, self.items, baselines=to_store(self.server.states, header.started_at))

    def spec(self) -> BatchSpec:
        """Return what the engine is to do."""
        header = self.header
        return batch_spec(
            header.id,
            self.selected,
            header.settings,
            self.server.states,
            baselines=baselines_of(self.server.states),
            canaries=canaries_of(self.selected, header.settings),
            deadline=run_deadline(header.settings, header.started_at),
            rerun_of=header.rerun_of,
            version=self.server.version,
            logs=self.logs,
            resumption=Resumption(self.starts),
        )


async def start_run(
    run: NewRun, client: Client, journal: Journal | NoJournal, *, reporter: Reporter, control: Control, clock: Clock
) -> Summary:
    """
    Dispatch the run's items and watch them as far as asked; the reporter has yet to be told of the summary.

    However that ends, the journal is closed. Raises JournalError, which says how to go on.
    """
    try:
        return await _on_record(run, client, journal, reporter=reporter, control=control, clock=clock)
    except JournalError as error:
        if not isinstance(journal, Journal) or not journal.path.exists():
            raise
        advice = f"continue it later with: dispatchfile resume {run.header.id}"
        raise JournalError(f"{error}: no more items are sent; {advice}") from error


async def _on_record(
    run: NewRun, client: Client, journal: Journal | NoJournal, *, reporter: Reporter, control: Control, clock: Clock
) -> Summary:
    try:
        return await _execute(run, client, journal, reporter=reporter, control=control, clock=clock)
    finally:
        if isinstance(journal, Journal):
            await journal.close(RunState.INTERRUPTED, exit_code=control.exit_code or 1, finished_at=clock.wall())


async def _execute(
    run: NewRun, client: Client, journal: Journal | NoJournal, *, reporter: Reporter, control: Control, clock: Clock
) -> Summary:
    header = run.header
    facts = replace(run_facts(header), has_journal=isinstance(journal, Journal))
    await journal.add_intents([intent_of(item, 1, run=header.id, rerun_of=header.rerun_of) for item in run.selected])
    results = Results([item_facts(item) for item in run.items])
    executor = Executor(client=client, journal=journal, results=results, reporter=reporter, clock=clock)
    reporter.started(facts, results)
    for item_id, reason in run.skipped.items():
        executor.report(Ended(item_id, 1, clock.wall(), Verdict(Outcome.SKIPPED, message=reason)))
    later = {item: start for item, start in run.starts.items() if start.attempt > 1}
    await record_intents(journal, run.selected, later, header)
    executor.mask.learn(run.selected)
    return await executor.execute(facts, run.spec(), control)
