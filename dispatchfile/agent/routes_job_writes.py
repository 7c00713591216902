"""
The routes that change jobs: register, plan, dispatch, stop; and the checks that change nothing.

Source: hashicorp/nomad, command/agent/job_endpoint.go and nomad/job_endpoint.go.
"""

import secrets
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from dispatchfile.agent.core import REGION, Core
from dispatchfile.agent.dispatching import DispatchRefused, JobDispatchRequest, check, child_of, read_request
from dispatchfile.agent.golang import GoError, Kind
from dispatchfile.agent.http import HttpError, HttpRequest, Reply, decoded
from dispatchfile.agent.jobdiff import job_difference
from dispatchfile.agent.plans import draw_up
from dispatchfile.agent.reconcile import Situation, reconcile
from dispatchfile.agent.records import StoredEvaluation, StoredJob
from dispatchfile.agent.scheduler import WriteResult
from dispatchfile.agent.submitted import MalformedJob, Submitted, joined_problems, problems_of, read_submitted
from dispatchfile.agent.views import annotations_view
from dispatchfile.jobspec import GivenValues, JobspecError, read_job, read_variable_file
from dispatchfile.jobspec.apiform import folded
from dispatchfile.jobspec.warnings import job_warnings

_REGISTER: Final[Mapping[str, Kind]] = {
    "Diff": "bool",
    "Job": "any",
    "EnforceIndex": "bool",
    "JobModifyIndex": "int",
}
_META: Final = {"KnownLeader": False, "LastContact": 0, "NextToken": ""}


def parse(core: Core, call: HttpRequest) -> Reply:
    """
    HCL to the API's JSON, with the defaults filled in whether they are asked for or not; nothing is checked.

    ``Variables`` are the contents of a variable file; those that the job does not declare are left aside, as on Nomad.
    """
    call.require("PUT", "POST")
    fields = decoded(call, "api.JobsParseRequest", {"JobHCL": "string", "Variables": "string", "Canonicalize": "bool"})
    text, variables = fields.get("JobHCL"), fields.get("Variables")
    if not isinstance(text, str) or not text:
        raise HttpError(400, "Job spec is empty")
    with tempfile.TemporaryDirectory(dir=core.scratch) as folder:
        path = Path(folder, "input.hcl")
        path.write_text(text, encoding="utf-8")
        try:
            given = _given_values(Path(folder, "variables.hcl"), variables)
            return Reply(read_job(path, given, reads_files=False, checks=False))
        except JobspecError as exc:
            place = "" if exc.line is None else f"{exc.line},{exc.column}: "
            raise HttpError(400, f"Failed to parse job: input.hcl:{place}{exc.message}") from exc


def _given_values(path: Path, variables: object) -> GivenValues:
    if not isinstance(variables, str) or not variables.strip():
        return GivenValues()
    path.write_text(variables, encoding="utf-8")
    return GivenValues(files=((path, read_variable_file(path)),))


def validate(core: Core, call: HttpRequest) -> Reply:
    call.require("PUT", "POST")
    submitted = _submitted(call, decoded(call, "api.JobValidateRequest", _REGISTER))
    problems = problems_of(submitted, core.state.namespaces)
    return Reply(
        {
            "DriverConfigValidated": True,
            "Error": joined_problems(problems) if problems else "",
            "ValidationErrors": problems or None,
            "Warnings": _warnings(submitted.document),
        }
    )


def _submitted(call: HttpRequest, fields: Mapping[str, object]) -> Submitted:
    document = fields.get("Job")
    if not isinstance(document, dict):
        raise HttpError(400, "Job must be specified")
    try:
        submitted = read_submitted(document, call.namespace)
    except MalformedJob as exc:
        raise HttpError(400, f"json: {exc}") from exc
    _check_region(call.get("region"), submitted.region)
    return submitted


def _warnings(document: Mapping[str, object]) -> str:
    """Return the warnings as hashicorp/go-multierror prints them."""
    warnings = job_warnings(document)
    listed = "".join(f"* {warning}\n" for warning in warnings)
    return f"{len(warnings)} warning{'s' * (len(warnings) > 1)}:\n\n{listed}" if warnings else ""


def _check_region(*names: str) -> None:
    for name in names:
        if name:
            if name != REGION:
                raise HttpError(500, "No path to region")
            return


def register_job(core: Core, call: HttpRequest, job_id: str) -> Reply:
    fields = decoded(call, "api.JobRegisterRequest", _REGISTER)
    document = fields.get("Job")
    if isinstance(document, dict) and not any(folded(key) == "id" and document[key] is not None for key in document):
        raise HttpError(400, "Job ID hasn't been provided")
    submitted = _submitted(call, fields)
    if job_id and submitted.id != job_id:
        raise HttpError(400, "Job ID does not match name")
    if problems := problems_of(submitted, core.state.namespaces):
        raise HttpError(500, joined_problems(problems))
    known = core.state.jobs.get((submitted.namespace, submitted.id))
    _enforce_index(fields, known)
    written = register(core, submitted)
    job = core.state.jobs[submitted.namespace, submitted.id]
    return Reply(_registered(written, job), index=written.index)


