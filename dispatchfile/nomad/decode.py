"""
JSON values to records. Absent keys and null read as empty; a value of a type that cannot be is a `Misfit`.

Unknown keys are ignored: newer servers may say more.
Source: hashicorp/nomad, api/jobs.go, api/evaluations.go, api/allocations.go, api/tasks.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

from dispatchfile.nomad.models import (
    AgentSelf,
    Alloc,
    ChildrenCounts,
    Dispatched,
    Evaluation,
    GroupCounts,
    Job,
    JobStub,
    JobSummary,
    Parameterized,
    PlacementFailure,
    Policy,
    TaskEvent,
    TaskGroup,
    TaskState,
    TokenSelf,
)

T = TypeVar("T")
Row = Mapping[str, object]


class Misfit(ValueError):
    """The value is not what Nomad says; the message tells where."""


def _kind(value: object) -> str:
    kinds = {bool: "a boolean", str: "a text", dict: "an object", list: "a list", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")


def _text(row: Row, key: str) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if type(value) is not str:
        raise Misfit(f"{key} is {_kind(value)} instead of a text")
    return value


def _int(row: Row, key: str) -> int:
    value = row.get(key)
    if value is None:
        return 0
    if type(value) is not int:  # True is no number here
        raise Misfit(f"{key} is {_kind(value)} instead of a whole number")
    return value


def _bool(row: Row, key: str) -> bool:
    value = row.get(key)
    if value is None:
        return False
    if type(value) is not bool:
        raise Misfit(f"{key} is {_kind(value)} instead of a boolean")
    return value


def _object(row: Row, key: str) -> Row:
    value = row.get(key)
    return {} if value is None else as_object(value, key)


def as_object(value: object, what: str = "the answer") -> Row:
    if type(value) is not dict:
        raise Misfit(f"{what} is {_kind(value)} instead of an object")
    return value


def _list(row: Row, key: str) -> list[object]:
    value = row.get(key)
    return [] if value is None else _as_list(value, key)


def _as_list(value: object, what: str = "the answer") -> list[object]:
    if type(value) is not list:
        raise Misfit(f"{what} is {_kind(value)} instead of a list")
    return value


def _texts(row: Row, key: str) -> tuple[str, ...]:
    return tuple(as_text(value, key) for value in _list(row, key))


def as_text(value: object, what: str = "the answer") -> str:
    if type(value) is not str:
        raise Misfit(f"{what} is {_kind(value)} instead of a text")
    return value


def _text_map(row: Row, key: str) -> dict[str, str]:
    value = _object(row, key)
    return {name: _text(value, name) for name in value}


def _int_map(row: Row, key: str) -> dict[str, int]:
    value = _object(row, key)
    return {name: _int(value, name) for name in value}


def _map(row: Row, key: str, parse: Callable[[Row], T]) -> dict[str, T]:
    return {name: parse(as_object(value, name)) for name, value in _object(row, key).items()}


def parse_rows(value: object, parse: Callable[[Row], T]) -> tuple[T, ...]:
    """A list of objects. null is how Go writes an empty one."""
    return tuple(parse(as_object(row, "a row")) for row in _as_list(value if value is not None else []))


def parse_texts(value: object) -> tuple[str, ...]:
    return tuple(as_text(text, "a row") for text in _as_list(value if value is not None else []))


# Jobs


def parse_job(row: Row) -> Job:
    return Job(
        id=_id(row),
        namespace=_text(row, "Namespace"),
        type=_text(row, "Type"),
        status=_text(row, "Status"),
        stop=_bool(row, "Stop"),
        parent_id=_text(row, "ParentID"),
        dispatched=_bool(row, "Dispatched"),
        token=_text(row, "DispatchIdempotencyToken"),
        priority=_int(row, "Priority"),
        meta=_text_map(row, "Meta"),
        payload=_payload(row),
        parameterized=_parameterized(row),
        periodic=bool(_object(row, "Periodic")),
        groups=tuple(_group(as_object(group, "a group")) for group in _list(row, "TaskGroups")),
        create_index=_int(row, "CreateIndex"),
        modify_index=_int(row, "ModifyIndex"),
        job_modify_index=_int(row, "JobModifyIndex"),
        submit_time_ns=_int(row, "SubmitTime"),
        version=_int(row, "Version"),
        region=_text(row, "Region"),
    )


def _id(row: Row) -> str:
    value = _text(row, "ID")
    if not value:
        raise Misfit("there is no ID")
    return value


def _payload(row: Row) -> bytes:
    try:
        return base64.b64decode(_text(row, "Payload"), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise Misfit("Payload is not base64") from exc


def _parameterized(row: Row) -> Parameterized | None:
    if row.get("ParameterizedJob") is None:
        return None
    block = _object(row, "ParameterizedJob")
    return Parameterized(
        payload=_text(block, "Payload") or "optional",
        meta_required=_texts(block, "MetaRequired"),
        meta_optional=_texts(block, "MetaOptional"),
    )


def _group(row: Row) -> TaskGroup:
    tasks = {_text(task, "Name"): task for task in (as_object(task, "a task") for task in _list(row, "Tasks"))}
    lifecycles = {name: _object(task, "Lifecycle") for name, task in tasks.items()}
    return TaskGroup(
        name=_text(row, "Name"),
        count=_int(row, "Count"),
        tasks=tuple(tasks),
        restart=_policy(_object(row, "RestartPolicy")),
        reschedule=_policy(_object(row, "ReschedulePolicy")),
        lifecycle={name: _text(block, "Hook") for name, block in lifecycles.items() if block},
        sidecars=frozenset(name for name, block in lifecycles.items() if _bool(block, "Sidecar")),
        leaders=frozenset(name for name, task in tasks.items() if _bool(task, "Leader")),
        task_restarts={
            name: _policy(_object(task, "RestartPolicy")) for name, task in tasks.items() if task.get("RestartPolicy")
        },
        max_run_duration_ns=_int(row, "MaxRunDuration"),
    )


def _policy(row: Row) -> Policy:
    return Policy(
        attempts=_int(row, "Attempts"),
        interval_ns=_int(row, "Interval"),
        delay_ns=_int(row, "Delay"),
        mode=_text(row, "Mode"),
        unlimited=_bool(row, "Unlimited"),
    )


def parse_summary(row: Row) -> JobSummary:
    return JobSummary(
        groups=_map(row, "Summary", _counts),
        children=None if row.get("Children") is None else _children(_object(row, "Children")),
        modify_index=_int(row, "ModifyIndex"),
    )


def _children(row: Row) -> ChildrenCounts:
    return ChildrenCounts(pending=_int(row, "Pending"), running=_int(row, "Running"), dead=_int(row, "Dead"))


COUNTS = ("Queued", "Starting", "Running", "Failed", "Complete", "Lost", "Unknown")


def _counts(row: Row) -> GroupCounts:
    return _shared_counts(*[_int(row, key) for key in COUNTS])


@lru_cache(maxsize=256)
def _shared_counts(*counts: int) -> GroupCounts:
    """One record for the many rows of a list that count the same."""
    return GroupCounts(*counts)


def parse_stub(row: Row) -> JobStub:
    return JobStub(
        id=_id(row),
        namespace=_text(row, "Namespace"),
        parent_id=_text(row, "ParentID"),
        type=_text(row, "Type"),
        status=_text(row, "Status"),
        stop=_bool(row, "Stop"),
        parameterized=_bool(row, "ParameterizedJob"),
        periodic=_bool(row, "Periodic"),
        groups=_map(_object(row, "JobSummary"), "Summary", _counts),
        create_index=_int(row, "CreateIndex"),
        modify_index=_int(row, "ModifyIndex"),
        submit_time_ns=_int(row, "SubmitTime"),
        priority=_int(row, "Priority"),
    )


def parse_dispatched(value: object) -> Dispatched:
    row = as_object(value)
    child = _text(row, "DispatchedJobID")
    if not child:
        raise Misfit("there is no DispatchedJobID")
    return Dispatched(
        child=child,
        eval_id=_text(row, "EvalID"),
        eval_create_index=_int(row, "EvalCreateIndex"),
        job_create_index=_int(row, "JobCreateIndex"),
        index=_int(row, "Index"),
    )


# Evaluations


def parse_evaluation(row: Row) -> Evaluation:
    return Evaluation(
        id=_id(row),
        job_id=_text(row, "JobID"),
        namespace=_text(row, "Namespace"),
        status=_text(row, "Status"),
        status_description=_text(row, "StatusDescription"),
        triggered_by=_text(row, "TriggeredBy"),
        next_eval=_text(row, "NextEval"),
        previous_eval=_text(row, "PreviousEval"),
        blocked_eval=_text(row, "BlockedEval"),
        failed_groups=_map(row, "FailedTGAllocs", _placement_failure),
        queued_allocations=_int_map(row, "QueuedAllocations"),
        wait_until=_time(row, "WaitUntil"),
        create_index=_int(row, "CreateIndex"),
        modify_index=_int(row, "ModifyIndex"),
        create_time_ns=_int(row, "CreateTime"),
    )


def _placement_failure(row: Row) -> PlacementFailure:
    return PlacementFailure(
        nodes_evaluated=_int(row, "NodesEvaluated"),
        nodes_filtered=_int(row, "NodesFiltered"),
        nodes_exhausted=_int(row, "NodesExhausted"),
        constraint_filtered=_int_map(row, "ConstraintFiltered"),
        dimension_exhausted=_int_map(row, "DimensionExhausted"),
        class_filtered=_int_map(row, "ClassFiltered"),
        class_exhausted=_int_map(row, "ClassExhausted"),
        nodes_available=_int_map(row, "NodesAvailable"),
        quota_exhausted=_texts(row, "QuotaExhausted"),
        coalesced_failures=_int(row, "CoalescedFailures"),
    )


def _time(row: Row, key: str) -> str:
    """Go's zero time stands for none."""
    text = _text(row, key)
    return "" if text.startswith("0001-01-01T") else text


