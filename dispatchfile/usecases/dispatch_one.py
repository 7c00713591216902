"""`dispatch`: one job dispatched once, and watched as far as asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from dispatchfile.clock import Clock
from dispatchfile.errors import (
    NomadAmbiguous,
    NomadError,
    NomadForbidden,
    NomadNotFound,
    NomadRefused,
)
from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.items import DispatchRequest
from dispatchfile.nomad.changes import Change
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connecting import client_of
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import Dispatched, Job
from dispatchfile.settings import Settings, Wait, format_duration
from dispatchfile.usecases.dispatch_record import DispatchRecord, RecordedDispatch
from dispatchfile.usecases.resolve_job import FoundJob, resolve_job
from dispatchfile.usecases.watch_one import ChildWatch, WatchListener, watch_child, watch_evaluation

CONNECTIONS = 4
LAST_LOOK_S = 5.0  # after the timeout, for the end of a job that is dead already
DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchOptions:
    """The options of `dispatch`."""

    connection: Connection
    job: str  # an ID, or the beginning of one
    payload: bytes | None = None  # None: none was given, which Nomad counts like an empty one
    meta: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    prefix: str = ""  # sent as it is; nothing is added
    priority: int | None = None
    wait: Wait = Wait.PLACEMENT
    timeout: timedelta | None = None  # from the dispatch to its end; the job is left alone


@dataclass(frozen=True, slots=True)
class DispatchedChild:
    """A child that Nomad has for the dispatch."""

    id: str
    eval_id: str  # empty: it was there before, or its parent is periodic
    existing: bool  # Nomad already had it for the token
    job: str
    namespace: str  # empty: Nomad's default


@dataclass(frozen=True, slots=True)
class DispatchEnd:
    """The result of the dispatch. Without a child it was refused, or its result is not known."""

    job: str
    namespace: str  # empty: Nomad's default
    verdict: Verdict
    child: DispatchedChild | None = None
    error: NomadError | None = None  # what the dispatch itself met
    run: str = ""  # the ID under which it is on record; empty: it is not

    @property
    def exit_code(self) -> int:
        return self.verdict.outcome.exit_class


class DispatchWatcher(WatchListener, Protocol):
    """Receives the events of the dispatch."""

    def sending(self, job: FoundJob) -> None:
        """The request is about to leave: from now on the job may be dispatched."""

    def accepted(self, child: DispatchedChild) -> None:
        """Nomad has a child."""


class _Recording:
    """A watcher whose child's moves are put on record too."""

    def __init__(self, watcher: DispatchWatcher, record: DispatchRecord) -> None:
        self._watcher, self._record = watcher, record

    def changed(self, change: Change) -> None:
        self._watcher.changed(change)

    def moved(self, state: State, message: str) -> None:
        self._record.moved(state, message)
        self._watcher.moved(state, message)

    def trouble(self, message: str) -> None:
        self._watcher.trouble(message)


async def dispatch_one(
    options: DispatchOptions, *, watcher: DispatchWatcher, clock: Clock, record: DispatchRecord
) -> DispatchEnd:
    """
    Find the job, dispatch it with one request, watch the child as far as asked.

    The request is never repeated: what may have been carried out is *unknown*. Whatever becomes of it is put on record.
    Raises NoSuchJob, SeveralJobs and
    JobsUnlisted where the job is not clear, UsageError and FileError for a connection that cannot be made.
    """
    try:
        end = await _dispatch_and_follow(options, watcher, clock, record)
    except BaseException:
        await record.interrupt()
        raise
    await record.end(end.verdict, end.exit_code)
    return replace(end, run=record.run)


async def _dispatch_and_follow(
    options: DispatchOptions, watcher: DispatchWatcher, clock: Clock, record: DispatchRecord
) -> DispatchEnd:
    connection = options.connection
    async with client_of(connection, max_connections=CONNECTIONS) as client:
        limit = Settings().unreachable_after
        patient = client.patient(limit)
        found = await resolve_job(patient, options.job, namespace=connection.namespace)
        job = replace(found, namespace=found.namespace or connection.namespace)
        watch = ChildWatch(client, job.namespace, clock, _Recording(watcher, record), limit.total_seconds())
        try:
            parent = await _read_parent(patient, job) if options.wait is Wait.COMPLETION else None
            await record.begin(_recorded(job, options))
            watcher.sending(job)
            child = await _dispatch(client, job, options)
        except NomadError as error:
            return DispatchEnd(job.id, job.namespace, _verdict_of(error), error=error)
        record.accepted(child.id, child.eval_id, existing=child.existing)
        watcher.accepted(child)
        return DispatchEnd(job.id, job.namespace, await _follow_in_time(watch, child, parent, options), child)


def _recorded(job: FoundJob, options: DispatchOptions) -> RecordedDispatch:
    return RecordedDispatch(
        address=options.connection.address,
        prefix=options.prefix,
        wait=options.wait,
        timeout=options.timeout,
        request=DispatchRequest(
            job=job.id,
            namespace=job.namespace or DEFAULT_NAMESPACE,
            region=options.connection.region,
            payload=options.payload,
            meta=dict(options.meta),
            priority=options.priority,
            token=options.token or None,
        ),
    )


