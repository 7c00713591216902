"""`resume`: a run goes on after Ctrl-C, a crash or a reboot. Nothing is sent twice, nothing is left out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dispatchfile.clock import Clock
from dispatchfile.dispatch import Baseline
from dispatchfile.errors import RunRefused, UsageError
from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.flow import Parent, parent_of
from dispatchfile.items import Item
from dispatchfile.journal import (
    STANDARD_INPUT,
    Journal,
    JournalReader,
    Progress,
    RunState,
    StoredRun,
    open_run,
    state_folder,
)
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.preflight import ParentState, parents_in
from dispatchfile.results import Summary
from dispatchfile.settings import SettingError, Settings, override_settings
from dispatchfile.usecases.batch import MAY_STILL_LIVE, Start, is_surely_made
from dispatchfile.usecases.execute import Control, Executor, Work
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.parents import read_parents
from dispatchfile.usecases.past import PastRun, fold_journal, leave_as_it_was, run_facts
from dispatchfile.usecases.reporting import Reporter
from dispatchfile.usecases.run import Connect, canaries_of, close_journal, connected, run_deadline
from dispatchfile.usecases.sensitive import restore_sensitive

GOES_ON = frozenset({Cause.INTERRUPTED, Cause.UNREACHABLE})
DIED_WITH_ITS_AGENT = Verdict(Outcome.STOPPED, Cause.INTERRUPTED, "ended with the embedded agent that ran it")


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
    variables: Mapping[str, object] = field(default_factory=dict)  # for sensitive values, which are stored nowhere
    allow_outside: bool = False
    logs: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where every item of a run stands, as its journal tells."""

    items: tuple[Item, ...]
    starts: Mapping[str, Start]  # of items that are not over
    verdicts: Mapping[str, tuple[int, Verdict]]  # of the attempts before those that are not over
    made_children: Mapping[Parent, set[str]]
    failures: int

    @property
    def selected(self) -> list[Item]:
        return [item for item in self.items if item.id in self.starts]


def read_standing(reader: JournalReader, stored: StoredRun, *, resend_unknown: bool = False) -> Standing:
    """Where the run stands. Items that are over come without their payloads. Raises JournalError."""
    items = tuple(reader.items(payloads=False))
    attempts: dict[str, list[Progress]] = {}
    for (item_id, _), progress in reader.progress().items():
        attempts.setdefault(item_id, []).append(progress)
    standing = _Standing(local=stored.header.local, resend_unknown=resend_unknown)
    for item in items:
        standing.add(item, sorted(attempts.get(item.id, ()), key=lambda progress: progress.intent.attempt))
    items = _with_payloads(reader, items, standing.starts)
    return Standing(items, standing.starts, standing.verdicts, standing.made, standing.failures)


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
        self.made: dict[Parent, set[str]] = {}
        self.failures = 0

    def add(self, item: Item, attempts: Sequence[Progress]) -> None:
        self.made.setdefault(parent_of(item), set()).update(_made_by(item, attempts))
        begun = [progress for progress in attempts if _has_begun(progress)]
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

    def _without_end(self, last: Progress) -> Start:
        attempt = last.intent.attempt
        if self._local:  # its tasks died with the agent that ran them
            return Start(attempt + 1)
        if last.accepted is None:
            return Start(attempt, in_doubt=True)
        accepted = last.accepted
        return Start(attempt, child=accepted.child, existing=accepted.existing, sent_at=accepted.at)

    def _after_end(self, last: Progress, ended: Ended) -> Start | None:
        verdict, attempt = ended.verdict, last.intent.attempt
        if ended.retry_at is not None:
            predecessor = last.accepted.child if last.accepted and verdict.outcome in MAY_STILL_LIVE else ""
            return Start(attempt + 1, retry_at=ended.retry_at, predecessor="" if self._local else predecessor)
        if verdict.outcome is Outcome.UNSENT and verdict.cause in GOES_ON:
            return Start(attempt)
        if verdict.outcome is Outcome.UNKNOWN and not self._local:
            return self._after_unknown(last)
        self.failures += verdict.outcome.exit_class == 2 or verdict.outcome is Outcome.REFUSED
        return None

    def _after_unknown(self, last: Progress) -> Start:
        attempt = last.intent.attempt
        if self._resend_unknown:
            return Start(attempt + 1, predecessor=last.accepted.child if last.accepted else "")
        if last.accepted is None:
            return Start(attempt, in_doubt=True)
        return Start(attempt, child=last.accepted.child, existing=last.accepted.existing)

    @staticmethod
    def _after_predecessor(start: Start, begun: Sequence[Progress]) -> Start:
        """An attempt that was never sent still has to stop the one before it, if that may live."""
        earlier = [progress for progress in begun if progress.intent.attempt < start.attempt]
        if start.child or start.in_doubt or start.predecessor or not earlier:
            return start
        last = earlier[-1]
        if last.accepted and last.ended and last.ended.verdict.outcome in MAY_STILL_LIVE:
            return replace(start, predecessor=last.accepted.child)
        return start


def _verdict_before(attempt: int, begun: Sequence[Progress]) -> tuple[int, Verdict] | None:
    """How the one before this *attempt* ended: the item's own end if this one is never made."""
    earlier = [progress for progress in begun if progress.intent.attempt < attempt]
    if not earlier:
        return None
    last = earlier[-1]
    return last.intent.attempt, last.ended.verdict if last.ended else DIED_WITH_ITS_AGENT


