"""`prune`: old journals removed."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated

import typer

from dispatchfile.cli.option_groups import Display
from dispatchfile.cli.options import OutputAtOnce, StateDir
from dispatchfile.cli.terminal import terminal_width, write_result
from dispatchfile.errors import UsageError
from dispatchfile.reports.formats import OutputFormat

if TYPE_CHECKING:
    from dispatchfile.usecases.prune import PruneRule


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
    from dispatchfile.cli.past_run import known_places
    from dispatchfile.cli.session import print_message
    from dispatchfile.reports.pruned import render_pruned
    from dispatchfile.reports.text import one_line
    from dispatchfile.reports.words import LogLevel
    from dispatchfile.usecases.prune import prune as remove_runs

    pruned = remove_runs(state_dir, os.environ, _read_rule(older_than, keep), now=time.time(), dry_run=dry_run)
    text = render_pruned(
        pruned.removed,
        pruned.needed,
        output,
        kept=pruned.kept,
        dry_run=dry_run,
        width=terminal_width(),
        places=known_places(),
    )
    write_result(text)
    for error in pruned.errors:
        print_message(LogLevel.WARNING, one_line(error), display)
    return 1 if pruned.errors else 0


def _read_rule(older_than: str | None, keep: int | None) -> PruneRule:
    from dispatchfile.usecases.prune import PruneRule, parse_age

    if (older_than is None) == (keep is None):
        raise UsageError("give either --older-than or --keep, for example: dispatchfile prune --older-than 30d")
    try:
        age = None if older_than is None else parse_age(older_than)
    except ValueError as exc:
        raise UsageError(f"--older-than: {exc}") from exc
    return PruneRule(age, keep)
