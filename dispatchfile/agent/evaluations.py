"""New evaluations, as Nomad makes them. Source: hashicorp/nomad, nomad/structs/structs.go."""

import uuid

from dispatchfile.agent.plans import SchedulerPlan
from dispatchfile.agent.records import Node, StoredEvaluation, StoredJob


def evaluation_of(
    job: StoredJob, triggered_by: str, now: int, *, kind: str = "", job_modify_index: int = 0, node: Node | None = None
) -> StoredEvaluation:
    """An evaluation of a job; *node*: whose change made it."""
    return StoredEvaluation(
        id=str(uuid.uuid4()),
        namespace=job.namespace,
        job_id=job.id,
        type=kind or job.spec.type,
        priority=job.priority,
        triggered_by=triggered_by,
        create_time=now,
        modify_time=now,
        job_modify_index=job_modify_index,
        node_id=node.id if node else "",
        node_modify_index=node.modify_index if node else 0,
    )


def blocked_evaluation(
    evaluation: StoredEvaluation, plan: SchedulerPlan, node: Node, snapshot: int, now: int
) -> StoredEvaluation:
    """The one that waits for what *evaluation* could not place."""
    eligibility = {node.computed_class: "class" not in plan.obstacles}
    return StoredEvaluation(
        id=str(uuid.uuid4()),
        namespace=evaluation.namespace,
        job_id=evaluation.job_id,
        type=evaluation.type,
        priority=evaluation.priority,
        triggered_by="queued-allocs",
        status="blocked",
        status_description="created to place remaining allocations",
        create_time=now,
        modify_time=now,
        job_modify_index=evaluation.job_modify_index,
        snapshot_index=snapshot,
        previous_eval=evaluation.id,
        failed=plan.failed,
        class_eligibility=None if plan.obstacles & {"node", "pool"} else eligibility,
    )


def followup_evaluation(
    evaluation: StoredEvaluation, job: StoredJob, due: int, snapshot: int, now: int
) -> StoredEvaluation:
    """The one that tries a failed allocation again at a later time."""
    return StoredEvaluation(
        id=str(uuid.uuid4()),
        namespace=job.namespace,
        job_id=job.id,
        type=job.spec.type,
        priority=evaluation.priority,
        triggered_by="alloc-reschedule",
        status_description="created for delayed rescheduling",
        create_time=now,
        modify_time=now,
        job_modify_index=job.modify_index,
        snapshot_index=snapshot,
        previous_eval=evaluation.id,
        wait_until=due,
    )
