"""
Describes the progress of an evaluation as the Nomad CLI does: the changes between two looks at it.

Pure. Source: hashicorp/nomad, command/monitor.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dispatchfile.nomad.models import Alloc, Evaluation

ENDED = frozenset({"complete", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class EvalWatched:
    """The evaluation is looked at from now on."""

    eval_id: str


@dataclass(frozen=True, slots=True)
class EvalMissing:
    """There is no such evaluation, or the token may not see it."""

    eval_id: str


@dataclass(frozen=True, slots=True)
class EvalTriggered:
    """The evaluation was triggered by the registration of a job; a dispatch is one."""

    job_id: str


@dataclass(frozen=True, slots=True)
class AllocPlaced:
    """An allocation is there that was not there before."""

    alloc_id: str
    node_id: str
    group: str
    modified: bool  # it is older than the evaluation


@dataclass(frozen=True, slots=True)
class AllocChanged:
    """An allocation's client status changed."""

    alloc_id: str
    before: str
    after: str
    description: str


@dataclass(frozen=True, slots=True)
class EvalChanged:
    """The evaluation's status changed."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class EvalEnded:
    """The evaluation is over; its failed groups were not placed."""

    evaluation: Evaluation


Change = EvalWatched | EvalMissing | EvalTriggered | AllocPlaced | AllocChanged | EvalChanged | EvalEnded


@dataclass(frozen=True, slots=True)
class Look:
    """The records that one look at an evaluation has shown."""

    status: str = "pending"
    job_id: str = ""
    client_statuses: Mapping[str, str] = field(default_factory=dict)  # by allocation


def look_at(evaluation: Evaluation, allocs: Iterable[Alloc]) -> Look:
    return Look(evaluation.status, evaluation.job_id, {alloc.id: alloc.client_status for alloc in allocs})


def changes_since(last: Look, evaluation: Evaluation, allocs: Iterable[Alloc]) -> Iterator[Change]:
    """Return the changes in the order in which the CLI prints them. Each look at an ended one reports its end."""
    if evaluation.job_id and not last.job_id:
        yield EvalTriggered(evaluation.job_id)
    for alloc in allocs:
        yield from _changes_of(alloc, last.client_statuses.get(alloc.id), evaluation)
    if evaluation.status not in ("pending", last.status):
        yield EvalChanged(last.status, evaluation.status)
    if evaluation.status in ENDED:
        yield EvalEnded(evaluation)


def _changes_of(alloc: Alloc, before: str | None, evaluation: Evaluation) -> Iterator[Change]:
    if before is None:
        modified = alloc.create_index < evaluation.create_index
        if modified or alloc.desired_status == "run":
            yield AllocPlaced(alloc.id, alloc.node_id, alloc.group, modified)
    elif before != alloc.client_status:
        yield AllocChanged(alloc.id, before, alloc.client_status, alloc.client_description)
