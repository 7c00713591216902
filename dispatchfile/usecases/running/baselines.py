"""What parents had before a run's first dispatch: read from the server, put on record, and read back."""

from __future__ import annotations

from collections.abc import Mapping

from dispatchfile.engine import Baseline
from dispatchfile.journal import Baseline as StoredBaseline
from dispatchfile.journal import JournalReader
from dispatchfile.names import JobKey
from dispatchfile.preflight import ParentState


def baselines_of(states: Mapping[JobKey, ParentState]) -> dict[JobKey, Baseline]:
    """What each parent has now, where it may be read."""
    return {
        parent: Baseline(state.children, state.children_index)
        for parent, state in states.items()
        if state.job is not None
    }


def to_store(states: Mapping[JobKey, ParentState], at: float) -> list[StoredBaseline]:
    """The same, for the journal."""
    return [
        StoredBaseline(*parent, state.job.job_modify_index, state.children, state.children_index, at)
        for parent, state in states.items()
        if state.job is not None
    ]


def on_record(reader: JournalReader) -> dict[JobKey, Baseline]:
    """What each parent had as the run began."""
    stored = reader.baselines()
    return {JobKey(*parent): Baseline(baseline.children, baseline.index) for parent, baseline in stored.items()}
