"""The job files of a manifest, found and read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dispatchfile.errors import FileError
from dispatchfile.files import Files
from dispatchfile.jobspec import (
    LARGEST_FILE_BYTES,
    FilePosition,
    GivenValues,
    JobFile,
    JobspecError,
    nomads_refusal,
    read_job_file,
    without_advice,
)
from dispatchfile.manifest import Document
from dispatchfile.names import JobKey
from dispatchfile.problems import Problem, Severity
from dispatchfile.similar import did_you_mean, similar_file
from dispatchfile.source import Position
from dispatchfile.usecases.jobs.values import JobValues, given_values

UNREADABLE, UNKNOWN_VARIABLE, NOT_CHECKED = "DF050", "DF051", "DF052"
TWICE, ELSEWHERE, MULTIREGION = "DF053", "DF054", "DF055"
NO_FILE = "DF030"
START = FilePosition(1, 1)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A job file: its job, or why it cannot be read."""

    name: str  # relative to the manifest's folder
    shown: str  # as messages show it
    file: JobFile | None
    error: JobspecError | None = None

    @property
    def job(self) -> str | None:
        """Return the ID of its job; None if that cannot be told."""
        if self.file is not None:
            return str(self.file.job.get("ID") or "")
        return self.error.job if self.error else None

    @property
    def declared(self) -> frozenset[str] | None:
        """Return the HCL variables that the file declares; None if that cannot be told."""
        if self.file is not None:
            return self.file.declared
        return self.error.declared if self.error else None

    def position(self, block: str = "job") -> Position:
        """Return where the job or a block of it begins."""
        place = START if self.file is None else self.file.places.get(block) or self.file.places.get("job") or START
        return Position(self.shown, place.line, place.column)

    def registers(self, key: JobKey) -> bool:
        """Return whether the file's job is, or can be, the one of the *key*."""
        return self.job == key.job and (self.file is None or _meets(self.file, key.namespace, key.region))

    def overlaps(self, other: ListedFile) -> bool:
        """Return whether both files may be registered as the same job."""
        if self.file is None or other.file is None or self.job != other.job:
            return False
        return _meets(self.file, other.file.namespace, other.file.region)


def _meets(file: JobFile, namespace: str, region: str) -> bool:
    """Empty ones are not said, and meet any."""
    return all(
        not one or not other or one == other for one, other in ((file.namespace, namespace), (file.region, region))
    )


@dataclass(frozen=True, slots=True)
class ManifestJobs:
    """The job files of a manifest, and the problems with the list itself and with pairs of files."""

    files: tuple[ListedFile, ...] = ()
    problems: tuple[Problem, ...] = ()
    declared: frozenset[str] | None = frozenset()  # HCL variables; None: a file that is not even HCL may have any
    given: GivenValues = field(default_factory=GivenValues)

    def find(self, key: JobKey) -> ListedFile | None:
        """Return the file of the job, if there is one that can be read."""
        return next((file for file in self.files if file.file and file.registers(key)), None)

    def problems_of(self, used: Mapping[JobKey, str]) -> Iterator[Problem]:
        """
        Yield what is wrong with the files: an error if items use the file, else a warning.

        used: the jobs of the selected items, each with the ID of the first item.
        """
        for listed in self.files:
            item = self._user_of(listed, used)
            severity = Severity.WARNING if item is None else Severity.ERROR
            for problem in _file_problems(listed):
                yield replace(problem, severity=problem.severity if problem.code == NOT_CHECKED else severity)

    def _user_of(self, listed: ListedFile, used: Mapping[JobKey, str]) -> str | None:
        """Return an item that dispatches the file's job; if its ID cannot be told, one whose job is in no file."""
        if listed.job is not None:
            return next((item for key, item in used.items() if listed.registers(key)), None)
        return next((item for key, item in used.items() if self.find(key) is None), None)


NO_JOBS = ManifestJobs()


def has_jobs(document: Document | None) -> bool:
    """Return whether the manifest lists job files."""
    return document is not None and bool(document.data.get("jobs"))


def read_jobs(
    document: Document, files: Files, values: JobValues, environ: Mapping[str, str], *, checks: bool = False
) -> ManifestJobs:
    """
    Return the job files that the manifest lists, read without a server.

    checks: refuse what the embedded agent cannot run, too.
    """
    written = document.data.get("jobs")
    if not isinstance(written, list):
        return NO_JOBS
    names, problems = _names(document, files, written)
    given = given_values(document, values, environ)
    listed = tuple(_read(name, document, files, given, checks=checks) for name in names)
    known = [declares for file in listed if (declares := file.declared) is not None]
    declared = frozenset[str]().union(*known) if len(known) == len(listed) else None
    return ManifestJobs(listed, (*problems, *_pairs(listed)), declared, given)


