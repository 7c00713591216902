"""What `resume` and `rerun` do: a past run's items sent, on the cluster it went to or on an embedded agent."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dispatchfile.cli.conflicts import check_export
from dispatchfile.cli.flags import ConnectionFlags
from dispatchfile.cli.options import AgentFlags, ChoiceFlags, Display, ManifestFlags
from dispatchfile.cli.past_run import name_run, on_nomad
from dispatchfile.cli.report_files import STANDARD_OUTPUT
from dispatchfile.cli.session import Session, tell
from dispatchfile.cli.sources import read_given_variables
from dispatchfile.cli.terminal import write_result
from dispatchfile.clock import Clock
from dispatchfile.errors import NothingToRerun, UsageError
from dispatchfile.nomad.connection import Connection
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.text import count_of, one_line, visible
from dispatchfile.reports.words import Level
from dispatchfile.usecases.choose import Choice
from dispatchfile.usecases.export import export_items
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.rerun import RerunOptions, rerun_items
from dispatchfile.usecases.resume import ResumeOptions, resume_run
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.variables import GivenVariables

RERUN_SCHEMA = "dispatchfile/rerun/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainCall:
    """The options of `resume` and `rerun`, as given."""

    run: str | None
    settings: dict[str, str | None]
    given: ManifestFlags
    logs: str
    reports: Sequence[str]
    state_dir: str | None
    agent: AgentFlags
    connection: ConnectionFlags
    output: OutputFormat
    display: Display

    def variables(self) -> GivenVariables:
        """Raises UsageError and FileError for variables that cannot be read."""
        return read_given_variables(self.given)

    def session(self, manifest: str) -> Session:
        return Session(self.display, self.output, manifest=manifest, reports=self.reports)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeCall(AgainCall):
    """The options of `resume`, as given."""

    resend_unknown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunCall(AgainCall):
    """The options of `rerun`, as given."""

    choice: ChoiceFlags
    new: bool


def resume_items(call: ResumeCall) -> int:
    """Go on with the run; the exit code."""
    name = name_run(call.run, call.state_dir)
    reader = name.open()
    stored = reader.run()
    options = ResumeOptions(
        run=stored.header.id,
        manifest=None,
        connection=Connection(),
        environ=os.environ,
        state_dir=call.state_dir,
        resend_unknown=call.resend_unknown,
        settings=call.settings,
        variables=call.variables(),
        allow_outside=call.given.allow_outside,
        logs=call.logs,
    )

    async def go_on(connection: Connection, reporter: Reporter, control: Control) -> RunEnd:
        there = replace(options, connection=connection)
        return RunEnd(await resume_run(there, reporter=reporter, control=control, clock=Clock()))

    session = call.session(stored.header.shown_manifest)
    if stored.header.local and not stored.is_unfinished:  # it is only told again
        return session.run(lambda reporter, control: go_on(Connection(), reporter, control))
    return session.run(on_nomad(stored.header, call.agent, call.connection, call.display, go_on))


def rerun_chosen(call: RerunCall) -> int:
    """Send what is chosen once more; the exit code."""
    options = _rerun_options(call)
    header = options.name.open().run().header
    options = replace(options, name=replace(options.name, run=header.id))

    async def send(connection: Connection, reporter: Reporter, control: Control) -> RunEnd:
        there = replace(options, connection=connection)
        return await rerun_items(there, reporter=reporter, control=control, clock=Clock())

    session = call.session(header.shown_manifest)
    try:
        return session.run(on_nomad(header, call.agent, call.connection, call.display, send))
    except NothingToRerun as exc:
        return _show_nothing(exc, header.id, call)


def _show_nothing(nothing: NothingToRerun, run: str, call: RerunCall) -> int:
    """Say that no item is left and whether that is good news; return the exit code."""
    is_good = nothing.exit_code == 0
    if call.output is not OutputFormat.TEXT:
        record = {
            "schema": RERUN_SCHEMA,
            "run": run,
            "exit_code": nothing.exit_code,
            "message": str(nothing),
        }
        write_result(json.dumps(record, indent=2 if call.output is OutputFormat.JSON else None) + "\n")
    if not (is_good and call.display.quiet):
        tell(Level.INFO if is_good else Level.ERROR, one_line(str(nothing)), call.display)
    return nothing.exit_code


def export_chosen(call: RerunCall, path: Path) -> int:
    """Write the manifest; the exit code."""
    if path == STANDARD_OUTPUT:
        raise UsageError("--export -: name a file, as the manifest is to be reviewed and kept")
    options = {"report": call.reports, "logs": call.logs, "new": call.new}
    check_export(options, call.connection, call.agent, call.output)
    try:
        count = export_items(_rerun_options(call), path)
    except NothingToRerun as exc:
        return _show_nothing(exc, call.run or "", call)
    if not call.display.quiet:
        write_result(f"wrote {visible(str(path))} with {count_of(count, 'item')}; nothing was sent\n")
    return 0


def _rerun_options(call: RerunCall) -> RerunOptions:
    chosen = call.choice
    return RerunOptions(
        name=name_run(call.run, call.state_dir),
        choice=Choice(chosen.failed, chosen.outcome or (), chosen.cause or (), chosen.only or (), again=chosen.again),
        connection=Connection(),
        settings=call.settings,
        variables=call.variables(),
        allow_outside=call.given.allow_outside,
        logs=call.logs,
        new=call.new,
    )
