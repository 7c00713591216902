"""Reports of a run in files of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatchfile.cli.report_files import read_report_files, report_pieces, write_report
from dispatchfile.errors import FileError
from dispatchfile.reports.formats import ReportKind
from tests.reports.making import summary_of


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
