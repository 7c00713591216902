"""Advice on a job that this node can never run: what to change so that it can be tried here anyway."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dispatchfile.agent.placement import judge, meets, missing_properties
from dispatchfile.agent.records import Constraint, GroupSpec, Node, StoredJob


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """lack: what keeps a group off the node. copy: what a copy of the job that runs here has. flag: what to add."""

    lack: str
    copy: str = ""
    flag: str = ""


def advice_on(job: StoredJob, node: Node) -> str | None:
    """Return one sentence on all that keeps the job off the node for ever; None if the node can run it."""
    obstacles = list(dict.fromkeys(_obstacles(job, node)))
    if not obstacles:
        return None
    flags = dict.fromkeys(f"add {one.flag}" for one in obstacles if one.flag)
    copies = ", ".join(dict.fromkeys(one.copy for one in obstacles if one.copy))
    remedies = [*flags, *([f"use a copy {copies}"] if copies else [])]
    return f"{'; '.join(one.lack for one in obstacles)}: to try the job here, {' and '.join(remedies)}"


def _obstacles(job: StoredJob, node: Node) -> Iterator[_Obstacle]:
    for group in job.spec.groups:
        yield from _of_place(job, group, node)
        missing = sorted({task.driver for task in group.tasks} - node.drivers)
        if missing:
            yield _Obstacle(
                f"the embedded agent has no driver {' or '.join(missing)}",
                'with driver = "raw_exec" and a command of this machine',
            )
        for constraint in _constraints(job, group):
            if not meets(constraint, node):
                yield _Obstacle(f'this machine does not meet "{constraint}"', "without that constraint")
        for constraint in missing_properties(job, group, node):
            yield _Obstacle(f"this machine has no {constraint.left}", "without that constraint")
        yield from _of_resources(group, node)


def _of_resources(group: GroupSpec, node: Node) -> Iterator[_Obstacle]:
    if group.devices:
        yield _Obstacle(f"the embedded agent has no device {' or '.join(group.devices)}", "without devices")
    if 0 < node.cores < group.cores:
        yield _Obstacle(
            f"group {group.name} reserves {group.cores} cores and this machine has {node.cores}", "that reserves less"
        )
    if 0 < node.memory_mb < group.memory_mb:
        yield _Obstacle(
            f"group {group.name} reserves {group.memory_mb} MB of memory and this machine has {node.memory_mb} MB",
            "that reserves less",
        )


def _of_place(job: StoredJob, group: GroupSpec, node: Node) -> Iterator[_Obstacle]:
    pool = job.spec.node_pool
    if pool not in {"all", node.node_pool}:
        yield _Obstacle(f"the embedded agent has no node pool {pool}", "without node_pool")
    if judge(job, group, replace(node, node_pool=pool), 0).obstacle == "pool":
        wanted = job.spec.datacenters[0].replace("*", "1") if job.spec.datacenters else node.datacenter
        yield _Obstacle(f"the embedded agent is in datacenter {node.datacenter}", flag=f"--datacenter {wanted}")


def _constraints(job: StoredJob, group: GroupSpec) -> Iterator[Constraint]:
    yield from job.spec.constraints
    yield from group.constraints
    for task in group.tasks:
        yield from task.constraints
