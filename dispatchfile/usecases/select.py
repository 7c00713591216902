"""Selects the items of a run with `--only` and `--skip`: by id, tag or job, or by how an earlier run of them ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dispatchfile.errors import UsageError
from dispatchfile.events import Outcome
from dispatchfile.items import Item
from dispatchfile.results import ItemResult, group_endings

Matcher = Callable[[Item], bool]
Earlier = Mapping[str, ItemResult]  # an earlier run's results by item ID

BY_ENDING = ("outcome", "exit", "group")  # selectors that ask how an earlier run of the item ended
MAY_MATCH_NOTHING = ("outcome:", "exit:")  # that no item ended so is good news, not a mistake
FORMS = "select by an ID or a glob of IDs, tag:NAME, job:NAME, outcome:NAME, exit:CODE or group:HASH"
SHOWN_GROUPS = 10


@dataclass(frozen=True, slots=True)
class Selection:
    """Items in file order: those to run, and those left out on purpose."""

    selected: tuple[Item, ...]
    skipped: tuple[Item, ...]


def asks_for_endings(selectors: Iterable[str]) -> bool:
    """Return whether any of the selectors needs an earlier run's results."""
    return any(text.partition(":")[0] in BY_ENDING and ":" in text for text in selectors)


def select_items(
    items: Sequence[Item], *, only: Iterable[str], skip: Iterable[str], earlier: Earlier | None = None
) -> Selection:
    """
    Items that any of *only* matches (all, if there is none) and none of *skip* does.

    earlier: how an earlier run ended. Raises UsageError for a selector that matches nothing.
    """
    wanted = [_checked(text, items, earlier, "--only") for text in only]
    unwanted = [_checked(text, items, earlier, "--skip") for text in skip]
    selected = [
        item
        for item in items
        if (not wanted or any(match(item) for match in wanted)) and not any(match(item) for match in unwanted)
    ]
    kept = {item.id for item in selected}
    return Selection(tuple(selected), tuple(item for item in items if item.id not in kept))


def _checked(text: str, items: Sequence[Item], earlier: Earlier | None, option: str) -> Matcher:
    match = _matcher(text, earlier, option)
    if items and not text.startswith(MAY_MATCH_NOTHING) and not any(match(item) for item in items):
        raise UsageError(f"{option} {text}: matches none of {len(items)} items")
    return match


def _matcher(text: str, earlier: Earlier | None, option: str) -> Matcher:
    kind, separator, value = text.partition(":")
    if separator and kind == "tag":
        return lambda item: any(fnmatchcase(tag, value) for tag in item.tags)
    if separator and kind == "job":
        return lambda item: fnmatchcase(item.request.job, value)
    if separator and kind in BY_ENDING:
        return _ending_matcher(kind, value, earlier, option)
    if separator:
        raise UsageError(f"{option} {text}: {FORMS}")
    return lambda item: fnmatchcase(item.id, text)


def _ending_matcher(kind: str, value: str, earlier: Earlier | None, option: str) -> Matcher:
    if kind == "outcome" and value not in set(Outcome):
        raise UsageError(f"{option} outcome:{value}: must be one of {', '.join(Outcome)}")
    if kind == "exit" and not re.fullmatch(r"[0-9]{1,9}", value):
        raise UsageError(f"{option} exit:{value}: must be the exit code of a task, for example exit:3")
    if earlier is None:
        raise UsageError(f"{option} {kind}:{value}: there is no earlier run of this manifest to take outcomes from")
    if kind == "group":
        return _group_matcher(value, earlier, option)
    chosen = {
        result.id
        for result in earlier.values()
        if value == (result.outcome if kind == "outcome" else str(result.exit_code))
    }
    return lambda item: item.id in chosen


def _group_matcher(name: str, earlier: Earlier, option: str) -> Matcher:
    groups = {group.name: group.ids for group in group_endings(earlier.values())}
    if name not in groups:
        known = ", ".join(list(groups)[:SHOWN_GROUPS]) or "no groups"
        hint = f"the run has {known}; `dispatchfile status` shows its groups"
        raise UsageError(f"{option} group:{name}: no group of items has this name any more: {hint}")
    chosen = frozenset(groups[name])
    return lambda item: item.id in chosen
