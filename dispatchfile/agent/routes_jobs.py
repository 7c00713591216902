"""
The routes of jobs: register, list, read, dispatch, stop.

Source: hashicorp/nomad, command/agent/job_endpoint.go and nomad/job_endpoint.go.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from dispatchfile.agent import routes_job_writes as writes
from dispatchfile.agent.core import Core
from dispatchfile.agent.golang import GoError, parse_int
from dispatchfile.agent.http import (
    Answer,
    HttpError,
    HttpRequest,
    Paging,
    Read,
    Reply,
    decoded,
    found,
    missing,
    page_of,
    read_paging,
)
from dispatchfile.agent.records import Key, StoredJob
from dispatchfile.agent.views import alloc_stub, eval_view, job_stub, job_view, status_row, summary_view
from dispatchfile.agent.watches import WatchSet

Route = Callable[[Core, HttpRequest, str], Answer]
"""A route below /v1/job/, with the job's ID."""


# /v1/jobs


def jobs(core: Core, call: HttpRequest) -> Answer:
    if call.method == "GET":
        return _list(core, call)
    call.require("GET", "PUT", "POST")
    return writes.register_job(core, call, "")


def _list(core: Core, call: HttpRequest) -> Answer:
    state, prefix, namespace = core.state, call.get("prefix"), call.wanted_namespace
    paging, with_meta = read_paging(call), call.flag("meta")

    def answer() -> Reply:
        items = _from_token(core, namespace, prefix, paging)
        page, following = page_of(items, paging, job_view, _token)
        rows = [job_stub(job, state.summaries.get(job.key), with_meta=with_meta) for job in page]
        index = max(state.table_index["jobs"], state.table_index["job_summary"])
        return found(rows, index, following)

    return Read(WatchSet(below=(namespace, prefix)), answer)


def _token(job: StoredJob) -> str:
    return f"{job.namespace}.{job.id}"


def _from_token(core: Core, namespace: str | None, prefix: str, paging: Paging) -> Iterable[StoredJob]:
    """Jobs by namespace and ID, from the token's on; a token names the first item of a page."""
    space, _, job_id = paging.start.partition(".")
    if not paging.reverse and space == (namespace or ""):
        return core.state.jobs_below(namespace, prefix, job_id)
    ordered = list(core.state.jobs_below(namespace, prefix))
    start = (space, job_id)
    if paging.reverse:
        return [job for job in reversed(ordered) if not paging.start or job.key <= start]
    return [job for job in ordered if job.key >= start]


def statuses(core: Core, call: HttpRequest) -> Answer:
    call.require("GET", "POST")
    wanted, children = _wanted_statuses(call)
    paging = read_paging(call, bad_filter=500)
    namespace = call.wanted_namespace

    def answer() -> Reply:
        items = _newest_first(core, namespace, wanted)
        if not children:
            items = [job for job in items if not job.parent_id]
        if paging.start.isdigit():
            items = [job for job in items if job.modify_index <= int(paging.start)]
        page, following = page_of(items, paging, job_view, lambda job: str(job.modify_index))
        index = max((job.modify_index for job in page), default=0)
        return found([_status_row(core, job) for job in page], index, following)

    return Read(WatchSet(keys=(("jobs",), ("allocs",))), answer)


def _wanted_statuses(call: HttpRequest) -> tuple[list[Key] | None, bool]:
    """The jobs that are asked for, None for all, and whether children are wanted, too."""
    children = call.flag("include_children")
    if call.method == "GET" or not call.body:
        return None, children
    fields = decoded(call, "structs.JobStatusesRequest", {"Jobs": "any", "IncludeChildren": "bool"})
    jobs_wanted = fields.get("Jobs")
    if not isinstance(jobs_wanted, list) or not jobs_wanted:
        raise HttpError(400, "no jobs in request")
    named = [job for job in jobs_wanted if isinstance(job, dict)]
    keys = [(str(job.get("Namespace") or call.namespace), str(job.get("ID") or "")) for job in named]
    return keys, children or fields.get("IncludeChildren") is True


def _newest_first(core: Core, namespace: str | None, wanted: list[Key] | None) -> list[StoredJob]:
    if wanted is None:
        items = list(core.state.jobs_below(namespace, ""))
    else:
        items = [job for key in wanted if (job := core.state.jobs.get(key)) is not None]
    return sorted(items, key=lambda job: (-job.modify_index, job.key))


