"""`resume`: a run goes on after Ctrl-C, a crash or a reboot. Nothing is sent twice, nothing is left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dispatchfile.clock import Clock
from dispatchfile.engine import BatchSpec, Resumption, Start, is_surely_made
from dispatchfile.errors import NomadForbidden, RunRefused, UsageError
from dispatchfile.events import Accepted, Cause, Ended, Outcome, Verdict
from dispatchfile.items import Item
from dispatchfile.journal import (
    Journal,
    JournalReader,
    RunHeader,
    RunState,
    StoredRun,
    find_run,
    open_run,
    state_folder,
)
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.preflight import parents_in
from dispatchfile.results import AttemptHistory, Summary
from dispatchfile.settings import SettingError, Settings, override_settings
from dispatchfile.usecases.baselines import baselines_of, on_record
from dispatchfile.usecases.execute import Control, Executor, batch_spec
from dispatchfile.usecases.folding import fold_journal
from dispatchfile.usecases.parents import read_parents
from dispatchfile.usecases.past import PastRun, leave_as_it_was, run_facts
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.rerun import find_predecessors
from dispatchfile.usecases.reruns import read_family
from dispatchfile.usecases.resumption import describe_resumption
from dispatchfile.usecases.run import (
    Connect,
    RunEnd,
    RunOptions,
    canaries_of,
    close_journal,
    connected,
    find_children,
    put_on_record,
    real_path,
    run_deadline,
    run_manifest,
)
from dispatchfile.usecases.same_run import check_same_items
from dispatchfile.usecases.sensitive import check_variables, manifest_change, restore_sensitive, source_of
from dispatchfile.usecases.unread_logs import check_logs
from dispatchfile.usecases.variables import NO_VARIABLES, GivenVariables

DIED_WITH_ITS_AGENT = Verdict(Outcome.STOPPED, Cause.INTERRUPTED, "stopped when the embedded agent that ran it ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOptions:
    """What `resume` is asked to do."""

    run: str | None  # an ID or a unique prefix of one; None: the latest of the manifest
    manifest: Path | None
    connection: Connection
    environ: Mapping[str, str]
    state_dir: str | None = None
    resend_unknown: bool = False
    settings: Mapping[str, str | None] = field(default_factory=dict)  # flags by manifest key, as typed
    variables: GivenVariables = NO_VARIABLES  # for sensitive values, which are stored nowhere
    allow_outside: bool = False
    logs: str = ""
    same_items: bool = False  # the variables were compared with the run's own by what they make


@dataclass(frozen=True, slots=True)
class Standing:
    """Where every item of a run stands, as its journal tells."""

    items: tuple[Item, ...]
    skipped: frozenset[str]  # items without any intent: they were left out on purpose
    starts: Mapping[str, Start]  # of items that are not over
    ends: Mapping[str, Verdict]  # of items that are
    verdicts: Mapping[str, tuple[int, Verdict]]  # of the attempts before those that are not over
    made_children: Mapping[JobKey, set[str]]

    @property
    def selected(self) -> list[Item]:
        """What is left to do."""
        return [item for item in self.items if item.id in self.starts]

    @property
    def chosen(self) -> list[Item]:
        """What the run was to do when it began."""
        return [item for item in self.items if item.id not in self.skipped]

    @property
    def failures(self) -> int:
        ended = [verdict.outcome for verdict in self.ends.values()]
        return sum(outcome.is_failure for outcome in ended)


def read_standing(reader: JournalReader, stored: StoredRun, *, resend_unknown: bool = False) -> Standing:
    """Where the run stands. Items that are over come without their payloads. Raises JournalError."""
    items = tuple(reader.items(payloads=False))
    attempts: dict[str, list[AttemptHistory]] = {}
    for (item_id, _), progress in reader.attempts().items():
        attempts.setdefault(item_id, []).append(progress)
    standing = _Standing(local=stored.header.local, resend_unknown=resend_unknown)
    for item in items:
        if item.id in attempts:
            standing.add(item, sorted(attempts[item.id], key=lambda progress: progress.number))
    items = _with_payloads(reader, items, standing.starts)
    return Standing(
        items=items,
        skipped=frozenset(item.id for item in items if item.id not in attempts),
        starts=standing.starts,
        ends=standing.ends,
        verdicts=standing.verdicts,
        made_children=standing.made,
    )


def _with_payloads(reader: JournalReader, items: tuple[Item, ...], wanted: Collection[str]) -> tuple[Item, ...]:
    if not wanted:
        return items
    complete = {item.id: item for item in reader.items() if item.id in wanted}
    return tuple(complete.get(item.id, item) for item in items)


class _Standing:
    def __init__(self, *, local: bool, resend_unknown: bool) -> None:
        self._local, self._resend_unknown = local, resend_unknown
        self.starts: dict[str, Start] = {}
        self.verdicts: dict[str, tuple[int, Verdict]] = {}
        self.made: dict[JobKey, set[str]] = {}
        self.ends: dict[str, Verdict] = {}

    def add(self, item: Item, attempts: Sequence[AttemptHistory]) -> None:
        self.made.setdefault(item.request.job_key, set()).update(_made_by(item, attempts))
        begun = _begun(attempts)
        if not begun:
            self.starts[item.id] = Start()
            return
        last = begun[-1]
        start = self._after_end(last, last.ended) if last.ended else self._without_end(last)
        if start is None:
            return
        self.starts[item.id] = self._after_predecessor(start, begun)
        if before := _verdict_before(start.attempt, begun):
            self.verdicts[item.id] = before

    def _without_end(self, last: AttemptHistory) -> Start:
        attempt = last.number
        if self._local:  # its tasks died with the agent that ran them
            return Start(attempt + 1)
        if last.accepted is None:
            return Start(attempt, in_doubt=True)
        accepted = last.accepted
        return replace(_with_child(attempt, accepted), sent_at=accepted.at)

    def _after_end(self, last: AttemptHistory, ended: Ended) -> Start | None:
        verdict, attempt = ended.verdict, last.number
        if ended.retry_at is not None:
            start = Start(attempt + 1, retry_at=ended.retry_at)
            return start if self._local or not verdict.may_still_live else _behind(start, last)
        if verdict.is_resumed:
            return Start(attempt)
        if verdict.outcome is Outcome.UNKNOWN and not self._local:
            return self._after_unknown(last)
        self.ends[last.intent.item] = verdict
        return None

    def _after_unknown(self, last: AttemptHistory) -> Start:
        attempt = last.number
        if self._resend_unknown:
            return _behind(Start(attempt + 1, resent=True), last)
        if last.accepted is None:
            return Start(attempt, in_doubt=True)
        return _with_child(attempt, last.accepted)

    @staticmethod
    def _after_predecessor(start: Start, begun: Sequence[AttemptHistory]) -> Start:
        """An attempt that was perhaps never sent still has to stop the one before it, if that may live."""
        earlier = [progress for progress in begun if progress.number < start.attempt]
        if start.child or start.predecessor or not earlier:
            return start
        last = earlier[-1]
        return _behind(start, last) if last.ended and last.ended.verdict.may_still_live else start


def _behind(start: Start, last: AttemptHistory) -> Start:
    """The attempt after *last*, whose child may still live."""
    if last.accepted is None:
        return start
    return replace(start, predecessor=last.accepted.child, foreign_predecessor=last.accepted.existing)


def _with_child(attempt: int, accepted: Accepted) -> Start:
    return Start(attempt, child=accepted.child, existing=accepted.existing, adopted=accepted.adopted)


def _verdict_before(attempt: int, begun: Sequence[AttemptHistory]) -> tuple[int, Verdict] | None:
    """How the one before this *attempt* ended: the item's own end if this one is never made."""
    earlier = [progress for progress in begun if progress.number < attempt]
    if not earlier:
        return None
    last = earlier[-1]
    return last.number, last.ended.verdict if last.ended else DIED_WITH_ITS_AGENT


