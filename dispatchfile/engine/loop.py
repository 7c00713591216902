"""The one loop of the engine: it hands what happens to the core, and the core's commands to the rooms."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from dispatchfile.clock import Clock
from dispatchfile.engine import commands
from dispatchfile.engine.commands import Command
from dispatchfile.engine.doubles import find_doubles
from dispatchfile.engine.errands import Errands
from dispatchfile.engine.happenings import Happening, InterruptRequested, Ticked, Woken
from dispatchfile.engine.lifecycle import Lifecycle
from dispatchfile.engine.recorder import Recorder
from dispatchfile.engine.sender import Sender
from dispatchfile.engine.settler import Settler
from dispatchfile.engine.spec import BatchSpec, BatchState
from dispatchfile.engine.supply import Supply
from dispatchfile.engine.watcher import Watcher
from dispatchfile.errors import DispatchfileError
from dispatchfile.events import Cause, Doubled, Event, RunJournal
from dispatchfile.nomad.client import Client

C = TypeVar("C", bound=Command)
TICK_S = 0.5


class Engine:
    """A batch under way. *listener* hears every event, in order, before anything follows from it."""

    def __init__(
        self,
        spec: BatchSpec,
        *,
        client: Client,
        journal: RunJournal,
        clock: Clock,
        listener: Callable[[Event], None],
        jitter: Callable[[], float],
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self._spec, self._client, self._journal, self._clock, self._listener = spec, client, journal, clock, listener
        self._stop_requested = stop_requested
        self._core = Lifecycle(spec, jitter)
        self._supply = Supply(spec, self._post)
        self._inbox: deque[Happening] = deque()
        self._is_taking = True  # nothing is taken before the rooms are there
        self._takers: Mapping[type[object], Callable[[Command], None]] = {}
        self._over = asyncio.Event()
        self._sooner = asyncio.Event()  # the core is to be woken earlier than it asked for before
        self._wake_at: float | None = None
        self._woken_at = 0.0  # timers fire a moment early: what they were set for has come all the same

    async def run(self) -> BatchState:
        """
        Dispatch and watch until every item has its outcome, or the batch is interrupted.

        Raises JournalError as soon as something cannot be put on record: then nothing more is sent.
        """
        try:
            await self._work()
        except BaseExceptionGroup as group:
            raise _first_of(group) from group
        if self._core.state is not BatchState.INTERRUPTED:
            await self._report_doubles()
        await self._journal.flush()
        return self._core.state

    def interrupt(self, cause: Cause = Cause.INTERRUPTED) -> None:
        """Send nothing more, wait for the answers under way, and end; what lives goes on in Nomad."""
        self._post(InterruptRequested(cause))

    @property
    def stop_was_requested(self) -> bool:
        """Return whether another process has asked the run to stop, and it did."""
        return self._core.stop_was_requested

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            rooms = group.create_task(self._run_rooms())
            await self._over.wait()
            rooms.cancel()

    async def _run_rooms(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._takers = self._open_rooms(group)
            group.create_task(self._keep_time())
            group.create_task(self._wake())
            self._inbox.appendleft(self._supply.begin())
            self._take_all()

    def _open_rooms(self, group: asyncio.TaskGroup) -> Mapping[type[object], Callable[[Command], None]]:
        """Return which room carries out what."""
        client, post, spec = self._client, self._post, self._spec
        recorder = Recorder(self._journal, group, post, self._listener)
        sender, settler = Sender(client, group, post), Settler(client, group, post)
        errands = Errands(client, group, post)
        watcher = Watcher(
            client,
            group,
            post,
            clock=self._clock,
            settings=spec.settings,
            jobs=spec.jobs,
            is_old_server=spec.server_before_2_0_1,
        )
        watcher.start()
        return dict(
            (
                _taker(commands.Record, recorder.record),
                _taker(commands.MarkAttempts, recorder.mark),
                _taker(commands.Send, sender.send),
                _taker(commands.Withdraw, sender.withdraw),
                _taker(commands.LookFor, settler.look_for),
                _taker(commands.Count, settler.count),
                _taker(commands.Watch, watcher.watch),
                _taker(commands.Forget, watcher.forget),
                _taker(commands.LookAt, watcher.look_at),
                _taker(commands.LookAtAll, watcher.look_at_all),
                _taker(commands.ReadLog, watcher.read_log),
                _taker(commands.StopChild, errands.stop_child),
                _taker(commands.ReadChild, errands.read_child),
                _taker(commands.CheckToken, errands.check_token),
                _taker(commands.Want, self._supply.offer),
                _taker(commands.Finish, self._finish),
            )
        )

    def _finish(self, _: commands.Finish) -> None:
        self._over.set()

    # What happens

    def _post(self, happening: Happening) -> None:
        """Take what happens, at once: a hop through the event loop for each would cost speed."""
        self._inbox.append(happening)
        if not self._is_taking:
            self._take_all()

    def _take_all(self) -> None:
        self._is_taking = True
        now, wall = max(self._clock.now(), self._woken_at), self._clock.wall()
        while self._inbox and not self._over.is_set():
            for command in self._core.step(self._inbox.popleft(), now, wall):
                self._takers[type(command)](command)
        self._is_taking = False
        wake_at = self._core.wake_at
        if wake_at is not None and (self._wake_at is None or wake_at < self._wake_at):
            self._wake_at = wake_at
            self._sooner.set()

    # Time

    async def _wake(self) -> None:
        while True:
            if not await self._clock.wait(self._sooner, self._wake_at) and self._wake_at is not None:
                self._woken_at, self._wake_at = self._wake_at, None
                self._post(Woken())
            self._sooner.clear()

    async def _keep_time(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            self._journal.check()
            self._post(Ticked(self._client.throttled, self._stop_requested()))

    # The end

    async def _report_doubles(self) -> None:
        for item, attempt, children in await find_doubles(self._client, self._spec, self._core.followed):
            event = Doubled(item, attempt, self._clock.wall(), children)
            self._journal.record(event)
            self._listener(event)


def _taker(kind: type[C], take: Callable[[C], None]) -> tuple[type[object], Callable[[Command], None]]:
    return kind, cast("Callable[[Command], None]", take)


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what ended a task group: the tool's own error if there is one, else the first."""
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions
        else:
            leaves.append(error)
    return next((error for error in leaves if isinstance(error, DispatchfileError)), leaves[0])
