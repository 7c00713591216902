"""`run`: dispatch a manifest's items, watch them and print a summary."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatchfile.cli.option_groups import (
    AgentFlags,
    ConnectionFlags,
    Display,
    ManifestFlags,
    PlanFlags,
    SelectionFlags,
    SettingFlags,
    WaitFlags,
)
from dispatchfile.cli.options import (
    Changed,
    LastLogLines,
    Output,
    PlanOrManifest,
    Reports,
    SkipSucceeded,
    StateDir,
)
from dispatchfile.cli.terminal import write_result
from dispatchfile.reports.formats import OutputFormat

if TYPE_CHECKING:
    from dispatchfile.items import Item
    from dispatchfile.nomad.connection import Connection
    from dispatchfile.planfile import Plan
    from dispatchfile.usecases.load import ManifestSource
    from dispatchfile.usecases.running.prepare import RunOptions

REQUESTS_SCHEMA = "dispatchfile/requests/v1"


class OnInterrupt(StrEnum):
    """The treatment of running children when the run is interrupted."""

    LEAVE = "leave"
    STOP = "stop"


def run(
    *,
    manifest: PlanOrManifest = None,
    local: Annotated[
        bool, typer.Option("--local", help="Run on the embedded agent instead of a cluster, and wait for completion.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show every request; send none.")] = False,
    wait: WaitFlags,
    selection: SelectionFlags,
    given: ManifestFlags,
    settings: SettingFlags,
    logs: LastLogLines = None,
    report: Reports = None,
    run_id: Annotated[
        str | None,
        typer.Option("--run-id", metavar="ID", help="Set the run's ID (1 to 20 characters, a-z and 0-9), for CI."),
    ] = None,
    skip_succeeded: SkipSucceeded = False,
    changed: Changed = None,
    plan_flags: PlanFlags,
    new: Annotated[bool, typer.Option("--new", help="Start even if a run of this manifest is unfinished.")] = False,
    state_dir: StateDir = None,
    no_journal: Annotated[
        bool, typer.Option("--no-journal", help="Keep no journal; such a run cannot be resumed.")
    ] = False,
    on_interrupt: Annotated[
        OnInterrupt,
        typer.Option("--on-interrupt", help="On Ctrl-C, leave dispatched jobs running, or stop them."),
    ] = OnInterrupt.LEAVE,
    agent: AgentFlags,
    connection: ConnectionFlags,
    output: Output = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Dispatch the items of a manifest or a plan file and watch them.

    Checks everything before it sends anything, and sends each item exactly once. Exit code: 0 if all items succeeded,
    2 if some failed or could not be placed, 1 for anything else, 129, 130 or 143 if interrupted.
    """
    from dispatchfile.cli.conflicts import check_dry_run, check_no_journal
    from dispatchfile.usecases.running.prepare import JobFilesUse, RunOptions
    from dispatchfile.usecases.select import asks_for_endings

    stop_on_interrupt = on_interrupt is OnInterrupt.STOP
    own = {"skip_succeeded": skip_succeeded, "new": new, "no_journal": no_journal, "on_interrupt": stop_on_interrupt}
    selectors = (*(selection.only or ()), *(selection.skip or ()))
    if dry_run:
        sending = own | {"report": report, "logs": logs, "state_dir": state_dir}
        check_dry_run(sending, selectors, agent, connection)
    elif no_journal:
        looks = skip_succeeded or asks_for_endings(selectors)
        check_no_journal(new=new, stop_on_interrupt=stop_on_interrupt, state_dir=state_dir, reads_journals=looks)
    choosing = {"local": local, "dry_run": dry_run, "run_id": run_id, "skip_succeeded": skip_succeeded}
    of_manifest = choosing | {"changed": changed, "allow_outside": given.allow_outside}
    plan, path = _read_plan(manifest, plan_flags, of_manifest, selection, connection)
    _check_names(path, run_id)
    options = RunOptions(
        connection=_read_connection(connection, agent, own | {"dry_run": dry_run}, local=local),
        source=_read_source(path, given, connection, agent, local=local),
        settings=settings.as_mapping() | {"wait": wait.as_setting()},
        only=selection.only or (),
        skip=selection.skip or (),
        run_id=run_id or "",
        local=local,
        logs=logs or "",
        state_dir=state_dir,
        skip_succeeded=skip_succeeded,
        changed=changed or "",
        job_files=JobFilesUse.CHECKED if dry_run else JobFilesUse.NONE,
        new=new,
        journal=not no_journal,
        stop_on_interrupt=stop_on_interrupt,
    )
    if plan is not None:
        options = _for_plan(options, plan, plan_flags)
    if dry_run:
        return _show_requests(options, output, display)
    return _send(options, agent, reports=report or (), output=output, display=display)


