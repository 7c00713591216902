"""Renders the problems that `validate` found: for people, scripts, GitHub, code scanners and test reports."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dispatchfile.items import RowCount
from dispatchfile.problems import Problem, Severity
from dispatchfile.reports.checked import Checked, all_problems, count_problems
from dispatchfile.reports.formats import ProblemFormat
from dispatchfile.reports.problem_text import closing_line, text_of_problems
from dispatchfile.reports.text import PLAIN, Palette

SCHEMA = "dispatchfile/problems/v1"


def render_problems(
    checked: Sequence[Checked],
    form: ProblemFormat,
    *,
    palette: Palette = PLAIN,
    width: int | None = None,
    at: float = 0.0,
) -> str:
    """
    Render all problems of all manifests in the given format. The text ends with a line feed.

    width: of the terminal in cells; None lets lines grow as long as they are. at: when the manifests were checked, in
    seconds since the epoch; only a test report shows it.
    """
    # What few ask for is imported for them only.
    match form:
        case ProblemFormat.TEXT:
            return text_of_problems(checked, palette, width)
        case ProblemFormat.JSON:
            return _as_json(checked)
        case ProblemFormat.GITHUB:
            from dispatchfile.reports.github import annotate_problems  # noqa: PLC0415

            return annotate_problems(all_problems(checked)) + closing_line(checked)
        case ProblemFormat.SARIF:
            from dispatchfile.reports.sarif import sarif_log  # noqa: PLC0415

            return sarif_log(checked)
        case ProblemFormat.JUNIT:
            from dispatchfile.reports.junit_problems import junit_of_problems  # noqa: PLC0415

            return junit_of_problems(checked, at=at)


def _as_json(checked: Sequence[Checked]) -> str:
    problems = all_problems(checked)
    report = {
        "schema": SCHEMA,
        "errors": count_problems(problems, Severity.ERROR),
        "warnings": count_problems(problems, Severity.WARNING),
        "manifests": [
            {
                "path": manifest.path,
                "items": manifest.items,
                "sources": [_source(count) for count in manifest.sources],
                "problems": [_record(problem) for problem in manifest.problems],
            }
            for manifest in checked
        ],
    }
    return json.dumps(report, indent=2) + "\n"


def _source(count: RowCount) -> dict[str, object]:
    """Return a source of rows: how many it has, and how many of them `where` keeps."""
    place = count.position
    return {
        "source": count.source,
        "rows": count.rows,
        "kept": count.kept,
        "file": place.file,
        "line": place.line,
        "column": place.column,
    }


def _record(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.text,
        "found": problem.found,
        "hint": problem.hint,
        "item": problem.item,
        "count": problem.stands_for,
        "file": problem.position.file,
        "line": problem.position.line,
        "column": problem.position.column,
    }
