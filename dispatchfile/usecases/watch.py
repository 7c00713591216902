"""`watch` and `status --refresh`: the current state of a run. Nothing is sent; the ends that are seen are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, replace

from dispatchfile.clock import Clock
from dispatchfile.engine.commands import Watch
from dispatchfile.errors import NomadForbidden
from dispatchfile.events import Event, Outcome, State
from dispatchfile.items import Item
from dispatchfile.journal import JournalReader, Mask, StoredRun, is_live
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.preflight import ParentState, parents_in
from dispatchfile.results import Results, Summary, exit_code, summarize
from dispatchfile.settings import Wait
from dispatchfile.usecases.folding import uncollected
from dispatchfile.usecases.follow import Follower
from dispatchfile.usecases.observations import Observations
from dispatchfile.usecases.parents import read_parents
from dispatchfile.usecases.past import BY_SIGNAL, RUNNING, PastRun, RunName, run_facts, signal_exit
from dispatchfile.usecases.reporting import NoReporter, Reporter
from dispatchfile.usecases.reruns import with_later_ends
from dispatchfile.usecases.running.connect import Connect, connected
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.specs import is_before_2_0_1, job_spec

TAIL_EVERY_S = 0.3
TAKEN_OVER_WITHIN_S = 1.0  # `stop` waits for a process to end, and then does the rest itself
FOLLOWED_STATES = frozenset({State.QUEUED, State.RUNNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """The options of `watch`."""

    name: RunName
    connection: Connection
    timeout_s: float | None = None


async def watch_run(
    options: WatchOptions, *, reporter: Reporter, control: Control, clock: Clock, connect: Connect = connected
) -> Summary:
    """
    Follow the run until the process at work on it ends, or, without one, its children until these have ended.

    An interruption ends the watching alone; the summary is of what was seen until then.

    Raises RunRefused, JournalError, and NomadError where children have to be followed and Nomad does not answer.
    """
    until = None if options.timeout_s is None else clock.now() + options.timeout_s
    reader = options.name.open()
    if is_live(reader.run()):
        summary = await _tail(reader, until, reporter, control, clock)
    else:
        seen = _IdleRun(reader, reporter)
        await _until_interrupted(seen.follow(options.connection, connect, clock, until=until), control)
        summary = seen.summary(clock)
    if control.exit_code is not None:
        summary = replace(summary, exit_code=control.exit_code)
    elif summary.exit_code in BY_SIGNAL:  # that signal was for another process
        summary = replace(summary, exit_code=_exit_by_items(summary))
    reporter.finished(summary)
    return summary


async def refresh_run(past: PastRun, connection: Connection, *, clock: Clock, connect: Connect = connected) -> Summary:
    """
    Return the state of the run by a look at each of its living children. A live process records the state itself.

    Raises JournalError and NomadError.
    """
    if past.is_live:
        return past.summary()
    seen = _IdleRun(past.reader, NoReporter())
    await seen.look(connection, connect, clock)
    return seen.summary(clock)


def _exit_by_items(summary: Summary) -> int:
    ends = [item.outcome for item in summary.items if item.outcome]
    return exit_code(ends, finished=len(ends) == len(summary.items) and not summary.doubled)


class _Watching:
    """A task that just ends where it is when it is interrupted: it leaves nothing behind."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def interrupt(self) -> None:
        self._task.cancel()


async def _until_interrupted(watching: Coroutine[object, object, None], control: Control) -> None:
    """Raises what *watching* raises."""
    task = asyncio.create_task(watching)
    control.attach(_Watching(task))
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def _tail(
    reader: JournalReader, until: float | None, reporter: Reporter, control: Control, clock: Clock
) -> Summary:
    """Follow what another process does, as it writes it to the journal."""
    stored, tail = reader.run(), _Tail(reader)
    with uncollected():
        tail.read(lambda _: None)

    def report(event: Event) -> None:
        reporter.event(event, tail.results)

    async def follow() -> None:
        reporter.started(run_facts(stored.header), tail.results)
        while await _is_worked_on(stored, reader, clock) and (until is None or clock.now() < until):
            await clock.sleep(TAIL_EVERY_S)
            tail.read(report)

    await _until_interrupted(follow(), control)
    live = is_live(stored)  # asked first: what it wrote before it ended is read below
    tail.read(report)
    return PastRun(reader, reader.run(), tail.results, live).summary()


async def _is_worked_on(stored: StoredRun, reader: JournalReader, clock: Clock) -> bool:
    """Return whether a process works on the run, also one that replaces the first one to end the run."""
    if not is_live(stored) and reader.run().is_unfinished:
        await clock.sleep(TAKEN_OVER_WITHIN_S)
    return is_live(stored)


