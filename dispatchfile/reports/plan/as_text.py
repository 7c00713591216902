"""A plan on the terminal: it fits on a screen, unless every item is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from dispatchfile.planfile import Change, Review
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
from dispatchfile.reports.table import Copyable, fit, labelled
from dispatchfile.reports.text import PLAIN, Palette, count_of, visible

SHOWN_GROUPS = 20
SHOWN_JOBS = 5
SHOWN_REMOVED = 5


def plan_text(review: Review, *, every: bool = False, palette: Palette = PLAIN, width: int | None = None) -> str:
    """Return the plan as lines; every: one for each item. Lines are wrapped at the *width*, if there is one."""
    lines = [*_head(review, every=every), "", *_items(review, palette, every=every), *_foot(review, palette, width)]
    return "".join(line + "\n" for line in fit(lines, width))


def _head(review: Review, *, every: bool) -> Iterator[str]:
    where = f", checked against {visible(review.address)}" if review.address else ", no server was asked"
    yield f"Plan of {visible(review.head.name)} ({visible(review.manifest)}){'' if review.is_file else where}"
    jobs = list(job_lines(review))
    yield from (f"  {visible(line)}" for line in (jobs if every else jobs[:SHOWN_JOBS]))
    if len(jobs) > SHOWN_JOBS and not every:
        yield f"  and {count_of(len(jobs) - SHOWN_JOBS, 'more job')}"
    for file in review.files:
        if file.changes:
            yield f"  {visible(file.file)}:"
            yield from (f"    {visible(line)}" for line in file_lines(file))


def _items(review: Review, palette: Palette, *, every: bool) -> Iterator[str]:
    groups = groups_of(review, every=every)
    shown = groups if every else groups[:SHOWN_GROUPS]
    for group in shown:
        yield _line(group, palette)
        found = review.difference(group.items[0])
        if found is not None and found.change is Change.CHANGED:
            for key in found.keys:
                lines = changed_lines(key) if group.is_single else [key.key]
                yield from (f"    {visible(line)}" for line in lines)
    if len(groups) > len(shown):
        left = sum(len(group.items) for group in groups[len(shown) :])
        yield f"  and {count_of(left, 'more item')} (--all shows each)"
    if groups:
        yield ""


def _line(group: ItemGroup, palette: Palette) -> str:
    sign, first, last = SIGNS[group.change], group.items[0], group.items[-1]
    paint = palette.doubtful if group.change is Change.CHANGED else palette.good
    name = visible(first.id) if group.is_single else f"{len(group.items):,} items, {first.id} … {last.id}"
    place = first.row or first.position
    where = f"{place.file}:{place.line}" if group.is_single else place.file
    known = f"  [{visible(group.known)}]" if group.known else ""
    change = f"  {group.change}" if group.change else ""
    return f"{paint(sign)} {visible(name)}{change}  {palette.faint(visible(f'{first.request.job}  {where}'))}{known}"


def _foot(review: Review, palette: Palette, width: int | None) -> Iterator[str]:
    yield palette.strong(totals(review))
    if line := removed_line(review):
        removed = review.comparison.removed if review.comparison else ()
        names = ", ".join(item.id for item in removed[:SHOWN_REMOVED])
        yield f"{visible(line)} ({visible(names)}{', …' if len(removed) > SHOWN_REMOVED else ''})"
    yield Copyable(f"digest {review.digest}")
    if review.out:
        out = visible(review.out)
        yield from labelled(f"written to {out}; send it with", f"dispatchfile run {out}", width)
