"""Which items a run takes: `--only` and `--skip`, by id, tag, job or an earlier outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dispatchfile.errors import UsageError
from dispatchfile.events import Outcome
from dispatchfile.items import Item

Matcher = Callable[[Item], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """Items in file order: those to run, and those left out on purpose."""

    selected: tuple[Item, ...]
    skipped: tuple[Item, ...]


def select_items(
    items: Sequence[Item], *, only: Iterable[str], skip: Iterable[str], outcomes: Mapping[str, Outcome] | None = None
) -> Selection:
    """
    Items that any of *only* matches (all, if there is none) and none of *skip* does.

    outcomes: of an earlier run, by item id, for `outcome:x`. Raises UsageError for a selector that matches nothing.
    """
    wanted = [_checked(text, items, outcomes, "--only") for text in only]
    unwanted = [_checked(text, items, outcomes, "--skip") for text in skip]
    selected = [
        item
        for item in items
        if (not wanted or any(match(item) for match in wanted)) and not any(match(item) for match in unwanted)
    ]
    kept = {item.id for item in selected}
    return Selection(tuple(selected), tuple(item for item in items if item.id not in kept))


def _checked(text: str, items: Sequence[Item], outcomes: Mapping[str, Outcome] | None, option: str) -> Matcher:
    match = _matcher(text, outcomes, option)
    if items and not any(match(item) for item in items):
        raise UsageError(f"{option} {text}: matches none of {len(items)} items")
    return match


def _matcher(text: str, outcomes: Mapping[str, Outcome] | None, option: str) -> Matcher:
    kind, separator, value = text.partition(":")
    if separator and kind == "tag":
        return lambda item: any(fnmatchcase(tag, value) for tag in item.tags)
    if separator and kind == "job":
        return lambda item: fnmatchcase(item.request.job, value)
    if separator and kind == "outcome":
        return _outcome_matcher(value, outcomes, option)
    if separator:
        raise UsageError(f"{option} {text}: selects by an id's glob, tag:x, job:x or outcome:x")
    return lambda item: fnmatchcase(item.id, text)


def _outcome_matcher(value: str, outcomes: Mapping[str, Outcome] | None, option: str) -> Matcher:
    if value not in set(Outcome):
        raise UsageError(f"{option} outcome:{value}: is none of {', '.join(Outcome)}")
    if outcomes is None:
        raise UsageError(f"{option} outcome:{value}: there is no earlier run of this manifest to take outcomes from")
    return lambda item: outcomes.get(item.id) == value
