"""
Annotations in a pull request, as GitHub's workflow commands.

A step shows 10 annotations of a kind and drops the rest without a word, so many problems are grouped first.
Source: GitHub Docs, "Workflow commands for GitHub Actions"; actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

from dispatchfile.problems import CODES, Problem, Severity, count_problems, row_suffix
from dispatchfile.reports.text import visible
from dispatchfile.source import Position

SHOWN_OF_A_KIND = 10
LINES_NAMED = 20


def annotation(kind: str, message: str, *, title: str = "", file: str = "", line: int = 0, column: int = 0) -> str:
    """Return a workflow command, ended by a line feed; *kind* is error, warning or notice."""
    given = {"file": visible(file), "line": line or "", "col": column or "", "title": title}
    properties = ",".join(f"{key}={_escaped_property(str(value))}" for key, value in given.items() if value != "")
    return f"::{kind} {properties}::{_escaped(message)}\n" if properties else f"::{kind}::{_escaped(message)}\n"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def annotate_problems(problems: Sequence[Problem]) -> str:
    """Annotate at most 10 errors and 10 warnings: each alone, or one for each file and code. The rest is counted."""
    return "".join(
        _of_a_kind([problem for problem in problems if problem.severity is severity], severity) for severity in Severity
    )


def _of_a_kind(problems: Sequence[Problem], severity: Severity) -> str:
    groups = _grouped(problems, _message)
    if len(groups) > SHOWN_OF_A_KIND:
        groups = _grouped(problems, lambda problem: (problem.position.file, problem.code))
    shown = groups if len(groups) <= SHOWN_OF_A_KIND else groups[: SHOWN_OF_A_KIND - 1]
    left_out = sum(map(count_problems, groups[len(shown) :]))
    return "".join(_annotate(group) for group in shown) + _rest(severity, left_out)


def _grouped(problems: Iterable[Problem], key: Callable[[Problem], Hashable]) -> list[list[Problem]]:
    """Problems with the same key; what only counts more of them belongs to the one before it."""
    groups: dict[Hashable, list[Problem]] = {}
    last: Hashable = None
    for problem in problems:
        if not problem.is_count or last is None:
            last = key(problem)
        groups.setdefault(last, []).append(problem)
    return list(groups.values())


def _message(problem: Problem) -> tuple[Position, str, str]:
    """Return the part of the messages that is the same in row after row."""
    return problem.position, problem.code, _without_row(problem)


def _without_row(problem: Problem) -> str:
    return problem.text.replace(row_suffix(problem.row), "", 1) if problem.row else problem.text


def _annotate(group: Sequence[Problem]) -> str:
    first, count = group[0], count_problems(group)
    message = visible(_without_row(first) if count > 1 else first.text)
    if count > 1 and first.row is not None:
        message += f"\n{count:,} rows, first: {visible(first.row.file)}:{first.row.line}"
    elif count > 1:
        message += f"\n{count - 1:,} more of the same kind, {_lines(group[1:])}"
    title = f"{first.code}: {CODES.get(first.code, first.severity)}"
    place = first.position
    return annotation(first.severity, message, title=title, file=place.file, line=place.line, column=place.column)


def _lines(problems: Sequence[Problem]) -> str:
    """Return where the problems are, or the first of them; those that are only counted have no line of their own."""
    lines = sorted({problem.position.line for problem in problems if not problem.is_count})
    if not lines:
        return "not listed"
    named = ", ".join(str(line) for line in lines[:LINES_NAMED])
    is_all = len(lines) <= LINES_NAMED and not any(problem.is_count for problem in problems)
    return f"{'in' if is_all else 'the first in'} {'line' if len(lines) == 1 else 'lines'} {named}"


def _rest(severity: Severity, left_out: int) -> str:
    if not left_out:
        return ""
    return annotation(severity, f"{left_out} more: `dispatchfile validate` shows all", title="More problems")
