"""Moves the server's problems with a job to the `job:` that names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from dispatchfile.items import Item, route_of
from dispatchfile.manifest import Document
from dispatchfile.problems import Problem
from dispatchfile.render import has_template

OF_THE_JOB = frozenset({"DF100", "DF101", "DF102", "DF109", "DF111", "DF112"})


def at_job(problems: Sequence[Problem], items: Sequence[Item], document: Document) -> Iterator[Problem]:
    """Yield *problems* with the place and the line of the `job:` they are about; a row's own job stays at its row."""
    about = {problem.item for problem in problems if problem.code in OF_THE_JOB}
    if not about:
        yield from problems
        return
    dispatches: Any = document.data["dispatches"]
    numbers = {document.entry_position(dispatches, number): number for number in range(len(dispatches))}
    routes = {item.id: route_of(document, numbers[item.position], "job") for item in items if item.id in about}
    for problem in problems:
        if problem.code in OF_THE_JOB and problem.item in routes:
            yield _moved(problem, document, routes[problem.item])
        else:
            yield problem


def _moved(problem: Problem, document: Document, route: tuple[str | int, ...]) -> Problem:
    value: Any = document.data
    for key in route:
        value = value[key]
    if not isinstance(value, str) or has_template(value):
        return problem
    position = document.position(*route)
    shown = document.problem(problem.code, position, problem.found, problem.hint)
    return replace(problem, position=position, excerpt=shown.excerpt)