# Allocations


def parse_alloc(row: Row) -> Alloc:
    return Alloc(
        id=_id(row),
        name=_text(row, "Name"),
        job_id=_text(row, "JobID"),
        namespace=_text(row, "Namespace"),
        eval_id=_text(row, "EvalID"),
        node_id=_text(row, "NodeID"),
        node_name=_text(row, "NodeName"),
        group=_text(row, "TaskGroup"),
        desired_status=_text(row, "DesiredStatus"),
        desired_description=_text(row, "DesiredDescription"),
        client_status=_text(row, "ClientStatus"),
        client_description=_text(row, "ClientDescription"),
        task_states=_map(row, "TaskStates", _task_state),
        next_allocation=_text(row, "NextAllocation"),
        followup_eval_id=_text(row, "FollowupEvalID"),
        preempted_by=_text(row, "PreemptedByAllocation"),
        create_index=_int(row, "CreateIndex"),
        modify_index=_int(row, "ModifyIndex"),
        create_time_ns=_int(row, "CreateTime"),
        modify_time_ns=_int(row, "ModifyTime"),
        job_version=_int(row, "JobVersion") or _int(_object(row, "Job"), "Version"),  # a full allocation has its job
        stopped_by_hand=_is_stopped_by_hand(_object(row, "DesiredTransition")),
    )