def _enforce_index(fields: Mapping[str, object], known: StoredJob | None) -> None:
    if fields.get("EnforceIndex") is not True:
        return
    wanted = fields.get("JobModifyIndex") or 0
    if known is None and wanted != 0:
        raise HttpError(500, f"Enforcing job modify index {wanted}: job does not exist")
    if known is not None and wanted == 0:
        raise HttpError(500, "Enforcing job modify index 0: job already exists")
    if known is not None and wanted != known.job_modify_index:
        raise HttpError(
            500,
            f"Enforcing job modify index {wanted}: job exists with conflicting job modify index: "
            f"{known.job_modify_index}",
        )


def register(core: Core, submitted: Submitted) -> WriteResult:
    """Store a job that has no problems; one that says nothing new is only looked at again."""
    job = StoredJob(
        namespace=submitted.namespace,
        id=submitted.id,
        name=submitted.name,
        spec=submitted.spec,
        priority=submitted.priority,
        meta=submitted.meta,
        submit_time=core.state.now_ns(),
    )
    known = core.state.jobs.get(job.key)
    if known is None or not _says_the_same(known, job):
        return core.scheduler.add_job(job)
    if known.runs_by_itself:
        return core.scheduler.evaluate_job(known)
    return WriteResult(known.modify_index)


def _says_the_same(known: StoredJob, job: StoredJob) -> bool:
    return (
        not known.stop
        and known.spec.document == job.spec.document
        and (known.name, known.priority, known.meta) == (job.name, job.priority, job.meta)
    )


def _registered(written: WriteResult, job: StoredJob) -> dict[str, object]:
    evaluation = written.evaluation
    return {
        "EvalCreateIndex": evaluation.create_index if evaluation else 0,
        "EvalID": evaluation.id if evaluation else "",
        "Index": written.index,
        "JobModifyIndex": job.modify_index,
        "Warnings": _warnings({**job.spec.document, "Meta": job.meta}),
        **_META,
    }


def plan(core: Core, call: HttpRequest, job_id: str) -> Reply:
    call.require("PUT", "POST")
    fields = decoded(call, "api.JobPlanRequest", _REGISTER)
    submitted = _submitted(call, fields)
    if submitted.id != job_id:
        raise HttpError(400, "Job ID does not match")
    if problems := problems_of(submitted, core.state.namespaces):
        raise HttpError(500, joined_problems(problems))
    known = core.state.jobs.get((submitted.namespace, submitted.id))
    with_diff = fields.get("Diff") is True
    return Reply(_planned(core, submitted, known, with_diff=with_diff), index=known.job_modify_index if known else 0)


def _planned(core: Core, submitted: Submitted, known: StoredJob | None, *, with_diff: bool) -> dict[str, object]:
    """Return what a registration would do, without doing it."""
    now = core.state.now_ns()
    job = StoredJob(
        namespace=submitted.namespace,
        id=submitted.id,
        name=submitted.name,
        spec=submitted.spec,
        priority=submitted.priority,
        meta=submitted.meta,
        submit_time=now,
        version=known.version + 1 if known else 0,
    )
    evaluation = StoredEvaluation("", job.namespace, job.id, job.spec.type, job.priority, "job-register", now, now)
    situation = Situation(job, evaluation, core.node, now)
    wanted = reconcile(situation, core.state.allocs_of(job.key))
    failed = draw_up(situation, wanted, frozenset()).failed
    index = known.job_modify_index if known else 0
    return {
        "Annotations": annotations_view(wanted.updates),
        "CreatedEvals": None,
        "Diff": _diff(job, known, wanted.updates) if with_diff else None,
        "FailedTGAllocs": failed,
        "Index": index,
        "JobModifyIndex": index,
        "NextPeriodicLaunch": None,
        "Warnings": _warnings({**job.spec.document, "Meta": job.meta}),
    }


def _diff(job: StoredJob, known: StoredJob | None, updates: Mapping[str, Mapping[str, int]]) -> dict[str, object]:
    same = known is not None and _says_the_same(known, job)
    words = {name: _update_words(change) for name, change in updates.items()}
    return job_difference(job, known, same=same, updates=words)


def _update_words(change: Mapping[str, int]) -> dict[str, int]:
    words = {"Place": "create", "Stop": "destroy", "Ignore": "ignore", "Migrate": "migrate"}
    words["DestructiveUpdate"] = "create/destroy update"
    return {words[name]: count for name, count in change.items() if count and name in words}


