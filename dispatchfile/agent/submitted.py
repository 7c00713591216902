"""
A job as a client sends it: read, filled in, and checked as the server checks it.

Source of the problems' wording: hashicorp/nomad, nomad/structs/structs.go (Validate) and
nomad/job_endpoint_validators.go.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dispatchfile.agent.golang import quote
from dispatchfile.agent.records import Constraint, Group, JobSpec, Parameterized, ReschedulePolicy, Task
from dispatchfile.jobspec import canonical_job
from dispatchfile.jobspec.apiform import read_api
from dispatchfile.jobspec.body import UnreadableJobError

Document = Mapping[str, Any]
"""JSON of a job whose known keys have been checked for their types."""

_OF_THE_SERVER: Final = (
    "CreateIndex",
    "DispatchIdempotencyToken",
    "Dispatched",
    "ID",
    "JobModifyIndex",
    "Meta",
    "ModifyIndex",
    "Name",
    "Namespace",
    "ParentID",
    "Payload",
    "Priority",
    "Status",
    "Stop",
    "SubmitTime",
    "Version",
)
_SECOND: Final = 10**9
_KNOWN_TYPES: Final = ("batch", "sysbatch", "service", "system")
_RUNNABLE_TYPES: Final = ("batch", "sysbatch")
_PAYLOAD_RULES: Final = ("optional", "required", "forbidden")
_MIN_RESCHEDULE_DELAY: Final = 5 * _SECOND
_PRIORITIES: Final = range(1, 101)
_DEFAULT_PRIORITY: Final = 50


class MalformedJob(ValueError):
    """A job document with a value of a wrong type."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that was sent in: what it is called and where it belongs, beside its spec."""

    id: str
    name: str
    namespace: str
    region: str
    priority: int
    meta: Mapping[str, str] | None
    spec: JobSpec


def read_submitted(document: Mapping[str, object], namespace: str = "default") -> Submitted:
    """Fill in what a job leaves out; *namespace* is used where it names none. Raises MalformedJob."""
    try:
        given = read_api(document)
        job = canonical_job({**given, "Namespace": given.get("Namespace") or namespace})
    except UnreadableJobError as exc:
        raise MalformedJob(exc.message) from exc
    return _submitted(job)


def problems_of(job: Submitted, namespaces: Container[str]) -> list[str]:
    """Everything that keeps the server from taking the job, each in Nomad's words; empty for a good job."""
    problems = [*_id_problems(job), *_type_problems(job), *_group_problems(job), *_parameter_problems(job)]
    if job.priority not in _PRIORITIES:
        problems.append("job priority must be between [1, 100]")
    if job.namespace not in namespaces:
        problems.append(f"job {quote(job.id)} is in nonexistent namespace {quote(job.namespace)}")
    if job.spec.node_pool not in {"default", "all"}:
        problems.append(f"job {quote(job.id)} is in nonexistent node pool {quote(job.spec.node_pool)}")
    return problems


def joined_problems(problems: Sequence[str]) -> str:
    """Several problems as one text, as hashicorp/go-multierror prints them."""
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    return f"{count} occurred:\n" + "".join(f"\t* {problem}\n" for problem in problems) + "\n"


def _submitted(job: Document) -> Submitted:
    return Submitted(
        id=job.get("ID") or "",
        name=job.get("Name") or "",
        namespace=job["Namespace"],
        region=job["Region"],
        priority=job["Priority"] or _DEFAULT_PRIORITY,
        meta=job["Meta"],
        spec=_spec({key: value for key, value in job.items() if key not in _OF_THE_SERVER}),
    )


def _spec(document: Document) -> JobSpec:
    block = document["ParameterizedJob"]
    return JobSpec(
        document={"NomadTokenID": "", "Stable": False, "StatusDescription": "", "VersionTag": None, **document},
        type=document["Type"],
        datacenters=tuple(document["Datacenters"]),
        node_pool=document["NodePool"],
        constraints=_constraints(document),
        groups=tuple(_group(group) for group in document["TaskGroups"] or ()),
        parameterized=None if block is None else _parameterized(block),
        periodic=document["Periodic"] is not None,
    )


def _parameterized(block: Document) -> Parameterized:
    return Parameterized(
        payload=block["Payload"] or "optional",
        meta_required=tuple(block["MetaRequired"] or ()),
        meta_optional=tuple(block["MetaOptional"] or ()),
    )


