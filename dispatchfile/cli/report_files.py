"""Reports of a run in files of their own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from dispatchfile.errors import FileError, UsageError
from dispatchfile.reports.formats import OutputFormat, ReportKind
from dispatchfile.reports.junit import junit_of_run
from dispatchfile.reports.markdown import fit_page, markdown_of_run
from dispatchfile.reports.summary import summary_pieces
from dispatchfile.results import Summary
from dispatchfile.results.detail import RunDetail
from dispatchfile.secrecy import kind_of_secret, shown_name

STANDARD_OUTPUT = Path("-")
STEP_SUMMARY, STEP_OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"  # files that all commands of a step write to
MOST_OF_A_SUMMARY = 1_000_000  # GitHub drops a step's summary of more than 1 MiB as a whole


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report to write when the run is over."""

    kind: ReportKind
    path: Path
    append: bool  # to what others wrote
    limit: int | None = None  # how many bytes the file may have


def read_report_files(texts: Iterable[str], environ: Mapping[str, str]) -> list[ReportFile]:
    """Parse `KIND=PATH` texts. Raises UsageError before a run, for what would go wrong only after it."""
    return [_read_report_file(text, environ) for text in texts]


def _read_report_file(text: str, environ: Mapping[str, str]) -> ReportFile:
    kind, _, path = text.partition("=")
    if kind not in set(ReportKind) or not path:
        raise UsageError(
            f"--report {shown_name(text)}: write it as KIND=PATH, where KIND is one of {', '.join(ReportKind)}"
        )
    if Path(path) == STANDARD_OUTPUT:
        raise UsageError(f"--report {text}: standard output is for the result, as --output makes it: name a file")
    if kind_of_secret(path):
        raise FileError(path, "", source="--report")
    if trouble := _trouble_of(Path(path)):
        raise UsageError(f"--report {text}: {trouble}")
    is_summary = path == environ.get(STEP_SUMMARY)
    append = is_summary or path == environ.get(STEP_OUTPUT)
    return ReportFile(ReportKind(kind), Path(path), append, MOST_OF_A_SUMMARY if is_summary else None)


def _trouble_of(path: Path) -> str:
    folder = path.absolute().parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if path.is_dir():
        return "is a folder"
    return "" if os.access(path if path.exists() else folder, os.W_OK) else "cannot be written: permission denied"


def write_report(file: ReportFile, pieces: Iterable[str]) -> None:
    """
    Write a report, or leave no part of it: half of one looks like a whole.

    Raises FileError where it cannot be written, and whatever *pieces* raise.
    """
    done = False
    try:
        with file.path.open("a" if file.append else "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.writelines(pieces if file.limit is None else [fit_page("".join(pieces), file.limit - stream.tell())])
        done = True
    except OSError as exc:
        raise FileError(str(file.path), exc.strerror or "cannot be written") from exc
    finally:
        if not done and not file.append and file.path.is_file():
            file.path.unlink(missing_ok=True)


ReadDetail = Callable[[Summary], RunDetail]


def detail_without_journal(summary: Summary) -> RunDetail:
    """Return the run of that summary without what only a journal knows: its items' requests and earlier attempts."""
    return RunDetail(summary, time.time())


def detail_in(state_dir: str | None) -> ReadDetail:
    """Return what reads a run from its journal in the state folder, if it kept one."""

    def read_detail(summary: Summary) -> RunDetail:
        from dispatchfile.usecases.past import RunName  # noqa: PLC0415  as below
        from dispatchfile.usecases.run_detail import read_run_detail  # noqa: PLC0415

        if not summary.has_journal:
            return detail_without_journal(summary)
        reader = RunName(summary.run, None, state_dir, os.environ).open()
        return read_run_detail(reader, summary, now=time.time())

    return read_detail


def report_pieces(
    kind: ReportKind, summary: Summary, read_detail: ReadDetail = detail_without_journal
) -> Iterator[str]:
    """
    Yield the text of a report, to be written piece by piece.

    read_detail: called only for reports that show requests and attempts.
    """
    match kind:
        case ReportKind.JSON:
            yield from summary_pieces(summary, OutputFormat.JSON)
        case ReportKind.JUNIT:
            yield junit_of_run(summary)
        case ReportKind.MARKDOWN:
            yield markdown_of_run(summary)
        case ReportKind.HTML:
            from dispatchfile.reports.html import html_of_run  # noqa: PLC0415  few runs need a template engine for it

            yield from html_of_run(read_detail(summary))
        case ReportKind.GITHUB:
            from dispatchfile.reports.github_run import annotate_run  # noqa: PLC0415

            yield annotate_run(summary)
        case ReportKind.DOTENV:
            from dispatchfile.reports.dotenv import dotenv_of_run  # noqa: PLC0415

            yield dotenv_of_run(summary)
        case _:
            assert_never(kind)
