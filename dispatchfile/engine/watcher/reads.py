"""Reads one child: its job, its allocations, its evaluations and its log."""

from __future__ import annotations

from dataclasses import replace

from dispatchfile.engine.commands import ReadLog
from dispatchfile.engine.spec import ParentSpec
from dispatchfile.engine.watcher.register import Watched
from dispatchfile.errors import NomadError, NomadNotFound
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.models import Alloc, Evaluation, Job
from dispatchfile.settings import Wait
from dispatchfile.verdict import ChildRecords

LOG_TAIL_BYTES = 4_096


async def read_records(
    client: Client, watched: Watched, job: ParentSpec, *, may_list: bool, is_old_server: bool, age_s: float
) -> ChildRecords:
    """
    Read the child's records. Raises NomadError.

    Status first, then allocations, then evaluations: each read may only be newer than the one before.
    """
    is_placement = watched.command.wait is Wait.PLACEMENT
    wants_job = not is_placement and (not watched.status or not watched.command.is_listed)
    child = await _read_job(client, watched) if wants_job else None
    gone = wants_job and child is None
    allocs = () if is_placement else await _read_allocations(client, watched)
    wants_evals = is_placement or watched.status == "pending" or not allocs
    evals = await read_evaluations(client, watched) if wants_evals else None
    if not wants_job and not allocs and not evals:
        child = await _read_job(client, watched)
        gone = child is None
    listed = watched.status if may_list else ""  # allocations tell no job's status
    records = ChildRecords(
        status=listed,
        stop=watched.stop,
        type=job.type,
        groups=job.groups,
        allocs=allocs,
        evals=evals,
        gone=gone,
        seen_alive=watched.seen_alive,
        server_before_2_0_1=is_old_server,
        age_s=age_s,
    )
    if child is None:
        return records
    groups = {group.name: group for group in child.groups}
    return replace(records, status=child.status, stop=child.stop, type=child.type, groups=groups)


async def _read_job(client: Client, watched: Watched) -> Job | None:
    namespace, region, _ = watched.command.job
    try:
        return await client.read_job(watched.command.child, namespace=namespace, region=region)
    except NomadNotFound:
        return None


async def _read_allocations(client: Client, watched: Watched) -> tuple[Alloc, ...]:
    namespace, region, _ = watched.command.job
    return tuple(await client.read_allocations(watched.command.child, namespace=namespace, region=region))


async def read_evaluations(client: Client, watched: Watched) -> tuple[Evaluation, ...]:
    """Read the child's evaluations. Raises NomadError."""
    namespace, region, _ = watched.command.job
    return tuple(await client.read_evaluations(watched.command.child, namespace=namespace, region=region))


async def read_last_line(client: Client, command: ReadLog) -> tuple[str, bool]:
    """Return the last line of the task's log, empty if there is none, and whether there may be one that is unread."""
    is_unread = False
    for stream in ("stderr", "stdout"):
        line = await _read_stream(client, command, stream)
        if line:
            return line, False
        is_unread = is_unread or line is None
    return "", is_unread


async def _read_stream(client: Client, command: ReadLog, stream: str) -> str | None:
    """Return the last line, empty if there is none, None if it cannot be read."""
    namespace, region, _ = command.job
    try:
        tail = await client.read_logs(
            command.alloc_id,
            command.task,
            stream=stream,
            tail_bytes=LOG_TAIL_BYTES,
            namespace=namespace,
            region=region,
        )
    except NomadError:
        return None
    lines = tail.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
