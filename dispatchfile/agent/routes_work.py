"""
The routes of evaluations, allocations, task logs and the event stream.

Source: hashicorp/nomad, command/agent/eval_endpoint.go, alloc_endpoint.go, fs_endpoint.go, event_endpoint.go.
"""

import operator
from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

from dispatchfile.agent.core import Core
from dispatchfile.agent.golang import GoError, parse_bool, parse_int, quote
from dispatchfile.agent.http import (
    Answer,
    HttpError,
    HttpRequest,
    Paging,
    Read,
    Reply,
    Stream,
    check_uuid,
    check_uuid_prefix,
    found,
    missing,
    page_of,
    read_paging,
)
from dispatchfile.agent.logs import LogRequest, log_chunks
from dispatchfile.agent.records import Allocation, StoredEvaluation, TaskSpec, Transition
from dispatchfile.agent.streams import Subscription, TopicError, event_lines, read_topics
from dispatchfile.agent.views import alloc_stub, alloc_view, eval_fields, eval_view, filterable_alloc
from dispatchfile.agent.watches import WatchSet

_NO_USAGE: Final = {
    "CpuStats": {
        "Measured": None,
        "Percent": 0.0,
        "SystemMode": 0.0,
        "ThrottledPeriods": 0,
        "ThrottledTime": 0,
        "TotalTicks": 0.0,
        "UserMode": 0.0,
    },
    "DeviceStats": [],
    "MemoryStats": {
        "Cache": 0,
        "KernelMaxUsage": 0,
        "KernelUsage": 0,
        "MappedFile": 0,
        "MaxUsage": 0,
        "Measured": None,
        "RSS": 0,
        "Swap": 0,
        "Usage": 0,
    },
}


