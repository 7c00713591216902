"""`resume`: a run goes on after Ctrl-C, a crash or a reboot. Nothing is sent twice, nothing is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dispatchfile.clock import Clock
from dispatchfile.engine import BatchSpec, Resumption, Start
from dispatchfile.errors import NomadForbidden, RunRefused, UsageError
from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.items import Item
from dispatchfile.journal import Journal, JournalReader, RunHeader, RunState, StoredRun, open_run, state_folder
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.preflight import parents_in
from dispatchfile.results import Summary
from dispatchfile.settings import SettingError, Settings, override_settings
from dispatchfile.usecases.folding import fold_journal, fold_past
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.parents import read_parents
from dispatchfile.usecases.past import PastRun, leave_as_it_was, run_facts
from dispatchfile.usecases.planning.staleness import check_versions
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.reruns import read_family
from dispatchfile.usecases.resumption import describe_resumption
from dispatchfile.usecases.running.adopt import find_children, find_predecessors, record_intents
from dispatchfile.usecases.running.baselines import baselines_of, stored_baselines, stored_versions
from dispatchfile.usecases.running.connect import Connect, connected
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.execute import Executor
from dispatchfile.usecases.running.resume_state import ResumeState, read_resume_state
from dispatchfile.usecases.running.specs import batch_spec, canaries_of, run_deadline
from dispatchfile.usecases.sensitive import (
    check_variables,
    manifest_change,
    restore_sensitive,
    source_of,
)
from dispatchfile.usecases.unread_logs import check_logs
from dispatchfile.usecases.variables import NO_VARIABLES, GivenVariables


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOptions:
    """The options of `resume`."""

    run: str | None  # an ID or a unique prefix of one; None: the latest of the manifest
    manifest: Path | None
    connection: Connection
    environ: Mapping[str, str]
    state_dir: str | None = None
    resend_unknown: bool = False
    settings: Mapping[str, str | None] = field(default_factory=dict)  # flags by manifest key, as typed
    variables: GivenVariables = NO_VARIABLES  # for sensitive values, which are stored nowhere
    allow_outside: bool = False
    logs: str = ""
    same_items: bool = False  # the variables were compared with the run's own by what they make


@dataclass(frozen=True, slots=True)
class ResumedRun:
    """A run taken up again: its journal is this process's, and every value it needs is at hand."""

    stored: StoredRun
    state: ResumeState
    reader: JournalReader
    journal: Journal
    settings: Settings


async def resume_run(
    options: ResumeOptions, *, reporter: Reporter, control: Control, clock: Clock, connect: Connect = connected
) -> Summary:
    """
    Adopt what Nomad has, settle what is in doubt, send what was never sent, watch on.

    Raises RunRefused for a run that is over or that another process works on, JournalError, NomadError where the
    server cannot be reached, UsageError where sensitive values cannot be rendered again.
    """
    reader = _open(options)
    stored = reader.run()
    if summary := repeat_summary(options, reporter):
        return summary
    journal = Journal.resume(reader.path)
    try:
        resumed = take_up(options, reader, journal, reporter)
        async with connect(options.connection, resumed.settings) as client:
            return await continue_run(
                client, resumed, logs=options.logs, reporter=reporter, control=control, clock=clock
            )
    finally:
        await leave_as_it_was(journal, stored.status, clock)


