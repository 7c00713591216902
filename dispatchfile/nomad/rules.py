"""
The constraints, affinities and spreads of a job, of its groups, tasks and devices, in one list.

Source: hashicorp/nomad, api/constraint.go, api/tasks.go (Affinity, Spread), api/resources.go (RequestedDevice).
"""

from __future__ import annotations

from collections.abc import Iterator

from dispatchfile.nomad.fields import Row, as_object, list_at, object_at, text_at
from dispatchfile.nomad.models import PlacementRule

COMPARISONS = {"Constraints": "constraint", "Affinities": "affinity"}


def parse_rules(job: Row) -> tuple[PlacementRule, ...]:
    """Return the rules of the job, then those of each group with its tasks."""
    return tuple(_rules_of_job(job))


def _rules_of_job(job: Row) -> Iterator[PlacementRule]:
    yield from _rules(job, "")
    for group in _objects(job, "TaskGroups"):
        name = text_at(group, "Name")
        yield from _rules(group, f"group {name}")
        for task in _objects(group, "Tasks"):
            part = f"task {text_at(task, 'Name')} of group {name}"
            yield from _rules(task, part)
            for device in _objects(object_at(task, "Resources"), "Devices"):
                yield from _comparisons(device, part, of_device=True)


def _rules(row: Row, part: str) -> Iterator[PlacementRule]:
    yield from _comparisons(row, part)
    for spread in _objects(row, "Spreads"):
        yield PlacementRule("spread", part, text_at(spread, "Attribute"))


def _comparisons(row: Row, part: str, *, of_device: bool = False) -> Iterator[PlacementRule]:
    for key, kind in COMPARISONS.items():
        for rule in _objects(row, key):
            left, right = text_at(rule, "LTarget"), text_at(rule, "RTarget")
            yield PlacementRule(kind, part, left, text_at(rule, "Operand"), right, of_device)


def _objects(row: Row, key: str) -> Iterator[Row]:
    return (as_object(value, key) for value in list_at(row, key))
