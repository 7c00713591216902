"""Items that did not end well, grouped by what they have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dispatchfile.events import Cause, Outcome
from dispatchfile.results.items import ItemResult

LONGEST_WORDS = 200
SHORTEST_ID = 3  # a shorter one is found in words that have nothing to do with it

# Never sent or never run: there is no log, and what Nomad said of one is what it said of the others.
TOLD_BY_MESSAGE = frozenset({Outcome.REFUSED, Outcome.UNPLACED, Outcome.UNSENT, Outcome.UNKNOWN})

VARYING = re.compile(
    r"""
    \b0x[0-9a-f]+\b
    | \b(?=[0-9a-f-]*[0-9])[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b   # hashes, UUIDs, the ends of child IDs
    | [0-9]+(?:[.:,][0-9]+)*                                  # numbers, times, addresses
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Group:
    """Items with one outcome, cause, exit code and last words."""

    outcome: Outcome
    cause: Cause | None
    exit_code: int | None
    last_words: str  # the last log line, or the message where nothing ran; what varies is a #
    count: int
    example: ItemResult  # the first of them
    ids: tuple[str, ...]


Ending = tuple[Outcome, Cause | None, int | None]


def group_endings(items: Iterable[ItemResult]) -> tuple[Group, ...]:
    """
    Of all items that ended in class 1 or 2; the largest group first, of equals the one whose example comes first.

    Where a log was not read, the item is taken to have said what all others said that ended like it, if that is one
    thing.
    """
    heard = [
        ((item.outcome, item.cause, item.exit_code), _last_words(item), item)
        for item in items
        if item.outcome is not None and item.outcome.exit_class
    ]
    said: dict[Ending, set[str]] = {}
    for ending, words, _ in heard:
        if words:
            said.setdefault(ending, set()).add(words)
    groups: dict[tuple[Ending, str], list[ItemResult]] = {}
    for ending, words, item in heard:
        all_words = said.get(ending, ())
        told = next(iter(all_words)) if item.log_unread and len(all_words) == 1 else words
        groups.setdefault((ending, told), []).append(item)
    found = [
        Group(*ending, words, len(alike), alike[0], tuple(item.id for item in alike))
        for (ending, words), alike in groups.items()
    ]
    return tuple(sorted(found, key=lambda group: -group.count))


def _last_words(item: ItemResult) -> str:
    words = item.last_log_line or (item.message if item.outcome in TOLD_BY_MESSAGE else "")
    return normalize(words, item.id)


def normalize(line: str, item_id: str) -> str:
    """*line* without what varies from item to item: the item's own id, numbers, hashes, blanks."""
    if len(item_id) >= SHORTEST_ID:
        line = re.sub(rf"(?<![\w.-]){re.escape(item_id)}(?![\w-])", "#", line)
    return " ".join(VARYING.sub("#", line).split())[:LONGEST_WORDS]
