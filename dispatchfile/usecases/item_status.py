"""`status RUN ITEM`: all about one item, from the journal and, if it can be read, from Nomad."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from dispatchfile.errors import NomadError, NomadNotFound, UsageError
from dispatchfile.items import Item
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import Evaluation
from dispatchfile.results import ItemResult
from dispatchfile.results.detail import InNomad, ItemDetail, LogTail
from dispatchfile.settings import Settings
from dispatchfile.similar import similar_names
from dispatchfile.usecases.attempts import read_attempts
from dispatchfile.usecases.logs import LogOptions, read_item_logs
from dispatchfile.usecases.past import PastRun, RunName
from dispatchfile.usecases.reruns import read_later_ends
from dispatchfile.usecases.running.connect import Connect, connected
from dispatchfile.verdict import explain_placement_failure

LOG_LINES = 10
PATIENCE = timedelta(seconds=5)  # a look at the journal does not wait long for Nomad
SHOWN_NAMES = 5
NEAR_MISSES = 3
LOCAL = "the embedded agent that ran it has ended"
NO_CHILD = "no child is known"
HIDDEN_LOGS = "not shown: the lines may repeat a sensitive value; `dispatchfile logs` shows them"


def find_item(past: PastRun, name: str) -> Item:
    """
    Return the item, with its payload, by its ID, by a child's ID, or by a unique prefix of either.

    Raises UsageError with near misses, and JournalError.
    """
    progress = past.reader.attempts()
    children = {one.accepted.child: item for (item, _), one in progress.items() if one.accepted}
    ids = {result.id for result in past.results.items()}
    item_id = _resolve(name, ids, children, past.facts.run)
    return next(item for item in past.reader.items() if item.id == item_id)


def _resolve(name: str, ids: set[str], children: Mapping[str, str], run: str) -> str:
    if name in ids:
        return name
    if name in children:
        return children[name]
    found = sorted({id_ for id_ in ids if id_.startswith(name)})
    found = found or sorted({item for child, item in children.items() if child.startswith(name)})
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{name!r} matches {len(found):,} items of run {run}: {_names(found)}")
    near = _near_misses(name, ids)
    hint = f"did you mean {' or '.join(near)}?" if near else f"`dispatchfile status {run} -o json` lists its items"
    raise UsageError(f"run {run} has no item {name!r}: {hint}")


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN_NAMES]) + (", ..." if len(names) > SHOWN_NAMES else "")


def _near_misses(name: str, ids: Iterable[str]) -> list[str]:
    """Return the IDs that the name may stand for, and those that contain it."""
    near = similar_names(name, sorted(ids), most=NEAR_MISSES)
    inside = sorted(id_ for id_ in ids if name.casefold() in id_.casefold())
    return list(dict.fromkeys([*near, *inside]))[:NEAR_MISSES]


async def read_item(
    past: PastRun,
    item: Item,
    name: RunName,
    connection: Connection,
    *,
    must_ask: bool = False,
    connect: Connect = connected,
) -> ItemDetail:
    """
    Return all about the item.

    must_ask: raise the NomadError of a Nomad that cannot be read, instead of going without. Raises JournalError.
    """
    result = past.results.item(item.id)
    detail = ItemDetail(
        run=past.facts.run,
        run_state=past.state,
        target=past.facts.target,
        item=item,
        result=result,
        attempts=read_attempts(past.reader, item.id).get(item.id, []),
        nomad=None,
        unread=LOCAL if past.stored.header.local else "" if result.child else NO_CHILD,
        is_dispatch=past.stored.header.is_dispatch,
        later=read_later_ends(past.reader.path.parents[1], past.facts.run).get(item.id),
    )
    if detail.unread:
        return detail
    settings = past.stored.header.settings if must_ask else _impatient(past.stored.header.settings)
    options = LogOptions(name=name, connection=connection, tail=LOG_LINES)
    try:
        async with connect(connection, settings) as client:
            patient = client.patient(settings.unreachable_after)
            return replace(detail, nomad=await _look(patient, item, result, options))
    except NomadError as error:
        if must_ask:
            raise
        return replace(detail, unread=error.message)


def _impatient(settings: Settings) -> Settings:
    return replace(settings, unreachable_after=min(settings.unreachable_after, PATIENCE))


async def _look(client: Client, item: Item, result: ItemResult, options: LogOptions) -> InNomad:
    place = {"namespace": result.namespace, "region": result.region}
    evaluations, allocs = await asyncio.gather(
        client.read_evaluations(result.child, **place), client.read_allocations(result.child, **place)
    )
    found = InNomad(
        evaluations=sorted(evaluations, key=lambda each: each.create_index),
        allocs=sorted(allocs, key=lambda alloc: alloc.create_index),
        logs=await _logs(client, item, result, options),
        waits_for=_waits_for(evaluations),
    )
    try:
        job = await client.read_job(result.child, **place)
    except NomadNotFound:
        return found
    return replace(found, job_status=job.status, stopped=job.stop)


def _waits_for(evaluations: Iterable[Evaluation]) -> str:
    """Return what the child waits for, according to its blocked evaluation, if it has one."""
    blocked = [each for each in evaluations if each.status == "blocked" and each.failed_groups]
    newest = max(blocked, key=lambda each: each.create_index, default=None)
    return explain_placement_failure(newest.failed_groups) if newest else ""


async def _logs(client: Client, item: Item, result: ItemResult, options: LogOptions) -> tuple[LogTail, ...]:
    if item.sensitive:
        return (LogTail("", "", (), HIDDEN_LOGS),)
    try:
        logs = await read_item_logs(client, result, options)
    except NomadError as error:
        return (LogTail("", "", (), f"cannot be read: {error.message}"),)
    return tuple(LogTail(log.source, log.stream, log.lines, log.note) for log in logs)
