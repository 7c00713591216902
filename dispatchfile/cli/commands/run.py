"""`run`: dispatch a manifest's items, watch them and print a summary."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dispatchfile.cli.flags import ConnectionFlags, SettingFlags, WaitFlags
from dispatchfile.cli.options import (
    AgentFlags,
    Display,
    LastLogLines,
    Manifest,
    ManifestFlags,
    Output,
    Reports,
    SelectionFlags,
    StateDir,
)
from dispatchfile.reports.formats import OutputFormat


class OnInterrupt(StrEnum):
    """What to do with running children when the run is interrupted."""

    LEAVE = "leave"
    STOP = "stop"


def run(
    *,
    manifest: Manifest = None,
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
    skip_succeeded: Annotated[
        bool,
        typer.Option(
            "--skip-succeeded", help="Leave out items that succeeded in an earlier run and have not changed since."
        ),
    ] = False,
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
    Dispatch a manifest's items and watch them.

    Checks everything before it sends anything, and sends each item exactly once. Exit code: 0 if all items succeeded,
    2 if some failed or could not be placed, 1 for anything else, 129, 130 or 143 if interrupted.
    """
    from dispatchfile.cli.conflicts import check_dry_run, check_journal
    from dispatchfile.cli.running import RunCall, run_items, show_requests
    from dispatchfile.cli.sources import default_manifest

    options = {
        "report": report,
        "logs": logs,
        "skip_succeeded": skip_succeeded,
        "new": new,
        "no_journal": no_journal,
        "on_interrupt": on_interrupt is OnInterrupt.STOP,
        "state_dir": state_dir,
    }
    if dry_run:
        check_dry_run(options, (*(selection.only or ()), *(selection.skip or ())), agent, connection)
    check_journal(journal=not no_journal, new=new)
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
