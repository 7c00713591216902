"""
Children watched by few list reads until each has a verdict.

One filtered prefix list for each parent at a pace that adapts, and one read of details for a child that ended or looks
stuck. The list only says where to look: verdicts are made from allocations and evaluations.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from dispatchfile.clock import Clock
from dispatchfile.errors import NomadError, NomadForbidden, NomadNotFound, NomadRefused
from dispatchfile.events import Cause, Event, Moved, Outcome, State, Verdict
from dispatchfile.flow import Parent, Ticket
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.filters import literal, matches
from dispatchfile.nomad.models import Alloc, Evaluation, Job, JobStub, TaskGroup
from dispatchfile.settings import Settings, Wait
from dispatchfile.verdict import (
    ChildRecords,
    Living,
    NeedsEvaluations,
    judge_blocked,
    judge_completion,
    judge_placement,
    with_last_seen,
    with_log_line,
)

SHORTEST_POLL_S = 1.0
LONGEST_POLL_S = 10.0
IDLE_SHARE = 0.1  # of the time in which nothing changed is let pass before the next poll
COST_FACTOR = 2.0  # a poll that took 1 s is followed by a pause of 2 s
CHEAP_ROWS = 2_000  # with fewer living children every poll also shows what runs and what is missing
FULL_POLL_EVERY_S = 10.0  # with more of them, only now and then
WINDOW_FROM = 200  # ended children from which on the list leaves out what is older than every living child
STRAGGLERS = 50  # old living children named one by one, so that they do not hold the window open
STRAGGLER_AGE_S = 60  # older than the rest by more than this
SAMPLE_AFTER_S = 30.0  # pending for so long: now and then the oldest one is asked why
FIRST_PLACEMENT_LOOK_S = 0.5
LONGEST_MISSING_S = 60.0  # between two looks at a child that no row shows, where jobs may not be listed
LOOK_AGAIN_S = (1.0, 2.0, 4.0, 8.0)
LOG_TAIL_BYTES = 4_096
FEW_LOGS = 2  # of one outcome, cause and exit code; further ones leave alone what is reserved
HAVE_LOGS = frozenset({Cause.EXIT, Cause.SIGNAL, Cause.OOM, Cause.MAX_RUN_DURATION})
LIVING = frozenset({"pending", "running", "unknown"})


@dataclass(frozen=True, slots=True)
class Child:
    """A child to watch."""

    ticket: Ticket
    id: str
    parent: Parent
    listed: bool  # the run's own prefix finds it; else it is named one by one
    tokened: bool  # an answer to a request with a token: it may have named a child that does not exist
    wait: Wait  # how far to follow it


@dataclass(frozen=True, slots=True)
class ParentFacts:
    """What the monitor needs to know of a parent."""

    type: str
    groups: Mapping[str, TaskGroup]
    prefix: str  # of the run's children in the job list
    condition: str = ""  # a filter beside it, where the prefix alone does not tell


@dataclass(frozen=True, slots=True)
class LogReads:
    """Which children's last log lines are fetched as they end."""

    succeeded: bool = False
    at_most: int | None = None  # None: all
    reserved: int = 0  # so many of them are kept for endings of which few have been read: a rare one is read too


class Desk(Protocol):
    """Who is told what the watch has seen."""

    def emit(self, event: Event) -> None: ...

    def concluded(self, ticket: Ticket, verdict: Verdict) -> None:
        """The child has its verdict."""

    def vanished(self, ticket: Ticket, child: str) -> None:
        """Nomad answered with a child that never was: a phantom."""

    def trouble(self, error: NomadError) -> None: ...

    def answered(self) -> None: ...

    async def ends_with(self, error: NomadForbidden) -> bool:
        """Whether the work ends with this refusal, which then says nothing of an item."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A child as its allocations show it, where jobs may not be listed."""

    id: str
    status: str
    stop: bool = False


