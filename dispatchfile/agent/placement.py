"""
Decides whether a group of a job may run on the node now, with Nomad's metrics of the answer.

Source: hashicorp/nomad, scheduler/feasible (checkConstraint, DriverChecker) and nomad/structs/funcs.go
(AllocsFit). CPU is not counted, and memory only for each group alone: what limits this machine is its number of
slots, which is Nomad's `node_max_allocs` and worded like it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import Final, Literal

from dispatchfile.agent.records import Constraint, GroupSpec, Node, StoredJob
from dispatchfile.agent.views import resources_view

Metrics = dict[str, object]

_TARGET: Final = re.compile(r"\$\{(attr|meta)\.(.+)\}")
_VERSION: Final = re.compile(r"v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.~-]+))?(?:\+.*)?")
_REQUIREMENT: Final = re.compile(r"(=|!=|>|<|>=|<=|~>)?\s*(v?\d.*)")
_SIGNS: Final[Mapping[str, frozenset[int]]] = {
    "<": frozenset({-1}),
    "<=": frozenset({-1, 0}),
    ">": frozenset({1}),
    ">=": frozenset({0, 1}),
    "=": frozenset({0}),
    "!=": frozenset({-1, 1}),
}
_EQUAL: Final = frozenset({"=", "==", "is"})
_UNEQUAL: Final = frozenset({"!=", "not"})
NEVER_HERE: Final = frozenset({"class", "property", "pool", "cores", "memory"})
"""Obstacles that stay as long as the node does not change."""

_LEFT_ASIDE: Final = ("${attr.consul.", "${attr.vault.", "${attr.plugins.cni.", "${attr.nomad.service_discovery}")
"""Targets of the constraints that Nomad adds for blocks that have no effect here."""

_ELSEWHERE: Final = frozenset({"distinct_hosts", "distinct_property"})


@dataclass(frozen=True, slots=True)
class Feasibility:
    """
    obstacle: None where the group may run; "class" where this node lacks a driver or device or does not meet a
    constraint, "property" where it has no value for a `distinct_property`, "pool" where it is in another datacenter
    or node pool, "cores" and "memory" where the group reserves more than it has, "slots" where it is full, "distinct"
    where other allocations of the job keep it off, "node" where it takes nothing at the moment.
    """

    obstacle: Literal["class", "property", "pool", "cores", "memory", "slots", "distinct", "node"] | None
    metrics: Metrics


_NO_NEIGHBOURS: Final[Mapping[str, int]] = {}


def judge(
    job: StoredJob, group: GroupSpec, node: Node, taken: int, neighbours: Mapping[str, int] = _NO_NEIGHBOURS
) -> Feasibility:
    """*taken*: how many allocations the node holds. *neighbours*: those of them that are the job's, by group."""
    if not _is_in_place(job, node):
        return Feasibility("pool", _metrics(job, available={}))
    if not node.is_ready:
        return Feasibility("node", _metrics(job, available={}))
    available = {node.datacenter: 1}
    for obstacle, reason in _filters(job, group, node, neighbours):
        return Feasibility(obstacle, _metrics(job, available, NodesFiltered=1, ConstraintFiltered={reason: 1}))
    for shortage, dimension in _shortages(group, node, taken):
        return Feasibility(shortage, _exhausted(job, group, available, dimension))
    return Feasibility(None, _metrics(job, available, ScoreMetaData=[_score(node)]))


def _filters(
    job: StoredJob, group: GroupSpec, node: Node, neighbours: Mapping[str, int]
) -> Iterator[tuple[Literal["class", "property", "distinct"], str]]:
    """Return what keeps the group off the node, in the words of Nomad's ConstraintFiltered."""
    unmet = _first_unmet(job, group, node)
    if unmet is not None:
        yield "class", unmet
    for constraint in missing_properties(job, group, node):
        yield "property", f'missing property "{constraint.left}"'
    collision = _first_collision(job, group, node, neighbours)
    if collision is not None:
        yield "distinct", collision


