"""What Nomad fills in: a job with every key its server gives back."""

import posixpath
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from dispatchfile.jobspec.shapes import GROUP, JOB, RESCHEDULE, RESTART, TASK, Field, Kind, Shape

Api = Mapping[str, Any]


def canonical_job(job: Api) -> dict[str, object]:
    """
    An API job with Nomad's defaults for its type; keys this module does not know are kept, unless they are null.

    Source: hashicorp/nomad, api/jobs.go (Job.Canonicalize) and what a 2.0.5 server gives back.
    """
    filled = _filled(job, JOB)
    for key in ("Reschedule", RESCHEDULE.key):  # the job's own is only there to be inherited
        filled.pop(key, None)
    filled["Name"] = job.get("Name") or job.get("ID")
    for key in ("NodePool", "Namespace", "Region", "Type"):
        filled[key] = filled[key] or _default(JOB, key)
    filled["TaskGroups"] = [_group(group, job) for group in job.get("TaskGroups") or ()] or None
    return filled


def _group(group: Api, job: Api) -> dict[str, object]:
    filled = _filled(group, GROUP)
    filled[RESCHEDULE.key] = _reschedule(group, job)
    restart = filled[RESTART.key]
    filled["Tasks"] = [_task(task, restart) for task in group.get("Tasks") or ()] or None
    return filled


def _reschedule(group: Api, job: Api) -> object:
    given = {**_given(job.get("Reschedule")), **_given(job.get(RESCHEDULE.key)), **_given(group.get(RESCHEDULE.key))}
    if job.get("Type") == "batch":
        return _filled(given, RESCHEDULE)
    return given or None


def _task(task: Api, group_restart: Any) -> dict[str, object]:
    filled = _filled(task, TASK)
    filled[RESTART.key] = {**group_restart, **_given(task.get(RESTART.key))}
    filled["Artifacts"] = [_artifact(artifact) for artifact in filled["Artifacts"] or ()] or None
    filled["Templates"] = [_template(template) for template in filled["Templates"] or ()] or None
    resources = filled["Resources"]
    if resources["CPU"] is None:
        resources["CPU"] = 0 if resources["Cores"] else 100
    return filled


def _artifact(artifact: Api) -> dict[str, object]:
    name = posixpath.basename(artifact["GetterSource"])
    destination = posixpath.join("local", name) if artifact["GetterMode"] == "file" else "local/"
    return {**artifact, "RelativeDest": artifact["RelativeDest"] or destination}


def _template(template: Api) -> dict[str, object]:
    signal = template["ChangeSignal"].upper()
    return {**template, "ChangeSignal": signal or ("SIGHUP" if template["ChangeMode"] == "signal" else "")}


def _filled(values: Api, shape: Shape) -> dict[str, Any]:
    filled = {**deepcopy(dict(shape.constants)), **_given(values)}
    for spec in shape.fields.values():
        filled[spec.key] = _or_default(values.get(spec.key), spec)
    for nested in shape.blocks.values():
        filled[nested.key] = _filled_block(values.get(nested.key), nested)
    return filled


def _or_default(value: Any, spec: Field) -> object:
    if value is None or (not value and spec.kind in (Kind.TEXTS, Kind.TEXT_MAP, Kind.ANY_MAP)):
        return list(spec.default) if isinstance(spec.default, tuple) else spec.default
    return value


def _filled_block(value: Any, shape: Shape) -> Any:
    if shape.many:
        return [_filled(item, shape) for item in value] if value else None
    if value is None and not shape.always:
        return None
    return _filled(value or {}, shape)


def _given(values: Any) -> dict[str, object]:
    return {key: value for key, value in (values or {}).items() if value is not None}


def _default(shape: Shape, key: str) -> object:
    return next(spec.default for spec in shape.fields.values() if spec.key == key)
