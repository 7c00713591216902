"""The documentation of codes, outcomes, causes and exit codes, read from the pages that are installed with the tool."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from dispatchfile.similar import similar_names

CODE = re.compile(r"### (DF[0-9]{3}): (.+)")
HEADING = re.compile(r"#{1,3} (.+)")
FENCE = "```"
ROW = re.compile(r"\| `?([a-z_0-9]+)`? \| ([^|]*) \|(?: ([0-9]) \|)?")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
KINDS = {  # the tables of docs/outcomes.md
    "States": "state",
    "Outcomes": "outcome",
    "Causes": "cause",
    "Exit codes": "exit code",
}
RIGHT = "right"  # marks an example that has no problem


@dataclass(frozen=True, slots=True)
class Part:
    """A paragraph, or an example as it is typed or printed."""

    text: str
    language: str = ""  # of an example
    is_right: bool = False

    @property
    def is_example(self) -> bool:
        return bool(self.language)


@dataclass(frozen=True, slots=True)
class HandbookEntry:
    """The meaning of one word in the tool's output."""

    name: str
    kind: str
    title: str
    parts: tuple[Part, ...] = ()


@cache
def read_handbook() -> tuple[HandbookEntry, ...]:
    """Return every code, state, outcome, cause and exit code, in the order of the pages."""
    return (*_codes(_page("errors.md")), *_words(_page("outcomes.md")))


def find_entries(name: str) -> list[HandbookEntry]:
    """Return what *name* means, in whatever case it is written; a word may have several meanings."""
    wanted = _normalized(name)
    return [entry for entry in read_handbook() if _normalized(entry.name) == wanted]


def near_names(name: str) -> list[str]:
    """Return the names that resemble *name*."""
    names = {_normalized(entry.name): entry.name for entry in read_handbook()}
    wanted = _normalized(name)
    by_number = re.fullmatch(r"(?:df)?0*([0-9]+)", wanted)
    if by_number and (code := f"df{int(by_number[1]):03}") in names:
        return [names[code]]
    begins = [shown for known, shown in names.items() if wanted and known.startswith(wanted)]
    return begins[:3] or similar_names(name, names.values(), most=3)


def _normalized(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def _page(name: str) -> str:
    return (resources.files("dispatchfile") / "docs" / name).read_text(encoding="utf-8")


def _codes(page: str) -> Iterator[HandbookEntry]:
    for heading, lines in _sections(page):
        if match := CODE.fullmatch(heading):
            yield HandbookEntry(match[1], "code", match[2], tuple(_parts(lines)))


def _words(page: str) -> Iterator[HandbookEntry]:
    tables = {heading.lstrip("# "): lines for heading, lines in _sections(page)}
    for title, kind in KINDS.items():
        for match in filter(None, map(ROW.match, tables[title])):
            parts = (Part(f"Exit class: {match[3]} (`dispatchfile explain {match[3]}`)."),) if match[3] else ()
            yield HandbookEntry(match[1], kind, LINK.sub(r"\1", match[2]), parts)


def _sections(page: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each heading and the lines below it; a line of an example is never a heading."""
    heading, lines, in_example = "", list[str](), False
    for line in page.splitlines():
        in_example ^= line.startswith(FENCE)
        if not in_example and HEADING.fullmatch(line):
            yield heading, lines
            heading, lines = line, []
        else:
            lines.append(line)
    yield heading, lines


def _parts(lines: Iterable[str]) -> Iterator[Part]:
    collected: list[str] = []
    info: str | None = None  # of the example that has begun
    for line in [*lines, ""]:
        if line.startswith(FENCE) and info is not None:
            language, _, mark = info.partition(" ")
            yield Part("".join(f"{text}\n" for text in collected), language or "text", is_right=mark == RIGHT)
            collected, info = [], None
        elif info is not None or (line and not line.startswith(FENCE)):
            collected.append(line)
        else:
            if collected:
                yield Part(LINK.sub(r"\1", " ".join(collected)))
            collected, info = [], line.removeprefix(FENCE) if line else None
