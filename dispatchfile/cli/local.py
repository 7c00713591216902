"""`run --local`: a run on an embedded agent that ends with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dispatchfile.cli.agents import Job, read_faults, read_jobs, started_agent
from dispatchfile.cli.options import AgentFlags
from dispatchfile.clock import Clock
from dispatchfile.errors import UsageError
from dispatchfile.events import Outcome
from dispatchfile.nomad.connection import Connection
from dispatchfile.results import Summary
from dispatchfile.usecases.execute import Control
from dispatchfile.usecases.load import STANDARD_INPUT
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.resume import run_or_resume
from dispatchfile.usecases.run import RunEnd, RunOptions

JOBS_FOLDER = "jobs"  # beside the manifest


def read_local_jobs(flags: AgentFlags, manifest: str) -> Sequence[Job]:
    """The jobs a local run may dispatch. Raises UsageError where there are none, or a fault cannot be read."""
    read_faults(flags.fault or ())
    folder = Path() if manifest == STANDARD_INPUT else Path(manifest).parent
    jobs = read_jobs(flags, folder / JOBS_FOLDER)
    if not jobs:
        raise UsageError(f"--local: there are no job files in {folder / JOBS_FOLDER}: name some with --jobs")
    return jobs


async def run_locally(
    options: RunOptions, flags: AgentFlags, jobs: Sequence[Job], reporter: Reporter, control: Control
) -> RunEnd:
    """The run, on an agent of its own."""
    async with started_agent(flags, jobs) as agent:
        for job, warning in agent.warnings():
            reporter.note(f"{job}: {warning}")
        there = replace(options, connection=Connection(address=agent.address))
        end = await run_or_resume(there, reporter=reporter, control=control, clock=Clock())
        for job, advice in agent.advice().items():
            if end.summary is not None and job in _unplaced_jobs(end.summary):
                reporter.note(f"{job}: {advice}")
        return end


def _unplaced_jobs(summary: Summary) -> set[str]:
    return {item.job for item in summary.items if item.outcome is Outcome.UNPLACED}
