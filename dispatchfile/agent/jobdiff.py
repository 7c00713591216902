"""
The difference between a job and the one that is registered: its parts, and the fields of its tasks that runs depend on.

Source: hashicorp/nomad, nomad/structs/diff.go. Nomad compares every field; here these are Meta of the job, and Driver,
Env, Meta and Config of tasks.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dispatchfile.agent.records import StoredJob

Part = Mapping[str, Any]
NONE, ADDED, DELETED, EDITED = "None", "Added", "Deleted", "Edited"


def job_difference(
    job: StoredJob, known: StoredJob | None, *, same: bool, updates: Mapping[str, dict[str, int]]
) -> dict[str, object]:
    """Return the difference as Nomad's plan has it. updates: what becomes of each group's allocations."""
    kind = NONE if same else (ADDED if known is None else EDITED)
    before = _tasks(known) if known else {}
    groups = [
        {
            "Fields": None,
            "Name": group["Name"],
            "Objects": None,
            "Tasks": [_task(task, before.get((group["Name"], task["Name"])), kind) for task in group["Tasks"] or ()],
            "Type": kind,
            "Updates": updates.get(group["Name"], {}),
        }
        for group in _groups(job)
    ]
    meta = [] if known is None or same else list(_map_fields("Meta", known.meta or {}, job.meta or {}))
    return {"Fields": meta or None, "ID": job.id, "Objects": None, "TaskGroups": groups, "Type": kind}


def _tasks(job: StoredJob) -> dict[tuple[str, str], Part]:
    return {(group["Name"], task["Name"]): task for group in _groups(job) for task in group["Tasks"] or ()}


def _groups(job: StoredJob) -> Sequence[Part]:
    groups: Any = job.spec.document["TaskGroups"]
    return groups or ()


def _task(task: Part, before: Part | None, kind: str) -> dict[str, object]:
    empty = {"Annotations": None, "Fields": None, "Name": task["Name"], "Objects": None}
    if before is None or kind == NONE:
        return {**empty, "Type": kind if before is None else NONE}
    fields = [
        *_map_fields("", {"Driver": before["Driver"]}, {"Driver": task["Driver"]}),
        *_map_fields("Env", before["Env"] or {}, task["Env"] or {}),
        *_map_fields("Meta", before["Meta"] or {}, task["Meta"] or {}),
    ]
    config = list(_map_fields("", before["Config"] or {}, task["Config"] or {}))
    objects = [{"Fields": config, "Name": "Config", "Objects": None, "Type": EDITED}] if config else None
    return {**empty, "Fields": fields or None, "Objects": objects, "Type": EDITED if fields or objects else NONE}


def _map_fields(name: str, before: Part, after: Part) -> Iterator[dict[str, object]]:
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old != new:
            kind = ADDED if old is None else (DELETED if new is None else EDITED)
            shown = f"{name}[{key}]" if name else key
            yield {"Annotations": None, "Name": shown, "New": _text(new), "Old": _text(old), "Type": kind}


def _text(value: object) -> str:
    return "" if value is None else str(value)
