"""The names of items: the id, and next to an id that is only a hash, the place that the item comes from."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from dispatchfile.reports.table import INDENT, shorten_middle
from dispatchfile.reports.text import visible
from dispatchfile.results import ItemResult

LISTED_NAMES = 12  # of one group
WIDTH_OF_PIPES = 100
LONGEST_NAME = 48
SHARE_OF_NAME = 3  # one name of many takes a third of a terminal's width at most


def label(item: ItemResult) -> str:
    """Return `film-1`, or `encode-5f0c… (films.csv:3 alien)` for an id that the manifest does not give."""
    return visible(item.label)


def label_lines(item: ItemResult) -> str:
    """Return the id and, on a second line, the source of an item without a written id."""
    return "\n".join(filter(None, (visible(item.id), visible(item.source))))


def listed_names(items: Sequence[ItemResult], width: int | None) -> str:
    """
    Return the names of some of the items on one indented line, and how many more there are.

    Names are shortened to fit the terminal; without a *width* they are whole.
    """
    cells = (WIDTH_OF_PIPES if width is None else width) - len(INDENT)
    longest = cells if len(items) == 1 else max(8, min(LONGEST_NAME, cells // SHARE_OF_NAME))
    shown: list[str] = []
    for item in items[:LISTED_NAMES]:
        name = label(item) if width is None else _short_label(item, longest, cells)
        if shown and cell_len(_joined_names([*shown, name], len(items))) > cells:
            break
        shown.append(name)
    return INDENT + _joined_names(shown, len(items))


def _short_label(item: ItemResult, longest: int, cells: int) -> str:
    name, source = shorten_middle(visible(item.id), longest), visible(item.source)
    room = cells - cell_len(name) - len(" ()") - len(" and 100,000 more")
    return f"{name} ({shorten_middle(source, room)})" if source and room >= longest else name


def _joined_names(names: Sequence[str], total: int) -> str:
    left = total - len(names)
    return ", ".join(names) + (f" and {left:,} more" if left else "")
