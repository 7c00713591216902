"""`status`: the state of a run, or of one of its items."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from dispatchfile.cli.candidates import complete_items
from dispatchfile.cli.option_groups import ConnectionFlags, Display
from dispatchfile.cli.options import OutputAtOnce, Run, StateDir
from dispatchfile.cli.terminal import terminal_width, write_result
from dispatchfile.reports.formats import OutputFormat

if TYPE_CHECKING:
    from dispatchfile.journal import StoredRun
    from dispatchfile.reports.status import StatusView
    from dispatchfile.reports.text import Palette
    from dispatchfile.results import Summary
    from dispatchfile.usecases.past import PastRun, RunName


def status(
    *,
    run: Run = None,
    item: Annotated[
        str | None,
        typer.Argument(
            metavar="[ITEM]",
            autocompletion=complete_items,
            help="Show all about one item: its ID, a unique prefix of it, or a job ID in Nomad.",
            show_default=False,
        ),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Also ask Nomad about each item that has not ended.")
    ] = False,
    state_dir: StateDir = None,
    connection: ConnectionFlags,
    output: OutputAtOnce = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Show the state of a run.

    Reads the run's journal; sends and changes nothing. With ITEM, shows the item's request, attempts, times and causes,
    and reads its evaluations, allocations and last log lines from Nomad, if Nomad answers; with --refresh, it must.
    Exit code: 0, however the run ended.
    """
    from dispatchfile.cli.past_run import find_past_run

    found = find_past_run(run, state_dir)
    if item is not None:
        return _show_item(found, item, connection, output, display, refresh=refresh)
    return show_status(found, connection, output, display, refresh=refresh)


def _text_of_run(view: StatusView, palette: Palette, width: int | None) -> str:
    from dispatchfile.reports.status import text_of_status

    return text_of_status(view, palette=palette, width=width)


def show_status(
    found: tuple[RunName, StoredRun],
    flags: ConnectionFlags,
    output: OutputFormat,
    display: Display,
    *,
    refresh: bool,
    render: Callable[[StatusView, Palette, int | None], str] = _text_of_run,
) -> int:
    """Show where the run stands; return the exit code, which a fault in *render* does not change."""
    import asyncio

    from dispatchfile.cli.conflicts import check_unasked
    from dispatchfile.cli.past_run import connection_to
    from dispatchfile.cli.session import print_fault
    from dispatchfile.clock import Clock
    from dispatchfile.errors import DispatchfileError
    from dispatchfile.usecases.past import read_past
    from dispatchfile.usecases.watch import refresh_run

    name, stored = found
    if not refresh:
        check_unasked(flags, "--refresh", "without --refresh: the journal alone is read")
    past = read_past(name)
    summary = past.summary()
    if refresh:
        summary = asyncio.run(refresh_run(past, connection_to(stored.header, flags, display), clock=Clock()))
    try:
        for piece in _pieces(past, summary, output, display, render):
            write_result(piece)
    except DispatchfileError:
        raise
    except Exception as exc:  # noqa: BLE001  whatever a renderer fails with
        print_fault(exc, summary, display, on_result_stream=output is OutputFormat.TEXT)
    return 0


def _pieces(
    past: PastRun,
    summary: Summary,
    output: OutputFormat,
    display: Display,
    render: Callable[[StatusView, Palette, int | None], str],
) -> Iterator[str]:
    from dispatchfile.cli.session import palette_for
    from dispatchfile.reports.status import StatusView
    from dispatchfile.reports.summary import summary_pieces

    if output is not OutputFormat.TEXT:
        yield from summary_pieces(summary, output)
        return
    status = past.stored.status
    process = f"process {status.pid} on {status.host}" if past.is_live else ""
    yield render(StatusView(summary, process, time.time()), palette_for(display, sys.stdout), terminal_width())


def _show_item(
    found: tuple[RunName, StoredRun],
    item: str,
    flags: ConnectionFlags,
    output: OutputFormat,
    display: Display,
    *,
    refresh: bool,
) -> int:
    """Show all about one item; return the exit code."""
    import asyncio

    from dispatchfile.cli.past_run import connection_to
    from dispatchfile.cli.session import palette_for
    from dispatchfile.reports.item import text_of_item
    from dispatchfile.reports.item_json import item_record
    from dispatchfile.usecases.item_status import find_item, read_item
    from dispatchfile.usecases.past import read_past

    name, stored = found
    past = read_past(name)
    item_id = find_item(past, item)
    connection = connection_to(stored.header, flags, display)
    detail = asyncio.run(read_item(past, item_id, name, connection, must_ask=refresh))
    if output is OutputFormat.TEXT:
        write_result(text_of_item(detail, palette=palette_for(display, sys.stdout), width=terminal_width()))
    else:
        indent = 2 if output is OutputFormat.JSON else None
        write_result(json.dumps(item_record(detail), indent=indent) + "\n")
    return 0
