"""The documentation as data: its pages, their sections, and what stands between fences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
MANIFEST = "dispatchfile.yaml"

_FENCE = re.compile(r"```+")
_HEADING = re.compile(r"(#+) (.+)")
_FILE = re.compile(r"`([^`]+)`:")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """The text between two fences. *file* is the name in the line above, as in "`films.csv`:"."""

    page: str
    line: int  # of its first line, from 1
    language: str
    text: str
    file: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what follows it. The files of the headings above count as its own."""

    page: str
    title: str
    level: int
    blocks: tuple[Block, ...]
    files: Mapping[str, str]
    prose: str  # all but what stands between fences

    @property
    def place(self) -> str:
        return f"{self.page}: {self.title}"


@dataclass(frozen=True, slots=True)
class Call:
    """A command in a console block, and the lines below it; a line of "…" stands for any lines."""

    place: str
    command: str
    output: tuple[str, ...]


@cache
def read_sections(page: Path) -> tuple[Section, ...]:
    return tuple(_sections(page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8").splitlines()))


def all_sections() -> list[Section]:
    return [section for page in PAGES for section in read_sections(page)]


def all_blocks(*languages: str) -> list[Block]:
    return [block for section in all_sections() for block in section.blocks if block.language in languages]


def links_of(page: Path) -> list[str]:
    return _LINK.findall("\n".join(section.prose for section in read_sections(page)))


def calls_of(block: Block) -> Iterator[Call]:
    """The commands of a console block, each behind a `$`."""
    lines = block.text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield Call(f"{block.page}:{block.line + start}", lines[start][2:], tuple(lines[start + 1 : end]))


def agrees(shown: tuple[str, ...], printed: list[str]) -> bool:
    """Return whether *printed* is what a page shows, which may leave lines out."""
    pattern = "".join(r"(?:.*\n)*" if line == "…" else re.escape(line) + r"\n" for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def _sections(page: str, lines: list[str]) -> Iterator[Section]:
    above: dict[int, Mapping[str, str]] = {}
    for level, title, start, body in _split(lines):
        blocks, prose = _read_blocks(page, start, body)
        inherited = {
            name: text for rank, files in sorted(above.items()) if rank < level for name, text in files.items()
        }
        files = inherited | {_name_of(block): block.text for block in blocks if _name_of(block)}
        above = {rank: found for rank, found in above.items() if rank < level} | {level: files}
        yield Section(page, title, level, blocks, files, prose)


def _name_of(block: Block) -> str:
    return block.file or (MANIFEST if block.language == "yaml" else "")


def _split(lines: list[str]) -> Iterator[tuple[int, str, int, list[str]]]:
    """Level, title, the number of the line below it (from 1) and the lines of each heading."""
    heads = list(_headings(lines))
    ends = [*(number for number, _ in heads), len(lines)][1:]
    for (number, match), end in zip(heads, ends, strict=True):
        yield len(match[1]), match[2], number + 2, lines[number + 1 : end]


def _headings(lines: list[str]) -> Iterator[tuple[int, re.Match[str]]]:
    inside = False
    for number, line in enumerate(lines):
        inside ^= bool(_FENCE.match(line))
        if not inside and (match := _HEADING.fullmatch(line)):
            yield number, match


def _read_blocks(page: str, start: int, lines: list[str]) -> tuple[tuple[Block, ...], str]:
    blocks: list[Block] = []
    prose: list[str] = []
    inside: list[str] | None = None
    language, first = "", 0
    for number, line in enumerate(lines, start=start):
        if not _FENCE.match(line):
            (prose if inside is None else inside).append(line)
        elif inside is None:
            inside, language, first = [], line.strip("`").strip(), number + 1
        else:
            blocks.append(Block(page, first, language, "".join(f"{text}\n" for text in inside), _file_above(prose)))
            prose.append("")
            inside = None
    return tuple(blocks), "\n".join(prose)


def _file_above(prose: list[str]) -> str:
    last = next((line for line in reversed(prose) if line), "")
    match = _FILE.fullmatch(last) if prose[-2:] and last in prose[-2:] else None
    return match[1] if match else ""
