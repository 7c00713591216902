"""What a job needs to be run by the embedded agent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dispatchfile.jobspec.body import UnreadableJobError

JOB_TYPES: Final = ("batch", "sysbatch")
PAYLOADS: Final = ("optional", "required", "forbidden")
HOOKS: Final = ("prestart", "poststart", "poststop")
RESTART_MODES: Final = ("fail", "delay")

Api = Mapping[str, Any]


def check_job(job: Api) -> None:
    """Raises UnreadableJobError with the first thing that keeps a job from running. Source: nomad/structs, Validate."""
    for problem in _problems(job):
        raise UnreadableJobError(problem)


def _problems(job: Api) -> Iterator[str]:
    if not job.get("ID"):
        yield "the job has no ID"
    if job["Type"] not in JOB_TYPES:
        yield f'type is "{job["Type"]}", the embedded agent runs batch and sysbatch jobs'
    if not 1 <= job["Priority"] <= 100:
        yield f"priority {job['Priority']} is outside of 1 to 100"
    if (job["ParameterizedJob"] or {}).get("Payload", "optional") not in PAYLOADS:
        yield f"payload is one of {', '.join(PAYLOADS)}"
    if job["Multiregion"]:
        yield "multiregion needs Nomad Enterprise"
    groups = job["TaskGroups"] or ()
    yield from _names(groups, "group")
    for group in groups:
        yield from _group_problems(group, job)


def _names(items: Sequence[Api], kind: str) -> Iterator[str]:
    if not items:
        yield f"there is no {kind}"
    names = [item.get("Name") for item in items]
    for name in names:
        if not name:
            yield f"a {kind} has no name"
        if names.count(name) > 1:
            yield f'two {kind}s are called "{name}"'


def _group_problems(group: Api, job: Api) -> Iterator[str]:
    name = group.get("Name")
    if group["Count"] < 0:
        yield f'group "{name}": count is negative'
    if job["Type"] == "sysbatch" and group["ReschedulePolicy"]:
        yield f'group "{name}": sysbatch jobs are never rescheduled'
    tasks = group["Tasks"] or ()
    yield from _names(tasks, "task")
    for task in tasks:
        yield from (f'task "{task["Name"]}": {problem}' for problem in _task_problems(task))


def _task_problems(task: Api) -> Iterator[str]:
    if not task["Driver"]:
        yield "there is no driver"
    if task["Secrets"]:
        yield "secret needs a secrets provider, which the embedded agent has not"
    if task["Schedule"]:
        yield "schedule needs Nomad Enterprise"
    if (task["Lifecycle"] or {}).get("Hook", "prestart") not in HOOKS:
        yield f"hook is one of {', '.join(HOOKS)}"
    if task["RestartPolicy"]["Mode"] not in RESTART_MODES:
        yield f"restart mode is one of {', '.join(RESTART_MODES)}"
    if task["KillTimeout"] < 0:
        yield "kill_timeout is negative"