def _made_by(item: Item, attempts: Sequence[Progress]) -> Iterator[str]:
    """Children of requests of this run. What was never marked was not sent, but found: it may be older than the run."""
    for progress in attempts:
        verdict = progress.ended.verdict if progress.ended else None
        if progress.marked and progress.accepted and is_surely_made(item, progress.accepted, verdict):
            yield progress.accepted.child


def _has_begun(progress: Progress) -> bool:
    return progress.marked or progress.accepted is not None or progress.ended is not None


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
    if stored.status.state is RunState.STOPPED_EARLY:
        run = stored.header.id
        raise RunRefused(f"run {run} was stopped and is over: `dispatchfile rerun {run} --failed` starts what is left")
    if stored.status.state is RunState.FINISHED and (summary := _sum_up(reader, stored, reporter)):
        return summary
    journal = Journal.resume(reader.path)
    try:
        resumed = _take_up(options, reader, journal, reporter)
        async with connect(options.connection, resumed.settings) as client:
            return await _go_on(client, resumed, logs=options.logs, reporter=reporter, control=control, clock=clock)
    finally:
        await leave_as_it_was(journal, stored.status, clock)


def _take_up(options: ResumeOptions, reader: JournalReader, journal: Journal, reporter: Reporter) -> _Resumed:
    """Read again, now that nobody else writes."""
    stored = reader.run()
    standing = read_standing(reader, stored, resend_unknown=options.resend_unknown)
    source = ManifestSource(
        path=stored.header.manifest,
        content=None,
        variables=options.variables,
        environ=options.environ,
        allow_outside=options.allow_outside,
    )
    if note := manifest_change(stored):
        reporter.note(note)
    restored = {item.id: item for item in restore_sensitive(standing.selected, source)}
    standing = replace(standing, items=tuple(restored.get(item.id, item) for item in standing.items))
    journal.hide(restored.values())
    try:
        settings = override_settings(stored.header.settings, options.settings)
    except SettingError as error:
        raise UsageError(f"--{error.key.replace('_', '-')}: {error.message}") from error
    return _Resumed(stored, standing, reader, journal, settings)


async def _go_on(
    client: Client, resumed: _Resumed, *, logs: str, reporter: Reporter, control: Control, clock: Clock
) -> Summary:
    results = fold_journal(resumed.reader, resumed.stored)
    work = await _work(client, resumed, logs)
    reporter.started(work.facts, results)
    executor = Executor(client=client, ledger=resumed.journal, results=results, reporter=reporter, clock=clock)
    summary, state = await executor.execute(work, control)
    await close_journal(resumed.journal, summary, state, clock)
    reporter.finished(summary)
    return summary


async def _work(client: Client, resumed: _Resumed, logs: str) -> Work:
    """What is left to do."""
    header, standing = resumed.stored.header, resumed.standing
    return Work(
        facts=run_facts(header),
        selected=standing.selected,
        settings=resumed.settings,
        parents=await read_parents(client, parents_in(standing.selected), probe=False),
        baselines={
            parent: Baseline(baseline.children, baseline.index)
            for parent, baseline in resumed.reader.baselines().items()
        },
        starts=standing.starts,
        made_children=standing.made_children,
        failures=standing.failures,
        verdicts=standing.verdicts,
        total=len(standing.items),
        canaries=_canaries_left(standing, resumed.settings),
        deadline=run_deadline(resumed.settings, header.started_at),
        rerun_of=header.rerun_of,
        version=await client.read_version(),
        logs=logs,
    )


def _baselines(resumed: _Resumed, parents: Mapping[Parent, ParentState]) -> Mapping[Parent, Baseline]:
    """Those of the run's start; an embedded agent is a new one, and counts its children from now on."""
    if resumed.stored.header.local:
        return {parent: Baseline(state.children, state.children_index) for parent, state in parents.items()}
    stored = resumed.reader.baselines()
    return {parent: Baseline(baseline.children, baseline.index) for parent, baseline in stored.items()}


def _canaries_left(standing: Standing, settings: Settings) -> list[str]:
    return [item for item in canaries_of(standing.items, settings) if item in standing.starts]


def _sum_up(reader: JournalReader, stored: StoredRun, reporter: Reporter) -> Summary | None:
    """A run that is over has nothing to go on with, and its summary is told again; None if an item is unknown."""
    run = PastRun(reader, stored, fold_journal(reader, stored), is_live=False)
    if run.results.counts()[Outcome.UNKNOWN] and not stored.header.local:
        return None
    reporter.started(run.facts, run.results)
    summary = run.summary()
    reporter.finished(summary)
    return summary


def manifest_change(stored: StoredRun) -> str:
    """A sentence if the manifest is not what it was when the run started; the run goes on with what it stored."""
    header = stored.header
    if header.manifest == STANDARD_INPUT:
        return ""
    try:
        digest = hashlib.sha256(Path(header.manifest).read_bytes()).hexdigest()
    except OSError:
        return f"{header.shown_manifest} cannot be read any more: going on with the stored requests"
    if digest == header.manifest_digest:
        return ""
    return f"{header.shown_manifest} has changed since the run started: going on with the stored requests"