def repeat_summary(options: ResumeOptions, reporter: Reporter) -> Summary | None:
    """
    Report the summary of a run that is over again; return None if there is something to continue.

    Raises RunRefused for a run that cannot be resumed, UsageError for variables that neither the run nor its manifest
    knows, JournalError.
    """
    reader = _open(options)
    stored = reader.run()
    if stored.header.is_dispatch:
        raise RunRefused(
            f"run {stored.header.id} is the record of a `dispatch`, which cannot be resumed; "
            f"follow its job with: dispatchfile watch {stored.header.id}"
        )
    if stored.status.state is RunState.STOPPED_EARLY:
        run = stored.header.id
        raise RunRefused(
            f"run {run} was stopped and cannot be resumed; "
            f"run the remaining items with: dispatchfile rerun {run} --failed"
        )
    if stored.status.state is not RunState.FINISHED:
        return None
    past = PastRun(reader, stored, fold_past(reader, stored), is_live=False)
    if past.results.counts()[Outcome.UNKNOWN] and not stored.header.local:
        return None
    if options.variables.places and not options.same_items:
        items = list(reader.items(payloads=False))
        for note in check_variables(stored.header, _source(options, stored.header), items):
            reporter.note(note)
    reporter.started(past.facts, past.results)
    summary = past.summary()
    reporter.finished(summary)
    return summary


def is_over(stored: StoredRun) -> bool:
    """Return whether `resume` only shows the run: it has finished, and the journal has the end of every item."""
    status = stored.status
    return status.state is RunState.FINISHED and (stored.header.local or not status.counts.get(Outcome.UNKNOWN))


def _open(options: ResumeOptions) -> JournalReader:
    return open_run(state_folder(options.state_dir, options.environ), options.run, manifest=options.manifest)


def _source(options: ResumeOptions, header: RunHeader) -> ManifestSource:
    return source_of(header, variables=options.variables, environ=options.environ, allow_outside=options.allow_outside)


def take_up(options: ResumeOptions, reader: JournalReader, journal: Journal, reporter: Reporter) -> ResumedRun:
    """Read again, now that nobody else writes."""
    stored = reader.run()
    state = read_resume_state(reader, stored, resend_unknown=options.resend_unknown)
    header = stored.header
    settings = _settings(options, header)
    if note := check_logs(options.logs, settings, options.settings):
        reporter.note(note)
    source = _source(options, header)
    for note in () if options.same_items else check_variables(header, source, state.selected or state.items):
        reporter.note(note)
    if note := manifest_change(header, state.selected):
        reporter.note(note)
    restored = {item.id: item for item in restore_sensitive(state.selected, header, source)}
    state = replace(state, items=tuple(restored.get(item.id, item) for item in state.items))
    journal.hide(restored.values())
    return ResumedRun(stored, state, reader, journal, settings)


def _settings(options: ResumeOptions, header: RunHeader) -> Settings:
    try:
        return override_settings(header.settings, options.settings)
    except SettingError as error:
        raise UsageError(f"--{error.key.replace('_', '-')}: {error.message}") from error


async def continue_run(
    client: Client, resumed: ResumedRun, *, logs: str, reporter: Reporter, control: Control, clock: Clock
) -> Summary:
    """Execute what is left to do, and sum up the whole run."""
    results = fold_journal(resumed.reader, resumed.stored)
    results.reopen({item: start.attempt for item, start in resumed.state.starts.items()})
    spec = await _spec(client.patient(resumed.settings.unreachable_after), resumed, logs)
    selected, facts = resumed.state.selected, run_facts(resumed.stored.header)
    reporter.started(facts, results)
    waits, starts = [item.id for item in selected], spec.resumption.starts
    reporter.note(describe_resumption(waits, starts, spec.settings, now=clock.wall(), deadline=spec.deadline))
    executor = Executor(
        client=client,
        journal=resumed.journal,
        results=results,
        reporter=reporter,
        clock=clock,
        before=resumed.stored.status.requests,
    )
    executor.mask.learn(selected)
    for item_id in sorted(resumed.state.skipped):
        if results.item(item_id).outcome is None:
            executor.report(
                Ended(item_id, 1, clock.wall(), Verdict(Outcome.SKIPPED, message="not selected for this run"))
            )
    summary = await executor.execute(facts, spec, control)
    reporter.finished(summary)
    return summary


