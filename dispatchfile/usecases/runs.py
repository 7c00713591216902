"""The history: which runs the state folder has, and what is known of each."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from dispatchfile.errors import JournalError
from dispatchfile.journal import STANDARD_INPUT, JournalReader, StoredRun, each_run, is_live, state_folder
from dispatchfile.usecases.past import state_of


@dataclass(frozen=True, slots=True)
class RunFilter:
    """The runs of the history to show."""

    limit: int | None = None  # the newest ones
    states: Collection[str] = ()  # as in a summary; empty: all
    manifest: str | None = None  # a manifest, or a folder with manifests

    def takes(self, stored: StoredRun, state: str) -> bool:
        return (not self.states or state in self.states) and self._is_manifest(stored.header.manifest)

    def _is_manifest(self, stored: str) -> bool:
        if not stored:  # a dispatch
            return self.manifest is None
        if self.manifest is None or STANDARD_INPUT in (self.manifest, stored):
            return self.manifest in (None, stored)
        real = os.path.realpath(self.manifest)
        return real in (stored, str(Path(stored).parent))


@dataclass(frozen=True, slots=True)
class History:
    """Runs with their states, the newest first, and what is wrong with files that cannot be read."""

    runs: list[tuple[StoredRun, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_filtered: bool = False


def read_history(state_dir: str | None, environ: Mapping[str, str], chosen: RunFilter) -> History:
    """Return the chosen runs. An unfinished one has the counts of the items that have ended. Raises JournalError."""
    history = History(is_filtered=chosen != RunFilter())
    history.runs.extend(islice(_chosen(state_folder(state_dir, environ), chosen, history.errors), chosen.limit))
    return history


def _chosen(folder: Path, chosen: RunFilter, errors: list[str]) -> Iterator[tuple[StoredRun, str]]:
    for found in each_run(folder):
        if isinstance(found, JournalError):
            errors.append(str(found))
            continue
        state = state_of(found, live=is_live(found))
        if chosen.takes(found, state):
            yield with_counts(found), state


def with_counts(stored: StoredRun) -> StoredRun:
    """Return the run with what its journal knows of its items, if it has not recorded its counts itself."""
    if stored.status.counts or not stored.is_unfinished:
        return stored
    try:
        counts = JournalReader(stored.path).outcome_counts()
    except JournalError:
        return stored  # a newer version wrote it: only its header can be read
    return replace(stored, status=replace(stored.status, counts=counts))
