"""`rerun`: some items of a past run once more, as a run of their own, with the requests that were stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dispatchfile import __version__
from dispatchfile.clock import Clock
from dispatchfile.engine import BatchSpec, Resumption, Start, intent_of
from dispatchfile.errors import RunRefused, UsageError
from dispatchfile.items import Item
from dispatchfile.journal import Journal, JournalReader, RunHeader, StoredRun, Target, state_folder, unfinished_run
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.preflight import ParentState
from dispatchfile.problems import has_errors
from dispatchfile.results import Results, Summary
from dispatchfile.settings import SettingError, Settings, Wait, override_settings
from dispatchfile.usecases.baselines import baselines_of, to_store
from dispatchfile.usecases.children import find_living, is_living, own_children
from dispatchfile.usecases.choose import Choice, Chosen, choose_items
from dispatchfile.usecases.execute import Control, Executor, batch_spec, item_facts
from dispatchfile.usecases.folding import fold_journal
from dispatchfile.usecases.past import RunName, run_facts
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.reruns import read_family, read_later_ends
from dispatchfile.usecases.run import (
    Connect,
    RunEnd,
    canaries_of,
    close_journal,
    connected,
    preflight,
    run_deadline,
)
from dispatchfile.usecases.run_ids import new_run_id
from dispatchfile.usecases.sensitive import check_variables, manifest_change, restore_sensitive, source_of
from dispatchfile.usecases.unread_logs import check_logs
from dispatchfile.usecases.variables import NO_VARIABLES, GivenVariables

OF_ITEMS = frozenset({0, 2})  # exit codes by how items ended


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunOptions:
    """What `rerun` is asked to do."""

    name: RunName
    choice: Choice
    connection: Connection
    settings: Mapping[str, str | None] = field(default_factory=dict)  # flags by manifest key, as typed
    variables: GivenVariables = NO_VARIABLES  # for sensitive values, which are stored nowhere
    allow_outside: bool = False
    logs: str = ""
    new: bool = False  # even beside an unfinished run of the same manifest and target


@dataclass(frozen=True, slots=True)
class Again:
    """The items of a past run that are to run once more, with all that their requests hold."""

    reader: JournalReader
    stored: StoredRun
    results: Results
    items: tuple[Item, ...]
    settings: Settings
    chosen: Chosen

    @property
    def run(self) -> str:
        return self.stored.header.id


def read_again(options: RerunOptions) -> Again:
    """
    What is to run again, read from the journal alone, sensitive values left out.

    Raises RunRefused while the run is unfinished, UsageError for a choice or settings that are not valid,
    NothingToRerun, JournalError.
    """
    reader = options.name.open()
    stored = reader.run()
    if stored.is_unfinished:
        run = stored.header.id
        raise RunRefused(
            f"run {run} is unfinished: `dispatchfile resume {run}` continues it, `dispatchfile stop {run}` ends it"
        )
    settings, results = _settings(options, stored), fold_journal(reader, stored)
    run, later = stored.header.id, read_later_ends(reader.path.parents[1], stored.header.id)
    chosen = choose_items(run, tuple(reader.items(payloads=False)), results, options.choice, later)
    wanted = {item.id for item in chosen.items}
    items = tuple(item for item in reader.items() if item.id in wanted)
    return Again(reader, stored, results, items, settings, chosen)


def _settings(options: RerunOptions, stored: StoredRun) -> Settings:
    try:
        settings = override_settings(stored.header.settings, options.settings)
    except SettingError as error:
        raise UsageError(f"--{error.key.replace('_', '-')}: {error.message}") from error
    if stored.header.local and settings.wait is not Wait.COMPLETION:
        raise UsageError("a local run always waits for completion, because its tasks end with it")
    return settings


def _findable(item: Item) -> Item:
    """Give the child's ID this run's prefix, where neither a prefix nor a token would find it again."""
    return replace(item, exact_prefix=False) if item.exact_prefix and not item.request.token else item


def restored_items(options: RerunOptions, again: Again) -> tuple[Item, ...]:
    """The items with their sensitive values. Raises UsageError where these cannot be rendered again."""
    header, environ = again.stored.header, options.name.environ
    check_variables(header, options.variables, again.items)
    source = source_of(header, variables=options.variables, environ=environ, allow_outside=options.allow_outside)
    return restore_sensitive(again.items, header, source)


async def rerun_items(
    options: RerunOptions, *, reporter: Reporter, control: Control, clock: Clock, connect: Connect = connected
) -> RunEnd:
    """
    A new run of the chosen items.

    Raises what `read_again` raises; UsageError where sensitive values cannot be rendered again; RunRefused beside an
    unfinished run of the same manifest and target, and where a child of somebody else would have to be stopped first;
    NomadError where the server cannot be reached before the first dispatch.
    """
    again = read_again(options)
    for note in filter(None, [check_logs(options.logs, again.settings, options.settings), *again.chosen.notes()]):
        reporter.note(note)
    if any(item.sensitive for item in again.items) and (note := manifest_change(again.stored.header, again.items)):
        reporter.note(note)
    again = replace(again, items=tuple(map(_findable, restored_items(options, again))))
    async with connect(options.connection, again.settings) as client:
        states, version, problems = await preflight(client, again.items, again.settings)
        if has_errors(problems):
            return RunEnd(None, problems)
        run = _Rerun(options, again, states, version, _header(options, again, clock))
        return RunEnd(await run.execute(client, reporter, control, clock), problems)


def _header(options: RerunOptions, again: Again, clock: Clock) -> RunHeader:
    old = again.stored.header
    target = Target(
        address=old.target.address if old.local else options.connection.address,
        region=old.target.region,
        namespaces=tuple(sorted({item.request.namespace for item in again.items})),
    )
    return replace(
        old,
        id=new_run_id(),
        target=target.without_credentials(),
        settings=again.settings,
        started_at=clock.wall(),
        tool_version=__version__,
        rerun_of=old.id,
        is_dispatch=False,
    )


@dataclass(frozen=True, slots=True)
class _Rerun:
    """A rerun that may start: everything is checked, nothing is sent."""

    options: RerunOptions
    again: Again
    states: Mapping[JobKey, ParentState]
    version: tuple[int, int, int] | None
    header: RunHeader

    async def execute(self, client: Client, reporter: Reporter, control: Control, clock: Clock) -> Summary:
        items, header = self.again.items, self.header
        folder = self.again.reader.path.parents[1]
        patient = client.patient(self.again.settings.unreachable_after)
        starts = {} if header.local else await find_predecessors(patient, read_family(folder, self.again.run), items)
        journal = self._journal()
        intents = [intent_of(item, 1, run=header.id, rerun_of=header.rerun_of) for item in items]
        await journal.add_intents(intents)
        results = Results([item_facts(item) for item in items])
        reporter.started(run_facts(header), results)
        executor = Executor(client=client, ledger=journal, results=results, reporter=reporter, clock=clock)
        executor.mask.learn(items)
        summary, state = await executor.execute(run_facts(header), self._spec(starts), control)
        await close_journal(journal, summary, state, clock)
        if self.again.chosen.open and summary.exit_code in OF_ITEMS:
            summary = replace(summary, exit_code=1)  # it was asked for more than it could do
        reporter.finished(summary)
        return summary

    def _journal(self) -> Journal:
        """Raises RunRefused beside an unfinished run of the same manifest and target."""
        header, name = self.header, self.options.name
        folder = state_folder(name.state_dir, name.environ)
        if not self.options.new and (other := unfinished_run(folder, Path(header.manifest), header.target)):
            raise RunRefused(
                f"run {other.header.id} of {header.shown_manifest} is unfinished: "
                f"`dispatchfile resume {other.header.id}` continues it, --new starts another run anyway"
            )
        baselines = to_store(self.states, header.started_at)
        return Journal.create(folder, header, self.again.items, baselines=baselines)

    def _spec(self, starts: Mapping[str, Start]) -> BatchSpec:
        items, settings = self.again.items, self.again.settings
        return batch_spec(
            self.header.id,
            items,
            settings,
            self.states,
            baselines=baselines_of(self.states),
            canaries=canaries_of(items, settings),
            deadline=run_deadline(settings, self.header.started_at),
            rerun_of=self.header.rerun_of,
            version=self.version,
            logs=self.options.logs,
            resumption=Resumption(starts),
        )


async def find_predecessors(client: Client, family: Iterable[JournalReader], items: Sequence[Item]) -> dict[str, Start]:
    """
    Return for each item the child that still lives, which is stopped before the new one is dispatched.

    family: the run that is run again, and its reruns. Raises RunRefused where that is not ours to decide, and
    NomadError where Nomad cannot tell what lives.
    """
    starts: dict[str, Start] = {}
    for reader in family:
        found = await _find_living(client, reader, items)
        if twins := sorted(found.keys() & starts.keys()):
            raise RunRefused(f"item {twins[0]!r} has running children of two runs: stop one of them in Nomad")
        starts |= found
    return starts


async def _find_living(client: Client, old: JournalReader, items: Sequence[Item]) -> dict[str, Start]:
    """
    Return for each item its child of the *old* run, if it still lives.

    Raises RunRefused where that is not ours to decide, and NomadError where Nomad cannot tell what lives.
    """
    run, progress = old.run().header.id, old.attempts()
    known = {item_id for item_id, _ in progress}
    ids = {item.id for item in items if item.id in known}
    if not ids:
        return {}
    chosen = {item.id: item for item in old.items(payloads=False) if item.id in ids}  # with prefixes as they were
    for (item_id, _), attempt in progress.items():
        if item_id in chosen and attempt.accepted and attempt.accepted.existing:
            await _refuse_if_living(client, chosen[item_id], attempt.accepted.child)
    starts: dict[str, Start] = {}
    for child in await find_living(client, own_children(run, chosen.values(), progress)):
        if child.item in starts:
            raise RunRefused(f"item {child.item!r} has two running children: `dispatchfile stop {run}` stops both")
        starts[child.item] = Start(predecessor=child.id)
    return starts


async def _refuse_if_living(client: Client, item: Item, child: str) -> None:
    if await is_living(client, child, item.request.job_key):
        raise RunRefused(
            f"item {item.id!r}: {child} had this idempotency token before the run and has not ended; "
            "stop it yourself, or leave the item out"
        )
