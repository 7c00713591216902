"""Reports fit the schemas that their readers publish. Where the schemas come from: schemas/README.md."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest
import xmlschema

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.problems import Problem
from dispatchfile.reports.formats import ProblemFormat
from dispatchfile.reports.junit import junit_of_run
from dispatchfile.reports.problems import render_problems
from dispatchfile.source import Position
from tests.reports.making import GOOD as SUCCEEDED
from tests.reports.making import summary_of
from tests.reports.test_problems import BAD, GOOD, WARNING, Manifest

SCHEMAS = Path(__file__).parent / "schemas"
DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
HOSTILE = "\x00\x1b]0;x\x07 ]]> <!-- & \udcff \ufffe\r\n\t\U0001f600"
HOSTILE_PROBLEM = Problem("DF001", Position(f"a {HOSTILE}.yaml", 1, 1), HOSTILE, HOSTILE, item=HOSTILE, excerpt=HOSTILE)
MANIFESTS = {
    "none": [],
    "good": [GOOD],
    "bad": [GOOD, BAD, Manifest("w.yaml", 1, (WARNING,))],
    "hostile": [Manifest(f"a {HOSTILE}.yaml", 0, (HOSTILE_PROBLEM,))],
    "without-a-name": [Manifest("", 0, (Problem("DF999", Position("<stdin>", 1, 1), ""),))],
}
RUNS = {
    "every-outcome": {
        **{str(outcome): Verdict(outcome, Cause.EXIT, "why", 3, "node-a", 2, "line") for outcome in Outcome},
        "alive": None,
    },
    "nothing-known": {str(outcome): Verdict(outcome) for outcome in Outcome},
    "hostile": {HOSTILE: Verdict(Outcome.FAILED, Cause.EXIT, HOSTILE, last_log_line=HOSTILE)},
    "no-items": {},
    "good": {"a": SUCCEEDED},
}


def _ant_schema() -> str:
    """Return Ant's schema with what its later versions allow."""
    text = (SCHEMAS / "junit-ant.xsd").read_text(encoding="utf-8")
    case, count = '<xs:element name="error">', '<xs:attribute name="errors" type="xs:int" use="required">'
    assert (text.count(case), text.count(count)) == (1, 1)
    text = text.replace(case, f'<xs:element name="skipped"/>{case}')
    return text.replace(count, f'<xs:attribute name="skipped" type="xs:int"/>{count}')


@pytest.fixture(scope="module", params=["ant", "jenkins"])
def check_junit(request: pytest.FixtureRequest) -> Callable[[str], list[str]]:
    """Return what finds the errors of a report."""
    jenkins = (SCHEMAS / "junit-jenkins.xsd").read_text(encoding="utf-8")
    schema = xmlschema.XMLSchema10(_ant_schema() if request.param == "ant" else jenkins)
    return lambda report: [error.reason for error in schema.iter_errors(report.removeprefix(DECLARATION))]


def sarif_errors(log: object) -> list[str]:
    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    validator = jsonschema_rs.Draft7Validator(schema, validate_formats=True)
    return [error.message for error in validator.iter_errors(log)]


@pytest.mark.parametrize("name", RUNS)
def test_a_test_report_of_a_run_fits_both_schemas(name: str, check_junit: Callable[[str], list[str]]) -> None:
    """Whatever the outcomes are and whatever tasks wrote."""
    assert check_junit(junit_of_run(summary_of(RUNS[name]))) == []


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_test_report_of_problems_fits_both_schemas(name: str, check_junit: Callable[[str], list[str]]) -> None:
    """Whatever the manifests hold."""
    assert check_junit(render_problems(MANIFESTS[name], ProblemFormat.JUNIT, at=1_795_000_000.5)) == []


def test_the_schemas_refuse_something(check_junit: Callable[[str], list[str]]) -> None:
    """They are not empty: a report without its counts has errors."""
    assert check_junit("<testsuites><testsuite name='a'/></testsuites>") != []


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_log_for_code_scanners_fits_the_schema(name: str) -> None:
    """The formats of URIs included."""
    assert sarif_errors(json.loads(render_problems(MANIFESTS[name], ProblemFormat.SARIF))) == []


def test_a_log_has_at_most_as_many_results_as_github_takes() -> None:
    """Errors come before warnings then, and the log says how many problems it leaves out."""
    warnings = tuple(replace(WARNING, position=Position("a.yaml", line, 1)) for line in range(1, 20_001))
    errors = tuple(replace(HOSTILE_PROBLEM, position=Position("b.yaml", line, 1)) for line in range(1, 10_001))
    log = json.loads(render_problems([Manifest("a.yaml", 0, (*warnings, *errors))], ProblemFormat.SARIF))
    (run,) = log["runs"]
    assert [result["level"] for result in run["results"]] == ["error"] * 10_000 + ["warning"] * 15_000
    text = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert text == "5,000 more problems are not in this log; `dispatchfile validate` counts them all"
    assert sarif_errors(log) == []
