"""`resume`: a run that was interrupted goes on."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from dispatchfile.cli.option_groups import AgentFlags, ConnectionFlags, Display, ManifestFlags, SettingFlags, WaitFlags
from dispatchfile.cli.options import LastLogLines, Output, Reports, Run, StateDir
from dispatchfile.reports.formats import OutputFormat

if TYPE_CHECKING:
    from dispatchfile.nomad.connection import Connection
    from dispatchfile.usecases.reporting import Reporter
    from dispatchfile.usecases.running.control import Control
    from dispatchfile.usecases.running.ends import RunEnd


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
    from dispatchfile.cli.conflicts import check_over, check_past_run
    from dispatchfile.cli.past_run import name_run, on_nomad
    from dispatchfile.cli.report_files import detail_in
    from dispatchfile.cli.session import Session
    from dispatchfile.cli.sources import read_given_variables
    from dispatchfile.clock import Clock
    from dispatchfile.nomad.connection import Connection
    from dispatchfile.usecases.resume import ResumeOptions, is_over, repeat_summary, resume_run
    from dispatchfile.usecases.running.ends import RunEnd

    flags = settings.as_mapping() | {"wait": wait.as_setting()}
    stored = name_run(run, state_dir).open().run()
    options = ResumeOptions(
        run=stored.header.id,
        manifest=None,
        connection=Connection(),
        environ=os.environ,
        state_dir=state_dir,
        resend_unknown=resend_unknown,
        settings=flags,
        variables=read_given_variables(given),
        allow_outside=given.allow_outside,
        logs=logs or "",
    )

    check_past_run(stored.header, connection, agent)
    if is_over(stored):
        check_over(stored.header, flags, {"logs": logs, "resend_unknown": resend_unknown, **asdict(agent)})

    async def send(there: Connection, reporter: Reporter, control: Control) -> RunEnd:
        with_connection = replace(options, connection=there)
        return RunEnd(await resume_run(with_connection, reporter=reporter, control=control, clock=Clock()))

    async def work(reporter: Reporter, control: Control) -> RunEnd:
        if summary := repeat_summary(options, reporter):  # neither Nomad nor a job file is needed
            return RunEnd(summary)
        return await on_nomad(stored.header, agent, connection, display, send)(reporter, control)

    shown, read_detail = stored.header.shown_manifest, detail_in(state_dir)
    return Session(display, output, manifest=shown, reports=report or (), read_detail=read_detail).run(work)
