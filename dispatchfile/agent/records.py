"""
The agent's frozen records: jobs, summaries, evaluations, allocations, the node.

A change is a new record. Times are nanoseconds since 1970, durations nanoseconds, indexes those of the one raft
log that the agent pretends to have. The JSON of a record is made in `views`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, Literal

Key = tuple[str, str]
"""Namespace and job ID."""

JobStatus = Literal["pending", "running", "dead"]
EvalStatus = Literal["pending", "blocked", "complete", "failed", "canceled"]
DesiredStatus = Literal["run", "stop", "evict"]

CLIENT_TERMINAL: Final = frozenset({"complete", "failed", "lost"})
EVAL_TERMINAL: Final = frozenset({"complete", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Constraint:
    """`${attr.kernel.name} = linux`, in Nomad's parts."""

    left: str
    operand: str
    right: str

    def __str__(self) -> str:
        return f"{self.left} {self.operand} {self.right}"


@dataclass(frozen=True, slots=True)
class ReschedulePolicy:
    attempts: int
    interval_ns: int
    delay_ns: int
    delay_function: str
    max_delay_ns: int
    unlimited: bool

    @property
    def enabled(self) -> bool:
        return self.unlimited or self.attempts > 0


@dataclass(frozen=True, slots=True)
class TaskSpec:
    name: str
    driver: str
    cpu: int
    memory_mb: int
    memory_max_mb: int
    constraints: tuple[Constraint, ...]
    lifecycle: Mapping[str, object] | None
    logs_disabled: bool = False
    cores: int = 0  # reserved as a whole
    devices: tuple[str, ...] = ()  # `nvidia/gpu`


@dataclass(frozen=True, slots=True)
class GroupSpec:
    name: str
    count: int
    tasks: tuple[TaskSpec, ...]
    constraints: tuple[Constraint, ...]
    reschedule: ReschedulePolicy | None
    disk_mb: int

    @property
    def memory_mb(self) -> int:
        """
        The most memory that its tasks reserve at one time, since not all of them run together.

        Source: hashicorp/nomad, nomad/structs/structs.go (AllocatedResources.Comparable).
        """
        prestart = main = poststop = 0
        for task in self.tasks:
            lifecycle = task.lifecycle or {}
            hook, stays = lifecycle.get("Hook"), bool(lifecycle.get("Sidecar"))
            prestart += task.memory_mb if hook == "prestart" else 0
            poststop += task.memory_mb if hook == "poststop" else 0
            main += task.memory_mb if hook not in {"prestart", "poststop"} or (hook == "prestart" and stays) else 0
        return max(prestart, main, poststop)

    @property
    def cores(self) -> int:
        """
        The cores that its tasks reserve, each of them its own.

        Source: hashicorp/nomad, scheduler/feasible/rank.go (BinPackIterator).
        """
        return sum(task.cores for task in self.tasks)

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for task in self.tasks for name in task.devices))


@dataclass(frozen=True, slots=True)
class ParameterizedJobConfig:
    payload: str
    meta_required: tuple[str, ...]
    meta_optional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobSpec:
    """
    The content of a job file, shared by a parameterized job and all its children.

    document: the whole job as Nomad's API shows it; what differs between jobs of one spec stands in `StoredJob`.
    """

    document: Mapping[str, object]
    type: str
    datacenters: tuple[str, ...]
    node_pool: str
    constraints: tuple[Constraint, ...]
    groups: tuple[GroupSpec, ...]
    parameterized: ParameterizedJobConfig | None
    periodic: bool

    def group(self, name: str) -> GroupSpec | None:
        return next((group for group in self.groups if group.name == name), None)


@dataclass(frozen=True, slots=True)
class StoredJob:
    """payload: base64 as it was sent, None for none. token: of the dispatch that made it, "" for none."""

    namespace: str
    id: str
    name: str
    spec: JobSpec
    priority: int
    meta: Mapping[str, str] | None
    submit_time: int
    parent_id: str = ""
    payload: str | None = None
    dispatched: bool = False
    token: str = ""
    version: int = 0
    stop: bool = False
    status: JobStatus = "pending"
    create_index: int = 0
    modify_index: int = 0
    job_modify_index: int = 0

    @property
    def key(self) -> Key:
        return self.namespace, self.id

    @property
    def is_parameterized(self) -> bool:
        """A dispatched child keeps its parent's block, but is none itself."""
        return self.spec.parameterized is not None and not self.dispatched

    @property
    def runs_by_itself(self) -> bool:
        """Return whether it has evaluations and allocations of its own, instead of children."""
        return not (self.is_parameterized or self.spec.periodic)


