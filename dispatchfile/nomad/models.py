"""
Nomad's records, frozen and no larger than needed. Names and wire values are Nomad's, in snake case.

Times are integer nanoseconds since the epoch, as on the wire; absent and null values read as empty.
Source: hashicorp/nomad, api/jobs.go, api/evaluations.go, api/allocations.go, api/tasks.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Generic, TypeVar

from dispatchfile.record import record

T = TypeVar("T")


@record
class FailurePolicy:
    """A restart or reschedule policy. *attempts* in *interval_ns*; a reschedule policy may be unlimited."""

    attempts: int = 0
    interval_ns: int = 0
    delay_ns: int = 0
    mode: str = ""  # restart only: "fail" or "delay"
    unlimited: bool = False  # reschedule only


@record
class TaskGroup:
    """A group of a job: how many allocations, and how often each may start."""

    name: str
    count: int
    tasks: tuple[str, ...] = ()
    restart: FailurePolicy = FailurePolicy()
    reschedule: FailurePolicy = FailurePolicy()
    lifecycle: Mapping[str, str] = field(default_factory=dict)  # task -> "prestart", "poststart", "poststop"
    leaders: frozenset[str] = frozenset()
    task_restarts: Mapping[str, FailurePolicy] = field(
        default_factory=dict
    )  # task -> its own policy, which beats the group's
    meta: Mapping[str, str] = field(default_factory=dict)
    task_meta: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # task -> its own, which beats the group's


@record
class PlacementRule:
    """A constraint, affinity or spread of a job, or of a part of it."""

    kind: str  # "constraint", "affinity" or "spread"
    part: str  # "", "group g" or "task t of group g"
    left: str
    operand: str = ""
    right: str = ""
    of_device: bool = False  # compares a node's devices instead of nodes

    def __str__(self) -> str:
        return " ".join(filter(None, (self.left, self.operand, self.right)))


@record
class Parameterized:
    """The requirements of a parameterized job for a dispatch."""

    payload: str = "optional"  # "optional", "required" or "forbidden"
    meta_required: tuple[str, ...] = ()
    meta_optional: tuple[str, ...] = ()


@record
class Job:
    """A job in full: a parent or a child."""

    id: str
    namespace: str
    type: str  # "batch" or "sysbatch" where it can be dispatched
    status: str  # "pending", "running" or "dead"
    stop: bool
    parent_id: str
    dispatched: bool
    token: str  # DispatchIdempotencyToken
    priority: int
    meta: Mapping[str, str]
    payload: bytes
    parameterized: Parameterized | None
    periodic: bool
    groups: tuple[TaskGroup, ...]
    create_index: int
    modify_index: int
    job_modify_index: int
    submit_time_ns: int
    version: int
    region: str = ""
    datacenters: tuple[str, ...] = ()
    rules: tuple[PlacementRule, ...] = ()


@record
class GroupCounts:
    """Allocations of a group, as the job's summary counts them."""

    queued: int = 0
    starting: int = 0
    running: int = 0
    failed: int = 0
    complete: int = 0
    lost: int = 0
    unknown: int = 0


@record
class ChildrenCounts:
    """Children of a parameterized job, all ever made: collection and purging never lower the total."""

    pending: int = 0
    running: int = 0
    dead: int = 0

    @property
    def total(self) -> int:
        return self.pending + self.running + self.dead


@record
class JobSummary:
    """The counts of a job's groups and, for a parameterized job, of its children."""

    groups: Mapping[str, GroupCounts]
    children: ChildrenCounts | None
    modify_index: int = 0  # of the last change that is counted


@record
class JobStub:
    """A row of the job list."""

    id: str
    namespace: str
    parent_id: str
    type: str
    status: str
    stop: bool
    parameterized: bool
    periodic: bool
    groups: Mapping[str, GroupCounts]
    create_index: int
    modify_index: int
    submit_time_ns: int
    priority: int = 0


@record
class PlacementFailure:
    """Why a group's allocations found no node (one of FailedTGAllocs)."""

    nodes_evaluated: int = 0
    nodes_filtered: int = 0
    nodes_exhausted: int = 0
    constraint_filtered: Mapping[str, int] = field(default_factory=dict)
    dimension_exhausted: Mapping[str, int] = field(default_factory=dict)
    class_filtered: Mapping[str, int] = field(default_factory=dict)
    class_exhausted: Mapping[str, int] = field(default_factory=dict)
    nodes_available: Mapping[str, int] = field(default_factory=dict)  # by datacenter
    quota_exhausted: tuple[str, ...] = ()
    coalesced_failures: int = 0


@record
class Evaluation:
    """An evaluation in full."""

    id: str
    job_id: str
    namespace: str
    status: str  # "pending", "blocked", "complete", "failed" or "canceled"
    status_description: str
    triggered_by: str
    next_eval: str
    previous_eval: str
    blocked_eval: str
    failed_groups: Mapping[str, PlacementFailure]  # FailedTGAllocs
    wait_until: str  # RFC 3339, empty where it does not wait
    create_index: int
    modify_index: int
    create_time_ns: int = 0


@record
class TaskEvent:
    """An event of a task. Nomad keeps the last ten."""

    type: str
    time_ns: int
    details: Mapping[str, str]
    exit_code: int
    signal: int
    message: str = ""
    display_message: str = ""


@record
class TaskState:
    """The state of a task."""

    state: str  # "pending", "running" or "dead"
    failed: bool
    restarts: int
    started_at: str  # RFC 3339, empty where it never started
    finished_at: str
    events: tuple[TaskEvent, ...]


@record
class Alloc:
    """An allocation, as a list gives it (task states included)."""

    id: str
    name: str  # "<job>.<group>[<n>]"
    job_id: str
    namespace: str
    eval_id: str
    node_id: str
    node_name: str
    group: str
    desired_status: str  # "run", "stop" or "evict"
    desired_description: str
    client_status: str  # "pending", "running", "complete", "failed", "lost" or "unknown"
    client_description: str
    task_states: Mapping[str, TaskState]
    next_allocation: str
    preempted_by: str  # PreemptedByAllocation
    create_index: int
    modify_index: int
    create_time_ns: int
    stopped_by_hand: bool = False  # somebody stopped this allocation alone, as `nomad alloc stop` does


@record
class Dispatched:
    """The answer to a dispatch."""

    child: str  # DispatchedJobID, never empty
    eval_id: str  # empty: a token hit, or a periodic parent
    job_create_index: int
    index: int

    @property
    def is_hit(self) -> bool:
        """
        Proof that Nomad already had the child.

        A hit's index is the old job's ModifyIndex; equality proves nothing: a hit on a periodic child has equal
        indexes.
        """
        return not self.eval_id and self.index > self.job_create_index


@record
class AgentSelf:
    """The agent that answers, as it describes itself to tokens with agent:read."""

    version: str  # "2.0.5", "1.10.5+ent"
    region: str
    datacenter: str
    is_server: bool
    max_connections: int  # http_max_conns_per_client; 0: unlimited, or not told
    highest_priority: int | None = None  # job_max_priority; None: not told, as it is no server


@record
class TokenSelf:
    """The token in use, less its secret."""

    accessor_id: str  # "anonymous" without a token, "acls-disabled" where ACLs are off
    name: str
    type: str  # "client" or "management"
    policies: tuple[str, ...]
    roles: tuple[str, ...]
    expiration_time: str  # RFC 3339, empty where it does not expire


@record
class Page(Generic[T]):
    """A page of a list, with the values of its headers."""

    rows: tuple[T, ...]
    next_token: str  # empty on the last page
    index: int  # X-Nomad-Index
