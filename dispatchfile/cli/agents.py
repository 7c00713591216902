"""The embedded agent as a command line asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from glob import glob
from pathlib import Path

from dispatchfile.cli.options import AgentFlags
from dispatchfile.errors import AgentError, UsageError

try:
    from dispatchfile.agent import EmbeddedAgent, Fault, RefusedJob, parse_fault
    from dispatchfile.jobspec import JobspecError, read_job
except ModuleNotFoundError as exc:
    missing = f"the embedded agent needs {exc.name}, which is not installed"
    raise AgentError(f"{missing}: pip install 'dispatchfile[local]'") from exc

LOOPBACK = "127.0.0.1"
DEFAULT_DATACENTER = "dc1"
ENDINGS = (".nomad.hcl", ".nomad.json")
Job = Mapping[str, object]


def read_jobs(flags: AgentFlags, default: Path) -> list[Job]:
    """
    The jobs in the files that `--jobs` names, else in the folder *default*, if that is there.

    Raises UsageError for a glob without files, AgentError for a file that is no job.
    """
    paths = _named(flags.jobs) if flags.jobs else sorted(_job_files(default))
    jobs: dict[tuple[object, object], tuple[Path, Job]] = {}
    for path in paths:
        job = _read(path)
        key = job.get("Namespace"), job.get("ID")
        if key in jobs:
            raise AgentError(f"{path}: job {job['ID']!r} is in {jobs[key][0]} too")
        jobs[key] = path, job
    return [job for _, job in jobs.values()]


def _named(globs: Sequence[str]) -> list[Path]:
    found: dict[Path, Path] = {}  # by real path
    for pattern in globs:
        names = [Path(name) for name in glob(pattern, recursive=True)]  # noqa: PTH207  takes absolute patterns too
        paths = [path for name in sorted(names) for path in (sorted(_job_files(name)) if name.is_dir() else [name])]
        if not paths:
            raise UsageError(f"--jobs {pattern}: there are no such job files (*.nomad.hcl or *.nomad.json)")
        for path in paths:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _job_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*") if path.name.endswith(ENDINGS)) if folder.is_dir() else iter(())


def _read(path: Path) -> Job:
    try:
        return read_job(path)
    except JobspecError as exc:
        raise AgentError(str(exc)) from exc


def read_faults(texts: Sequence[str]) -> list[Fault]:
    """Raises UsageError, which says what would be right."""
    try:
        return [parse_fault(text) for text in texts]
    except ValueError as exc:
        raise UsageError(f"--fault: {exc}") from exc


@asynccontextmanager
async def started_agent(
    flags: AgentFlags, jobs: Sequence[Job], *, host: str = LOOPBACK, port: int = 0, allow_remote: bool = False
) -> AsyncIterator[EmbeddedAgent]:
    """An agent that serves, until the end of the context. Raises UsageError, and AgentError where it cannot start."""
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
