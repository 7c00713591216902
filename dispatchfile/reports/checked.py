"""A manifest that was checked, as reports see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dispatchfile.items import RowCount
from dispatchfile.problems import Problem, Severity


class Checked(Protocol):
    """A manifest that was checked: how many items it gives, and what is wrong with it."""

    @property
    def path(self) -> str: ...

    @property
    def items(self) -> int: ...

    @property
    def problems(self) -> Sequence[Problem]: ...

    @property
    def sources(self) -> Sequence[RowCount]: ...


def all_problems(checked: Sequence[Checked]) -> list[Problem]:
    return [problem for manifest in checked for problem in manifest.problems]


def count_problems(problems: Sequence[Problem], severity: Severity) -> int:
    return sum(problem.stands_for for problem in problems if problem.severity is severity)


def text_with_item(problem: Problem) -> str:
    """Return the problem in one line, and the item it is about where the text does not quote it."""
    if problem.item is None or repr(problem.item) in problem.text:
        return problem.text
    return f"{problem.text} (item {problem.item!r})"