@dataclass(slots=True)
class _Watch:
    child: Child
    since: float
    state: State | None = None
    message: str = ""
    status: str = ""  # of the job, as last listed; empty: not listed
    stop: bool = False
    seen: bool = False  # some read has shown it
    seen_alive: bool = False  # when it was last listed
    pending_since: float = 0.0
    looking: bool = False
    over: bool = False
    looks: int = 0
    missing_at: float = 0.0  # when a child without allocations is asked for next
    unread_since: float | None = None  # every look has failed since then
    records: ChildRecords | None = None  # as last read


@dataclass(slots=True)
class _Round:
    """The polls of one parent."""

    watches: dict[str, list[_Watch]] = field(default_factory=dict)  # by child: items with one token may share one
    next_at: float = 0.0
    full_at: float = 0.0
    sample_at: float = 0.0
    polled_at: float = 0.0
    changed_at: float = 0.0
    to_poll: int = 0  # children followed to completion; the others are looked at one by one
    ended: int = 0
    may_list: bool = True
    may_filter: bool = True

    def all_watches(self) -> Iterator[_Watch]:
        return itertools.chain.from_iterable(self.watches.values())


class Monitor:
    """Watches children as far as *wait* asks. `run` goes on until it is cancelled."""

    def __init__(
        self,
        *,
        client: Client,
        desk: Desk,
        clock: Clock,
        settings: Settings,
        parents: Mapping[Parent, ParentFacts],
        logs: LogReads,
        server_before_2_0_1: bool = False,
    ) -> None:
        self._client, self._desk, self._clock, self._parents = client, desk, clock, parents
        limit = settings.unplaced_after
        self._unplaced_after_s = None if limit is None else limit.total_seconds()
        self._unreachable_after_s = settings.unreachable_after.total_seconds()
        self._flaps = server_before_2_0_1
        self._logs = logs
        self._logs_read: Counter[tuple[Outcome, Cause | None, int | None]] = Counter()
        self._rounds: dict[Parent, _Round] = {}
        self._looks: list[tuple[float, int, _Watch]] = []
        self._sequence = itertools.count()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._polls_changed = asyncio.Event()
        self._looks_changed = asyncio.Event()

    def watch(self, child: Child) -> None:
        """Watch the child from now on."""
        now = self._clock.now()
        turn = self._rounds.setdefault(child.parent, _Round())
        if not turn.to_poll:
            turn.changed_at = now
            turn.next_at = max(turn.next_at, now + SHORTEST_POLL_S)
        watch = _Watch(child, since=now, pending_since=now)
        turn.watches.setdefault(child.id, []).append(watch)
        turn.to_poll += child.wait is Wait.COMPLETION
        if child.wait is Wait.PLACEMENT:
            self._look_at(watch, now + FIRST_PLACEMENT_LOOK_S)
        elif self._unplaced_after_s is not None:
            self._look_at(watch, now + self._unplaced_after_s)
        self._polls_changed.set()

    def forget(self, child: Child) -> None:
        """The child needs no watching any more, as far as its item goes."""
        if (watch := self._find(child)) is None:
            return
        turn = self._rounds[child.parent]
        turn.watches[child.id].remove(watch)
        if not turn.watches[child.id]:
            del turn.watches[child.id]
        watch.over = True
        turn.to_poll -= child.wait is Wait.COMPLETION

    def with_last_seen(self, child: Child, verdict: Verdict) -> Verdict:
        """The *verdict* on a child that lives, with where it ran when it was last looked at."""
        watch = self._find(child)
        return with_last_seen(verdict, watch.records) if watch and watch.records else verdict

    def _find(self, child: Child) -> _Watch | None:
        turn = self._rounds.get(child.parent)
        watches = turn.watches.get(child.id, ()) if turn else ()
        return next((watch for watch in watches if watch.child.ticket.key == child.ticket.key), None)

    def is_watching(self, child: Child) -> bool:
        """Not any more once it has a verdict, though its last log line may still be read."""
        return self._find(child) is not None

    async def look_now(self, child: Child) -> bool:
        """
        Read the child's details once, whatever the list says; its verdict, if there is one, is concluded.

        Whether it surely has none. A child that has one may not be concluded yet: its last log line is being read.
        """
        if (watch := self._find(child)) is None:
            return False
        await self._look(watch)
        return not watch.over and watch.unread_since is None

    async def run(self) -> None:
        """Poll, and look at what the polls show."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_for_ever(group))
            group.create_task(self._poll_for_ever())

    # Polls: what has changed

    async def _poll_for_ever(self) -> None:
        while True:
            now = self._clock.now()
            for parent, turn in list(self._rounds.items()):
                if turn.to_poll and turn.next_at <= now:
                    await self._poll(parent, turn)
            due = [turn.next_at for turn in self._rounds.values() if turn.to_poll]
            await self._clock.wait(self._polls_changed, min(due, default=None))
            self._polls_changed.clear()

    async def _poll(self, parent: Parent, turn: _Round) -> None:
        started = self._clock.now()
        full = len(turn.watches) <= CHEAP_ROWS or turn.full_at <= started
        try:
            rows = await self._read_rows(parent, turn, full=full)
        except NomadForbidden as error:  # the right was taken away: a look at each child says so
            self._pace(turn, started)
            if not await self._desk.ends_with(error):
                for watch in turn.all_watches():
                    self._look_at(watch, started)
            return
        except NomadError as error:
            turn.may_filter = turn.may_filter and not isinstance(error, NomadRefused)  # then without filters
            self._desk.trouble(error)
            turn.next_at = self._clock.now() + SHORTEST_POLL_S
            return
        self._desk.answered()
        turn.polled_at = started
        if full:
            turn.full_at = started + FULL_POLL_EVERY_S
        self._take_rows(turn, rows, started)
        if full:
            self._take_missing(turn, {row.id for row in rows}, started)
        self._sample_pending(turn, started)
        self._pace(turn, started)

    def _pace(self, turn: _Round, started: float) -> None:
        now = self._clock.now()
        idle = min(LONGEST_POLL_S, IDLE_SHARE * (now - turn.changed_at))
        turn.next_at = now + max(SHORTEST_POLL_S, COST_FACTOR * (now - started), idle)

    async def _read_rows(self, parent: Parent, turn: _Round, *, full: bool) -> Sequence[JobStub | _Row]:
        if not turn.may_list:
            return await self._read_rows_from_allocations(parent)
        try:
            rows = await self._list(parent, self._parents[parent].prefix, self._conditions(parent, turn, full=full))
            named = list({watch.child.id for watch in turn.all_watches() if not watch.child.listed})
            at_once = STRAGGLERS if turn.may_filter else 1
            for start in range(0, len(named), at_once):
                rows = [*rows, *await self._list_named(parent, named[start : start + at_once])]
        except NomadForbidden:  # no list-jobs: allocations tell as much, and need read-job only
            turn.may_list = False
            return await self._read_rows_from_allocations(parent)
        return rows

    def _conditions(self, parent: Parent, turn: _Round, *, full: bool) -> list[str]:
        if not turn.may_filter:
            return []
        conditions = [self._parents[parent].condition] if self._parents[parent].condition else []
        if not full:
            conditions.append('Status == "dead"')
        if turn.ended >= WINDOW_FROM and (window := window_pattern([*turn.watches])):
            conditions.append(matches("ID", window))
        return conditions

    async def _list(self, parent: Parent, prefix: str, conditions: Sequence[str]) -> Sequence[JobStub]:
        namespace, region, _ = parent
        return await self._client.list_all_jobs(
            prefix=prefix, namespace=namespace, region=region, filter=" and ".join(conditions)
        )

    async def _list_named(self, parent: Parent, names: Sequence[str]) -> Sequence[JobStub]:
        if len(names) == 1:
            return await self._list(parent, names[0], [])
        pattern = "|".join(literal(name) for name in names)
        return await self._list(parent, f"{parent[2]}/dispatch-", [matches("ID", f"^({pattern})$")])

    async def _read_rows_from_allocations(self, parent: Parent) -> Sequence[_Row]:
        namespace, region, job = parent
        run = self._parents[parent].prefix
        ours = matches("JobID", f"^{literal(run or f'{job}/dispatch-')}")
        allocs = await self._client.list_allocations(namespace=namespace, region=region, filter=ours)
        living = {alloc.job_id for alloc in allocs if alloc.client_status in LIVING}
        return [_Row(job_id, "running" if job_id in living else "dead") for job_id in {a.job_id for a in allocs}]

    def _take_rows(self, turn: _Round, rows: Iterable[JobStub | _Row], now: float) -> None:
        for row in rows:
            for watch in turn.watches.get(row.id, ()):
                if (row.status, row.stop) != (watch.status, watch.stop):
                    turn.changed_at = now
                    self._take_row(watch, row, now)

    def _take_row(self, watch: _Watch, row: JobStub | _Row, now: float) -> None:
        if row.status == "pending" and watch.status == "running":
            watch.pending_since = now
            if self._unplaced_after_s is not None:
                self._look_at(watch, now + self._unplaced_after_s)
        watch.status, watch.stop, watch.seen = row.status, row.stop, True
        watch.seen_alive = row.status in LIVING
        if row.status == "dead" or row.stop:
            self._look_at(watch, now)
        else:
            self._move(watch, State.RUNNING if row.status == "running" else State.QUEUED, "")

    def _take_missing(self, turn: _Round, present: set[str], started: float) -> None:
        """Where only allocations show what is there, a child may well have none yet: it is asked for now and then."""
        for watch in turn.all_watches():
            if watch.child.id in present or watch.since >= started or watch.looking:
                continue
            if not turn.may_list:
                if started < watch.missing_at:
                    continue
                watch.missing_at = started + min(LONGEST_MISSING_S, LONGEST_POLL_S + (started - watch.since) / 2)
            watch.status = ""
            self._look_at(watch, started)

    def _sample_pending(self, turn: _Round, now: float) -> None:
        """Ask the child that has been pending longest why: one question for all that wait behind it."""
        if now < turn.sample_at:
            return
        turn.sample_at = now + SAMPLE_AFTER_S
        pending = [watch for watch in turn.all_watches() if watch.status == "pending" and not watch.looking]
        oldest = min(pending, key=lambda watch: watch.pending_since, default=None)
        if oldest is not None and now - oldest.pending_since >= SAMPLE_AFTER_S:
            self._look_at(oldest, now)

    def _move(self, watch: _Watch, state: State, message: str) -> None:
        if (state, message or watch.message) != (watch.state, watch.message):
            watch.state, watch.message = state, message or watch.message
            item, attempt = watch.child.ticket.key
            self._desk.emit(Moved(item, attempt, self._clock.wall(), state, watch.message))

    # Looks: what has become of one child

    def _look_at(self, watch: _Watch, at: float) -> None:
        heapq.heappush(self._looks, (at, next(self._sequence), watch))
        self._looks_changed.set()

    async def _look_for_ever(self, group: asyncio.TaskGroup) -> None:
        while True:
            now = self._clock.now()
            while self._looks and self._looks[0][0] <= now:
                watch = heapq.heappop(self._looks)[2]
                if not watch.over and not watch.looking:
                    watch.looking = True
                    group.create_task(self._look(watch))
            await self._clock.wait(self._looks_changed, self._looks[0][0] if self._looks else None)
            self._looks_changed.clear()

    async def _look(self, watch: _Watch) -> None:
        watch.looking = True
        try:
            async with self._slots:
                verdict = await self._judge(watch)
            if verdict is not None:
                await self._conclude(watch, verdict)
        except NomadForbidden as error:
            await self._take_denial(watch, error)
        except NomadError as error:
            await self._look_in_vain(watch, error)
        finally:
            watch.looking = False

    async def _take_denial(self, watch: _Watch, error: NomadForbidden) -> None:
        if await self._desk.ends_with(error):
            watch.unread_since = self._clock.now()
        else:
            message = f"the token no longer has permission to read this child: {error.message}"
            await self._conclude(watch, Verdict(Outcome.UNKNOWN, Cause.PERMISSION, message))

    async def _look_in_vain(self, watch: _Watch, error: NomadError) -> None:
        self._desk.trouble(error)
        now = self._clock.now()
        watch.unread_since = now if watch.unread_since is None else watch.unread_since
        waits = watch.status in LIVING and not self._is_overdue(watch)
        may_pass = now - watch.unread_since < self._unreachable_after_s
        if waits or may_pass or self._rounds[watch.child.parent].polled_at < watch.unread_since:
            self._look_again(watch)
        else:  # lists come, so Nomad is there, and nothing else will tell
            message = f"its result cannot be read: {error.message}"
            await self._conclude(watch, Verdict(Outcome.UNKNOWN, Cause.UNREACHABLE, message))

    def _look_again(self, watch: _Watch) -> None:
        self._look_at(watch, self._clock.now() + LOOK_AGAIN_S[min(watch.looks, len(LOOK_AGAIN_S) - 1)])
        watch.looks += 1

    async def _judge(self, watch: _Watch) -> Verdict | None:
        """The child's verdict, or None while it lives."""
        records = await self._read_records(watch)
        self._desk.answered()
        watch.unread_since, watch.records = None, records
        if records.gone and not watch.seen and watch.child.tokened:
            self._vanish(watch)
            return None
        judge = judge_placement if watch.child.wait is Wait.PLACEMENT else judge_completion
        judgement = judge(records)
        if isinstance(judgement, NeedsEvaluations):
            records = replace(records, evals=await self._read_evaluations(watch))
            judgement = judge(records)
        return self._settle(watch, records, judgement)

    def _settle(
        self, watch: _Watch, records: ChildRecords, judgement: Verdict | Living | NeedsEvaluations
    ) -> Verdict | None:
        if isinstance(judgement, Verdict):
            return judgement
        if isinstance(judgement, Living):
            self._move(watch, judgement.state, judgement.message)
            if judgement.blocked and self._is_overdue(watch):
                return judge_blocked(records)
            if self._is_overdue(watch) and judgement.state is State.QUEUED:  # nor blocked yet: it may be soon
                self._look_again(watch)
                return None
            if not self._rounds[watch.child.parent].may_list and not watch.status and not records.stop:
                return None  # the polls see to it that it is asked for again
        if watch.child.wait is Wait.PLACEMENT or watch.status in ("", "dead") or watch.stop:
            self._look_again(watch)
        return None

    def _is_overdue(self, watch: _Watch) -> bool:
        limit = self._unplaced_after_s
        return limit is not None and self._clock.now() - watch.pending_since >= limit

    async def _read_records(self, watch: _Watch) -> ChildRecords:
        """Status first, then allocations, then evaluations: each read may only be newer than the one before."""
        placement, listed = watch.child.wait is Wait.PLACEMENT, watch.child.listed
        wants_job = not placement and (not watch.status or not listed)
        job = await self._read_job(watch) if wants_job else None
        gone = wants_job and job is None
        allocs = () if placement else await self._read_allocations(watch)
        pending = watch.status == "pending"
        evals = await self._read_evaluations(watch) if placement or pending or not allocs else None
        if not wants_job and not allocs and not evals:
            job = await self._read_job(watch)
            gone = job is None
        return self._records(watch, job, tuple(allocs), evals, gone=gone)

    def _records(
        self,
        watch: _Watch,
        job: Job | None,
        allocs: tuple[Alloc, ...],
        evals: tuple[Evaluation, ...] | None,
        *,
        gone: bool,
    ) -> ChildRecords:
        facts = self._parents[watch.child.parent]
        listed = watch.status if self._rounds[watch.child.parent].may_list else ""  # allocations tell no job's status
        return ChildRecords(
            status=job.status if job else listed,
            stop=job.stop if job else watch.stop,
            type=job.type if job else facts.type,
            groups={group.name: group for group in job.groups} if job else facts.groups,
            allocs=allocs,
            evals=evals,
            gone=gone,
            seen_alive=watch.seen_alive,
            server_before_2_0_1=self._flaps,
            age_s=self._clock.now() - watch.since,
        )

    async def _read_job(self, watch: _Watch) -> Job | None:
        namespace, region, _ = watch.child.parent
        try:
            return await self._client.read_job(watch.child.id, namespace=namespace, region=region)
        except NomadNotFound:
            return None

    async def _read_allocations(self, watch: _Watch) -> Sequence[Alloc]:
        namespace, region, _ = watch.child.parent
        return await self._client.read_allocations(watch.child.id, namespace=namespace, region=region)

    async def _read_evaluations(self, watch: _Watch) -> tuple[Evaluation, ...]:
        namespace, region, _ = watch.child.parent
        return tuple(await self._client.read_evaluations(watch.child.id, namespace=namespace, region=region))

    def _vanish(self, watch: _Watch) -> None:
        """Once: two looks may find it out at the same time."""
        if not watch.over:
            self.forget(watch.child)
            self._desk.vanished(watch.child.ticket, watch.child.id)

    async def _conclude(self, watch: _Watch, verdict: Verdict) -> None:
        """Once: two looks may come to a verdict at the same time."""
        if watch.over:
            return
        turn = self._rounds[watch.child.parent]
        turn.ended += watch.child.wait is Wait.COMPLETION
        turn.changed_at = self._clock.now()
        self.forget(watch.child)
        self._desk.concluded(watch.child.ticket, await self._with_log_line(watch, verdict))

    async def _with_log_line(self, watch: _Watch, verdict: Verdict) -> Verdict:
        """Fetch the last log line at once: the node forgets logs long before the server forgets the job."""
        if not self._has_log(verdict):
            return verdict
        ending = verdict.outcome, verdict.cause, verdict.exit_code
        if not self._may_read(self._logs_read[ending]):
            return replace(verdict, log_unread=True)
        self._logs_read[ending] += 1
        lines = []
        for stream in ("stderr", "stdout"):
            lines.append(await self._last_line(watch, verdict, stream))
            if lines[-1]:
                return with_log_line(verdict, lines[-1])
        return replace(verdict, log_unread=None in lines)

    def _has_log(self, verdict: Verdict) -> bool:
        """Whether a task ran of which a last line is worth reading."""
        if not verdict.alloc_id or not verdict.task:
            return False
        return verdict.cause in HAVE_LOGS or (self._logs.succeeded and verdict.outcome is Outcome.SUCCEEDED)

    def _may_read(self, read_of_its_kind: int) -> bool:
        limit, reserved = self._logs.at_most, self._logs.reserved if read_of_its_kind >= FEW_LOGS else 0
        return limit is None or self._logs_read.total() < limit - reserved

    async def _last_line(self, watch: _Watch, verdict: Verdict, stream: str) -> str | None:
        """Empty if there is none, None if it cannot be read."""
        namespace, region, _ = watch.child.parent
        try:
            tail = await self._client.read_logs(
                verdict.alloc_id,
                verdict.task,
                stream=stream,
                tail_bytes=LOG_TAIL_BYTES,
                namespace=namespace,
                region=region,
            )
        except NomadError:
            return None
        lines = tail.decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def window_pattern(living: Sequence[str]) -> str:
    """
    A regular expression that leaves out children dispatched before every living one, but for a few stragglers.

    living: IDs, which end in `-<unix seconds>-<8 hex>`. Empty if nothing can be left out.
    """
    dated = sorted(
        (int(parts[-2]), name) for name in living if (parts := name.split("-"))[-2:-1] and parts[-2].isdigit()
    )
    if not dated or len(dated) < len(living):
        return ""
    young = dated[min(STRAGGLERS, len(dated) - 1)][0] - STRAGGLER_AGE_S
    cut = next(number for number, (at, _) in enumerate(dated) if at >= young)
    names = [literal(name) for _, name in dated[:cut]]
    return "|".join([*(f"^{name}$" for name in names), f"-({at_least(dated[cut][0])})-[0-9a-f]+$"])


def at_least(number: int) -> str:
    """A regular expression for the decimal numbers of as many digits that are at least *number*."""
    digits = str(number)
    patterns = [digits]
    for place, digit in enumerate(digits):
        if digit != "9":
            rest = len(digits) - place - 1
            patterns.append(f"{digits[:place]}[{int(digit) + 1}-9]" + (f"[0-9]{{{rest}}}" if rest else ""))
    return "|".join(patterns)