def _shortages(group: GroupSpec, node: Node, taken: int) -> Iterator[tuple[Literal["cores", "memory", "slots"], str]]:
    """Return what the node has too little of, in the words of Nomad's DimensionExhausted."""
    if 0 < node.cores < group.cores:
        yield "cores", "cores"
    if 0 < node.memory_mb < group.memory_mb:
        yield "memory", "memory"
    if node.slots is not None and taken >= node.slots:
        yield "slots", "max allocation exceeded"


def coalesced(metrics: Metrics) -> Metrics:
    """The metrics of a failed group, when one more of its allocations was not even tried."""
    more = metrics["CoalescedFailures"]
    return {**metrics, "CoalescedFailures": more + 1 if isinstance(more, int) else 1}


def _metrics(job: StoredJob, available: Mapping[str, int], **found: object) -> Metrics:
    nodes = len(available)
    return {
        "AllocationTime": 0,
        "ClassExhausted": None,
        "ClassFiltered": None,
        "CoalescedFailures": 0,
        "ConstraintFiltered": None,
        "DimensionExhausted": None,
        "NodePool": job.spec.node_pool,
        "NodesAvailable": dict(available),
        "NodesEvaluated": nodes,
        "NodesExhausted": 0,
        "NodesFiltered": 0,
        "NodesInPool": nodes,
        "QuotaExhausted": None,
        "ResourcesExhausted": None,
        "ScoreMetaData": None,
        "Scores": None,
        **found,
    }


def _exhausted(job: StoredJob, group: GroupSpec, available: Mapping[str, int], dimension: str) -> Metrics:
    wanted = {task.name: resources_view() for task in group.tasks}
    return _metrics(job, available, NodesExhausted=1, DimensionExhausted={dimension: 1}, ResourcesExhausted=wanted)


def _score(node: Node) -> Metrics:
    return {"NodeID": node.id, "NormScore": 0.0, "Scores": {"binpack": 0.0}}


def _is_in_place(job: StoredJob, node: Node) -> bool:
    in_datacenter = any(fnmatchcase(node.datacenter, _only_stars(name)) for name in job.spec.datacenters)
    in_pool = job.spec.node_pool in {"all", node.node_pool}
    return in_datacenter and in_pool


def _only_stars(pattern: str) -> str:
    """Nomad's datacenter patterns know only the star."""
    return re.sub(r"([?\[])", r"[\1]", pattern)


def _first_unmet(job: StoredJob, group: GroupSpec, node: Node) -> str | None:
    """Return the first thing that rules the node out, in the words of Nomad's ConstraintFiltered."""
    for constraint in job.spec.constraints:
        if not meets(constraint, node):
            return str(constraint)
    if any(task.driver not in node.drivers for task in group.tasks):
        return "missing drivers"
    for constraint in (*group.constraints, *(own for task in group.tasks for own in task.constraints)):
        if not meets(constraint, node):
            return str(constraint)
    return "missing devices" if group.devices else None


def missing_properties(job: StoredJob, group: GroupSpec, node: Node) -> Iterator[Constraint]:
    """Yield each `distinct_property` of the job or group of which the node has no value."""
    for constraint in (*job.spec.constraints, *group.constraints):
        if constraint.operand == "distinct_property" and _resolved(constraint.left, node) is None:
            yield constraint


def _first_collision(job: StoredJob, group: GroupSpec, node: Node, neighbours: Mapping[str, int]) -> str | None:
    """
    Return the `distinct_hosts` or `distinct_property` that keeps the group off the node.

    Source: hashicorp/nomad, scheduler/feasible (DistinctHostsIterator, DistinctPropertyIterator).
    """
    everywhere, beside = sum(neighbours.values()), neighbours.get(group.name, 0)
    for constraints, used in ((job.spec.constraints, everywhere), (group.constraints, beside)):
        if used and any(one.operand == "distinct_hosts" and _is_on(one.right) for one in constraints):
            return "distinct_hosts"
    for constraints, used in ((job.spec.constraints, everywhere), (group.constraints, beside)):
        for constraint in constraints:
            if constraint.operand == "distinct_property" and (reason := _property_taken(constraint, node, used)):
                return reason
    return None


