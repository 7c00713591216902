"""Nomad job files (HCL and JSON) to plain API jobs, for the embedded agent and for checks without a server."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dispatchfile.jobspec.body import WAY_ROUND, FilePosition, JobFileProblem, UnreadableJobError
from dispatchfile.jobspec.checks import check_job
from dispatchfile.jobspec.defaults import canonical_job
from dispatchfile.jobspec.durations import format_duration, parse_duration
from dispatchfile.jobspec.hcl.document import HclDocument
from dispatchfile.jobspec.hcl.source import HclError, HclProblem
from dispatchfile.jobspec.hcl.variables import GivenValues, VariableValues, json_values, read_values
from dispatchfile.jobspec.jsonfile import read_json
from dispatchfile.jobspec.reading import read_blocks

__all__ = [
    "GivenValues",
    "JobFile",
    "JobspecError",
    "VariableValues",
    "canonical_job",
    "format_duration",
    "parse_duration",
    "read_job",
    "read_job_file",
    "read_variable_file",
]

LARGEST_FILE_BYTES: Final = 1_000_000  # Source: hashicorp/nomad, job_max_source_size
MOST_PROBLEMS: Final = 20  # of one file


class JobspecError(Exception):
    """
    A job file that cannot be read.

    line and column count from 1 and are None where the trouble has no place. others: what else is wrong with the
    file. declared: the names of its HCL variables, job: the ID of its job, None if that cannot be told.
    """

    def __init__(
        self,
        *,
        path: Path,
        line: int | None,
        column: int | None,
        message: str,
        others: Sequence[JobFileProblem] = (),
        declared: frozenset[str] | None = None,
        job: str | None = None,
    ) -> None:
        first = JobFileProblem(message, None if line is None else FilePosition(line, column or 1))
        super().__init__("\n".join(_located(path, trouble) for trouble in (first, *others)))
        self.path, self.line, self.column, self.message = path, line, column, message
        self.others = tuple(others)
        self.declared, self.job = declared, job


def _located(path: Path, trouble: JobFileProblem) -> str:
    place = "" if trouble.place is None else f":{trouble.place.line}:{trouble.place.column}"
    return f"{path}{place}: {trouble.message}"


@dataclass(frozen=True, slots=True)
class JobFile:
    """The job of a file, and the names of the HCL variables that the file declares."""

    job: dict[str, object]
    declared: frozenset[str] = frozenset()


_NOTHING_GIVEN: Final = GivenValues()


def read_job(
    path: Path, given: GivenValues = _NOTHING_GIVEN, *, reads_files: bool = True, checks: bool = True
) -> dict[str, object]:
    """
    Return the job of an HCL or JSON file as ``PUT /v1/jobs`` takes it in ``Job``, with Nomad's defaults filled in.

    Durations are integer nanoseconds. Run-time references such as ``${NOMAD_META_x}`` stay as written.
    given: values for the file's HCL variables; names that it does not declare are left alone. reads_files: whether
    functions such as ``file`` may read from the disk, as `nomad job run` allows and Nomad's HTTP API does not.
    checks: whether a job that Nomad's server refuses, or the embedded agent cannot run, is refused.
    Raises JobspecError for a file that is no job, or asks for something Nomad does not know.
    """
    return read_job_file(path, given, reads_files=reads_files, checks=checks).job


def read_job_file(
    path: Path, given: GivenValues = _NOTHING_GIVEN, *, reads_files: bool = True, checks: bool = True
) -> JobFile:
    """Return what `read_job` does, and the variables that the file declares. Raises JobspecError."""
    text, declared = "", None
    try:
        text = _text(path)
        if _is_json(path, text):
            declared = frozenset[str]()
            api_job = read_json(text)
        else:
            document = HclDocument(text, path.parent, reads_files=reads_files)
            declared = document.declared
            api_job = read_blocks(document.read(given))
        job = canonical_job(api_job)
        if checks:
            check_job(job, text)
    except (HclError, UnreadableJobError, RecursionError) as exc:
        first, *others = _troubles(exc)
        line, column = (first.place.line, first.place.column) if first.place else (None, None)
        raise JobspecError(
            path=path,
            line=line,
            column=column,
            message=first.message,
            others=others,
            declared=declared,
            job=_likely_id(text),
        ) from exc
    return JobFile(job, declared)


def read_variable_file(path: Path) -> VariableValues:
    """Return the values of HCL variables that a file in HCL or JSON sets. Raises JobspecError."""
    try:
        text = _text(path)
        return json_values(text) if _is_json(path, text) else read_values(text, path)
    except (HclError, UnreadableJobError, RecursionError) as exc:
        first, *others = _troubles(exc)
        line, column = (first.place.line, first.place.column) if first.place else (None, None)
        raise JobspecError(path=path, line=line, column=column, message=first.message, others=others) from exc


def _troubles(error: HclError | UnreadableJobError | RecursionError) -> list[JobFileProblem]:
    if isinstance(error, UnreadableJobError):
        return [JobFileProblem(error.message, error.place), *error.others][:MOST_PROBLEMS]
    if isinstance(error, RecursionError):
        return [JobFileProblem("nested too deeply")]
    return [JobFileProblem(_with_way_round(problem), problem.place) for problem in error.problems[:MOST_PROBLEMS]]


def _with_way_round(problem: HclProblem) -> str:
    message = " ".join(problem.message.splitlines())  # an author's error_message may have several lines
    return f"{message.rstrip('.')}; {WAY_ROUND}" if problem.unsupported else message


_ID = re.compile(
    r'^[ \t]*job[ \t]+(?:"([^"]+)"|([^"\s{]+))[ \t]*\{|"ID"\s*:\s*"([^"]+)"|"job"\s*:\s*\{\s*"([^"]+)"', re.MULTILINE
)


def _likely_id(text: str) -> str | None:
    """Return the ID of the job in a file that cannot be read, as far as it shows."""
    match = _ID.search(text)
    return match[match.lastindex or 1] if match else None


def _is_json(path: Path, text: str) -> bool:
    return path.suffix == ".json" or text.lstrip().startswith("{")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as exc:
        raise UnreadableJobError(f"cannot be read: {exc.strerror}") from exc
    if len(content) > LARGEST_FILE_BYTES:
        raise UnreadableJobError(f"larger than {LARGEST_FILE_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        column = exc.start - content.rfind(b"\n", 0, exc.start)
        raise UnreadableJobError("not UTF-8 text", FilePosition(line, column)) from exc
    if not text.strip():
        raise UnreadableJobError("the file is empty", FilePosition(1, 1))
    return text
