"""Problems for a test report: each manifest is a test case."""

from __future__ import annotations

from collections.abc import Sequence

from dispatchfile.problems import Severity
from dispatchfile.reports.checked import Checked, count_problems
from dispatchfile.reports.junit_suite import Case, Ending, junit_document
from dispatchfile.reports.problem_text import list_problems
from dispatchfile.reports.text import count_of


def junit_of_problems(checked: Sequence[Checked], *, at: float) -> str:
    """
    Return a test case for each manifest: errors fail it. Warnings are the suite's output.

    at: when the manifests were checked, in seconds since the epoch.
    """
    passed = [list_problems(manifest.problems) for manifest in checked if not _errors(manifest)]
    cases = [_case(manifest) for manifest in checked]
    return junit_document("dispatchfile validate", cases, started_at=at, output="".join(passed))


def _case(manifest: Checked) -> Case:
    errors = _errors(manifest)
    if not errors:
        return Case("dispatchfile.validate", manifest.path)
    first = next(problem.code for problem in manifest.problems if problem.severity is Severity.ERROR)
    ending = Ending("failure", first, count_of(errors, "error"), list_problems(manifest.problems))
    return Case("dispatchfile.validate", manifest.path, ending=ending)


def _errors(manifest: Checked) -> int:
    return count_problems(manifest.problems, Severity.ERROR)