def _made_by(item: Item, attempts: Sequence[AttemptHistory]) -> Iterator[str]:
    """Children of requests of this run. What was never marked was not sent, but found: it may be older than the run."""
    for progress in attempts:
        verdict = progress.ended.verdict if progress.ended else None
        if progress.marked and progress.accepted and is_surely_made(item, progress.accepted, verdict):
            yield progress.accepted.child


def _begun(attempts: Sequence[AttemptHistory]) -> list[AttemptHistory]:
    begun = [attempt for attempt in attempts if attempt.has_begun]
    while len(begun) > 1 and _is_given_up(*begun[-2:]):
        begun.pop()
    return begun


def _is_given_up(before: AttemptHistory, last: AttemptHistory) -> bool:
    """It was marked, but surely not carried out when the run stopped: the end before it became the item's."""
    if before.ended is None or last.accepted is not None or last.ended is not None:
        return False
    return before.ended.retry_at is None and before.ended.verdict.outcome is not Outcome.UNKNOWN


@dataclass(frozen=True, slots=True)
class _Resumed:
    """A run taken up again: its journal is this process's, and every value it needs is at hand."""

    stored: StoredRun
    standing: Standing
    reader: JournalReader
    journal: Journal
    settings: Settings


async def resume_run(
    options: ResumeOptions, *, reporter: Reporter, control: Control, clock: Clock, connect: Connect = connected
) -> Summary:
    """
    Adopt what Nomad has, settle what is in doubt, send what was never sent, watch on.

    Raises RunRefused for a run that is over or that another process works on, JournalError, NomadError where the
    server cannot be reached, UsageError where sensitive values cannot be rendered again.
    """
    folder = state_folder(options.state_dir, options.environ)
    reader = open_run(folder, options.run, manifest=options.manifest)
    stored = reader.run()
    if stored.header.is_dispatch:
        raise RunRefused(
            f"run {stored.header.id} is the record of a `dispatch`, which cannot be resumed; "
            f"follow its job with: dispatchfile watch {stored.header.id}"
        )
    if stored.status.state is RunState.STOPPED_EARLY:
        run = stored.header.id
        raise RunRefused(
            f"run {run} was stopped and cannot be resumed; "
            f"run the remaining items with: dispatchfile rerun {run} --failed"
        )
    if stored.status.state is RunState.FINISHED and (summary := _sum_up(reader, stored, reporter)):
        return summary
    journal = Journal.resume(reader.path)
    try:
        resumed = _take_up(options, reader, journal, reporter)
        async with connect(options.connection, resumed.settings) as client:
            return await _go_on(client, resumed, logs=options.logs, reporter=reporter, control=control, clock=clock)
    finally:
        await leave_as_it_was(journal, stored.status, clock)


