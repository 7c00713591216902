"""Locations in files: file, line and column, and the excerpt that is shown for them."""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

TAB_WIDTH = 4
EXCERPT_WIDTH = 160
LINE_END = re.compile(r"\r\n|\r|\n")  # the line ends of YAML 1.2; str.splitlines knows more


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text. Line and column both count from 1, columns in characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class SourceText:
    """A text with the name it has in messages; its lines are found when they are first asked for."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text

    @cached_property
    def _starts(self) -> array[int]:
        starts = array("Q", [0])
        starts.extend(match.end() for match in LINE_END.finditer(self.text))
        return starts

    def line(self, number: int) -> str:
        """Line *number* (from 1) without its end; empty where there is no such line."""
        if not 1 <= number <= len(self._starts):
            return ""
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[self._starts[number - 1] : end].rstrip("\r\n")

    def position(self, offset: int) -> Position:
        """Return the position of the character at *offset* (from 0)."""
        line = bisect_right(self._starts, offset)
        return Position(self.name, line, offset - self._starts[line - 1] + 1)

    def clamp(self, position: Position) -> Position:
        """*position*, or the end of the text where it lies beyond it."""
        end = self.position(len(self.text.rstrip("\r\n")))
        return min(position, end)

    def excerpt(self, position: Position) -> str:
        return excerpt(self.line(position.line), position.column)


def excerpt(line: str, column: int) -> str:
    """Return the source *line* with a caret below *column* (from 1); long lines are cut around the caret."""
    start = max(0, column - 1 - EXCERPT_WIDTH // 2) if len(line) > EXCERPT_WIDTH else 0
    shown = line[start : start + EXCERPT_WIDTH].rstrip("\r\n")
    before = shown[: max(0, column - 1 - start)]
    indent = sum(_columns(char) for char in before.expandtabs(TAB_WIDTH))
    visible = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown.expandtabs(TAB_WIDTH)
    )
    return f"    {visible}\n    {' ' * indent}^"


def _columns(char: str) -> int:
    """Return how many columns of a terminal *char* fills."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
