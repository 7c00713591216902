"""`status RUN ITEM -o json`: all about one item, for scripts, as schemas/item-v1.schema.json has it."""

from __future__ import annotations

from dispatchfile.nomad.models import Alloc, Evaluation, TaskState
from dispatchfile.reports.dispatched import ui_address
from dispatchfile.reports.item import NS, masked, next_steps
from dispatchfile.reports.requests import request_record
from dispatchfile.results import LOCAL, item_json, to_epoch_or_none, to_timestamp
from dispatchfile.results.detail import AttemptDetail, InNomad, ItemDetail

ITEM_SCHEMA = "dispatchfile/item/v1"


def item_record(detail: ItemDetail) -> dict[str, object]:
    """Return the item as one object; what is not known is null."""
    result, later = detail.result, detail.later
    has_ui = result.child and detail.target != LOCAL
    return {
        "schema": ITEM_SCHEMA,
        "run": detail.run,
        "run_state": detail.run_state,
        "target": detail.target,
        "item": item_json(result),
        "request": _request(detail),
        "attempts": [_attempt(attempt) for attempt in detail.attempts],
        "nomad": None if detail.nomad is None else _in_nomad(detail.nomad),
        "nomad_unread": detail.unread or None,
        "ui": ui_address(detail.target, result.child, result.namespace) if has_ui else None,
        "rerun": None if later is None else {"run": later.run, "outcome": later.outcome and later.outcome.value},
        "next": next_steps(detail),
    }


def _request(detail: ItemDetail) -> dict[str, object]:
    item = masked(detail.item)
    record = request_record(item, run=detail.run)
    if "payload" in item.sensitive:
        record["payload"] = {"size_bytes": None, "sensitive": True}
    return {key: value for key, value in record.items() if key not in {"item", "tags", "position"}}


def _attempt(attempt: AttemptDetail) -> dict[str, object]:
    verdict = attempt.verdict
    return {
        "number": attempt.number,
        "prefix": attempt.prefix,
        "idempotency_token": attempt.token,
        "may_be_sent": attempt.may_be_sent,
        "doubt": attempt.doubt or None,
        "child": attempt.child or None,
        "eval_id": attempt.eval_id or None,
        "existing": attempt.existing,
        "dispatched_at": to_timestamp(attempt.dispatched_at),
        "seen_running_at": to_timestamp(attempt.seen_running_at),
        "ended_at": to_timestamp(attempt.ended_at),
        "retry_at": to_timestamp(attempt.retry_at),
        "outcome": verdict.outcome.value if verdict else None,
        "cause": verdict.cause.value if verdict and verdict.cause else None,
        "message": verdict.message if verdict else None,
        "exit_code": verdict.exit_code if verdict else None,
        "node": (verdict.node or None) if verdict else None,
        "alloc_id": (verdict.alloc_id or None) if verdict else None,
        "group": (verdict.group or None) if verdict else None,
        "alloc_index": verdict.alloc_index if verdict else None,
        "task": (verdict.task or None) if verdict else None,
        "starts": verdict.starts if verdict else None,
        "last_log_line": (verdict.last_log_line or None) if verdict else None,
    }


def _in_nomad(found: InNomad) -> dict[str, object]:
    return {
        "job_status": found.job_status or None,
        "stopped": found.stopped,
        "waits_for": found.waits_for or None,
        "evaluations": [_evaluation(each) for each in found.evaluations],
        "allocations": [_alloc(alloc) for alloc in found.allocs],
        "logs": [
            {"source": log.source, "stream": log.stream, "lines": list(log.lines), "note": log.note}
            for log in found.logs
        ],
    }


def _evaluation(evaluation: Evaluation) -> dict[str, object]:
    return {
        "id": evaluation.id,
        "status": evaluation.status,
        "description": evaluation.status_description or None,
        "triggered_by": evaluation.triggered_by,
    }


def _alloc(alloc: Alloc) -> dict[str, object]:
    return {
        "id": alloc.id,
        "name": alloc.name.removeprefix(f"{alloc.job_id}."),
        "node_id": alloc.node_id,
        "node_name": alloc.node_name,
        "client_status": alloc.client_status,
        "desired_status": alloc.desired_status,
        "description": alloc.client_description or alloc.desired_description or None,
        "placed_at": to_timestamp(alloc.create_time_ns / NS) if alloc.create_time_ns else None,
        "tasks": [_task(name, state) for name, state in alloc.task_states.items()],
    }


def _task(name: str, state: TaskState) -> dict[str, object]:
    return {
        "name": name,
        "state": state.state,
        "failed": state.failed,
        "restarts": state.restarts,
        "started_at": to_timestamp(to_epoch_or_none(state.started_at)),
        "ended_at": to_timestamp(to_epoch_or_none(state.finished_at)),
    }
