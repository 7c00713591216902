"""Nomad's records of a child, and the judgements beside a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dispatchfile.events import State, Verdict
from dispatchfile.nomad.models import Alloc, Evaluation, TaskGroup


@dataclass(frozen=True, slots=True)
class ChildRecords:
    """Nomad's records of a child. Status and allocations are of one moment; see the module for their order."""

    status: str  # of the job; empty where only allocations are known
    stop: bool
    type: str  # "batch" or "sysbatch"
    groups: Mapping[str, TaskGroup]
    allocs: tuple[Alloc, ...]
    evals: tuple[Evaluation, ...] | None  # None: not read
    gone: bool = False  # the job is not found any more; allocations may have been seen before
    seen_alive: bool = False  # an earlier read showed it living
    server_before_2_0_1: bool = False  # there a job is `dead` for a moment between a failure and its reschedule
    age_s: float = 0.0  # since its dispatch


@dataclass(frozen=True, slots=True)
class Living:
    """No end yet. *blocked*: nothing of it lives and an evaluation waits for capacity."""

    state: State  # QUEUED or RUNNING
    message: str = ""
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class NeedsEvaluations:
    """The records cannot be judged without the child's evaluations."""


Judgement = Verdict | Living | NeedsEvaluations