def _is_stopped_by_hand(transition: Row) -> bool:
    """
    Return whether somebody stopped the allocation alone: only then Nomad stores these two beside Migrate.

    A drain stores Migrate alone or with MigrateDisablePlacement, a stop of the job at most NoShutdownDelay.
    Source: hashicorp/nomad, nomad/alloc_endpoint.go (Stop) and nomad/drainer/drainer.go (drainAllocs), the same in
    1.6.0, 1.10.5 and 2.0.5, but for Reschedule and MigrateDisablePlacement, which came with 1.11.0.
    """
    asked = transition.get("Reschedule") is not None or transition.get("NoShutdownDelay") is not None
    return asked and _bool(transition, "Migrate")


def _task_state(row: Row) -> TaskState:
    return TaskState(
        state=_text(row, "State"),
        failed=_bool(row, "Failed"),
        restarts=_int(row, "Restarts"),
        started_at=_time(row, "StartedAt"),
        finished_at=_time(row, "FinishedAt"),
        events=tuple(_task_event(as_object(event, "an event")) for event in _list(row, "Events")),
    )


def _task_event(row: Row) -> TaskEvent:
    return TaskEvent(
        type=_text(row, "Type"),
        time_ns=_int(row, "Time"),
        details=_text_map(row, "Details"),
        exit_code=_int(row, "ExitCode"),
        signal=_int(row, "Signal"),
        message=_text(row, "Message"),
        display_message=_text(row, "DisplayMessage"),
    )


# The agent and the token


DEFAULT_HIGHEST_PRIORITY = 100


def parse_agent(value: object) -> AgentSelf:
    row = as_object(value)
    config = _object(row, "config")
    server = _object(config, "Server")
    is_server = _bool(server, "Enabled")
    return AgentSelf(
        version=_text(_object(config, "Version"), "Version") or _text(_object(_object(row, "member"), "Tags"), "build"),
        region=_text(config, "Region"),
        datacenter=_text(config, "Datacenter"),
        is_server=is_server,
        acl_enabled=_bool(_object(config, "ACL"), "Enabled"),
        max_connections=_int(_object(config, "Limits"), "HTTPMaxConnsPerClient"),
        highest_priority=(_int(server, "JobMaxPriority") or DEFAULT_HIGHEST_PRIORITY) if is_server else None,
    )


def parse_token(value: object) -> TokenSelf:
    row = as_object(value)
    return TokenSelf(
        accessor_id=_text(row, "AccessorID"),
        name=_text(row, "Name"),
        type=_text(row, "Type"),
        policies=_texts(row, "Policies"),
        roles=tuple(_text(as_object(role, "a role"), "Name") for role in _list(row, "Roles")),
        expiration_time=_time(row, "ExpirationTime"),
    )
