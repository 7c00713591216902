"""Shows items that did not succeed: few one by one, many in groups, each with the command that runs it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from dispatchfile.reports.again import rerun_command, rerun_group
from dispatchfile.reports.endings import cause_of, message_of
from dispatchfile.reports.names import label_lines, listed_names
from dispatchfile.reports.table import INDENT, Copyable, fit, labelled, row_lines
from dispatchfile.reports.text import Palette, count_of, one_line
from dispatchfile.results import LOCAL, Group, Summary, bad_endings

LISTED_ITEMS = 10  # more are shown in groups
LISTED_GROUPS = 12  # also how many items are shown one by one if no two of them failed in the same way
GROUPS_WITH_NAMES = 6  # of more, only groups of a single item name it
LOG_NOT_READ = "log not read"
SOME_LOGS = "a run reads the logs of some failed items only; with --logs failed it reads all of them"


def endings_lines(summary: Summary, palette: Palette, width: int | None) -> list[str]:
    """Return a table of what did not succeed, and an empty line; no lines if there is none."""
    groups = bad_endings(summary)
    bad = sum(group.count for group in groups)
    if not bad:
        return []
    head = palette.bad(f"{bad:,} of {count_of(summary.counts['total'], 'item')} did not succeed:")
    shown = _items(summary, groups, width) if are_shown_singly(groups) else _groups(summary, groups, width)
    return [*fit([head, *shown, *_unread(summary, groups, palette, width), *since_lines(summary, groups)], width), ""]


def are_shown_singly(groups: Sequence[Group]) -> bool:
    """Return whether each item has a row of its own: there are few, or few groups and none of several items."""
    bad = sum(group.count for group in groups)
    return bad <= LISTED_ITEMS or bad == len(groups) <= LISTED_GROUPS


def _unread(summary: Summary, groups: Sequence[Group], palette: Palette, width: int | None) -> list[str]:
    """Say why some logs were not read, and how to read them where Nomad still has them."""
    if not any(group.log_unread for group in groups):
        return []
    if summary.target == LOCAL or not summary.has_journal:
        return [f"{LOG_NOT_READ}: {SOME_LOGS}"]
    command = palette.strong(f"dispatchfile logs {summary.run} --failed --tail 1")
    return labelled(f"{LOG_NOT_READ}: {SOME_LOGS}. To read them now", command, width)


def since_lines(summary: Summary, groups: Sequence[Group]) -> list[str]:
    """Say what reruns have made of these items."""
    ends = [summary.later[item_id] for group in groups for item_id in group.ids if item_id in summary.later]
    well = Counter(end.run for end in ends if end.is_good)
    unseen = Counter(end.run for end in ends if end.is_open)
    return [
        *(f"since then {count_of(count, 'item')} succeeded in rerun {run}" for run, count in well.items()),
        *(f"since then sent in rerun {run}: {count_of(count, 'item')}, no end seen" for run, count in unseen.items()),
    ]


def _items(summary: Summary, groups: Sequence[Group], width: int | None) -> list[str]:
    ids = {item_id for group in groups for item_id in group.ids}
    rows = [("ITEM", "OUTCOME", "CAUSE", "MESSAGE")]
    rows += [
        (label_lines(item), str(item.outcome), cause_of(item.cause, item.exit_code), message_of(item))
        for item in summary.items
        if item.id in ids
    ]
    again = rerun_command(summary, ids)
    table = [line for lines in row_lines(rows, width=width) for line in lines]
    return [*table, *(labelled("run again with", again, width) if again else [])]


def words_of(group: Group) -> str:
    """Return what the items of the group said: the last line of their logs, else the message on them."""
    if group.log_unread:
        return LOG_NOT_READ
    return one_line(group.last_line or group.message) or "-"


def _heading(groups: Iterable[Group]) -> str:
    """Return the head of the column of words."""
    kinds = {bool(group.last_line or group.log_unread) for group in groups}
    return {True: "LAST LOG LINE", False: "MESSAGE"}[kinds.pop()] if len(kinds) == 1 else "LAST LOG LINE OR MESSAGE"


def _groups(summary: Summary, groups: Sequence[Group], width: int | None) -> list[str]:
    shown = groups[:LISTED_GROUPS]
    rows = [("ITEMS", "OUTCOME", "CAUSE", _heading(shown))]
    rows += [
        (f"{group.count:,}", str(group.outcome), cause_of(group.cause, group.exit_code), words_of(group))
        for group in shown
    ]
    head, *blocks = row_lines(rows, width=width)
    lines = list(head)
    for group, block in zip(shown, blocks, strict=True):
        named = len(groups) <= GROUPS_WITH_NAMES or group.count == 1
        lines += [*block, *_below(summary, group, width, named=named)]
    return [*lines, *_rest(summary, groups, width)]


def _below(summary: Summary, group: Group, width: int | None, *, named: bool) -> list[str]:
    """Return the names of the group's items, and the command for exactly this group."""
    names = [listed_names(group.items, width)] if named else []
    command = rerun_group(summary, group)
    return [*names, *([Copyable(INDENT + command)] if command else [])]


def _rest(summary: Summary, groups: Sequence[Group], width: int | None) -> list[str]:
    left_out = groups[LISTED_GROUPS:]
    if not left_out:
        return []
    items = count_of(sum(group.count for group in left_out), "item")
    more = f"and {items} in {count_of(len(left_out), 'smaller group')} (-o json shows all)"
    again = rerun_command(summary, [item_id for group in groups for item_id in group.ids])
    return [more, *(labelled("run all of them again with", again, width) if again else [])]
