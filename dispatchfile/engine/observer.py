"""Children that are there already, observed without a core: nothing is sent, and nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from dispatchfile.clock import Clock
from dispatchfile.engine.commands import LookAt, LookAtAll, ReadLog, Watch
from dispatchfile.engine.happenings import Judged, Key, LogRead
from dispatchfile.engine.lifecycle import LogChoice
from dispatchfile.engine.spec import LogReads, ParentSpec
from dispatchfile.engine.watcher import Report, Watcher
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.settings import Settings
from dispatchfile.verdict import with_log_line


class Observer:
    """
    Watches children, and passes on what happens to each; a verdict comes with its last log line.

    *group* holds its tasks, which go on until they are cancelled.
    """

    def __init__(
        self,
        client: Client,
        group: asyncio.TaskGroup,
        take: Callable[[Report], None],
        *,
        clock: Clock,
        settings: Settings,
        jobs: Mapping[JobKey, ParentSpec],
        logs: LogReads,
        is_old_server: bool,
    ) -> None:
        self._take, self._logs = take, LogChoice(logs)
        self._reading: dict[Key, Judged] = {}
        self._jobs: dict[Key, JobKey] = {}
        self._watcher = Watcher(
            client, group, self._hear, clock=clock, settings=settings, jobs=jobs, is_old_server=is_old_server
        )

    def start(self) -> None:
        """Look at the children as they end."""
        self._watcher.start()

    def watch(self, command: Watch) -> None:
        self._jobs[command.key] = command.job
        self._watcher.watch(command)

    def look_at(self, command: LookAt) -> None:
        self._watcher.look_at(command)

    def look_at_all(self, command: LookAtAll) -> None:
        self._watcher.look_at_all(command)

    def _hear(self, report: Report) -> None:
        if isinstance(report, Judged):
            self._judge(report)
        elif isinstance(report, LogRead):
            self._take(self._with_log(report))
        else:
            self._take(report)

    def _judge(self, judged: Judged) -> None:
        verdict, job = judged.verdict, self._jobs.pop(judged.key)
        if not self._logs.has_log(verdict):
            self._take(judged)
        elif self._logs.take(verdict):
            self._reading[judged.key] = judged
            self._watcher.read_log(ReadLog(judged.key, judged.serial, job, verdict.alloc_id, verdict.task))
        else:
            self._take(replace(judged, verdict=replace(verdict, log_unread=True)))

    def _with_log(self, log: LogRead) -> Judged:
        judged = self._reading.pop(log.key)
        verdict = judged.verdict
        verdict = with_log_line(verdict, log.line) if log.line else replace(verdict, log_unread=log.is_unread)
        return replace(judged, verdict=verdict)
