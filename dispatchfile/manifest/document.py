"""A manifest that was read: plain data, and where each of its values and keys stands."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from dispatchfile.manifest.findings import LINE_SHIFT, unpack_place
from dispatchfile.problems import UNQUOTED, Problem, Severity
from dispatchfile.source import Position, SourceText

# By id() of a mapping (the places of key, value, key, value …) or of a list (of its values).
Tables: TypeAlias = "Mapping[int, array[int]]"


@dataclass(frozen=True, slots=True)
class Document:
    """
    A manifest. *data* never changes: positions are kept beside it, by the identity of its mappings and lists.

    A document that came with problems serves to find more of them, never to send anything.
    """

    path: str  # as shown in messages; "<stdin>" for standard input
    folder: Path  # the real folder that relative paths are relative to
    data: dict[str, object]
    digest: str  # SHA-256 of the bytes, 64 hex digits
    source: SourceText = field(repr=False, compare=False)
    start: int = field(repr=False, compare=False)  # the packed place of the top level
    tables: Tables = field(repr=False, compare=False)
    reported: frozenset[Position] = field(repr=False, compare=False)  # where the reading met problems

    def position(self, *route: str | int) -> Position:
        """Return the start of the value at *route* (keys, indexes), else of its nearest existing ancestor."""
        return unpack_place(self.path, self._places(route)[1])

    def key_position(self, *route: str | int) -> Position:
        """Return the position of the key at the end of *route*, else the position of its nearest ancestor."""
        return unpack_place(self.path, self._places(route)[0])

    def entry_position(self, entries: list[Any], number: int) -> Position:
        """Return the start of entry *number* of *entries*, a list of the document; faster than by route."""
        return unpack_place(self.path, self.tables[id(entries)][number])

    def lines_of(self, routes: Iterable[tuple[str | int, ...]]) -> frozenset[int]:
        """The lines that show anything of the keys and values at *routes*, which are there; perhaps one too many."""
        last = self.source.position(len(self.source.text)).line
        starts = sorted({(place >> LINE_SHIFT) + 1 for table in self.tables.values() for place in table} | {last + 1})
        lines: set[int] = set()
        for start in {start for route in routes for start in self._starts(route)}:
            end = starts[bisect_right(starts, start)]
            lines.update(range(start, end + (end > start + 1)))  # a quote may end in the line where the next begins
        return frozenset(lines)

    def _starts(self, route: tuple[str | int, ...]) -> Iterator[int]:
        """The lines where the key at *route* begins, and everything below it."""
        yield from (place.line for place in (self.key_position(*route), self.position(*route)))
        value: Any = self.data
        for step in route:
            value = value[step]
        below = [value]
        while below:
            if isinstance(container := below.pop(), dict | list):
                yield from ((place >> LINE_SHIFT) + 1 for place in self.tables.get(id(container), ()))
                below += container.values() if isinstance(container, dict) else container

    def line(self, number: int) -> str:
        """Line *number* (from 1) of the source."""
        return self.source.line(number)

    def problem(
        self,
        code: str,
        position: Position,
        found: str,
        hint: str = "",
        *,
        item: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> Problem:
        """Return a problem at *position* of this manifest, with its excerpt unless that may show a secret."""
        excerpt = "" if code in UNQUOTED else self.source.excerpt(position)
        return Problem(code, position, found, hint, severity, item, excerpt)

    def _places(self, route: tuple[str | int, ...]) -> tuple[int, int]:
        """Packed places of key and value; of the nearest ancestor's value, twice, where the route ends early."""
        value: object = self.data
        places = (self.start, self.start)
        for step in route:
            below = self._places_in(value, step)
            if below is None:
                return places[1], places[1]
            places = below
            value = value[step]  # type: ignore[index]  # _places_in found it there
        return places

    def _places_in(self, container: object, step: str | int) -> tuple[int, int] | None:
        if isinstance(container, dict) and step in container:
            index = 2 * list(container).index(step)
            table = self.tables[id(container)]
            return table[index], table[index + 1]
        if isinstance(container, list) and isinstance(step, int) and 0 <= step < len(container):
            place = self.tables[id(container)][step]
            return place, place
        return None
