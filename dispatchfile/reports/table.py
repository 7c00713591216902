"""Columns of text, as wide as what is in them."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from dispatchfile.reports.text import ELLIPSIS

GAP = "  "
NARROWEST_LAST = 20
MOST_LINES = 5  # of one cell; -o json has the whole text


def cell_width(text: str) -> int:
    """How many terminal cells *text* takes. Source: Unicode Standard Annex 11; combining marks take none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def cut_to(text: str, width: int) -> str:
    """As much of *text* as takes at most *width* cells, an ellipsis in place of the rest."""
    if cell_width(text) <= width:
        return text
    kept, taken = [], 0
    for char in text:
        taken += cell_width(char)
        if taken > width - 1:
            break
        kept.append(char)
    return "".join(kept) + ELLIPSIS


def lay_out(rows: Sequence[Sequence[str]], *, width: int | None, widest: int = 48) -> list[str]:
    """
    The rows as lines, columns aligned; a column of numbers below its head to the right.

    The last column is wrapped so that lines are at most *width* cells, the others cut at *widest*. Without a width, as
    in a pipe, everything is there in full.
    """
    cut = rows if width is None else [[*(cut_to(cell, widest) for cell in row[:-1]), row[-1]] for row in rows]
    columns = list(zip(*cut, strict=True))
    widths = [max(map(cell_width, column)) for column in columns[:-1]]
    numeric = [all(cell.replace(",", "").isdigit() for cell in column[1:]) for column in columns[:-1]]
    indent = sum(widths) + len(GAP) * len(widths)
    lines = []
    for row in cut:
        cells = [_padded(*cell) for cell in zip(row[:-1], widths, numeric, strict=True)]
        first, *others = _wrapped(row[-1], None if width is None else max(NARROWEST_LAST, width - indent))
        lines += [GAP.join([*cells, first]).rstrip(), *(" " * indent + line for line in others)]
    return lines


def _wrapped(text: str, width: int | None) -> list[str]:
    if width is None:
        return [text]
    return textwrap.wrap(text, width, max_lines=MOST_LINES, placeholder=ELLIPSIS) or [""]


def _padded(cell: str, width: int, to_the_right: bool) -> str:
    room = " " * (width - cell_width(cell))
    return room + cell if to_the_right else cell + room
