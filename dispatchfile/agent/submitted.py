"""A job as a client sends it: read, filled in, and checked as the server checks it."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dispatchfile.agent.records import (
    Constraint,
    GroupSpec,
    JobSpec,
    ParameterizedJobConfig,
    ReschedulePolicy,
    TaskSpec,
)
from dispatchfile.jobspec import canonical_job
from dispatchfile.jobspec.apiform import read_api
from dispatchfile.jobspec.body import UnreadableJobError
from dispatchfile.jobspec.checks import unsupported_parts
from dispatchfile.jobspec.validation import job_problems, joined_problems, quote

__all__ = ["MalformedJob", "Submitted", "joined_problems", "problems_of", "read_submitted"]

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
_NODE_POOLS: Final = frozenset({"default", "all"})


class MalformedJob(ValueError):
    """A job document with a value of a wrong type."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that was sent in: what it is called and where it belongs, its spec, and the whole of it."""

    id: str
    name: str
    namespace: str
    region: str
    priority: int
    meta: Mapping[str, str] | None
    spec: JobSpec
    document: Document


def read_submitted(document: Mapping[str, object], namespace: str = "default") -> Submitted:
    """Fill in what a job leaves out; *namespace* is used where it names none. Raises MalformedJob."""
    try:
        given = read_api(document)
        job = canonical_job({**given, "Namespace": given.get("Namespace") or namespace})
    except UnreadableJobError as exc:
        raise MalformedJob(exc.message) from exc
    return _submitted(job)


def problems_of(job: Submitted, namespaces: Container[str], node_pools: Container[str] = _NODE_POOLS) -> list[str]:
    """Return everything that keeps the server from accepting the job, in Nomad's words. Empty for a good job."""
    problems = []
    if job.namespace not in namespaces:
        problems.append(f"job {quote(job.id)} is in nonexistent namespace {quote(job.namespace)}")
    if job.spec.node_pool not in node_pools:
        problems.append(f"job {quote(job.id)} is in nonexistent node pool {quote(job.spec.node_pool)}")
    problems += job_problems(job.document) or list(unsupported_parts(job.document))
    return problems


def refusal_of(document: Mapping[str, object]) -> str | None:
    """Return what keeps the agent from taking a job of a file, in one line, or None."""
    try:
        job = read_submitted(document)
    except MalformedJob as exc:
        return str(exc)
    problems = problems_of(job, {job.namespace}, {job.spec.node_pool})
    return "; ".join(" ".join(problem.split()) for problem in problems) or None


def _submitted(job: Document) -> Submitted:
    return Submitted(
        id=job.get("ID") or "",
        name=job.get("Name") or "",
        namespace=job["Namespace"],
        region=job["Region"],
        priority=job["Priority"],
        meta=job["Meta"],
        document=job,
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


def _parameterized(block: Document) -> ParameterizedJobConfig:
    return ParameterizedJobConfig(
        payload=block["Payload"],
        meta_required=tuple(block["MetaRequired"] or ()),
        meta_optional=tuple(block["MetaOptional"] or ()),
    )


def _group(group: Document) -> GroupSpec:
    policy = group["ReschedulePolicy"]
    return GroupSpec(
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


def _task(task: Document) -> TaskSpec:
    resources = task["Resources"]
    return TaskSpec(
        name=task.get("Name") or "",
        driver=task["Driver"],
        cpu=resources["CPU"],
        memory_mb=resources["MemoryMB"],
        memory_max_mb=resources["MemoryMaxMB"],
        constraints=_constraints(task),
        lifecycle=task["Lifecycle"],
        logs_disabled=bool((task.get("LogConfig") or {}).get("Disabled")),
        cores=resources["Cores"],
        devices=tuple(device["Name"] for device in resources["Devices"] or ()),
    )


def _constraints(document: Document) -> tuple[Constraint, ...]:
    constraints: Iterable[Document] = document["Constraints"] or ()
    return tuple(Constraint(one["LTarget"], one["Operand"], one["RTarget"]) for one in constraints)
