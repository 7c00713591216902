"""One child watched: its evaluation as `nomad` monitors it, then the child itself until it has its verdict."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dispatchfile.clock import Clock
from dispatchfile.errors import NomadError, NomadForbidden, NomadNotFound
from dispatchfile.events import Cause, Event, Moved, Outcome, State, Verdict
from dispatchfile.flow import Ticket
from dispatchfile.items import DispatchRequest, Item, Retry
from dispatchfile.monitor import Child, LogReads, Monitor, ParentFacts
from dispatchfile.nomad.changes import ENDED, Change, EvalMissing, EvalWatched, Look, changes_since, look_at
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.models import Alloc, Evaluation, Job
from dispatchfile.settings import Settings, Wait
from dispatchfile.source import Position
from dispatchfile.verdict import explain_placement_failure

LOOK_PAUSE_S = 1.0
TOLD_AFTER_S = 5.0


class Watcher(Protocol):
    """Who is told what a watch has seen. Every call has to return at once."""

    def changed(self, change: Change) -> None:
        """Something about the evaluation, in the order in which `nomad` tells it."""

    def moved(self, state: State, message: str) -> None:
        """The child is where it was not before."""

    def trouble(self, message: str) -> None:
        """Nomad has not answered for a while; the watch goes on."""


@dataclass(slots=True)
class Watch:
    """How a child is watched: where, for whom, and how long Nomad may give no answer meanwhile."""

    client: Client
    namespace: str  # empty: the connection's own
    clock: Clock
    watcher: Watcher
    limit_s: float
    silent_since: float | None = None
    is_told: bool = False

    def answered(self) -> None:
        self.silent_since, self.is_told = None, False

    def is_in_vain(self, error: NomadError) -> bool:
        """Whether the watch has to end with this *error*."""
        now = self.clock.now()
        self.silent_since = now if self.silent_since is None else self.silent_since
        if now - self.silent_since >= TOLD_AFTER_S and not self.is_told:
            self.is_told = True
            self.watcher.trouble(f"{error.message}; retrying")
        return now - self.silent_since >= self.limit_s

    def gives_up(self) -> Verdict:
        return Verdict(Outcome.UNKNOWN, Cause.UNREACHABLE, f"no answer from Nomad for {self.limit_s:g} s")


# Its evaluation


async def watch_evaluation(watch: Watch, eval_id: str) -> Verdict:
    """
    Whether everything was placed, by the evaluation and those that follow it at once.

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


async def _watch_one_evaluation(watch: Watch, eval_id: str) -> Evaluation | None:
    """The evaluation at its end, None if Nomad gave no answer for too long."""
    last = Look()
    while True:
        try:
            evaluation, allocs = await _read_evaluation(watch, eval_id)
        except (NomadNotFound, NomadForbidden):
            raise
        except NomadError as error:
            if watch.is_in_vain(error):
                return None
        else:
            watch.answered()
            for change in changes_since(last, evaluation, allocs):
                watch.watcher.changed(change)
            if evaluation.status in ENDED:
                return evaluation
            last = look_at(evaluation, allocs)
        await watch.clock.sleep(LOOK_PAUSE_S)


async def _read_evaluation(watch: Watch, eval_id: str) -> tuple[Evaluation, Sequence[Alloc]]:
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


async def watch_child(watch: Watch, child_id: str, like: Job, *, tokened: bool) -> Verdict:
    """
    The child's verdict, however long it takes.

    like: a job with the child's groups, in the child's namespace: itself, or its parent. tokened: the child may never
    have been there.
    """
    parent = (like.namespace, "", like.parent_id or like.id)
    desk = _Desk(watch)
    monitor = Monitor(
        client=watch.client,
        desk=desk,
        clock=watch.clock,
        settings=Settings(wait=Wait.COMPLETION),
        parents={parent: ParentFacts(like.type, {group.name: group for group in like.groups}, child_id)},
        logs=LogReads(at_most=1),
        server_before_2_0_1=True,  # unknown, so a child that looks dead is looked at once more
    )
    ticket = Ticket(_item_of(child_id, like), 1)
    monitor.watch(Child(ticket, child_id, parent, listed=True, tokened=tokened, wait=Wait.COMPLETION))
    polls = asyncio.create_task(monitor.run())
    either: list[asyncio.Future[None] | asyncio.Future[Verdict]] = [polls, desk.verdict]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        polls.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await polls
    return desk.verdict.result()


def _item_of(child_id: str, like: Job) -> Item:
    """As much of an item as the monitor needs."""
    return Item(
        id=child_id,
        request=DispatchRequest(like.parent_id or like.id, like.namespace, "", None, {}, None, None),
        fingerprint="",
        position=Position("", 1, 1),
        row=None,
        written_prefix="",
        exact_prefix=True,
        deadline=None,
        stop_on_deadline=False,
        retry=Retry(),
        max_starts=None,
        tags=(),
        sensitive=frozenset(),
    )


class _Desk:
    """What the monitor tells of its only child."""

    def __init__(self, watch: Watch) -> None:
        self.verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._watch = watch

    def emit(self, event: Event) -> None:
        if isinstance(event, Moved):
            self._watch.watcher.moved(event.state, event.message)

    def concluded(self, ticket: Ticket, verdict: Verdict) -> None:
        if not self.verdict.done():
            self.verdict.set_result(verdict)

    def vanished(self, ticket: Ticket, child: str) -> None:
        self.concluded(ticket, Verdict(Outcome.UNKNOWN, Cause.PHANTOM, "Nomad has no such job: dispatch it again"))

    def trouble(self, error: NomadError) -> None:
        if self._watch.is_in_vain(error) and not self.verdict.done():
            self.verdict.set_result(self._watch.gives_up())

    def answered(self) -> None:
        self._watch.answered()

    async def ends_with(self, error: NomadForbidden) -> bool:
        """The watch ends with its only child's verdict."""
        return False
