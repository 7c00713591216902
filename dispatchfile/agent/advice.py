"""What to change in a job that this node can never run, so that it can be tried here anyway."""

from collections.abc import Iterator, Mapping

from dispatchfile.agent.placement import NEVER_HERE, judge
from dispatchfile.agent.records import Group, Job, Node


def advice_on(job: Job, node: Node) -> str | None:
    """One sentence for the first group that the node can never run; None if it can run all of them."""
    return next(_sentences(job, node), None)


def _sentences(job: Job, node: Node) -> Iterator[str]:
    for group in job.spec.groups:
        answer = judge(job, group, node, 0)
        if answer.obstacle == "class":
            yield _about_class(group, node, answer.metrics["ConstraintFiltered"])
        elif answer.obstacle == "memory":
            yield (
                f"group {group.name} reserves {group.memory_mb} MB of memory and this machine has {node.memory_mb} MB: "
                "to try the job here, use a copy that reserves less"
            )
        elif answer.obstacle in NEVER_HERE:
            yield _about_pool(job, node)


def _about_class(group: Group, node: Node, filtered: object) -> str:
    reason = next(iter(filtered)) if isinstance(filtered, Mapping) else ""
    if reason != "missing drivers":
        return f'this machine does not meet "{reason}": to try the job here, use a copy without that constraint'
    missing = sorted({task.driver for task in group.tasks} - node.drivers)
    return (
        f"the embedded agent has no driver {' or '.join(missing)}: to try the job here, use a copy with "
        'driver = "raw_exec" and a command of this machine'
    )


def _about_pool(job: Job, node: Node) -> str:
    if job.spec.node_pool not in {"all", node.node_pool}:
        return f"the embedded agent has no node pool {job.spec.node_pool}: to try the job here, use a copy without it"
    wanted = job.spec.datacenters[0].replace("*", "1") if job.spec.datacenters else node.datacenter
    return f"the embedded agent is in datacenter {node.datacenter}: to try the job here, add --datacenter {wanted}"
