"""
The suite of a test report, in the form that Jenkins' schema and the schema of Ant's reports both allow.

Both allow less than many writers use: neither has properties or files of test cases. Ant's has no output of test cases,
and its times have no time zone. Sources: jenkinsci/xunit-plugin, junit-10.xsd; windyroad/JUnit-Schema, JUnit.xsd.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

from dispatchfile.reports.xml import document, for_xml

HOST = "localhost"  # Ant's schema wants a host, and a report should not name the machine


@dataclass(frozen=True, slots=True)
class Ending:
    """The reason why a test case did not pass."""

    tag: str  # failure, error or skipped
    kind: str
    message: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A test case; without an ending it passed."""

    classname: str
    name: str
    duration_s: float = 0.0
    ending: Ending | None = None


def junit_document(
    name: str,
    cases: Sequence[Case],
    *,
    started_at: float,
    duration_s: float = 0.0,
    properties: Mapping[str, str] | None = None,
    output: str = "",
) -> str:
    """Return a report of one suite; *output* is its standard output."""
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(root, "testsuite", {"name": for_xml(name), "package": "dispatchfile", "id": "0"})
    tags = [case.ending.tag for case in cases if case.ending]
    suite.attrib |= {
        "timestamp": datetime.fromtimestamp(started_at, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": HOST,
        "tests": str(len(cases)),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
        "skipped": str(tags.count("skipped")),
        "time": _seconds(duration_s),
    }
    _add_properties(suite, properties or {})
    for case in cases:
        _add_case(suite, case)
    ElementTree.SubElement(suite, "system-out").text = for_xml(output)
    ElementTree.SubElement(suite, "system-err")
    return document(root)


def _seconds(duration_s: float) -> str:
    return f"{duration_s:.3f}"


def _add_properties(suite: ElementTree.Element, values: Mapping[str, str]) -> None:
    parent = ElementTree.SubElement(suite, "properties")
    for name, value in values.items():
        if value:
            ElementTree.SubElement(parent, "property", {"name": name, "value": for_xml(value)})


def _add_case(suite: ElementTree.Element, case: Case) -> None:
    attributes = {"classname": for_xml(case.classname), "name": for_xml(case.name), "time": _seconds(case.duration_s)}
    element = ElementTree.SubElement(suite, "testcase", attributes)
    if case.ending is None:
        return
    given = {"message": for_xml(case.ending.message), "type": for_xml(case.ending.kind)}
    ElementTree.SubElement(element, case.ending.tag, given).text = for_xml(case.ending.text)
