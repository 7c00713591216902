"""`run`: a manifest in, every item dispatched once and watched as far as asked, one summary out."""

from __future__ import annotations

import math
import os.path
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from dispatchfile import __version__
from dispatchfile.clock import Clock
from dispatchfile.engine import BatchState, Resumption, Start, intent_of
from dispatchfile.errors import JournalError, NomadError, RunRefused, UsageError
from dispatchfile.events import Ended, NoLedger, Outcome, Verdict
from dispatchfile.files import STANDARD_INPUT
from dispatchfile.items import Item, Origins, item_prefix, manifest_name, read_origins, split_child_id
from dispatchfile.journal import (
    Journal,
    JournalReader,
    RunHeader,
    RunState,
    Target,
    list_runs,
    state_folder,
    unfinished_run,
)
from dispatchfile.manifest import Document
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.preflight import ParentState, cap_problems, check_items, find_stops, parents_in, policies
from dispatchfile.problems import Problem, has_errors, sort_problems
from dispatchfile.results import ItemResult, Results, Summary
from dispatchfile.settings import NONE, SettingError, Settings, Wait, resolve_settings
from dispatchfile.usecases.baselines import baselines_of, to_store
from dispatchfile.usecases.execute import Control, Executor, batch_spec, item_facts, listing_of
from dispatchfile.usecases.folding import fold_journal
from dispatchfile.usecases.history import find_succeeded
from dispatchfile.usecases.load import ManifestSource, load_items
from dispatchfile.usecases.parents import read_highest_priority, read_parents
from dispatchfile.usecases.past import run_facts
from dispatchfile.usecases.places import at_job
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.run_ids import new_run_id
from dispatchfile.usecases.select import Selection, asks_for_endings, select_items
from dispatchfile.usecases.unread_logs import check_logs

MONITOR_CONNECTIONS = 2
NOTHING_LEFT = "no item of the latest run ended so: nothing to send"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What `run` is asked to do."""

    source: ManifestSource
    connection: Connection
    settings: Mapping[str, str | None] = field(default_factory=dict)  # flags by manifest key, as typed
    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    run_id: str = ""  # empty: a new random one
    local: bool = False  # on an embedded agent that ends with the run
    logs: str = ""  # "failed", "all", "none"; empty: of failed ones, where it is cheap
    state_dir: str | None = None
    journal: bool = True
    stop_on_interrupt: bool = False  # what lives of the run then; who runs it does so
    skip_succeeded: bool = False
    new: bool = False  # even beside an unfinished run of the same manifest and target


@dataclass(frozen=True, slots=True)
class RunEnd:
    """What a run came to: a summary, or the problems that kept it from starting."""

    summary: Summary | None
    problems: tuple[Problem, ...] = ()

    @property
    def exit_code(self) -> int:
        return self.summary.exit_code if self.summary else 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """A manifest read, checked and selected from; nothing has been asked of a server yet."""

    document: Document
    selection: Selection
    items: tuple[Item, ...]
    settings: Settings
    origins: Origins
    problems: tuple[Problem, ...]  # warnings


def prepare(options: RunOptions) -> Prepared | tuple[Problem, ...]:
    """
    Everything that can be known without a server; the problems instead if there is an error among them.

    Raises UsageError for flags and selectors that cannot be meant.
    """
    has_timeout = options.settings.get("timeout") not in (None, NONE)
    loaded = load_items(replace(options.source, timeout_given=has_timeout))
    if loaded.document is None or has_errors(loaded.problems):
        return loaded.problems
    try:
        settings = _settings(options, loaded.document)
    except SettingError as error:
        return (*loaded.problems, _misfit(error, options, loaded.document))
    selection = select_items(loaded.items, only=options.only, skip=options.skip, earlier=_last_results(options))
    origins = read_origins(loaded.document, loaded.files, options.source.variables)
    return Prepared(loaded.document, selection, loaded.items, settings, origins, loaded.problems)


def _last_results(options: RunOptions) -> dict[str, ItemResult] | None:
    """By item, of the manifest's latest run on the same target, if a selector asks for them."""
    if not asks_for_endings((*options.only, *options.skip)):
        return None
    address = "local" if options.local else options.connection.address
    there = Target(address, "", ()).without_credentials().address
    runs, _ = list_runs(state_folder(options.state_dir, options.source.environ))
    for stored in runs:
        if (stored.header.manifest, stored.header.target.address) == (real_path(options.source), there):
            results = fold_journal(JournalReader(stored.path), stored)
            return {item.id: item for item in results.items()}
    return None


