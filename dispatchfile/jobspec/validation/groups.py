"""Group blocks. Source: hashicorp/nomad, nomad/structs/structs.go (TaskGroup.Validate) and volumes.go."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dispatchfile.jobspec.validation.networks import network_problems
from dispatchfile.jobspec.validation.placing import affinity_problems, constraint_problems, spread_problems
from dispatchfile.jobspec.validation.policies import (
    disconnect_problems,
    reschedule_problems,
    restart_problems,
    scaling_problems,
)
from dispatchfile.jobspec.validation.services import group_service_problems, script_check_problems
from dispatchfile.jobspec.validation.tasks import task_problems
from dispatchfile.jobspec.validation.words import nested, numbered, quote

Api = Mapping[str, Any]

_LEAST_DISK_MB: Final = 10
_RUNS_TO_ITS_END: Final = frozenset({"batch", "sysbatch"})
_HOST_MODES: Final = frozenset(
    {"", "single-node-reader-only", "single-node-writer", "single-node-single-writer", "single-node-multi-writer"}
)


def group_problems(group: Api, job_type: str) -> Iterator[str]:
    """Why Nomad takes no such group of a job of that type."""
    yield from _own_problems(group, job_type)
    yield from numbered("Constraint", group["Constraints"], constraint_problems)
    yield from numbered("Affinity", group["Affinities"], affinity_problems)
    yield from restart_problems(group["RestartPolicy"])
    yield from numbered("Spread", group["Spreads"], spread_problems)
    yield from _policy_problems(group, job_type)
    yield from _task_list_problems(group["Tasks"] or ())
    for name, volume in sorted((group["Volumes"] or {}).items()):
        yield from nested(
            f"Task group volume validation for {name} failed: ", _volume_problems(volume, group, job_type)
        )
    yield from nested("Task group network validation failed: ", network_problems(group))
    yield from nested("Task group service validation failed: ", group_service_problems(group))
    yield from nested("Task group service check validation failed: ", script_check_problems(group))
    if group["Scaling"]:
        found = scaling_problems(group["Scaling"], group["Count"])
        yield from nested("Task group scaling policy validation failed: ", found)
    for task in group["Tasks"] or ():
        yield from nested(f"Task {task['Name']} validation failed: ", task_problems(task, group))


def _own_problems(group: Api, job_type: str) -> Iterator[str]:
    if not group["Name"]:
        yield "Missing task group name"
    elif "\0" in group["Name"]:
        yield "Task group name contains null character"
    if group["Count"] < 0:
        yield "Task group count can't be negative"
    if not group["Tasks"]:
        yield "Missing tasks for task group"
    if group["Disconnect"]:
        yield from disconnect_problems(group["Disconnect"], job_type)
    if group["MaxRunDuration"] is not None:
        if group["MaxRunDuration"] <= 0:
            yield "MaxRunDuration must be greater than zero"
        if job_type not in _RUNS_TO_ITS_END:
            yield f"Job type {quote(job_type)} does not allow max_run_duration"


def _policy_problems(group: Api, job_type: str) -> Iterator[str]:
    if group["ReschedulePolicy"]:
        if job_type in {"system", "sysbatch"}:
            yield "System or sysbatch jobs should not have a reschedule policy"
        else:
            yield from reschedule_problems(group["ReschedulePolicy"])
    if group["EphemeralDisk"]["SizeMB"] < _LEAST_DISK_MB:
        yield f"minimum DiskMB value is {_LEAST_DISK_MB}; got {group['EphemeralDisk']['SizeMB']}"
    if group["Update"] and job_type not in {"service", "system"}:
        yield f"Job type {quote(job_type)} does not allow update block"
    if group["Migrate"] and job_type != "service":
        yield f"Job type {quote(job_type)} does not allow migrate block"


def _task_list_problems(tasks: Sequence[Api]) -> Iterator[str]:
    yield from name_problems([task["Name"] for task in tasks], "Task", "task")
    if sum(task["Leader"] for task in tasks) > 1:
        yield "Only one task may be marked as leader"


def name_problems(names: Sequence[str], one: str, other: str) -> Iterator[str]:
    """Names that are missing or taken."""
    for number, name in enumerate(names, 1):
        first = names.index(name) + 1
        if not name:
            yield f"{one} {number} missing name"
        elif first < number:
            yield f"{one} {number} redefines '{name}' from {other} {first}"


def _volume_problems(volume: Api, group: Api, job_type: str) -> Iterator[str]:
    if not volume["Source"]:
        yield "volume has an empty source"
    if volume["PerAlloc"]:
        if job_type in {"system", "sysbatch"}:
            yield "volume cannot be per_alloc for system or sysbatch jobs"
        if volume["Sticky"]:
            yield "volume cannot be per_alloc and sticky at the same time"
    if volume["Type"] == "host":
        yield from _host_volume_problems(volume)
    else:
        yield from _csi_volume_problems(volume, is_shared=group["Count"] > 1 and not volume["PerAlloc"])


def _host_volume_problems(volume: Api) -> Iterator[str]:
    mode = volume["AccessMode"]
    if volume["MountOptions"]:
        yield "host volumes cannot have mount options"
    if mode == "single-node-reader-only" and not volume["ReadOnly"]:
        yield f"{mode} volumes must be read-only"
    if mode not in _HOST_MODES:
        yield f"host volumes cannot be mounted with {mode} access mode"


def _csi_volume_problems(volume: Api, *, is_shared: bool) -> Iterator[str]:
    mode, attachment = volume["AccessMode"], volume["AttachmentMode"]
    if not attachment:
        yield "CSI volumes must have an attachment mode"
    if attachment == "block-device" and volume["MountOptions"]:
        yield "block devices cannot have mount options"
    if not mode:
        yield "CSI volumes must have an access mode"
    if mode in {"single-node-reader-only", "multi-node-reader-only"} and not volume["ReadOnly"]:
        yield f"{mode} volumes must be read-only"
    allowed = {"single-node-reader-only": "reader", "single-node-writer": "reader or writer"}
    if is_shared and mode in allowed:
        yield f"volume with {mode} access mode allows only one {allowed[mode]}"
    if is_shared and mode == "multi-node-single-writer" and not volume["ReadOnly"]:
        yield f"volume with {mode} access mode allows only one writer"
