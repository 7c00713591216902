"""
JSON values to records. Absent keys and null read as empty; a value of a type that cannot be is a `Misfit`.

Unknown keys are ignored: newer servers may say more.
Source: hashicorp/nomad, api/jobs.go, api/evaluations.go, api/allocations.go, api/tasks.go.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

from dispatchfile.nomad.fields import (
    Misfit,
    Row,
    as_object,
    as_text,
    bool_at,
    int_at,
    int_map_at,
    list_at,
    map_at,
    object_at,
    parse_rows,
    parse_texts,
    text_at,
    text_map_at,
    texts_at,
    time_at,
)
from dispatchfile.nomad.models import (
    AgentSelf,
    Alloc,
    ChildrenCounts,
    Dispatched,
    Evaluation,
    FailurePolicy,
    GroupCounts,
    Job,
    JobStub,
    JobSummary,
    Parameterized,
    PlacementFailure,
    TaskEvent,
    TaskGroup,
    TaskState,
    TokenSelf,
)
from dispatchfile.nomad.rules import parse_rules

__all__ = [
    "Misfit",
    "Row",
    "as_object",
    "as_text",
    "parse_agent",
    "parse_alloc",
    "parse_dispatched",
    "parse_evaluation",
    "parse_job",
    "parse_rows",
    "parse_stub",
    "parse_summary",
    "parse_texts",
    "parse_token",
]

# Jobs


def parse_job(row: Row) -> Job:
    return Job(
        id=_id(row),
        namespace=text_at(row, "Namespace"),
        type=text_at(row, "Type"),
        status=text_at(row, "Status"),
        stop=bool_at(row, "Stop"),
        parent_id=text_at(row, "ParentID"),
        dispatched=bool_at(row, "Dispatched"),
        token=text_at(row, "DispatchIdempotencyToken"),
        priority=int_at(row, "Priority"),
        meta=text_map_at(row, "Meta"),
        payload=_payload(row),
        parameterized=_parameterized(row),
        periodic=bool(object_at(row, "Periodic")),
        groups=tuple(_group(as_object(group, "a group")) for group in list_at(row, "TaskGroups")),
        create_index=int_at(row, "CreateIndex"),
        modify_index=int_at(row, "ModifyIndex"),
        job_modify_index=int_at(row, "JobModifyIndex"),
        submit_time_ns=int_at(row, "SubmitTime"),
        version=int_at(row, "Version"),
        region=text_at(row, "Region"),
        datacenters=texts_at(row, "Datacenters"),
        rules=parse_rules(row),
    )


def _id(row: Row) -> str:
    value = text_at(row, "ID")
    if not value:
        raise Misfit("there is no ID")
    return value


def _payload(row: Row) -> bytes:
    try:
        return base64.b64decode(text_at(row, "Payload"), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise Misfit("Payload is not base64") from exc


def _parameterized(row: Row) -> Parameterized | None:
    if row.get("ParameterizedJob") is None:
        return None
    block = object_at(row, "ParameterizedJob")
    return Parameterized(
        payload=text_at(block, "Payload") or "optional",
        meta_required=texts_at(block, "MetaRequired"),
        meta_optional=texts_at(block, "MetaOptional"),
    )


def _group(row: Row) -> TaskGroup:
    tasks = {text_at(task, "Name"): task for task in (as_object(task, "a task") for task in list_at(row, "Tasks"))}
    lifecycles = {name: object_at(task, "Lifecycle") for name, task in tasks.items()}
    return TaskGroup(
        name=text_at(row, "Name"),
        count=int_at(row, "Count"),
        tasks=tuple(tasks),
        restart=_policy(object_at(row, "RestartPolicy")),
        reschedule=_policy(object_at(row, "ReschedulePolicy")),
        lifecycle={name: text_at(block, "Hook") for name, block in lifecycles.items() if block},
        leaders=frozenset(name for name, task in tasks.items() if bool_at(task, "Leader")),
        task_restarts={
            name: _policy(object_at(task, "RestartPolicy")) for name, task in tasks.items() if task.get("RestartPolicy")
        },
        meta=text_map_at(row, "Meta"),
        task_meta={name: text_map_at(task, "Meta") for name, task in tasks.items() if task.get("Meta")},
    )


def _policy(row: Row) -> FailurePolicy:
    return FailurePolicy(
        attempts=int_at(row, "Attempts"),
        interval_ns=int_at(row, "Interval"),
        delay_ns=int_at(row, "Delay"),
        mode=text_at(row, "Mode"),
        unlimited=bool_at(row, "Unlimited"),
    )


def parse_summary(row: Row) -> JobSummary:
    return JobSummary(
        groups=map_at(row, "Summary", _counts),
        children=None if row.get("Children") is None else _children(object_at(row, "Children")),
        modify_index=int_at(row, "ModifyIndex"),
    )


def _children(row: Row) -> ChildrenCounts:
    return ChildrenCounts(pending=int_at(row, "Pending"), running=int_at(row, "Running"), dead=int_at(row, "Dead"))


COUNTS = ("Queued", "Starting", "Running", "Failed", "Complete", "Lost", "Unknown")


def _counts(row: Row) -> GroupCounts:
    return _shared_counts(*[int_at(row, key) for key in COUNTS])


@lru_cache(maxsize=256)
def _shared_counts(*counts: int) -> GroupCounts:
    """Return one record for the many rows of a list that have the same counts."""
    return GroupCounts(*counts)


def parse_stub(row: Row) -> JobStub:
    return JobStub(
        id=_id(row),
        namespace=text_at(row, "Namespace"),
        parent_id=text_at(row, "ParentID"),
        type=text_at(row, "Type"),
        status=text_at(row, "Status"),
        stop=bool_at(row, "Stop"),
        parameterized=bool_at(row, "ParameterizedJob"),
        periodic=bool_at(row, "Periodic"),
        groups=map_at(object_at(row, "JobSummary"), "Summary", _counts),
        create_index=int_at(row, "CreateIndex"),
        modify_index=int_at(row, "ModifyIndex"),
        submit_time_ns=int_at(row, "SubmitTime"),
        priority=int_at(row, "Priority"),
    )


def parse_dispatched(value: object) -> Dispatched:
    row = as_object(value)
    child = text_at(row, "DispatchedJobID")
    if not child:
        raise Misfit("there is no DispatchedJobID")
    return Dispatched(
        child=child,
        eval_id=text_at(row, "EvalID"),
        job_create_index=int_at(row, "JobCreateIndex"),
        index=int_at(row, "Index"),
    )


# Evaluations


def parse_evaluation(row: Row) -> Evaluation:
    return Evaluation(
        id=_id(row),
        job_id=text_at(row, "JobID"),
        namespace=text_at(row, "Namespace"),
        status=text_at(row, "Status"),
        status_description=text_at(row, "StatusDescription"),
        triggered_by=text_at(row, "TriggeredBy"),
        next_eval=text_at(row, "NextEval"),
        previous_eval=text_at(row, "PreviousEval"),
        blocked_eval=text_at(row, "BlockedEval"),
        failed_groups=map_at(row, "FailedTGAllocs", _placement_failure),
        wait_until=time_at(row, "WaitUntil"),
        create_index=int_at(row, "CreateIndex"),
        modify_index=int_at(row, "ModifyIndex"),
        create_time_ns=int_at(row, "CreateTime"),
    )


def _placement_failure(row: Row) -> PlacementFailure:
    return PlacementFailure(
        nodes_evaluated=int_at(row, "NodesEvaluated"),
        nodes_filtered=int_at(row, "NodesFiltered"),
        nodes_exhausted=int_at(row, "NodesExhausted"),
        constraint_filtered=int_map_at(row, "ConstraintFiltered"),
        dimension_exhausted=int_map_at(row, "DimensionExhausted"),
        class_filtered=int_map_at(row, "ClassFiltered"),
        class_exhausted=int_map_at(row, "ClassExhausted"),
        nodes_available=int_map_at(row, "NodesAvailable"),
        quota_exhausted=texts_at(row, "QuotaExhausted"),
        coalesced_failures=int_at(row, "CoalescedFailures"),
    )


# Allocations


def parse_alloc(row: Row) -> Alloc:
    return Alloc(
        id=_id(row),
        name=text_at(row, "Name"),
        job_id=text_at(row, "JobID"),
        namespace=text_at(row, "Namespace"),
        eval_id=text_at(row, "EvalID"),
        node_id=text_at(row, "NodeID"),
        node_name=text_at(row, "NodeName"),
        group=text_at(row, "TaskGroup"),
        desired_status=text_at(row, "DesiredStatus"),
        desired_description=text_at(row, "DesiredDescription"),
        client_status=text_at(row, "ClientStatus"),
        client_description=text_at(row, "ClientDescription"),
        task_states=map_at(row, "TaskStates", _task_state),
        next_allocation=text_at(row, "NextAllocation"),
        preempted_by=text_at(row, "PreemptedByAllocation"),
        create_index=int_at(row, "CreateIndex"),
        modify_index=int_at(row, "ModifyIndex"),
        create_time_ns=int_at(row, "CreateTime"),
        stopped_by_hand=_is_stopped_by_hand(object_at(row, "DesiredTransition")),
    )


def _is_stopped_by_hand(transition: Row) -> bool:
    """
    Return whether somebody stopped the allocation alone: only then Nomad stores these two beside Migrate.

    A drain stores Migrate alone or with MigrateDisablePlacement, a stop of the job at most NoShutdownDelay.
    Source: hashicorp/nomad, nomad/alloc_endpoint.go (Stop) and nomad/drainer/drainer.go (drainAllocs), the same in
    1.6.0, 1.10.5 and 2.0.5, but for Reschedule and MigrateDisablePlacement, which came with 1.11.0.
    """
    asked = transition.get("Reschedule") is not None or transition.get("NoShutdownDelay") is not None
    return asked and bool_at(transition, "Migrate")


def _task_state(row: Row) -> TaskState:
    return TaskState(
        state=text_at(row, "State"),
        failed=bool_at(row, "Failed"),
        restarts=int_at(row, "Restarts"),
        started_at=time_at(row, "StartedAt"),
        finished_at=time_at(row, "FinishedAt"),
        events=tuple(_task_event(as_object(event, "an event")) for event in list_at(row, "Events")),
    )


def _task_event(row: Row) -> TaskEvent:
    return TaskEvent(
        type=text_at(row, "Type"),
        time_ns=int_at(row, "Time"),
        details=text_map_at(row, "Details"),
        exit_code=int_at(row, "ExitCode"),
        signal=int_at(row, "Signal"),
        message=text_at(row, "Message"),
        display_message=text_at(row, "DisplayMessage"),
    )


# The agent and the token


DEFAULT_HIGHEST_PRIORITY = 100


def parse_agent(value: object) -> AgentSelf:
    row = as_object(value)
    config = object_at(row, "config")
    server = object_at(config, "Server")
    is_server = bool_at(server, "Enabled")
    return AgentSelf(
        version=text_at(object_at(config, "Version"), "Version")
        or text_at(object_at(object_at(row, "member"), "Tags"), "build"),
        region=text_at(config, "Region"),
        datacenter=text_at(config, "Datacenter"),
        is_server=is_server,
        max_connections=int_at(object_at(config, "Limits"), "HTTPMaxConnsPerClient"),
        highest_priority=(int_at(server, "JobMaxPriority") or DEFAULT_HIGHEST_PRIORITY) if is_server else None,
    )


def parse_token(value: object) -> TokenSelf:
    row = as_object(value)
    return TokenSelf(
        accessor_id=text_at(row, "AccessorID"),
        name=text_at(row, "Name"),
        type=text_at(row, "Type"),
        policies=texts_at(row, "Policies"),
        roles=tuple(text_at(as_object(role, "a role"), "Name") for role in list_at(row, "Roles")),
        expiration_time=time_at(row, "ExpirationTime"),
    )
