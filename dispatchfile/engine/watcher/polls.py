"""Polls: one filtered prefix list for each job at a pace that adapts. A list only says where to look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dispatchfile.clock import Clock
from dispatchfile.engine.happenings import REACHED, ChildMoved, PollDenied, Reached, Troubled, failure_of
from dispatchfile.engine.spec import ParentSpec
from dispatchfile.engine.watcher.register import LIVING, JobPolls, Register, Watched
from dispatchfile.engine.watcher.window import STRAGGLERS, window_pattern
from dispatchfile.errors import NomadError, NomadForbidden, NomadRefused
from dispatchfile.events import State
from dispatchfile.names import JobKey, child_id_start
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.filters import literal, matches
from dispatchfile.nomad.models import JobStub

SHORTEST_POLL_S = 1.0
FIRST_POLL_S = 0.3  # after the first child: short tasks have ended by then
LONGEST_POLL_S = 10.0
IDLE_SHARE = 0.1  # of the time in which nothing changed is let pass before the next poll
COST_FACTOR = 2.0  # a poll that took 1 s is followed by a pause of 2 s
CHEAP_ROWS = 2_000  # with fewer living children every poll also shows what runs and what is missing
FULL_POLL_EVERY_S = 10.0  # with more of them, only now and then
WINDOW_FROM = 200  # ended children from which on the list leaves out what is older than every living child
PENDING_S = 1.0  # until a child that waits is asked why; most are placed before
FIRST_ASKS = 2  # then without a pause, since Nomad may still be evaluating it
ASK_AGAIN_S = 30.0  # the reason may have changed
ASK_AFTER_CHANGE_S = 10.0  # and more likely so once another child of the job has started or ended
LONGEST_MISSING_S = 60.0  # between two looks at a child that no row shows, where jobs may not be listed

Report = ChildMoved | PollDenied | Reached | Troubled


@dataclass(frozen=True, slots=True)
class AllocatedChild:
    """A child as its allocations show it, where jobs may not be listed."""

    id: str
    status: str
    stop: bool = False


class Poller:
    """Polls every job that has children to follow to their end."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        register: Register,
        jobs: Mapping[JobKey, ParentSpec],
        *,
        unplaced_after_s: float | None,
        post: Callable[[Report], None],
    ) -> None:
        self._client, self._clock, self._register, self._jobs = client, clock, register, jobs
        self._unplaced_after_s, self._post = unplaced_after_s, post

    async def run(self) -> None:
        while True:
            now = self._clock.now()
            for job, polls in list(self._register.jobs.items()):
                if polls.to_poll and not polls.is_denied and polls.next_at <= now:
                    await self._poll(job, polls)
            waiting = (polls for polls in self._register.jobs.values() if polls.to_poll and not polls.is_denied)
            await self._clock.wait(
                self._register.polls_changed, min((polls.next_at for polls in waiting), default=None)
            )
            self._register.polls_changed.clear()

    def begin(self, polls: JobPolls, now: float) -> None:
        """The first child of the job is to be followed."""
        polls.changed_at = now
        polls.next_at = max(polls.next_at, now + FIRST_POLL_S)

    async def _poll(self, job: JobKey, polls: JobPolls) -> None:
        started = self._clock.now()
        is_full = len(polls.watches) <= CHEAP_ROWS or polls.full_at <= started
        try:
            rows = await self._read_rows(job, polls, is_full=is_full)
        except NomadForbidden as error:  # the right was taken away: a look at each child says so
            self._pace(polls, started)
            polls.is_denied = True
            self._post(PollDenied(job, failure_of(error)))
            return
        except NomadError as error:
            polls.may_filter = polls.may_filter and not isinstance(error, NomadRefused)  # then without filters
            self._post(Troubled(failure_of(error)))
            polls.next_at = self._clock.now() + SHORTEST_POLL_S
            return
        self._post(REACHED)
        polls.polled_at = started
        self._take_rows(polls, rows, started)
        if is_full:
            polls.full_at = started + FULL_POLL_EVERY_S
            self._take_missing(polls, {row.id for row in rows}, started)
        self._ask_why(polls, started)
        self._pace(polls, started)

    def _pace(self, polls: JobPolls, started: float) -> None:
        now = self._clock.now()
        idle = min(LONGEST_POLL_S, IDLE_SHARE * (now - polls.changed_at))
        polls.next_at = now + max(SHORTEST_POLL_S, COST_FACTOR * (now - started), idle)

    # What is listed

    async def _read_rows(self, job: JobKey, polls: JobPolls, *, is_full: bool) -> Sequence[JobStub | AllocatedChild]:
        if not polls.may_list:
            return await self._read_rows_from_allocations(job)
        try:
            rows = await self._list(job, self._jobs[job].listing.prefix, self._conditions(job, polls, is_full=is_full))
            named = list({watch.command.child for watch in polls.all_watches() if not watch.command.is_listed})
            at_once = STRAGGLERS if polls.may_filter else 1
            for start in range(0, len(named), at_once):
                rows = [*rows, *await self._list_named(job, named[start : start + at_once])]
        except NomadForbidden:  # no list-jobs: allocations tell as much, and need read-job only
            polls.may_list = False
            return await self._read_rows_from_allocations(job)
        return rows

    def _conditions(self, job: JobKey, polls: JobPolls, *, is_full: bool) -> list[str]:
        if not polls.may_filter:
            return []
        listing = self._jobs[job].listing
        conditions = [listing.condition] if listing.condition else []
        if not is_full:
            conditions.append('Status == "dead"')
        if polls.ended >= WINDOW_FROM and (window := window_pattern([*polls.watches])):
            conditions.append(matches("ID", window))
        return conditions

    async def _list(self, job: JobKey, prefix: str, conditions: Sequence[str]) -> Sequence[JobStub]:
        return await self._client.list_all_jobs(
            prefix=prefix, namespace=job.namespace, region=job.region, filter=" and ".join(conditions)
        )

    async def _list_named(self, job: JobKey, names: Sequence[str]) -> Sequence[JobStub]:
        if len(names) == 1:
            return await self._list(job, names[0], [])
        pattern = "|".join(literal(name) for name in names)
        return await self._list(job, child_id_start(job.job), [matches("ID", f"^({pattern})$")])

    async def _read_rows_from_allocations(self, job: JobKey) -> Sequence[AllocatedChild]:
        prefix = self._jobs[job].listing.prefix or child_id_start(job.job)
        allocs = await self._client.list_allocations(
            namespace=job.namespace, region=job.region, filter=matches("JobID", f"^{literal(prefix)}")
        )
        living = {alloc.job_id for alloc in allocs if alloc.client_status in LIVING}
        return [AllocatedChild(child, "running" if child in living else "dead") for child in {a.job_id for a in allocs}]

    # What it says

    def _take_rows(self, polls: JobPolls, rows: Iterable[JobStub | AllocatedChild], now: float) -> None:
        for row in rows:
            for watch in polls.watches.get(row.id, ()):
                if (row.status, row.stop) != (watch.status, watch.stop):
                    polls.changed_at = now
                    self._take_row(watch, row, now)

    def _take_row(self, watch: Watched, row: JobStub | AllocatedChild, now: float) -> None:
        if row.status == "pending" and watch.status == "running":
            watch.pending_since = now
            if self._unplaced_after_s is not None:
                self._register.look_at(watch, now + self._unplaced_after_s)
        watch.status, watch.stop, watch.seen = row.status, row.stop, True
        watch.seen_alive = row.status in LIVING
        if row.status == "dead" or row.stop:
            self._register.look_at(watch, now)
        elif move := move_to(watch, State.RUNNING if row.status == "running" else State.QUEUED):
            self._post(move)

    def _take_missing(self, polls: JobPolls, present: set[str], started: float) -> None:
        """Ask for a child now and then where only allocations can be listed: it may have none yet."""
        for watch in polls.all_watches():
            if watch.command.child in present or watch.since >= started or watch.looking:
                continue
            if not polls.may_list:
                if started < watch.missing_at:
                    continue
                watch.missing_at = started + min(LONGEST_MISSING_S, LONGEST_POLL_S + (started - watch.since) / 2)
            watch.status = ""
            self._register.look_at(watch, started)

    def _ask_why(self, polls: JobPolls, now: float) -> None:
        """Ask the child that waits longest why: one question for all that wait behind it."""
        pending = [watch for watch in polls.all_watches() if watch.status == "pending" and not watch.looking]
        oldest = min(pending, key=lambda watch: watch.pending_since, default=None)
        asked_for_s = now - polls.asked_at
        if oldest is None:
            polls.asked = polls.asked if asked_for_s < ASK_AFTER_CHANGE_S else 0
        elif now - oldest.pending_since >= PENDING_S and asked_for_s >= _pause_s(polls, oldest):
            polls.asked, polls.asked_at = polls.asked + 1, now
            self._register.look_at(oldest, now)


def _pause_s(polls: JobPolls, oldest: Watched) -> float:
    """Return how long after the last question the next one is due."""
    if polls.asked < FIRST_ASKS and not oldest.blocked:
        return 0.0
    return ASK_AFTER_CHANGE_S if polls.changed_at > polls.asked_at else ASK_AGAIN_S


def move_to(watch: Watched, state: State, message: str = "", *, blocked: bool = False) -> ChildMoved | None:
    """Return what to report of a child that is in this state; None if that is known. No message: as it was there."""
    if state is watch.state and message in ("", watch.message):
        return None
    watch.state, watch.message, watch.blocked = state, message, blocked
    return ChildMoved(watch.command.key, watch.command.serial, state, message, blocked)
