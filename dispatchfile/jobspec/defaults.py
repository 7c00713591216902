"""Fills in what Nomad fills in: a job with every key that its server returns."""

import posixpath
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from dispatchfile.jobspec.implied import with_implied_constraints
from dispatchfile.jobspec.services import canonical_services
from dispatchfile.jobspec.shapes import (
    DEFAULT_IDENTITY,
    GROUP,
    JOB,
    RESCHEDULE,
    RESERVED_PORTS,
    RESTART,
    TASK,
    UPDATE,
    BlockSchema,
    Field,
    ValueKind,
)

Api = Mapping[str, Any]
_COLLECTIONS: Final = frozenset({ValueKind.TEXTS, ValueKind.TEXT_MAP, ValueKind.TEXTS_MAP, ValueKind.ANY_MAP})
_NO_UPDATES: Final = {
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
_NEVER_RESCHEDULED: Final = frozenset({"sysbatch", "system"})
_KNOWN_VOLUMES: Final = frozenset({"host", "csi"})
_SCALED_RESOURCES: Final = {"cpu": "vertical_cpu", "mem": "vertical_mem"}


def canonical_job(job: Api) -> dict[str, object]:
    """
    Return an API job with Nomad's defaults for its type; keys that no shape knows are kept, unless they are null.

    Source: hashicorp/nomad, api/jobs.go (Job.Canonicalize), nomad/structs/structs.go (Canonicalize) and what a 2.0.5
    server gives back.
    """
    filled = _filled(job, JOB)
    for key in ("Reschedule", "Migrate"):  # the job's own are only there to be inherited
        filled.pop(key, None)
    if filled["Name"] is None:
        filled["Name"] = job.get("ID") or ""
    filled["Update"] = _job_update(job)
    groups = [_group(group, job, filled) for group in job.get("TaskGroups") or ()]
    filled["TaskGroups"] = [with_implied_constraints(group) for group in groups] or None
    return filled


def _job_update(job: Api) -> dict[str, object]:
    """The groups have it all; of the job's own Nomad keeps two values."""
    update = _filled_block(job.get("Update"), UPDATE)
    if update is None or update["MaxParallel"] <= 0:
        return dict(_NO_UPDATES)
    return {**_NO_UPDATES, "Stagger": update["Stagger"], "MaxParallel": update["MaxParallel"]}


def _group(group: Api, job: Api, filled_job: Api) -> dict[str, object]:
    filled = _filled(group, GROUP)
    filled["Name"] = group.get("Name") or ""
    filled[RESCHEDULE.key] = _reschedule(group, job)
    filled["Update"] = _group_update(group, job)
    filled["Migrate"] = _inherited_migrate(group, job)
    scaling = filled["Scaling"]
    if scaling is not None:
        filled["Count"], filled["Scaling"] = _scaled(group, filled["Count"], scaling, filled_job)
    filled["Networks"] = _networks(group.get("Networks"))
    filled["Volumes"] = _volumes(filled["Volumes"])
    filled["Services"] = canonical_services(filled["Services"], filled_job, filled, None)
    restart = filled[RESTART.key]
    filled["Tasks"] = [_task(task, restart, filled_job, filled) for task in group.get("Tasks") or ()] or None
    return filled


def _group_update(group: Api, job: Api) -> dict[str, object] | None:
    own, inherited = group.get("Update"), _filled_block(job.get("Update"), UPDATE) or {}
    if own is not None:
        return _filled({**inherited, **_given(own)}, UPDATE)
    return inherited if any(inherited.values()) else None


def _inherited_migrate(group: Api, job: Api) -> dict[str, object] | None:
    if group.get("Migrate") is None and job.get("Migrate") is None:
        return None
    return _filled({**_given(job.get("Migrate")), **_given(group.get("Migrate"))}, GROUP.blocks["migrate"])


def _reschedule(group: Api, job: Api) -> object:
    kind = job.get("Type", "service")
    own, inherited = group.get(RESCHEDULE.key), job.get("Reschedule")
    if kind in _NEVER_RESCHEDULED and own is None and inherited is None:
        return None
    given = {**_given(inherited), **_given(own)}
    if kind == "batch":
        return _filled(given, RESCHEDULE)
    return {**(_SERVICE_RESCHEDULING if kind == "service" else _NO_RESCHEDULING), **given}


_NO_RESCHEDULING: Final = {
    "Attempts": 0,
    "Delay": 0,
    "DelayFunction": "",
    "Interval": 0,
    "MaxDelay": 0,
    "Unlimited": False,
}
_SERVICE_RESCHEDULING: Final = {
    "Attempts": 0,
    "Delay": 30 * 10**9,
    "DelayFunction": "exponential",
    "Interval": 0,
    "MaxDelay": 3600 * 10**9,
    "Unlimited": True,
}


def _scaled(group: Api, count: Any, scaling: Any, job: Api) -> tuple[int, dict[str, object]]:
    """A group without a count has the policy's smallest one."""
    if group.get("Count") is None and scaling["Min"] is not None:
        count = scaling["Min"]
    least = count if scaling["Min"] is None else scaling["Min"]
    target = {"Group": group.get("Name") or "", "Job": job.get("ID") or "", "Namespace": job["Namespace"]}
    return count, _policy({**scaling, "Min": least}, scaling["Type"] or "horizontal", target)


def _policy(scaling: Any, kind: str, target: Mapping[str, str]) -> dict[str, object]:
    known = {"CreateIndex": 0, "ID": "", "ModifyIndex": 0}
    return {**known, **scaling, "Type": kind, "Target": dict(target)}


def _networks(networks: Any) -> list[dict[str, object]] | None:
    return [_network(network) for network in networks or ()] or None


def _network(network: Api) -> dict[str, object]:
    """Return the network without empty values, which have no key."""
    filled = _filled(network, GROUP.blocks["network"])
    for key in ("DynamicPorts", "ReservedPorts"):
        ports = [_filled(port, RESERVED_PORTS) for port in network.get(key) or ()]
        filled[key] = [_without_empty({**port, "HostNetwork": port["HostNetwork"] or "default"}) for port in ports]
    return _without_empty(filled)


def _without_empty(values: Api) -> dict[str, object]:
    return {key: value for key, value in values.items() if value}


def _volumes(volumes: Any) -> object:
    """Nomad keeps the kinds that it knows."""
    if not volumes:
        return None
    return {name: volume for name, volume in volumes.items() if volume["Type"] in _KNOWN_VOLUMES}


def _task(task: Api, group_restart: Any, job: Api, group: Api) -> dict[str, object]:
    filled = _filled(task, TASK)
    filled["Name"] = task.get("Name") or ""
    filled[RESTART.key] = {**group_restart, **_given(task.get(RESTART.key))}
    filled["Artifacts"] = [_artifact(artifact) for artifact in filled["Artifacts"] or ()] or None
    filled["Templates"] = [_template(template) for template in filled["Templates"] or ()] or None
    filled["Services"] = canonical_services(filled["Services"], job, group, filled)
    resources = filled["Resources"]
    if resources["CPU"] is None:
        resources["CPU"] = 0 if (task.get("Resources") or {}).get("Cores") is not None else 100
    resources["DiskMB"] = 0  # Nomad's API does not pass it on
    resources["Networks"] = _networks((task.get("Resources") or {}).get("Networks"))
    filled["Vault"] = _vault(filled["Vault"])
    filled["Identity"], filled["Identities"] = _identities(filled)
    filled["ScalingPolicies"] = _task_policies(filled["ScalingPolicies"], job, group, filled)
    return filled


def _task_policies(policies: Any, job: Api, group: Api, task: Api) -> list[dict[str, object]] | None:
    target = {"Group": group["Name"], "Job": job.get("ID") or "", "Namespace": job["Namespace"], "Task": task["Name"]}
    return [
        _policy({**one, "Min": one["Min"] or 0}, _SCALED_RESOURCES.get(one["Type"], one["Type"]), target)
        for one in policies or ()
    ] or None


def _vault(vault: Any) -> dict[str, object] | None:
    if vault is None:
        return None
    kept = {key: value for key, value in vault.items() if key != "Policies"}
    return {**kept, "ChangeSignal": vault["ChangeSignal"].upper()}


def _identities(task: Api) -> tuple[object, object]:
    """The identity that Nomad gives every task stands apart from those it asks for by name."""
    default = _filled(task["Identity"], DEFAULT_IDENTITY)
    named = []
    for one in task["Identities"] or ():
        identity = {**one, "ChangeSignal": one["ChangeSignal"].upper()}
        if identity["Name"] == "default":
            default = identity
        else:
            named.append(identity)
    if default["Name"] == "default":
        default["Audience"] = ["nomadproject.io"]
    return default, named or (None if not task["Identities"] else [])


def _artifact(artifact: Api) -> dict[str, object]:
    if artifact["RelativeDest"] is not None:
        return dict(artifact)
    name = posixpath.basename(artifact["GetterSource"].rstrip("/")) or "/"
    return {**artifact, "RelativeDest": posixpath.join("local", name) if artifact["GetterMode"] == "file" else "local/"}


def _template(template: Api) -> dict[str, object]:
    signal = template["ChangeSignal"]
    if signal is None:
        return {**template, "ChangeSignal": "SIGHUP" if template["ChangeMode"] == "signal" else ""}
    return {**template, "ChangeSignal": signal.upper()}


def _filled(values: Api, shape: BlockSchema) -> dict[str, Any]:
    filled = {**deepcopy(dict(shape.constants)), **_given(values)}
    if shape.label:
        filled.setdefault(shape.label, "")
    for spec in shape.fields.values():
        filled[spec.key] = _or_default(values.get(spec.key), spec)
    for nested in shape.blocks.values():
        filled[nested.key] = _filled_block(values.get(nested.key), nested)
    return filled


def _or_default(value: Any, spec: Field) -> object:
    collapses = spec.fills_empty or (spec.kind in _COLLECTIONS and not spec.keeps_empty)
    is_missing = value is None or (not value and collapses)
    if not is_missing:
        return value
    return list(spec.default) if isinstance(spec.default, tuple) else spec.default


def _filled_block(value: Any, shape: BlockSchema) -> Any:
    if shape.mapped:
        return {name: _filled(item, shape) for name, item in value.items()} if value else None
    if shape.many:
        return [_filled(item, shape) for item in value] if value else None
    if value is None and not shape.always:
        return None
    return _filled(value or {}, shape)


def _given(values: Any) -> dict[str, object]:
    return {key: value for key, value in (values or {}).items() if value is not None}
