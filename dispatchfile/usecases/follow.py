"""Living children followed in Nomad for whoever wants to know: nothing is sent, nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from dispatchfile.clock import Clock
from dispatchfile.engine import LogReads, Observer, ParentSpec
from dispatchfile.engine.commands import LookAt, Watch
from dispatchfile.engine.happenings import (
    ChildMoved,
    Judged,
    Key,
    LookedAt,
    PollDenied,
    Reached,
    RequestFailure,
    Troubled,
    WatchDenied,
    error_of,
)
from dispatchfile.engine.watcher import Report
from dispatchfile.events import Ended, Event, Moved
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.settings import Settings
from dispatchfile.usecases.tokens import explain_denial

SOME_LOGS = LogReads(at_most=20, reserved=5)
LOOK_AT_THE_CLOCK_S = 1.0


class Follower:
    """
    Observes children, and reports what it sees as events.

    listener: hears every event. settings: of the run, for its limits.
    """

    def __init__(
        self,
        client: Client,
        *,
        clock: Clock,
        settings: Settings,
        jobs: Mapping[JobKey, ParentSpec],
        server_before_2_0_1: bool,
        listener: Callable[[Event], None],
    ) -> None:
        self._client, self._clock, self._listener = client, clock, listener
        self._settings, self._jobs, self._is_old_server = settings, jobs, server_before_2_0_1
        self._patience_s = settings.unreachable_after.total_seconds()
        self._left: set[Key] = set()  # children of which something is still to be seen
        self._changed = asyncio.Event()
        self._trouble: RequestFailure | None = None
        self._trouble_since = 0.0
        self._denial: RequestFailure | None = None

    async def to_the_end(self, children: Sequence[Watch], *, until: float | None = None) -> None:
        """
        Follow the children until each has ended, or the clock shows *until*.

        Raises NomadError when nobody has answered for as long as the run's settings allow, and at once where the token
        may not look.
        """
        await self._observe(children, until, look_once=False)
        if self._trouble is not None and self._left and not _has_come(until, self._clock):
            raise error_of(self._trouble)

    async def once(self, children: Sequence[Watch]) -> None:
        """Look at each of the children once. Raises NomadError if one of the looks gets no answer."""
        await self._observe(children, None, look_once=True)
        if self._trouble is not None:
            raise error_of(self._trouble)

    async def _observe(self, children: Sequence[Watch], until: float | None, *, look_once: bool) -> None:
        self._left = {child.key for child in children}
        work = asyncio.create_task(self._watch(children, look_once=look_once))
        try:
            while self._left and self._denial is None and not self._is_over(until) and not work.done():
                await self._clock.wait(self._changed, self._clock.now() + LOOK_AT_THE_CLOCK_S)
                self._changed.clear()
        finally:
            work.cancel()
            await asyncio.wait([work])
        if not work.cancelled():
            work.result()
        if self._denial is not None:
            lacking = f"the token cannot read the run's children ({self._denial.message}): it needs read-job"
            raise await explain_denial(self._client, lacking)

    async def _watch(self, children: Sequence[Watch], *, look_once: bool) -> None:
        async with asyncio.TaskGroup() as group:
            observer = Observer(
                self._client,
                group,
                self._take,
                clock=self._clock,
                settings=self._settings,
                jobs=self._jobs,
                logs=SOME_LOGS,
                is_old_server=self._is_old_server,
            )
            for child in children:
                observer.watch(child)
                if look_once:
                    observer.look_at(LookAt(child.key, child.serial))
            if not look_once:
                observer.start()
                await asyncio.Event().wait()

    def _is_over(self, until: float | None) -> bool:
        lost = self._trouble is not None and self._clock.now() - self._trouble_since >= self._patience_s
        return lost or _has_come(until, self._clock)

    # What is seen

    def _take(self, report: Report) -> None:
        match report:
            case Troubled():
                if self._trouble is None:
                    self._trouble_since = self._clock.now()
                self._trouble = report.failure
            case Reached():
                self._trouble = None
            case WatchDenied() | PollDenied():
                self._denial = report.failure
                self._changed.set()
            case ChildMoved():
                item, attempt = report.key
                self._listener(Moved(item, attempt, self._clock.wall(), report.state, report.message, report.blocked))
            case Judged():
                item, attempt = report.key
                self._listener(Ended(item, attempt, self._clock.wall(), report.verdict))
                self._see(report.key)
            case LookedAt():
                self._see(report.key)

    def _see(self, key: Key) -> None:
        self._left.discard(key)
        self._changed.set()


def _has_come(until: float | None, clock: Clock) -> bool:
    return until is not None and clock.now() >= until
