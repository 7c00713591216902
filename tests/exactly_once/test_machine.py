"""The journal, the dispatcher and the embedded agent through whatever hypothesis thinks of, step by step."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dispatchfile.engine import Start
from dispatchfile.errors import NomadError, RunRefused
from dispatchfile.events import Outcome
from dispatchfile.items import Item
from dispatchfile.journal import JournalReader, is_live
from dispatchfile.nomad.connection import Connection
from dispatchfile.preflight import parents_in
from dispatchfile.settings import Settings, Wait
from dispatchfile.usecases.folding import fold_past
from dispatchfile.usecases.parents import read_parents
from dispatchfile.usecases.past import PastRun
from dispatchfile.usecases.running.adopt import find_children
from dispatchfile.usecases.same_children import SameChildren
from dispatchfile.usecases.watch import refresh_run
from tests.exactly_once.checks import check_end
from tests.exactly_once.live import LiveProcess, LiveWorld, StopProcess, looking
from tests.exactly_once.playing import disk
from tests.exactly_once.process import LONGEST_S
from tests.exactly_once.scripts import Crash, ItemScript, Life, RunScript
from tests.exactly_once.steady import Elsewhere
from tests.exactly_once.strategies import item_scripts, run_settings
from tests.exactly_once.world import RUN
from tests.virtual_time import VirtualLoop

MACHINES = os.environ.get("EXACTLY_ONCE_MACHINES", "")  # so many fresh ones, as `--hypothesis-seed` chooses them
STEPS = 25
LIVES_AT_MOST = 12
DYING_S = 1.0
FAULTS = (
    "drop-after-write=100%:dispatch",
    "drop-after-write=50%",
    "reset=50%:dispatch",
    "reset=100%",
    "429=50%",
    "500=40%:dispatch",
    "html=40%:dispatch",
    "phantom=60%",
    "leaderless=20s",
    "delay=50%:12s",
    "delay=300ms",
)


def with_payload(item: Item, payload: bytes) -> Item:
    return replace(item, request=replace(item.request, payload=payload))


async def is_refused(same: SameChildren, items: Sequence[Item], found: Mapping[str, Start]) -> bool:
    try:
        await same.check(items, found)
    except RunRefused:
        return True
    return False


class Machine(RuleBasedStateMachine):
    """One run, its processes, and its Nomad."""

    world: LiveWorld
    process: LiveProcess | None = None

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner(loop_factory=VirtualLoop)
        self.elsewhere = Elsewhere()
        self.disk = disk()
        self.has_begun = False

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run(self._do(work))

    async def _do(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        await self._pass(0.0)  # the process may have ended meanwhile

    # The run and its processes

    @initialize(
        items=st.lists(item_scripts, min_size=1, max_size=5),
        settings=run_settings,
        known_tokens=st.lists(st.integers(0, 4), max_size=2),
    )
    def begin(self, items: list[ItemScript], settings: Settings, known_tokens: list[int]) -> None:
        script = RunScript(tuple(items), settings=settings, known_tokens=tuple(known_tokens))
        self.do(self._begin(script))

    async def _begin(self, script: RunScript) -> None:
        self.world = LiveWorld(script, self.disk.__enter__(), self.elsewhere)
        await self.world.open()
        self.has_begun = True
        await self._start(LiveProcess(self.world, Life()))

    async def _start(self, process: LiveProcess) -> None:
        self.process = process
        process.start()
        await self._pass(0.0)

    async def _pass(self, seconds: float) -> None:
        """Time passes; the process may have ended when it is over."""
        if self.process is None:
            await asyncio.sleep(seconds)
        elif await self.process.wait(seconds) or self.process.is_dead:
            await self.process.wait(DYING_S)
            process, self.process = self.process, None
            process.finish()

    @rule(seconds=st.sampled_from([0.0, 0.02, 0.3, 2.0, 8.0, 40.0, 300.0]))
    def pass_time(self, seconds: float) -> None:
        """Let time pass, with or without a process."""
        self.do(self._pass(seconds))

    @precondition(lambda self: self.process is not None)
    @rule(seconds=st.sampled_from([1.0, 5.0, 15.0, 60.0]))
    def let_it_work(self, seconds: float) -> None:
        """Most of the time nothing else happens."""
        self.do(self._pass(seconds))

    @precondition(lambda self: self.process is not None)
    @rule(kept=st.integers(0, 4))
    def kill(self, kept: int) -> None:
        """Wherever it is."""
        self.do(self._kill(kept))

    async def _kill(self, kept: int) -> None:
        if not self.process.is_dead:  # it may have reached its end as this began
            self.process.die(Crash(0, kept))
        await self._pass(DYING_S)

    @precondition(lambda self: self.process is not None)
    @rule(points=st.integers(1, 25), kept=st.integers(0, 4))
    def kill_at(self, points: int, kept: int) -> None:
        """Kill the process when it reaches Nomad or its journal for the n-th time from now."""
        process = self.process
        process.life = replace(process.life, end=Crash(process.reached + points, kept))

    @precondition(lambda self: self.process is not None)
    @rule()
    def interrupt(self) -> None:
        """It ends by itself, and leaves nothing out of its journal."""
        self.do(self._interrupt())

    async def _interrupt(self) -> None:
        self.process.interrupt()
        await self._to_the_end()

    async def _to_the_end(self) -> None:
        await self._pass(LONGEST_S)
        assert self.process is None, "the process never ends"

    @precondition(lambda self: self.process is None and not self.world.is_over)
    @rule()
    def resume(self) -> None:
        """Or begin again, where there is no journal yet."""
        self.do(self._start(LiveProcess(self.world, Life())))

    @precondition(lambda self: self.process is None and self.world.path is not None and self.world.nomad.children)
    @rule()
    def stop(self) -> None:
        """A process of its own, which may be killed, too."""
        self.do(self._start(StopProcess(self.world, Life())))

    @precondition(lambda self: isinstance(self.process, LiveProcess) and self.world.nomad.children)
    @rule()
    def stop_beside_the_process(self) -> None:
        """It is asked to end, and then another one stops the children."""
        self.do(self._stop_beside())

    async def _stop_beside(self) -> None:
        self.process.ask_to_stop()
        await self._to_the_end()
        if self.world.path is not None:
            await self._start(StopProcess(self.world, Life()))

    # Others who look at the run

    @precondition(lambda self: self.world.path is not None)
    @rule()
    def look_at_it(self) -> None:
        """By `status --refresh`, whether there is a process or not: it sends nothing, and keeps what it sees."""
        self.do(self._look())

    async def _look(self) -> None:
        reader = JournalReader(self.world.path)
        stored, events = reader.run(), list(reader.events())
        past = PastRun(reader, stored, fold_past(reader, stored), is_live=is_live(stored))
        with suppress(NomadError):
            await refresh_run(past, Connection(self.world.nomad.address), clock=self.world.clock, connect=looking)
        if not past.is_live:
            assert (list(reader.events()), reader.run()) == (events, stored)

    @precondition(lambda self: self.process is None and self.world.path is not None)
    @rule(changed=st.booleans())
    def ask_for_it_elsewhere(self, changed: bool) -> None:
        """By `run --run-id` on a machine without the journal, with the same content or with other content."""
        self.do(self._ask_elsewhere(changed=changed))

    async def _ask_elsewhere(self, *, changed: bool) -> None:
        items = [with_payload(item, b"other") for item in self.world.items] if changed else self.world.items
        with suppress(NomadError):
            async with looking(Connection(self.world.nomad.address), self.world.script.settings) as client:
                states = await read_parents(client, parents_in(items), probe=False)
                found = await find_children(client, items, RUN)
                assert await is_refused(SameChildren(client, RUN, states), items, found) == (changed and bool(found))

    # What else happens

    @rule(faults=st.lists(st.sampled_from(FAULTS), max_size=2))
    def change_faults(self, faults: list[str]) -> None:
        """Use these faults from now on; none for an empty list."""
        self.world.was_hindered |= bool(faults)
        self.world.nomad.set_faults(faults)

    @rule()
    def collect_garbage(self) -> None:
        """A process that is at work may not have seen the end of what goes."""
        self.do(self._collect())

    async def _collect(self) -> None:
        if self.world.nomad.collect():
            self.world.has_forgotten = self.world.was_hindered = True

    @rule()
    def dispatch_as_stranger(self) -> None:
        """The parent's children are not all ours."""
        self.do(self.world.dispatch_as_stranger(self.world.items[0].request.job, None))

    @rule(purge=st.booleans())
    def stop_a_child(self, purge: bool) -> None:
        """Somebody stops the oldest that lives, or purges the oldest of all."""
        self.do(self._stop_a_child(purge=purge))

    async def _stop_a_child(self, *, purge: bool) -> None:
        children = list(self.world.nomad.children.values())
        if purge and children:
            self.world.has_forgotten = self.world.was_hindered = True
            self.world.nomad.purge(children[0])
        if not purge and (living := [child for child in children if child.status != "dead"]):
            self.world.nomad.stop(living[0])

    @rule(there_is=st.booleans())
    def change_room(self, there_is: bool) -> None:
        """Children wait in Nomad if there is no room."""
        self.do(self._change_room(there_is=there_is))

    async def _change_room(self, *, there_is: bool) -> None:
        self.world.nomad.set_room(there_is=there_is)

    # What must always hold

    @invariant()
    def each_attempt_has_at_most_one_child(self) -> None:
        """No attempt ever had two children, collected ones included."""
        if self.has_begun:
            doubled = {key: children for key, children in self.world.own_children().items() if len(children) > 1}
            assert not doubled

    @invariant()
    def what_was_made_is_on_record_as_perhaps_sent(self) -> None:
        """The mark is on the disk, so whoever continues knows what is in doubt."""
        if not self.has_begun:
            return
        made = {key for key, children in self.world.own_children().items() if children}
        assert not made or self.world.path is not None
        if self.world.path is not None:
            progress = JournalReader(self.world.path).attempts()
            assert made <= {key for key, known in progress.items() if known.marked or known.accepted}

    @invariant()
    def what_was_observed_is_what_happened(self) -> None:
        """An end that was seen is that of the attempt's own child, and the run itself never has another one."""
        if not self.has_begun or self.world.path is None:
            return
        reader = JournalReader(self.world.path)
        attempts = reader.attempts()
        for key, seen in reader.observations().items():
            accepted, ended = attempts[key].accepted, attempts[key].ended
            assert accepted is not None
            child = next(child for child in self.world.nomad.made if child.id == accepted.child)
            if seen.verdict.outcome in (Outcome.SUCCEEDED, Outcome.FAILED):
                assert (seen.verdict.outcome is Outcome.SUCCEEDED) == (child.exit_code == 0)
            if ended is not None and ended.verdict.outcome in (Outcome.SUCCEEDED, Outcome.FAILED):
                assert ended.verdict.outcome is seen.verdict.outcome

    @invariant()
    def after_a_stop_nothing_lives(self) -> None:
        """But for what the run takes for somebody else's, as an exact prefix does not tell whose a token hit is."""
        if not self.has_begun or not self.world.was_stopped:
            return
        children = [child for found in self.world.own_children().values() for child in found]
        living = {child.id for child in children if child.status != "dead" and not child.stop}
        progress = JournalReader(self.world.path).attempts().values()
        foreign = {known.accepted.child for known in progress if known.accepted and known.accepted.existing}
        assert not (living - foreign) & self.world.nomad.children.keys()

    def teardown(self) -> None:
        """Without faults every run comes to its end."""
        try:
            if self.has_begun:
                self.do(self._finish())
        finally:
            self.loop.close()
            self.elsewhere.end()
            if self.has_begun:
                self.disk.__exit__(None, None, None)

    async def _finish(self) -> None:
        self.world.nomad.set_faults(())
        self.world.nomad.set_room(there_is=True)
        try:
            for _ in range(LIVES_AT_MOST):
                if self.process is not None:
                    await self._to_the_end()
                if self.world.is_over:
                    break
                await self._start(LiveProcess(self.world, Life()))
            assert self.world.is_over, "the run never ends"
            check_end(self.world)
        finally:
            await self.world.close()


