"""`logs`: what the tasks of a run's items wrote, from Nomad as long as it has that, else the last line on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace

from dispatchfile.errors import NomadError, NomadForbidden, NomadNotFound, UsageError
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import Alloc
from dispatchfile.results import ItemResult
from dispatchfile.usecases.past import PastRun, RunName, read_past
from dispatchfile.usecases.run import Connect, connected
from dispatchfile.usecases.select import select_items

MOST_BYTES = 1 << 20  # of one task's log
BYTES_A_LINE = 1 << 10  # of a tail of lines, so many bytes each are asked for
AT_ONCE = 16
GONE = "gone from Nomad"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """What `logs` is asked to show."""

    name: RunName
    connection: Connection
    items: Sequence[str] = ()  # as --only has them; none: all
    failed: bool = False  # only items that ran or waited and did not end well
    stream: str = "stdout"  # or "stderr"
    tail: int | None = None  # so many lines of each task; None: all, but for MOST_BYTES


@dataclass(frozen=True, slots=True)
class TaskLog:
    """What one task of an item wrote, or what is known of it."""

    item: str
    source: str = ""  # tells tasks and allocations of one item apart; empty where there is one
    lines: tuple[str, ...] = ()
    note: str = ""  # what is to be said of it, such as that it is gone


async def read_logs(options: LogOptions, *, connect: Connect = connected) -> AsyncIterator[TaskLog]:
    """
    The logs of the chosen items, in file order, as they come.

    Raises RunRefused, JournalError, UsageError for a choice that takes nothing, NomadForbidden where the token may not
    read logs, NomadError where Nomad does not answer.
    """
    past = read_past(options.name)
    results = _chosen(past, options)
    if past.stored.header.local:
        for result in results:
            yield _on_record(result, "gone with the embedded agent that ran it")
        return
    async with connect(options.connection, past.stored.header.settings) as client:
        for start in range(0, len(results), AT_ONCE):
            some = results[start : start + AT_ONCE]
            for logs in await asyncio.gather(*(_logs_of(client, result, options) for result in some)):
                for log in logs:
                    yield log


def _chosen(past: PastRun, options: LogOptions) -> list[ItemResult]:
    named = _named(past, options.items) if options.items else None
    results = [result for result in past.results.items() if named is None or result.id in named]
    if options.failed:
        results = [result for result in results if result.outcome and result.outcome.exit_class == 2]
    if not results:
        raise UsageError(f"run {past.facts.run} has no such items that ran and failed, as far as its journal knows")
    return results


def _named(past: PastRun, wanted: Sequence[str]) -> set[str]:
    items = tuple(past.reader.items(payloads=False))
    outcomes = {result.id: result.outcome for result in past.results.items() if result.outcome}
    try:
        return {item.id for item in select_items(items, only=wanted, skip=(), outcomes=outcomes).selected}
    except UsageError as exc:
        raise UsageError(str(exc).removeprefix("--only ")) from exc  # here they are arguments


async def _logs_of(client: Client, result: ItemResult, options: LogOptions) -> list[TaskLog]:
    if not result.child:
        return [_on_record(result, "has no child, so no log")]
    allocs = await client.read_allocations(result.child, namespace=result.namespace, region=result.region)
    tasks = [(alloc, task) for alloc in newest_of_places(allocs) for task in alloc.task_states]
    if not tasks:
        is_gone = result.outcome is not None and await _is_gone(client, result)
        return [_on_record(result, GONE if is_gone else "no task of it has begun")]
    logs = [await _log_of_task(client, result, alloc, task, options) for alloc, task in tasks]
    sources = _sources(tasks)
    return [
        _on_record(result, GONE, source) if log is None else replace(log, source=source)
        for log, source in zip(logs, sources, strict=True)
    ]


async def _is_gone(client: Client, result: ItemResult) -> bool:
    """A child without a task may still wait in Nomad, or have ended there before one began."""
    if result.starts:
        return True
    try:
        await client.read_job(result.child, namespace=result.namespace, region=result.region)
    except NomadNotFound:
        return True
    return False


def newest_of_places(allocs: Iterable[Alloc]) -> list[Alloc]:
    """Of each place of a group, its newest allocation, in the order of their names."""
    newest = {alloc.name: alloc for alloc in sorted(allocs, key=lambda alloc: alloc.create_index)}
    return [newest[name] for name in sorted(newest)]


def _sources(tasks: Sequence[tuple[Alloc, str]]) -> list[str]:
    """As much of `group[0]/task` as it takes to tell these tasks of one item apart."""
    places = {alloc.name for alloc, _ in tasks}
    if len(tasks) == 1:
        return [""]
    if len(places) == 1:
        return [task for _, task in tasks]
    return [f"{alloc.name.removeprefix(f'{alloc.job_id}.')}/{task}" for alloc, task in tasks]


async def _log_of_task(
    client: Client, result: ItemResult, alloc: Alloc, task: str, options: LogOptions
) -> TaskLog | None:
    """None where it is gone."""
    wanted = MOST_BYTES if options.tail is None else min(MOST_BYTES, options.tail * BYTES_A_LINE)
    try:
        written = await client.read_logs(
            alloc.id,
            task,
            stream=options.stream,
            tail_bytes=wanted,
            namespace=result.namespace,
            region=result.region,
        )
    except NomadForbidden as error:
        needed = f"the token lacks the capability read-logs in namespace {result.namespace!r}"
        raise NomadForbidden(f"{result.id}: {needed}: {error.message}", status=error.status) from error
    except NomadNotFound:
        return None
    except NomadError as error:
        return _on_record(result, f"cannot be read: {error.message}")
    return _told(result.id, written, options, is_cut=len(written) == wanted)


def _told(item: str, written: bytes, options: LogOptions, *, is_cut: bool) -> TaskLog:
    lines = written.decode("utf-8", "replace").removesuffix("\n").split("\n") if written else []
    if is_cut and len(lines) > 1:
        lines = lines[1:]  # of which only the end was read
    note = "" if lines else f"nothing on {options.stream}"
    if is_cut and options.tail is None:
        note = f"only the last {MOST_BYTES >> 20} MiB of it"
    return TaskLog(item, lines=tuple(lines if options.tail is None else lines[-options.tail :]), note=note)


def _on_record(result: ItemResult, why: str, source: str = "") -> TaskLog:
    """What the journal kept: at most the last line of the task that decided."""
    last = (result.last_log_line,) if result.last_log_line else ()
    return TaskLog(result.id, source, last, f"{why}; this is the last line on record" if last else why)