def _group(group: Document) -> Group:
    policy = group["ReschedulePolicy"]
    return Group(
        name=group.get("Name") or "",
        count=group["Count"],
        tasks=tuple(_task(task) for task in group["Tasks"] or ()),
        constraints=_constraints(group),
        reschedule=None if policy is None else _reschedule(policy),
        disk_mb=group["EphemeralDisk"]["SizeMB"],
    )


def _reschedule(policy: Document) -> ReschedulePolicy:
    return ReschedulePolicy(
        attempts=policy.get("Attempts", 0),
        interval_ns=policy.get("Interval", 0),
        delay_ns=policy.get("Delay", 0),
        delay_function=policy.get("DelayFunction", ""),
        max_delay_ns=policy.get("MaxDelay", 0),
        unlimited=policy.get("Unlimited", False),
    )


def _task(task: Document) -> Task:
    resources = task["Resources"]
    return Task(
        name=task.get("Name") or "",
        driver=task["Driver"],
        cpu=resources["CPU"],
        memory_mb=resources["MemoryMB"],
        memory_max_mb=resources["MemoryMaxMB"],
        constraints=_constraints(task),
        lifecycle=task["Lifecycle"],
        logs_disabled=bool((task.get("LogConfig") or {}).get("Disabled")),
    )


def _constraints(document: Document) -> tuple[Constraint, ...]:
    constraints: Iterable[Document] = document["Constraints"] or ()
    return tuple(Constraint(one["LTarget"], one["Operand"], one["RTarget"]) for one in constraints)


def _id_problems(job: Submitted) -> list[str]:
    if not job.id:
        return ["Missing job ID"]
    if " " in job.id:
        return ["Job ID contains a space"]
    return ["Job ID contains a null character"] if "\0" in job.id else []


def _type_problems(job: Submitted) -> list[str]:
    kind = job.spec.type
    if kind not in _KNOWN_TYPES:
        return [f"Invalid job type: {quote(kind)}"]
    if job.spec.parameterized is not None and kind not in _RUNNABLE_TYPES:
        return ['Parameterized job can only be used with "batch" or "sysbatch" scheduler']
    if kind not in _RUNNABLE_TYPES:
        return [f"job type {quote(kind)} does not run here: this agent runs batch and sysbatch jobs"]
    return []


def _group_problems(job: Submitted) -> list[str]:
    groups = job.spec.groups
    if not groups:
        return ["Missing job task groups"]
    problems = _name_problems([group.name for group in groups], "Job task group", "group")
    for group in groups:
        own = [*_own_group_problems(group), *_reschedule_problems(group, job.spec.type), *_task_problems(group)]
        if own:
            problems.append(f"Task group {group.name} validation failed: {joined_problems(own)}")
    return problems


def _name_problems(names: Sequence[str], one: str, other: str) -> list[str]:
    problems = []
    for number, name in enumerate(names, 1):
        first = names.index(name) + 1
        if not name:
            problems.append(f"{one} {number} missing name")
        elif first < number:
            problems.append(f"{one} {number} redefines '{name}' from {other} {first}")
    return problems


def _own_group_problems(group: Group) -> list[str]:
    problems = []
    if not group.name:
        problems.append("Missing task group name")
    if group.count < 0:
        problems.append("Task group count can't be negative")
    if not group.tasks:
        problems.append("Missing tasks for task group")
    return problems


def _reschedule_problems(group: Group, kind: str) -> list[str]:
    policy = group.reschedule
    if policy is None:
        return []
    if kind == "sysbatch":
        return ["System or sysbatch jobs should not have a reschedule policy"]
    if policy.enabled and policy.delay_ns < _MIN_RESCHEDULE_DELAY:
        return [f"Delay cannot be less than 5s (got {policy.delay_ns / _SECOND:g}s)"]
    return []


def _task_problems(group: Group) -> list[str]:
    problems = _name_problems([task.name for task in group.tasks], "Task", "task")
    for task in group.tasks:
        own = [] if task.name else ["Missing task name"]
        if not task.driver:
            own.append("Missing task driver")
        if own:
            problems.append(f"Task {task.name} validation failed: {joined_problems(own)}")
    return problems


def _parameter_problems(job: Submitted) -> list[str]:
    block = job.spec.parameterized
    if block is None:
        return []
    problems = []
    if block.payload not in _PAYLOAD_RULES:
        problems.append(f"Unknown payload requirement: {quote(block.payload)}")
    if both := [key for key in block.meta_required if key in block.meta_optional]:
        keys = f"Following keys exist in both: [{' '.join(both)}]"
        problems.append(f"Required and optional meta keys should be disjoint. {keys}")
    return [joined_problems(problems)] if problems else []
