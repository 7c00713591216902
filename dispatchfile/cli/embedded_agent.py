"""The embedded agent as a command line asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from dispatchfile.cli.job_files import Job, JobFiles, listed_job_files, read_job_files
from dispatchfile.cli.option_groups import AgentFlags
from dispatchfile.errors import AgentError, UsageError
from dispatchfile.usecases.jobs.files import ListedFile

try:
    from dispatchfile.agent import EmbeddedAgent, Fault, RefusedJob, parse_fault, refusal_of
except ModuleNotFoundError as exc:
    missing = f"the embedded agent needs {exc.name}, which is not installed"
    raise AgentError(f"{missing}: pip install 'dispatchfile[local]'") from exc

LOOPBACK = "127.0.0.1"
DEFAULT_DATACENTER = "dc1"


def read_agent_files(flags: AgentFlags, default: Path) -> JobFiles:
    """Read the job files that *flags* name, else those in the folder *default*; see `read_job_files` for errors."""
    return read_job_files(flags, default, refusal=refusal_of)


def agent_files(files: Iterable[ListedFile], namespaces: Sequence[str]) -> JobFiles:
    """
    Return the jobs of a manifest's job files.

    namespaces: those in which a job is registered whose file names none. Raises AgentError if no file can be read.
    """
    return listed_job_files(files, namespaces, refusal=refusal_of)


def read_faults(texts: Sequence[str]) -> list[Fault]:
    """Raises UsageError, which says what would be right."""
    try:
        return [parse_fault(text) for text in texts]
    except ValueError as exc:
        raise UsageError(f"--fault: {exc}") from exc


@asynccontextmanager
async def started_agent(
    flags: AgentFlags,
    jobs: Sequence[Job],
    on_setback: Callable[[str, str], None],
    *,
    host: str = LOOPBACK,
    port: int = 0,
    allow_remote: bool = False,
) -> AsyncIterator[EmbeddedAgent]:
    """
    Serve with an agent until the end of the context. Raises UsageError, and AgentError if it cannot start.

    on_setback: takes the ID of a job and what happened to a task that will be tried again.
    """
    faults = read_faults(flags.fault or ())
    try:
        agent = EmbeddedAgent(
            jobs=jobs,
            bind=host,
            port=port,
            allow_remote=allow_remote,
            slots=flags.slots,
            fixed=True,
            faults=faults,
            datacenter=flags.datacenter or DEFAULT_DATACENTER,
            on_setback=on_setback,
        )
        await agent.__aenter__()
    except RefusedJob as exc:
        raise AgentError(str(exc)) from exc
    except ValueError as exc:
        raise UsageError(f"--bind: {exc} (--allow-remote)") from exc
    except OSError as exc:
        raise AgentError(f"the agent cannot listen on {host}:{port}: {exc.strerror or exc}") from exc
    try:
        yield agent
    finally:
        await agent.__aexit__(None, None, None)
