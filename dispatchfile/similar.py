"""Names that a misspelt one may stand for: every `did you mean` of the tool comes from here."""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections.abc import Callable, Iterable

CUTOFF, CUTOFF_OF_SHORT = 0.7, 0.75  # of difflib's ratio
MOST_NEIGHBOURS = 10_000  # names that are compared with that of a missing file
SHORTEST_PART = 3  # characters: less of a name stands for too many
# Texts, compiled when they are first used: most commands start without a need for them.
_ENDINGS = r"((\.nomad)?(\.hcl|\.json)|\.nomad|(\.dispatchfile)?\.ya?ml)?(\.j2)?$"
_CAMEL_CASE = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
_SEPARATORS = r"[\s_.-]+"


def similar_names(name: str, known: Iterable[str], *, most: int = 1) -> list[str]:
    """
    Return at most *most* of the *known* names that *name* may stand for, the likeliest first.

    Case, the way words are joined (`job_vars`, `job-vars`, `jobVars`) and the endings of job files, manifests and
    templates make no difference; a prefix counts, and so do whole words at either end (`encode`, `video-encode`).
    """
    words = _words(name)
    candidates: dict[str, list[str]] = {}
    for each in dict.fromkeys(known):
        if each != name:
            candidates.setdefault(_words(each), []).append(each)
    joined = words.replace("_", "")
    same = [key for key in candidates if key.replace("_", "") == joined]
    close = _close(words, candidates)
    longer = [key for key in candidates if _either_way(str.startswith, words, key)]
    parts = [key for key in candidates if _either_way(_is_part, words, key)]
    ordered = dict.fromkeys([*same, *close, *longer, *parts])
    return [each for key in ordered for each in candidates[key]][:most]


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "", most: int = 1, quoted: bool = False) -> str:
    """Return the hint for a misspelt *name*: `did you mean X?`, else *otherwise*."""
    near = similar_names(name, known, most=most)
    shown = [repr(each) if quoted else each for each in near]
    return f"did you mean {' or '.join(shown)}?" if near else otherwise


def similar_file(path: str) -> str:
    """Return the hint for a file that is missing: the one in its folder that it may stand for, if there is one."""
    if not path:
        return ""
    folder, name = os.path.split(path)
    try:
        with os.scandir(folder or ".") as entries:
            found = [entry.name for entry in itertools.islice(entries, MOST_NEIGHBOURS)]
    except OSError:
        return ""
    near = similar_names(name, sorted(each for each in found if each.isprintable()))
    return f"did you mean {near[0]}?" if near else ""


def _words(name: str) -> str:
    """Return the words of *name* in lower case, joined by underscores."""
    bare = re.sub(_ENDINGS, "", name.strip(), count=1) or name
    return re.sub(_SEPARATORS, "_", re.sub(_CAMEL_CASE, "_", bare).casefold()).strip("_")


def _close(words: str, keys: Iterable[str]) -> list[str]:
    """Return the keys that differ from *words* by little, the likeliest first."""
    matcher = difflib.SequenceMatcher(b=words, autojunk=False)
    ratios: dict[str, float] = {}
    for key in keys:
        cutoff = CUTOFF if min(len(words), len(key)) >= SHORTEST_PART else CUTOFF_OF_SHORT
        matcher.set_seq1(key)
        if matcher.real_quick_ratio() >= cutoff and matcher.quick_ratio() >= cutoff:
            ratio = matcher.ratio()
            ratios.update({key: ratio} if ratio >= cutoff else {})
    return sorted(ratios, key=lambda key: -ratios[key])


def _either_way(contains: Callable[[str, str], bool], one: str, other: str) -> bool:
    """Return whether the longer of two different names *contains* the shorter one, which must be long enough."""
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= SHORTEST_PART and one != other and contains(longer, shorter)


def _is_part(longer: str, shorter: str) -> bool:
    """Return whether the words at the beginning or the end of *longer* are those of *shorter*."""
    return longer.startswith(f"{shorter}_") or longer.endswith(f"_{shorter}")
