"""`logs`: what the tasks of a run's items wrote, from Nomad while Nomad has it, else the last line on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace

from dispatchfile.errors import NomadError, NomadForbidden, NomadNotFound, UsageError
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import Alloc, TaskState
from dispatchfile.results import ItemResult
from dispatchfile.usecases.choose import describe_counts
from dispatchfile.usecases.past import PastRun, RunName, read_past
from dispatchfile.usecases.running.connect import Connect, connected
from dispatchfile.usecases.select import select_items

MOST_BYTES = 1 << 20  # read of one stream of a task, from its end
BYTES_A_LINE = 1 << 10  # bytes read first for each line of a tail
AT_ONCE = 16
STREAMS = ("stdout", "stderr")

NOT_STARTED = "has not started, so there is no log"
NEVER_STARTED = "never started, so there is no log"
DISABLED = "logging is disabled for this task, so there is no log"
GONE = "gone from Nomad"
GONE_WITH_AGENT = "gone with the embedded agent that ran it"

# Beginnings and parts of Nomad's 404 texts. Source: hashicorp/nomad, client/fs_endpoint.go; observed on 2.0.5.
NOT_STARTED_TEXT = "not started yet. No logs available"
DISABLED_TEXT = "log entry for task "
NO_PATH_TEXT = "No path to node"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """The options of `logs`."""

    name: RunName
    connection: Connection
    items: Sequence[str] = ()  # as --only has them; none: all
    failed: bool = False  # only items that ran or waited and did not succeed
    streams: Sequence[str] = STREAMS
    tail: int | None = None  # the last lines of each stream of a task; None: all, up to MOST_BYTES


@dataclass(frozen=True, slots=True)
class TaskLog:
    """A stream of a task of an item, or the reason why there is none."""

    item: str
    source: str = ""  # tells tasks and allocations of one item apart; empty where the item has only one task
    task: str = ""  # empty: not known
    alloc_id: str = ""
    stream: str = ""  # "stdout" or "stderr"; empty: not known, or there are no lines
    lines: tuple[str, ...] = ()
    note: str = ""  # why lines are missing
    origin: str = ""  # where an item comes from whose id is not written in the manifest


@dataclass(frozen=True, slots=True)
class _AllocTask:
    """A task of an allocation, as Nomad lists it."""

    alloc: Alloc
    name: str
    source: str

    @property
    def state(self) -> TaskState:
        return self.alloc.task_states[self.name]

    def log(self, item: str, stream: str = "", lines: Sequence[str] = (), note: str = "") -> TaskLog:
        return TaskLog(item, self.source, self.name, self.alloc.id, stream, tuple(lines), note)


async def read_logs(options: LogOptions, *, connect: Connect = connected) -> AsyncIterator[TaskLog]:
    """
    Yield the logs of the selected items, in file order.

    Raises RunRefused, JournalError, UsageError if no item is selected, NomadForbidden if the token may not read logs,
    NomadError if Nomad does not answer.
    """
    past = read_past(options.name)
    results = _chosen(past, options)
    if past.stored.header.local:
        for result in results:
            yield replace(_log_on_record(result, GONE_WITH_AGENT), origin=result.source)
        return
    async with connect(options.connection, past.stored.header.settings) as client:
        patient = client.patient(past.stored.header.settings.unreachable_after)
        for start in range(0, len(results), AT_ONCE):
            some = results[start : start + AT_ONCE]
            found = await asyncio.gather(*(read_item_logs(patient, result, options) for result in some))
            for result, logs in zip(some, found, strict=True):
                for log in logs:
                    yield replace(log, origin=result.source)


def _chosen(past: PastRun, options: LogOptions) -> list[ItemResult]:
    named = _named(past, options.items) if options.items else None
    results = [result for result in past.results.items() if named is None or result.id in named]
    if options.failed:
        results = [result for result in results if result.outcome and result.outcome.exit_class == 2]
    if not results:
        selected = " ".join([*options.items, *(["--failed"] if options.failed else [])])
        raise UsageError(f"no item of run {past.facts.run} matches {selected} ({describe_counts(past.results)})")
    return results


def _named(past: PastRun, selectors: Sequence[str]) -> set[str]:
    items = tuple(past.reader.items(payloads=False))
    earlier = {result.id: result for result in past.results.items()}
    try:
        return {item.id for item in select_items(items, only=selectors, skip=(), earlier=earlier).selected}
    except UsageError as exc:
        raise UsageError(str(exc).removeprefix("--only ")) from exc  # here they are arguments


async def read_item_logs(client: Client, result: ItemResult, options: LogOptions) -> list[TaskLog]:
    """Return the logs of one item. Raises NomadError, NomadForbidden if the token may not read logs."""
    if not result.child:
        return [_log_on_record(result, "it has no child, so there is no log")]
    allocs = await client.read_allocations(result.child, namespace=result.namespace, region=result.region)
    tasks = _tasks_of(allocs)
    if not tasks:
        is_gone = result.outcome is not None and await _is_gone(client, result)
        return [_log_on_record(result, GONE if is_gone else NOT_STARTED)]
    logs = [log for task in tasks for log in await _logs_of_task(client, result, task, options)]
    is_listed = any(_decided(result, task) for task in tasks)
    return logs if is_listed or not result.last_log_line else [*logs, _log_on_record(result, GONE)]


async def _is_gone(client: Client, result: ItemResult) -> bool:
    """A child without a task may still wait in Nomad, or have ended there before one started."""
    if result.starts:
        return True
    try:
        await client.read_job(result.child, namespace=result.namespace, region=result.region)
    except NomadNotFound:
        return True
    return False


def newest_of_places(allocs: Iterable[Alloc]) -> list[Alloc]:
    """Return the newest allocation of each place of a group, in the order of their names."""
    newest = {alloc.name: alloc for alloc in sorted(allocs, key=lambda alloc: alloc.create_index)}
    return [newest[name] for name in sorted(newest)]


def _tasks_of(allocs: Iterable[Alloc]) -> list[_AllocTask]:
    tasks = [(alloc, task) for alloc in newest_of_places(allocs) for task in alloc.task_states]
    sources = _sources(tasks)
    return [_AllocTask(alloc, task, source) for (alloc, task), source in zip(tasks, sources, strict=True)]


def _sources(tasks: Sequence[tuple[Alloc, str]]) -> list[str]:
    """Return the part of `group[0]/task` that distinguishes the tasks of one item."""
    places = {alloc.name for alloc, _ in tasks}
    if len(tasks) == 1:
        return [""]
    if len(places) == 1:
        return [task for _, task in tasks]
    return [f"{alloc.name.removeprefix(f'{alloc.job_id}.')}/{task}" for alloc, task in tasks]


async def _logs_of_task(client: Client, result: ItemResult, task: _AllocTask, options: LogOptions) -> list[TaskLog]:
    """Return its streams that have lines; without any, one log that says why."""
    logs = []
    for stream in options.streams:
        try:
            written = await _read_stream(client, result, task, stream, options.tail)
        except NomadNotFound as error:
            return [_missing_log(result, task, error)]
        except NomadError as error:
            return [_unreadable_log(result, task, error)]
        if written.lines:
            logs.append(task.log(result.id, stream, written.lines, written.note(stream)))
    return logs or [task.log(result.id, note=f"nothing on {' or '.join(options.streams)}")]


@dataclass(frozen=True, slots=True)
class _StreamEnd:
    """The end of a stream."""

    lines: Sequence[str]
    is_cut: bool  # what was asked for does not fit into MOST_BYTES

    def note(self, stream: str) -> str:
        return f"shows only the last {MOST_BYTES >> 20} MiB of {stream}" if self.is_cut else ""


async def _read_stream(
    client: Client, result: ItemResult, task: _AllocTask, stream: str, tail: int | None
) -> _StreamEnd:
    """Raises NomadError, also NomadForbidden with the capability that the token lacks."""

    async def read(size: int) -> bytes:
        """Read one more byte than asked for, which shows whether there is more."""
        return await client.read_logs(
            task.alloc.id,
            task.name,
            stream=stream,
            tail_bytes=size + 1,
            namespace=result.namespace,
            region=result.region,
        )

    size = MOST_BYTES if tail is None else min(MOST_BYTES, tail * BYTES_A_LINE)
    try:
        lines, is_cut = _last_lines(await read(size), size)
        if is_cut and tail is not None and len(lines) < tail and size < MOST_BYTES:
            lines, is_cut = _last_lines(await read(MOST_BYTES), MOST_BYTES)
    except NomadForbidden as error:
        needed = f"the token lacks the capability read-logs in namespace {result.namespace!r}"
        raise NomadForbidden(f"{result.id}: {needed}: {error.message}", status=error.status) from error
    if tail is None:
        return _StreamEnd(lines, is_cut)
    return _StreamEnd(lines[-tail:], is_cut and len(lines) < tail)


def _last_lines(written: bytes, size: int) -> tuple[list[str], bool]:
    """Return the lines, from the first whole one if there is more than *size*, and whether there is more."""
    is_cut = len(written) > size
    text = written.decode("utf-8", "replace").removesuffix("\n")
    lines = text.split("\n") if written else []
    return (lines[1:] if is_cut and len(lines) > 1 else lines), is_cut


# Logs that Nomad does not give


def _missing_log(result: ItemResult, task: _AllocTask, error: NomadNotFound) -> TaskLog:
    """Nomad answers 404 to three different things, and to a node that it cannot reach."""
    if NOT_STARTED_TEXT in error.message or not task.state.started_at:
        return task.log(result.id, note=NEVER_STARTED if task.state.state == "dead" else NOT_STARTED)
    if error.message.startswith(DISABLED_TEXT):
        return task.log(result.id, note=DISABLED)
    if NO_PATH_TEXT in error.message:
        return _unreadable_log(result, task, error)
    return _log_in_place(result, task, GONE)


def _unreadable_log(result: ItemResult, task: _AllocTask, error: NomadError) -> TaskLog:
    if isinstance(error, NomadForbidden):
        raise error
    return _log_in_place(result, task, f"cannot be read: {error.message}")


def _decided(result: ItemResult, task: _AllocTask) -> bool:
    """Return whether the line in the journal is this task's."""
    return bool(result.last_log_line) and (result.alloc_id, result.task) == (task.alloc.id, task.name)


def _log_in_place(result: ItemResult, task: _AllocTask, why: str) -> TaskLog:
    """The line on record belongs to one task of one allocation, and is shown for no other."""
    if not _decided(result, task):
        return task.log(result.id, note=why)
    return task.log(result.id, lines=[result.last_log_line], note=f"{why}; this is the last line on record")


def _log_on_record(result: ItemResult, why: str) -> TaskLog:
    """Return what the journal has of a child whose tasks Nomad does not list."""
    if not result.last_log_line:
        return TaskLog(result.id, note=why)
    whose = f" of task {result.task}" if result.task else ""
    note = f"{why}; this is the last line{whose} on record"
    return TaskLog(result.id, task=result.task, alloc_id=result.alloc_id, lines=(result.last_log_line,), note=note)
