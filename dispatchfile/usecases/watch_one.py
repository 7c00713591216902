"""Watches one child: its evaluation as `nomad` monitors it, then the child itself until it has its verdict."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dispatchfile.clock import Clock
from dispatchfile.engine import Listing, LogReads, Observer, ParentSpec, commands
from dispatchfile.engine.happenings import ChildMoved, Judged, PollDenied, Reached, Troubled, Vanished, WatchDenied
from dispatchfile.engine.watcher import Report
from dispatchfile.errors import NomadError, NomadForbidden, NomadNotFound
from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.names import JobKey
from dispatchfile.nomad.changes import ENDED, Change, EvalMissing, EvalWatched, Look, changes_since, look_at
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.models import Alloc, Evaluation, Job
from dispatchfile.settings import Settings, Wait
from dispatchfile.verdict import explain_placement_failure

LOOK_PAUSE_S = 1.0
REPORTED_AFTER_S = 5.0
PHANTOM = "Nomad has no such job: dispatch it again"


class WatchListener(Protocol):
    """Receives what a watch has seen. Every call must return immediately."""

    def changed(self, change: Change) -> None:
        """Something about the evaluation, in the order in which `nomad` tells it."""

    def moved(self, state: State, message: str) -> None:
        """The child is where it was not before."""

    def trouble(self, message: str) -> None:
        """Nomad has not answered for a while; the watch goes on."""


@dataclass(slots=True)
class ChildWatch:
    """The parameters of watching a child: where, for whom, and how long Nomad may fail to answer."""

    client: Client
    namespace: str  # empty: the connection's own
    clock: Clock
    watcher: WatchListener
    limit_s: float
    silent_since: float | None = None
    is_reported: bool = False

    def answered(self) -> None:
        self.silent_since, self.is_reported = None, False

    def is_in_vain(self, error: str) -> bool:
        """Return whether the watch has to end with this *error*."""
        now = self.clock.now()
        self.silent_since = now if self.silent_since is None else self.silent_since
        if now - self.silent_since >= REPORTED_AFTER_S and not self.is_reported:
            self.is_reported = True
            self.watcher.trouble(f"{error}; retrying")
        return now - self.silent_since >= self.limit_s

    def gives_up(self) -> Verdict:
        return Verdict(Outcome.UNKNOWN, Cause.UNREACHABLE, f"no answer from Nomad for {self.limit_s:g} s")


# Its evaluation


async def watch_evaluation(watch: ChildWatch, eval_id: str) -> Verdict:
    """
    Return whether everything was placed, by the evaluation and those that follow it immediately.

    A blocked one is not followed: that the child is left queued is a placement failure, as for `nomad`.
    """
    while True:
        watch.watcher.changed(EvalWatched(eval_id))
        try:
            ended = await _watch_one_evaluation(watch, eval_id)
        except (NomadNotFound, NomadForbidden) as error:
            watch.watcher.changed(EvalMissing(eval_id))
            cause = Cause.PERMISSION if isinstance(error, NomadForbidden) else Cause.NO_EVAL
            return Verdict(Outcome.UNKNOWN, cause, f"its evaluation cannot be read: {error.message}")
        if ended is None:
            return watch.gives_up()
        if not ended.next_eval:
            return _judge(ended)
        eval_id = ended.next_eval


async def _watch_one_evaluation(watch: ChildWatch, eval_id: str) -> Evaluation | None:
    """Return the evaluation at its end, None if Nomad gave no answer for too long."""
    last = Look()
    while True:
        try:
            evaluation, allocs = await _read_evaluation(watch, eval_id)
        except (NomadNotFound, NomadForbidden):
            raise
        except NomadError as error:
            if watch.is_in_vain(error.message):
                return None
        else:
            watch.answered()
            for change in changes_since(last, evaluation, allocs):
                watch.watcher.changed(change)
            if evaluation.status in ENDED:
                return evaluation
            last = look_at(evaluation, allocs)
        await watch.clock.sleep(LOOK_PAUSE_S)


async def _read_evaluation(watch: ChildWatch, eval_id: str) -> tuple[Evaluation, Sequence[Alloc]]:
    evaluation = await watch.client.read_evaluation(eval_id, namespace=watch.namespace)
    return evaluation, await watch.client.read_evaluation_allocations(eval_id, namespace=watch.namespace)


def _judge(evaluation: Evaluation) -> Verdict:
    if evaluation.failed_groups:
        return Verdict(Outcome.UNPLACED, Cause.NO_CAPACITY, explain_placement_failure(evaluation.failed_groups))
    if evaluation.status == "failed":
        return Verdict(Outcome.UNPLACED, Cause.EVAL_FAILED, evaluation.status_description)
    if evaluation.status == "canceled":  # by a newer one, of a stop or of an operator's
        return Verdict(Outcome.DISPATCHED, message=evaluation.status_description)
    return Verdict(Outcome.PLACED)


# The child


async def watch_child(watch: ChildWatch, child_id: str, like: Job, *, tokened: bool) -> Verdict:
    """
    Return the child's verdict, however long it takes.

    like: a job with the child's groups, in the child's namespace: itself, or its parent. tokened: the child may never
    have been there.
    """
    job = JobKey(like.namespace, "", like.parent_id or like.id)
    groups = {group.name: group for group in like.groups}
    seen = _ChildVerdict(watch)
    command = commands.Watch(
        (child_id, 1), 1, child_id, job, is_listed=True, may_be_phantom=tokened, wait=Wait.COMPLETION
    )
    work = asyncio.create_task(_observe(watch, command, ParentSpec(like.type, groups, Listing(child_id)), seen))
    either: list[asyncio.Future[None] | asyncio.Future[Verdict]] = [work, seen.verdict]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    return seen.verdict.result()


async def _observe(watch: ChildWatch, command: commands.Watch, job: ParentSpec, seen: _ChildVerdict) -> None:
    async with asyncio.TaskGroup() as group:
        observer = Observer(
            watch.client,
            group,
            seen.take,
            clock=watch.clock,
            settings=Settings(wait=Wait.COMPLETION),
            jobs={command.job: job},
            logs=LogReads(at_most=1),
            is_old_server=True,  # unknown, so a child that looks dead is looked at once more
        )
        seen.look_at_all = lambda: observer.look_at_all(commands.LookAtAll(command.job))
        observer.watch(command)
        observer.start()


class _ChildVerdict:
    """The records of the only child, until it has its verdict."""

    def __init__(self, watch: ChildWatch) -> None:
        self.verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._watch = watch
        self.look_at_all: Callable[[], None] = lambda: None  # once there is somebody who can look

    def take(self, report: Report) -> None:
        match report:
            case ChildMoved():
                self._watch.watcher.moved(report.state, report.message)
            case Judged():
                self._end(report.verdict)
            case Vanished():
                self._end(Verdict(Outcome.UNKNOWN, Cause.PHANTOM, PHANTOM))
            case WatchDenied():
                message = f"the token no longer has permission to read this child: {report.failure.message}"
                self._end(Verdict(Outcome.UNKNOWN, Cause.PERMISSION, message))
            case Troubled():
                if self._watch.is_in_vain(report.failure.message):
                    self._end(self._watch.gives_up())
            case PollDenied():
                self.look_at_all()
            case Reached():
                self._watch.answered()

    def _end(self, verdict: Verdict) -> None:
        if not self.verdict.done():
            self.verdict.set_result(verdict)
