"""Finds out how the items of a run ended later, in its reruns and in their reruns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from dispatchfile.events import Outcome, State
from dispatchfile.journal import JournalReader, StoredRun, list_runs
from dispatchfile.results import ItemResult, LaterEnd, Summary
from dispatchfile.usecases.folding import fold_past

NOT_SENT = frozenset({Outcome.UNSENT, Outcome.SKIPPED})


def read_later_ends(folder: Path, run: str) -> dict[str, LaterEnd]:
    """
    Return the latest end of each item that a rerun of *run*, or a rerun of that one, has sent.

    Files in the state folder that cannot be read are passed over. Raises JournalError for a rerun that cannot be read.
    """
    found: dict[str, LaterEnd] = {}
    for reader in read_family(folder, run):
        if (stored := reader.run()).header.id != run:
            found |= _ends_of(reader, stored)
    return found


def with_later_ends(summary: Summary, folder: Path) -> Summary:
    """Return the summary of a past run with what its reruns have made of the items that did not succeed."""
    if not any(item.outcome is not None and item.outcome.exit_class for item in summary.items):
        return summary
    return replace(summary, later=read_later_ends(folder, summary.run))


def read_family(folder: Path, run: str, *, but: str = "") -> Iterator[JournalReader]:
    """Yield the journals of *run*, its reruns and their reruns, the oldest first, without the run *but*."""
    runs, _ = list_runs(folder)
    family = {run}
    for stored in reversed(runs):
        if stored.header.id == run or stored.header.rerun_of in family:
            family.add(stored.header.id)
            if stored.header.id != but:
                yield JournalReader(stored.path)


def _ends_of(reader: JournalReader, stored: StoredRun) -> dict[str, LaterEnd]:
    results = list(fold_past(reader, stored).items())
    sent = _sent_of(reader, results)
    return {
        result.id: LaterEnd(stored.header.id, result.outcome, result.cause)
        for result in results
        if result.id in sent and result.outcome not in NOT_SENT
    }


def _sent_of(reader: JournalReader, results: Iterable[ItemResult]) -> set[str]:
    """Return the items that were sent or may have been: a killed process left a mark at least."""
    waiting = {result.id for result in results if result.state is State.WAITING}
    others = {result.id for result in results} - waiting
    return others | (set(_marked(reader)) & waiting if waiting else set())


def _marked(reader: JournalReader) -> Iterator[str]:
    return (item for (item, _), progress in reader.attempts().items() if progress.marked or progress.accepted)
