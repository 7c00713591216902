"""A dispatch's `for_each` to its rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dispatchfile.errors import FileError
from dispatchfile.expand.rows import DoubtfulRow, Evaluate, Names, Row, RowSource, no_variables
from dispatchfile.expand.site import Site, feeds_secrets
from dispatchfile.expand.sources import make_source
from dispatchfile.files import Files
from dispatchfile.manifest import Document
from dispatchfile.problems import Problem

WHERE, ALLOW_EMPTY = "where", "allow_empty"
NO_ROWS = "DF022"


def source_of(document: Document, index: int, files: Files, evaluate: Evaluate = no_variables) -> RowSource:
    """Return the source of dispatch *index*, which has a `for_each`."""
    return make_source(_site(document, index, files, evaluate))


def expand(document: Document, index: int, files: Files, evaluate: Evaluate = no_variables) -> Iterator[Row | Problem]:
    """
    Yield the rows of dispatch *index* in their order; one row without `each` where it has no `for_each`.

    A row that cannot be used is a Problem in its place, and the others go on. Files are read when the first row is.
    evaluate: gives the values of templates that name lists.
    """
    data: Any = document.data
    dispatch = data["dispatches"][index]
    if "for_each" not in dispatch:
        return iter((Row(index, None, None),))
    allows_empty = dispatch["for_each"].get(ALLOW_EMPTY, False)
    rows = _rows(_site(document, index, files, evaluate))
    return rows if not allows_empty else (row for row in rows if not _is_emptiness(row))


def _is_emptiness(row: Row | Problem) -> bool:
    return isinstance(row, Problem) and row.code == NO_ROWS


def _site(document: Document, index: int, files: Files, evaluate: Evaluate) -> Site:
    data: Any = document.data
    [(kind, value)] = (
        entry for entry in data["dispatches"][index]["for_each"].items() if entry[0] not in {WHERE, ALLOW_EMPTY}
    )
    return Site(document, files, ("dispatches", index, "for_each", kind), kind, value, evaluate)


def _rows(site: Site) -> Iterator[Row | Problem]:
    source = make_source(site)
    hides = feeds_secrets(site.document, site.index)
    empty = True
    try:
        for row in _numbered(site, source):
            empty = False
            yield replace(row, excerpt="") if hides and isinstance(row, Problem) and _is_of_file(row, site) else row
    except FileError as error:
        empty = False
        yield site.unreadable(error)
    if empty:
        yield site.problem(NO_ROWS, f"{source.origin} gives no rows", "it needs at least one row")


def _is_of_file(problem: Problem, site: Site) -> bool:
    return problem.position.file != site.document.path


def _numbered(site: Site, source: RowSource) -> Iterator[Row | Problem]:
    numbers = itertools.count()
    origin, index = source.origin, site.index
    for found in source.rows():
        if isinstance(found, Problem):
            yield found
        elif isinstance(found, DoubtfulRow):
            yield Row(index, _each(found.value, next(numbers), origin), found.position, found.doubt)
        else:
            value, position = found
            yield Row(index, _each(value, next(numbers), origin), position)


def _each(value: object, number: int, origin: str) -> Names:
    """A row's own keys win over `index` and `value`, which every row has."""
    each = Names("each", value if isinstance(value, dict) else {}, origin)
    each.setdefault("index", number)
    each.setdefault("value", value)
    return each
