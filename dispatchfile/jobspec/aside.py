"""What a job asks for that the embedded agent leaves aside: its tasks run without it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Api = Mapping[str, Any]

_OF_A_GROUP: Final = {
    "Networks": "network",
    "Services": "service",
    "Volumes": "volume",
    "Consul": "consul",
    "Scaling": "scaling",
}
_OF_A_TASK: Final = {
    "Services": "service",
    "Vault": "vault",
    "Consul": "consul",
    "Identities": "identity",
    "VolumeMounts": "volume_mount",
    "CSIPluginConfig": "csi_plugin",
    "ScalingPolicies": "scaling",
    "Actions": "action",
}


def left_aside(job: Api) -> list[str]:
    """The names of the blocks of a canonical job that have no effect here, each once, in alphabetical order."""
    return sorted(set(_names(job)))


def aside_warning(job: Api) -> str:
    """One sentence about all of them; empty if there are none."""
    names = left_aside(job)
    if not names:
        return ""
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"no effect on the embedded agent: {listed}"


def _names(job: Api) -> Iterator[str]:
    for group in job.get("TaskGroups") or ():
        yield from (name for key, name in _OF_A_GROUP.items() if group.get(key))
        for task in group.get("Tasks") or ():
            yield from (name for key, name in _OF_A_TASK.items() if task.get(key))
            if task["Resources"]["Networks"]:
                yield "network"
            if task["Identity"]["Env"] or task["Identity"]["File"]:
                yield "identity"
