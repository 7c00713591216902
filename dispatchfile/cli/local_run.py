"""`run --local`: a run on an embedded agent that ends with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from dispatchfile.cli.conflicts import given, refuse_without_effect
from dispatchfile.cli.embedded_agent import agent_files, read_agent_files, read_faults, started_agent
from dispatchfile.cli.job_files import JobFiles
from dispatchfile.cli.option_groups import AgentFlags
from dispatchfile.clock import Clock
from dispatchfile.errors import UsageError
from dispatchfile.events import Outcome
from dispatchfile.files import STANDARD_INPUT
from dispatchfile.manifest import Document
from dispatchfile.nomad.connection import Connection
from dispatchfile.problems import Problem, Severity
from dispatchfile.results import Summary
from dispatchfile.usecases.jobs.files import has_jobs
from dispatchfile.usecases.jobs.listed import read_listed_jobs
from dispatchfile.usecases.load import ManifestSource, read_source
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.run import run_or_resume
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.ends import RunEnd
from dispatchfile.usecases.running.prepare import RunOptions
from dispatchfile.usecases.variables import NO_VARIABLES

NOT_REGISTERED = "DF100"
JOBS_FOLDER = "jobs"  # beside the manifest


def read_local_jobs(flags: AgentFlags, source: ManifestSource) -> JobFiles:
    """
    Return the jobs that a local run may dispatch: those that the manifest lists, else those of `--jobs`.

    Raises UsageError where there are none, or a fault cannot be read.
    """
    read_faults(flags.fault or ())
    if (listed := _listed_jobs(flags, source)) is not None:
        return listed
    manifest = source.path
    folder = Path() if manifest == STANDARD_INPUT else Path(manifest).parent
    files = read_agent_files(flags, folder / JOBS_FOLDER)
    if not files.jobs:
        raise UsageError(f"--local: there are no job files in {folder / JOBS_FOLDER}: name some with --jobs")
    return files


def _listed_jobs(flags: AgentFlags, source: ManifestSource) -> JobFiles | None:
    """Return the jobs that the manifest lists, None if it lists none or cannot be read."""
    document, files, _ = read_source(replace(source, given=NO_VARIABLES))
    if document is None or not has_jobs(document):
        return None
    refuse_without_effect(given({"jobs": flags.jobs}), "with a manifest that lists its job files under `jobs`")
    jobs = read_listed_jobs(source, document, files, checks=True)
    for problem in jobs.problems:
        if problem.severity is Severity.ERROR:
            raise UsageError(str(problem))
    return agent_files(jobs.files, _namespaces(source, document))


def _namespaces(source: ManifestSource, document: Document) -> tuple[str, ...]:
    """Return the namespaces in which items may dispatch a job."""
    defaults, entries = document.data.get("defaults"), document.data.get("dispatches")
    parts: list[object] = [document.data, defaults, *(entries if isinstance(entries, list) else ())]
    written = [part.get("namespace") for part in parts if isinstance(part, Mapping)]
    names = {name for name in written if isinstance(name, str)}
    return tuple(sorted({*names, source.scope.namespace_flag or "default"}))


async def run_locally(
    options: RunOptions, flags: AgentFlags, files: JobFiles, reporter: Reporter, control: Control
) -> RunEnd:
    """The run, on an agent of its own."""
    note_unread(files, reporter)
    async with started_agent(flags, files.jobs, note_setbacks(reporter)) as agent:
        for job, warning in agent.warnings():
            reporter.note(f"{job}: {warning}")
        there = replace(options, connection=Connection(address=agent.address))
        end = await run_or_resume(there, reporter=reporter, control=control, clock=Clock())
        for job, advice in agent.advice().items():
            if end.summary is not None and job in _unplaced_jobs(end.summary):
                reporter.note(f"{job}: {advice}")
        return replace(end, problems=tuple(_explained(problem, files) for problem in end.problems))


def note_unread(files: JobFiles, reporter: Reporter) -> None:
    """Name each job file that could not be read, once."""
    for file in files.unread:
        reporter.note(file.warning)


def note_setbacks(reporter: Reporter) -> Callable[[str, str], None]:
    """Return what the agent calls with a job's ID and what happened to one of its tasks."""
    return lambda job, setback: reporter.note(f"{job}: {setback}")


def _explained(problem: Problem, files: JobFiles) -> Problem:
    """Add to a missing job what is wrong with the files that could have it."""
    if problem.code != NOT_REGISTERED:
        return problem
    own = [file for file in files.unread if file.job and f"job {file.job!r} is not registered" in problem.found]
    unknown = [file for file in files.unread if file.job is None]
    reasons = "; ".join(line for file in own or unknown for line in file.problems)
    if not reasons:
        return problem
    where = "its job file could not be read" if own else "it may be in a job file that could not be read"
    return replace(problem, hint=f"{where}: {reasons}")


def _unplaced_jobs(summary: Summary) -> set[str]:
    return {item.job for item in summary.items if item.outcome is Outcome.UNPLACED}
