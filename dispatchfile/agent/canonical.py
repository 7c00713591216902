"""
A job as a client sends it, to a job as the server keeps it: defaults filled in, problems found.

Source of the defaults: hashicorp/nomad, api/jobs.go, api/tasks.go and api/resources.go (Canonicalize); of the
problems' wording: nomad/structs/structs.go (Validate) and nomad/job_endpoint_validators.go.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from dispatchfile.agent.golang import GoError, json_kind, quote
from dispatchfile.agent.records import Constraint, Group, JobSpec, Parameterized, ReschedulePolicy, Task

Document = Mapping[str, object]

_T = TypeVar("_T")

_SECOND: Final = 10**9
_DAY: Final = 24 * 3600 * _SECOND
_RUNNABLE_TYPES: Final = ("batch", "sysbatch")
_KNOWN_TYPES: Final = ("batch", "sysbatch", "service", "system")
_PAYLOAD_RULES: Final = ("optional", "required", "forbidden")
_MIN_RESCHEDULE_DELAY: Final = 5 * _SECOND
_PRIORITIES: Final = range(1, 101)

_NO_UPDATE: Final = {
    "AutoPromote": False,
    "AutoRevert": False,
    "Canary": 0,
    "HealthCheck": "",
    "HealthyDeadline": 0,
    "MaxParallel": 0,
    "MinHealthyTime": 0,
    "ProgressDeadline": 0,
    "Stagger": 0,
}
_JOB: Final[Document] = {
    "Affinities": None,
    "AllAtOnce": False,
    "Constraints": None,
    "ConsulNamespace": "",
    "Datacenters": None,
    "Meta": None,
    "Multiregion": None,
    "Namespace": "default",
    "NodePool": "default",
    "NomadTokenID": "",
    "ParameterizedJob": None,
    "Periodic": None,
    "Priority": 50,
    "Region": "global",
    "Spreads": None,
    "Stable": False,
    "StatusDescription": "",
    "TaskGroups": None,
    "Type": "service",
    "UI": None,
    "Update": _NO_UPDATE,
    "VaultNamespace": "",
    "VersionTag": None,
}
_GROUP: Final[Document] = {
    "Affinities": None,
    "Constraints": None,
    "Consul": None,
    "Count": 1,
    "Disconnect": None,
    "EphemeralDisk": None,
    "MaxClientDisconnect": None,
    "MaxRunDuration": None,
    "Meta": None,
    "Migrate": None,
    "Name": "",
    "Networks": None,
    "PreventRescheduleOnLost": False,
    "ReschedulePolicy": None,
    "RestartPolicy": None,
    "Scaling": None,
    "Services": None,
    "ShutdownDelay": None,
    "Spreads": None,
    "StopAfterClientDisconnect": None,
    "Tasks": None,
    "Update": None,
    "Volumes": None,
}
_TASK: Final[Document] = {
    "Actions": None,
    "Affinities": None,
    "Artifacts": None,
    "CSIPluginConfig": None,
    "Config": None,
    "Constraints": None,
    "Consul": None,
    "DispatchPayload": None,
    "Driver": "",
    "Env": None,
    "Identities": None,
    "Identity": None,
    "KillSignal": "",
    "KillTimeout": 5 * _SECOND,
    "Kind": "",
    "Leader": False,
    "Lifecycle": None,
    "LogConfig": None,
    "Meta": None,
    "Name": "",
    "Resources": None,
    "RestartPolicy": None,
    "ScalingPolicies": None,
    "Schedule": None,
    "Secrets": None,
    "Services": None,
    "ShutdownDelay": 0,
    "Templates": None,
    "User": "",
    "Vault": None,
    "VolumeMounts": None,
}
_DISK: Final[Document] = {"Migrate": False, "SizeMB": 300, "Sticky": False}
_LOGS: Final[Document] = {"Disabled": False, "MaxFileSizeMB": 10, "MaxFiles": 10}
_RESTART: Final[Document] = {
    "Attempts": 3,
    "Delay": 15 * _SECOND,
    "Interval": _DAY,
    "Mode": "fail",
    "RenderTemplates": False,
}
_RESCHEDULE: Final[Document] = {
    "Attempts": 1,
    "Delay": 5 * _SECOND,
    "DelayFunction": "constant",
    "Interval": _DAY,
    "MaxDelay": 0,
    "Unlimited": False,
}
_RESOURCES: Final[Document] = {
    "CPU": 100,
    "Cores": 0,
    "Devices": None,
    "DiskMB": 0,
    "IOPS": 0,
    "MemoryMB": 300,
    "MemoryMaxMB": 0,
    "NUMA": None,
    "Networks": None,
    "SecretsMB": 0,
}
_IDENTITY: Final[Document] = {
    "Audience": ["nomadproject.io"],
    "ChangeMode": "",
    "ChangeSignal": "",
    "Env": False,
    "ExtraClaims": None,
    "File": False,
    "Filepath": "",
    "Name": "default",
    "ServiceName": "",
    "TTL": 0,
}
_PARAMETERIZED: Final[Document] = {"MetaOptional": None, "MetaRequired": None, "Payload": "optional"}
_PERIODIC: Final[Document] = {
    "Enabled": True,
    "ProhibitOverlap": False,
    "Spec": "",
    "SpecType": "cron",
    "Specs": None,
    "TimeZone": "UTC",
}
_CONSTRAINT: Final[Document] = {"LTarget": "", "Operand": "=", "RTarget": ""}


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


def read_submitted(document: Document, namespace: str | None = None) -> Submitted:
    """
    Fill in what a job leaves out; *namespace* is used where the job names none.

    Raises GoError for a value of a wrong type, with the text that Go's JSON decoder has for it.
    """
    spec = _job_document(document)
    job_id = _read(document, "ID", str, "Job", "")
    return Submitted(
        id=job_id,
        name=_read(document, "Name", str, "Job", job_id) or job_id,
        namespace=_read(document, "Namespace", str, "Job", "") or namespace or "default",
        region=_read(spec, "Region", str, "Job", "global"),
        priority=_read(spec, "Priority", int, "Job", 50),
        meta=_texts(document, "Meta", "Job"),
        spec=_spec(spec),
    )


def problems_of(job: Submitted, namespaces: Iterable[str]) -> list[str]:
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


# defaults


def _job_document(document: Document) -> Document:
    job = _filled(document, _JOB)
    kind = _read(job, "Type", str, "Job", "service")
    return {
        **job,
        "Constraints": _constraints(job, "Job"),
        "Datacenters": list(_strings(job, "Datacenters", "Job")) or ["*"],
        "Meta": _texts(job, "Meta", "Job"),
        "NodePool": _read(job, "NodePool", str, "Job", "default") or "default",
        "ParameterizedJob": _block(job, "ParameterizedJob", "Job", _PARAMETERIZED),
        "Periodic": _block(job, "Periodic", "Job", _PERIODIC),
        "TaskGroups": _each(job, "TaskGroups", "Job", lambda group: _group_document(group, kind)) or None,
    }


def _group_document(document: Document, kind: str) -> Document:
    group = _filled(document, _GROUP)
    restart = {**_RESTART, **_given(group, "RestartPolicy", "TaskGroup", _RESTART)}
    reschedule = {**_RESCHEDULE, **_given(group, "ReschedulePolicy", "TaskGroup", _RESCHEDULE)}
    return {
        **group,
        "Constraints": _constraints(group, "TaskGroup"),
        "EphemeralDisk": {**_DISK, **_given(group, "EphemeralDisk", "TaskGroup", _DISK)},
        "Meta": _texts(group, "Meta", "TaskGroup"),
        "ReschedulePolicy": None if kind == "sysbatch" and group["ReschedulePolicy"] is None else reschedule,
        "RestartPolicy": restart,
        "Tasks": _each(group, "Tasks", "TaskGroup", lambda task: _task_document(task, restart)) or None,
    }


def _task_document(document: Document, restart: Document) -> Document:
    task = _filled(document, _TASK)
    resources = _given(task, "Resources", "Task", _RESOURCES)
    cpu: Document = {"CPU": 0} if resources.get("Cores") else {}
    return {
        **task,
        "Constraints": _constraints(task, "Task"),
        "Env": _texts(task, "Env", "Task"),
        "Identity": {**_IDENTITY, **_given(task, "Identity", "Task", _IDENTITY)},
        "LogConfig": {**_LOGS, **_given(task, "LogConfig", "Task", _LOGS)},
        "Meta": _texts(task, "Meta", "Task"),
        "Resources": {**_RESOURCES, **cpu, **resources},
        "RestartPolicy": {**restart, **_given(task, "RestartPolicy", "Task", _RESTART)},
    }


def _filled(document: Document, defaults: Document) -> Document:
    """The known keys of a document, absent and null ones with their default."""
    return {key: default if document.get(key) is None else document[key] for key, default in defaults.items()}


def _given(document: Document, key: str, owner: str, defaults: Document) -> Document:
    """What a block sets of the known keys; nothing where the block is absent."""
    block = _read(document, key, dict, owner, {})
    for name, default in defaults.items():
        if default is not None:
            _read(block, name, type(default), f"{owner}.{key}", default)
    return {name: block[name] for name in defaults if block.get(name) is not None}


def _block(document: Document, key: str, owner: str, defaults: Document) -> Document | None:
    if document.get(key) is None:
        return None
    return {**defaults, **_given(document, key, owner, defaults)}


def _constraints(document: Document, owner: str) -> list[Document] | None:
    constraints = _each(document, "Constraints", owner, lambda one: _filled(one, _CONSTRAINT))
    return constraints or None


# readers: a value of the wanted type, or Go's refusal


def _read(document: Document, key: str, kind: type[_T], owner: str, default: _T) -> _T:
    value = document.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        name = {str: "string", int: "int", bool: "bool", list: "[]*api.T", dict: "api.T"}.get(kind, "string")
        message = f"json: cannot unmarshal {json_kind(value)} into Go struct field {owner}.{key} of type {name}"
        raise GoError(message)
    return value


def _each(document: Document, key: str, owner: str, make: Callable[[Document], _T]) -> list[_T]:
    items = _read(document, key, list, owner, [])
    return [make(_read({key: item}, key, dict, owner, {})) for item in items]


def _strings(document: Document, key: str, owner: str) -> tuple[str, ...]:
    items = _read(document, key, list, owner, [])
    return tuple(_read({key: item}, key, str, owner, "") for item in items)


def _texts(document: Document, key: str, owner: str) -> dict[str, str] | None:
    texts = _read(document, key, dict, owner, {})
    return {name: _read(texts, name, str, owner, "") for name in texts} or None


# the typed spec


def _spec(document: Document) -> JobSpec:
    kind = _read(document, "Type", str, "Job", "service")
    block = document["ParameterizedJob"]
    return JobSpec(
        document=document,
        type=kind,
        datacenters=_strings(document, "Datacenters", "Job"),
        node_pool=_read(document, "NodePool", str, "Job", "default"),
        constraints=_typed_constraints(document, "Job"),
        groups=tuple(_each(document, "TaskGroups", "Job", _group)),
        parameterized=_parameterized(block) if isinstance(block, dict) else None,
        periodic=document["Periodic"] is not None,
    )


def _parameterized(block: Document) -> Parameterized:
    return Parameterized(
        payload=_read(block, "Payload", str, "ParameterizedJobConfig", "optional") or "optional",
        meta_required=_strings(block, "MetaRequired", "ParameterizedJobConfig"),
        meta_optional=_strings(block, "MetaOptional", "ParameterizedJobConfig"),
    )


def _group(group: Document) -> Group:
    return Group(
        name=_read(group, "Name", str, "TaskGroup", ""),
        count=_read(group, "Count", int, "TaskGroup", 1),
        tasks=tuple(_each(group, "Tasks", "TaskGroup", _task)),
        constraints=_typed_constraints(group, "TaskGroup"),
        reschedule=_reschedule(group["ReschedulePolicy"]),
        disk_mb=_read(_read(group, "EphemeralDisk", dict, "TaskGroup", {}), "SizeMB", int, "EphemeralDisk", 300),
    )


def _reschedule(policy: object) -> ReschedulePolicy | None:
    if not isinstance(policy, dict):
        return None
    owner = "ReschedulePolicy"
    return ReschedulePolicy(
        attempts=_read(policy, "Attempts", int, owner, 0),
        interval_ns=_read(policy, "Interval", int, owner, 0),
        delay_ns=_read(policy, "Delay", int, owner, 0),
        delay_function=_read(policy, "DelayFunction", str, owner, ""),
        max_delay_ns=_read(policy, "MaxDelay", int, owner, 0),
        unlimited=_read(policy, "Unlimited", bool, owner, default=False),
    )


def _task(task: Document) -> Task:
    resources = _read(task, "Resources", dict, "Task", {})
    return Task(
        name=_read(task, "Name", str, "Task", ""),
        driver=_read(task, "Driver", str, "Task", ""),
        cpu=_read(resources, "CPU", int, "Resources", 0),
        memory_mb=_read(resources, "MemoryMB", int, "Resources", 0),
        memory_max_mb=_read(resources, "MemoryMaxMB", int, "Resources", 0),
        constraints=_typed_constraints(task, "Task"),
        lifecycle=_read(task, "Lifecycle", dict, "Task", {}) or None,
    )


def _typed_constraints(document: Document, owner: str) -> tuple[Constraint, ...]:
    def constraint(one: Document) -> Constraint:
        left, operand, right = (_read(one, key, str, "Constraint", "") for key in ("LTarget", "Operand", "RTarget"))
        return Constraint(left=left, operand=operand, right=right)

    return tuple(_each(document, "Constraints", owner, constraint))


# problems


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
    problems: list[str] = []
    for number, group in enumerate(groups, 1):
        earlier = [other.name for other in groups[: number - 1]]
        if not group.name:
            problems.append(f"Job task group {number} missing name")
        elif group.name in earlier:
            first = earlier.index(group.name) + 1
            problems.append(f"Job task group {number} redefines '{group.name}' from group {first}")
        own = [*_own_group_problems(group), *_reschedule_problems(group, job.spec.type), *_task_problems(group)]
        if own:
            problems.append(f"Task group {group.name} validation failed: {joined_problems(own)}")
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
    problems: list[str] = []
    for number, task in enumerate(group.tasks, 1):
        if task.name and task.name in [other.name for other in group.tasks[: number - 1]]:
            problems.append(f"Task {number} redefines '{task.name}' from task {number - 1}")
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
    both = [key for key in block.meta_required if key in block.meta_optional]
    if both:
        found = " ".join(both)
        problems.append(f"Required and optional meta keys should be disjoint. Following keys exist in both: [{found}]")
    return problems
