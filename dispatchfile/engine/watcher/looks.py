"""Looks: what has become of one child. Verdicts are made of allocations and evaluations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from dispatchfile.clock import Clock
from dispatchfile.engine.happenings import (
    REACHED,
    ChildMoved,
    Judged,
    LookedAt,
    Reached,
    Troubled,
    Vanished,
    WatchDenied,
    failure_of,
)
from dispatchfile.engine.spec import ParentSpec
from dispatchfile.engine.watcher.polls import move_to
from dispatchfile.engine.watcher.reads import read_evaluations, read_records
from dispatchfile.engine.watcher.register import LIVING, Register, Watched
from dispatchfile.errors import NomadError, NomadForbidden
from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.settings import Settings, Wait
from dispatchfile.verdict import (
    ChildRecords,
    Judgement,
    Living,
    NeedsEvaluations,
    judge_blocked,
    judge_completion,
    judge_placement,
)

Report = ChildMoved | Judged | LookedAt | Reached | Troubled | Vanished | WatchDenied


JUDGES: Mapping[Wait, Callable[[ChildRecords], Judgement]] = {
    Wait.PLACEMENT: judge_placement,
    Wait.COMPLETION: judge_completion,
}  # of a child that nobody waits for nothing is looked at


@dataclass(frozen=True, slots=True)
class LookLimits:
    """The time that a child may wait for a node, and the time that Nomad may fail to answer about it."""

    unplaced_after_s: float | None
    unreachable_after_s: float
    concurrency: int


def look_limits(settings: Settings) -> LookLimits:
    unplaced_after = settings.unplaced_after
    return LookLimits(
        None if unplaced_after is None else unplaced_after.total_seconds(),
        settings.unreachable_after.total_seconds(),
        settings.concurrency,
    )


class Looker:
    """Looks at children, at most `concurrency` at the same time."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        register: Register,
        jobs: Mapping[JobKey, ParentSpec],
        *,
        limits: LookLimits,
        post: Callable[[Report], None],
        is_old_server: bool,
    ) -> None:
        self._client, self._clock, self._register, self._jobs = client, clock, register, jobs
        self._limits, self._post, self._is_old_server = limits, post, is_old_server
        self._slots = asyncio.Semaphore(limits.concurrency)

    async def run(self, group: asyncio.TaskGroup) -> None:
        while True:
            for watched in self._register.take_due(self._clock.now()):
                watched.looking = True
                group.create_task(self.look(watched))
            await self._clock.wait(self._register.looks_changed, self._register.next_look)
            self._register.looks_changed.clear()

    async def look_for_core(self, watched: Watched, serial: int) -> None:
        """Look at the child, whatever the lists say, and report whether it definitely has no verdict."""
        await self.look(watched)
        if not watched.over:
            surely_lives = watched.unread_since is None
            self._post(LookedAt(watched.command.key, serial, surely_lives, watched.records))

    async def look(self, watched: Watched) -> None:
        """Look at the child once; its verdict is reported once, whoever sees it first."""
        watched.looking = True
        try:
            async with self._slots:
                verdict = await self._judge(watched)
            if verdict is not None:
                self._conclude(watched, verdict)
        except NomadForbidden as error:
            self._deny(watched, error)
        except NomadError as error:
            self._look_in_vain(watched, error)
        finally:
            watched.looking = False

    def _conclude(self, watched: Watched, verdict: Verdict) -> None:
        if watched.over:
            return
        polls = self._register.polls_of(watched)
        polls.ended += watched.follows_end
        polls.changed_at = self._clock.now()
        self._register.remove(watched)
        self._post(Judged(watched.command.key, watched.command.serial, verdict))

    def _deny(self, watched: Watched, error: NomadForbidden) -> None:
        watched.unread_since = self._clock.now()
        if not watched.over:
            self._post(WatchDenied(watched.command.key, watched.command.serial, failure_of(error)))

    def _look_in_vain(self, watched: Watched, error: NomadError) -> None:
        self._post(Troubled(failure_of(error)))
        now = self._clock.now()
        watched.unread_since = now if watched.unread_since is None else watched.unread_since
        waits = watched.status in LIVING and not self._is_overdue(watched)
        may_pass = now - watched.unread_since < self._limits.unreachable_after_s
        if watched.over:
            return
        if waits or may_pass or self._register.polls_of(watched).polled_at < watched.unread_since:
            self._register.look_again(watched, now)
        else:  # lists come, so Nomad is there, and nothing else will tell
            message = f"its result cannot be read: {error.message}"
            self._conclude(watched, Verdict(Outcome.UNKNOWN, Cause.UNREACHABLE, message))

    async def _judge(self, watched: Watched) -> Verdict | None:
        """Return the child's verdict, None while it lives."""
        command = watched.command
        records = await self._read(watched)
        self._post(REACHED)
        watched.unread_since, watched.records = None, records
        if records.gone and not watched.seen and command.may_be_phantom:
            self._vanish(watched)
            return None
        judge = JUDGES[command.wait]
        judgement = judge(records)
        if isinstance(judgement, NeedsEvaluations):
            records = replace(records, evals=await read_evaluations(self._client, watched))
            judgement = judge(records)
        return self._settle(watched, records, judgement)

    async def _read(self, watched: Watched) -> ChildRecords:
        job = watched.command.job
        return await read_records(
            self._client,
            watched,
            self._jobs[job],
            may_list=self._register.jobs[job].may_list,
            is_old_server=self._is_old_server,
            age_s=self._clock.now() - watched.since,
        )

    def _vanish(self, watched: Watched) -> None:
        """Two looks may find it out at the same time."""
        if not watched.over:
            self._register.remove(watched)
            self._post(Vanished(watched.command.key, watched.command.serial))

    def _settle(
        self, watched: Watched, records: ChildRecords, judgement: Verdict | Living | NeedsEvaluations
    ) -> Verdict | None:
        if isinstance(judgement, Verdict):
            return judgement
        now = self._clock.now()
        if isinstance(judgement, Living):
            if move := move_to(watched, judgement.state, judgement.message, blocked=judgement.blocked):
                self._post(move)
            if judgement.blocked and self._is_overdue(watched):
                return judge_blocked(records)
            if self._is_overdue(watched) and judgement.state is State.QUEUED:  # nor blocked yet: it may be soon
                self._register.look_again(watched, now)
                return None
            if not self._register.polls_of(watched).may_list and not watched.status and not records.stop:
                return None  # the polls see to it that it is asked for again
        if not watched.follows_end or watched.status in ("", "dead") or watched.stop:
            self._register.look_again(watched, now)
        return None

    def _is_overdue(self, watched: Watched) -> bool:
        limit = self._limits.unplaced_after_s
        return limit is not None and self._clock.now() - watched.pending_since >= limit
