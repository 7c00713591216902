"""Resources, logs, volumes, identities and such of a task. Source: hashicorp/nomad, nomad/structs."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.validation.placing import affinity_problems, constraint_problems
from dispatchfile.jobspec.validation.words import nested, numbered, quote

Api = Mapping[str, Any]

_LEAST_MEMORY_MB: Final = 10
_NO_MEMORY_LIMIT: Final = -1
_DISTINCT: Final = frozenset({"distinct_hosts", "distinct_property"})
_IDENTITY_NAME: Final = re.compile(r"[a-zA-Z0-9-_]{1,128}")
_ACTION_NAME: Final = re.compile(r"[^\x00\s]{1,128}")
_CSI_TYPES: Final = frozenset({"node", "controller", "monolith"})
_PROPAGATION_MODES: Final = frozenset({"", "private", "host-to-task", "bidirectional"})


def resource_problems(resources: Api) -> Iterator[str]:
    """Why Nomad takes no such resources of a task."""
    cores, memory, most = resources["Cores"], resources["MemoryMB"], resources["MemoryMaxMB"]
    if cores > 0 and resources["CPU"] > 0:
        yield "Task can only ask for 'cpu' or 'cores' resource, not both."
    if cores < 0:
        yield f"cores value ({cores}) cannot be negative"
    yield from nested("", _minimum_problems(resources))
    for number, device in enumerate(resources["Devices"] or (), 1):
        yield from nested(f"device {number} failed validation: ", _device_problems(device))
    yield from _numa_problems(resources)
    if most not in {0, _NO_MEMORY_LIMIT} and most < memory:
        yield f"MemoryMaxMB value ({most}) should be larger than MemoryMB value ({memory})"
    if resources["SecretsMB"] > memory:
        yield f"SecretsMB value ({resources['SecretsMB']}) cannot be larger than MemoryMB value ({memory})"
    if resources["SecretsMB"] < 0:
        yield f"SecretsMB value ({resources['SecretsMB']}) cannot be negative"


def _minimum_problems(resources: Api) -> Iterator[str]:
    if resources["CPU"] < 1 and resources["Cores"] == 0:
        yield f"minimum CPU value is 1; got {resources['CPU']}"
    if resources["MemoryMB"] < _LEAST_MEMORY_MB:
        yield f"minimum MemoryMB value is {_LEAST_MEMORY_MB}; got {resources['MemoryMB']}"


def _device_problems(device: Api) -> Iterator[str]:
    if not device["Name"]:
        yield "device name must be given as one of the following: type, vendor/type, or vendor/type/name"
    for number, constraint in enumerate(device["Constraints"] or (), 1):
        if constraint["Operand"] in _DISTINCT:
            yield f"Constraint {number} validation failed: using unsupported operand {quote(constraint['Operand'])}"
        else:
            yield from nested(f"Constraint {number} validation failed: ", constraint_problems(constraint))
    yield from numbered("Affinity", device["Affinities"], affinity_problems)


def _numa_problems(resources: Api) -> Iterator[str]:
    numa = resources["NUMA"]
    if numa is None:
        return
    known = {device["Name"] for device in resources["Devices"] or ()}
    for device in numa["Devices"] or ():
        if device not in known:
            yield f"numa device {quote(device)} not requested as task resource"
    if numa["Affinity"] not in {"none", "prefer", "require"}:
        yield "numa affinity must be one of none, prefer, or require"


def log_problems(logs: Api, disk_mb: int) -> Iterator[str]:
    """Why Nomad takes no such log settings."""
    files, size = logs["MaxFiles"], logs["MaxFileSizeMB"]
    if files < 1:
        yield f"minimum number of files is 1; got {files}"
    if size < 1:
        yield f"minimum file size is 1MB; got {size}"
    if disk_mb <= files * size:
        yield f"log storage ({files * size} MB) must be less than requested disk capacity ({disk_mb} MB)"


def lifecycle_problems(lifecycle: Api) -> Iterator[str]:
    """Why Nomad takes no such lifecycle."""
    hook = lifecycle["Hook"]
    if not hook:
        yield "Lifecycle validation failed: no lifecycle hook provided"
    elif hook not in {"prestart", "poststart", "poststop"}:
        yield f"Lifecycle validation failed: invalid hook: {hook}"


def action_list_problems(actions: Any) -> Iterator[str]:
    """Why Nomad does not take these actions of one task."""
    seen: dict[str, bool] = {}
    for action in actions or ():
        name = action["Name"]
        yield from nested(f"Action {name} validation failed: ", _action_problems(action))
        if name in seen and not seen[name]:
            yield f"Action {name} defined multiple times"
        seen[name] = name in seen


def _action_problems(action: Api) -> Iterator[str]:
    if not action["Command"]:
        yield "command cannot be empty"
    if not _ACTION_NAME.fullmatch(action["Name"]):
        yield f"invalid name '{action['Name']}'"


def mount_problems(mounts: Any, volumes: Any) -> Iterator[str]:
    """Why Nomad does not take these volume mounts of one task."""
    for number, mount in enumerate(mounts or ()):
        if mount["Volume"] not in (volumes or {}):
            yield f"Volume Mount ({number}) references undefined volume {mount['Volume']}"
        for problem in nested("", _mount_problems(mount)):
            yield f'Volume Mount ({number}) is invalid: "{problem}"'


def _mount_problems(mount: Api) -> Iterator[str]:
    if not mount["Volume"]:
        yield "volume mount references an empty volume"
    if mount["PropagationMode"] not in _PROPAGATION_MODES:
        yield f"volume mount has an invalid propagation mode: {quote(mount['PropagationMode'])}"
    if mount["SELinuxLabel"] not in {"", "z", "Z"}:
        yield f'volume mount has an invalid SELinux label: "{mount["SELinuxLabel"]}"'


def plugin_problems(plugin: Api) -> Iterator[str]:
    """Why Nomad takes no such csi_plugin."""
    base, mount = plugin["StagePublishBaseDir"], plugin["MountDir"]
    if not plugin["ID"]:
        yield "CSIPluginConfig must have a non-empty PluginID"
    if plugin["Type"] not in _CSI_TYPES:
        known = "'node', 'controller', or 'monolith'"
        yield f'CSIPluginConfig PluginType must be one of {known}, got: "{plugin["Type"]}"'
    if f"{base}/".startswith(f"{mount}/"):
        yield (
            "CSIPluginConfig StagePublishBaseDir must not be a subdirectory of MountDir, got: "
            f'StagePublishBaseDir="{base}" MountDir="{mount}"'
        )


def identity_problems(task: Api) -> Iterator[str]:
    """Why Nomad does not take the identities of a task."""
    for identity in (task["Identity"], *(task["Identities"] or ())):
        yield from nested(f"Identity {quote(identity['Name'])} is invalid: ", _identity_problems(identity))


def _identity_problems(identity: Api) -> Iterator[str]:
    name, mode, signal = identity["Name"], identity["ChangeMode"], identity["ChangeSignal"]
    if not _IDENTITY_NAME.fullmatch(name):
        yield f"invalid name {quote(name)}. Must match regex ^[a-zA-Z0-9-_]{{1,128}}$"
    for number, audience in enumerate(identity["Audience"] or (), 1):
        if not audience:
            yield f"an empty string is an invalid audience ({number})"
    if mode in {"", "noop", "restart"}:
        if signal:
            yield f"can only use change_signal={quote(signal)} with change_mode={quote('signal')}"
    elif mode != "signal":
        yield f"invalid change_mode: {mode}"
    elif not signal:
        yield f"change_signal must be specified when using change_mode={quote('signal')}"
    if identity["TTL"] > 0 and name == "default":
        yield "ttl for default identity not yet supported"
    if identity["TTL"] < 0:
        yield "ttl must be >= 0"
    if identity["Filepath"] and not identity["File"]:
        yield "file parameter must be true in order to specify filepath"


def vault_problems(vault: Api) -> Iterator[str]:
    """Why Nomad takes no such vault block."""
    if vault["ChangeMode"] not in {"noop", "signal", "restart"}:
        yield f"Unknown change mode {quote(vault['ChangeMode'])}"
    if vault["ChangeMode"] == "signal" and not vault["ChangeSignal"]:
        yield f"Signal must be specified when using change mode {quote('signal')}"