def _status_row(core: Core, job: StoredJob) -> dict[str, object]:
    children = None if job.runs_by_itself else [child.status for child in core.state.children_of(job.key)]
    return status_row(job, core.state.allocs_of(job.key), children)


# /v1/job/:id


def one_job(core: Core, call: HttpRequest) -> Answer:
    """Nomad takes what stands at the end of the path for the question, and all before it for the ID."""
    path = call.path.removeprefix("/v1/job/")
    for suffix, route in _SUFFIXES.items():
        if path.endswith(suffix):
            return route(core, call, path.removesuffix(suffix))
    if call.method == "GET":
        return _read(core, call, path)
    if call.method == "DELETE":
        return writes.stop(core, call, path)
    call.require("GET", "PUT", "POST", "DELETE")
    return writes.register_job(core, call, path)


def _object_read(
    core: Core, call: HttpRequest, job_id: str, view: Callable[[StoredJob], tuple[object, int]], table: str = "jobs"
) -> Read:
    """A query for something of one job, or 404."""
    key = (call.namespace, job_id)

    def answer() -> Reply:
        job = core.state.jobs.get(key)
        if job is None:
            index = max(core.state.table_index["jobs"], core.state.table_index["job_summary"])
            return missing("job not found", index)
        return found(*view(job))

    return Read(WatchSet(keys=((table, *key), ("jobs", *key))), answer)


def _read(core: Core, call: HttpRequest, job_id: str) -> Answer:
    return _object_read(core, call, job_id, lambda job: (job_view(job), job.modify_index))


def _summary(core: Core, call: HttpRequest, job_id: str) -> Answer:
    def view(job: StoredJob) -> tuple[object, int]:
        summary = core.state.summaries[job.key]
        return summary_view(summary), summary.modify_index

    key = (call.namespace, job_id)
    read = _object_read(core, call, job_id, view)
    return replace(read, watch=WatchSet(keys=(("job_summary", *key),)))


def _allocations(core: Core, call: HttpRequest, job_id: str) -> Answer:
    call.require("GET")
    key = (call.namespace, job_id)

    def answer() -> Reply:
        allocs = sorted(core.state.allocs_of(key), key=lambda alloc: alloc.id)
        return found([alloc_stub(alloc) for alloc in allocs], core.state.table_index["allocs"])

    return Read(WatchSet(keys=(("allocs", "job", *key),)), answer)


def _evaluations(core: Core, call: HttpRequest, job_id: str) -> Answer:
    call.require("GET")
    key = (call.namespace, job_id)

    def answer() -> Reply:
        evals = sorted(core.state.evals_of(key), key=lambda evaluation: evaluation.id)
        return found([eval_view(evaluation) for evaluation in evals], core.state.table_index["evals"])

    return Read(WatchSet(keys=(("evals", "job", *key),)), answer)


def _versions(core: Core, call: HttpRequest, job_id: str) -> Answer:
    key = (call.namespace, job_id)

    def answer() -> Reply:
        versions = core.state.versions.get(key)
        if not versions:
            return missing("job versions not found", core.state.table_index["jobs"])
        index = versions[0].modify_index
        shown = [job_view(version) for version in versions]
        meta = {"Index": index, "KnownLeader": True, "LastContact": 0, "NextToken": ""}
        return found({"Diffs": None, "Versions": shown, **meta}, index)

    return Read(WatchSet(keys=(("jobs", *key),)), answer)


def _deployments(_core: Core, call: HttpRequest, _job_id: str) -> Answer:
    """Batch jobs have none."""
    call.require("GET")
    return found([], 0)


def _deployment(_core: Core, call: HttpRequest, _job_id: str) -> Answer:
    call.require("GET")
    return found(None, 0)


def _submission(core: Core, call: HttpRequest, _job_id: str) -> Answer:
    """The source of a job is not kept."""
    try:
        parse_int(call.get("version"), "ParseUint")
    except GoError as exc:
        raise HttpError(400, "Unable to parse job submission version parameter") from exc
    call.require("GET")
    return missing("job source not found", core.state.table_index["jobs"])


_SUFFIXES: Final[Mapping[str, Route]] = {
    "/evaluate": writes.evaluate,
    "/allocations": _allocations,
    "/evaluations": _evaluations,
    "/periodic/force": writes.force_periodic,
    "/plan": writes.plan,
    "/summary": _summary,
    "/dispatch": writes.dispatch,
    "/dispatch/payload": writes.dispatch_payload,
    "/versions": _versions,
    "/deployments": _deployments,
    "/deployment": _deployment,
    "/submission": _submission,
}
