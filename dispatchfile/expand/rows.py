"""A row, and the interface of a source of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from dispatchfile.problems import Problem
from dispatchfile.source import Position

MAX_ROWS = 1_000_000  # of a matrix or a range


class Names(dict[str, object]):
    """The keys that templates read under one name, such as `vars` or `each`; *origin* says where the keys come from."""

    __slots__ = ("called", "origin")

    def __init__(self, called: str, values: Mapping[str, object], origin: str) -> None:
        super().__init__(values)
        self.called, self.origin = called, origin


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a dispatch."""

    index: int  # of the dispatch in the manifest's list
    each: Mapping[str, object] | None  # None: the dispatch has no for_each
    position: Position | None  # of the row; None: the dispatch has no for_each
    doubt: Problem | None = None  # an error, unless `where` drops the row


@dataclass(frozen=True, slots=True)
class DoubtfulRow:
    """A row that is an error unless `where` drops it."""

    value: object
    position: Position
    doubt: Problem


Found: TypeAlias = "tuple[object, Position] | DoubtfulRow | Problem"  # a row's value and its place, or a problem


class RowSource(Protocol):
    """The source of the rows of a `for_each`, or of one name of a matrix."""

    @property
    def origin(self) -> str:
        """Return the name of the source in messages: its file, else its key."""

    def rows(self) -> Iterator[Found]:
        """
        Yield the rows in their order. Nothing is read before the first one is asked for.

        A row that cannot be used is a Problem in its place. Raises FileError.
        """

    def size(self) -> int | None:
        """Return the number of rows if it is known without reading them."""


class UnusableSource(Exception):
    """A value that a source needs cannot be had: code, what was found, what would be right."""

    def __init__(self, code: str, found: str, hint: str) -> None:
        super().__init__(found)
        self.code, self.found, self.hint = code, found, hint


Evaluate: TypeAlias = Callable[[str], object]  # the value of a template that is one expression; raises UnusableSource


def no_variables(source: str) -> object:
    """Stand in where no templates are evaluated."""
    raise UnusableSource("DF034", f"{source} cannot be evaluated here", "write a list")
