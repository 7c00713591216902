"""Shows what `prune` removed, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from dispatchfile.journal import StoredRun
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.history import Places, Runs, run_json, runs_table
from dispatchfile.reports.table import fit
from dispatchfile.reports.text import count_of, one_line

PRUNE_SCHEMA = "dispatchfile/prune/v1"

Needed = Sequence[tuple[StoredRun, str, str]]  # runs with their states and the reasons why they stay


def render_pruned(
    removed: Runs,
    needed: Needed,
    form: OutputFormat,
    *,
    kept: int,
    dry_run: bool,
    width: int | None = None,
    places: Places = Places(),  # noqa: B008  it is frozen
) -> str:
    """Return a table of the removed runs and a line for each old run that stays, or one JSON object."""
    if form is OutputFormat.TEXT:
        lines = fit(_lines(len(removed), needed, kept, dry_run=dry_run), width)
        return runs_table(removed, width, places) + "".join(f"{line}\n" for line in lines)
    record = {
        "schema": PRUNE_SCHEMA,
        "dry_run": dry_run,
        "removed": [run_json(stored, state) for stored, state in removed],
        "needed": [run_json(stored, state) | {"reason": reason} for stored, state, reason in needed],
        "kept": kept,
    }
    return json.dumps(record, indent=2 if form is OutputFormat.JSON else None) + "\n"


def _lines(removed: int, needed: Needed, kept: int, *, dry_run: bool) -> Iterator[str]:
    for stored, _, reason in needed:
        yield one_line(f"kept run {stored.header.id}: {reason}")
    if dry_run:
        yield f"would remove {count_of(removed, 'run')} and keep {kept:,}; nothing was removed (--dry-run)"
    else:
        yield f"removed {count_of(removed, 'run')}, kept {kept:,}"
