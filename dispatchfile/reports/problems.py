"""What `validate` found: for a person, for a script, for GitHub, for a code scanner, for a test report."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import PurePath
from typing import Protocol
from urllib.parse import quote
from xml.etree import ElementTree

from dispatchfile import __version__
from dispatchfile.problems import CODES, SHOWN_PROBLEMS, Problem, Severity
from dispatchfile.reports.github import annotate_problems
from dispatchfile.reports.text import PLAIN, Palette, count_of, visible, visible_lines
from dispatchfile.reports.xml import document, for_xml

SCHEMA = "dispatchfile/problems/v1"
STANDARD_INPUT = "<stdin>"


class Checked(Protocol):
    """A manifest that was checked: how many items it gives, and what is wrong with it."""

    @property
    def path(self) -> str: ...

    @property
    def items(self) -> int: ...

    @property
    def problems(self) -> Sequence[Problem]: ...


class ProblemFormat(StrEnum):
    """How problems are told."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"
    JUNIT = "junit"


def render_problems(checked: Sequence[Checked], form: ProblemFormat, *, palette: Palette = PLAIN) -> str:
    """All problems of all manifests in the format asked for; ends with a line feed."""
    match form:
        case ProblemFormat.TEXT:
            return _as_text(checked, palette)
        case ProblemFormat.JSON:
            return _as_json(checked)
        case ProblemFormat.GITHUB:
            return annotate_problems(_all_problems(checked)) + _closing_line(checked, PLAIN)
        case ProblemFormat.SARIF:
            return _as_sarif(checked)
        case ProblemFormat.JUNIT:
            return _as_junit(checked)


def _all_problems(checked: Sequence[Checked]) -> list[Problem]:
    return [problem for manifest in checked for problem in manifest.problems]


def _count(problems: Sequence[Problem], severity: Severity) -> int:
    return sum(problem.severity is severity for problem in problems)


# For a person


def _as_text(checked: Sequence[Checked], palette: Palette) -> str:
    return "".join(_text_of(manifest, palette) for manifest in checked) + _closing_line(checked, palette)


def _text_of(manifest: Checked, palette: Palette) -> str:
    if not manifest.problems:
        return f"{visible(manifest.path)}: {palette.good('ok')}, {count_of(manifest.items, 'item')}\n"
    return list_problems(manifest.problems, palette=palette)


def list_problems(problems: Sequence[Problem], *, palette: Palette = PLAIN, limit: int = SHOWN_PROBLEMS) -> str:
    """Each problem as `path:line:column: CODE text` above its excerpt; past *limit* they are only counted."""
    shown = "".join(_block(problem, palette) for problem in problems[:limit])
    left_out = len(problems) - limit
    return shown + (f"and {left_out:,} more (-o json shows all)\n" if left_out > 0 else "")


def _block(problem: Problem, palette: Palette) -> str:
    is_error = problem.severity is Severity.ERROR
    code = palette.bad(problem.code) if is_error else palette.doubtful(f"{problem.code} warning:")
    place = palette.strong(visible(str(problem.position)) + ":")
    lines = [f"{place} {code} {visible(text_with_item(problem))}"]
    if problem.excerpt:
        lines += visible_lines(problem.excerpt)
    return "\n".join(lines) + "\n"


def text_with_item(problem: Problem) -> str:
    """The problem in one line, and the item it is about where the text does not name it."""
    if problem.item is None or problem.item in problem.text:
        return problem.text
    return f"{problem.text} (item {problem.item!r})"


def _closing_line(checked: Sequence[Checked], palette: Palette) -> str:
    problems = _all_problems(checked)
    errors, warnings = _count(problems, Severity.ERROR), _count(problems, Severity.WARNING)
    items = sum(manifest.items for manifest in checked)
    manifests = count_of(len(checked), "manifest")
    if not problems:
        return f"{palette.good('no problems')} in {manifests}, {count_of(items, 'item')}\n"
    found = [palette.bad(count_of(errors, "error"))] if errors else []
    found += [palette.doubtful(count_of(warnings, "warning"))] if warnings else []
    affected = sum(bool(manifest.problems) for manifest in checked)
    return f"{' and '.join(found)} in {affected} of {manifests}, {count_of(items, 'item')} read\n"