def stop(core: Core, call: HttpRequest, job_id: str) -> Reply:
    if not job_id:
        raise HttpError(500, "missing job ID for deregistering")
    job = core.state.jobs.get((call.namespace, job_id))
    purge = call.flag("purge")
    written = core.scheduler.stop_job(job, purge=purge) if job is not None else WriteResult(0)
    return Reply(
        {
            "EvalCreateIndex": written.index,
            "EvalID": written.evaluation.id if written.evaluation else "",
            "Index": written.index,
            "JobModifyIndex": written.index,
            "VolumeEvalID": "",
            "VolumeEvalIndex": 0,
            **_META,
        },
        index=written.index,
    )


def evaluate(core: Core, call: HttpRequest, job_id: str) -> Reply:
    call.require("PUT", "POST")
    if call.body:
        fields = decoded(call, "structs.JobEvaluateRequest", {"JobID": "string"})
        if not fields.get("JobID"):
            raise HttpError(400, "Job ID must be specified")
        if fields["JobID"] != job_id:
            raise HttpError(400, "JobID not same as job name")
    job = core.state.jobs.get((call.namespace, job_id))
    if job is None:
        raise HttpError(500, "job not found")
    if not job.runs_by_itself:
        kind = "periodic" if job.spec.periodic else "parameterized"
        raise HttpError(500, f"can't evaluate {kind} job")
    written = core.scheduler.evaluate_job(job)
    return Reply(_registered(written, job), index=written.index)


def force_periodic(core: Core, call: HttpRequest, job_id: str) -> Reply:
    call.require("PUT", "POST")
    job = core.state.jobs.get((call.namespace, job_id))
    if job is None or not job.spec.periodic or job.is_parameterized:
        raise HttpError(500, "can't force launch non-periodic job" if job else "job not found")
    written = core.scheduler.launch_periodic(job)
    evaluation = written.evaluation
    body = {
        "EvalCreateIndex": evaluation.create_index if evaluation else 0,
        "EvalID": evaluation.id if evaluation else "",
        "Index": written.index,
    }
    return Reply(body, index=written.index)


# dispatch


def dispatch(core: Core, call: HttpRequest, job_id: str) -> Reply:
    call.require("PUT", "POST")
    try:
        request = read_request(call.body)
    except GoError as exc:
        raise HttpError(400, str(exc)) from exc
    if request.job_id and request.job_id != job_id:
        raise HttpError(400, "Job ID does not match")
    return _dispatched(core, call, job_id, request)


def dispatch_payload(core: Core, call: HttpRequest, job_id: str) -> Reply:
    """The whole body is the payload."""
    call.require("PUT", "POST")
    return _dispatched(core, call, job_id, JobDispatchRequest(payload=call.body))


def _dispatched(core: Core, call: HttpRequest, job_id: str, request: JobDispatchRequest) -> Reply:
    _check_region(call.get("region"), request.region)
    namespace = call.get("namespace") or request.namespace or "default"
    request = replace(request, token=call.get("idempotency_token") or request.token)
    try:
        parent = check(core.state.jobs.get((namespace, job_id)), job_id, request, core.rng)
    except DispatchRefused as exc:
        raise HttpError(500, str(exc)) from exc
    if request.token and (known := core.state.dispatched_with(parent.key, request.token)):
        return _dispatch_reply(known.id, WriteResult(known.modify_index), created=known.create_index)
    child = child_of(parent, request, core.state.now_ns())
    written = core.scheduler.add_job(child)
    return _dispatch_reply(child.id, written, created=written.index)


def _dispatch_reply(child_id: str, written: WriteResult, *, created: int) -> Reply:
    evaluation = written.evaluation
    body = {
        "DispatchedJobID": child_id,
        "EvalCreateIndex": evaluation.create_index if evaluation else 0,
        "EvalID": evaluation.id if evaluation else "",
        "Index": written.index,
        "JobCreateIndex": created,
    }
    return Reply(body, index=written.index)


def with_phantom(reply: Reply) -> Reply:
    """
    The answer that the loser of a race for a token gets: a child and an evaluation that do not exist.

    Only a new child can have been raced for; everything else is answered as it is.
    """
    body = reply.body
    if not isinstance(body, dict) or not body.get("EvalID"):
        return reply
    child_id = body["DispatchedJobID"].rpartition("-")[0] + f"-{secrets.token_hex(4)}"
    index = body["Index"] + 1
    phantom = {
        "DispatchedJobID": child_id,
        "EvalCreateIndex": index,
        "EvalID": str(uuid.uuid4()),
        "Index": index,
        "JobCreateIndex": index,
    }
    return Reply(phantom, index=index)
