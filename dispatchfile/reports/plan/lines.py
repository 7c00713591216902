"""The lines that all forms of a plan share: groups of items, totals and values."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dispatchfile.items import Item
from dispatchfile.planfile import Change, ChangedKey, FileState, JobChange, JobFileReview, Review
from dispatchfile.reports.text import count_of, shorten, visible

SIGNS = {Change.NEW: "+", Change.CHANGED: "~", Change.UNCHANGED: "=", None: "+"}
FIELD_SIGNS = {"added": "+", "deleted": "-", "edited": "~"}
MASKED = "***"
SHOWN_FIELDS = 20
SHOWN_DIFF_LINES = 12
SHOWN_VALUE = 200
FEWEST_IN_A_GROUP = 6


@dataclass(frozen=True, slots=True)
class ItemGroup:
    """Items with the same source, job, change and state; one alone is shown by its ID."""

    items: Sequence[Item]
    change: Change | None
    known: str

    @property
    def is_single(self) -> bool:
        return len(self.items) == 1


def groups_of(review: Review, *, every: bool = False) -> list[ItemGroup]:
    """Return the items to send in file order; many of the same kind are one group, unless *every* one is wanted."""
    found: dict[tuple[object, ...], list[Item]] = {}
    for item in review.items:
        change = _change(review, item)
        keys = tuple(key.key for key in review.comparison.differences[item.id].keys) if review.comparison else ()
        kind = (item.position, item.request.job_key, change, keys, review.known.get(item.id, ""))
        found.setdefault(kind, []).append(item)
    groups: list[ItemGroup] = []
    for items in found.values():
        parts = [[item] for item in items] if every or len(items) < FEWEST_IN_A_GROUP else [items]
        groups += [ItemGroup(part, _change(review, part[0]), review.known.get(part[0].id, "")) for part in parts]
    return groups


def _change(review: Review, item: Item) -> Change | None:
    found = review.difference(item)
    return None if found is None else found.change


def totals(review: Review) -> str:
    """Return `12 to send: 9 new, 3 changed; 40 left out`."""
    parts = [f"{review.counts[change]:,} {change}" for change in Change if review.counts[change]]
    kinds = f": {', '.join(parts)}" if parts else ""
    left = f"; {review.head.left_out:,} left out" if review.head.left_out else ""
    return f"{len(review.items):,} to send{kinds}{left}"


def removed_line(review: Review) -> str:
    """Return how many items are gone since, or nothing."""
    removed = review.comparison.removed if review.comparison else ()
    if not removed:
        return ""
    return f"{count_of(len(removed), 'item')} removed since {_base(review)}: a plan undoes nothing"


def _base(review: Review) -> str:
    return review.comparison.base if review.comparison else ""


def job_lines(review: Review) -> Iterator[str]:
    """Yield each job with its version and its number of items."""
    counts: dict[object, int] = {}
    for item in review.items:
        counts[item.request.job_key] = counts.get(item.request.job_key, 0) + 1
    for job in review.head.jobs:
        namespace, region, name = job.key
        where = f"namespace {namespace}" + (f", region {region}" if region else "")
        pin = "not pinned" if job.job_modify_index is None else f"JobModifyIndex {job.job_modify_index}"
        file = review.file_of(job.key)
        compared = f"; {file.file} {_compared(file)}" if file else ""
        yield f"{name} ({where}, {pin}): {count_of(counts.get(job.key, 0), 'item')}{compared}"


def _compared(file: JobFileReview) -> str:
    if file.state is FileState.ABSENT:
        return "is not registered yet"
    if file.state is FileState.DIFFERENT:
        return f"differs from the job in Nomad ({count_of(len(file.changes), 'field')})"
    return "equals the job in Nomad" if file.state is FileState.SAME else file.note


def file_lines(file: JobFileReview) -> list[str]:
    """Return each field in which the job of the file differs from the job in Nomad."""
    lines = [_field_line(change) for change in file.changes]
    more = len(lines) - SHOWN_FIELDS
    return lines[:SHOWN_FIELDS] + ([f"… {count_of(more, 'field')} more"] if more > 0 else [])


def _field_line(change: JobChange) -> str:
    sign = FIELD_SIGNS.get(change.kind, "~")
    if change.before is None or change.after is None:
        return f"{sign} {change.field} (--show-values shows it)"
    before, after = (_shown(value) for value in (change.before, change.after))
    values = {"added": after, "deleted": before}.get(change.kind, f"{before} → {after}")
    return f"{sign} {change.field}: {values}"


# Values


def changed_lines(key: ChangedKey) -> list[str]:
    """Return a changed value as lines: a short one as `before → after`, a payload as a diff."""
    if key.is_sensitive:
        return [f"{key.key}: {MASKED} (sensitive)"]
    before, after = _text(key.before), _text(key.after)
    if before is None or after is None:
        return [f"{key.key}: {_shown(key.before)} → {_shown(key.after)}"]
    if key.key != "payload" and "\n" not in before + after:
        return [f"{key.key}: {_shown(key.before)} → {_shown(key.after)}"]
    return [f"{key.key}:", *(f"  {line}" for line in _diff(_by_key(before), _by_key(after)))]


def _text(value: bytes | str | None) -> str | None:
    """Return the value as text; None for bytes that are none."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _shown(value: bytes | str | None) -> str:
    if value is None:
        return "(none)"
    text = _text(value)
    if text is None:
        content = value if isinstance(value, bytes) else b""
        return f"{count_of(len(content), 'byte')}, sha256 {hashlib.sha256(content).hexdigest()[:12]}"
    return json.dumps(shorten(text, SHOWN_VALUE), ensure_ascii=False) if not text.isprintable() or not text else text


def _by_key(text: str) -> list[str]:
    """Return the lines of the text; JSON with one key a line."""
    try:
        return json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True).splitlines()
    except (ValueError, RecursionError):
        return text.split("\n")


def _diff(before: list[str], after: list[str]) -> list[str]:
    lines = [line for line in list(difflib.unified_diff(before, after, lineterm="", n=0))[2:] if line[:2] != "@@"]
    more = len(lines) - SHOWN_DIFF_LINES
    return [
        *(visible(shorten(line, SHOWN_VALUE)) for line in lines[:SHOWN_DIFF_LINES]),
        *([f"… {count_of(more, 'line')} more"] if more > 0 else []),
    ]
