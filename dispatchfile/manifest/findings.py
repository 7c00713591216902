"""The problems found while a manifest is read, each with its place and excerpt."""

from __future__ import annotations

from dispatchfile.problems import SHOWN_PROBLEMS, Problem
from dispatchfile.source import Position, SourceText

LINE_SHIFT = 32
COLUMN_MASK = (1 << LINE_SHIFT) - 1


class ManifestRefused(Exception):
    """A problem that makes all further reading pointless."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Findings:
    """
    The problems of one manifest, as they are met.

    A *place* is line << 32 | column, both from 0: one number, so that millions of them are cheap to keep.
    """

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.problems: list[Problem] = []

    @property
    def full(self) -> bool:
        """Return whether there are so many that no more are added."""
        return len(self.problems) >= SHOWN_PROBLEMS

    def add(self, code: str, place: int, found: str, hint: str = "") -> None:
        if not self.full:
            self.problems.append(self.problem(code, self.position(place), found, hint))

    def refusal(self, code: str, place: int, found: str, hint: str = "") -> ManifestRefused:
        """Return the exception to raise."""
        return ManifestRefused(self.problem(code, self.position(place), found, hint))

    def problem(self, code: str, position: Position, found: str, hint: str = "") -> Problem:
        return Problem(code, position, found, hint, excerpt=self.source.excerpt(position))

    def position(self, place: int) -> Position:
        return unpack_place(self.source.name, place)


def unpack_place(file: str, place: int) -> Position:
    return Position(file, (place >> LINE_SHIFT) + 1, (place & COLUMN_MASK) + 1)
