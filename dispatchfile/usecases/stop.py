"""`stop`: a run ends for good. Nothing more is sent, what is in doubt is settled, and its own children are stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dispatchfile.clock import Clock
from dispatchfile.engine import NOT_OURS, BatchSpec, BatchState, Resumption, Start
from dispatchfile.errors import NomadForbidden, RunRefused
from dispatchfile.events import Cause, Ended, Event, Outcome, Verdict
from dispatchfile.items import Item
from dispatchfile.journal import Journal, JournalReader, RunState, RunStatus, is_live, request_stop
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.preflight import parents_in
from dispatchfile.results import Requests, Summary, summarize
from dispatchfile.settings import Wait
from dispatchfile.usecases.folding import fold_journal
from dispatchfile.usecases.parents import read_parents
from dispatchfile.usecases.past import RunName, leave_as_it_was, run_facts
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.running.adopt import find_children, record_intents
from dispatchfile.usecases.running.baselines import stored_baselines
from dispatchfile.usecases.running.children import OwnChild, own_children
from dispatchfile.usecases.running.connect import Connect, connected
from dispatchfile.usecases.running.control import Control
from dispatchfile.usecases.running.execute import Executor, close_journal
from dispatchfile.usecases.running.resume_state import read_resume_state
from dispatchfile.usecases.running.specs import batch_spec
from dispatchfile.usecases.sweep import Sweep

OVER = frozenset({RunState.FINISHED, RunState.STOPPED_EARLY})
PROCESS_LOOK_S = 0.2
PROCESS_ENDS_WITHIN_S = 90.0  # it waits for the answers under way, half a minute at most, and commits


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOptions:
    """The options of `stop`."""

    name: RunName
    connection: Connection
    signal_exit: int | None = None  # the exit code of the process that stops the run because a signal ends both


async def stop_run(
    options: StopOptions, *, reporter: Reporter, control: Control, clock: Clock, connect: Connect = connected
) -> Summary:
    """
    End the run, whoever works on it, and stop its own children; those that Nomad had before it are left alone.

    Raises RunRefused where the process at work does not end, NomadForbidden where the token may not stop jobs,
    NomadError where the server cannot be reached, JournalError.
    """
    reader = options.name.open()
    await _end_process(reader, reporter, clock)
    before = reader.run().status
    _check_dispatch(reader)
    journal = Journal.resume(reader.path)
    try:
        stopping = _Stopping(reader, journal, before, reporter, clock, signal_exit=options.signal_exit)
        return await stopping.run(options.connection, connect, control)
    finally:
        await leave_as_it_was(journal, before, clock)


def _check_dispatch(reader: JournalReader) -> None:
    """Raises RunRefused for a `dispatch` whose job is not known: others' jobs would be taken for it."""
    header = reader.run().header
    if header.is_dispatch and not any(one.accepted for one in reader.attempts().values()):
        raise RunRefused(f"run {header.id} is the record of a `dispatch` whose job is not known; stop it in Nomad")


async def _end_process(reader: JournalReader, reporter: Reporter, clock: Clock) -> None:
    """Ask the process that works on the run, if there is one, to end, and wait for that."""
    stored = reader.run()
    if not is_live(stored):
        return
    process = f"process {stored.status.pid} on {stored.status.host}"
    request_stop(reader.path, clock.wall())
    reporter.note(f"asked {process} to end run {stored.header.id}; waiting for it")
    give_up_at = clock.now() + PROCESS_ENDS_WITHIN_S
    while is_live(stored):
        if clock.now() >= give_up_at:
            raise RunRefused(f"{process} has not ended within {PROCESS_ENDS_WITHIN_S:g} s: end it, then run stop again")
        await clock.sleep(PROCESS_LOOK_S)


