"""The command that runs some items of a run again, and nothing else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from dispatchfile.events import Outcome
from dispatchfile.reports.text import visible
from dispatchfile.results import Group, ItemResult, Summary, group_endings

NAMED_IDS = 5  # in a command that could not be shorter
MOST_NAMED_IDS = 50  # of items that no group of the journal holds
SHORT_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")  # any other is named by its group, which makes a shorter command
UNFINISHED = frozenset({"running", "interrupted"})
PROGRAM = "dispatchfile"


def rerun_group(summary: Summary, group: Group) -> str:
    """Return the command that runs the group again, and no other item; empty where a rerun would be refused."""
    if not can_rerun(summary) or superseded(summary).issuperset(group.ids):
        return ""
    if group.count == 1 and SHORT_ID.fullmatch(group.example.id):
        return f"{PROGRAM} rerun {summary.run} {_by_ids(group.items)}"
    return " ".join([f"{PROGRAM} rerun {summary.run}", *_naming_unknown(group.items), f"--only group:{group.name}"])


def can_rerun(summary: Summary) -> bool:
    """
    Return whether `rerun` takes the run.

    Not while it is unfinished, and not without a journal. A run is over if nothing but children go on that it has let
    go of.
    """
    is_unfinished = summary.state in UNFINISHED and not (summary.state == "running" and summary.detached)
    return summary.has_journal and not is_unfinished


def superseded(summary: Summary) -> frozenset[str]:
    """Return the items that `rerun` leaves out: they succeeded in a rerun since, or have no end on record there."""
    return frozenset(item for item, end in summary.later.items() if end.is_good or end.is_open)


def rerun_command(summary: Summary, ids: Collection[str]) -> str:
    """
    Return the shortest command that runs just these items again; empty where a rerun would be refused.

    Of items that no outcome and no group tells from others, at most 50 are named, and the command says so.
    """
    wanted = set(ids) - superseded(summary)
    if not wanted or not can_rerun(summary):
        return ""
    summary = _as_on_record(summary)
    chosen = [item for item in summary.items if item.id in wanted]
    start = f"{PROGRAM} rerun {summary.run}"
    for option, taken in _choices(summary, chosen):
        if taken == wanted:
            return f"{start} {option}"
    unknown = _naming_unknown(chosen)
    if len(wanted) <= NAMED_IDS and all(map(SHORT_ID.fullmatch, wanted)):
        return " ".join([start, *unknown, *_naming(wanted)])
    if groups := _groups_of(summary, wanted):
        return " ".join([start, *unknown, *(f"--only group:{group.name}" for group in groups)])
    return f"{start} {_by_ids(chosen)}"


def _by_ids(items: Sequence[ItemResult]) -> str:
    """Options that name the items, or as many as a command may name."""
    names = _naming(item.id for item in items)
    options = " ".join([*_naming_unknown(items), *names[:MOST_NAMED_IDS]])
    return options if len(names) <= MOST_NAMED_IDS else f"{options}  # the first {MOST_NAMED_IDS} of {len(names):,}"


def _groups_of(summary: Summary, wanted: Collection[str]) -> list[Group]:
    """Return the groups that hold just what is wanted; none if there are none that do."""
    groups = [group for group in group_endings(summary.items) if not set(group.ids).isdisjoint(wanted)]
    return groups if sum(group.count for group in groups) == len(wanted) else []


def _as_on_record(summary: Summary) -> Summary:
    """Return the summary as `rerun` sees it: with the latest ends over the run and its reruns."""
    if not summary.later:
        return summary
    items = [_on_record(item, summary) for item in summary.items]
    return replace(summary, items=tuple(item for item in items if item is not None))


def _on_record(item: ItemResult, summary: Summary) -> ItemResult | None:
    later = summary.later.get(item.id)
    if later is not None:
        return None if later.is_open else replace(item, outcome=later.outcome, cause=later.cause)
    return item


def _naming(ids: Iterable[str]) -> list[str]:
    quoted = [visible(shlex.quote(item_id)) for item_id in sorted(ids)]
    return [f"--only={name}" if name.startswith("-") else f"--only {name}" for name in quoted]


def _choices(summary: Summary, chosen: Sequence[ItemResult]) -> list[tuple[str, set[str]]]:
    """Options of `rerun` that take all that are *chosen*, each with what it takes."""
    outcomes, causes = {item.outcome for item in chosen}, {item.cause for item in chosen}
    alike = [item for item in summary.items if item.outcome in outcomes]
    choices = [(_options("outcome", outcomes), {item.id for item in alike})]
    if all(causes):
        named = _naming_unknown(chosen)
        others = alike if named else [item for item in summary.items if item.outcome is not Outcome.UNKNOWN]
        taken = {item.id for item in others if item.cause in causes}
        choices.append((" ".join([*named, _options("cause", causes)]), taken))
    if all(map(_is_failed, outcomes)):
        choices.insert(0, ("--failed", {item.id for item in summary.items if _is_failed(item.outcome)}))
    return choices


def _naming_unknown(chosen: Iterable[ItemResult]) -> list[str]:
    """An unknown item may have run: `rerun` takes it only where that outcome is named, and then those named only."""
    outcomes = {item.outcome for item in chosen}
    return [_options("outcome", outcomes)] if Outcome.UNKNOWN in outcomes else []


def _options(name: str, values: Iterable[object]) -> str:
    return " ".join(sorted(f"--{name} {value}" for value in values))


def _is_failed(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.is_rerun
