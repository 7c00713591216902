"""The same problem in row after row, told a few times and then counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace

from dispatchfile.problems import Problem

SHOWN_REPEATS = 20
TOLD_ONCE = frozenset({"DF019", "DF032"})  # whatever the row is, a template does not compile, or is not looked at


class Repeats:
    """Counts problems by code and place, and lets the first 20 of each kind through."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Hashable]] = Counter()
        self._last: dict[tuple[str, Hashable], Problem] = {}

    def told(self, code: str, place: Hashable, problem: Callable[[], Problem]) -> list[Problem]:
        """Return the *problem*, made only if it is to be told; nothing where it is but counted."""
        kind = code, place
        self._counts[kind] += 1
        if self._counts[kind] > _shown(code):
            return []
        self._last[kind] = problem()
        return [self._last[kind]]

    def rest(self) -> Iterator[Problem]:
        """Yield a problem for each kind of which some were only counted."""
        for (code, place), count in self._counts.items():
            if count > _shown(code):
                more, last = count - _shown(code), self._last[code, place]
                told = f"and {more:,} more like this"
                yield replace(
                    last, found=told, hint="", item=None, excerpt="", row=None, stands_for=more, is_count=True
                )


def _shown(code: str) -> int:
    return 1 if code in TOLD_ONCE else SHOWN_REPEATS
