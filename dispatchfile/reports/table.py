"""
Tables and wrapped lines, laid out by Rich: it knows how many cells of a terminal a text takes, and where to break it.

All text that comes here is safe to show already. Without a width, as in a pipe, nothing is shortened or wrapped.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dispatchfile.reports.text import ELLIPSIS

GAP = 2  # blanks between columns
NARROWEST_LAST = 24  # of the last column; where less is left, a row takes lines of its own for it
NARROWEST = 12  # of any other column
MOST_LINES = 5  # of one cell; -o json has the whole text
INDENT = "  "
QUOTED_COMMAND = re.compile(r"`dispatchfile [^`]*`")
UNBROKEN_BLANK = "\ue000"  # takes one cell, and no text that is safe to show has it

Rows = Sequence[Sequence[str]]


class Copyable(str):
    """A command or an ID to be copied: it is never broken or shortened, however narrow the terminal is."""

    __slots__ = ()


def shorten_middle(text: str, cells: int) -> str:
    """Return *text* in at most *cells* cells, an ellipsis in place of its middle: both ends tell names apart."""
    if cell_len(text) <= cells:
        return text
    if cells < 3:
        return set_cell_size(text, max(0, cells - 1)).rstrip() + ELLIPSIS
    tail_cells = (cells - 1) // 2
    start = len(text)
    while start and cell_len(text[start - 1 :]) <= tail_cells:
        start -= 1
    while start < len(text) and cell_len(text[start]) == 0:
        start += 1  # a mark without its letter
    return set_cell_size(text, cells - 1 - tail_cells).rstrip() + ELLIPSIS + text[start:]


def fit(lines: Iterable[str], width: int | None) -> list[str]:
    """Wrap lines that are wider than *width*, colours kept and continuations indented; `Copyable` stays as it is."""
    return [part for line in lines for part in _fitted(line, width)]


def _fitted(line: str, width: int | None) -> list[str]:
    if width is None or isinstance(line, Copyable) or cell_len(line) <= width:
        return [line]
    commands = QUOTED_COMMAND.findall(line)
    text = Text.from_ansi(QUOTED_COMMAND.sub(lambda command: command[0].replace(" ", UNBROKEN_BLANK), line))
    if text.cell_len <= width:
        return [line]
    indent = " " * min(len(text.plain) - len(text.plain.lstrip(" ")) + len(INDENT), width // 2)
    if any(cell_len(command) > width - len(indent) for command in commands):
        return [line]
    console = _console(width, coloured=bool(text.spans))
    first = text.wrap(console, width, overflow="fold")[0]
    left = text.plain[len(first.plain) :]
    rest = text[len(text.plain) - len(left.lstrip(" ")) :]
    parts = [first, *(Text(indent) + part for part in rest.wrap(console, width - len(indent), overflow="fold"))]
    return [_printed(console, part).rstrip().replace(UNBROKEN_BLANK, " ") for part in parts]


def wrap_at_words(text: str, cells: int) -> list[str]:
    """Return the lines of *text*, at most so many cells wide: only a word that is longer is broken."""
    lines = Text(text).wrap(_console(cells, coloured=False), cells, overflow="fold")
    return [line.plain.rstrip() for line in lines] or [""]


def cut_around(line: str, caret: str, *, width: int) -> list[str]:
    """Return *line* and the *caret* below it, both in at most *width* cells: what is far from the caret is left out."""
    if max(cell_len(line), cell_len(caret)) <= width:
        return [line, caret]
    at, ahead = cell_len(caret) - 1, width // 2
    if at >= width - 1:
        line, dropped = _without_start(line, at - ahead)
        at -= dropped
    end = ELLIPSIS if cell_len(line) > width else ""
    return [set_cell_size(line, min(cell_len(line), width - len(end))).rstrip() + end, f"{' ' * at}^"]


def _without_start(line: str, cells: int) -> tuple[str, int]:
    """The *line* with an ellipsis in place of at least *cells* cells at its start, and by how much it is shorter."""
    start = next((index for index in range(len(line)) if cell_len(line[:index]) > cells), len(line))
    return ELLIPSIS + line[start:], cell_len(line[:start]) - 1


def wrap_below(text: str, width: int | None, indent: str) -> list[str]:
    """Return *text* in indented lines of at most *width* cells; an ID or another single word is not broken."""
    if width is None or " " not in text:
        return [Copyable(f"{indent}{text}")]
    cells = max(1, width - cell_len(indent))
    lines = Text(text).wrap(_console(cells, coloured=False), cells, overflow="fold")
    return [f"{indent}{line.plain}".rstrip() for line in lines]


def labelled(label: str, command: str, width: int | None) -> list[str]:
    """Return `label: command` where that fits, else the command on a line of its own."""
    if width is None or Text.from_ansi(f"{label}: {command}").cell_len <= width:
        return [Copyable(f"{label}: {command}")]
    return [*fit([f"{label}:"], width), Copyable(f"{INDENT}{command}")]


def lay_out(rows: Rows, *, width: int | None, widest: int = 48, align_numbers: bool = True) -> list[str]:
    """Return the rows as lines: see `row_lines`."""
    return [
        line for lines in row_lines(rows, width=width, widest=widest, align_numbers=align_numbers) for line in lines
    ]


def row_lines(rows: Rows, *, width: int | None, widest: int = 48, align_numbers: bool = True) -> list[list[str]]:
    """
    Return the lines of each row, columns aligned; a column of numbers below its head to the right.

    The last column is wrapped, the lines of the others are shortened in the middle, to *widest* cells at most. Where
    that leaves no room for the last column, or makes two names in the first one alike, it goes below the others; so
    does a single cell of it that would lose words, or have a word broken that fits there.
    """
    if not rows:
        return []
    natural = [max(_cells_of(cell) for cell in column) for column in zip(*rows, strict=True)]
    if width is None:
        return _aligned(rows, natural, align_numbers=align_numbers)
    widths = _narrowed([min(cells, widest) for cells in natural[:-1]], width - min(NARROWEST_LAST, natural[-1]))
    if widths is None or _are_alike([row[0] for row in rows], widths[0] if widths else width):
        return [_stacked(row, width) for row in rows]
    last_cells = min(width - sum(widths) - GAP * len(widths), natural[-1])
    moved = [_fits_only_below(row[-1], last_cells, width) for row in rows]
    shown = [(*row[:-1], "") if is_moved else row for row, is_moved in zip(rows, moved, strict=True)]
    aligned = _aligned(shown, [*widths, last_cells], align_numbers=align_numbers)
    return [
        [*lines, *_below(row[-1], width)] if is_moved else lines
        for row, lines, is_moved in zip(rows, aligned, moved, strict=True)
    ]


def _cells_of(cell: str) -> int:
    return max((cell_len(line) for line in cell.split("\n")), default=0)


def natural_width(rows: Rows) -> int:
    """Return how many cells the rows take, aligned and with nothing wrapped or shortened."""
    columns = list(zip(*rows, strict=True))
    return sum(max(map(_cells_of, column)) for column in columns) + GAP * (len(columns) - 1)


def _are_alike(names: Sequence[str], cells: int) -> bool:
    """Return whether two different names become the same in so many cells."""
    different = set(names)
    return len({_shortened(name, cells) for name in different}) < len(different)


def _narrowed(widths: Sequence[int], room: int) -> list[int] | None:
    """
    Return the widths, the widest ones made narrower until they and their gaps fit into *room*; None
    where they cannot.
    """
    narrowed = list(widths)
    while (excess := sum(narrowed) + GAP * len(narrowed) - room) > 0:
        widest = max(narrowed, default=0)
        if widest <= NARROWEST:
            return None
        narrower = max(NARROWEST, widest - excess)
        narrowed[narrowed.index(widest)] = narrower
    return narrowed


def _aligned(rows: Rows, widths: Sequence[int], *, align_numbers: bool) -> list[list[str]]:
    total = max(1, sum(widths) + GAP * (len(widths) - 1))
    console = _console(total, coloured=False)
    numeric = [align_numbers and _is_numeric(column) for column in zip(*rows, strict=True)]
    numeric[-1] = False
    lines = []
    for row in rows:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, GAP, 0, 0), collapse_padding=True)
        for cells, to_the_right in zip(widths, numeric, strict=True):
            table.add_column(width=max(1, cells), justify="right" if to_the_right else "left", overflow="fold")
        *names, last = row
        shown = [_shortened(cell, cells) for cell, cells in zip(names, widths, strict=False)]
        table.add_row(*map(Text, shown), _wrapped(last, max(1, widths[-1]), console))
        lines.append([line.rstrip() for line in _printed(console, table).split("\n")])
    return lines


def _is_numeric(column: Sequence[str]) -> bool:
    return all(cell.replace(",", "").isdigit() for cell in column[1:])


def _shortened(cell: str, cells: int) -> str:
    return "\n".join(shorten_middle(line, cells) for line in cell.split("\n"))


def _stacked(row: Sequence[str], width: int) -> list[str]:
    *names, last = row
    console = _console(width, coloured=False)
    head = [line for cell in names if cell for line in _wrapped(cell, width, console).plain.split("\n")]
    return [*_joined(head, width), *_below(last, width)]


def _below(text: str, width: int) -> list[str]:
    """Return the lines of a cell that goes below the others of its row."""
    cells = width - len(INDENT)
    wrapped = _wrapped(text, cells, _console(cells, coloured=False))
    return [f"{INDENT}{line}" for line in wrapped.plain.split("\n") if line]


def _joined(parts: Iterable[str], width: int) -> list[str]:
    """Return the parts on as few lines as they fit on."""
    lines: list[str] = []
    for part in parts:
        if lines and cell_len(lines[-1]) + GAP + cell_len(part) <= width:
            lines[-1] += " " * GAP + part
        else:
            lines.append(part)
    return lines


def _wrapped(text: str, cells: int, console: Console) -> Text:
    """
    Return the text in lines of at most *cells* cells, and no more of them than a cell may have.

    The last line of the text is always one of them: a message that is long says at its end what went wrong.
    """
    lines = _lines_of(text, cells, console)
    for line in lines:
        line.rstrip()
    if len(lines) > MOST_LINES:
        del lines[MOST_LINES - 1 : -1]
        lines[-2].truncate(cells - 1, overflow="crop")
        lines[-2].append(ELLIPSIS)
    return Text("\n").join(lines)


def _lines_of(text: str, cells: int, console: Console) -> list[Text]:
    return [line for part in text.split("\n") for line in Text(part).wrap(console, cells, overflow="fold")]


def _fits_only_below(text: str, cells: int, width: int) -> bool:
    """Return whether so narrow a column breaks a word that has room below, or has not enough lines for the text."""
    if cell_len(text) <= cells:
        return False
    if any(cells < cell_len(word) <= width - len(INDENT) for word in text.split()):
        return True
    return len(_lines_of(text, cells, _console(cells, coloured=False))) > MOST_LINES


def _console(width: int, *, coloured: bool) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        color_system="standard" if coloured else None,
        force_terminal=coloured,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        no_color=False,
        _environ={},
    )


def _printed(console: Console, what: Text | Table) -> str:
    with console.capture() as captured:
        console.print(what, overflow="ignore" if isinstance(what, Text) else None, no_wrap=isinstance(what, Text))
    return captured.get().removesuffix("\n")
