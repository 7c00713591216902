"""A run of the past, or of another process, as its journal tells it: no server is asked, nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dispatchfile.clock import Clock
from dispatchfile.journal import (
    Journal,
    JournalReader,
    RunHeader,
    RunState,
    RunStatus,
    StoredRun,
    is_live,
    open_run,
    state_folder,
)
from dispatchfile.results import Results, RunFacts, Summary, summarize
from dispatchfile.usecases.folding import fold_past, uncollected
from dispatchfile.usecases.reruns import with_later_ends

BY_SIGNAL = frozenset({129, 130, 143})  # exit codes after SIGHUP, SIGINT and SIGTERM
RUNNING = "running"  # the state of a summary that another process is still adding to


@dataclass(frozen=True, slots=True)
class RunName:
    """The name of a run, and the state folder to find it in."""

    run: str | None  # an ID or a unique prefix of one; None: the latest of the manifest
    manifest: Path | None
    state_dir: str | None
    environ: Mapping[str, str]

    def open(self) -> JournalReader:
        """Raises RunRefused where there is no such run, JournalError where it cannot be read."""
        return open_run(state_folder(self.state_dir, self.environ), self.run, manifest=self.manifest)


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as its journal tells it at one moment."""

    reader: JournalReader
    stored: StoredRun
    results: Results
    is_live: bool  # a process is at work on it

    @property
    def facts(self) -> RunFacts:
        return run_facts(self.stored.header)

    @property
    def state(self) -> str:
        """Return the state as summaries have it."""
        return state_of(self.stored, live=self.is_live)

    def summary(self) -> Summary:
        """Return the summary so far. Only a run that has ended has an end."""
        status = self.stored.status
        with uncollected():
            summary = summarize(
                self.results,
                self.facts,
                state=self.state,
                finished_at=status.finished_at,
                requests=status.requests,
                signal_exit=None if self.is_live else signal_exit(status),
            )
        if self.is_live:
            summary = replace(summary, process=(status.pid, status.host))
        return with_later_ends(summary, self.reader.path.parents[1])


def read_past(name: RunName) -> PastRun:
    """Raises RunRefused and JournalError."""
    reader = name.open()
    live = is_live(reader.run())
    stored = reader.run()  # read after the look: a process that ended before it has written its last word
    return PastRun(reader, stored, fold_past(reader, stored), live)


def signal_exit(status: RunStatus) -> int | None:
    """Return the exit code of the last process, where a signal ended it."""
    return status.exit_code if status.exit_code in BY_SIGNAL else None


async def leave_as_it_was(journal: Journal, before: RunStatus, clock: Clock) -> None:
    """Let go of a journal that is still open: the run keeps its end; one that had none is interrupted."""
    await journal.close(
        RunState.INTERRUPTED if before.state is RunState.RUNNING else before.state,
        exit_code=1 if before.exit_code is None else before.exit_code,
        finished_at=clock.wall() if before.finished_at is None else before.finished_at,
        counts=before.counts,
        requests=before.requests,
    )


def state_of(stored: StoredRun, *, live: bool) -> str:
    """Return the state as summaries have it. The journal of a killed run still says that it is running."""
    if live:
        return RUNNING
    state = stored.status.state
    if stored.header.is_dispatch and state is not RunState.FINISHED:
        return RunState.STOPPED_EARLY.value
    return (RunState.INTERRUPTED if state is RunState.RUNNING else state).value


def run_facts(header: RunHeader) -> RunFacts:
    """Return the facts about the run as a whole that the summary shows."""
    return RunFacts(
        run=header.id,
        name=header.name,
        manifest=header.shown_manifest,
        target=header.target.address,
        wait=header.settings.wait.value,
        started_at=header.started_at,
        ends_by=None if (timeout := header.settings.timeout) is None else header.started_at + timeout.total_seconds(),
    )
