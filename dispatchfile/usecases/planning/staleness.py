"""Compares what a plan was made from with what is there now. Any difference makes the plan stale."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from dispatchfile.errors import FileError, PlanError
from dispatchfile.files import STANDARD_INPUT, Files
from dispatchfile.items import Item
from dispatchfile.manifest import Document
from dispatchfile.names import JobKey
from dispatchfile.planfile import Change, Plan, PlanHead, compare_items
from dispatchfile.preflight import ParentState

SHOWN_CHANGES = 5
PLAN_AGAIN = "make the plan again with `dispatchfile plan --out`"


def check_inputs(plan: Plan, document: Document, files: Files, now: Sequence[Item]) -> None:
    """
    Refuse a plan whose manifest, files or glob matches have changed.

    now: the items that the manifest gives today, to show the difference. Raises PlanError.
    """
    changes = list(_changed_inputs(plan.head, document, files))
    if not changes:
        return
    found = "; ".join([*_shortened(changes), *_changed_items(plan, now)])
    raise PlanError(f"plan {plan.digest[:12]} is stale, nothing was sent: {found}: {PLAN_AGAIN}")


def _changed_inputs(head: PlanHead, document: Document, files: Files) -> Iterator[str]:
    if document.digest != head.manifest_sha256:
        yield f"{document.path} has changed"
    for name, digest in head.files.items():
        if name == STANDARD_INPUT:
            continue  # nobody can read it again; the requests hold what it gave
        try:
            if hashlib.sha256(files.read(name)).hexdigest() != digest:
                yield f"{name} has changed"
        except FileError as error:
            yield str(error)
    for pattern, names in head.globs.items():
        yield from _changed_matches(pattern, names, files)


def _changed_matches(pattern: str, names: Sequence[str], files: Files) -> Iterator[str]:
    try:
        found = files.glob(pattern)
    except FileError as error:
        yield str(error)
        return
    for name in sorted({*names} ^ {*found}):
        yield f"{pattern} {'no longer matches' if name in names else 'now matches'} {name}"


def _shortened(changes: Sequence[str]) -> list[str]:
    more = len(changes) - SHOWN_CHANGES
    return [*changes[:SHOWN_CHANGES], *([f"and {more:,} more"] if more > 0 else [])]


def _changed_items(plan: Plan, now: Sequence[Item]) -> Iterator[str]:
    """Yield which items of the plan the manifest gives otherwise today."""
    planned = {item.id for item in plan.items}
    comparison = compare_items("the plan", plan.items, [item for item in now if item.id in planned])
    changed = [
        f"{item_id} ({', '.join(key.key for key in found.keys)})"
        for item_id, found in comparison.differences.items()
        if found.change is Change.CHANGED
    ]
    if changed:
        yield f"changed items: {', '.join(_shortened(changed))}"
    if comparison.removed:
        yield f"missing items: {', '.join(_shortened([item.id for item in comparison.removed]))}"


def check_pins(head: PlanHead, states: Mapping[JobKey, ParentState]) -> None:
    """Refuse a plan of which a job was registered again since. Raises PlanError."""
    changes = []
    for job in head.jobs:
        state = states.get(job.key)
        if job.job_modify_index is None or state is None:
            continue
        if state.job is None:
            changes.append(f"job {job.key.job!r} cannot be read, so its version cannot be checked")
        elif state.job.job_modify_index != job.job_modify_index:
            changes.append(
                f"job {job.key.job!r} in namespace {job.key.namespace!r} was changed: the plan has JobModifyIndex "
                f"{job.job_modify_index}, Nomad has {state.job.job_modify_index} (version {state.job.version})"
            )
    if changes:
        raise PlanError(f"the plan is stale, nothing was sent: {'; '.join(_shortened(changes))}: {PLAN_AGAIN}")