async def _read_parent(client: Client, job: FoundJob) -> Job | None:
    """
    Read what must be known about a job before waiting for its child.

    Raises NomadForbidden and NomadRefused where waiting would be in vain: then nothing is sent.
    """
    try:
        parent = await client.read_job(job.id, namespace=job.namespace)
    except NomadForbidden as error:
        told = f"{error.message}: to wait for the job, the token needs read-job; nothing was dispatched"
        raise NomadForbidden(told) from error
    except NomadNotFound:
        return None  # the dispatch says it better
    if parent.periodic:
        raise NomadRefused("the job is periodic, so its dispatches never end; nothing was dispatched")
    return parent


# The request


async def _dispatch(client: Client, job: FoundJob, options: DispatchOptions) -> DispatchedChild:
    """Sent once more only where Nomad has answered with a child that it does not have."""
    answer = await _send(client, job, options)
    if options.token and answer.eval_id and not await _exists(client, job, answer.child):
        answer = await _send(client, job, options)
    existing = bool(options.token) and not answer.eval_id and await _is_hit(client, job, answer)
    return DispatchedChild(answer.child, answer.eval_id, existing, job.id, job.namespace)


async def _send(client: Client, job: FoundJob, options: DispatchOptions) -> Dispatched:
    return await client.dispatch_job(
        job.id,
        namespace=job.namespace,
        payload=options.payload,
        meta=options.meta,
        id_prefix=options.prefix,
        token=options.token or None,
        priority=options.priority,
    )


async def _exists(client: Client, job: FoundJob, child: str) -> bool:
    """
    Return whether the child exists. Of two simultaneous dispatches with a new token, one may get a phantom.

    That one was not carried out, and the answer to a second try names the child of the other. Observed since 1.11.2.
    """
    try:
        await client.read_job(child, namespace=job.namespace)
    except NomadNotFound:
        return False
    except NomadError:
        return True  # not to be known
    return True


async def _is_hit(client: Client, job: FoundJob, answer: Dispatched) -> bool:
    """A new child without an evaluation is one of a periodic job; its hits are known by their index alone."""
    if answer.is_hit:
        return True
    try:
        return not (await client.read_job(answer.child, namespace=job.namespace)).periodic
    except NomadError:
        return True


def _verdict_of(error: NomadError) -> Verdict:
    match error:
        case NomadForbidden():
            return Verdict(Outcome.REFUSED, Cause.PERMISSION, error.message)
        case NomadRefused():
            return Verdict(Outcome.REFUSED, Cause.VALIDATION, error.message)
        case NomadAmbiguous():
            return Verdict(Outcome.UNKNOWN, None, error.message)
    return Verdict(Outcome.UNSENT, Cause.UNREACHABLE, error.message)


# Watching


async def _follow_in_time(
    watch: ChildWatch, child: DispatchedChild, parent: Job | None, options: DispatchOptions
) -> Verdict:
    """Follow the child within the timeout. An end that Nomad shows by then counts, whether it was seen or not."""
    if options.timeout is None:
        return await _follow(watch, child, parent, options)
    too_late = f"exceeded its timeout of {format_duration(options.timeout)}: not stopped"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(options.timeout.total_seconds()):
            return await _follow(watch, child, parent, options)
    if options.wait is Wait.COMPLETION and await _is_dead(watch, child):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_LOOK_S):
                return await _follow_to_the_end(watch, child, parent, tokened=bool(options.token))
    return Verdict(Outcome.TIMED_OUT, Cause.DEADLINE, too_late)


async def _is_dead(watch: ChildWatch, child: DispatchedChild) -> bool:
    with contextlib.suppress(NomadError, TimeoutError):
        async with asyncio.timeout(LAST_LOOK_S):
            return (await watch.client.read_job(child.id, namespace=child.namespace)).status == "dead"
    return False


async def _follow(watch: ChildWatch, child: DispatchedChild, parent: Job | None, options: DispatchOptions) -> Verdict:
    completion = options.wait is Wait.COMPLETION
    if options.wait is Wait.DETACH or not (child.eval_id or completion):
        return Verdict(Outcome.DISPATCHED)
    if child.eval_id:
        placed = await watch_evaluation(watch, child.eval_id)
        if not completion or placed.cause is Cause.UNREACHABLE:
            return placed
    return await _follow_to_the_end(watch, child, parent, tokened=bool(options.token))


async def _follow_to_the_end(
    watch: ChildWatch, child: DispatchedChild, parent: Job | None, *, tokened: bool
) -> Verdict:
    try:
        like = await _read_like(watch, child, parent)
    except NomadNotFound:
        return Verdict(Outcome.UNKNOWN, Cause.COLLECTED, "garbage-collected before its end was seen")
    except NomadError as error:
        return Verdict(Outcome.UNKNOWN, _verdict_of(error).cause, error.message)
    if like.periodic:
        return Verdict(Outcome.DISPATCHED, message="the job is periodic and never ends")
    return await watch_child(watch, child.id, like, tokened=tokened)


async def _read_like(watch: ChildWatch, child: DispatchedChild, parent: Job | None) -> Job:
    """A child that was there before may have other groups than its parent has now."""
    if parent is not None and not child.existing:
        return parent
    return await watch.client.read_job(child.id, namespace=child.namespace)
