"""The watcher: it follows children by few lists and looks, and reports what it sees of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from dispatchfile.clock import Clock
from dispatchfile.engine.commands import Forget, LookAt, LookAtAll, ReadLog, Watch
from dispatchfile.engine.happenings import LogRead
from dispatchfile.engine.spec import ParentSpec
from dispatchfile.engine.watcher import looks, polls
from dispatchfile.engine.watcher.reads import read_last_line
from dispatchfile.engine.watcher.register import Register
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.settings import Settings

FIRST_PLACEMENT_LOOK_S = 0.5

Report = looks.Report | polls.Report | LogRead


class Watcher:
    """
    Carries out `Watch`, `Forget`, `LookAt`, `LookAtAll` and `ReadLog`.

    *group* holds its tasks: `run` among them, which goes on until it is cancelled.
    """

    def __init__(
        self,
        client: Client,
        group: asyncio.TaskGroup,
        post: Callable[[Report], None],
        *,
        clock: Clock,
        settings: Settings,
        jobs: Mapping[JobKey, ParentSpec],
        is_old_server: bool = False,
    ) -> None:
        self._client, self._group, self._post, self._clock = client, group, post, clock
        self._limits = looks.look_limits(settings)
        self._register = Register()
        self._poller = polls.Poller(
            client, clock, self._register, jobs, unplaced_after_s=self._limits.unplaced_after_s, post=post
        )
        self._looker = looks.Looker(
            client, clock, self._register, jobs, limits=self._limits, post=post, is_old_server=is_old_server
        )

    def start(self) -> None:
        """Poll, and look at what the polls show."""
        self._group.create_task(self._looker.run(self._group))
        self._group.create_task(self._poller.run())

    def watch(self, command: Watch) -> None:
        now = self._clock.now()
        job = self._register.jobs.get(command.job)
        is_first = job is None or not job.to_poll
        watched = self._register.add(command, now)
        if is_first:
            self._poller.begin(self._register.jobs[command.job], now)
        if not watched.follows_end:
            self._register.look_at(watched, now + FIRST_PLACEMENT_LOOK_S)
        elif self._limits.unplaced_after_s is not None:
            self._register.look_at(watched, now + self._limits.unplaced_after_s)
        self._register.polls_changed.set()

    def forget(self, command: Forget) -> None:
        if (watched := self._register.find(command.key)) is not None:
            self._register.remove(watched)

    def look_at(self, command: LookAt) -> None:
        if (watched := self._register.find(command.key)) is not None:
            self._group.create_task(self._looker.look_for_core(watched, command.serial))

    def look_at_all(self, command: LookAtAll) -> None:
        now, job = self._clock.now(), self._register.jobs.get(command.job)
        if job is not None:
            job.is_denied = False
            for watched in job.all_watches():
                self._register.look_at(watched, now)
            self._register.polls_changed.set()

    def read_log(self, command: ReadLog) -> None:
        self._group.create_task(self._read_log(command))

    async def _read_log(self, command: ReadLog) -> None:
        line, is_unread = await read_last_line(self._client, command)
        self._post(LogRead(command.key, command.serial, line, is_unread))
