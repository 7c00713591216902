"""Where things stand: file, line and column, and the excerpt that is shown for them."""

from __future__ import annotations

from dataclasses import dataclass

TAB_WIDTH = 4
EXCERPT_WIDTH = 160


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text. Line and column both count from 1, columns in characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def excerpt(line: str, column: int) -> str:
    """The source *line* with a caret below *column* (from 1); long lines are cut around the caret."""
    start = max(0, column - 1 - EXCERPT_WIDTH // 2) if len(line) > EXCERPT_WIDTH else 0
    shown = line[start : start + EXCERPT_WIDTH].rstrip("\r\n")
    before = shown[: max(0, column - 1 - start)]
    indent = len(before.expandtabs(TAB_WIDTH))
    visible = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown.expandtabs(TAB_WIDTH)
    )
    return f"    {visible}\n    {' ' * indent}^"
