"""The program that asks an advisory service: vulnerable, fine and not checked are three different results."""

import runpy
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[2] / ".ci" / "audit.py"
FINE = {"name": "h11", "version": "0.16.0", "vulns": []}
UNKNOWN = {"name": "inner", "skip_reason": "Dependency not found on PyPI and could not be audited: inner (1.0)"}
BAD = {
    "name": "h11",
    "version": "0.14.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.16.0"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
NOT_CHECKED = "NOT CHECKED: the advisory service cannot be reached, so nothing is known of lock"


@pytest.mark.parametrize(
    ("packages", "code", "lines"),
    [
        pytest.param([FINE], 0, ["lock: no known vulnerabilities (packages: 1)"], id="fine"),
        pytest.param(
            [BAD, FINE],
            1,
            [
                "lock: h11 0.14.0: PYSEC-1, fixed in 0.16.0",
                "lock: h11 0.14.0: PYSEC-2, fixed in no version",
            ],
            id="vulnerable",
        ),
        pytest.param([FINE, UNKNOWN], 1, [f"lock: {UNKNOWN['skip_reason']}"], id="one is not known to the service"),
        pytest.param([UNKNOWN], 0, [NOT_CHECKED], id="the service knows none"),
    ],
)
def test_a_report_is_judged(packages: list[dict[str, Any]], code: int, lines: list[str]) -> None:
    """A package that was skipped never counts as safe."""
    judge = runpy.run_path(str(PROGRAM))["judge"]
    assert judge("lock", {"dependencies": packages}, "", required=False) == (code, lines)


@pytest.mark.parametrize(("required", "code"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("report", [None, {"dependencies": [UNKNOWN]}])
def test_not_checked_fails_only_where_it_is_required(report: object, required: bool, code: int) -> None:
    """Where the service can be reached, silence is a failure."""
    judge = runpy.run_path(str(PROGRAM))["judge"]
    fault = "requests.exceptions.ConnectionError: …" if report is None else ""
    assert judge("lock", report, fault, required=required) == (code, [NOT_CHECKED])


def test_another_failure_is_never_taken_for_a_service_that_is_away() -> None:
    """A wrong option or a lock that cannot be read fails, with what was printed."""
    judge = runpy.run_path(str(PROGRAM))["judge"]
    assert judge("lock", None, "ERROR: invalid requirements input", required=False) == (
        1,
        ["lock: pip-audit failed:", "ERROR: invalid requirements input"],
    )
