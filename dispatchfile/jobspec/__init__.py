"""Nomad job files (HCL and JSON) to plain API jobs, for the embedded agent and for checks without a server."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dispatchfile.jobspec.body import WAY_ROUND, WITHOUT, Block, FilePosition, JobFileProblem, UnreadableJobError
from dispatchfile.jobspec.checks import check_job
from dispatchfile.jobspec.defaults import canonical_job
from dispatchfile.jobspec.durations import format_duration, parse_duration
from dispatchfile.jobspec.hcl.document import HclDocument
from dispatchfile.jobspec.hcl.functions.files import FILES_DISABLED
from dispatchfile.jobspec.hcl.source import HclError, HclProblem
from dispatchfile.jobspec.hcl.variables import GivenValues, VariableValues, json_values, read_values
from dispatchfile.jobspec.jsonfile import api_document, read_json
from dispatchfile.jobspec.reading import read_blocks
from dispatchfile.jobspec.validation import job_problems

__all__ = [
    "LARGEST_FILE_BYTES",
    "FilePosition",
    "GivenValues",
    "JobFile",
    "JobspecError",
    "VariableValues",
    "canonical_job",
    "format_duration",
    "nomads_refusal",
    "parse_duration",
    "read_job",
    "read_job_file",
    "read_variable_file",
    "variable_values",
    "without_advice",
]

LARGEST_FILE_BYTES: Final = 1_000_000  # Source: hashicorp/nomad, job_max_source_size
MOST_PROBLEMS: Final = 20  # of one file


class JobspecError(Exception):
    """
    A job file that cannot be read.

    line and column count from 1 and are None where the trouble has no place. others: what else is wrong with the
    file. declared: the names of its HCL variables, job: the ID of its job, None if that cannot be told. unsupported:
    what this reader lacks, where Nomad may well read the file.
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
        unsupported: str = "",
    ) -> None:
        first = JobFileProblem(message, None if line is None else FilePosition(line, column or 1))
        super().__init__("\n".join(_located(path, trouble) for trouble in (first, *others)))
        self.path, self.line, self.column, self.message = path, line, column, message
        self.others = tuple(others)
        self.declared, self.job, self.unsupported = declared, job, unsupported

    @property
    def troubles(self) -> Iterator[JobFileProblem]:
        """Yield everything that is wrong with the file."""
        yield JobFileProblem(self.message, None if self.line is None else FilePosition(self.line, self.column or 1))
        yield from self.others


def _located(path: Path, trouble: JobFileProblem) -> str:
    place = "" if trouble.place is None else f":{trouble.place.line}:{trouble.place.column}"
    return f"{path}{place}: {trouble.message}"


@dataclass(frozen=True, slots=True)
class JobFile:
    """The job of a file, and what else the file says."""

    job: dict[str, object]
    declared: frozenset[str] = frozenset()  # the names of its HCL variables
    places: Mapping[str, FilePosition] = field(default_factory=dict)  # of the blocks job and parameterized, in HCL
    namespace: str = ""  # as it is written; empty: the file names none
    region: str = ""
    text: str = field(default="", repr=False)
    variables: str = field(default="", repr=False)  # the values from outside, as a variable file in HCL

    def api_document(self) -> Mapping[str, object] | None:
        """Return the job of a file in the API's own form, as it is written there; None for HCL, also as JSON."""
        return api_document(self.text) if self.text.lstrip().startswith("{") else None


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
    path: Path,
    given: GivenValues = _NOTHING_GIVEN,
    *,
    reads_files: bool = True,
    checks: bool = True,
    content: bytes | None = None,
) -> JobFile:
    """
    Return what `read_job` does, and what else the file says.

    content: of the file, which is read from *path* without. Raises JobspecError.
    """
    text, declared = "", None
    try:
        text = _text(path, content)
        if _is_json(path, text):
            declared, document, places = frozenset[str](), None, dict[str, FilePosition]()
            api_job = read_json(text)
        else:
            document = HclDocument(text, path.parent, reads_files=reads_files)
            declared = document.declared
            body = document.read(given)
            places = _places(body.blocks[0])
            api_job = read_blocks(body)
        job = canonical_job(api_job)
        if checks:
            check_job(job, text)
    except (HclError, UnreadableJobError, RecursionError) as exc:
        raise _unreadable(exc, path, declared, _likely_id(text)) from exc
    return JobFile(
        job,
        declared,
        places,
        namespace=str(api_job.get("Namespace") or ""),
        region=str(api_job.get("Region") or ""),
        text=text,
        variables=document.given_text() if document else "",
    )


