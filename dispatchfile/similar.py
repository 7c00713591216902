"""Names that a misspelt one may stand for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

CUTOFF = 0.6  # of difflib's ratio
SHORTEST_PREFIX = 3  # characters: less of a name stands for too many
_ENDINGS = re.compile(r"(\.nomad)?(\.hcl|\.json)$|(\.dispatchfile)?\.ya?ml$")


def similar_names(name: str, known: Iterable[str], *, most: int = 1) -> list[str]:
    """
    Return at most *most* of the *known* names that *name* may stand for, the likeliest first.

    Case, hyphens for underscores and the endings of job files and manifests make no difference; a prefix counts.
    """
    plain = _plain(name)
    candidates: dict[str, list[str]] = {}
    for each in known:
        if each != name:
            candidates.setdefault(_plain(each), []).append(each)
    same = candidates.get(plain, [])
    longer = [each for key in candidates if _is_prefix(plain, key) for each in candidates[key]]
    close = [
        each for key in difflib.get_close_matches(plain, candidates, n=most, cutoff=CUTOFF) for each in candidates[key]
    ]
    return list(dict.fromkeys([*same, *close, *longer]))[:most]


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "", most: int = 1) -> str:
    """Return the hint for a misspelt *name*: `did you mean X?`, else *otherwise*."""
    near = similar_names(name, known, most=most)
    return f"did you mean {' or '.join(near)}?" if near else otherwise


def _plain(name: str) -> str:
    return _ENDINGS.sub("", name.casefold()).replace("-", "_")


def _is_prefix(plain: str, key: str) -> bool:
    return (
        plain != key
        and min(len(plain), len(key)) >= SHORTEST_PREFIX
        and (key.startswith(plain) or plain.startswith(key))
    )
