"""Job blocks. Source: hashicorp/nomad, nomad/structs/structs.go (Job.Validate) and nomad/job_endpoint_hooks.go."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dispatchfile.jobspec.validation.groups import group_problems, name_problems
from dispatchfile.jobspec.validation.placing import affinity_problems, constraint_problems, spread_problems
from dispatchfile.jobspec.validation.words import nested, numbered, quote

Api = Mapping[str, Any]

_TYPES: Final = ("service", "batch", "system", "sysbatch", "_core")
_CHILD_TYPES: Final = ("batch", "sysbatch")
_PAYLOAD_RULES: Final = ("optional", "required", "forbidden")
_LONGEST_DESCRIPTION: Final = 1000
_HIGHEST_PRIORITY: Final = 100
_LARGEST_COUNT: Final = 50_000


def job_problems(job: Api) -> list[str]:
    """Return all reasons for which Nomad's server refuses a canonical job, in its words. Empty for a good job."""
    return [*_validate(job), *_admission_problems(job)]


def _validate(job: Api) -> Iterator[str]:
    yield from _name_problems(job)
    yield from _type_problems(job["Type"])
    yield from ("Job datacenter must be non-empty string" for name in job["Datacenters"] if not name)
    groups = job["TaskGroups"] or ()
    if not groups:
        yield "Missing job task groups"
    yield from numbered("Constraint", job["Constraints"], constraint_problems)
    yield from numbered("Affinity", job["Affinities"], affinity_problems)
    yield from numbered("Spread", job["Spreads"], spread_problems)
    description = (job["UI"] or {}).get("Description", "")
    if len(description.encode()) > _LONGEST_DESCRIPTION:
        yield f"UI description must be under 1000 characters, currently {len(description.encode())}"
    yield from name_problems([group["Name"] for group in groups], "Job task group", "group")
    for group in groups:
        if (group["ShutdownDelay"] or 0) < 0:
            yield "ShutdownDelay must be a positive value"
    for group in groups:
        yield from nested(f"Task group {group['Name']} validation failed: ", group_problems(group, job["Type"]))
    yield from _launch_problems(job)


def _name_problems(job: Api) -> Iterator[str]:
    job_id, name = job.get("ID") or "", job["Name"] or ""
    if not job_id:
        yield "Missing job ID"
    elif " " in job_id:
        yield "Job ID contains a space"
    elif "\0" in job_id:
        yield "Job ID contains a null character"
    if not name:
        yield "Missing job name"
    elif "\0" in name:
        yield "Job Name contains a null character"


def _type_problems(kind: str) -> Iterator[str]:
    if not kind:
        yield "Missing job type"
    elif kind not in _TYPES:
        yield f"Invalid job type: {quote(kind)}"


def _launch_problems(job: Api) -> Iterator[str]:
    only = 'can only be used with "batch" or "sysbatch" scheduler'
    periodic, parameterized = job["Periodic"], job["ParameterizedJob"]
    if periodic and periodic["Enabled"]:
        if job["Type"] not in _CHILD_TYPES:
            yield f"Periodic {only}"
        yield from nested("", _periodic_problems(periodic))
    if parameterized is not None and not job.get("Dispatched"):
        if job["Type"] not in _CHILD_TYPES:
            yield f"Parameterized job {only}"
        yield from nested("", _parameter_problems(parameterized))


def _periodic_problems(periodic: Api) -> Iterator[str]:
    if periodic["Spec"] and periodic["Specs"]:
        yield "Only cron or crons may be used"
    if not periodic["Spec"] and not periodic["Specs"]:
        yield "Must specify a spec"
    zone = periodic["TimeZone"]
    if not _is_time_zone(zone):
        yield f"Invalid time zone {quote(zone)}: unknown time zone {zone}"


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return name == "Local"
    return True


def _parameter_problems(block: Api) -> Iterator[str]:
    required, optional = block["MetaRequired"] or (), block["MetaOptional"] or ()
    if block["Payload"] not in _PAYLOAD_RULES:
        yield f"Unknown payload requirement: {quote(block['Payload'])}"
    if both := [key for key in optional if key in required]:
        keys = f"Following keys exist in both: [{' '.join(both)}]"
        yield f"Required and optional meta keys should be disjoint. {keys}"


def _admission_problems(job: Api) -> Iterator[str]:
    if job["Type"] == "_core":
        yield "job type cannot be core"
    if not 1 <= job["Priority"] <= _HIGHEST_PRIORITY:
        yield f"job priority must be between [1, {_HIGHEST_PRIORITY}]"
    tasks = [task for group in job["TaskGroups"] or () for task in group["Tasks"] or ()]
    if any((task["Resources"]["NUMA"] or {}).get("Affinity", "none") != "none" for task in tasks):
        yield "numa scheduling requires Nomad Enterprise"
    total = sum(group["Count"] for group in job["TaskGroups"] or ())
    if total > _LARGEST_COUNT:
        yield f"total count was greater than configured job_max_count: {total} > {_LARGEST_COUNT}"
