"""The same problem in row after row, told a few times and then counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace

from dispatchfile.problems import Problem

SHOWN_REPEATS = 20


class Repeats:
    """Counts problems by their kind, and lets the first 20 of each through."""

    def __init__(self) -> None:
        self._counts: Counter[Hashable] = Counter()
        self._last: dict[Hashable, Problem] = {}

    def told(self, kind: Hashable, problem: Callable[[], Problem]) -> list[Problem]:
        """The *problem*, made only if it is to be told; nothing where it is but counted."""
        self._counts[kind] += 1
        if self._counts[kind] > SHOWN_REPEATS:
            return []
        self._last[kind] = problem()
        return [self._last[kind]]

    def rest(self) -> Iterator[Problem]:
        """A problem for each kind of which some were only counted."""
        for kind, count in self._counts.items():
            if count > SHOWN_REPEATS:
                more = f"and {count - SHOWN_REPEATS:,} more like this"
                yield replace(self._last[kind], found=more, hint="", item=None, excerpt="")
