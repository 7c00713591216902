"""`matrix`: every combination of one value for each name."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from dispatchfile.errors import FileError
from dispatchfile.expand.rows import MAX_ROWS, DoubtfulRow, Found, RowSource
from dispatchfile.expand.site import Site
from dispatchfile.problems import Problem
from dispatchfile.source import Position

MakeSource = Callable[[Site], RowSource]


@dataclass(slots=True)
class _Axis:
    """A name of the matrix, and its values as far as they were read."""

    site: Site
    source: RowSource
    values: list[tuple[object, Position]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def read(self, most: int) -> bool:
        """Read all values; False where there are more than *most*."""
        for found in self._found():
            if isinstance(found, Problem):
                self.problems.append(found)
            elif isinstance(found, DoubtfulRow):
                self.problems.append(replace(found.doubt, hint="remove it"))  # `where` sees whole rows
            else:
                self.values.append(found)
            if len(self.values) > most:
                return False
        if not self.values and not self.problems:
            self.problems.append(self.site.problem("DF022", f"{self.source.origin} gives no rows"))
        return True

    def _found(self) -> Iterator[Found]:
        try:
            yield from self.source.rows()
        except FileError as error:
            yield self.site.unreadable(error)


class MatrixRows:
    """The combinations of all axes, the last one changing fastest. *make* gives the source of an axis."""

    def __init__(self, site: Site, make: MakeSource) -> None:
        self._site, self._make = site, make
        self._written: Mapping[str, object] = site.value

    @property
    def origin(self) -> str:
        return self._site.called

    def size(self) -> int | None:
        sizes = [axis.source.size() for axis in self._axes().values()]
        known = [size for size in sizes if size is not None]
        return math.prod(known) if len(known) == len(sizes) else None

    def rows(self) -> Iterator[Found]:
        """Sizes that are known are told before any file is read, and no axis is read further than it may be."""
        axes = self._axes()
        rows = math.prod(size for axis in axes.values() if (size := axis.source.size()))
        if rows > MAX_ROWS:
            yield self._too_large(f"{rows:,}")
            return
        for axis in axes.values():
            own = axis.source.size() or 1
            if not axis.read(MAX_ROWS * own // rows):
                yield self._too_large(f"more than {MAX_ROWS:,}")
                return
            rows = rows // own * max(1, len(axis.values))
        for axis in axes.values():
            yield from axis.problems
        yield from self._combined(axes)

    def _axes(self) -> dict[str, _Axis]:
        sites = {name: _site_of(self._site, name, value) for name, value in self._written.items()}
        return {name: _Axis(site, self._make(site)) for name, site in sites.items()}

    def _too_large(self, rows: str) -> Problem:
        return self._site.problem("DF023", f"the matrix gives {rows} rows", f"at most {MAX_ROWS:,} are allowed")

    def _combined(self, axes: Mapping[str, _Axis]) -> Iterator[Found]:
        """A row stands where its first value from a file does, else where the for_each does."""
        written = self._site.document
        here = written.key_position(*self._site.route[:-1])
        from_file = next((n for n, axis in enumerate(axes.values()) if _is_of_file(axis, written.path)), None)
        for chosen in itertools.product(*(axis.values for axis in axes.values())):
            row = {name: value for name, (value, _) in zip(axes, chosen, strict=True)}
            yield row, here if from_file is None else chosen[from_file][1]


def _site_of(matrix: Site, name: str, value: object) -> Site:
    """A list, or a template that gives one, is short for `list`."""
    if isinstance(value, dict):
        [(kind, within)] = value.items()
        return matrix.below(name, kind, kind=kind, value=within)
    return matrix.below(name, kind="list", value=value)


def _is_of_file(axis: _Axis, manifest: str) -> bool:
    return bool(axis.values) and axis.values[0][1].file != manifest