def _names(document: Document, files: Files, written: list[object]) -> tuple[list[str], list[Problem]]:
    """Return the files that the list names, each once, and what is wrong with the list."""
    found: dict[str, None] = {}
    problems: list[Problem] = []
    for number, pattern in enumerate(written):
        if not isinstance(pattern, str):
            continue  # the schema says so
        place = document.entry_position(written, number)
        try:
            names = files.glob(pattern)
        except FileError as error:
            problems.append(document.problem(NO_FILE, place, str(error)))
            continue
        found |= dict.fromkeys(names)
        if not names:
            hint = similar_file(str(document.folder / pattern)) or "name a job file, for example jobs/encode.nomad.hcl"
            problems.append(document.problem(NO_FILE, place, f"no job file matches {pattern!r}", hint))
    return list(found), problems


def _read(name: str, document: Document, files: Files, given: GivenValues, *, checks: bool) -> ListedFile:
    shown = posixpath.join(posixpath.dirname(document.path), name)
    try:
        content = files.read(name, limit=LARGEST_FILE_BYTES)
        file = read_job_file(Path(shown), given, content=content, reads_files=False, checks=checks)
    except FileError as error:
        reason = JobspecError(path=Path(shown), line=None, column=None, message=f"this job file {error.reason}")
        return ListedFile(name, shown, None, reason)
    except JobspecError as error:
        return ListedFile(name, shown, None, error)
    return ListedFile(name, shown, file)


def _pairs(listed: Iterable[ListedFile]) -> Iterator[Problem]:
    """Yield each job that is in two files."""
    before: list[ListedFile] = []
    for file in listed:
        first = next((other for other in before if file.overlaps(other)), None)
        if first is not None:
            hint = "remove one of them from jobs, or give each a namespace or region of its own"
            yield Problem(TWICE, file.position(), f"job {file.job!r} is also in {first.position()}", hint)
        before.append(file)


def _file_problems(listed: ListedFile) -> Iterator[Problem]:
    if listed.error is not None:
        yield from _troubles(listed, listed.error)
    elif listed.file is not None:
        if listed.file.job.get("Multiregion"):
            yield _multiregion(listed.position())
        if refusal := nomads_refusal(listed.file.job):
            yield Problem(UNREADABLE, listed.position(), f"Nomad refuses job {listed.job!r}: {refusal}")


def _troubles(listed: ListedFile, error: JobspecError) -> Iterator[Problem]:
    places = [trouble.place or START for trouble in error.troubles]
    if error.unsupported == "multiregion":
        yield _multiregion(Position(listed.shown, places[0].line, places[0].column))
        return
    for place, trouble in zip(places, error.troubles, strict=True):
        position, message = Position(listed.shown, place.line, place.column), without_advice(trouble.message)
        if error.unsupported:
            found = f"only Nomad can read this job file, so no item is checked against it: {message}"
            yield Problem(NOT_CHECKED, position, found, severity=Severity.WARNING)
            return
        yield Problem(UNREADABLE, position, message)


def _multiregion(position: Position) -> Problem:
    found = "a multiregion job cannot be registered by dispatchfile, because it is one job in each of several regions"
    return Problem(
        MULTIREGION, position, found, "remove the multiregion block, or register the job with `nomad job run`"
    )


def unknown_job_variables(
    document: Document, values: JobValues, declared: frozenset[str] | None, *, elsewhere: frozenset[str] | None
) -> Iterator[Problem]:
    """
    Yield the variables that no job file declares.

    declared: by the files of this manifest. elsewhere: by those of other manifests. None: it cannot be told.
    """
    if declared is None:
        return
    written = document.data.get("job_vars")
    for name in written if isinstance(written, dict) else ():
        if name not in declared:
            place = document.key_position("job_vars", name)
            yield document.problem(
                UNKNOWN_VARIABLE, place, f"no job file declares the variable {name!r}", _hint(name, declared)
            )
    if elsewhere is None:
        return
    known = declared | elsewhere
    for name, option in values.named():
        if name not in known:
            place = document.key_position("jobs")
            yield Problem(
                UNKNOWN_VARIABLE, place, f"{option}: no job file declares the variable {name!r}", _hint(name, known)
            )


def _hint(name: str, declared: frozenset[str]) -> str:
    names = sorted(declared)
    there = f"they declare {', '.join(names[:10])}" if names else "they declare none"
    return did_you_mean(name, names, otherwise=there)
