"""The same problem in row after row, told a few times and then counted."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace

from dispatchfile.problems import Problem

SHOWN_REPEATS = 20


class Repeats:
    """Lets the first 20 problems of one kind and place through."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, int] = {}
        self._last: dict[Hashable, Problem] = {}

    def full(self, kind: Hashable) -> bool:
        """Counts one more problem of this *kind*; True where it is not to be shown."""
        count = self._counts.get(kind, 0) + 1
        self._counts[kind] = count
        return count > SHOWN_REPEATS

    def showing(self, kind: Hashable, problem: Problem) -> Problem:
        """*problem*, which is shown, kept as an example of its *kind*."""
        self._last[kind] = problem
        return problem

    def rest(self) -> Iterator[Problem]:
        """A problem for each kind of which some were not shown."""
        for kind, count in self._counts.items():
            if count > SHOWN_REPEATS:
                more = f"and {count - SHOWN_REPEATS:,} more like this"
                yield replace(self._last[kind], found=more, hint="", item=None, excerpt="")
