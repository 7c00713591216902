"""`resume`: a run that was interrupted goes on."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatchfile.cli.flags import ConnectionFlags, SettingFlags, WaitFlags
from dispatchfile.cli.options import AgentFlags, Display, LastLogLines, ManifestFlags, Output, Reports, Run, StateDir
from dispatchfile.reports.formats import OutputFormat


def resume(
    *,
    run: Run = None,
    resend_unknown: Annotated[
        bool,
        typer.Option("--resend-unknown", help="Send items again whose result is unknown; they may run twice."),
    ] = False,
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
    Continue a run after Ctrl-C, a crash or a reboot.

    Sends nothing twice and leaves nothing out: it looks in Nomad for items that may have been sent, and sends the rest
    as the journal stored it. --var is only for sensitive values. A local run gets a new embedded agent. Exit code: as
    for `run`.
    """
    from dispatchfile.cli.again import ResumeCall, resume_items

    return resume_items(
        ResumeCall(
            run=run,
            resend_unknown=resend_unknown,
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
    )
