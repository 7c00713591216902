"""A run as a test report."""

from xml.etree import ElementTree

import junitparser

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.reports.junit import TAGS, junit_of_run
from tests.reports.making import FAILED, GOOD, LOST, UNSENT, summary_of


def test_the_whole_report_of_a_small_run() -> None:
    """One suite, a case an item; a failure says where its item is in the manifest and in Nomad."""
    assert (
        junit_of_run(summary_of({"film-1": FAILED, "film-2": GOOD}))
        == """\
<?xml version="1.0" encoding="utf-8"?>
<testsuites>
  <testsuite name="nightly" package="dispatchfile" id="0" timestamp="2026-11-18T11:06:40" hostname="localhost" \
tests="2" failures="1" errors="0" skipped="0" time="750.000">
    <properties>
      <property name="run" value="k3v9x2ab" />
      <property name="manifest" value="films.yaml" />
      <property name="target" value="http://127.0.0.1:4646" />
      <property name="wait" value="completion" />
      <property name="state" value="finished" />
      <property name="exit_code" value="2" />
    </properties>
    <testcase classname="video-encode" name="film-1" time="30.000">
      <failure message="failed: task encode: exit code 3" type="exit 3">task encode: exit code 3
no such codec: \ufffd[31mvp9\ufffd[0m
place: films.yaml:1:5
child: video-encode/dispatch-k3v9x2ab-film-1-1-1-0
evaluation: e1
node: node-a
attempt: 1
starts: 2</failure>
    </testcase>
    <testcase classname="video-encode" name="film-2" time="30.000" />
    <system-out />
    <system-err />
  </testsuite>
</testsuites>
"""
    )


def test_a_task_fails_and_everything_else_errs() -> None:
    """Read back by another library: which items ended as what."""
    verdicts = {
        "failed": FAILED,
        "timed-out": Verdict(Outcome.TIMED_OUT, Cause.DEADLINE, "late"),
        "lost": LOST,
        "refused": Verdict(Outcome.REFUSED, Cause.VALIDATION, "no"),
        "skipped": Verdict(Outcome.SKIPPED),
        "unsent": UNSENT,
        "good": GOOD,
        "alive": None,
    }
    (suite,) = junitparser.JUnitXml.fromstring(junit_of_run(summary_of(verdicts)).encode())
    assert {case.name: [type(result).__name__ for result in case.result] for case in suite} == {
        "failed": ["Failure"],
        "timed-out": ["Failure"],
        "lost": ["Error"],
        "refused": ["Error"],
        "skipped": ["Skipped"],
        "unsent": ["Skipped"],
        "good": [],
        "alive": ["Error"],
    }
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (8, 2, 3, 2)


def test_every_outcome_has_its_place() -> None:
    """A new outcome must not break the report of a run that had it."""
    assert set(TAGS) == {*Outcome, None}


def test_logs_of_any_bytes_make_good_xml() -> None:
    """Control characters, surrogates and markup from a task's log."""
    hostile = "\x00\x1b]0;x\x07 ]]> <!-- & \udcff \ufffe"
    report = junit_of_run(summary_of({"a": Verdict(Outcome.FAILED, Cause.EXIT, hostile, last_log_line=hostile)}))
    assert ElementTree.fromstring(report.encode()).find(".//failure").text.count("\ufffd") == 10