class _Stopping:
    """A run that is being stopped; its journal is this process's."""

    def __init__(
        self,
        reader: JournalReader,
        journal: Journal,
        before: RunStatus,
        reporter: Reporter,
        clock: Clock,
        *,
        signal_exit: int | None,
    ) -> None:
        self._signal_exit = signal_exit
        self._reader, self._journal, self._before = reader, journal, before
        self._reporter, self._clock = reporter, clock
        stored = reader.run()
        self._header = stored.header
        self._resume = read_resume_state(reader, stored)
        self._results = fold_journal(reader, stored)
        self._own = own_children(stored.header.id, self._resume.items, reader.attempts())

    async def run(self, connection: Connection, connect: Connect, control: Control) -> Summary:
        self._reporter.started(run_facts(self._header), self._results)
        if self._header.local or not (self._sent() or self._own.recorded or self._header.adopts):
            return await self._finish(BatchState.STOPPED_EARLY, self._before.requests)
        async with connect(connection, self._header.settings) as client:
            if self._header.adopts:
                await self._find_unrecorded(client.patient(self._header.settings.unreachable_after))
            return await self._stop_children(client, self._sent(), control)

    def _sent(self) -> list[Item]:
        return [item for item in self._resume.selected if self._is_to_be_settled(item)]

    async def _find_unrecorded(self, client: Client) -> None:
        """Find the children of a run whose ID was given, and which was killed before it recorded them."""
        run, starts = self._header.id, self._resume.starts
        unsent = [item for item in self._resume.selected if starts[item.id] == Start()]
        try:
            found = await find_children(client, unsent, run)
        except NomadForbidden:  # no list-jobs: only what is on record can be stopped
            return
        await record_intents(self._journal, unsent, found, self._header)
        self._resume = replace(self._resume, starts={**starts, **found})
        self._own = own_children(run, self._resume.items, self._reader.attempts())

    def _is_to_be_settled(self, item: Item) -> bool:
        start = self._resume.starts[item.id]
        return start.in_doubt or (bool(start.child) and not start.existing)

    async def _stop_children(self, client: Client, sent: Sequence[Item], control: Control) -> Summary:
        executor = Executor(
            client=client,
            journal=self._journal,
            results=self._results,
            reporter=self._reporter,
            clock=self._clock,
            before=self._before.requests,
        )
        executor.mask.silence(sent)
        self._journal.silence(sent)
        sweep = Sweep(client, self._own, self._header.settings, self._clock, on_stopped=self._report_stopped)
        sweeping = asyncio.create_task(sweep.run(control))
        try:
            state = await executor.run(
                await self._spec(client.patient(self._header.settings.unreachable_after), sent), control
            )
            sweep.all_settled.set()
            await sweeping
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
        if sweep.error is not None:
            raise sweep.error
        if not sweep.is_complete:
            state = BatchState.INTERRUPTED
        signal_exit = control.exit_code if state is BatchState.INTERRUPTED else None
        return await self._finish(state, executor.requests, stopped=sweep.has_stopped, signal_exit=signal_exit)

    async def _spec(self, client: Client, sent: Sequence[Item]) -> BatchSpec:
        """
        Return a batch that sends nothing. Items that were sent are settled and followed to their end, without
        deadlines.
        """
        resume, settings = self._resume, self._header.settings
        parents = await read_parents(client, parents_in(sent), probe=False)
        return batch_spec(
            self._header.id,
            [replace(item, deadline=None) for item in sent],
            replace(settings, wait=Wait.COMPLETION, in_flight=None, unplaced_after=None),
            parents,
            baselines=stored_baselines(self._reader),
            rerun_of=self._header.rerun_of,
            version=await client.read_version(),
            logs="none",
            sending=False,
            resumption=Resumption(resume.starts, resume.verdicts, resume.made_children),
        )

    def _report_stopped(self, child: OwnChild) -> None:
        """The run had let go of a child that was dispatched or placed: now it is stopped."""
        result = self._results.item(child.item)
        if result.child == child.id and result.outcome is not None and result.outcome.is_detached:
            verdict = Verdict(Outcome.STOPPED, Cause.USER_STOP, "stopped together with its run")
            self._report(Ended(child.item, result.attempt, self._clock.wall(), verdict))

    def _report(self, event: Event) -> None:
        self._journal.record(event)
        self._results.apply(event)
        self._reporter.event(event, self._results)

    async def _finish(
        self, state: BatchState, requests: Requests, *, stopped: bool = False, signal_exit: int | None = None
    ) -> Summary:
        """A run that was over, and of which nothing lived, ended when it did."""
        before, was_over = self._before, self._before.state in OVER and not stopped
        if state is BatchState.STOPPED_EARLY:
            self._end_the_rest()
        summary = summarize(
            self._results,
            run_facts(self._header),
            state=(before.state if was_over else state).value,
            finished_at=before.finished_at if was_over else self._clock.wall(),
            requests=requests,
            signal_exit=signal_exit or self._signal_exit,
        )
        if was_over:
            before = replace(before, counts=summary.counts, requests=requests)
            await leave_as_it_was(self._journal, before, self._clock)
        else:
            await close_journal(self._journal, summary, state, self._clock)
        self._reporter.finished(summary)
        return summary

    def _end_the_rest(self) -> None:
        """End the items that were never sent, that wait for a retry, or whose child is not ours."""
        for item in self._resume.selected:
            if not self._is_to_be_settled(item) and (end := self._end_on_record(item)):
                self._report(end)

    def _end_on_record(self, item: Item) -> Ended | None:
        at, start = self._clock.wall(), self._resume.starts[item.id]
        outcome = self._results.item(item.id).outcome
        if start.existing and outcome is Outcome.UNKNOWN:
            return None
        if start.existing:
            verdict = Verdict(Outcome.UNKNOWN, Cause.INTERRUPTED, f"{start.child} {NOT_OURS}")
            return Ended(item.id, start.attempt, at, verdict)
        if before := self._resume.verdicts.get(item.id):
            attempt, verdict = before
            return Ended(item.id, attempt, at, verdict)
        if outcome is Outcome.UNSENT:
            return None
        return Ended(item.id, 1, at, Verdict(Outcome.UNSENT, Cause.INTERRUPTED, "definitely not sent"))
