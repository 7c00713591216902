"""`rerun`: some items of a past run once more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dispatchfile.cli.flags import ConnectionFlags, SettingFlags, WaitFlags
from dispatchfile.cli.options import (
    AgentFlags,
    ChoiceFlags,
    Display,
    LastLogLines,
    ManifestFlags,
    Output,
    Reports,
    Run,
    StateDir,
)
from dispatchfile.reports.formats import OutputFormat


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
    from dispatchfile.cli.again import RerunCall, export_chosen, rerun_chosen

    call = RerunCall(
        run=run,
        choice=choice,
        new=new,
        settings=settings.as_mapping() | {"wait": wait.as_setting()},
        given=given,
        logs=logs or "",
        reports=report or (),
        state_dir=state_dir,
        agent=agent,
        connection=connection,
        output=output,
        display=display,
    )
    return rerun_chosen(call) if export is None else export_chosen(call, export)
