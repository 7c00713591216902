"""Items that did not succeed, grouped by what they have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dispatchfile.events import RESUMABLE_CAUSES, Cause, Outcome
from dispatchfile.results.items import ItemResult
from dispatchfile.results.shapes import LineShape, merge, shape_of
from dispatchfile.results.summary import Summary

HASH_DIGITS = 8

Ending = tuple[Outcome, Cause | None, int | None]
_Placed = tuple[int, ItemResult]  # an item and its place in the run


@dataclass(frozen=True, slots=True)
class Group:
    """Items with one outcome, cause and exit code that said the same at their end."""

    outcome: Outcome
    cause: Cause | None
    exit_code: int | None
    last_line: str  # of their logs, with # for what differs between them; empty: none, or it was not read
    message: str  # the same of the sentence on each
    log_unread: bool  # nobody knows what they wrote
    items: tuple[ItemResult, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(item.id for item in self.items)

    @property
    def count(self) -> int:
        return len(self.items)

    @property
    def example(self) -> ItemResult:
        return self.items[0]

    @property
    def name(self) -> str:
        """8 hex digits that name these items with this ending, wherever they are grouped."""
        identity = [self.outcome, self.cause, self.exit_code, sorted(self.ids)]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:HASH_DIGITS]


@dataclass(frozen=True, slots=True)
class _Said:
    """The common text of items with one ending: the last line of their logs, else the message."""

    ending: Ending
    is_line: bool
    log_unread: bool


def bad_endings(summary: Summary) -> tuple[Group, ...]:
    """Return what did not succeed, in groups, less what a resume sends anyway."""
    resumed = summary.state == "interrupted"
    return group_endings(
        item
        for item in summary.items
        if not (resumed and item.outcome is Outcome.UNSENT and item.cause in RESUMABLE_CAUSES)
    )


def group_endings(items: Iterable[ItemResult]) -> tuple[Group, ...]:
    """
    Group all items that ended in class 1 or 2: the largest group first, of equals the one whose example comes first.

    An item whose log was not read is never in a group with one whose last line is known.
    """
    said: dict[_Said, dict[str, list[_Placed]]] = {}
    for number, item in enumerate(items):
        if item.outcome is None or not item.outcome.exit_class:
            continue
        key = _Said((item.outcome, item.cause, item.exit_code), bool(item.last_log_line), log_unread=item.log_unread)
        text = "" if item.log_unread else _comparable(item)
        said.setdefault(key, {}).setdefault(text, []).append((number, item))
    groups = [group for key, lines in said.items() for group in _groups_of(key, lines)]
    return tuple(group for _, group in sorted(groups, key=lambda found: (-found[1].count, found[0])))


def _groups_of(said: _Said, lines: Mapping[str, Sequence[_Placed]]) -> Iterator[tuple[int, Group]]:
    """
    Yield each group and the place of its first item.

    Lines are compared as they are; only then is it asked which of them differ in numbers that say nothing.
    """
    for merged in merge([(_shape_of(line, placed), placed) for line, placed in lines.items()]):
        order = sorted((pair for placed in merged.things for pair in placed), key=lambda pair: pair[0])
        items = tuple(item for _, item in order)
        yield (
            order[0][0],
            Group(
                *said.ending,
                last_line=merged.text if said.is_line else "",
                message=_common_message(items) if said.is_line or said.log_unread else merged.text,
                log_unread=said.log_unread,
                items=items,
            ),
        )


def _comparable(item: ItemResult) -> str:
    """Return the item's last log line, else its message, on one line."""
    return " ".join((item.last_log_line or item.message).split())


def _shape_of(line: str, placed: Sequence[_Placed]) -> LineShape:
    """Return the shape of a line. A line of several items holds nothing that belongs to one item alone."""
    if len(placed) > 1:
        return shape_of(line)
    _, item = placed[0]
    return shape_of(line, (item.id, item.node, item.child, item.place))


def _common_message(items: Sequence[ItemResult]) -> str:
    """Return the sentence that is said of all of them; empty where it is not the same."""
    messages = {item.message for item in items}
    return messages.pop() if len(messages) == 1 else ""