def _settings(options: RunOptions, document: Document) -> Settings:
    written = document.data.get("settings")
    flags = dict(options.settings)
    if options.local:
        if flags.get("wait") not in (None, Wait.COMPLETION):
            raise UsageError("--local: its tasks end with the run, so it always waits for completion")
        flags["wait"] = Wait.COMPLETION
    return resolve_settings(flags, written if isinstance(written, Mapping) else {})


def _misfit(error: SettingError, options: RunOptions, document: Document) -> Problem:
    """A setting of the manifest that does not fit the others. Raises UsageError where it is a flag."""
    if options.settings.get(error.key) is not None:
        raise UsageError(f"--{error.key.replace('_', '-')}: {error.message}") from error
    place = document.position("settings", error.key)
    return document.problem("DF017", place, f"settings.{error.key}: {error.message}")


Preflight = tuple[dict[JobKey, ParentState], tuple[int, int, int] | None, tuple[Problem, ...]]


async def preflight(
    client: Client, items: Sequence[Item], settings: Settings, *, stop_on_interrupt: bool = False
) -> Preflight:
    """The parents' states, the server's version, and every problem that the server would have with the items."""
    client = client.patient(settings.unreachable_after)
    version = await client.read_version()
    highest = await read_highest_priority(client, items)
    stops = find_stops(items, settings, on_interrupt=stop_on_interrupt)
    stopped = {item.request.job_key for item in items if item.id in stops}
    states = await read_parents(client, parents_in(items), stopped=stopped)
    problems = check_items(
        items,
        states,
        wait=settings.wait,
        version=version,
        highest_priority=highest,
        stops=stops,
        has_token=client.has_token,
    )
    return states, version, sort_problems(cap_problems(problems))


Connect = Callable[[Connection, Settings], AbstractAsyncContextManager[Client]]


@asynccontextmanager
async def connected(connection: Connection, settings: Settings) -> AsyncIterator[Client]:
    """
    A client of at most `concurrency + 2` connections, which waits for no answer longer than *unreachable_after*.

    A NomadError that ends the work says where Nomad was looked for.
    """
    patience = min(connection.request_timeout, settings.unreachable_after)
    patient = replace(connection, connect_timeout=min(connection.connect_timeout, patience), request_timeout=patience)
    async with Client(patient, max_connections=settings.concurrency + MONITOR_CONNECTIONS) as client:
        try:
            yield client
        except NomadError as error:
            if connection.address in error.message:
                raise
            raise error.at(connection.address) from error


async def run_manifest(
    options: RunOptions, *, reporter: Reporter, control: Control, clock: Clock, connect: Connect = connected
) -> RunEnd:
    """
    Check, preflight, dispatch, watch, sum up.

    Raises UsageError, NomadError where the server cannot be reached before the first dispatch, JournalError where the
    journal cannot be written, RunRefused beside an unfinished run of the same manifest and target.
    """
    prepared = prepare(options)
    if isinstance(prepared, tuple):
        return RunEnd(None, prepared)
    written = prepared.document.data.get("settings")
    is_written = isinstance(written, Mapping) and "wait" in written
    if note := check_logs(options.logs, prepared.settings, options.settings, is_written=is_written):
        reporter.note(note)
    if not prepared.selection.selected and asks_for_endings((*options.only, *options.skip)):
        reporter.note(NOTHING_LEFT)
        options = replace(options, journal=False)  # an empty run would become the one whose outcomes are asked for
    async with connect(options.connection, prepared.settings) as client:
        ready, problems = await _preflight(options, prepared, client, clock)
        if has_errors(problems):
            return RunEnd(None, (*prepared.problems, *problems))
        for policy in policies(prepared.selection.selected, ready.states):
            if policy.starts != 1:
                reporter.note(policy.sentence)
        summary = await _execute(ready, options.logs, reporter=reporter, control=control, clock=clock)
    return RunEnd(summary, (*prepared.problems, *problems))


@dataclass(frozen=True, slots=True)
class _Ready:
    """A run that may start: everything is checked, nothing is sent."""

    prepared: Prepared
    header: RunHeader
    states: Mapping[JobKey, ParentState]
    version: tuple[int, int, int] | None
    client: Client
    ledger: Journal | NoLedger
    succeeded: Mapping[str, str]  # the run in which an item succeeded already, by item


