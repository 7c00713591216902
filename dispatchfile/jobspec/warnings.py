"""Warnings about what the embedded agent runs in another way than Nomad does."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Api = Mapping[str, Any]

_REFERENCE: Final = re.compile(r"\$\{([a-zA-Z0-9_\-.]+)\}")
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
    """Return the names of the blocks of a canonical job that have no effect here, each once, in alphabetical order."""
    return sorted(set(_names(job)))


def job_warnings(job: Api) -> list[str]:
    """Return warnings about a canonical job, to be shown before its tasks run here."""
    names = left_aside(job)
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else "".join(names)
    aside = [f"no effect on the embedded agent: {listed}"] if names else []
    return [*aside, *_undecided(job)]


def _undecided(job: Api) -> Iterator[str]:
    """
    Values that refer to others of the same kind: Nomad fills them in the order of a Go map, which is random.

    Source: hashicorp/nomad, client/taskenv/env.go (buildEnv).
    """
    for group in job.get("TaskGroups") or ():
        for task in group.get("Tasks") or ():
            env = task.get("Env") or {}
            meta = {**(job.get("Meta") or {}), **(group.get("Meta") or {}), **(task.get("Meta") or {})}
            metas = {f"NOMAD_META_{key}": value for key, value in meta.items()}
            for what, values in (("env", env), ("meta", metas)):
                for name, target in _references(values):
                    shown, other = name.removeprefix("NOMAD_META_"), f"${{{target}}}"
                    yield f'task "{task["Name"]}": {what} {shown} refers to {other}, which Nomad may leave unresolved'


def _references(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    names = {name.upper() if name.startswith("NOMAD_META_") else name for name in values} | values.keys()
    for name in sorted(values):
        for target in _REFERENCE.findall(values[name]):
            if target in names and target != name:
                yield name, target


def _names(job: Api) -> Iterator[str]:
    for group in job.get("TaskGroups") or ():
        yield from (name for key, name in _OF_A_GROUP.items() if group.get(key))
        for task in group.get("Tasks") or ():
            yield from (name for key, name in _OF_A_TASK.items() if task.get(key))
            if task["Resources"]["Networks"]:
                yield "network"
            if task["Identity"]["Env"] or task["Identity"]["File"]:
                yield "identity"