async def run_or_resume(
    options: RunOptions, *, reporter: Reporter, control: Control, clock: Clock, connect: Connect = connected
) -> RunEnd:
    """
    What `run` does: go on with the run whose ID is given, if it is in the journal; else a new run.

    Raises what `run_manifest` and `resume_run` raise, and RunRefused for an ID that another run has.
    """
    reader = None
    if options.run_id and options.journal:
        reader = find_run(state_folder(options.state_dir, options.source.environ), options.run_id)
    if reader is None:
        return await run_manifest(options, reporter=reporter, control=control, clock=clock, connect=connect)
    header = reader.run().header
    _check_same(header, options)
    check_same_items(reader, options)
    reporter.note(f"run {header.id} is already in the journal: resuming it with the items stored there")
    again = ResumeOptions(
        run=header.id,
        manifest=None,
        connection=options.connection,
        environ=options.source.environ,
        state_dir=options.state_dir,
        settings=options.settings,
        variables=options.source.given,
        allow_outside=options.source.allow_outside,
        logs=options.logs,
        same_items=True,
    )
    return RunEnd(await resume_run(again, reporter=reporter, control=control, clock=clock, connect=connect))


def _check_same(header: RunHeader, options: RunOptions) -> None:
    """Raises RunRefused if the run of that ID is of another manifest, or went somewhere else."""
    if header.manifest != real_path(options.source):
        raise RunRefused(f"run ID {header.id} belongs to a run of {header.shown_manifest}: choose another --run-id")
    there = replace(header.target, address="local" if options.local else options.connection.address)
    if there.without_credentials().address != header.target.address:
        raise RunRefused(
            f"run {header.id} was sent to {header.target.address}: choose another --run-id, "
            f"or continue with: dispatchfile resume {header.id}"
        )


def _take_up(options: ResumeOptions, reader: JournalReader, journal: Journal, reporter: Reporter) -> _Resumed:
    """Read again, now that nobody else writes."""
    stored = reader.run()
    standing = read_standing(reader, stored, resend_unknown=options.resend_unknown)
    header = stored.header
    settings = _settings(options, header)
    if note := check_logs(options.logs, settings, options.settings):
        reporter.note(note)
    source = source_of(
        header, variables=options.variables, environ=options.environ, allow_outside=options.allow_outside
    )
    if not options.same_items:
        check_variables(header, options.variables, standing.selected)
    if note := manifest_change(header, standing.selected):
        reporter.note(note)
    restored = {item.id: item for item in restore_sensitive(standing.selected, header, source)}
    standing = replace(standing, items=tuple(restored.get(item.id, item) for item in standing.items))
    journal.hide(restored.values())
    return _Resumed(stored, standing, reader, journal, settings)


def _settings(options: ResumeOptions, header: RunHeader) -> Settings:
    try:
        return override_settings(header.settings, options.settings)
    except SettingError as error:
        raise UsageError(f"--{error.key.replace('_', '-')}: {error.message}") from error


