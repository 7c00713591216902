"""
Records as Nomad's API shows them.

Jobs and the rows of lists have every key, empty or not; whole evaluations and allocations leave out what is
empty (observed on 2.0.5). Filters see a record with all its keys: `eval_fields` and `alloc_fields`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from dispatchfile.agent.records import (
    Allocation,
    GroupSpec,
    StoredEvaluation,
    StoredJob,
    StoredSummary,
    TaskGroupSummary,
    Transition,
)

View = dict[str, object]

_UPDATE_KINDS: Final = (
    "Canary",
    "DestructiveUpdate",
    "Disconnect",
    "Ignore",
    "InPlaceUpdate",
    "Migrate",
    "Place",
    "Preemptions",
    "Reconnect",
    "RescheduleLater",
    "RescheduleNow",
    "Stop",
)
_NO_NETWORK: Final = {"Address": "", "AddressIPv6": "", "DNS": None, "InterfaceName": ""}
_ALLOC_STUB_KEYS: Final = (
    "ID",
    "EvalID",
    "Name",
    "Namespace",
    "NodeID",
    "NodeName",
    "JobID",
    "TaskGroup",
    "DesiredStatus",
    "DesiredDescription",
    "ClientStatus",
    "ClientDescription",
    "DeploymentStatus",
    "FollowupEvalID",
    "NextAllocation",
    "RescheduleTracker",
    "PreemptedAllocations",
    "PreemptedByAllocation",
    "CreateIndex",
    "ModifyIndex",
    "CreateTime",
    "ModifyTime",
)


def rfc3339(time_ns: int) -> str:
    """A time as Go writes it: UTC, up to nine digits behind the second, no trailing zeros."""
    seconds, rest = divmod(time_ns, 10**9)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def job_view(job: StoredJob) -> View:
    return {
        **job.spec.document,
        "CreateIndex": job.create_index,
        "DispatchIdempotencyToken": job.token,
        "Dispatched": job.dispatched,
        "ID": job.id,
        "JobModifyIndex": job.job_modify_index,
        "Meta": job.meta,
        "ModifyIndex": job.modify_index,
        "Name": job.name,
        "Namespace": job.namespace,
        "ParentID": job.parent_id,
        "Payload": job.payload,
        "Priority": job.priority,
        "Status": job.status,
        "Stop": job.stop,
        "SubmitTime": job.submit_time,
        "Version": job.version,
    }


def job_stub(job: StoredJob, summary: StoredSummary | None, *, with_meta: bool = False) -> View:
    """A row of a list: neither payload nor token, the meta only on request."""
    stub: View = {
        "CreateIndex": job.create_index,
        "Datacenters": list(job.spec.datacenters),
        "ID": job.id,
        "JobModifyIndex": job.job_modify_index,
        "JobSummary": None if summary is None else summary_view(summary),
        "ModifyIndex": job.modify_index,
        "Multiregion": None,
        "Name": job.name,
        "Namespace": job.namespace,
        "NodePool": job.spec.node_pool,
        "ParameterizedJob": job.is_parameterized,
        "ParentID": job.parent_id,
        "Periodic": job.spec.periodic,
        "Priority": job.priority,
        "Status": job.status,
        "StatusDescription": "",
        "Stop": job.stop,
        "SubmitTime": job.submit_time,
        "Type": job.spec.type,
    }
    return {**stub, "Meta": job.meta} if with_meta else stub


def summary_view(summary: StoredSummary) -> View:
    children = summary.children
    return {
        "Children": {
            "Dead": children.get("dead", 0),
            "Pending": children.get("pending", 0),
            "Running": children.get("running", 0),
        },
        "CreateIndex": summary.create_index,
        "JobID": summary.job_id,
        "ModifyIndex": summary.modify_index,
        "Namespace": summary.namespace,
        "Summary": {name: _counts_view(counts) for name, counts in summary.groups.items()},
    }


def _counts_view(counts: TaskGroupSummary) -> View:
    return {
        "Complete": counts.complete,
        "Failed": counts.failed,
        "Lost": counts.lost,
        "Queued": counts.queued,
        "Running": counts.running,
        "Starting": counts.starting,
        "Unknown": 0,
    }


def eval_fields(evaluation: StoredEvaluation) -> View:
    updates = evaluation.updates
    return {
        "BlockedEval": evaluation.blocked_eval,
        "ClassEligibility": evaluation.class_eligibility,
        "CreateIndex": evaluation.create_index,
        "CreateTime": evaluation.create_time,
        "DeploymentID": "",
        "FailedTGAllocs": evaluation.failed,
        "ID": evaluation.id,
        "JobID": evaluation.job_id,
        "JobModifyIndex": evaluation.job_modify_index,
        "ModifyIndex": evaluation.modify_index,
        "ModifyTime": evaluation.modify_time,
        "Namespace": evaluation.namespace,
        "NextEval": evaluation.next_eval,
        "NodeID": evaluation.node_id,
        "NodeModifyIndex": evaluation.node_modify_index,
        "PlanAnnotations": None if updates is None else annotations_view(updates),
        "PreviousEval": evaluation.previous_eval,
        "Priority": evaluation.priority,
        "QueuedAllocations": evaluation.queued,
        "SnapshotIndex": evaluation.snapshot_index,
        "Status": evaluation.status,
        "StatusDescription": evaluation.status_description,
        "TriggeredBy": evaluation.triggered_by,
        "Type": evaluation.type,
        "WaitUntil": rfc3339(evaluation.wait_until) if evaluation.wait_until else "",
    }


def eval_view(evaluation: StoredEvaluation, related: Iterable[StoredEvaluation] | None = None) -> View:
    """related: the evaluations that are connected with this one, for `?related=true`."""
    view = _without_empty(eval_fields(evaluation))
    stubs = [eval_stub(other) for other in related or ()]
    return {**view, "RelatedEvals": stubs} if stubs else view


def eval_stub(evaluation: StoredEvaluation) -> View:
    fields = eval_fields(evaluation)
    keys = (
        "ID",
        "Priority",
        "Type",
        "TriggeredBy",
        "Namespace",
        "JobID",
        "NodeID",
        "DeploymentID",
        "Status",
        "StatusDescription",
        "NextEval",
        "PreviousEval",
        "BlockedEval",
        "CreateIndex",
        "ModifyIndex",
        "CreateTime",
        "ModifyTime",
    )
    wait_until = fields["WaitUntil"] or "0001-01-01T00:00:00Z"
    return {**{key: fields[key] for key in keys}, "WaitUntil": wait_until}


def annotations_view(updates: Mapping[str, Mapping[str, int]]) -> View:
    counts = {name: {kind: change.get(kind, 0) for kind in _UPDATE_KINDS} for name, change in updates.items()}
    return {"DesiredTGUpdates": counts, "PreemptedAllocs": None}


def alloc_fields(alloc: Allocation) -> View:
    """Every field but the job and the resources, empty or not."""
    return {
        "AllocModifyIndex": alloc.alloc_modify_index,
        "ClientDescription": alloc.client_description,
        "ClientStatus": alloc.client_status,
        "CreateIndex": alloc.create_index,
        "CreateTime": alloc.create_time,
        "DeploymentID": "",
        "DeploymentStatus": None,
        "DesiredDescription": alloc.desired_description,
        "DesiredStatus": alloc.desired_status,
        "DesiredTransition": None if alloc.transition is None else _transition_view(alloc.transition),
        "EvalID": alloc.eval_id,
        "FollowupEvalID": alloc.followup_eval,
        "ID": alloc.id,
        "JobID": alloc.job.id,
        "Metrics": alloc.metrics,
        "ModifyIndex": alloc.modify_index,
        "ModifyTime": alloc.modify_time,
        "Name": alloc.name,
        "Namespace": alloc.job.namespace,
        "NetworkStatus": _NO_NETWORK if alloc.client_status != "pending" else None,
        "NextAllocation": alloc.next_allocation,
        "NodeID": alloc.node_id,
        "NodeName": alloc.node_name,
        "PreemptedAllocations": None,
        "PreemptedByAllocation": "",
        "PreviousAllocation": alloc.previous_allocation,
        "RescheduleTracker": _tracker_view(alloc),
        "TaskGroup": alloc.group,
        "TaskStates": alloc.task_states,
    }


def filterable_alloc(alloc: Allocation) -> View:
    """The whole allocation, as a filter sees it."""
    return {**alloc_fields(alloc), "Job": job_view(alloc.job)}


def alloc_view(alloc: Allocation, *, with_job: bool = True) -> View:
    group = alloc.job.spec.group(alloc.group)
    view = _without_empty(alloc_fields(alloc))
    if group is not None:
        view.update(_resources_view(group))
    if with_job:
        view["Job"] = job_view(alloc.job)
    return view


def alloc_stub(alloc: Allocation, *, with_task_states: bool = True, with_resources: bool = False) -> View:
    fields = alloc_fields(alloc)
    group = alloc.job.spec.group(alloc.group) if with_resources else None
    resources: View = {"AllocatedResources": _resources_view(group)["AllocatedResources"]} if group else {}
    return {
        **resources,
        **{key: fields[key] for key in _ALLOC_STUB_KEYS},
        "DesiredTransition": _transition_view(alloc.transition or Transition()),
        "JobType": alloc.job.spec.type,
        "JobVersion": alloc.job.version,
        "TaskStates": alloc.task_states if with_task_states else None,
    }


def _without_empty(fields: View) -> View:
    return {key: value for key, value in fields.items() if value}


def _transition_view(transition: Transition) -> View:
    return {
        "ForceReschedule": transition.force_reschedule,
        "Migrate": transition.migrate,
        "MigrateDisablePlacement": transition.migrate_disable_placement,
        "NoShutdownDelay": transition.no_shutdown_delay,
        "Reschedule": transition.reschedule,
    }


def _tracker_view(alloc: Allocation) -> View | None:
    if not alloc.reschedules and not alloc.last_reschedule:
        return None
    events = [
        {
            "Delay": event.delay_ns,
            "PrevAllocID": event.previous_alloc,
            "PrevNodeID": event.previous_node,
            "RescheduleTime": event.time,
        }
        for event in alloc.reschedules
    ]
    return {"Events": events or None, "LastReschedule": alloc.last_reschedule}


def _resources_view(group: GroupSpec) -> View:
    """Return the resources of the allocation, in the three forms that Nomad keeps."""
    cpu = sum(task.cpu for task in group.tasks)
    memory = sum(task.memory_mb for task in group.tasks)
    allocated = {
        task.name: {
            "Cpu": {"CpuShares": task.cpu, "ReservedCores": None},
            "Devices": None,
            "Memory": {"MemoryMB": task.memory_mb, "MemoryMaxMB": task.memory_max_mb},
            "Networks": None,
        }
        for task in group.tasks
    }
    return {
        "AllocatedResources": {
            "Shared": {"DiskMB": group.disk_mb, "Networks": None, "Ports": None},
            "TaskLifecycles": {task.name: task.lifecycle for task in group.tasks},
            "Tasks": allocated,
        },
        "Resources": resources_view(cpu=cpu, memory_mb=memory, memory_max_mb=memory, disk_mb=group.disk_mb),
        "SharedResources": resources_view(disk_mb=group.disk_mb),
        "TaskResources": {
            task.name: resources_view(cpu=task.cpu, memory_mb=task.memory_mb, memory_max_mb=task.memory_max_mb)
            for task in group.tasks
        },
    }


def resources_view(*, cpu: int = 0, memory_mb: int = 0, memory_max_mb: int = 0, disk_mb: int = 0) -> View:
    return {
        "CPU": cpu,
        "Cores": 0,
        "Devices": None,
        "DiskMB": disk_mb,
        "IOPS": 0,
        "MemoryMB": memory_mb,
        "MemoryMaxMB": memory_max_mb,
        "NUMA": None,
        "Networks": None,
        "SecretsMB": 0,
    }


def status_row(job: StoredJob, allocs: Iterable[Allocation], children: Sequence[str] | None) -> View:
    """A row of /v1/jobs/statuses. children: the statuses of a parent's children, None for other jobs."""
    rows = [
        {
            "ClientStatus": alloc.client_status,
            "DeploymentStatus": {"Canary": False, "Healthy": None},
            "FollowupEvalID": alloc.followup_eval,
            "Group": alloc.group,
            "HasPausedTask": False,
            "ID": alloc.id,
            "JobVersion": alloc.job.version,
            "NodeID": alloc.node_id,
        }
        for alloc in allocs
    ]
    return {
        "Allocs": rows or None,
        "ChildStatuses": None if children is None else list(children),
        "Datacenters": list(job.spec.datacenters),
        "GroupCountSum": sum(group.count for group in job.spec.groups),
        "ID": job.id,
        "IsPack": False,
        "LatestDeployment": None,
        "ModifyIndex": job.modify_index,
        "Name": job.name,
        "Namespace": job.namespace,
        "NodePool": job.spec.node_pool,
        "ParentID": job.parent_id,
        "Priority": job.priority,
        "Status": job.status,
        "Stop": job.stop,
        "SubmitTime": job.submit_time,
        "Type": job.spec.type,
        "Version": job.version,
    }
