"""Compares what a plan was made from with what is there now. Any difference makes the plan stale."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

from dispatchfile.errors import FileError, PlanError
from dispatchfile.files import STANDARD_INPUT, Files
from dispatchfile.items import Item
from dispatchfile.manifest import Document
from dispatchfile.names import JobKey
from dispatchfile.planfile import Change, ChangedKey, Plan, PlanHead, compare_items
from dispatchfile.preflight import ParentState

SHOWN_CHANGES = 5
SHOWN_VALUE = 60
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
        f"{item_id} ({', '.join(map(_shown_change, found.keys))})"
        for item_id, found in comparison.differences.items()
        if found.change is Change.CHANGED
    ]
    if changed:
        yield f"changed items: {', '.join(_shortened(changed))}"
    if comparison.removed:
        yield f"missing items: {', '.join(_shortened([item.id for item in comparison.removed]))}"


def _shown_change(key: ChangedKey) -> str:
    """Return the key and its two values, in short."""
    if key.is_sensitive:
        return key.key
    return f"{key.key}: {_shown(key.before)} → {_shown(key.after)}"


def _shown(value: bytes | str | None) -> str:
    if value is None:
        return "(none)"
    try:
        text = value if isinstance(value, str) else value.decode()
    except UnicodeDecodeError:
        return f"{len(value):,} bytes"
    return json.dumps(text if len(text) <= SHOWN_VALUE else f"{text[:SHOWN_VALUE]}…", ensure_ascii=False)


def check_pins(head: PlanHead, states: Mapping[JobKey, ParentState]) -> None:
    """Refuse a plan of which a job was changed since. Raises PlanError."""
    pins = {job.key: job.job_modify_index for job in head.jobs if job.job_modify_index is not None}
    if changes := list(_changed_jobs(pins, states, "the plan has")):
        raise PlanError(f"the plan is stale, nothing was sent: {'; '.join(_shortened(changes))}: {PLAN_AGAIN}")


def check_versions(
    run: str, versions: Mapping[JobKey, int], unsent: Sequence[Item], states: Mapping[JobKey, ParentState]
) -> None:
    """
    Refuse to continue a plan's run if a job was changed that items have still to be sent to. Raises PlanError.

    versions: the JobModifyIndex of each job when the run began. unsent: the items without a child.
    """
    needed = {item.request.job_key for item in unsent}
    pins = {key: index for key, index in versions.items() if key in needed}
    if not (changes := list(_changed_jobs(pins, states, "the run began with"))):
        return
    raise PlanError(
        f"run {run} cannot continue: {'; '.join(_shortened(changes))}; items that are not sent yet: {len(unsent):,}: "
        f"end the run with `dispatchfile stop {run}`, then plan what is left with `dispatchfile plan "
        "--skip outcome:succeeded`"
    )


def _changed_jobs(pins: Mapping[JobKey, int], states: Mapping[JobKey, ParentState], before: str) -> Iterator[str]:
    for key, index in pins.items():
        state = states.get(key)
        if state is None:
            continue
        if state.job is None:
            yield f"job {key.job!r} cannot be read, so its version cannot be checked"
        elif state.job.job_modify_index != index:
            yield (
                f"job {key.job!r} in namespace {key.namespace!r} was changed: {before} JobModifyIndex {index}, "
                f"Nomad has {state.job.job_modify_index} (version {state.job.version})"
            )