class _Tail:
    """The end of a journal that grows."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader, self._last = reader, 0
        self.results = Results(reader.facts())

    def read(self, listener: Callable[[Event], None]) -> None:
        """Take in what is new, and pass it to *listener*."""
        for number, event in self._reader.numbered_events(self._last):
            self._last = number
            self.results.apply(event)
            listener(event)


class _IdleRun:
    """A run that nobody works on: what its journal says, and what Nomad shows of its children since."""

    def __init__(self, reader: JournalReader, reporter: Reporter) -> None:
        self._reader, self._reporter = reader, reporter
        self._stored = reader.run()
        self.header = self._stored.header
        self.results, self._detached = _fold_detached_as_living(reader)
        living = [] if self.header.local else list(self._living())
        self._items, self._children = [item for item, _ in living], [watch for _, watch in living]
        self._mask = Mask()
        self._mask.silence(self._items)
        self._observations = Observations(reader.path, reporter)

    def _living(self) -> Iterator[tuple[Item, Watch]]:
        attempts = {
            result.id: result for result in self.results.items() if result.child and result.state in FOLLOWED_STATES
        }
        if not attempts:
            return
        for item in self._reader.items(payloads=False):
            if result := attempts.get(item.id):
                listed = not result.existing and not item.exact_prefix
                key, job = (item.id, result.attempt), item.request.job_key
                yield item, Watch(key, 1, result.child, job, listed, may_be_phantom=False, wait=Wait.COMPLETION)

    async def follow(self, connection: Connection, connect: Connect, clock: Clock, *, until: float | None) -> None:
        self._reporter.started(run_facts(self.header), self.results)
        if self._children:
            async with connect(connection, self.header.settings) as client:
                follower = await self._follower(client, clock)
                async with self._observations.kept(clock):
                    await follower.to_the_end(self._children, until=until)

    async def look(self, connection: Connection, connect: Connect, clock: Clock) -> None:
        if self._children:
            async with connect(connection, self.header.settings) as client:
                patient = client.patient(self.header.settings.unreachable_after)
                follower = await self._follower(patient, clock)
                async with self._observations.kept(clock):
                    await follower.once(self._children)

    async def _follower(self, client: Client, clock: Clock) -> Follower:
        items = self._items
        patient = client.patient(self.header.settings.unreachable_after)
        states = await read_parents(patient, parents_in(items), probe=False)
        _check_may_read(states)
        return Follower(
            client,
            clock=clock,
            settings=self.header.settings,
            jobs={parent: job_spec(parent, state, self.header.id, items) for parent, state in states.items()},
            server_before_2_0_1=is_before_2_0_1(await patient.read_version()),
            listener=self._report,
        )

    def _report(self, event: Event) -> None:
        event = self._mask.hide(event)
        self._observations.add(event)
        self.results.apply(event)
        self._reporter.event(event, self.results)

    def summary(self, clock: Clock) -> Summary:
        """Return the summary. The ends of detached children count, and the run lasts as long as its children."""
        past = PastRun(self._reader, self._stored, self.results, is_live=False)
        if not self._children:
            return past.summary()
        over = self.results.finished
        state = past.state if over or self._stored.is_unfinished else RUNNING
        summary = summarize(
            self.results,
            past.facts,
            state=state,
            finished_at=clock.wall() if over else None,
            requests=self._stored.status.requests,
            signal_exit=None if over else signal_exit(self._stored.status),
        )
        return with_later_ends(replace(summary, detached=self._detached), self._reader.path.parents[1])


def _check_may_read(states: Mapping[JobKey, ParentState]) -> None:
    """Raises NomadForbidden where the ends of children could not be seen."""
    for (namespace, _, job), state in states.items():
        if not state.may_read:
            raise NomadForbidden(
                f"the token has no permission to read job {job!r} in namespace {namespace!r}: it needs read-job"
            )


def _fold_detached_as_living(reader: JournalReader) -> tuple[Results, dict[str, Outcome]]:
    """
    Return results in which detached children live until an end is seen, and what the journal has of such items.

    Ends that were seen before count.
    """
    with uncollected():
        results = Results(reader.facts(), follows_detached=True)
        for event in reader.events():
            results.apply(event)
    for (item, attempt), seen in reader.observations().items():
        result = results.item(item)
        if (result.outcome, result.attempt) == (None, attempt):
            results.apply(seen)
    return results, dict(results.detached)
