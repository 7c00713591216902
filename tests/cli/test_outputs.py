"""Reports of a run in files of their own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.cli.report_files import read_report_files, report_pieces, write_report
from dispatchfile.errors import FileError
from dispatchfile.reports.formats import ReportKind
from tests.cli.test_run import folder
from tests.reports.html.test_page import Page
from tests.reports.making import FAILED, summary_of

__all__ = ["folder"]


def test_each_report_goes_to_its_own_file(tmp_path: Path) -> None:
    """Whatever stood there before is replaced."""
    (tmp_path / "junit").write_text("old")
    summary = summary_of({"a": None})
    for file in read_report_files([f"{kind}={tmp_path / kind}" for kind in ReportKind], {}):
        write_report(file, report_pieces(file.kind, summary))
    assert {kind: (tmp_path / kind).read_text() for kind in ReportKind} == {
        kind: "".join(report_pieces(kind, summary)) for kind in ReportKind
    }


def test_a_summary_of_a_github_step_is_shared(tmp_path: Path) -> None:
    """Other commands of the step write to the same file: what they wrote stays."""
    shared = tmp_path / "summary.md"
    shared.write_text("before\n")
    summary = summary_of({"a": None})
    (file,) = read_report_files([f"markdown={shared}"], {"GITHUB_STEP_SUMMARY": str(shared)})
    write_report(file, report_pieces(file.kind, summary))
    assert shared.read_text() == "before\n" + "".join(report_pieces(ReportKind.MARKDOWN, summary))


def test_the_outputs_of_a_github_step_are_shared(tmp_path: Path) -> None:
    """Earlier outputs of the step stay."""
    shared = tmp_path / "output"
    shared.write_text("plan=a\n")
    (file,) = read_report_files([f"dotenv={shared}"], {"GITHUB_OUTPUT": str(shared)})
    write_report(file, report_pieces(file.kind, summary_of({"a": None})))
    assert shared.read_text().startswith("plan=a\nrun=k3v9x2ab\n")


def test_a_summary_of_a_github_step_never_grows_over_its_limit(tmp_path: Path) -> None:
    """GitHub drops a page of more than 1 MiB as a whole: a report that has no room is cut at a line, and says so."""
    shared, environ = tmp_path / "summary.md", {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    (file,) = read_report_files([f"markdown={shared}"], environ)
    page = "".join(report_pieces(ReportKind.MARKDOWN, summary_of({"a": FAILED})))
    shared.write_text("x" * (1_000_000 - len(page.encode())))
    write_report(file, [page])
    assert shared.read_text().endswith(f"x{page}")
    shared.write_text("x" * (1_000_001 - len(page.encode())))
    write_report(file, [page])
    kept, cut = shared.read_text().lstrip("x").split("\n\n*The rest is left out")
    assert page.startswith(kept.rstrip("\n"))
    assert cut.endswith("*\n")
    write_report(file, [page])
    assert shared.stat().st_size <= 1_000_000


def test_a_report_that_cannot_be_written_is_an_error() -> None:
    """A CI job must not find an empty report and take it for a good one."""
    (file,) = read_report_files(["json=/dev/full"], {})
    with pytest.raises(FileError, match="/dev/full: No space left on device"):
        write_report(file, report_pieces(file.kind, summary_of({"a": None})))


def test_half_a_report_is_not_left(tmp_path: Path) -> None:
    """It would look like a whole one."""

    def pieces() -> Iterator[str]:
        yield "<testsuites>"
        raise ZeroDivisionError

    (file,) = read_report_files([f"junit={tmp_path / 'j.xml'}"], {})
    with pytest.raises(ZeroDivisionError):
        write_report(file, pieces())
    assert not list(tmp_path.iterdir())


def titles_of(file: Path) -> list[list[str]]:
    """The titles of the sections in the details of each item of an HTML report."""
    data = json.loads(Page.read(file.read_text()).contents["script data"])
    return [[data["texts"][title] for title, _ in sections] for sections in data["details"]]


def test_the_page_of_a_run_has_what_its_journal_has(folder: Path) -> None:
    """Requests and attempts of every item, at the end of the run and at any time after it."""
    assert run_to_exit_code(["run", "--local", "-q", "--run-id", "r1", "--report", "html=run.html"]) == 0
    assert run_to_exit_code(["report", "r1", "--format", "html", "--out", "report.html"]) == 0
    expected = [["", "Request", "Attempt 1"]] * 2
    assert (titles_of(Path("run.html")), titles_of(Path("report.html"))) == (expected, expected)


def test_the_page_of_a_run_without_a_journal_has_its_summary(folder: Path) -> None:
    """A run that kept no journal has neither requests nor attempts to show."""
    assert run_to_exit_code(["run", "--local", "-q", "--no-journal", "--report", "html=run.html"]) == 0
    assert titles_of(Path("run.html")) == [[""], [""]]
