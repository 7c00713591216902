"""Checks whether a job can run on the embedded agent: Nomad's own validation, and what the agent lacks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.body import WITHOUT, JobFileProblem, UnreadableJobError
from dispatchfile.jobspec.tasktemplates import broken_templates, located
from dispatchfile.jobspec.validation import job_problems, joined_problems

JOB_TYPES: Final = ("batch", "sysbatch")

Api = Mapping[str, Any]


def check_job(job: Api, text: str = "") -> None:
    """*text*: of the file it was read from. Raises UnreadableJobError with what keeps a canonical job from running."""
    if problems := job_problems(job):
        raise UnreadableJobError(f"Nomad refuses this job: {joined_problems(problems).strip()}")
    troubles = [JobFileProblem(problem) for problem in unsupported_parts(job)]
    troubles += [JobFileProblem(broken.message, place) for broken, place in located(broken_templates(job), text)]
    if troubles:
        first, *others = troubles
        raise UnreadableJobError(first.message, first.place, others)


def unsupported_parts(job: Api) -> Iterator[str]:
    """Return what Nomad runs and the embedded agent does not."""
    if job["Type"] not in JOB_TYPES:
        yield f'type is "{job["Type"]}", the embedded agent runs batch and sysbatch jobs'
    if job["Multiregion"]:
        yield f"multiregion needs Nomad Enterprise: {WITHOUT}"
    for group in job["TaskGroups"] or ():
        yield from (f'group "{group["Name"]}": {problem}' for problem in _unsupported_in_services(group["Services"]))
        for task in group["Tasks"] or ():
            yield from (f'task "{task["Name"]}": {problem}' for problem in _unsupported_in(task))


def _unsupported_in_services(services: Iterable[Api] | None) -> Iterator[str]:
    """
    Nomad adds a task with the docker driver to a group with a sidecar or a gateway, and places neither without docker.

    Source: hashicorp/nomad, nomad/job_endpoint_hook_connect.go; observed on 2.0.5.
    """
    for service in services or ():
        connect = {key.lower(): value for key, value in (service["Connect"] or {}).items()}  # stays as it is written
        if connect.get("sidecarservice") is not None or connect.get("gateway") is not None:
            yield f"connect adds a docker task, which the embedded agent does not have: {WITHOUT}"


def _unsupported_in(task: Api) -> Iterator[str]:
    if task["Secrets"]:
        yield f"secret needs a secrets provider, which the embedded agent does not have: {WITHOUT}"
    if task["Schedule"]:
        yield f"schedule needs Nomad Enterprise: {WITHOUT}"