async def _preflight(
    options: RunOptions, prepared: Prepared, client: Client, clock: Clock
) -> tuple[_Ready, tuple[Problem, ...]]:
    states, version, problems = await _ask(options, prepared, client)
    header = _header(options, prepared, clock)
    ledger: Journal | NoLedger = NoLedger()
    if options.journal and not has_errors(problems):
        ledger = _journal(options, prepared, header, states)
    ready = _Ready(
        prepared=prepared,
        header=header,
        states=states,
        version=version,
        client=client,
        ledger=ledger,
        succeeded=_succeeded(options, prepared, header, states) if options.skip_succeeded else {},
    )
    return ready, problems


async def _ask(options: RunOptions, prepared: Prepared, client: Client) -> Preflight:
    selected, settings = prepared.selection.selected, prepared.settings
    if not selected:
        return {}, None, ()
    on_interrupt = options.stop_on_interrupt
    states, version, problems = await preflight(client, selected, settings, stop_on_interrupt=on_interrupt)
    return states, version, sort_problems(at_job(problems, selected, prepared.document))


def _succeeded(
    options: RunOptions, prepared: Prepared, header: RunHeader, states: Mapping[JobKey, ParentState]
) -> dict[str, str]:
    folder = state_folder(options.state_dir, options.source.environ)
    indexes = {parent: state.job.job_modify_index for parent, state in states.items() if state.job}
    return find_succeeded(folder, header.target, prepared.selection.selected, indexes)


def _skipped(ready: _Ready) -> dict[str, str]:
    """Why each item is left out on purpose."""
    left_out = {item.id: "left out by --only or --skip" for item in ready.prepared.selection.skipped}
    return left_out | {item: f"succeeded in run {run}, unchanged since" for item, run in ready.succeeded.items()}


def _header(options: RunOptions, prepared: Prepared, clock: Clock) -> RunHeader:
    document = prepared.document
    return RunHeader(
        id=options.run_id or new_run_id(),
        name=manifest_name(document),
        manifest=real_path(options.source),
        shown_manifest=options.source.shown,
        manifest_digest=document.digest,
        target=_target(options, prepared),
        settings=prepared.settings,
        local=options.local,
        started_at=clock.wall(),
        tool_version=__version__,
        variables=prepared.origins.plain,
        hidden_variables=tuple(sorted(prepared.origins.hidden)),
        adopts=bool(options.run_id),
    )


def real_path(source: ManifestSource) -> str:
    """What tells whether two runs are of the same manifest."""
    return source.path if source.path == STANDARD_INPUT else os.path.realpath(source.path)


def _target(options: RunOptions, prepared: Prepared) -> Target:
    requests = [item.request for item in prepared.items]
    regions = sorted({request.region for request in requests})
    return Target(
        address="local" if options.local else options.connection.address,
        region=regions[0] if len(regions) == 1 else options.connection.region,
        namespaces=tuple(sorted({request.namespace for request in requests})),
    ).without_credentials()


def _journal(
    options: RunOptions, prepared: Prepared, header: RunHeader, states: Mapping[JobKey, ParentState]
) -> Journal:
    folder = state_folder(options.state_dir, options.source.environ)
    if not options.new and (other := unfinished_run(folder, Path(header.manifest), header.target)) is not None:
        raise RunRefused(
            f"run {other.header.id} of {header.shown_manifest} is unfinished: "
            f"`dispatchfile resume {other.header.id}` continues it, --new starts another run anyway"
        )
    return Journal.create(folder, header, prepared.items, baselines=to_store(states, header.started_at))


async def _execute(ready: _Ready, logs: str, *, reporter: Reporter, control: Control, clock: Clock) -> Summary:
    try:
        return await _dispatch_on_record(ready, logs, reporter=reporter, control=control, clock=clock)
    except JournalError as error:
        if not isinstance(ready.ledger, Journal) or not ready.ledger.path.exists():
            raise
        go_on = f"continue it later with: dispatchfile resume {ready.header.id}"
        raise JournalError(f"{error}: no more items are sent; {go_on}") from error


async def _dispatch_on_record(
    ready: _Ready, logs: str, *, reporter: Reporter, control: Control, clock: Clock
) -> Summary:
    ledger = ready.ledger
    try:
        return await _dispatch(ready, logs, reporter=reporter, control=control, clock=clock)
    finally:
        if isinstance(ledger, Journal):
            await ledger.close(RunState.INTERRUPTED, exit_code=control.exit_code or 1, finished_at=clock.wall())