class _ListedRecord(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def create_index(self) -> int: ...


_R = TypeVar("_R", bound=_ListedRecord)


# lists


def _begun(records: Iterable[_R], prefix: str, paging: Paging) -> list[_R]:
    """Oldest first, or by ID below a prefix; from the token's item on."""
    if prefix:
        ordered = sorted((record for record in records if record.id.startswith(prefix)), key=lambda one: one.id)
    else:
        ordered = sorted(records, key=lambda record: (record.create_index, record.id))
    if paging.reverse:
        ordered.reverse()
    if not paging.start:
        return ordered
    start = paging.start if prefix else _create_order(paging.start)
    places = [record.id if prefix else (record.create_index, record.id) for record in ordered]
    is_before = operator.gt if paging.reverse else operator.lt
    return [record for record, place in zip(ordered, places, strict=True) if not is_before(place, start)]


def _create_order(token: str) -> tuple[int, str]:
    index, _, record_id = token.partition(".")
    return int(index) if index.isdigit() else 0, record_id


def _token(record: _ListedRecord, prefix: str) -> str:
    return record.id if prefix else f"{record.create_index}.{record.id}"


def evaluations(core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    prefix, namespace = call.get("prefix"), call.wanted_namespace
    status, job_id = call.get("status"), call.get("job")
    if call.get("filter") and (status or job_id):
        raise HttpError(400, "Filter expression cannot be used with other filter parameters")
    check_uuid_prefix(prefix, "eval lookup failed")
    paging = read_paging(call)

    def is_wanted(one: StoredEvaluation) -> bool:
        return (
            (namespace is None or one.namespace == namespace)
            and (not status or one.status == status)
            and (not job_id or one.job_id == job_id)
        )

    def answer() -> Reply:
        items = _begun(filter(is_wanted, core.state.evals.values()), prefix, paging)
        page, following = page_of(items, paging, eval_fields, lambda one: _token(one, prefix))
        return found([eval_view(one) for one in page], core.state.table_index["evals"], following)

    return Read(WatchSet(keys=(("evals",),)), answer)


def allocations(core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    prefix, namespace = call.get("prefix"), call.wanted_namespace
    check_uuid_prefix(prefix, "alloc lookup failed")
    paging = read_paging(call)
    with_states = call.get("task_states") == "" or call.flag("task_states")
    with_resources = call.flag("resources")

    def answer() -> Reply:
        allocs = core.state.allocs.values()
        items = _begun((a for a in allocs if namespace is None or a.job.namespace == namespace), prefix, paging)
        page, following = page_of(items, paging, filterable_alloc, lambda one: _token(one, prefix))
        rows = [alloc_stub(alloc, with_task_states=with_states, with_resources=with_resources) for alloc in page]
        return found(rows, core.state.table_index["allocs"], following)

    return Read(WatchSet(keys=(("allocs",),)), answer)


# single ones


def one_evaluation(core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    eval_id = call.path.removeprefix("/v1/evaluation/")
    if eval_id.endswith("/allocations"):
        return _allocs_by_eval(core, eval_id.removesuffix("/allocations"))
    check_uuid(eval_id, "failed to lookup eval: eval lookup failed")
    with_related = call.flag("related")

    def answer() -> Reply:
        evaluation = core.state.evals.get(eval_id)
        if evaluation is None:
            return missing("eval not found", core.state.table_index["evals"])
        related = _related(core, evaluation) if with_related else None
        return found(eval_view(evaluation, related), evaluation.modify_index)

    return Read(WatchSet(keys=(("evals", eval_id),)), answer)


def _related(core: Core, evaluation: StoredEvaluation) -> list[StoredEvaluation]:
    """Return the evaluations that name it or that it names, and theirs."""
    family = {one.id: one for one in core.state.evals_of(evaluation.key)}
    known, ahead = {evaluation.id}, [evaluation]
    while ahead:
        one = ahead.pop()
        named = {one.previous_eval, one.next_eval, one.blocked_eval}
        named |= {other.id for other in family.values() if one.id in (other.previous_eval, other.blocked_eval)}
        fresh = [family[name] for name in named - known if name in family]
        known |= {other.id for other in fresh}
        ahead += fresh
    return [family[name] for name in family if name in known and name != evaluation.id]


def _allocs_by_eval(core: Core, eval_id: str) -> Answer:
    check_uuid(eval_id)

    def answer() -> Reply:
        allocs = sorted(core.state.allocs_by(eval_id), key=lambda alloc: alloc.id)
        return found([alloc_stub(alloc) for alloc in allocs], core.state.table_index["allocs"])

    return Read(WatchSet(keys=(("allocs", "eval", eval_id),)), answer)


def one_allocation(core: Core, call: HttpRequest) -> Answer:
    alloc_id = call.path.removeprefix("/v1/allocation/")
    if alloc_id.endswith("/stop"):
        return _stop(core, call, alloc_id.removesuffix("/stop"))
    if "/" in alloc_id:
        raise HttpError(404, "resource not found")
    call.require("GET")
    check_uuid(alloc_id, "alloc lookup failed")

    def answer() -> Reply:
        alloc = core.state.allocs.get(alloc_id)
        if alloc is None:
            return missing("alloc not found", core.state.table_index["allocs"])
        return found(alloc_view(alloc), alloc.modify_index)

    return Read(WatchSet(keys=(("allocs", alloc_id),)), answer)


def _stop(core: Core, call: HttpRequest, alloc_id: str) -> Answer:
    call.require("PUT", "POST")
    transition = Transition(
        migrate=True,
        no_shutdown_delay=call.flag("no_shutdown_delay"),
        reschedule=call.flag("reschedule"),
    )
    check_uuid(alloc_id, "alloc lookup failed")
    alloc = core.state.allocs.get(alloc_id)
    if alloc is None:
        raise HttpError(404, "allocation not found")
    written = core.scheduler.stop_alloc(alloc, transition)
    eval_id = written.evaluation.id if written.evaluation else ""
    return Reply({"EvalID": eval_id, "Index": written.index}, index=written.index)


# what the client side of an agent answers


def logs(core: Core, call: HttpRequest) -> Answer:
    alloc_id = call.path.removeprefix("/v1/client/fs/logs/")
    if not alloc_id:
        raise HttpError(400, "must provide a valid alloc id")
    request = _log_request(call)
    alloc = _client_alloc(core, alloc_id)
    task, kind = call.get("task"), call.get("type")
    if task not in _task_names(alloc):
        raise HttpError(400, f"unknown task name {quote(task)}")
    state = (alloc.task_states or {}).get(task, {})
    if not state.get("StartedAt"):
        raise HttpError(404, f"task {quote(task)} not started yet. No logs available")
    if any(known.name == task and known.logs_disabled for known in _tasks(alloc)):
        raise HttpError(404, f"log entry for task {quote(task)} and log type {quote(kind)} not found")
    path = core.log_file(alloc_id, task, kind)
    name = f"alloc/logs/{task}.{kind}.0"
    content = "text/plain" if request.plain else "application/json"
    return Stream(content, log_chunks(path, name, request))


def _log_request(call: HttpRequest) -> LogRequest:
    if not call.get("task"):
        raise HttpError(400, "must provide task name")
    follow = _client_flag(call, "follow")
    if call.get("type") not in {"stdout", "stderr"}:
        raise HttpError(400, "must provide log type (stdout/stderr)")
    try:
        offset = parse_int(call.get("offset") or "0")
    except GoError as exc:
        raise HttpError(400, f"error parsing offset: {exc}") from exc
    if call.get("origin") not in {"", "start", "end"}:
        raise HttpError(400, "origin must be start or end")
    return LogRequest(
        offset=max(0, offset),
        origin="end" if call.get("origin") == "end" else "start",
        follow=follow,
        plain=_client_flag(call, "plain"),
    )


def _client_flag(call: HttpRequest, name: str) -> bool:
    text = call.get(name)
    try:
        return bool(text) and parse_bool(text)
    except GoError as exc:
        raise HttpError(400, f"failed to parse {name} field to boolean: {exc}") from exc


def _client_alloc(core: Core, alloc_id: str) -> Allocation:
    check_uuid(alloc_id, "alloc lookup failed")
    alloc = core.state.allocs.get(alloc_id)
    if alloc is None:
        raise HttpError(404, f"Unknown allocation {quote(alloc_id)}")
    return alloc


def _tasks(alloc: Allocation) -> tuple[TaskSpec, ...]:
    group = alloc.job.spec.group(alloc.group)
    return group.tasks if group else ()


def _task_names(alloc: Allocation) -> list[str]:
    return [task.name for task in _tasks(alloc)]


def client_allocation(core: Core, call: HttpRequest) -> Answer:
    """Answer with the resources that the tasks use. Nothing is measured here."""
    path = call.path.removeprefix("/v1/client/allocation/")
    if not path.endswith("/stats"):
        raise HttpError(404, "resource not found")
    alloc = _client_alloc(core, path.removesuffix("/stats"))
    usage = {"ResourceUsage": _NO_USAGE, "Pids": {}, "Timestamp": core.state.now_ns()}
    tasks = dict.fromkeys(_task_names(alloc), usage)
    return Reply({"ResourceUsage": _NO_USAGE, "Tasks": tasks, "Timestamp": core.state.now_ns()})


# events


def event_stream(core: Core, call: HttpRequest) -> Answer:
    call.require("GET")
    try:
        index = parse_int(call.get("index") or "0")
    except GoError as exc:
        reason = str(exc).replace("ParseInt", "Atoi")
        raise HttpError(400, f"Unable to parse index: {reason}") from exc
    try:
        topics = read_topics(call.query.get("topic", ()))
    except TopicError as exc:
        raise HttpError(400, str(exc)) from exc
    subscription = Subscription(topics, call.wanted_namespace, index)
    return Stream("application/json", event_lines(core.state, subscription), hijacks=True)
