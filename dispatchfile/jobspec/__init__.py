"""Nomad job files (HCL and JSON) to plain API jobs, for the embedded agent and for checks without a server."""

from pathlib import Path
from typing import Final

from dispatchfile.jobspec.body import Place, UnreadableJobError
from dispatchfile.jobspec.checks import check_job
from dispatchfile.jobspec.defaults import canonical_job
from dispatchfile.jobspec.durations import format_duration, parse_duration
from dispatchfile.jobspec.jsonfile import read_json
from dispatchfile.jobspec.reading import read_blocks

__all__ = ["JobspecError", "canonical_job", "format_duration", "parse_duration", "read_job"]

LARGEST_FILE_BYTES: Final = 1_000_000  # Source: hashicorp/nomad, job_max_source_size


class JobspecError(Exception):
    """A job file that cannot be read; line and column count from 1 and are None where the trouble has no place."""

    def __init__(self, *, path: Path, line: int | None, column: int | None, message: str) -> None:
        place = "" if line is None else f":{line}:{column}"
        super().__init__(f"{path}{place}: {message}")
        self.path, self.line, self.column, self.message = path, line, column, message


def read_job(path: Path) -> dict[str, object]:
    """
    The job of an HCL or JSON file as ``PUT /v1/jobs`` takes it in ``Job``, with Nomad's defaults filled in.

    Durations are integer nanoseconds. Run-time references such as ``${NOMAD_META_x}`` stay as written.
    Raises JobspecError for a file that is no job, asks for something Nomad does not know, or for something the
    embedded agent cannot do.
    """
    try:
        job = canonical_job(_api_job(path, _text(path)))
        check_job(job)
    except UnreadableJobError as exc:
        line, column = (exc.place.line, exc.place.column) if exc.place else (None, None)
        raise JobspecError(path=path, line=line, column=column, message=exc.message) from exc
    except RecursionError as exc:
        raise JobspecError(path=path, line=None, column=None, message="nested too deeply") from exc
    return job


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
        raise UnreadableJobError("not UTF-8 text", Place(line, column)) from exc
    if not text.strip():
        raise UnreadableJobError("the file is empty", Place(1, 1))
    return text


def _api_job(path: Path, text: str) -> dict[str, object]:
    if path.suffix == ".json" or text.lstrip().startswith("{"):
        return read_json(text)
    try:
        # HCL's parser takes a while to load and is an optional dependency
        from dispatchfile.jobspec.hcl import read_hcl  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise UnreadableJobError("HCL needs hcl2, which is not installed: pip install 'dispatchfile[local]'") from exc
    return read_blocks(read_hcl(text))
