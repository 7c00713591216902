"""The answers of Nomad to a job that is only tried out: parsed, or planned with a difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from dispatchfile.nomad.decode import as_object
from dispatchfile.nomad.fields import Row, int_at, list_at, text_at
from dispatchfile.record import record

UNCHANGED, NEW = "None", "Added"  # as Nomad writes them


@record
class FieldChange:
    """A field that registering a job would change. before and after: empty where there is none."""

    path: tuple[str, ...]  # of the parts of the job that hold it, and its name
    kind: str  # "Added", "Deleted" or "Edited"
    before: str
    after: str


@record
class JobPlan:
    """What registering a job would change."""

    kind: str  # "None", "Added" or "Edited"
    job_modify_index: int  # of the job as Nomad has it; 0: it has none
    changes: tuple[FieldChange, ...] = field(default=())

    @property
    def is_unchanged(self) -> bool:
        return self.kind == UNCHANGED


def parse_plan(row: Row) -> JobPlan:
    """Return the plan. Source: hashicorp/nomad, api/jobs.go, JobPlanResponse and JobDiff."""
    difference = as_object(row.get("Diff"), "Diff")
    return JobPlan(text_at(difference, "Type"), int_at(row, "JobModifyIndex"), tuple(_changes(difference, ())))


def _changes(part: Mapping[str, object], path: tuple[str, ...]) -> Iterator[FieldChange]:
    for written in list_at(part, "Fields"):
        changed = as_object(written, "a field")
        kind, name = text_at(changed, "Type"), text_at(changed, "Name")
        if kind != UNCHANGED:
            yield FieldChange((*path, name), kind, text_at(changed, "Old"), text_at(changed, "New"))
    for key, word in (("Objects", ""), ("TaskGroups", "group "), ("Tasks", "task ")):
        for written in list_at(part, key):
            inner = as_object(written, "a part")
            if text_at(inner, "Type") != UNCHANGED:
                yield from _changes(inner, (*path, word + text_at(inner, "Name")))
