"""Problems for a test report: each manifest is a test case."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from dispatchfile.problems import Severity
from dispatchfile.reports.checked import Checked, count_problems
from dispatchfile.reports.listing import list_problems
from dispatchfile.reports.text import count_of
from dispatchfile.reports.xml import document, for_xml


def junit_of_problems(checked: Sequence[Checked]) -> str:
    """Return a test case for each manifest, failed by errors; warnings are told and pass."""
    failures = sum(_is_failed(manifest) for manifest in checked)
    counts = {"tests": str(len(checked)), "failures": str(failures), "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuites", {"name": "dispatchfile", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "dispatchfile validate", **counts})
    for manifest in checked:
        _add_testcase(suite, manifest)
    return document(root)


def _is_failed(manifest: Checked) -> bool:
    return count_problems(manifest.problems, Severity.ERROR) > 0


def _add_testcase(suite: ElementTree.Element, manifest: Checked) -> None:
    path = for_xml(manifest.path)
    case = ElementTree.SubElement(suite, "testcase", {"classname": "dispatchfile.validate", "name": path, "file": path})
    told = for_xml(list_problems(manifest.problems))
    if _is_failed(manifest):
        errors = count_problems(manifest.problems, Severity.ERROR)
        attributes = {"message": count_of(errors, "error"), "type": _first_code(manifest)}
        ElementTree.SubElement(case, "failure", attributes).text = told
    elif told:
        ElementTree.SubElement(case, "system-out").text = told


def _first_code(manifest: Checked) -> str:
    return next(problem.code for problem in manifest.problems if problem.severity is Severity.ERROR)
