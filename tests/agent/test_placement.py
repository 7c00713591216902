"""Constraints mean what they mean to Nomad, and failures are worded as Nomad words them."""

from dataclasses import replace

import pytest

from dispatchfile.agent.placement import judge, meets
from dispatchfile.agent.records import Constraint, Node, StoredJob

from .recordings import body_of
from .world import NODE, World

NODE_WITH_META = replace(NODE, meta={"ready": "yes", "zones": "a, b", "rank": "10"})


@pytest.mark.parametrize(
    ("left", "operand", "right", "met"),
    [
        ("${meta.ready}", "=", "yes", True),
        ("${meta.ready}", "", "yes", True),
        ("${meta.ready}", "is", "no", False),
        ("${meta.absent}", "=", "yes", False),
        ("${meta.absent}", "!=", "yes", True),
        ("${meta.ready}", "not", "yes", False),
        ("${meta.absent}", "is_set", "", False),
        ("${meta.absent}", "is_not_set", "", True),
        ("${meta.ready}", "is_set", "", True),
        ("${attr.cpu.numcores}", ">=", "2", True),
        ("${meta.rank}", ">", "9", True),
        ("${meta.rank}", "<", "9.5", False),
        ("${meta.ready}", ">", "no", True),
        ("${attr.os.version}", "version", ">= 12, < 13", True),
        ("${attr.os.version}", "version", "~> 12.10", True),
        ("${attr.os.version}", "version", "~> 11.0", False),
        ("${attr.os.version}", "semver", "> 12.11", False),
        ("${attr.os.version}", "version", "nonsense", False),
        ("${attr.kernel.name}", "regexp", "^lin", True),
        ("${attr.kernel.name}", "regexp", "(", False),
        ("${meta.zones}", "set_contains", "a,b", True),
        ("${meta.zones}", "set_contains_all", "a,c", False),
        ("${meta.zones}", "set_contains_any", "a,c", True),
        ("${node.datacenter}", "=", "dc1", True),
        ("${node.unique.name}", "=", "node-1", True),
        ("${node.class}", "=", "", True),
        ("${node.pool}", "=", "default", True),
        ("${NOMAD_REGION}", "=", "global", False),
        ("literal", "=", "literal", True),
        ("${meta.ready}", "distinct_hosts", "", True),
        ("${meta.ready}", "nonsense", "yes", False),
    ],
)
def test_constraint_is_met_as_on_nomad(left: str, operand: str, right: str, met: bool) -> None:
    """An attribute, a meta value or a literal is compared by the operand."""
    assert meets(Constraint(left, operand, right), NODE_WITH_META) == met


def _job(**changes: object) -> StoredJob:
    return World().register({**body_of("job/ok"), "ID": "j", "Name": None, **changes})


def _judged(job: StoredJob, node: Node = NODE) -> dict[str, object]:
    metrics = judge(job, job.spec.groups[0], node, 0).metrics
    return {key: metrics[key] for key in ("NodesAvailable", "NodesEvaluated", "NodesFiltered", "ConstraintFiltered")}


def test_unmet_constraint_is_named() -> None:
    """A node that a constraint rules out is counted under the constraint's text."""
    constraint = {"LTarget": "${meta.ready}", "Operand": "=", "RTarget": "yes"}
    assert _judged(_job(Constraints=[constraint])) == {
        "NodesAvailable": {"dc1": 1},
        "NodesEvaluated": 1,
        "NodesFiltered": 1,
        "ConstraintFiltered": {"${meta.ready} = yes": 1},
    }


@pytest.mark.parametrize(
    ("job", "node"),
    [
        (_job(Datacenters=["eu"]), NODE),
        (_job(), replace(NODE, eligible=False)),
        (_job(), replace(NODE, status="down")),
    ],
    ids=["other-datacenter", "ineligible", "down"],
)
def test_without_a_node_nothing_is_evaluated(job: StoredJob, node: Node) -> None:
    """Where no node may be asked the metrics are empty, as Nomad's."""
    assert _judged(job, node) == {
        "NodesAvailable": {},
        "NodesEvaluated": 0,
        "NodesFiltered": 0,
        "ConstraintFiltered": None,
    }


@pytest.mark.parametrize(
    ("pattern", "fits"), [("*", True), ("dc*", True), ("d?1", False), ("[d]c1", False), ("eu*", False)]
)
def test_datacenters_know_only_the_star(pattern: str, fits: bool) -> None:
    """A datacenter may be named by a pattern with stars."""
    job = _job(Datacenters=[pattern])
    assert (judge(job, job.spec.groups[0], NODE, 0).obstacle is None) == fits
