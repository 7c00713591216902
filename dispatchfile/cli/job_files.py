"""The job files of the embedded agent: found, given their variables, and read; those that cannot be read, named."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from dispatchfile.cli.option_groups import AgentFlags, JobVariableFlags
from dispatchfile.errors import AgentError, UsageError
from dispatchfile.jobspec import GivenValues, JobFile, JobspecError, VariableValues, read_job_file, read_variable_file
from dispatchfile.similar import did_you_mean, similar_file
from dispatchfile.usecases.jobs.files import ListedFile
from dispatchfile.usecases.jobs.values import JobValues, environment_values

ENDINGS = (".nomad", ".hcl", ".nomad.json")
SHOWN_ENDINGS = "*.nomad.hcl, *.hcl, *.nomad or *.nomad.json"

Job = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """
    A job file that the agent does not have.

    problems: what is wrong, a line each with its place. job: the ID of its job, None if that cannot be told.
    """

    path: Path
    problems: tuple[str, ...]
    job: str | None

    @property
    def warning(self) -> str:
        more = len(self.problems) - 1
        others = f" (and {more} more problem{'s' * (more > 1)})" if more else ""
        return f"not read: {self.problems[0]}{others}"


@dataclass(frozen=True, slots=True)
class JobFiles:
    """The jobs that could be read, and the files that could not."""

    jobs: tuple[Job, ...]
    unread: tuple[UnreadFile, ...] = ()


def read_job_files(
    flags: AgentFlags,
    default: Path,
    *,
    refusal: Callable[[Job], str | None],
    environ: Mapping[str, str] = os.environ,
) -> JobFiles:
    """
    Read the files that `--jobs` names, else those in the folder *default*, if that is there.

    refusal: what keeps the agent from taking a job. Raises UsageError for a glob without files and for a variable
    that no file declares, AgentError for a variable file that cannot be read, and if no job file at all can be read.
    """
    paths = _named(flags.jobs) if flags.jobs else sorted(_job_files(default))
    given = _given_values(flags, environ)
    read: dict[Path, JobFile] = {}
    failures: list[JobspecError] = []
    for path in paths:
        try:
            read[path] = read_job_file(path, given)
        except JobspecError as exc:
            failures.append(exc)
    _check_variables(given, [*(file.declared for file in read.values()), *(exc.declared for exc in failures)])
    return _agent_files(read, failures, refusal)


def listed_job_files(
    files: Iterable[ListedFile], namespaces: Sequence[str], *, refusal: Callable[[Job], str | None]
) -> JobFiles:
    """
    Return the jobs of a manifest's job files; a job whose file names no namespace is in each of the *namespaces*.

    Raises AgentError if no file at all can be read.
    """
    listed = list(files)
    read = {Path(file.shown): file.file for file in listed if file.file}
    found = _agent_files(read, [file.error for file in listed if file.error], refusal)
    named = {str(file.job["ID"]): file.namespace for file in read.values()}
    jobs = [
        {**job, "Namespace": namespace}
        for job in found.jobs
        for namespace in ((job["Namespace"],) if named[str(job["ID"])] else namespaces)
    ]
    return JobFiles(tuple(jobs), found.unread)


def _agent_files(
    read: Mapping[Path, JobFile], failures: Iterable[JobspecError], refusal: Callable[[Job], str | None]
) -> JobFiles:
    unread = [UnreadFile(exc.path, tuple(str(exc).split("\n")), exc.job) for exc in failures]
    files = _without_doubtful(read, refusal, unread)
    if unread and not files.jobs:
        raise AgentError("\n".join(problem for file in files.unread for problem in file.problems))
    return files


def _without_doubtful(
    read: Mapping[Path, JobFile], refusal: Callable[[Job], str | None], unread: list[UnreadFile]
) -> JobFiles:
    """Leave out the jobs that the agent refuses, and those that are in several files."""
    paths: dict[tuple[object, object], list[Path]] = {}
    for path, file in read.items():
        paths.setdefault((file.job.get("Namespace"), file.job.get("ID")), []).append(path)
    jobs: list[Job] = []
    for same in paths.values():
        job = read[same[0]].job
        name = str(job.get("ID"))
        reason = refusal(job)
        if len(same) > 1:
            unread += [UnreadFile(other, (f"{other}: job {name!r} is in {same[0]}, too",), name) for other in same[1:]]
            unread.append(UnreadFile(same[0], (f"{same[0]}: job {name!r} is in {same[1]}, too",), name))
        elif reason:
            unread.append(UnreadFile(same[0], (f"{same[0]}: {reason}",), name))
        else:
            jobs.append(job)
    return JobFiles(tuple(jobs), tuple(sorted(unread, key=lambda file: file.path)))


def _named(globs: Sequence[str]) -> list[Path]:
    found: dict[Path, Path] = {}  # by real path
    for pattern in globs:
        names = [Path(name) for name in glob(pattern, recursive=True)]  # noqa: PTH207  takes absolute patterns too
        paths = [path for name in sorted(names) for path in (sorted(_job_files(name)) if name.is_dir() else [name])]
        if not paths:
            hint = similar_file(pattern) or f"the agent reads {SHOWN_ENDINGS}"
            raise UsageError(f"--jobs {pattern}: there are no such job files: {hint}")
        for path in paths:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _job_files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return iter(())
    return (path for path in folder.glob("*") if path.name.endswith(ENDINGS) and path.is_file())


def read_job_values(flags: JobVariableFlags) -> JobValues:
    """Return the values that the command line gives. Raises UsageError, and AgentError for an unreadable file."""
    arguments: dict[str, str] = {}
    for pair in flags.job_var or ():
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError(f"--job-var {name}: write it as NAME=VALUE")
        arguments[name] = value
    return JobValues(arguments, [(Path(path), _variable_file(Path(path))) for path in flags.job_var_file or ()])


def _given_values(flags: JobVariableFlags, environ: Mapping[str, str]) -> GivenValues:
    values = read_job_values(flags)
    return GivenValues(environment_values(environ), values.files, values.arguments)


def _variable_file(path: Path) -> VariableValues:
    try:
        return read_variable_file(path)
    except JobspecError as exc:
        raise AgentError("\n".join(f"--job-var-file {line}" for line in str(exc).split("\n"))) from exc


def _check_variables(given: GivenValues, declarations: Iterable[frozenset[str] | None]) -> None:
    """Refuse a variable that no file declares, unless it may be declared in a file that is not even HCL."""
    found = list(declarations)
    if None in found:
        return
    declared = frozenset().union(*(names for names in found if names is not None))
    for name in given.arguments:
        if name not in declared:
            raise UsageError(f"--job-var {name}: no job file declares this variable{_near(name, declared)}")
    for path, values in given.files:
        for name in values:
            if name not in declared:
                raise UsageError(
                    f"--job-var-file {path}: no job file declares the variable {name}{_near(name, declared)}"
                )


def _near(name: str, declared: frozenset[str]) -> str:
    hint = did_you_mean(name, sorted(declared))
    return f": {hint}" if hint else ""
