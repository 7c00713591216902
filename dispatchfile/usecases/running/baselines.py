"""The state of parents before a run's first dispatch: read from the server, recorded, and read back."""

from __future__ import annotations

from collections.abc import Mapping

from dispatchfile.engine import Baseline
from dispatchfile.journal import JournalReader, StoredBaseline
from dispatchfile.names import JobKey
from dispatchfile.preflight import ParentState


def baselines_of(states: Mapping[JobKey, ParentState]) -> dict[JobKey, Baseline]:
    """Return the current state of each parent that the token may read."""
    return {
        parent: Baseline(state.children, state.children_index)
        for parent, state in states.items()
        if state.job is not None
    }


def to_store(states: Mapping[JobKey, ParentState], at: float) -> list[StoredBaseline]:
    """Return the same, for the journal."""
    return [
        StoredBaseline(*parent, state.job.job_modify_index, state.children, state.children_index, at)
        for parent, state in states.items()
        if state.job is not None
    ]


def stored_baselines(reader: JournalReader) -> dict[JobKey, Baseline]:
    """Return the state that each parent had when the run began."""
    stored = reader.baselines()
    return {JobKey(*parent): Baseline(baseline.children, baseline.index) for parent, baseline in stored.items()}


def stored_versions(reader: JournalReader) -> dict[JobKey, int]:
    """Return the JobModifyIndex that each parent had when the run began."""
    return {JobKey(*parent): baseline.job_modify_index for parent, baseline in reader.baselines().items()}
