"""`run`: a manifest's items dispatched, watched and summed up."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dispatchfile.cli.options import (
    AgentFlags,
    ConnectionFlags,
    Display,
    LastLogLines,
    Manifest,
    ManifestFlags,
    Output,
    Reports,
    SelectionFlags,
    SettingFlags,
    StateDir,
    WaitFlags,
)
from dispatchfile.errors import UsageError
from dispatchfile.reports.formats import OutputFormat


class OnInterrupt(StrEnum):
    """What becomes of living children when the run is interrupted."""

    LEAVE = "leave"
    STOP = "stop"


def run(
    *,
    manifest: Manifest = None,
    local: Annotated[
        bool, typer.Option("--local", help="Run on an embedded agent instead of a cluster, and wait for completion.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show every request as it would be sent; send none.")
    ] = False,
    wait: WaitFlags,
    selection: SelectionFlags,
    given: ManifestFlags,
    settings: SettingFlags,
    logs: LastLogLines = None,
    report: Reports = None,
    run_id: Annotated[
        str | None, typer.Option("--run-id", metavar="ID", help="Fix the run's ID ([a-z0-9], at most 20), for CI.")
    ] = None,
    skip_succeeded: Annotated[
        bool, typer.Option("--skip-succeeded", help="Leave out what succeeded in an earlier run, unchanged since.")
    ] = False,
    new: Annotated[bool, typer.Option("--new", help="Start even though a run of this manifest is unfinished.")] = False,
    state_dir: StateDir = None,
    no_journal: Annotated[
        bool, typer.Option("--no-journal", help="Keep no journal: such a run can never be resumed.")
    ] = False,
    on_interrupt: Annotated[
        OnInterrupt,
        typer.Option("--on-interrupt", help="What becomes of living children on Ctrl-C: they are left, or stopped."),
    ] = OnInterrupt.LEAVE,
    agent: AgentFlags,
    connection: ConnectionFlags,
    output: Output = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Dispatch a manifest's items and watch them.

    Everything is checked before anything is sent, and each item is sent exactly once. Exit code: 0 if all is well, 2
    if items ran or were placed and did not end well, 1 for anything else, 129, 130 or 143 if interrupted.
    """
    from dispatchfile.cli.running import RunCall, run_items, show_requests  # noqa: PLC0415  --help needs none of it
    from dispatchfile.cli.sources import default_manifest  # noqa: PLC0415

    if dry_run and report:
        raise UsageError("--report tells of a run that was made, and --dry-run makes none: leave out one of them")
    call = RunCall(
        manifest=default_manifest() if manifest is None else manifest,
        local=local,
        settings=settings.as_mapping() | {"wait": wait.as_setting()},
        selection=selection,
        given=given,
        logs=logs or "",
        reports=report or (),
        run_id=run_id,
        skip_succeeded=skip_succeeded,
        new=new,
        journal=not no_journal,
        stop_on_interrupt=on_interrupt is OnInterrupt.STOP,
        state_dir=state_dir,
        agent=agent,
        connection=connection,
        output=output,
        display=display,
    )
    return show_requests(call) if dry_run else run_items(call)
