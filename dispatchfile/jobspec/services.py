"""
Services as Nomad fills them in.

Source: hashicorp/nomad, api/services.go (Service.Canonicalize) and nomad/structs/services.go (Canonicalize).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from dispatchfile.jobspec.durations import UNITS_NS

Api = Mapping[str, Any]

_REFERENCE: Final = re.compile(r"\$\{([a-zA-Z0-9_\-.]+)\}")
_AT_LEAST_NOTHING: Final = ("SuccessBeforePassing", "FailuresBeforeCritical", "FailuresBeforeWarning")


def canonical_services(services: Any, job: Api, group: Api, task: Api | None) -> list[dict[str, object]] | None:
    """*services* with their fields filled in, of a task or, without one, of the group."""
    return [_service(service, job, group, task) for service in services or ()] or None


def _service(service: Api, job: Api, group: Api, task: Api | None) -> dict[str, object]:
    owner = None if task is None else task["Name"]
    name = _service_name(service, str(job["Name"]), str(group["Name"]), owner)
    task_name = service["TaskName"] or owner or ""
    checks = [_check(check, service, name, task_name, is_group=task is None) for check in service["Checks"] or ()]
    kept = {key: value for key, value in service.items() if key != "CheckRestart"}
    return {
        **kept,
        "Name": name,
        "TaskName": task_name,
        "Checks": checks or None,
        "Namespace": job["Namespace"] if service["Provider"] == "nomad" else "default",
        "Weights": _weights(service["Weights"]),
    }


def _service_name(service: Api, job: str, group: str, task: str | None) -> str:
    owner = task or "group"
    name = service["Name"] or "-".join(part for part in (job, group, task) if part)
    values = {"JOB": job, "TASKGROUP": group, "TASK": owner, "BASE": f"{job}-{group}-{owner}"}
    return _REFERENCE.sub(lambda match: values.get(match[1], match[0]), name)


def _weights(weights: Any) -> dict[str, int] | None:
    return None if weights is None else {name: value if value > 0 else 1 for name, value in weights.items()}


def _check(check: Api, service: Api, service_name: str, task_name: str, *, is_group: bool) -> dict[str, object]:
    restart = _merged_restart(service["CheckRestart"], check["CheckRestart"])
    return {
        **check,
        **{key: max(0, check[key]) for key in _AT_LEAST_NOTHING},
        "CheckRestart": restart,
        "Name": check["Name"] or f'service: "{service_name}" check',
        "OnUpdate": check["OnUpdate"] or service["OnUpdate"],
        "TaskName": (check["TaskName"] if is_group else "") or task_name,
    }


def _merged_restart(outer: Any, own: Any) -> dict[str, object] | None:
    if outer is None or own is None:
        only: dict[str, object] | None = own if outer is None else outer
        return only
    return {
        "Limit": own["Limit"] if own["Limit"] > 0 else outer["Limit"],
        "Grace": own["Grace"] if own["Grace"] != UNITS_NS["s"] else outer["Grace"],
        "IgnoreWarnings": own["IgnoreWarnings"] or outer["IgnoreWarnings"],
    }
