"""Near misses: the known word somebody may have meant."""

from collections.abc import Iterable
from typing import Final

_FARTHEST: Final = 2  # Source: hashicorp/hcl, didyoumean.go


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is at most two edits away, the nearest first."""
    distances = {name: _distance(word, name) for name in known if abs(len(name) - len(word)) <= _FARTHEST}
    nearest = min(distances, key=distances.__getitem__, default=None)
    return nearest if nearest is not None and distances[nearest] <= _FARTHEST else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word."""
    name = near_miss(word, known)
    return f'; did you mean "{name}"?' if name else ""


def _distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
    return row[-1]
