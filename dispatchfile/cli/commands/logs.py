"""`logs`: what the tasks of a run's items wrote."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dispatchfile.cli.candidates import complete_items, complete_runs
from dispatchfile.cli.option_groups import ConnectionFlags, Display
from dispatchfile.cli.options import OutputOfMany, StateDir
from dispatchfile.cli.terminal import write_result
from dispatchfile.reports.formats import OutputFormat

if TYPE_CHECKING:
    from dispatchfile.usecases.logs import LogOptions, TaskLog

LOGS_SCHEMA = "dispatchfile/logs/v1"


def logs(
    *,
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            autocompletion=complete_runs,
            help="A run ID, a unique prefix of one, or a manifest (its latest run).",
        ),
    ],
    items: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ITEM]...",
            autocompletion=complete_items,
            help="Items: a glob of IDs, tag:NAME, job:NAME, outcome:NAME, exit:CODE or group:HASH. [default: all]",
            show_default=False,
        ),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only items that ran and did not succeed.")] = False,
    stdout: Annotated[bool, typer.Option("--stdout", help="Only standard output. [default: both streams]")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="Only standard error. [default: both streams]")] = False,
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail", metavar="N", min=1, help="The last N lines of each stream of a task. [default: the last 1 MiB]"
        ),
    ] = None,
    state_dir: StateDir = None,
    connection: ConnectionFlags,
    output: OutputOfMany = OutputFormat.TEXT,
    display: Display,
) -> int:
    """
    Show what the tasks of a run wrote.

    Each line follows the id of its item; lines of standard error are marked (stderr). The lines come from Nomad while
    Nomad has them. Of a log that is gone, the journal has at most the last line of the task that decided how the item
    ended. For an item with several attempts, shows the last one. Exit code: 0.
    """
    import asyncio

    from dispatchfile.cli.past_run import connection_to, find_past_run
    from dispatchfile.usecases.logs import LogOptions

    name, stored = find_past_run(run, state_dir)
    options = LogOptions(
        name=name,
        connection=connection_to(stored.header, connection, display),
        items=items or (),
        failed=failed,
        streams=_streams(stdout=stdout, stderr=stderr),
        tail=tail,
    )
    if output is OutputFormat.JSON:
        texts: list[TaskLog] = []
        asyncio.run(_read(options, texts.append))
        record = {"schema": LOGS_SCHEMA, "run": stored.header.id, "logs": [asdict(log) for log in texts]}
        write_result(json.dumps(record, indent=2) + "\n")
    elif output is OutputFormat.NDJSON:
        asyncio.run(_read(options, lambda log: write_result(json.dumps(asdict(log)) + "\n")))
    else:
        asyncio.run(_read(options, _LogLines(display).show))
    return 0


def _streams(*, stdout: bool, stderr: bool) -> Sequence[str]:
    """Return the streams named by flags, or both if none is."""
    from dispatchfile.usecases.logs import STREAMS

    named = [stream for stream, given in zip(STREAMS, (stdout, stderr), strict=True) if given]
    return named or STREAMS


async def _read(options: LogOptions, take: Callable[[TaskLog], None]) -> None:
    from dispatchfile.usecases.logs import read_logs

    async for log in read_logs(options):
        take(log)


class _LogLines:
    """Shows one log after the other: its lines are the result, notes on it are not."""

    def __init__(self, display: Display) -> None:
        from dispatchfile.cli.session import palette_for

        self._display, self._palette = display, palette_for(display, sys.stdout)
        self._numbers: dict[str, int] = {}  # of the items, for their colours

    def show(self, log: TaskLog) -> None:
        from dispatchfile.cli.session import print_message
        from dispatchfile.reports.tasklogs import log_label, log_lines
        from dispatchfile.reports.text import one_line
        from dispatchfile.reports.words import LogLevel

        name = log_label(log.item, log.source, origin=log.origin)
        if log.note and not self._display.quiet:
            print_message(LogLevel.INFO, one_line(f"{name}: {log.note}"), self._display)
        number = self._numbers.setdefault(log.item, len(self._numbers))
        label = log_label(log.item, log.source, log.stream, origin=log.origin)
        lines = log_lines(label, log.lines, number, palette=self._palette, safe=sys.stdout.isatty())
        write_result("".join(f"{line}\n" for line in lines))