TestMachine = Machine.TestCase
TestMachine.settings = hypothesis_settings(
    max_examples=int(MACHINES or 40),
    stateful_step_count=STEPS,
    derandomize=not MACHINES,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def test_a_stop_may_lose_nomad_after_it_has_told_of_what_it_stopped() -> None:
    """The run is no nearer to its end then, and the next process ends it."""
    machine = Machine()
    try:
        machine.begin(items=[ItemScript(life_s=60.0)], settings=Settings(wait=Wait.COMPLETION), known_tokens=[])
        machine.let_it_work(seconds=1.0)
        machine.stop_beside_the_process()
        machine.let_it_work(seconds=1.0)
        machine.change_faults(faults=["reset=100%"])
        machine.stop_beside_the_process()
    finally:
        machine.teardown()


def test_an_interrupted_stop_of_a_finished_run_has_not_ended_it() -> None:
    """Two of its four children live, as Nomad refused two of its requests for now."""
    machine = Machine()
    try:
        settings = Settings(wait=Wait.PLACEMENT, concurrency=2)
        machine.begin(items=[ItemScript()] * 4, settings=settings, known_tokens=[])
        machine.let_it_work(seconds=1.0)
        machine.change_faults(faults=["429=50%"])
        machine.stop()
        machine.dispatch_as_stranger()
        machine.interrupt()
        assert not machine.world.is_over
    finally:
        machine.teardown()


def is_killed_with_a_request_under_way(machine: Machine) -> None:
    """It reaches Nomad 12 s later."""
    settings = Settings(wait=Wait.COMPLETION, concurrency=1, settle=timedelta(seconds=30))
    machine.begin(items=[ItemScript()] * 5, settings=settings, known_tokens=[])
    machine.dispatch_as_stranger()
    machine.change_faults(faults=["delay=50%:12s"])
    machine.dispatch_as_stranger()
    machine.kill(kept=0)


def test_a_stop_that_another_one_ends_has_not_stopped_the_run() -> None:
    """What a killed process had sent arrives later, as the run goes on."""
    machine = Machine()
    try:
        is_killed_with_a_request_under_way(machine)
        machine.stop()
        machine.change_faults(faults=[])
        machine.stop_beside_the_process()
        machine.kill(kept=0)
        children = len(machine.world.nomad.made)
        for seconds in (8.0, 2.0, 2.0):
            machine.pass_time(seconds=seconds)
        assert [child.status for child in machine.world.nomad.made][children:] == ["running"]
        machine.after_a_stop_nothing_lives()
    finally:
        machine.teardown()


def test_who_looks_while_the_request_of_a_killed_process_arrives_has_sent_nothing() -> None:
    """Neither a look at the run nor a question for its children elsewhere."""
    for look in (Machine.look_at_it, partial(Machine.ask_for_it_elsewhere, changed=False)):
        machine = Machine()
        try:
            is_killed_with_a_request_under_way(machine)
            children = len(machine.world.nomad.made)
            look(machine)
            assert len(machine.world.nomad.made) == children + 1
        finally:
            machine.teardown()
