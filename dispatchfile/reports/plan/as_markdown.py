"""A plan as a comment of a pull request: the same bytes for the same inputs, and never more than GitHub takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dispatchfile.planfile import Change, Review
from dispatchfile.reports.markdown import escaped
from dispatchfile.reports.plan.lines import (
    SIGNS,
    ItemGroup,
    changed_lines,
    file_lines,
    groups_of,
    job_lines,
    removed_line,
    totals,
)
from dispatchfile.reports.text import count_of, visible

MOST_CHARACTERS = 65_536  # of a comment. Source: GitHub's API, "Body is too long (maximum is 65536 characters)"
RESERVED = 2_000  # for what follows the items
SHOWN_REMOVED = 20
SHOWN_FILE_LINES = 60


def plan_markdown(review: Review) -> str:
    """Return the plan without anything that the journal or a server's address adds."""
    head = [
        f"### Plan of {escaped(review.head.name)}: {escaped(totals(review))}",
        "",
        *(f"- {escaped(line)}" for line in _some(list(job_lines(review)))),
        "",
        *_files(review),
    ]
    tail = list(_tail(review))
    room = MOST_CHARACTERS - RESERVED - sum(len(line) + 1 for line in (*head, *tail))
    return "\n".join([*head, *_items(review, room), *tail]) + "\n"


def _files(review: Review) -> Iterator[str]:
    """Yield in which fields job files differ from the jobs in Nomad, folded."""
    lines = [line for file in review.files if file.changes for line in (f"{file.file}:", *file_lines(file))]
    if lines:
        yield from ("<details><summary>Job files</summary>",)
        yield from _fenced([visible(line)[:300] for line in lines[:SHOWN_FILE_LINES]])
        yield from ("</details>", "")


def _some(lines: list[str]) -> list[str]:
    more = len(lines) - SHOWN_REMOVED
    return [line[:300] for line in lines[:SHOWN_REMOVED]] + ([f"and {more:,} more"] if more > 0 else [])


def _items(review: Review, room: int) -> Iterator[str]:
    groups = groups_of(review)
    if not groups:
        return
    yield from ("<details><summary>Items</summary>", "")
    for number, group in enumerate(groups):
        lines = list(_group(review, group))
        room -= sum(len(line) + 1 for line in lines)
        if room < 0:
            left = sum(len(rest.items) for rest in groups[number:])
            yield from ("", f"and {count_of(left, 'more item')}")
            break
        yield from lines
    yield from ("", "</details>", "")


def _group(review: Review, group: ItemGroup) -> Iterator[str]:
    first, last = group.items[0], group.items[-1]
    name = (
        escaped(first.id)
        if group.is_single
        else f"{len(group.items):,} items, {escaped(first.id)} … {escaped(last.id)}"
    )
    change = f" {group.change}" if group.change else ""
    yield f"- `{SIGNS[group.change]}` {name}{change}, job {escaped(first.request.job)}"
    found = review.difference(first)
    if found is None or found.change is not Change.CHANGED:
        return
    lines = [line for key in found.keys for line in (changed_lines(key) if group.is_single else [key.key])]
    yield from _fenced([visible(line.removeprefix("  ")) for line in lines])


def _fenced(lines: list[str]) -> Iterator[str]:
    """Yield the lines as a block that none of them can end."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from ("", f"  {fence}diff", *(f"  {line}" for line in lines), f"  {fence}", "")


def _tail(review: Review) -> Iterator[str]:
    if line := removed_line(review):
        removed = review.comparison.removed if review.comparison else ()
        yield from (f"{escaped(line)}: {escaped(', '.join(item.id for item in removed[:SHOWN_REMOVED]))}", "")
    yield f"Digest: `{review.digest}`"
