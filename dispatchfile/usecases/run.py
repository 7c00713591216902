"""`run`: a manifest in, every item dispatched once and watched as far as asked, one summary out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dispatchfile.clock import Clock
from dispatchfile.events import NoJournal
from dispatchfile.gitfiles import commit_of
from dispatchfile.items import manifest_name
from dispatchfile.journal import STANDARD_INPUT, RunHeader, find_run
from dispatchfile.nomad.client import Client
from dispatchfile.planfile import Change
from dispatchfile.preflight import policies
from dispatchfile.problems import sort_problems
from dispatchfile.usecases.history import find_succeeded
from dispatchfile.usecases.places import at_job
from dispatchfile.usecases.planning.apply import check_same_plan
from dispatchfile.usecases.planning.staleness import check_pins
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.resume import ResumeOptions, resume_run
from dispatchfile.usecases.run_ids import new_run_id
from dispatchfile.usecases.running.adopt import find_children
from dispatchfile.usecases.running.connect import Connect, connected
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.running.preflight import Preflight, preflight
from dispatchfile.usecases.running.prepare import Prepared, RunOptions, prepare, real_path, target_of
from dispatchfile.usecases.running.start import NewRun, start_run
from dispatchfile.usecases.same_children import SameChildren
from dispatchfile.usecases.same_run import check_same_run
from dispatchfile.usecases.select import asks_for_endings
from dispatchfile.usecases.unread_logs import check_logs
from dispatchfile.version import VERSION

NOTHING_LEFT = "no item of the latest run ended so: nothing to send"


async def run_or_resume(
    options: RunOptions, *, reporter: Reporter, control: Control, clock: Clock, connect: Connect = connected
) -> RunEnd:
    """
    Carry out `run`: continue the run whose ID is given if it is in the journal, else start a new run.

    Raises what `run_manifest` and `resume_run` raise, and RunRefused for an ID that another run has.
    """
    reader = None
    if options.run_id and options.journal:
        reader = find_run(options.folder, options.run_id)
    if reader is None:
        return await run_manifest(options, reporter=reporter, control=control, clock=clock, connect=connect)
    header = reader.run().header
    if options.plan is not None:
        check_same_plan(reader, options.plan, options.address)
        reporter.note(f"plan {options.plan.digest} was applied before, as run {header.id}: no item is sent twice")
    else:
        check_same_run(reader, options)
        reporter.note(f"run {header.id} is already in the journal: resuming it with the items stored there")
    again = ResumeOptions(
        run=header.id,
        manifest=None,
        connection=options.connection,
        environ=options.source.environ,
        state_dir=options.state_dir,
        settings=options.settings,
        variables=options.source.given,
        allow_outside=options.source.allow_outside,
        logs=options.logs,
        same_items=True,
    )
    return RunEnd(await resume_run(again, reporter=reporter, control=control, clock=clock, connect=connect))


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
    if note := _unread_logs(options, prepared):
        reporter.note(note)
    if not prepared.selection.selected and asks_for_endings((*options.only, *options.skip)):
        reporter.note(NOTHING_LEFT)
        options = replace(options, journal=False)  # an empty run would become the one whose outcomes are asked for
    async with connect(options.connection, prepared.settings) as client:
        server = await _preflight(options, prepared, client)
        problems = sort_problems((*prepared.problems, *server.problems))
        if server.has_errors:
            return RunEnd(None, problems)
        if options.plan is not None:
            check_pins(options.plan.head, server.states)
            reporter.note(f"plan {options.plan.digest}")
        for warning in problems:
            reporter.note(warning.as_warning)
        run = await _with_children(_new_run(options, prepared, server, clock), client, reporter)
        journal = run.open_journal(options.folder, new=options.new) if options.journal else NoJournal()
        for policy in policies(prepared.selection.selected, server.states):
            if policy.starts != 1:
                reporter.note(policy.sentence)
        summary = await start_run(run, client, journal, reporter=reporter, control=control, clock=clock)
    reporter.finished(summary)
    return RunEnd(summary)


def _unread_logs(options: RunOptions, prepared: Prepared) -> str:
    written = prepared.document.data.get("settings")
    is_written = isinstance(written, Mapping) and "wait" in written
    return check_logs(options.logs, prepared.settings, options.settings, is_written=is_written)


async def _preflight(options: RunOptions, prepared: Prepared, client: Client) -> Preflight:
    """Return what the server says, each problem at its place in the manifest."""
    selected = prepared.selection.selected
    server = await preflight(client, selected, prepared.settings, stop_on_interrupt=options.stop_on_interrupt)
    return replace(server, problems=sort_problems(at_job(server.problems, selected, prepared.document)))


def _new_run(options: RunOptions, prepared: Prepared, server: Preflight, clock: Clock) -> NewRun:
    header = _header(options, prepared, clock)
    skipped = _skipped(options, prepared)
    if options.skip_succeeded:
        skipped |= _succeeded(options, prepared, header, server)
    selected = [item for item in prepared.selection.selected if item.id not in skipped]
    return NewRun(
        header=header, items=prepared.items, selected=selected, server=server, skipped=skipped, logs=options.logs
    )


def _skipped(options: RunOptions, prepared: Prepared) -> dict[str, str]:
    """Return why each item that is not selected is left out."""
    skipped = {item.id: "left out by --only or --skip" for item in prepared.selection.skipped}
    if prepared.comparison is None:
        return skipped
    same = {key for key, found in prepared.comparison.differences.items() if found.change is Change.UNCHANGED}
    return {item: f"unchanged since {options.changed}" if item in same else why for item, why in skipped.items()}


async def _with_children(run: NewRun, client: Client, reporter: Reporter) -> NewRun:
    """Return the run with what Nomad has of it. Raises RunRefused if that was dispatched with other content."""
    if not run.header.adopts:
        return run
    client = client.patient(run.header.settings.unreachable_after)
    starts = await find_children(client, run.selected, run.header.id)
    if note := await SameChildren(client, run.header.id, run.server.states).check(run.selected, starts):
        reporter.note(note)
    return replace(run, starts=starts)


def _succeeded(options: RunOptions, prepared: Prepared, header: RunHeader, server: Preflight) -> dict[str, str]:
    """Return why an item is left out that an earlier run has seen succeed."""
    indexes = {parent: state.job.job_modify_index for parent, state in server.states.items() if state.job}
    found = find_succeeded(options.folder, header.target, prepared.selection.selected, indexes)
    return {item: f"succeeded in run {run}, unchanged since" for item, run in found.items()}


def _header(options: RunOptions, prepared: Prepared, clock: Clock) -> RunHeader:
    document = prepared.document
    return RunHeader(
        id=options.run_id or new_run_id(),
        name=manifest_name(document),
        manifest=real_path(options.source),
        shown_manifest=options.source.shown,
        manifest_digest=document.digest,
        target=target_of(options, prepared.items),
        settings=prepared.settings,
        local=options.local,
        started_at=clock.wall(),
        tool_version=VERSION,
        variables=prepared.origins.plain,
        hidden_variables=tuple(sorted(prepared.origins.hidden)),
        adopts=bool(options.run_id),
        plan=options.plan.digest if options.plan else "",
        commit="" if options.source.path == STANDARD_INPUT else commit_of(options.source.path),
    )
