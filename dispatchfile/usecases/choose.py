"""Selects items of a past run by how they ended."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dispatchfile.errors import NothingToRerun, UsageError
from dispatchfile.events import Cause, Outcome
from dispatchfile.items import Item
from dispatchfile.results import WITHOUT_END, ItemResult, LaterEnd, Results
from dispatchfile.usecases.select import select_items

BY_ENDING = ("outcome:", "exit:", "group:")  # selectors that ask how items ended
EXIT_CODE = re.compile(r"exit:[0-9]{1,9}")
SHOWN_IDS = 5
NAMES_UNKNOWN = f"outcome:{Outcome.UNKNOWN}"


@dataclass(frozen=True, slots=True)
class Choice:
    """Items with one of the outcomes, one of the causes and one of the selectors, as far as these are given."""

    failed: bool = False
    outcomes: Collection[Outcome] = ()
    causes: Collection[Cause] = ()
    only: Sequence[str] = ()  # as --only has them
    again: bool = False  # also what was mended in a rerun since

    def __str__(self) -> str:
        """Return the options as they are written."""
        options = [
            *(["--failed"] if self.failed else []),
            *(f"--outcome {outcome}" for outcome in self.outcomes),
            *(f"--cause {cause}" for cause in self.causes),
            *(f"--only {selector}" for selector in self.only),
        ]
        return " ".join(options)

    @property
    def is_empty(self) -> bool:
        return not (self.all_outcomes or self.causes or self.only)

    @property
    def all_outcomes(self) -> frozenset[Outcome]:
        """Return the named outcomes, and those that `failed` includes: class 2, refused and unsent."""
        failed = (outcome for outcome in Outcome if outcome.is_rerun)
        return frozenset(self.outcomes) | (frozenset(failed) if self.failed else frozenset())

    @property
    def goes_by_endings(self) -> bool:
        """Return whether it selects by how items ended, and not only by their names."""
        selectors = any(selector.startswith(BY_ENDING) for selector in self.only)
        return bool(self.all_outcomes or self.causes or selectors)

    @property
    def repeats_mended(self) -> bool:
        return self.again or not self.goes_by_endings

    def takes(self, result: ItemResult) -> bool:
        """Return whether the outcome and the cause match."""
        outcomes = self.all_outcomes
        return (not outcomes or result.outcome in outcomes) and (not self.causes or result.cause in self.causes)

    @property
    def names_unknown(self) -> bool:
        """An unknown item may have run: that it is to run again has to be said in so many words."""
        return Outcome.UNKNOWN in self.outcomes or NAMES_UNKNOWN in self.only


@dataclass(frozen=True, slots=True)
class Chosen:
    """Items in file order, without their payloads, and those that match but are left out."""

    items: tuple[Item, ...]
    unknown: tuple[str, ...] = ()  # they may have run, and nobody named that
    mended: Mapping[str, LaterEnd] = field(default_factory=dict)  # they succeeded in a rerun since
    open: Mapping[str, LaterEnd] = field(default_factory=dict)  # they were sent in a rerun, without an end on record

    @property
    def left_out(self) -> int:
        return len(self.unknown)

    def notes(self) -> list[str]:
        """Say what is left out and why, one sentence for each reason."""
        return [*_mended_note(self.mended), *_open_notes(self.open), *_unknown_note(self.unknown)]


def choose_items(
    run: str, items: Sequence[Item], results: Results, choice: Choice, later: Mapping[str, LaterEnd] | None = None
) -> Chosen:
    """
    Choose by the latest end of each item over the run and its reruns.

    later: the ends in reruns. Raises UsageError, which says what there is, for a choice that names nothing or matches
    no item; NothingToRerun if it goes by how items ended and none is left.
    """
    if choice.is_empty:
        counts = describe_counts(results)
        raise UsageError(f"say which items: --failed, --outcome, --cause or --only; run {run} has {counts}")
    found = {result.id: result for result in results.items()}
    named = _named(items, found, choice)
    chosen = _choose(named, found, choice, later or {})
    if chosen.items:
        return chosen
    if choice.goes_by_endings:
        asked = _named_by_id(items, choice)
        raise _nothing_left(run, chosen, [found[item.id] for item in asked], choice, later or {})
    notes = "".join(f"; {note}" for note in chosen.notes())
    raise UsageError(f"no item of run {run} matches {choice} ({describe_counts(results)}){notes}")


def _named(items: Sequence[Item], found: Mapping[str, ItemResult], choice: Choice) -> Sequence[Item]:
    """Return the items that any selector matches. An outcome or an exit code that no item has is no mistake."""
    outcomes = {result.outcome for result in found.values()}
    codes = {f"exit:{result.exit_code}" for result in found.values()}
    absent = {f"outcome:{outcome}" for outcome in Outcome if outcome not in outcomes}
    absent |= {selector for selector in choice.only if EXIT_CODE.fullmatch(selector) and selector not in codes}
    only = [selector for selector in choice.only if selector not in absent]
    if choice.only and not only:
        return ()
    return select_items(items, only=only, skip=(), earlier=found).selected


def _named_by_id(items: Sequence[Item], choice: Choice) -> Sequence[Item]:
    """Return the items that the selectors name, however they ended, or all items if none of them names any."""
    only = [selector for selector in choice.only if not selector.startswith(BY_ENDING)]
    return select_items(items, only=only, skip=()).selected


def _choose(
    named: Sequence[Item], found: Mapping[str, ItemResult], choice: Choice, later: Mapping[str, LaterEnd]
) -> Chosen:
    items, unknown = list[Item](), list[str]()
    mended, without_end = dict[str, LaterEnd](), dict[str, LaterEnd]()
    for item in named:
        since, first = later.get(item.id), found[item.id]
        last = _latest(first, since, choice)
        if since is not None and since.is_open:
            if choice.takes(first):
                without_end[item.id] = since
        elif last.outcome is Outcome.UNKNOWN and not choice.names_unknown:
            if choice.takes(first) or choice.takes(last):
                unknown.append(item.id)
        elif since is not None and _is_mended(since, choice):
            if choice.takes(first):
                mended[item.id] = since
        elif choice.takes(last):
            items.append(item)
    return Chosen(tuple(items), tuple(unknown), mended, without_end)


def _is_mended(since: LaterEnd, choice: Choice) -> bool:
    return since.is_good and not choice.repeats_mended and since.outcome not in choice.all_outcomes


def _latest(first: ItemResult, since: LaterEnd | None, choice: Choice) -> ItemResult:
    """Return the result that counts. Who names items, or insists, repeats what was mended; never what may have run."""
    if since is None or since.is_open or (choice.repeats_mended and since.outcome is not Outcome.UNKNOWN):
        return first
    return replace(first, outcome=since.outcome, cause=since.cause)


# Nothing is left


def _nothing_left(
    run: str, chosen: Chosen, asked: Sequence[ItemResult], choice: Choice, later: Mapping[str, LaterEnd]
) -> NothingToRerun:
    """Good news only if the end of every item is known."""
    latest = [_latest(result, later.get(result.id), choice) for result in asked]
    unknown = [result.id for result in latest if result.outcome is Outcome.UNKNOWN]
    without_end = {result.id: later[result.id] for result in asked if result.id in later and later[result.id].is_open}
    unseen = [
        result.id
        for result in latest
        if result.id not in without_end and (result.outcome is None or result.outcome in WITHOUT_END)
    ]
    doubts = [*_open_notes(without_end), *_unknown_note(unknown), *_unseen_note(run, unseen)]
    what = f"no item of run {run} {'is left that ' if chosen.mended else ''}matches {choice}"
    text = "; ".join([f"nothing to rerun: {what}", *_mended_note(chosen.mended), *doubts])
    return NothingToRerun(text, run, 1 if doubts else 0)


def _mended_note(mended: Mapping[str, LaterEnd]) -> list[str]:
    if not mended:
        return []
    runs = ", ".join(dict.fromkeys(end.run for end in mended.values()))
    return [f"{_items(len(mended))} succeeded in rerun {runs} since (--again repeats them)"]


def _open_notes(without_end: Mapping[str, LaterEnd]) -> list[str]:
    by_run: dict[str, list[str]] = {}
    for item, end in without_end.items():
        by_run.setdefault(end.run, []).append(item)
    return [
        f"{_ids(items)}: sent in rerun {run}, no end on record, not repeated; see: dispatchfile watch {run}"
        for run, items in by_run.items()
    ]


def _unknown_note(unknown: Sequence[str]) -> list[str]:
    return [f"{_ids(unknown)}: unknown, may have run; --outcome unknown repeats it"] if unknown else []


def _unseen_note(run: str, unseen: Sequence[str]) -> list[str]:
    return [f"{_ids(unseen)}: no end on record; see: dispatchfile watch {run}"] if unseen else []


def _ids(items: Sequence[str]) -> str:
    more = f" and {len(items) - SHOWN_IDS:,} more" if len(items) > SHOWN_IDS else ""
    return ", ".join(items[:SHOWN_IDS]) + more


def _items(number: int) -> str:
    return f"{number:,} item{'s' * (number != 1)}"


def describe_counts(results: Results) -> str:
    """Return `997 succeeded, 3 failed`."""
    counts = results.counts()
    return ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome]) or "no items"
