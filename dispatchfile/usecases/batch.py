"""
One batch under way: flow, dispatcher and monitor wired together, from the first request to the last verdict.

It prints nothing and decides nothing that a room below decides: it passes on what happened, keeps deadlines, and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dispatchfile.clock import Clock
from dispatchfile.dispatch import MARKED_TOGETHER, Baseline, Dispatcher
from dispatchfile.errors import (
    DispatchfileError,
    NomadError,
    NomadForbidden,
    NomadNotFound,
    NomadRefused,
    NomadUnavailable,
)
from dispatchfile.events import (
    GOES_ON,
    Accepted,
    Cause,
    Doubled,
    Ended,
    Event,
    Ledger,
    Notice,
    NoticeKind,
    Outcome,
    Sending,
    Verdict,
)
from dispatchfile.flow import Flow, Parent, Ticket, parent_of
from dispatchfile.items import Item, is_child_of, item_prefix
from dispatchfile.monitor import Child, LogReads, Monitor, ParentFacts
from dispatchfile.nomad.client import Client
from dispatchfile.settings import Settings, Wait, format_duration
from dispatchfile.usecases.reach import Reach
from dispatchfile.usecases.tokens import TokenCheck

TICK_S = 0.5
OVERDUE_AGAIN_S = 2.0  # after a look that told nothing
NO_MORE_THAN_SOME_LOGS = LogReads(at_most=20)
NOT_OURS = "existed in Nomad before this run, so this run does not stop it"
UNSEEN = frozenset({Outcome.DISPATCHED, Outcome.UNKNOWN})  # with these a child may end that nobody has seen


class BatchState(StrEnum):
    """How a batch ended."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    STOPPED_EARLY = "stopped_early"


