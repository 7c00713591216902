"""`rerun`: some items of a past run once more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from dispatchfile.cli.candidates import complete_selectors
from dispatchfile.cli.option_groups import AgentFlags, ConnectionFlags, Display, ManifestFlags, SettingFlags, WaitFlags
from dispatchfile.cli.options import SELECTION, SELECTORS, LastLogLines, Output, Reports, Run, StateDir
from dispatchfile.cli.terminal import write_result
from dispatchfile.events import Cause, Outcome
from dispatchfile.reports.formats import OutputFormat

if TYPE_CHECKING:
    from dispatchfile.errors import NothingToRerun
    from dispatchfile.nomad.connection import Connection
    from dispatchfile.usecases.choose import Choice
    from dispatchfile.usecases.reporting import Reporter
    from dispatchfile.usecases.rerun import RerunOptions
    from dispatchfile.usecases.running.control import Control
    from dispatchfile.usecases.running.ends import RunEnd

RERUN_SCHEMA = "dispatchfile/rerun/v1"


@dataclass(frozen=True, slots=True)
class ChoiceFlags:
    """The items of the run to take."""

    panel: ClassVar[str] = SELECTION

    failed: Annotated[bool, typer.Option("--failed", help="Items that failed, were refused or were not sent.")] = False
    outcome: Annotated[
        list[Outcome] | None,
        typer.Option("--outcome", metavar="OUTCOME", help="Items with this outcome; repeatable."),
    ] = None
    cause: Annotated[
        list[Cause] | None,
        typer.Option("--cause", metavar="CAUSE", help="Of these, only items with this cause; repeatable."),
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            autocompletion=complete_selectors,
            metavar="SEL",
            help=f"Of these, only items that match: {SELECTORS}; repeatable.",
        ),
    ] = None
    again: Annotated[
        bool, typer.Option("--again", help="Also items that have succeeded in a rerun since; else they are left out.")
    ] = False

    def as_choice(self) -> Choice:
        from dispatchfile.usecases.choose import Choice

        return Choice(self.failed, self.outcome or (), self.cause or (), self.only or (), again=self.again)


def rerun(
    *,
    run: Run = None,
    choice: ChoiceFlags,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write a manifest of these items instead; send nothing."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Start even if a run of this manifest is unfinished.")] = False,
    wait: WaitFlags,
    given: ManifestFlags,
    settings: SettingFlags,
    logs: LastLogLines = None,
    report: Reports = None,
    state_dir: StateDir = None,
    agent: AgentFlags,
    connection: ConnectionFlags,
    output: Output = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Run selected items of a past run again, as a new run.

    Sends the requests that the journal stored, even if the manifest has changed; --var is only for sensitive values.
    Items that may have run (unknown) must be named with --outcome. An item that has succeeded in a rerun since is left
    out, unless --again or only its ID is given. A job that is still alive is stopped first. Exit code: as for `run`; if
    no item is left, 0 if all ends are known, else 1.
    """
    from dispatchfile.cli.conflicts import check_again
    from dispatchfile.cli.past_run import name_run
    from dispatchfile.cli.sources import read_given_variables
    from dispatchfile.errors import NothingToRerun
    from dispatchfile.nomad.connection import Connection
    from dispatchfile.usecases.rerun import RerunOptions

    flags = settings.as_mapping() | {"wait": wait.as_setting()}
    if export is not None:
        _check_export(export, {"report": report, "logs": logs, "new": new}, connection, agent, output)
    check_again(choice.as_choice())
    options = RerunOptions(
        name=name_run(run, state_dir),
        choice=choice.as_choice(),
        connection=Connection(),
        settings=flags,
        variables=read_given_variables(given),
        allow_outside=given.allow_outside,
        logs=logs or "",
        new=new,
    )
    try:
        if export is not None:
            return _export(options, export, display)
        return _send(options, reports=report or (), agent=agent, flags=connection, output=output, display=display)
    except NothingToRerun as exc:
        return _show_nothing(exc, output, display)


def _send(
    options: RerunOptions,
    *,
    reports: Sequence[str],
    agent: AgentFlags,
    flags: ConnectionFlags,
    output: OutputFormat,
    display: Display,
) -> int:
    """Send the chosen items again; return the exit code. Raises NothingToRerun."""
    from dispatchfile.cli.conflicts import check_past_run
    from dispatchfile.cli.past_run import on_nomad
    from dispatchfile.cli.report_files import detail_in
    from dispatchfile.cli.session import Session
    from dispatchfile.clock import Clock
    from dispatchfile.usecases.rerun import read_again, send_again

    header = options.name.open().run().header
    options = replace(options, name=replace(options.name, run=header.id))
    check_past_run(header, flags, agent)

    async def work(reporter: Reporter, control: Control) -> RunEnd:
        again = read_again(options)  # first: if no item is left, neither Nomad nor a job file is needed

        async def send(connection: Connection, reporter: Reporter, control: Control) -> RunEnd:
            there = replace(options, connection=connection)
            return await send_again(there, again, reporter=reporter, control=control, clock=Clock())

        return await on_nomad(header, agent, flags, display, send)(reporter, control)

    read_detail = detail_in(options.name.state_dir)
    session = Session(display, output, manifest=header.shown_manifest, reports=reports, read_detail=read_detail)
    return session.run(work)


def _show_nothing(nothing: NothingToRerun, output: OutputFormat, display: Display) -> int:
    """Say that no item is left and whether that is good news; return the exit code."""
    from dispatchfile.cli.session import print_message
    from dispatchfile.reports.text import one_line
    from dispatchfile.reports.words import LogLevel

    is_good = nothing.exit_code == 0
    if output is not OutputFormat.TEXT:
        record = {
            "schema": RERUN_SCHEMA,
            "run": nothing.run,
            "exit_code": nothing.exit_code,
            "message": str(nothing),
        }
        write_result(json.dumps(record, indent=2 if output is OutputFormat.JSON else None) + "\n")
    for note in () if display.quiet else nothing.notes:
        print_message(LogLevel.WARNING, one_line(note), display)
    if not (is_good and display.quiet):
        print_message(LogLevel.INFO if is_good else LogLevel.ERROR, one_line(str(nothing)), display)
    return nothing.exit_code


def _check_export(
    path: Path, options: Mapping[str, object], flags: ConnectionFlags, agent: AgentFlags, output: OutputFormat
) -> None:
    from dispatchfile.cli.conflicts import check_export
    from dispatchfile.cli.report_files import STANDARD_OUTPUT
    from dispatchfile.errors import FileError, UsageError
    from dispatchfile.secrecy import kind_of_secret

    if path == STANDARD_OUTPUT:
        raise UsageError("--export -: name a file, as the manifest is to be reviewed and kept")
    if kind_of_secret(str(path)):
        raise FileError(str(path), "", source="--export")
    check_export(options, flags, agent, output)


def _export(options: RerunOptions, path: Path, display: Display) -> int:
    """Write a manifest of the chosen items; return the exit code. Raises NothingToRerun."""
    from dispatchfile.reports.text import count_of, visible
    from dispatchfile.usecases.export import export_items

    count = export_items(options, path)
    if not display.quiet:
        write_result(f"wrote {visible(str(path))} with {count_of(count, 'item')}; nothing was sent\n")
    return 0