async def _go_on(
    client: Client, resumed: _Resumed, *, logs: str, reporter: Reporter, control: Control, clock: Clock
) -> Summary:
    results = fold_journal(resumed.reader, resumed.stored)
    results.reopen({item: start.attempt for item, start in resumed.standing.starts.items()})
    spec = await _spec(client.patient(resumed.settings.unreachable_after), resumed, logs)
    selected, facts = resumed.standing.selected, run_facts(resumed.stored.header)
    reporter.started(facts, results)
    waits, starts = [item.id for item in selected], spec.resumption.starts
    reporter.note(describe_resumption(waits, starts, spec.settings, now=clock.wall(), deadline=spec.deadline))
    executor = Executor(
        client=client,
        ledger=resumed.journal,
        results=results,
        reporter=reporter,
        clock=clock,
        before=resumed.stored.status.requests,
    )
    executor.mask.learn(selected)
    for item_id in sorted(resumed.standing.skipped):
        if results.item(item_id).outcome is None:
            executor.tell(
                Ended(item_id, 1, clock.wall(), Verdict(Outcome.SKIPPED, message="not selected for this run"))
            )
    summary, state = await executor.execute(facts, spec, control)
    await close_journal(resumed.journal, summary, state, clock)
    reporter.finished(summary)
    return summary


async def _spec(client: Client, resumed: _Resumed, logs: str) -> BatchSpec:
    """Return what is left to do."""
    header, standing, settings = resumed.stored.header, resumed.standing, resumed.settings
    parents = await read_parents(client, parents_in(standing.selected), probe=False)
    found = {**await _find_predecessors(client, resumed), **await _find_unrecorded(client, resumed)}
    return batch_spec(
        header.id,
        standing.selected,
        settings,
        parents,
        baselines=baselines_of(parents) if header.local else on_record(resumed.reader),  # a new agent counts anew
        rerun_of=header.rerun_of,
        everyone=standing.chosen,
        canaries=[item for item in canaries_of(standing.chosen, settings) if item in standing.starts],
        deadline=run_deadline(settings, header.started_at),
        version=await client.read_version(),
        logs=logs,
        resumption=Resumption(
            starts={**standing.starts, **found},
            verdicts=standing.verdicts,
            made_children=standing.made_children,
            failures=standing.failures,
            stopped=_stopped(standing, settings),
        ),
    )


async def _find_predecessors(client: Client, resumed: _Resumed) -> dict[str, Start]:
    """Of a rerun: children that live on from the run before, where the first attempt may not have been sent yet."""
    header, starts = resumed.stored.header, resumed.standing.starts
    if header.rerun_of is None or header.local:
        return {}
    folder = resumed.reader.path.parents[1]
    unsent = [item for item in resumed.standing.selected if starts[item.id] in (Start(), Start(in_doubt=True))]
    if not unsent:
        return {}
    found = await find_predecessors(client, read_family(folder, header.rerun_of, but=header.id), unsent)
    return {item: replace(starts[item], predecessor=start.predecessor) for item, start in found.items()}


async def _find_unrecorded(client: Client, resumed: _Resumed) -> dict[str, Start]:
    """
    Children of attempts that the journal takes for unsent.

    There are none, unless the journal is not the whole story: a copy from before, or of a run that was started under a
    given ID without its journal, and killed before what Nomad had of it was on record. And of attempts that were
    unknown and are to be sent again: what is there after all is taken, and not made a second time.
    """
    header, starts = resumed.stored.header, resumed.standing.starts
    unsent = [item for item in resumed.standing.selected if not (starts[item.id].child or starts[item.id].in_doubt)]
    if header.local:
        return {}
    try:
        found = await find_children(client, unsent, header.id)
    except NomadForbidden as error:  # no list-jobs
        if any(starts[item.id].resent for item in unsent):
            raise RunRefused(
                f"unknown items are not sent again, because their children cannot be looked up: {error.message}"
            ) from error
        return {}
    found = {
        item: start for item, start in found.items() if start.attempt >= starts[item].attempt - starts[item].resent
    }
    await put_on_record(resumed.journal, unsent, found, header)
    return found


def _stopped(standing: Standing, settings: Settings) -> Cause | None:
    """Why an earlier process has started nothing more, if it was killed before all was on record that follows."""
    for verdict in standing.ends.values():
        if verdict.outcome is Outcome.UNSENT:
            return verdict.cause
    canaries = [standing.ends[item] for item in canaries_of(standing.chosen, settings) if item in standing.ends]
    return Cause.CANARY if any(verdict.outcome.exit_class for verdict in canaries) else None


def _sum_up(reader: JournalReader, stored: StoredRun, reporter: Reporter) -> Summary | None:
    """A run that is over has nothing to go on with, and its summary is told again; None if an item is unknown."""
    run = PastRun(reader, stored, fold_journal(reader, stored), is_live=False)
    if run.results.counts()[Outcome.UNKNOWN] and not stored.header.local:
        return None
    reporter.started(run.facts, run.results)
    summary = run.summary()
    reporter.finished(summary)
    return summary
