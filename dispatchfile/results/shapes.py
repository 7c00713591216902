"""
Lines that are alike but for their numbers: which of them say the same, and what of it differs.

A number may be what went wrong (HTTP 404, h265) or where (frame 1207). What definitely says nothing (times, durations,
random IDs) is always left aside. Any other number is left aside only where it has so many values that nobody would
take each of them for a cause of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

MASK = "#"
FEW_NUMBERS = 5  # distinct numbers in one place: up to so many may each be a cause
FEW_NAMES = 10  # the same of numbers that belong to a name, as in h264
MANY = 20  # more are no causes, however often each of them occurs
READ_CHARACTERS = 500  # of a line; what comes behind is compared as it is
SHORTEST_ID = 3  # a shorter one is found in words that have nothing to do with it
STATUS = re.compile(r"[45][0-9]{2}")

_UNIT = r"(?:ns|us|µs|ms|s|m|h|d|sec|secs|min|mins|seconds?|minutes?|hours?|days?)"
_SLOT = re.compile(
    rf"""
    (?P<fixed>
      \b(?:https?(?:/[0-9](?:\.[0-9])?)?
        | (?:status|exit|return|error|response)[ _-]?(?:code|status)?
        | code | errno | signal | rc | returned | exited(?:[ ]with)?)
      [ :=\#"'()-]*(?:0x[0-9a-f]+|[0-9]+)(?![0-9.:,-]*[0-9])
    )
    | (?P<volatile>
      \b[0-9]{{4}}[-/][0-9]{{2}}[-/][0-9]{{2}}
        (?:[T ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:[.,][0-9]+)?)?(?:Z\b|[ ]?[+-][0-9]{{2}}:?[0-9]{{2}}\b)?)?
      | \b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[ ]+[0-9]{{1,2}}[ ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\b
      | \b[0-9]{{1,2}}:[0-9]{{2}}:[0-9]{{2}}(?:[.,][0-9]+)?\b
      | \b[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}\b
      | \b0x[0-9a-f]{{9,}}\b
      | \b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{{8,}}\b
      | \b[0-9]{{10,}}\b
      | \b(?:[0-9]+(?:\.[0-9]+)?{_UNIT})+\b
      | \b[0-9]+(?:\.[0-9]+)?(?=[ ]{_UNIT}\b)
      | (?:(?<=\bpid[ =:])|(?<=\b(?:attempt)[ =:\#])|(?<=\bretry[ =:\#])|(?<=\btry[ =:\#])|(?<=\(start[ ]))[0-9]+\b
      | (?<=\w\[)[0-9]+(?=\])
    )
    | (?P<number>0x[0-9a-f]+ | [0-9]+(?:[.:,][0-9]+)*)
    """,
    re.VERBOSE | re.IGNORECASE,
)


class PartKind(Enum):
    """The kind of a part of a line that may differ."""

    VOLATILE = "volatile"  # says nothing, whatever it is
    NUMBER = "number"
    NAME = "name"  # a number within a word, or a short id

    @property
    def few(self) -> int:
        return FEW_NAMES if self is PartKind.NAME else FEW_NUMBERS


@dataclass(frozen=True, slots=True)
class LineShape:
    """A line in parts: what stands fast, and between it the values that may differ."""

    fixed: tuple[str, ...]  # one more than there are values
    kinds: tuple[PartKind, ...]
    values: tuple[str, ...]

    def text(self, differing: Sequence[bool]) -> str:
        """Return the line, a mask in place of each value that differs."""
        values = [MASK if differs else value for value, differs in zip(self.values, differing, strict=True)]
        return "".join(part for pair in zip(self.fixed, [*values, ""], strict=True) for part in pair)


Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Merged(Generic[Thing]):
    """Lines that say the same: the text with what differs masked, and what was said with them."""

    text: str
    things: tuple[Thing, ...]


def shape_of(line: str, own_values: Iterable[str] = ()) -> LineShape:
    """
    Return the *line* in parts.

    own_values: what belongs to the one thing that said it, such as its id, and so is not what went wrong.
    """
    fixed, kinds, values, end = [""], [], [], 0
    for start, stop, kind in _slots(line, own_values):
        fixed[-1] += line[end:start]
        values.append(line[start:stop])
        kinds.append(kind)
        fixed.append("")
        end = stop
    fixed[-1] += line[end:]
    return LineShape(tuple(fixed), tuple(kinds), tuple(values))


def _slots(line: str, own_values: Iterable[str]) -> Iterator[tuple[int, int, PartKind]]:
    own = sorted({value for value in own_values if len(value) >= SHORTEST_ID}, key=len, reverse=True)
    end = 0
    if own:
        pattern = re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, own))})(?![\w-])")
        for match in pattern.finditer(line, 0, READ_CHARACTERS):
            yield from _numbers(line, end, match.start())
            yield match.start(), match.end(), _kind_of_own(match[0])
            end = match.end()
    yield from _numbers(line, end, READ_CHARACTERS)


def _kind_of_own(value: str) -> PartKind:
    """A short id without a separator, such as h264, may be what went wrong as well."""
    return PartKind.VOLATILE if re.search(r"[\W_]", value) else PartKind.NAME


def _numbers(line: str, start: int, stop: int) -> Iterator[tuple[int, int, PartKind]]:
    for match in _SLOT.finditer(line, start, stop):
        if match["volatile"] is not None:
            yield *match.span(), PartKind.VOLATILE
        elif match["number"] is not None:
            around = line[max(0, match.start() - 1) : match.start()] + line[match.end() : match.end() + 1]
            yield *match.span(), PartKind.NAME if any(map(str.isalpha, around)) else PartKind.NUMBER


def merge(lines: Sequence[tuple[LineShape, Thing]]) -> Iterator[Merged[Thing]]:
    """Merge the lines that say the same, in the order of the first of each. A line comes once, with its own shape."""
    alike: dict[tuple[tuple[str, ...], tuple[PartKind, ...]], list[tuple[LineShape, Thing]]] = {}
    for shape, thing in lines:
        alike.setdefault((shape.fixed, shape.kinds), []).append((shape, thing))
    for some in alike.values():
        yield from _merge_alike(some)


def _merge_alike(lines: Sequence[tuple[LineShape, Thing]]) -> Iterator[Merged[Thing]]:
    kinds = lines[0][0].kinds
    columns = list(zip(*(shape.values for shape, _ in lines), strict=True))
    aside = [_says_nothing(kind, column) for kind, column in zip(kinds, columns, strict=True)]
    same: dict[tuple[str, ...], list[tuple[LineShape, Thing]]] = {}
    for shape, thing in lines:
        key = tuple(value for value, left_out in zip(shape.values, aside, strict=True) if not left_out)
        same.setdefault(key, []).append((shape, thing))
    for some in same.values():
        first = some[0][0]
        differing = [len(set(values)) > 1 for values in zip(*(shape.values for shape, _ in some), strict=True)]
        yield Merged(first.text(differing), tuple(thing for _, thing in some))


def _says_nothing(kind: PartKind, values: Sequence[str]) -> bool:
    """Return whether the values in one place of similar lines cannot be causes."""
    if kind is PartKind.VOLATILE:
        return True
    distinct = set(values)
    if len(distinct) <= kind.few or (len(distinct) <= MANY and all(map(STATUS.fullmatch, distinct))):
        return False
    return len(distinct) > MANY or len(distinct) * 2 > len(values)
