"""Excerpts of a manifest, less the lines that hold what it calls sensitive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from dispatchfile.manifest import Document
from dispatchfile.problems import Problem, without_quotes

Route: TypeAlias = tuple[str | int, ...]


def without_secrets(document: Document, problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """*problems* without those excerpts that would show a sensitive value; the schema may refuse the *document*."""
    routes = list(_secrets(document.data)) if problems else []
    if not routes:
        return tuple(problems)
    hidden = document.lines_of(routes)
    return tuple(
        without_quotes(problem)
        if problem.position.file == document.path and problem.position.line in hidden
        else problem
        for problem in problems
    )


def _secrets(data: dict[str, Any]) -> Iterator[Route]:
    """Yield the routes to sensitive values: those of each dispatch, and those of the defaults that are listed."""
    dispatches, defaults = data.get("dispatches"), data.get("defaults")
    entries = list(enumerate(dispatches)) if isinstance(dispatches, list) else []
    shared = _listed(defaults)
    everybodys = set(shared or ())
    for number, entry in entries:
        own = _listed(entry)
        everybodys |= own or set()
        yield from (("dispatches", number, *below) for below in _below(entry, shared if own is None else own))
    yield from (("defaults", *below) for below in _below(defaults, everybodys))


def _listed(entry: object) -> set[str] | None:
    """Return the names that *entry* lists as sensitive, or None if it has no such list."""
    if not isinstance(entry, dict) or "sensitive" not in entry:
        return None
    listed = entry["sensitive"]
    names = listed if isinstance(listed, list) else [listed]
    return {name for name in names if isinstance(name, str)}


def _below(entry: object, names: set[str] | None) -> Iterator[Route]:
    if not isinstance(entry, dict):
        return
    for name in names or ():
        key, _, rest = name.partition(".")
        if key in entry:
            yield (key, rest) if rest and isinstance(entry[key], dict) and rest in entry[key] else (key,)
