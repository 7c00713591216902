"""What `run` does: its options made one use case's, on a cluster or on an embedded agent."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dispatchfile.cli.conflicts import check_cluster_run, check_local_run
from dispatchfile.cli.flags import ConnectionFlags
from dispatchfile.cli.options import AgentFlags, Display, ManifestFlags, SelectionFlags
from dispatchfile.cli.session import Session, palette_for, show_problems
from dispatchfile.cli.sources import read_scope, read_sources
from dispatchfile.cli.terminal import write_result
from dispatchfile.clock import Clock
from dispatchfile.engine import BatchState
from dispatchfile.errors import DispatchfileError, UsageError
from dispatchfile.items import Item
from dispatchfile.nomad.connection import Connection, read_connection
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.requests import render_request, request_record
from dispatchfile.reports.text import count_of
from dispatchfile.settings import Wait
from dispatchfile.usecases.past import RunName
from dispatchfile.usecases.reporting import InTwoParts, Reporter
from dispatchfile.usecases.run import run_or_resume
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.running.prepare import RunOptions, prepare
from dispatchfile.usecases.stop import StopOptions, stop_run

RUN_ID = r"[a-z0-9]{1,20}"
REQUESTS_SCHEMA = "dispatchfile/requests/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCall:
    """The options of `run`, as given."""

    manifest: str
    local: bool
    settings: dict[str, str | None]
    selection: SelectionFlags
    given: ManifestFlags
    logs: str
    reports: Sequence[str]
    run_id: str | None
    skip_succeeded: bool
    new: bool
    journal: bool
    stop_on_interrupt: bool
    state_dir: str | None
    agent: AgentFlags
    connection: ConnectionFlags
    output: OutputFormat
    display: Display


def run_items(call: RunCall) -> int:
    """Dispatch, watch, sum up; the exit code."""
    options = _options(call)
    session = Session(call.display, call.output, manifest=call.manifest, reports=call.reports)
    if not call.local:
        run = _run_then_stop if call.stop_on_interrupt else _run
        return session.run(lambda reporter, control: run(options, reporter, control))
    from dispatchfile.cli.local_run import read_local_jobs, run_locally  # noqa: PLC0415  only --local starts an agent

    files = read_local_jobs(call.agent, call.manifest)
    return session.run(lambda reporter, control: run_locally(options, call.agent, files, reporter, control))


async def _run(options: RunOptions, reporter: Reporter, control: Control) -> RunEnd:
    return await run_or_resume(options, reporter=reporter, control=control, clock=Clock())


async def _run_then_stop(options: RunOptions, reporter: Reporter, control: Control) -> RunEnd:
    """
    As `run`; if it is interrupted, its own children are stopped, which ends the run for good.

    Where they cannot be, the run is left as one that was interrupted.
    """
    parts = InTwoParts(reporter)
    try:
        end = await _run(options, parts, control)
        return await _stopped(end, options, parts, control)
    finally:
        parts.end()


async def _stopped(end: RunEnd, options: RunOptions, reporter: Reporter, control: Control) -> RunEnd:
    if control.exit_code is None or end.summary is None or end.summary.state != BatchState.INTERRUPTED:
        return end
    name = RunName(end.summary.run, None, options.state_dir, options.source.environ)
    stopping = StopOptions(name=name, connection=options.connection, signal_exit=control.exit_code)
    reporter.note(f"stopping the children of run {name.run}")
    try:
        summary = await stop_run(stopping, reporter=reporter, control=Control(), clock=Clock())
    except DispatchfileError as error:
        reporter.note(f"its children are not all stopped: {error}")
        return end
    return replace(end, summary=summary)


def _options(call: RunCall) -> RunOptions:
    if call.manifest in set(Wait) and not Path(call.manifest).exists():
        raise UsageError(f"there is no manifest {call.manifest!r}: to wait for it, write --wait={call.manifest}")
    if call.run_id is not None and not re.fullmatch(RUN_ID, call.run_id):
        raise UsageError(f"--run-id {call.run_id}: is not of 1 to 20 characters a-z and 0-9")
    if call.stop_on_interrupt and not call.journal:
        raise UsageError("--on-interrupt stop finds the run's children by its journal: leave out --no-journal")
    environ = {} if call.local else os.environ
    connection = Connection() if call.local else read_connection(call.connection.as_mapping(), environ)
    if call.local:
        check_local_run(call.connection, skip_succeeded=call.skip_succeeded)
    else:
        check_cluster_run(call.agent)
    scope = read_scope(call.connection.namespace, call.connection.region, environ)
    (source,) = read_sources([call.manifest], call.given, scope=scope, environ=os.environ)
    return RunOptions(
        source=source,
        connection=connection,
        settings=call.settings,
        only=call.selection.only or (),
        skip=call.selection.skip or (),
        run_id=call.run_id or "",
        local=call.local,
        logs=call.logs,
        state_dir=call.state_dir,
        skip_succeeded=call.skip_succeeded,
        new=call.new,
        journal=call.journal,
        stop_on_interrupt=call.stop_on_interrupt,
    )


# --dry-run


def show_requests(call: RunCall) -> int:
    """Every request as it would be sent, without a server; the exit code."""
    prepared = prepare(_options(call))
    if isinstance(prepared, tuple):
        show_problems(prepared, call.manifest, call.output, call.display)
        return 1
    _write_requests(prepared.selection.selected, call)
    return 0


def _write_requests(items: Sequence[Item], call: RunCall) -> None:
    run = {"run": call.run_id} if call.run_id else {}
    if call.output is OutputFormat.JSON:
        records = [request_record(item, **run) for item in items]
        write_result(json.dumps({"schema": REQUESTS_SCHEMA, "requests": records}, indent=2) + "\n")
        return
    if call.output is OutputFormat.NDJSON:
        write_result("".join(json.dumps(request_record(item, **run)) + "\n" for item in items))
        return
    palette = palette_for(call.display, sys.stdout)
    write_result("".join(render_request(item, **run, palette=palette) + "\n" for item in items))
    write_result(f"{count_of(len(items), 'request')}; none was sent\n")