def _places(job: Block) -> dict[str, FilePosition]:
    blocks = (job, *job.body.blocks)
    return {block.type: block.place for block in blocks if block.place and block.type in ("job", "parameterized")}


def nomads_refusal(job: Mapping[str, object]) -> str:
    """
    Return why any server of Nomad refuses the canonical job, in one line; empty if none does.

    The highest priority is in a server's configuration (job_max_priority), so it is left to the server.
    """
    problems = job_problems({**job, "Priority": 50})
    return "; ".join(" ".join(problem.split()) for problem in problems)


def read_variable_file(path: Path) -> VariableValues:
    """Return the values of HCL variables that a file in HCL or JSON sets. Raises JobspecError."""
    try:
        text = _text(path)
        return json_values(text) if _is_json(path, text) else read_values(text, path)
    except (HclError, UnreadableJobError, RecursionError) as exc:
        raise _unreadable(exc, path) from exc


def variable_values(text: str) -> VariableValues:
    """Return the values of HCL variables in a JSON object. Raises ValueError."""
    try:
        return json_values(text)
    except HclError as exc:
        raise ValueError(str(exc)) from exc


def _unreadable(
    error: HclError | UnreadableJobError | RecursionError,
    path: Path,
    declared: frozenset[str] | None = None,
    job: str | None = None,
) -> JobspecError:
    first, *others = _troubles(error)
    line, column = (first.place.line, first.place.column) if first.place else (None, None)
    return JobspecError(
        path=path,
        line=line,
        column=column,
        message=first.message,
        others=others,
        declared=declared,
        job=job,
        unsupported=_lacking(error),
    )


def _lacking(error: HclError | UnreadableJobError | RecursionError) -> str:
    """Return what this reader lacks to read the file; empty if the file is wrong, whoever reads it."""
    if isinstance(error, UnreadableJobError):
        return error.unsupported
    if isinstance(error, HclError) and all(p.unsupported or FILES_DISABLED in p.message for p in error.problems):
        return "function"
    return ""


def _troubles(error: HclError | UnreadableJobError | RecursionError) -> list[JobFileProblem]:
    if isinstance(error, UnreadableJobError):
        return [JobFileProblem(error.message, error.place), *error.others][:MOST_PROBLEMS]
    if isinstance(error, RecursionError):
        return [JobFileProblem("nested too deeply")]
    return [JobFileProblem(_with_way_round(problem), problem.place) for problem in error.problems[:MOST_PROBLEMS]]


def _with_way_round(problem: HclProblem) -> str:
    message = " ".join(problem.message.splitlines())  # an author's error_message may have several lines
    return f"{message.rstrip('.')}; {WAY_ROUND}" if problem.unsupported else message


def without_advice(message: str) -> str:
    """Return a message of JobspecError without the advice for the embedded agent."""
    return message.removesuffix(f"; {WAY_ROUND}").removesuffix(f": {WITHOUT}")


_ID = re.compile(
    r'^[ \t]*job[ \t]+(?:"([^"]+)"|([^"\s{]+))[ \t]*\{|"ID"\s*:\s*"([^"]+)"|"job"\s*:\s*\{\s*"([^"]+)"', re.MULTILINE
)


def _likely_id(text: str) -> str | None:
    """Return the ID of the job in a file that cannot be read, as far as it shows."""
    match = _ID.search(text)
    return match[match.lastindex or 1] if match else None


def _is_json(path: Path, text: str) -> bool:
    return path.suffix == ".json" or text.lstrip().startswith("{")


def _text(path: Path, content: bytes | None = None) -> str:
    try:
        if content is None:
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
