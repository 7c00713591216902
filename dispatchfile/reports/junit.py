"""
A run as a test report: a suite of the manifest, a case for each item.

What a CI system shows as a failure is a task's own: it ran and did not succeed. What nobody can blame on the task
(lost, unplaced, refused, unknown …) is an error. What was never sent is skipped, and its reason says so.
"""

from __future__ import annotations

from xml.etree import ElementTree

from dispatchfile.events import Outcome
from dispatchfile.reports.endings import cause_of
from dispatchfile.reports.text import one_line
from dispatchfile.reports.xml import document, for_xml
from dispatchfile.results import ItemResult, Summary, to_timestamp

TAGS: dict[Outcome | None, str] = {
    Outcome.DISPATCHED: "",
    Outcome.PLACED: "",
    Outcome.SUCCEEDED: "",
    Outcome.SKIPPED: "skipped",
    Outcome.UNSENT: "skipped",
    Outcome.FAILED: "failure",
    Outcome.TIMED_OUT: "failure",
    Outcome.UNPLACED: "error",
    Outcome.LOST: "error",
    Outcome.STOPPED: "error",
    Outcome.REFUSED: "error",
    Outcome.UNKNOWN: "error",
    None: "error",
}


def junit_of_run(summary: Summary) -> str:
    """Return the whole report, as the readers of Jenkins, GitLab and GitHub take it."""
    counts = _counts(summary)
    root = ElementTree.Element("testsuites", {"name": "dispatchfile", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": for_xml(summary.name), **counts})
    suite.set("timestamp", to_timestamp(summary.started_at) or "")
    _add_properties(
        suite,
        {
            "run": summary.run,
            "manifest": summary.manifest,
            "target": summary.target,
            "wait": summary.wait,
            "state": summary.state,
            "exit_code": str(summary.exit_code),
        },
    )
    for item in summary.items:
        _add_case(suite, item)
    return document(root)


def _counts(summary: Summary) -> dict[str, str]:
    tags = [TAGS[item.outcome] for item in summary.items]
    return {
        "tests": str(len(tags)),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
        "skipped": str(tags.count("skipped")),
        "time": _seconds(summary.duration_s),
    }


def _seconds(duration_s: float | None) -> str:
    return f"{duration_s or 0:.3f}"


def _add_properties(parent: ElementTree.Element, values: dict[str, str]) -> None:
    given = {name: value for name, value in values.items() if value}
    if not given:
        return
    properties = ElementTree.SubElement(parent, "properties")
    for name, value in given.items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": for_xml(value)})


def _add_case(suite: ElementTree.Element, item: ItemResult) -> None:
    attributes = {"classname": for_xml(item.job), "name": for_xml(item.id), "time": _seconds(item.duration_s)}
    if item.position is not None:
        attributes |= {"file": for_xml(item.position.file), "line": str(item.position.line)}
    case = ElementTree.SubElement(suite, "testcase", attributes)
    _add_properties(
        case,
        {
            "child": item.child,
            "eval_id": item.eval_id,
            "node": item.node,
            "attempt": str(item.attempt or ""),
            "starts": str(item.starts or ""),
            "existing": "true" if item.existing else "",
            "adopted": "true" if item.adopted else "",
            "source": item.source,
            "last_line": item.last_log_line,
        },
    )
    _add_ending(case, item)
    if item.last_log_line:
        ElementTree.SubElement(case, "system-out").text = for_xml(item.last_log_line)


def _add_ending(case: ElementTree.Element, item: ItemResult) -> None:
    tag = TAGS[item.outcome]
    if not tag:
        return
    kind = cause_of(item.cause, item.exit_code) if item.cause else str(item.outcome or item.state)
    message = for_xml(f"{item.outcome or 'no outcome yet'}: {one_line(item.message) or '-'}")
    ending = ElementTree.SubElement(
        case, tag, {"message": message} if tag == "skipped" else {"message": message, "type": kind}
    )
    if tag != "skipped":
        ending.text = for_xml("\n".join(filter(None, (item.message, item.last_log_line))))