@dataclass(frozen=True, slots=True)
class TaskGroupSummary:
    """Allocations of a group by client status; complete and failed only ever grow."""

    queued: int = 0
    starting: int = 0
    running: int = 0
    failed: int = 0
    complete: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class StoredSummary:
    """children: by status; a child that is collected or purged stays counted as dead."""

    namespace: str
    job_id: str
    groups: Mapping[str, TaskGroupSummary]
    children: Mapping[JobStatus, int]
    create_index: int
    modify_index: int


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """
    failed: for each group that could not be placed completely, Nomad's metrics of the try.

    queued: how many allocations of each group still wait; None before it was processed.
    updates: the plan's annotation for each group; None before it was processed.
    """

    id: str
    namespace: str
    job_id: str
    type: str
    priority: int
    triggered_by: str
    create_time: int
    modify_time: int
    status: EvalStatus = "pending"
    status_description: str = ""
    job_modify_index: int = 0
    create_index: int = 0
    modify_index: int = 0
    snapshot_index: int = 0
    previous_eval: str = ""
    next_eval: str = ""
    blocked_eval: str = ""
    wait_until: int = 0
    node_id: str = ""
    node_modify_index: int = 0
    failed: Mapping[str, Mapping[str, object]] | None = None
    queued: Mapping[str, int] | None = None
    updates: Mapping[str, Mapping[str, int]] | None = None
    class_eligibility: Mapping[str, bool] | None = None

    @property
    def key(self) -> Key:
        return self.namespace, self.job_id

    @property
    def is_terminal(self) -> bool:
        return self.status in EVAL_TERMINAL


@dataclass(frozen=True, slots=True)
class Transition:
    """The transition that an operator asked an allocation for; None if nobody asked."""

    migrate: bool | None = None
    migrate_disable_placement: bool | None = None
    no_shutdown_delay: bool | None = None
    reschedule: bool | None = None
    force_reschedule: bool | None = None


@dataclass(frozen=True, slots=True)
class RescheduleEvent:
    time: int
    previous_alloc: str
    previous_node: str
    delay_ns: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """
    job: as it was when the allocation was placed.

    reschedules: the attempts that led to this allocation, oldest first. last_reschedule: "ok", or
    "no placement" where a replacement was due and could not be placed, or "".
    """

    id: str
    eval_id: str
    job: StoredJob
    group: str
    name: str
    node_id: str
    node_name: str
    create_time: int
    modify_time: int
    metrics: Mapping[str, object]
    desired_status: DesiredStatus = "run"
    desired_description: str = ""
    transition: Transition | None = None
    client_status: str = "pending"
    client_description: str = ""
    task_states: Mapping[str, Mapping[str, object]] | None = None
    previous_allocation: str = ""
    next_allocation: str = ""
    followup_eval: str = ""
    reschedules: tuple[RescheduleEvent, ...] = ()
    last_reschedule: str = ""
    create_index: int = 0
    modify_index: int = 0
    alloc_modify_index: int = 0

    @property
    def key(self) -> Key:
        return self.job.key

    @property
    def is_client_terminal(self) -> bool:
        """Its processes are gone, or their node is."""
        return self.client_status in CLIENT_TERMINAL

    @property
    def is_terminal(self) -> bool:
        """It is over, or was told to be."""
        return self.desired_status != "run" or self.is_client_terminal


@dataclass(frozen=True, slots=True)
class Drain:
    """deadline_ns: after which allocations are stopped; 0 waits for them to end, less stops them at once."""

    deadline_ns: int
    started: int


@dataclass(frozen=True, slots=True)
class Node:
    """
    The one machine.

    slots: how many allocations it runs at a time, None for any number. fixed: it never changes while the agent runs,
    so nothing waits for what it lacks.
    """

    id: str
    name: str
    datacenter: str
    http_address: str
    version: str
    attributes: Mapping[str, str]
    drivers: frozenset[str]
    meta: Mapping[str, str] = field(default_factory=dict)
    node_pool: str = "default"
    slots: int | None = None
    fixed: bool = False
    status: Literal["ready", "down"] = "ready"
    eligible: bool = True
    drain: Drain | None = None
    create_index: int = 0
    modify_index: int = 0
    status_updated: int = 0

    @property
    def computed_class(self) -> str:
        """A name for everything that constraints can see; equal for equal nodes."""
        seen = (self.datacenter, self.node_pool, sorted(self.attributes.items()), sorted(self.meta.items()))
        return f"v1:{int.from_bytes(blake2b(repr(seen).encode(), digest_size=8).digest())}"

    @property
    def memory_mb(self) -> int:
        """0 where the machine does not tell."""
        return int(self.attributes.get("memory.totalbytes", 0)) >> 20

    @property
    def cores(self) -> int:
        """0 where the machine does not tell."""
        return int(self.attributes.get("cpu.reservablecores", 0))

    @property
    def is_ready(self) -> bool:
        return self.status == "ready" and self.eligible and self.drain is None


@dataclass(frozen=True, slots=True)
class Namespace:
    name: str
    description: str = ""
    create_index: int = 0
    modify_index: int = 0
