"""
What a job asks for and can never get, whatever the nodes are: variables that Nomad does not replace where nodes are
chosen, and meta keys of a dispatch that the job itself overrides. Nomad accepts both without a word, but for variables
on the left of a constraint, which 1.11.2 and later refuse in a job that is registered (nomad/structs/constraint.go).

Source: hashicorp/nomad, scheduler/feasible/feasible.go (resolveTarget, resolveDeviceTarget, checkConstraint),
scheduler/feasible/propertyset.go, nomad/structs/structs.go (Job.CombinedTaskMeta).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dispatchfile.items import Item
from dispatchfile.names import JobKey
from dispatchfile.nomad.models import Job, PlacementRule, TaskGroup
from dispatchfile.problems import Problem, Severity

OF_NODES = re.compile(r"\$\{(?:node\.(?:unique\.id|unique\.name|datacenter|class|pool)|(?:attr|meta)\.[^}]+)\}")
OF_DEVICES = re.compile(r"\$\{device\.(?:ids|model|vendor|type|attr\.[^}]+)\}")
VARIABLE = re.compile(r"\$\{[A-Za-z][^}]*\}")
COUNTED = frozenset({"distinct_hosts"})  # compares nothing
NEGATIONS = frozenset({"!=", "not", "is_not_set"})
IN_PARTS = frozenset({"regexp", "set_contains_any"})  # another part of the text may still match
OF_NODE = "placement knows only ${attr.NAME}, ${meta.NAME} and ${node.NAME} of the node"
OF_DEVICE = "placement knows only ${device.NAME} of the device"
ANOTHER_JOB = "to choose by item, register a job for each choice"


def find_never(items: Sequence[Item], jobs: Mapping[JobKey, Job]) -> Iterator[Problem]:
    """Yield a warning for each such thing, once for a job, at the first item that it is about."""
    overrides: dict[JobKey, dict[str, str]] = {}
    for item in items:
        key = item.request.job_key
        if key not in jobs:
            continue
        if key not in overrides:
            overrides[key] = find_overrides(jobs[key])
            yield from _check_placement(item, jobs[key])
        for name in sorted(item.request.meta.keys() & overrides[key].keys()):
            part = overrides[key].pop(name)
            found = f"meta key {name!r} does not reach {part} of job {key.job!r}, whose own meta overrides it"
            yield _warning("DF113", item, found, "use another key, or remove it from the job's meta")


def find_overrides(job: Job) -> dict[str, str]:
    """Return by meta key the groups and tasks whose own meta sets it: `group g and task t of group h`."""
    parts: dict[str, list[str]] = {}
    for group in job.groups:
        for key, part in _own_keys(group):
            parts.setdefault(key, []).append(part)
    return {key: " and ".join(found) for key, found in parts.items()}


def _own_keys(group: TaskGroup) -> Iterator[tuple[str, str]]:
    yield from ((key, f"group {group.name}") for key in group.meta)
    for task, meta in group.task_meta.items():
        yield from ((key, f"task {task} of group {group.name}") for key in meta if key not in group.meta)


def _check_placement(item: Item, job: Job) -> Iterator[Problem]:
    for rule in job.rules:
        if unknown := find_unknown(rule):
            part = f" of {rule.part}" if rule.part else ""
            found = f'{rule.kind} "{rule}"{part} of job {job.id!r}: Nomad does not replace {unknown.variable}'
            hint = f"{OF_DEVICE if rule.of_device else OF_NODE}; {ANOTHER_JOB}"
            yield _warning("DF112", item, f"{found}, so {unknown.effect}", hint)
    for datacenter in job.datacenters:
        if match := VARIABLE.search(datacenter):
            found = f'datacenter "{datacenter}" of job {job.id!r}: Nomad does not replace {match[0]}'
            yield _warning("DF112", item, f"{found}, so no node is in it", "write the datacenter's name")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A variable of a rule that Nomad does not replace, and what becomes of the rule."""

    variable: str
    effect: str


def find_unknown(rule: PlacementRule) -> Unknown | None:
    """Return the first such variable of the rule, None if there is none."""
    if rule.operand in COUNTED:
        return None
    known = OF_DEVICES if rule.of_device else OF_NODES
    for target in (rule.left, rule.right):
        match = None if known.fullmatch(target) else VARIABLE.search(target)
        if match is not None:
            return Unknown(match[0], _describe_effect(rule, is_text=not target.startswith("${")))
    return None


def _describe_effect(rule: PlacementRule, *, is_text: bool) -> str:
    """is_text: the variable stands within a text, which Nomad compares as it is; else it reads as not set."""
    if rule.kind != "constraint":
        return "it has no effect"
    thing = "device" if rule.of_device else "node"
    if rule.operand in NEGATIONS:
        return f"it keeps no {thing} out"
    if is_text and rule.operand in IN_PARTS:
        return "it compares the text as it is"
    return f"no {thing} meets it"


def _warning(code: str, item: Item, found: str, hint: str) -> Problem:
    return Problem(code, item.row or item.position, found, hint, Severity.WARNING, item=item.id)
