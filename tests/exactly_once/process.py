"""One process that works on a run, until it ends, is told to end, or is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

from dispatchfile.errors import NomadAmbiguous, NomadError, NomadRefused, NomadThrottled, NomadUnavailable
from dispatchfile.events import Event
from dispatchfile.items import Item
from dispatchfile.journal import JournalReader, RunHeader, StoredBaseline, Target
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import Dispatched
from dispatchfile.preflight import parents_in
from dispatchfile.results import Results
from dispatchfile.settings import Wait
from dispatchfile.usecases import resume
from dispatchfile.usecases.parents import read_parents
from dispatchfile.usecases.past import leave_as_it_was, run_facts
from dispatchfile.usecases.reporting import NoReporter
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.execute import Executor, item_facts
from dispatchfile.usecases.running.specs import batch_spec, canaries_of, run_deadline
from tests.engine import Baseline, intent
from tests.exactly_once.checks import check_event, check_request
from tests.exactly_once.scripts import Crash, Interrupt, Life, Weather
from tests.exactly_once.steady import SteadyJournal
from tests.exactly_once.world import RUN, World

ADDRESS = "http://fake"
LONGEST_S = 3_600.0  # of virtual time; every script is over long before
RAISED: dict[str, type[NomadError]] = {
    "reset": NomadAmbiguous,
    "throttled": NomadThrottled,
    "unreachable": NomadUnavailable,
    "refused": NomadRefused,
}


class Process:
    """Begins the run, or goes on with it, as its commands do; and lives through what its script says."""

    def __init__(self, world: World, life: Life) -> None:
        self.world, self.life = world, life
        self.events: list[Event] = []  # of the whole run, as far as this process knows of them
        self.marked: set[tuple[str, int]] = set()  # durably
        self.is_dead = self.is_asked_to_stop = False
        self._control = Control()
        self._journal: SteadyJournal | None = None
        self._stored: list[Event] = []
        self.reached = 0
        self._faults = iter(life.faults)
        self._task: asyncio.Task[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []

    async def run(self) -> None:
        """Returns when the process has ended, however it has."""
        self.start()
        await self.wait(LONGEST_S)
        self.finish()

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._timers = [loop.call_later(weather.after_s, self._meet, weather) for weather in self.life.weather]
        if isinstance(self.life.end, Interrupt):
            self._timers.append(loop.call_later(self.life.end.after_s, self.interrupt))
        self._task = loop.create_task(self._work())

    async def wait(self, seconds: float) -> bool:
        """Wait for its end. Return whether it came in time."""
        assert self._task is not None
        await asyncio.wait([self._task], timeout=seconds)
        return self._task.done()

    def finish(self) -> None:
        """Return what it leaves behind, checked."""
        for timer in self._timers:
            timer.cancel()
        self.world.nomad.down = False
        if not self.is_dead:
            self._check_end()

    def _check_end(self) -> None:
        """Only before anything was done may it end with an error."""
        assert self._task is not None
        if not self._task.done():
            self.is_dead = self._task.cancel()
            raise AssertionError("the process never ends")
        if isinstance(error := self._task.exception(), NomadError):
            self._check_error(error)
        else:
            self._task.result()
        self._check_disk()

    def _check_error(self, error: NomadError) -> None:
        assert len(self.events) == len(self._stored), error

    def _meet(self, weather: Weather) -> None:
        if weather.what == "outage":
            self.world.was_hindered = self.world.nomad.down = True
            loop = asyncio.get_running_loop()
            loop.call_later(weather.lasts_s, setattr, self.world.nomad, "down", False)
        else:
            self.world.happen(weather.what)

    def ask_to_stop(self) -> None:
        """Ask it to stop, as `stop` does from another process."""
        self.world.was_hindered = True
        self.is_asked_to_stop = True

    def interrupt(self) -> None:
        self.world.was_hindered = True
        self._control.interrupt()

    # Its death

    async def reach(self) -> None:
        """A point at which the process may be killed. Nothing of a dead one goes on."""
        self.reached += 1
        end = self.life.end
        if not self.is_dead and isinstance(end, Crash) and self.reached >= end.at:
            self.die(end)
        if self.is_dead:
            raise asyncio.CancelledError

    def die(self, end: Crash) -> None:
        assert self._task is not None
        self.is_dead = self.world.was_hindered = True
        self._task.cancel()
        if self._journal is not None:
            folder = self.world.folder / f"after-{self._journal.path.parents[1].name}"
            self.world.path = self._journal.crash(folder, kept=end.kept)
        self._check_disk()

    def _check_disk(self) -> None:
        """All that was committed is there, in order, and nothing else."""
        if self.world.path is not None and self._journal is not None:
            assert list(JournalReader(self.world.path).events()) == self._stored + self._journal.written

    # Its work

    async def _work(self) -> None:
        async with self.connect() as client:
            await (self._begin(client) if self.world.path is None else self._go_on(client))

    def connect(self) -> AbstractAsyncContextManager[Client]:
        return nullcontext(cast("Client", Wire(self)))

    async def _begin(self, client: Client) -> None:
        world, settings = self.world, self.world.script.settings
        parents = await read_parents(client, parents_in(world.items), probe=False)
        header = self._header()
        world.began_at = header.started_at
        baselines = [
            StoredBaseline(*parent, 7, state.children, state.children_index, header.started_at)
            for parent, state in parents.items()
        ]
        journal = SteadyJournal.create(world.folder / "first", header, world.items, baselines=baselines)
        self.take(journal)
        await journal.add_intents([intent(item, 1, run=RUN, rerun_of=None) for item in world.items])
        world.path = journal.path
        results = Results([item_facts(item) for item in world.items])
        spec = batch_spec(
            RUN,
            world.items,
            settings,
            parents,
            baselines={parent: Baseline(state.children, state.children_index) for parent, state in parents.items()},
            canaries=canaries_of(world.items, settings),
            deadline=run_deadline(settings, header.started_at),
            logs="none",
        )
        executor = Executor(client=client, journal=journal, results=results, reporter=NoReporter(), clock=world.clock)
        await executor.execute(run_facts(header), spec, self._control)

    def _header(self) -> RunHeader:
        return RunHeader(
            id=RUN,
            name="proof",
            manifest="-",
            shown_manifest="-",
            manifest_digest="",
            target=Target(ADDRESS, "", ("default",)),
            settings=self.world.script.settings,
            local=False,
            started_at=self.world.clock.wall(),
            tool_version="0",
        )

    async def _go_on(self, client: Client) -> None:
        assert self.world.path is not None
        reader, journal = self.open_again(self.world.path)
        options = resume.ResumeOptions(run=None, manifest=None, connection=Connection(ADDRESS), environ={})
        resumed = resume.take_up(options, reader, journal, NoReporter())
        try:
            await resume.continue_run(
                client, resumed, logs="none", reporter=NoReporter(), control=self._control, clock=self.world.clock
            )
        finally:
            await leave_as_it_was(journal, resumed.stored.status, self.world.clock)

    def open_again(self, path: Path) -> tuple[JournalReader, SteadyJournal]:
        reader = JournalReader(path)
        self._stored = list(reader.events())
        self.events = [*self._stored]
        self.marked = {key for key, progress in reader.attempts().items() if progress.marked}
        journal = SteadyJournal.resume(path)
        self.take(journal)
        return reader, journal

    def take(self, journal: SteadyJournal) -> None:
        self._journal, journal.process, journal.runner = journal, self, self.world.runner

    def heard(self, event: Event) -> None:
        check_event(self.world, event)
        self.events.append(event)

    # Its requests

    @property
    def late_s(self) -> float | None:
        """What is under way as the process dies is carried out so much later."""
        return self.life.end.late_s if isinstance(self.life.end, Crash) else None

    def play_fault(self, token: str) -> str | None:
        """What goes wrong with the next dispatch."""
        fault = next(self._faults, None)
        needs_token = fault in ("phantom", "overtaken")
        if needs_token and (not token or self.world.script.settings.wait is Wait.DETACH):
            return None  # of answers to dispatches without a token, and where nobody looks, nothing can be said
        return fault


class Wire:
    """A process's way to Nomad. What is under way as the process dies may still arrive, or not."""

    throttled = peak_connections = 0

    def __init__(self, process: Process) -> None:
        self._process, self._world, self._nomad = process, process.world, process.world.nomad
        self._faults: dict[str, Callable[[], str | None]] = {}  # of requests under way, by prefix
        self._nomad.script = lambda prefix: self._faults[prefix]()

    @property
    def requests(self) -> int:
        return self._nomad.requests

    def patient(self, limit: timedelta) -> Self:
        """The fake Nomad has no bad answer for a read, so there is nothing to repeat."""
        return self

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = getattr(self._nomad, name)

        async def call(*arguments: object, **options: object) -> object:
            await self._process.reach()
            answer = await method(*arguments, **options)
            await self._process.reach()
            return answer

        return call

    async def dispatch_job(self, job: str, *, id_prefix: str, token: str | None, **request: Any) -> Dispatched:
        item, attempt = self._world.attempt_of(id_prefix, token or "")
        await self._process.reach()
        check_request(self._world, item, attempt, self._process)
        fault = self._process.play_fault(token or "")
        self._faults[id_prefix] = partial(self._strike, fault, job, token or "")
        arrives_in_s: float | None = None
        self._world.sending.add(item.id)
        try:
            answer = await self._nomad.dispatch_job(job, id_prefix=id_prefix, token=token, **request)
        except NomadAmbiguous:
            arrives_in_s = self._world.script.late_s if fault == "late" else None
            raise
        except asyncio.CancelledError:
            arrives_in_s = self._process.late_s
            if arrives_in_s is not None:
                self._arrive_late(arrives_in_s, job, prefix=id_prefix, token=token or "")
            raise
        finally:
            self._arrived(item, arrives_in_s)
        await self._process.reach()
        return answer

    def _arrived(self, item: Item, in_s: float | None) -> None:
        if in_s is None:
            self._world.sending.discard(item.id)
        else:
            asyncio.get_running_loop().call_later(in_s, self._world.sending.discard, item.id)

    def _strike(self, fault: str | None, job: str, token: str) -> str | None:
        if fault is not None and fault in RAISED:
            raise RAISED[fault](fault)
        if fault == "overtaken":
            self._nomad.carry_out(job, namespace="default", token=token, prefix="theirs", payload=b"", meta={})
            return "phantom"
        return fault

    def _arrive_late(self, in_s: float, job: str, *, prefix: str, token: str) -> None:
        write = partial(
            self._nomad.carry_out, job, namespace="default", token=token, prefix=prefix, payload=b"", meta={}
        )
        asyncio.get_running_loop().call_later(in_s, write)
