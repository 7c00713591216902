"""Finds out what earlier runs did with a manifest's items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dispatchfile.events import Outcome
from dispatchfile.items import Item
from dispatchfile.journal import JournalReader, StoredRun, Target, list_runs
from dispatchfile.names import JobKey
from dispatchfile.results import LOCAL


def find_succeeded(
    folder: Path, target: Target, items: Sequence[Item], job_modify_indexes: Mapping[JobKey, int]
) -> dict[str, str]:
    """
    Return the latest run, by item, in which the same request succeeded on the same target.

    The same: address, region, namespace, id, fingerprint, and the parent job as it is now. Runs on an embedded agent
    count for nothing but their like, which has forgotten all: they never count. Raises JournalError.
    """
    if target.address == LOCAL:
        return {}
    wanted = {item.id: item for item in items}
    found: dict[str, str] = {}
    for run in _runs_on(folder, target):
        for item_id in _succeeded_in(run, wanted, job_modify_indexes):
            found.setdefault(item_id, run.header.id)
    return found


def _runs_on(folder: Path, target: Target) -> Iterator[StoredRun]:
    """Newest first."""
    runs, _ = list_runs(folder)
    bare = target.without_credentials()
    return (run for run in runs if not run.header.local and run.header.target.meets(bare))


def _succeeded_in(
    run: StoredRun, wanted: Mapping[str, Item], job_modify_indexes: Mapping[JobKey, int]
) -> Iterator[str]:
    reader = JournalReader(run.path)
    baselines, observed = reader.baselines(), reader.observations()
    for (item_id, attempt), progress in reader.attempts().items():
        item, ended = wanted.get(item_id), observed.get((item_id, attempt), progress.ended)
        if item is None or ended is None or ended.verdict.outcome is not Outcome.SUCCEEDED:
            continue
        parent = item.request.job_key
        same_job = parent in baselines and baselines[parent].job_modify_index == job_modify_indexes.get(parent)
        if same_job and progress.intent.fingerprint == item.fingerprint:
            yield item_id