@dataclass(frozen=True, slots=True)
class Start:
    """Where an item stands as the batch begins."""

    attempt: int = 1
    child: str = ""  # of this attempt, if Nomad has one
    existing: bool = False
    adopted: bool = False  # the child was found, not named by an answer: it has surely been there
    sent_at: float | None = None  # seconds since the epoch
    in_doubt: bool = False  # the attempt may have been sent by an earlier process
    predecessor: str = ""  # the previous attempt's child, which may still live
    foreign_predecessor: bool = False  # Nomad had that one before the run, so it is not the run's to stop
    resent: bool = False  # the attempt before is unknown
    on_record: bool = True  # that the child was accepted; else it is news
    retry_at: float | None = None  # the attempt may not leave before, in seconds since the epoch


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch is to do."""

    run: str
    items: Sequence[Item]  # in the order to send
    starts: Mapping[str, Start]  # by item id; an item that is missing here has not begun
    settings: Settings
    parents: Mapping[Parent, ParentFacts]
    periodic: Collection[Parent]
    baselines: Mapping[Parent, Baseline]
    canaries: Sequence[str] = ()
    deadline: float | None = None  # of the whole run, in seconds since the epoch
    rerun_of: str | None = None
    logs: LogReads = NO_MORE_THAN_SOME_LOGS
    server_before_2_0_1: bool = False
    made_children: Mapping[Parent, Collection[str]] | None = None  # by earlier processes of this run, surely
    failures: int = 0  # of earlier processes of this run, for stop_on
    stopped: Cause | None = None  # why an earlier process of this run has started nothing more
    selected: int | None = None  # how many items stop_on's percentage is of; None: all of these
    verdicts: Mapping[str, tuple[int, Verdict]] = field(default_factory=dict)  # of attempts before those of *starts*
    sending: bool = True  # False: nothing is sent any more, what was sent is settled and watched to its end
    everyone: Sequence[Item] = ()  # the whole run's items; empty: these
    listings: Mapping[Parent, tuple[str, str]] = field(default_factory=dict)  # prefix and filter of its children


class Batch:
    """A batch under way. *listener* hears every event, in order, before anything follows from it."""

    def __init__(
        self,
        plan: Plan,
        *,
        client: Client,
        ledger: Ledger,
        clock: Clock,
        listener: Callable[[Event], None],
        jitter: Callable[[], float],
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self._plan, self._client, self._ledger, self._clock, self._listener = plan, client, ledger, clock, listener
        self._stop_requested = stop_requested
        self._settings = plan.settings
        self._made: dict[Parent, set[str]] = {
            parent: set(children) for parent, children in (plan.made_children or {}).items()
        }
        self._answers: dict[str, Accepted] = {}  # to this process's own requests, by item
        self._children: dict[str, tuple[str, bool]] = {}  # by item, and whether Nomad had it before
        self._following: dict[str, Child] = {}
        self._sent_at: dict[str, float] = {}
        self._verdicts: dict[str, tuple[Ticket, Verdict]] = {}
        for item in plan.items:
            if item.id in plan.verdicts:
                attempt, verdict = plan.verdicts[item.id]
                self._verdicts[item.id] = Ticket(item, attempt), verdict
        self._predecessors = {
            item: (start.predecessor, start.foreign_predecessor)
            for item, start in plan.starts.items()
            if start.predecessor
        }
        self._deadlines: list[tuple[float, int, Child, str, float]] = []  # the next look, …, when its time was up
        self._sequence = itertools.count()
        self._reach = Reach(plan.settings.unreachable_after.total_seconds(), clock, self._notice)
        self._token = TokenCheck(client)
        self._interrupted = False
        self._drained = False
        self.stop_was_requested = False
        self._side_tasks: asyncio.TaskGroup | None = None
        self._flow = Flow(
            self._first_tickets(),
            self._settings,
            order=[item.id for item in plan.items],
            canaries=self._plan.canaries,
            selected=len(self._plan.items) if self._plan.selected is None else self._plan.selected,
            jitter=jitter,
        )
        self._flow.count_failures(plan.failures)
        if plan.stopped is not None or not plan.sending:
            self._flow.stop(plan.stopped or Cause.INTERRUPTED)
        self._dispatcher = Dispatcher(
            client=self._client,
            flow=self._flow,
            ledger=self._ledger,
            desk=self,
            clock=self._clock,
            run=self._plan.run,
            settle_s=self._settings.settle.total_seconds(),
            patience_s=self._settings.unreachable_after.total_seconds(),
            marked_together=_marked_together(self._settings),
            baselines=self._plan.baselines,
            rerun_of=self._plan.rerun_of,
        )
        for parent, children in self._made.items():
            if any(not is_child_of(child, job=parent[2], prefix="") for child in children):
                self._flow.prove(parent)
        self._monitor = Monitor(
            client=self._client,
            desk=self,
            clock=self._clock,
            settings=self._settings,
            parents=self._plan.parents,
            logs=self._plan.logs,
            server_before_2_0_1=self._plan.server_before_2_0_1,
        )

    # Life

    async def run(self) -> BatchState:
        """
        Dispatch and watch until every item has its outcome, or the batch is interrupted.

        Raises JournalError as soon as something cannot be put on record: then nothing more is sent.
        """
        try:
            return await self._run()
        except BaseExceptionGroup as group:
            raise _first_of(group) from group

    async def _run(self) -> BatchState:
        async with asyncio.TaskGroup() as group:
            self._side_tasks = group
            watchers = [group.create_task(self._monitor.run()), group.create_task(self._keep_time())]
            doubts = self._take_up()
            self._tell_doubts(len(doubts))
            self._check_run_deadline()
            self._end_if_stopped()
            await self._dispatcher.run(doubts)
            for task in watchers:
                task.cancel()
        if not self._interrupted:
            await self._check_for_doubles()
        await self._ledger.flush()
        return self._state()

    def interrupt(self, cause: Cause = Cause.INTERRUPTED) -> None:
        """Send nothing more, wait for the answers under way, and end; what lives goes on in Nomad."""
        self._interrupted = True
        self._flow.stop(cause, goes_on_later=True)
        self._end_unsent()
        self._dispatcher.halt()

    def _state(self) -> BatchState:
        if self._interrupted:
            return BatchState.INTERRUPTED
        return BatchState.STOPPED_EARLY if self._flow.stopped else BatchState.FINISHED

    def _first_tickets(self) -> list[Ticket]:
        starts = self._plan.starts
        begun = {item for item, start in starts.items() if self._is_under_way(start) or start.retry_at is not None}
        fresh = [item for item in self._plan.items if item.id not in begun]
        return [Ticket(item, starts[item.id].attempt if item.id in starts else 1) for item in fresh]

    @staticmethod
    def _is_under_way(start: Start | None) -> bool:
        return start is not None and (bool(start.child) or start.in_doubt)

    def _take_up(self) -> list[tuple[Ticket, float]]:
        """Watch the children that earlier processes have on record; gives the attempts that are in doubt."""
        doubts = []
        found = ((item, self._plan.starts.get(item.id)) for item in self._plan.items)
        starts = [(Ticket(item, start.attempt), start) for item, start in found if start is not None]
        for ticket, start in starts:
            if start.retry_at is not None and not self._is_under_way(start):
                self._flow.postpone(ticket, self._clock.now() + start.retry_at - self._clock.wall())
        for ticket, start in starts:
            if not self._is_under_way(start):
                continue
            if start.sent_at is not None:
                self._sent_at[ticket.item.id] = start.sent_at
            if start.child:
                self._flow.adopt(ticket)
                self._take_up_child(ticket, start)
            else:
                doubts.append((ticket, self._clock.now()))
        return doubts

    def _tell_doubts(self, count: int) -> None:
        if count:
            items, children = ("1 item", "its child") if count == 1 else (f"{count} items", "their children")
            lookup = f"looking for {children} in Nomad for up to {format_duration(self._settings.settle)}"
            self._notice(NoticeKind.IN_DOUBT, f"{items} may already have been sent: {lookup}")

    def _take_up_child(self, ticket: Ticket, start: Start) -> None:
        at, adopted = self._clock.wall(), start.adopted or not start.on_record
        event = Accepted(ticket.item.id, ticket.attempt, at, start.child, existing=start.existing, adopted=adopted)
        if not start.on_record:
            self.emit(event)
        self._follow(ticket, event)

    # What became of each attempt

    def emit(self, event: Event) -> None:
        if isinstance(event, Sending):  # the mark before it is on record, and the answer after it will be
            self._sent_at[event.item] = event.at
        else:
            self._ledger.record(event)
        self._reach.hear(event)
        self._listener(event)

    async def before_send(self, ticket: Ticket) -> Verdict | None:
        child, is_foreign = self._predecessors.get(ticket.item.id, ("", False))
        if not child:
            return None
        try:
            hindrance = await self._refuse_beside(ticket, child) if is_foreign else None
            if not is_foreign:
                await self._stop_child(ticket, child)
        except NomadUnavailable:
            raise
        except NomadRefused as error:
            if isinstance(error, NomadForbidden) and await self.ends_with(error):
                raise NomadUnavailable(error.message) from error
            message = (
                f"the previous attempt's child {child} may still be running and cannot be stopped: {error.message}"
            )
            return Verdict(Outcome.REFUSED, Cause.PERMISSION, message)
        except NomadError as error:
            raise NomadUnavailable(error.message) from error  # a stop may be repeated, whatever became of it
        if hindrance is None:
            self._predecessors.pop(ticket.item.id, None)
        return hindrance

    async def _refuse_beside(self, ticket: Ticket, child: str) -> Verdict | None:
        request = ticket.item.request
        with contextlib.suppress(NomadNotFound):
            job = await self._client.read_job(child, namespace=request.namespace, region=request.region)
            if job.status != "dead" and not job.stop:
                message = (
                    f"{child} had this idempotency token before the run and has not ended; this run does not stop it"
                )
                return Verdict(Outcome.REFUSED, Cause.VALIDATION, message)
        return None

    def accepted(self, ticket: Ticket, event: Accepted) -> None:
        self.emit(event)
        self._answers[ticket.item.id] = event
        self._count_if_made(ticket, None)
        self._follow(ticket, event)

    def _count_if_made(self, ticket: Ticket, verdict: Verdict | None) -> None:
        answer = self._answers.get(ticket.item.id)
        if answer is not None and is_surely_made(ticket.item, answer, verdict):
            self._made.setdefault(parent_of(ticket.item), set()).add(answer.child)

    def _follow(self, ticket: Ticket, accepted: Accepted) -> None:
        parent = parent_of(ticket.item)
        self._children[ticket.item.id] = accepted.child, accepted.existing
        if not self._plan.sending and accepted.existing:
            self.concluded(ticket, Verdict(Outcome.UNKNOWN, Cause.INTERRUPTED, f"{accepted.child} {NOT_OURS}"))
            return
        if not self.is_watched(ticket):
            self.concluded(ticket, Verdict(Outcome.DISPATCHED))
            return
        wait = self._wait_for(ticket)
        listed = not accepted.existing and not ticket.item.exact_prefix
        doubtful = not accepted.existing and not is_surely_made(ticket.item, accepted, None)
        watched = Child(ticket, accepted.child, parent, listed=listed, tokened=doubtful, wait=wait)
        self._following[ticket.item.id] = watched
        self._monitor.watch(watched)
        self._set_deadline(watched)

    def is_watched(self, ticket: Ticket) -> bool:
        return self._wait_for(ticket) is not Wait.DETACH and parent_of(ticket.item) not in self._plan.periodic

    def _wait_for(self, ticket: Ticket) -> Wait:
        return Wait.COMPLETION if ticket.item.id in self._plan.canaries else self._settings.wait

    def concluded(self, ticket: Ticket, verdict: Verdict) -> None:
        now = self._clock.now()
        self._following.pop(ticket.item.id, None)
        self._count_if_made(ticket, verdict)
        was_canary = self._flow.canary_pending
        retry_at = self._flow.ended(ticket, verdict, now)
        at = self._clock.wall()
        self._verdicts[ticket.item.id] = ticket, verdict
        self.emit(Ended(ticket.item.id, ticket.attempt, at, verdict, None if retry_at is None else at + retry_at - now))
        if retry_at is not None and verdict.may_still_live and ticket.item.id in self._children:
            self._predecessors[ticket.item.id] = self._children[ticket.item.id]
        if was_canary and not self._flow.canary_pending and self._flow.stopped is None:
            self._notice(
                NoticeKind.CANARY_PASSED, f"{_canaries(len(self._plan.canaries))} succeeded: sending the other items"
            )
        self._end_if_stopped()
        self._dispatcher.wake()

    def given_back(self, ticket: Ticket) -> None:
        self._conclude_unsent(ticket)

    def vanished(self, ticket: Ticket, child: str) -> None:
        self._answers.pop(ticket.item.id, None)
        self._following.pop(ticket.item.id, None)
        assert self._side_tasks is not None  # noqa: S101  the monitor lives within the group
        self._side_tasks.create_task(self._dispatcher.settle_phantom(ticket))

    def made_children(self, parent: Parent) -> Collection[str]:
        return self._made.get(parent, set())

    # Stopping early

    def _end_if_stopped(self) -> None:
        if self._flow.stopped is None or self._drained:
            return
        if self._flow.stopped is Cause.STOP_ON:
            bound = self._settings.stop_on
            self._notice(NoticeKind.STOP_ON, f"failures exceed stop_on ({bound}): no new dispatches")
        if self._flow.stopped is Cause.CANARY:
            self._notice(NoticeKind.CANARY_FAILED, "a canary item did not succeed: no new dispatches")
        self._end_unsent()

    def _end_unsent(self) -> None:
        self._drained = True
        unsent, retries = self._flow.drain()
        for ticket in unsent:
            self._conclude_unsent(ticket)
        for ticket in retries:
            self._conclude_retry(ticket)

    def _conclude_unsent(self, ticket: Ticket) -> None:
        if ticket.attempt > 1:
            self._conclude_retry(ticket)
            return
        self._conclude_as_unsent(ticket)

    def _conclude_as_unsent(self, ticket: Ticket) -> None:
        verdict = Verdict(Outcome.UNSENT, self._flow.stopped, "definitely not sent")
        self.emit(Ended(ticket.item.id, ticket.attempt, self._clock.wall(), verdict))

    def _conclude_retry(self, ticket: Ticket) -> None:
        """The attempt will not be made, unless a resume makes it: what the one before came to is the item's outcome."""
        if self._interrupted and self._flow.stopped in GOES_ON:
            if self._dispatcher.is_marked(ticket):
                self._conclude_as_unsent(ticket)
            return
        last, verdict = self._verdicts[ticket.item.id]
        self.emit(Ended(ticket.item.id, last.attempt, self._clock.wall(), verdict))

    # Time

    async def _keep_time(self) -> None:
        async with asyncio.TaskGroup() as overdue:
            while True:
                await self._clock.sleep(TICK_S)
                self._tick()
                while self._deadlines and self._deadlines[0][0] <= self._clock.wall():
                    _, _, child, limit, due = heapq.heappop(self._deadlines)
                    overdue.create_task(self._end_overdue(child, limit, due))

    def _tick(self) -> None:
        self._check_reach()
        self._reach.throttled(self._client.throttled)
        self._check_run_deadline()
        if self._stop_requested() and not self._interrupted:
            self.stop_was_requested = True
            self._notice(NoticeKind.STOPPING, "another process asked this run to stop")
            self.interrupt()

    def _set_deadline(self, child: Child) -> None:
        item = child.ticket.item
        limits = [] if self._plan.deadline is None else [(self._plan.deadline, "exceeded the run's timeout")]
        if (own := item.deadline) is not None:
            sent_at = self._sent_at.get(item.id, self._clock.wall())
            limits.append((sent_at + own.total_seconds(), f"exceeded its timeout of {format_duration(own)}"))
        if limits:
            due, limit = min(limits)
            heapq.heappush(self._deadlines, (due, next(self._sequence), child, limit, due))

    async def _end_overdue(self, child: Child, limit: str, due: float) -> None:
        """Time is up: unless Nomad shows an end, the attempt is timed out, and stopped if it is to be."""
        ticket = child.ticket
        if self._following.get(ticket.item.id) is not child:
            return
        surely_lives = await self._monitor.look_now(child)
        if self._following.get(ticket.item.id) is not child:
            return
        is_patient = self._clock.wall() < due + self._reach.limit_s
        if not surely_lives and (
            is_patient or not self._monitor.is_watching(child)
        ):  # it has ended, or nobody can tell
            again = self._clock.wall() + OVERDUE_AGAIN_S
            heapq.heappush(self._deadlines, (again, next(self._sequence), child, limit, due))
            return
        verdict = self._monitor.with_last_seen(child, Verdict(Outcome.TIMED_OUT, Cause.DEADLINE))
        self._monitor.forget(child)
        done = await self._stop_overdue(ticket, child.id) if ticket.item.stop_on_deadline else "not stopped"
        self.concluded(ticket, replace(verdict, message=f"{limit}: {done}"))

    async def _stop_overdue(self, ticket: Ticket, child: str) -> str:
        if self._children[ticket.item.id][1]:
            return "not stopped, because it existed in Nomad before this run"
        try:
            await self._stop_child(ticket, child)
        except NomadError as error:
            return f"could not be stopped: {error.message}"
        return "stopped"

    async def _stop_child(self, ticket: Ticket, child: str) -> None:
        request = ticket.item.request
        with contextlib.suppress(NomadNotFound):
            await self._client.stop_job(child, namespace=request.namespace, region=request.region)

    def _check_run_deadline(self) -> None:
        deadline, timeout = self._plan.deadline, self._settings.timeout
        if deadline is None or self._flow.stopped is not None or self._clock.wall() < deadline:
            return
        self._flow.stop(Cause.DEADLINE)
        limit = "its timeout" if timeout is None else f"its timeout of {format_duration(timeout)}"
        self._notice(NoticeKind.TIMEOUT, f"the run exceeded {limit}: no new dispatches")
        self._end_unsent()
        self._dispatcher.wake()

    # Reach

    def trouble(self, error: NomadError) -> None:
        self._reach.trouble(error)

    def answered(self) -> None:
        self._reach.answered()

    def _check_reach(self) -> None:
        if not self._interrupted and (loss := self._reach.loss):
            self._notice(NoticeKind.UNREACHABLE, f"{loss}: ending the run")
            self.interrupt(Cause.UNREACHABLE)

    async def ends_with(self, error: NomadForbidden) -> bool:
        """A token that Nomad does not know any more lacks every right: a resume goes on with another one."""
        refusal = await self._token.refusal()
        if refusal and not self._interrupted:
            self._notice(NoticeKind.TOKEN_REFUSED, f"{refusal}: ending the run; resume it with a valid token")
            self.interrupt(Cause.PERMISSION)
        return bool(refusal)

    # The end

    async def _check_for_doubles(self) -> None:
        """One more list of each parent: two children for one attempt must never be, and are told loudly."""
        followed = {parent_of(item) for item in self._plan.items if item.id in self._children}
        followed |= {parent for parent, children in self._made.items() if children}
        for parent, (prefix, condition) in self._plan.listings.items():
            if parent not in followed:
                continue
            namespace, region, _ = parent
            with contextlib.suppress(NomadError):
                rows = await self._client.list_all_jobs(
                    prefix=prefix, namespace=namespace, region=region, filter=condition
                )
                self._tell_doubles(parent, [row.id for row in rows])

    def _tell_doubles(self, parent: Parent, children: Sequence[str]) -> None:
        twins: dict[str, list[str]] = {}
        for child in children:
            twins.setdefault(child.rsplit("-", 2)[0], []).append(child)
        doubled = {stem: found for stem, found in twins.items() if len(found) > 1}
        if not doubled:
            return
        items = {
            f"{parent[2]}/dispatch-{item_prefix(item, run=self._plan.run)}": item
            for item in self._plan.everyone or self._plan.items
            if parent_of(item) == parent and not item.exact_prefix
        }
        for stem, found in doubled.items():
            start, _, attempt = stem.rpartition("-")
            if start in items and attempt.isdigit():
                self.emit(Doubled(items[start].id, int(attempt), self._clock.wall(), tuple(found)))

    def _notice(self, kind: NoticeKind, message: str) -> None:
        self.emit(Notice(self._clock.wall(), kind, message))


def _canaries(count: int) -> str:
    return "the canary item" if count == 1 else f"all {count} canary items"


def _marked_together(settings: Settings) -> int:
    """So many attempts as may leave soon: what is marked and not sent is in doubt after a kill."""
    in_flight = MARKED_TOGETHER if settings.in_flight is None else settings.in_flight
    a_second = MARKED_TOGETHER if settings.rate is None else math.ceil(settings.rate.per_second)
    return max(1, min(MARKED_TOGETHER, in_flight, a_second))


def is_surely_made(item: Item, accepted: Accepted, verdict: Verdict | None) -> bool:
    """
    Whether the child is one that the item's own request has made.

    An answer to a request with a token may name a child that never was, until the child has been seen.
    """
    seen = accepted.adopted or (verdict is not None and verdict.outcome not in UNSEEN)
    return not accepted.existing and (seen or item.request.token is None)


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What ended a task group: the tool's own error if there is one, else the first."""
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions
        else:
            leaves.append(error)
    return next((error for error in leaves if isinstance(error, DispatchfileError)), leaves[0])
