"""
Annotations in a pull request, as GitHub's workflow commands.

A step shows 10 annotations of a kind and drops the rest without a word, so many problems are grouped first.
Source: GitHub Docs, "Workflow commands for GitHub Actions"; actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dispatchfile.problems import CODES, Problem, Severity
from dispatchfile.reports.text import visible

SHOWN_OF_A_KIND = 10
LINES_NAMED = 20


def annotation(kind: str, message: str, *, title: str = "", file: str = "", line: int = 0, column: int = 0) -> str:
    """One workflow command, ended by a line feed; *kind* is error, warning or notice."""
    given = {"file": visible(file), "line": line or "", "col": column or "", "title": title}
    properties = ",".join(f"{key}={_escaped_property(str(value))}" for key, value in given.items() if value != "")
    return f"::{kind} {properties}::{_escaped(message)}\n" if properties else f"::{kind}::{_escaped(message)}\n"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def annotate_problems(problems: Sequence[Problem]) -> str:
    """At most 10 errors and 10 warnings: each by itself, else one for each file and code, the rest counted."""
    return "".join(
        _of_a_kind([problem for problem in problems if problem.severity is severity], severity) for severity in Severity
    )


def _of_a_kind(problems: Sequence[Problem], severity: Severity) -> str:
    if len(problems) <= SHOWN_OF_A_KIND:
        return "".join(_annotate([problem]) for problem in problems)
    groups = list(_grouped(problems).values())
    shown = groups if len(groups) <= SHOWN_OF_A_KIND else groups[: SHOWN_OF_A_KIND - 1]
    left_out = sum(len(group) for group in groups[len(shown) :])
    return "".join(_annotate(group) for group in shown) + _rest(severity, left_out)


def _grouped(problems: Iterable[Problem]) -> Mapping[tuple[str, str], list[Problem]]:
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.position.file, problem.code), []).append(problem)
    return groups


def _annotate(group: Sequence[Problem]) -> str:
    first, *others = group
    message = visible(first.text)
    if others:
        message += f"\n{len(others)} more of the same kind, in {_lines(others)}"
    title = f"{first.code}: {CODES.get(first.code, first.severity)}"
    place = first.position
    return annotation(first.severity, message, title=title, file=place.file, line=place.line, column=place.column)


def _lines(problems: Iterable[Problem]) -> str:
    lines = sorted({problem.position.line for problem in problems})
    named = ", ".join(str(line) for line in lines[:LINES_NAMED])
    if len(lines) > LINES_NAMED:
        return f"lines {named} and {len(lines) - LINES_NAMED} others"
    return f"lines {named}" if len(lines) > 1 else f"line {named}"


def _rest(severity: Severity, left_out: int) -> str:
    if not left_out:
        return ""
    return annotation(severity, f"{left_out} more: `dispatchfile validate` shows all", title="More problems")