async def _spec(client: Client, resumed: ResumedRun, logs: str) -> BatchSpec:
    """Return what is left to do."""
    header, state, settings = resumed.stored.header, resumed.state, resumed.settings
    parents = await read_parents(client, parents_in(state.selected), probe=False)
    found = {**await _find_predecessors(client, resumed), **await _find_unrecorded(client, resumed)}
    if header.plan:
        unsent = await _unsent(client, resumed, {**state.starts, **found})
        check_versions(header.id, stored_versions(resumed.reader), unsent, parents)
    return batch_spec(
        header.id,
        state.selected,
        settings,
        parents,
        baselines=baselines_of(parents)
        if header.local
        else stored_baselines(resumed.reader),  # a new agent counts anew
        rerun_of=header.rerun_of,
        everyone=state.chosen,
        canaries=[item for item in canaries_of(state.chosen, settings) if item in state.starts],
        deadline=run_deadline(settings, header.started_at),
        version=await client.read_version(),
        logs=logs,
        resumption=Resumption(
            starts={**state.starts, **found},
            verdicts=state.verdicts,
            made_children=state.made_children,
            failures=state.failures,
            stopped=_stopped(state, settings),
        ),
    )


async def _unsent(client: Client, resumed: ResumedRun, starts: Mapping[str, Start]) -> list[Item]:
    """Return the items that may have to be sent: their attempts have no child, neither recorded nor in Nomad."""
    unsent = [item for item in resumed.state.selected if not starts[item.id].child]
    try:
        found = await find_children(
            client, [item for item in unsent if starts[item.id].in_doubt], resumed.stored.header.id
        )
    except NomadForbidden:  # no list-jobs
        return unsent
    return [item for item in unsent if item.id not in found or found[item.id].attempt < starts[item.id].attempt]


async def _find_predecessors(client: Client, resumed: ResumedRun) -> dict[str, Start]:
    """Find living children of the old run, of items of a rerun whose first attempt may not have been sent yet."""
    header, starts = resumed.stored.header, resumed.state.starts
    if header.rerun_of is None or header.local:
        return {}
    folder = resumed.reader.path.parents[1]
    unsent = [item for item in resumed.state.selected if starts[item.id] in (Start(), Start(in_doubt=True))]
    if not unsent:
        return {}
    found = await find_predecessors(client, read_family(folder, header.rerun_of, but=header.id), unsent)
    return {item: replace(starts[item], predecessor=start.predecessor) for item, start in found.items()}


async def _find_unrecorded(client: Client, resumed: ResumedRun) -> dict[str, Start]:
    """
    Children of attempts that the journal takes for unsent.

    There are none, unless the journal is not the whole story: a copy from before, or of a run that was started under a
    given ID without its journal, and killed before what Nomad had of it was on record. And of attempts that were
    unknown and are to be sent again: what is there after all is taken, and not made a second time.
    """
    header, starts = resumed.stored.header, resumed.state.starts
    unsent = [item for item in resumed.state.selected if not (starts[item.id].child or starts[item.id].in_doubt)]
    if header.local:
        return {}
    try:
        found = await find_children(client, unsent, header.id)
    except NomadForbidden as error:  # no list-jobs
        if any(starts[item.id].resent for item in unsent):
            raise RunRefused(
                f"unknown items are not sent again, because their children cannot be looked up: {error.message}"
            ) from error
        return {}
    found = {
        item: start for item, start in found.items() if start.attempt >= starts[item].attempt - starts[item].resent
    }
    await record_intents(resumed.journal, unsent, found, header)
    return found


def _stopped(state: ResumeState, settings: Settings) -> Cause | None:
    """Why an earlier process has started nothing more, if it was killed before all was on record that follows."""
    for verdict in state.ends.values():
        if verdict.outcome is Outcome.UNSENT:
            return verdict.cause
    canaries = [state.ends[item] for item in canaries_of(state.chosen, settings) if item in state.ends]
    return Cause.CANARY if any(verdict.outcome.exit_class for verdict in canaries) else None