def _is_on(text: str) -> bool:
    """Go's ParseBool; what is no bool counts as true."""
    return text not in {"0", "f", "F", "false", "FALSE", "False"}


def _property_taken(constraint: Constraint, node: Node, used: int) -> str:
    value = _resolved(constraint.left, node)
    allowed = int(constraint.right) if constraint.right.isdecimal() else 1
    return "" if used < allowed else f"distinct_property: {constraint.left}={value} used by {used} allocs"


def meets(constraint: Constraint, node: Node) -> bool:
    """Return whether the node meets one constraint. A constraint with an unknown operand is never met."""
    operand = constraint.operand or "="
    left, right = _resolved(constraint.left, node), _resolved(constraint.right, node)
    if operand in _ELSEWHERE or constraint.left.startswith(_LEFT_ASIDE):
        return True
    if operand in {"is_set", "is_not_set"}:
        return (left is not None) == (operand == "is_set")
    if operand in _UNEQUAL:
        return left != right
    if left is None or right is None:
        return False
    return _compares(operand, left, right)


def _compares(operand: str, left: str, right: str) -> bool:
    if operand in _EQUAL:
        return left == right
    if operand in _SIGNS:
        return _order(left, right) in _SIGNS[operand]
    if operand in {"version", "semver"}:
        return _version_fits(left, right)
    if operand == "regexp":
        return _found(right, left)
    have, wanted = _set(left), _set(right)
    if operand in {"set_contains", "set_contains_all"}:
        return wanted <= have
    return operand == "set_contains_any" and bool(wanted & have)


def _resolved(target: str, node: Node) -> str | None:
    if not target.startswith("${"):
        return target
    plain = {
        "${node.unique.id}": node.id,
        "${node.unique.name}": node.name,
        "${node.datacenter}": node.datacenter,
        "${node.class}": "",
        "${node.pool}": node.node_pool,
    }
    if target in plain:
        return plain[target]
    found = _TARGET.fullmatch(target)
    if found is None:
        return None
    return (node.attributes if found[1] == "attr" else node.meta).get(found[2])


def _set(text: str) -> set[str]:
    return {part.strip() for part in text.split(",")}


def _order(left: str, right: str) -> int:
    """-1, 0 or 1; compared as whole numbers, else as numbers, else as texts."""
    for convert in (int, float):
        try:
            return _sign(convert(left) - convert(right))
        except ValueError:
            continue
    return (left > right) - (left < right)


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)


def _found(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def _version_fits(text: str, requirements: str) -> bool:
    version = _version(text)
    return version is not None and all(_meets_version(version, one.strip()) for one in requirements.split(","))


def _version(text: str) -> tuple[tuple[int, ...], str] | None:
    found = _VERSION.fullmatch(text.strip())
    return None if found is None else (tuple(map(int, found[1].split("."))), found[2] or "")


def _meets_version(version: tuple[tuple[int, ...], str], requirement: str) -> bool:
    found = _REQUIREMENT.fullmatch(requirement)
    wanted = _version(found[2]) if found else None
    if found is None or wanted is None:
        return False
    order = _version_order(version, wanted)
    if found[1] == "~>":
        kept = max(1, len(wanted[0]) - 1)
        return order >= 0 and version[0][:kept] == wanted[0][:kept]
    return order in _SIGNS[found[1] or "="]


def _version_order(left: tuple[tuple[int, ...], str], right: tuple[tuple[int, ...], str]) -> int:
    for one, other in zip_longest(left[0], right[0], fillvalue=0):
        if one != other:
            return _sign(one - other)
    if left[1] and right[1]:
        return (left[1] > right[1]) - (left[1] < right[1])
    return bool(right[1]) - bool(left[1])
