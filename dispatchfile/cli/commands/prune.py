"""`prune`: old journals removed."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatchfile.cli.options import Display, OutputAtOnce, StateDir
from dispatchfile.errors import UsageError
from dispatchfile.reports.formats import OutputFormat


def prune(
    *,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="TIME", help="Remove runs that ended longer ago: 30d, 12h, 2w."),
    ] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", metavar="N", min=0, help="Remove all runs but the newest N.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed; remove nothing.")] = False,
    state_dir: StateDir = None,
    output: OutputAtOnce = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Remove the journals of old runs.

    A run stays if it is running or unfinished, if it has items whose end was not seen (dispatched, placed, unknown), or
    if another run that stays needs it. Jobs in Nomad are not touched. A damaged journal is reported, never removed.
    Exit code: 0, or 1 if a journal cannot be read or removed.
    """
    from dispatchfile.cli.showing import show_pruned  # noqa: PLC0415  --help needs none of it
    from dispatchfile.usecases.prune import PruneRule, parse_age  # noqa: PLC0415

    if (older_than is None) == (keep is None):
        raise UsageError("give either --older-than or --keep, for example: dispatchfile prune --older-than 30d")
    try:
        age = None if older_than is None else parse_age(older_than)
    except ValueError as exc:
        raise UsageError(f"--older-than: {exc}") from exc
    return show_pruned(PruneRule(age, keep), state_dir, output, display, dry_run=dry_run)