# For a script


def _as_json(checked: Sequence[Checked]) -> str:
    problems = _all_problems(checked)
    report = {
        "schema": SCHEMA,
        "errors": _count(problems, Severity.ERROR),
        "warnings": _count(problems, Severity.WARNING),
        "manifests": [
            {"path": manifest.path, "items": manifest.items, "problems": [_record(p) for p in manifest.problems]}
            for manifest in checked
        ],
    }
    return json.dumps(report, indent=2) + "\n"


def _record(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.text,
        "found": problem.found,
        "hint": problem.hint,
        "item": problem.item,
        "file": problem.position.file,
        "line": problem.position.line,
        "column": problem.position.column,
    }


# For a code scanner. Source: OASIS, Static Analysis Results Interchange Format 2.1.0


def _as_sarif(checked: Sequence[Checked]) -> str:
    codes = list(CODES)
    driver = {
        "name": "dispatchfile",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [{"id": code, "shortDescription": {"text": CODES[code]}} for code in codes],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": list(_sarif_results(_all_problems(checked), codes)),
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _sarif_results(problems: Sequence[Problem], codes: Sequence[str]) -> Iterator[dict[str, object]]:
    seen: Counter[str] = Counter()
    for problem in problems:
        fingerprint = _fingerprint(problem)
        seen[fingerprint] += 1
        rule = {"ruleIndex": codes.index(problem.code)} if problem.code in CODES else {}
        yield {
            "ruleId": problem.code,
            **rule,
            "level": problem.severity,
            "message": {"text": text_with_item(problem)},
            "locations": [{"physicalLocation": _sarif_place(problem)}],
            "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint}:{seen[fingerprint]}"},
        }


def _sarif_place(problem: Problem) -> dict[str, object]:
    return {
        "artifactLocation": {"uri": _uri(problem.position.file)},
        "region": {"startLine": problem.position.line, "startColumn": problem.position.column},
    }


def _uri(path: str) -> str:
    if path == STANDARD_INPUT:
        return "stdin"
    posix = PurePath(path).as_posix().encode(errors="surrogateescape")
    return ("file://" if posix.startswith(b"/") else "") + quote(posix)


def _fingerprint(problem: Problem) -> str:
    """The same problem after lines were put in above it: the line itself counts, its number does not."""
    source_line = problem.excerpt.partition("\n")[0].strip()
    parts = (problem.position.file, problem.code, problem.item or "", problem.found, source_line)
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]


# For a test report


def _as_junit(checked: Sequence[Checked]) -> str:
    failures = sum(_is_failed(manifest) for manifest in checked)
    counts = {"tests": str(len(checked)), "failures": str(failures), "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuites", {"name": "dispatchfile", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "dispatchfile validate", **counts})
    for manifest in checked:
        _add_testcase(suite, manifest)
    return document(root)


def _is_failed(manifest: Checked) -> bool:
    return _count(manifest.problems, Severity.ERROR) > 0


def _add_testcase(suite: ElementTree.Element, manifest: Checked) -> None:
    path = for_xml(manifest.path)
    case = ElementTree.SubElement(suite, "testcase", {"classname": "dispatchfile.validate", "name": path, "file": path})
    told = for_xml(list_problems(manifest.problems))
    if _is_failed(manifest):
        errors = _count(manifest.problems, Severity.ERROR)
        attributes = {"message": count_of(errors, "error"), "type": _first_code(manifest)}
        ElementTree.SubElement(case, "failure", attributes).text = told
    elif told:
        ElementTree.SubElement(case, "system-out").text = told


def _first_code(manifest: Checked) -> str:
    return next(problem.code for problem in manifest.problems if problem.severity is Severity.ERROR)
