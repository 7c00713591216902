"""Task blocks. Source: hashicorp/nomad, nomad/structs/structs.go (Task.Validate)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.validation.files import artifact_problems, payload_problems, template_list_problems
from dispatchfile.jobspec.validation.placing import affinity_problems, constraint_problems
from dispatchfile.jobspec.validation.resources import (
    action_list_problems,
    identity_problems,
    lifecycle_problems,
    log_problems,
    mount_problems,
    plugin_problems,
    resource_problems,
    vault_problems,
)
from dispatchfile.jobspec.validation.services import task_service_problems
from dispatchfile.jobspec.validation.words import nested, numbered

Api = Mapping[str, Any]

_DISTINCT: Final = frozenset({"distinct_hosts", "distinct_property"})


def task_problems(task: Api, group: Api) -> Iterator[str]:
    """Why Nomad takes no such task of *group*."""
    yield from _own_problems(task)
    yield from nested("", resource_problems(task["Resources"]))
    yield from nested("", log_problems(task["LogConfig"], group["EphemeralDisk"]["SizeMB"]))
    for number, constraint in enumerate(task["Constraints"] or (), 1):
        yield from nested(f"Constraint {number} validation failed: ", constraint_problems(constraint))
        if constraint["Operand"] in _DISTINCT:
            yield f"Constraint {number} has disallowed Operand at task level: {constraint['Operand']}"
    yield from numbered("Affinity", task["Affinities"], affinity_problems)
    yield from nested("", task_service_problems(task, group["Networks"]))
    yield from numbered("Artifact", task["Artifacts"], artifact_problems)
    yield from _block_problems(task, group)
    yield from identity_problems(task)


def _own_problems(task: Api) -> Iterator[str]:
    name = task["Name"]
    if not name:
        yield "Missing task name"
    if name == "alloc":
        yield 'Task cannot be named "alloc"'
    if "/" in name or "\\" in name:
        yield "Task name cannot include slashes"
    elif "\0" in name:
        yield "Task name cannot include null characters"
    if not task["Driver"]:
        yield "Missing task driver"
    if task["KillTimeout"] < 0:
        yield "KillTimeout must be a positive value"
    if task["ShutdownDelay"] < 0:
        yield "ShutdownDelay must be a positive value"


def _block_problems(task: Api, group: Api) -> Iterator[str]:
    if task["Vault"]:
        yield from nested("Vault validation failed: ", vault_problems(task["Vault"]))
    yield from template_list_problems(task["Templates"])
    yield from action_list_problems(task["Actions"])
    if task["DispatchPayload"]:
        yield from payload_problems(task["DispatchPayload"])
    if task["Lifecycle"]:
        yield from lifecycle_problems(task["Lifecycle"])
    yield from mount_problems(task["VolumeMounts"], group["Volumes"])
    if task["CSIPluginConfig"]:
        yield from plugin_problems(task["CSIPluginConfig"])
