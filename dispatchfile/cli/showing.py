"""What `status`, `runs`, `logs` and `report` do: what is known of past runs, shown."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from dispatchfile.cli.conflicts import check_unasked
from dispatchfile.cli.fallback import describe_fault, plain_lines, tell_plainly
from dispatchfile.cli.options import Display
from dispatchfile.cli.past_run import PastCall, connection_to, name_run, terminal_width
from dispatchfile.cli.report_files import STANDARD_OUTPUT, ReportFile, report_pieces, write_report
from dispatchfile.cli.session import palette_for, tell
from dispatchfile.cli.terminal import write_result
from dispatchfile.clock import Clock
from dispatchfile.errors import DispatchfileError
from dispatchfile.reports.formats import OutputFormat, ReportKind
from dispatchfile.reports.history import Places, render_history
from dispatchfile.reports.item import text_of_item
from dispatchfile.reports.item_json import item_record
from dispatchfile.reports.pruned import render_pruned
from dispatchfile.reports.standing import Standing, text_of_standing
from dispatchfile.reports.summary import summary_pieces
from dispatchfile.reports.tasklogs import log_label, log_lines
from dispatchfile.reports.text import Palette, one_line, visible
from dispatchfile.reports.words import Level
from dispatchfile.results import Summary
from dispatchfile.usecases.item_status import find_item, read_item
from dispatchfile.usecases.logs import STREAMS, LogOptions, TaskLog, read_logs
from dispatchfile.usecases.past import PastRun, read_past
from dispatchfile.usecases.prune import PruneRule, prune
from dispatchfile.usecases.runs import RunFilter, read_history
from dispatchfile.usecases.watch import refresh_run

LOGS_SCHEMA = "dispatchfile/logs/v1"


# status


RenderStanding = Callable[[Standing, Palette, int | None], str]


def _standing_text(standing: Standing, palette: Palette, width: int | None) -> str:
    return text_of_standing(standing, palette=palette, width=width)


def show_status(call: PastCall, *, refresh: bool, render: RenderStanding = _standing_text) -> int:
    """Show where the run stands; return the exit code, which a fault in *render* does not change."""
    name, stored = call.find()
    if not refresh:
        check_unasked(call.connection, "--refresh", "without --refresh: the journal alone is read")
    past = read_past(name)
    summary = past.summary()
    if refresh:
        connection = connection_to(stored.header, call.connection, call.display)
        summary = asyncio.run(refresh_run(past, connection, clock=Clock()))
    try:
        for piece in _status_pieces(call, past, summary, render):
            write_result(piece)
    except DispatchfileError:
        raise
    except Exception as exc:  # noqa: BLE001  whatever a renderer fails with
        _tell_fault(exc, summary, call.display, on_result_stream=call.output is OutputFormat.TEXT)
    return 0


def show_item(call: PastCall, item: str, *, refresh: bool) -> int:
    """Show all about one item; return the exit code."""
    name, stored = call.find()
    past = read_past(name)
    found = find_item(past, item)
    connection = connection_to(stored.header, call.connection, call.display)
    detail = asyncio.run(read_item(past, found, name, connection, must_ask=refresh))
    if call.output is OutputFormat.TEXT:
        write_result(text_of_item(detail, palette=palette_for(call.display, sys.stdout), width=terminal_width()))
    else:
        indent = 2 if call.output is OutputFormat.JSON else None
        write_result(json.dumps(item_record(detail), indent=indent) + "\n")
    return 0


def _tell_fault(fault: Exception, summary: Summary, display: Display, *, on_result_stream: bool) -> None:
    """Say what is known of the run all the same."""
    tell(Level.ERROR, one_line(describe_fault(fault)), display)
    tell_plainly(plain_lines(summary), on_result_stream=on_result_stream)


def _status_pieces(call: PastCall, past: PastRun, summary: Summary, render: RenderStanding) -> Iterator[str]:
    if call.output is not OutputFormat.TEXT:
        yield from summary_pieces(summary, call.output)
        return
    status = past.stored.status
    process = f"process {status.pid} on {status.host}" if past.is_live else ""
    standing = Standing(summary, process, time.time())
    yield render(standing, palette_for(call.display, sys.stdout), terminal_width())


# runs


def show_runs(chosen: RunFilter, state_dir: str | None, output: OutputFormat, display: Display) -> int:
    """List the runs; return the exit code: 1 if there are journals that cannot be read, which are reported."""
    history = read_history(state_dir, os.environ, chosen)
    text = render_history(
        history.runs, output, width=terminal_width(), places=known_places(), is_filtered=history.is_filtered
    )
    write_result(text)
    for error in history.errors:
        tell(Level.WARNING, one_line(error), display)
    return 1 if history.errors else 0


def show_pruned(
    rule: PruneRule, state_dir: str | None, output: OutputFormat, display: Display, *, dry_run: bool
) -> int:
    """Remove old runs and show which; return the exit code: 1 if a journal cannot be read or removed."""
    pruned = prune(state_dir, os.environ, rule, now=time.time(), dry_run=dry_run)
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
        tell(Level.WARNING, one_line(error), display)
    return 1 if pruned.errors else 0


def known_places() -> Places:
    """Return the current folder and the home folder, as far as there are any."""
    home = os.path.expanduser("~")  # noqa: PTH111  Path.expanduser raises where there is none
    try:
        return Places(str(Path.cwd()), "" if home == "~" else home)
    except OSError:
        return Places("", home)  # the current folder was deleted


# report


def show_report(
    run: str | None,
    form: ReportKind,
    out: Path | None,
    state_dir: str | None,
    display: Display,
    *,
    render: Callable[[ReportKind, Summary], Iterator[str]] = report_pieces,
) -> int:
    """
    Write the report; return the exit code: 1 where there is none, as the report is all that is asked for.

    What the run came to is told even then.
    """
    summary = read_past(name_run(run, state_dir)).summary()
    try:
        _write_report(render(form, summary), form, out)
    except DispatchfileError:
        raise
    except Exception as exc:  # noqa: BLE001  whatever a renderer fails with
        _tell_fault(exc, summary, display, on_result_stream=False)
        return 1
    if out is not None and out != STANDARD_OUTPUT and not display.quiet:
        write_result(f"wrote {visible(str(out))}\n")
    return 0


def _write_report(pieces: Iterator[str], form: ReportKind, out: Path | None) -> None:
    if out is not None and out != STANDARD_OUTPUT:
        write_report(ReportFile(form, out, append=False), pieces)
        return
    for piece in pieces:
        write_result(piece)


# logs


def chosen_streams(*, stdout: bool, stderr: bool) -> Sequence[str]:
    """Return the streams named by flags, or both if none is."""
    named = [stream for stream, given in zip(STREAMS, (stdout, stderr), strict=True) if given]
    return named or STREAMS


def show_logs(call: PastCall, *, items: Sequence[str], failed: bool, streams: Sequence[str], tail: int | None) -> int:
    """Show what was written, as it comes; the exit code."""
    name, stored = call.find()
    options = LogOptions(
        name=name,
        connection=connection_to(stored.header, call.connection, call.display),
        items=items,
        failed=failed,
        streams=streams,
        tail=tail,
    )
    if call.output is OutputFormat.JSON:
        logs: list[TaskLog] = []
        asyncio.run(_read(options, logs.append))
        record = {"schema": LOGS_SCHEMA, "run": stored.header.id, "logs": [asdict(log) for log in logs]}
        write_result(json.dumps(record, indent=2) + "\n")
    else:
        asyncio.run(_read(options, _Shown(call)))
    return 0


async def _read(options: LogOptions, take: Callable[[TaskLog], None]) -> None:
    async for log in read_logs(options):
        take(log)


class _Shown:
    """Shows one log after the other: its lines are the result, what is to be said of it is not."""

    def __init__(self, call: PastCall) -> None:
        self._call, self._palette = call, palette_for(call.display, sys.stdout)
        self._numbers: dict[str, int] = {}  # of the items, for their colours

    def __call__(self, log: TaskLog) -> None:
        if self._call.output is OutputFormat.NDJSON:
            write_result(json.dumps(asdict(log)) + "\n")
            return
        name = log_label(log.item, log.source, origin=log.origin)
        if log.note and not self._call.display.quiet:
            tell(Level.INFO, one_line(f"{name}: {log.note}"), self._call.display)
        number = self._numbers.setdefault(log.item, len(self._numbers))
        label = log_label(log.item, log.source, log.stream, origin=log.origin)
        lines = log_lines(label, log.lines, number, palette=self._palette, safe=sys.stdout.isatty())
        write_result("".join(f"{line}\n" for line in lines))
