"""What keeps a job from running on the embedded agent: Nomad's own validation, and what the agent lacks."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.body import UnreadableJobError
from dispatchfile.jobspec.tasktemplates import broken_templates
from dispatchfile.jobspec.validation import job_problems, joined_problems

JOB_TYPES: Final = ("batch", "sysbatch")

Api = Mapping[str, Any]


def check_job(job: Api, text: str = "") -> None:
    """*text*: of the file it was read from. Raises UnreadableJobError with what keeps a canonical job from running."""
    if problems := job_problems(job):
        raise UnreadableJobError(f"Nomad refuses this job: {joined_problems(problems).strip()}")
    for problem in unsupported_parts(job):
        raise UnreadableJobError(problem)
    for broken in broken_templates(job):
        raise UnreadableJobError(broken.message, broken.place_in(text))


def unsupported_parts(job: Api) -> Iterator[str]:
    """What Nomad runs and the embedded agent does not."""
    if job["Type"] not in JOB_TYPES:
        yield f'type is "{job["Type"]}", the embedded agent runs batch and sysbatch jobs'
    if job["Multiregion"]:
        yield "multiregion needs Nomad Enterprise"
    for group in job["TaskGroups"] or ():
        for task in group["Tasks"] or ():
            yield from (f'task "{task["Name"]}": {problem}' for problem in _unsupported_in(task))


def _unsupported_in(task: Api) -> Iterator[str]:
    if task["Secrets"]:
        yield "secret needs a secrets provider, which the embedded agent does not have"
    if task["Schedule"]:
        yield "schedule needs Nomad Enterprise"