async def _dispatch(ready: _Ready, logs: str, *, reporter: Reporter, control: Control, clock: Clock) -> Summary:
    prepared, header, ledger = ready.prepared, ready.header, ready.ledger
    facts = replace(run_facts(header), has_journal=isinstance(ledger, Journal))
    selected = [item for item in prepared.selection.selected if item.id not in ready.succeeded]
    await ledger.add_intents([intent_of(item, 1, run=header.id, rerun_of=None) for item in selected])
    results = Results([item_facts(item) for item in prepared.items])
    reporter.started(facts, results)
    for item_id, reason in _skipped(ready).items():
        event = Ended(item_id, 1, clock.wall(), Verdict(Outcome.SKIPPED, message=reason))
        ledger.record(event)
        results.apply(event)
        reporter.event(event, results)
    starts = await _find_adopted(ready, selected) if header.adopts else {}
    later = {item: start for item, start in starts.items() if start.attempt > 1}
    await put_on_record(ledger, selected, later, header)
    spec = batch_spec(
        header.id,
        selected,
        prepared.settings,
        ready.states,
        baselines=baselines_of(ready.states),
        canaries=canaries_of(selected, prepared.settings),
        deadline=run_deadline(prepared.settings, header.started_at),
        logs=logs,
        version=ready.version,
        resumption=Resumption(starts),
    )
    executor = Executor(client=ready.client, ledger=ledger, results=results, reporter=reporter, clock=clock)
    executor.mask.learn(selected)
    summary, state = await executor.execute(facts, spec, control)
    await close_journal(ledger, summary, state, clock)
    reporter.finished(summary)
    return summary


async def _find_adopted(ready: _Ready, selected: Sequence[Item]) -> dict[str, Start]:
    client = ready.client.patient(ready.prepared.settings.unreachable_after)
    return await find_children(client, selected, ready.header.id)


async def put_on_record(
    ledger: Journal | NoLedger, items: Sequence[Item], found: Mapping[str, Start], header: RunHeader
) -> None:
    """The intents of what was *found* of the run's items in Nomad, where no journal here knew of them."""
    attempts = [(item, found[item.id].attempt) for item in items if item.id in found]
    await ledger.add_intents(
        [intent_of(item, number, run=header.id, rerun_of=header.rerun_of) for item, number in attempts]
    )


async def find_children(client: Client, items: Sequence[Item], run: str) -> dict[str, Start]:
    """
    Where items stand by what Nomad still has of the run: the last attempt of each that has a child.

    Raises NomadError where the lists cannot be read: without them nothing of the run may be sent.
    """
    children: dict[tuple[JobKey, str], tuple[int, str]] = {}  # the last attempt, by what stands before its number
    for parent in parents_in(items):
        namespace, region, job = parent
        prefix, condition = listing_of(job, run, items)
        rows = await client.list_all_jobs(prefix=prefix, namespace=namespace, region=region, filter=condition)
        for row in rows:
            if row.parent_id == job and (split := split_child_id(row.id)):
                stem, attempt = split
                children[parent, stem] = max(children.get((parent, stem), (0, "")), (attempt, row.id))
    found = {}
    for item in items:
        child = children.get((item.request.job_key, f"{item.request.job}/dispatch-{item_prefix(item, run=run)}"))
        if child is not None and not item.exact_prefix:
            found[item.id] = Start(child[0], child=child[1], on_record=False)
    return found


async def close_journal(ledger: Journal | NoLedger, summary: Summary, state: BatchState, clock: Clock) -> None:
    """Record how the run ended."""
    if isinstance(ledger, Journal):
        await ledger.close(
            RunState(state.value),
            exit_code=summary.exit_code,
            finished_at=clock.wall(),
            counts=summary.counts,
            requests=summary.requests,
        )


def canaries_of(selected: Sequence[Item], settings: Settings) -> list[str]:
    """The first items in file order; a percentage is rounded up."""
    if settings.canary is None:
        return []
    return [item.id for item in selected[: math.ceil(settings.canary.of(len(selected)))]]


def run_deadline(settings: Settings, started_at: float) -> float | None:
    return None if settings.timeout is None else started_at + settings.timeout.total_seconds()