def _read_plan(
    given: str | None,
    flags: PlanFlags,
    of_manifest: Mapping[str, object],
    selection: SelectionFlags,
    connection: ConnectionFlags,
) -> tuple[Plan | None, str]:
    """
    Return the plan, if the given path is that of one, and the path of the manifest.

    of_manifest: options that no plan takes.
    """
    from dispatchfile.cli.conflicts import check_apply, check_no_plan
    from dispatchfile.cli.sources import default_manifest
    from dispatchfile.planfile import is_plan, read_plan
    from dispatchfile.usecases.plan import check_digest
    from dispatchfile.usecases.planning.apply import find_manifest

    path = default_manifest() if given is None else given
    if not is_plan(path):
        check_no_plan(asdict(flags))
        return None, path
    check_apply(of_manifest, selection, connection)
    if flags.digest is not None:
        check_digest(path, read_plan(path).digest, flags.digest)
    manifest = find_manifest(path)
    return read_plan(path, manifest=manifest), manifest


def _for_plan(options: RunOptions, plan: Plan, flags: PlanFlags) -> RunOptions:
    """Return the options of the run that applies the plan."""
    from dispatchfile.usecases.planning.apply import run_id_of

    source = replace(options.source, allow_outside=plan.head.allow_outside)
    run_id = run_id_of(plan, options.folder, again=flags.again)
    return replace(options, source=source, plan=plan, run_id=run_id, allow_unpinned=flags.allow_unpinned)


def _check_names(manifest: str, run_id: str | None) -> None:
    from dispatchfile.errors import UsageError
    from dispatchfile.secrecy import shown_name
    from dispatchfile.settings import Wait
    from dispatchfile.usecases.run_ids import RUN_ID_RULE, is_run_id

    if manifest in set(Wait) and not Path(manifest).exists():
        raise UsageError(f"there is no manifest {manifest!r}: to wait for it, write --wait={manifest}")
    if run_id is not None and not is_run_id(run_id):
        raise UsageError(f"--run-id {shown_name(run_id)}: {RUN_ID_RULE}")


def _read_connection(flags: ConnectionFlags, agent: AgentFlags, own: Mapping[str, bool], *, local: bool) -> Connection:
    """Return how Nomad is reached; the embedded agent of a local run fills in its own address."""
    from dispatchfile.cli.conflicts import check_cluster_run, check_local_run
    from dispatchfile.nomad.connection import Connection, read_connection

    if local:
        check_local_run(flags, own)
        return Connection()
    connection = read_connection(flags.as_mapping(), os.environ)
    check_cluster_run(agent, reads_job_files=own["dry_run"])
    return connection


def _read_source(
    path: str, given: ManifestFlags, connection: ConnectionFlags, agent: AgentFlags, *, local: bool
) -> ManifestSource:
    from dispatchfile.cli.job_files import read_job_values
    from dispatchfile.cli.sources import read_scope, read_sources

    scope = read_scope(connection.namespace, connection.region, {} if local else os.environ)
    values = read_job_values(agent)
    (source,) = read_sources([path], given, scope=scope, environ=os.environ, job_values=values)
    return source


def _send(
    options: RunOptions, agent: AgentFlags, *, reports: Sequence[str], output: OutputFormat, display: Display
) -> int:
    """Dispatch, watch and sum up; return the exit code."""
    from dispatchfile.cli.report_files import detail_in
    from dispatchfile.cli.session import Session
    from dispatchfile.clock import Clock

    read_detail = detail_in(options.state_dir)
    session = Session(display, output, manifest=options.source.path, reports=reports, read_detail=read_detail)
    if options.local:
        from dispatchfile.cli.local_run import read_local_jobs, run_locally

        files = read_local_jobs(agent, options.source)
        return session.run(lambda reporter, control: run_locally(options, agent, files, reporter, control))
    from dispatchfile.usecases.run import run_or_resume
    from dispatchfile.usecases.stop_on_interrupt import run_then_stop

    work = run_then_stop if options.stop_on_interrupt else run_or_resume
    return session.run(lambda reporter, control: work(options, reporter=reporter, control=control, clock=Clock()))


# --dry-run


def _show_requests(options: RunOptions, output: OutputFormat, display: Display) -> int:
    """Show every request as it would be sent, without a server; return the exit code."""
    from dispatchfile.cli.session import print_problems, show_problems
    from dispatchfile.usecases.running.prepare import prepare

    prepared = prepare(options)
    if isinstance(prepared, tuple):
        show_problems(prepared, options.source.path, output, display)
        return 1
    if prepared.problems and not display.quiet:
        print_problems(prepared.problems, display)
    _write_requests(prepared.selection.selected, options.run_id, output, display)
    return 0


def _write_requests(items: Sequence[Item], run_id: str, output: OutputFormat, display: Display) -> None:
    from dispatchfile.cli.session import palette_for
    from dispatchfile.reports.requests import render_request, request_record
    from dispatchfile.reports.text import count_of

    run = {"run": run_id} if run_id else {}
    if output is OutputFormat.JSON:
        records = [request_record(item, **run) for item in items]
        write_result(json.dumps({"schema": REQUESTS_SCHEMA, "requests": records}, indent=2) + "\n")
        return
    if output is OutputFormat.NDJSON:
        write_result("".join(json.dumps(request_record(item, **run)) + "\n" for item in items))
        return
    palette = palette_for(display, sys.stdout)
    write_result("".join(render_request(item, **run, palette=palette) + "\n" for item in items))
    write_result(f"{count_of(len(items), 'request')}; none was sent\n")
