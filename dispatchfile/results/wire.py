"""Summaries and events as JSON, for scripts."""

from __future__ import annotations

from datetime import UTC, datetime

from dispatchfile.events import Accepted, Doubled, Doubted, Ended, Event, ItemEvent, Moved, Notice, Repeated, Sending
from dispatchfile.results.groups import Group, bad_endings
from dispatchfile.results.items import ItemResult
from dispatchfile.results.summary import RunFacts, Summary
from dispatchfile.results.waits import JobWait
from dispatchfile.source import Position

EVENT_SCHEMA = "dispatchfile/event/v1"
NAMES = {Sending: "sending", Doubted: "doubted", Repeated: "repeated", Doubled: "doubled"}


def summary_json(summary: Summary) -> dict[str, object]:
    """Return the summary in the form of schemas/summary-v1.schema.json."""
    return summary_head_json(summary) | {"items": [item_json(item) for item in summary.items]}


def summary_head_json(summary: Summary) -> dict[str, object]:
    """Return the summary without its items, of which there may be many."""
    requests, groups = summary.requests, bad_endings(summary)
    return {
        "schema": summary.schema,
        "run": summary.run,
        "name": summary.name,
        "manifest": summary.manifest or None,
        "target": summary.target,
        "state": summary.state,
        "wait": summary.wait,
        "exit_code": summary.exit_code,
        "started_at": to_timestamp(summary.started_at),
        "finished_at": to_timestamp(summary.finished_at),
        "duration_s": summary.duration_s,
        "counts": dict(summary.counts),
        "requests": {
            "total": requests.total,
            "dispatches": requests.dispatches,
            "retried": requests.retried,
            "throttled": requests.throttled,
            "peak_connections": requests.peak_connections,
        },
        "doubled": list(summary.doubled),
        "queued": [_wait_json(wait) for wait in summary.waits],
        "process": None if summary.process is None else dict(zip(("pid", "host"), summary.process, strict=True)),
        "groups": [_group_json(group) for group in groups],
        "reruns": [_rerun_json(item, summary) for group in groups for item in group.ids if item in summary.later],
    }


def _group_json(group: Group) -> dict[str, object]:
    return {
        "selector": f"group:{group.name}",
        "outcome": group.outcome.value,
        "cause": group.cause.value if group.cause else None,
        "exit_code": group.exit_code,
        "last_line": group.last_line or None,
        "log_unread": group.log_unread,
        "message": group.message,
        "items": list(group.ids),
    }


def _rerun_json(item: str, summary: Summary) -> dict[str, object]:
    end = summary.later[item]
    return {
        "item": item,
        "run": end.run,
        "outcome": end.outcome.value if end.outcome else None,
        "cause": end.cause.value if end.cause else None,
    }


def _wait_json(wait: JobWait) -> dict[str, object]:
    return {
        "job": wait.job,
        "namespace": wait.namespace,
        "region": wait.region or None,
        "items": wait.items,
        "item": wait.item,
        "message": wait.message,
    }


def item_json(item: ItemResult) -> dict[str, object]:
    """Return one of the summary's items; what is not known is null."""
    return {
        "id": item.id,
        "job": item.job,
        "namespace": item.namespace,
        "region": item.region or None,
        "state": item.state.value,
        "outcome": item.outcome.value if item.outcome else None,
        "cause": item.cause.value if item.cause else None,
        "message": item.message,
        "last_line": item.last_log_line or None,
        "log_unread": item.log_unread,
        "exit_code": item.exit_code,
        "child": item.child or None,
        "eval_id": item.eval_id or None,
        "existing": item.existing,
        "adopted": item.adopted,
        "attempt": item.attempt,
        "starts": item.starts,
        "max_starts": item.max_starts,
        "extra_starts": [reason.value for reason in item.extra_starts],
        "dispatched_at": to_timestamp(item.dispatched_at),
        "finished_at": to_timestamp(item.finished_at),
        "duration_s": item.duration_s,
        "node": item.node or None,
        "alloc_id": item.alloc_id or None,
        "group": item.group or None,
        "alloc_index": item.alloc_index,
        "task": item.task or None,
        "tags": list(item.tags),
        "position": _position_json(item.position),
        "origin": item.source or None,
    }


def _position_json(position: Position | None) -> dict[str, object] | None:
    if position is None or not position.file:  # of a dispatch
        return None
    return {"file": position.file, "line": position.line, "column": position.column}


def to_timestamp(at: float | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_epoch_or_none(timestamp: str) -> float | None:
    """Seconds since the epoch of an RFC 3339 *timestamp*; None for an empty one and for Go's zero time."""
    try:
        seconds = datetime.fromisoformat(timestamp).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def event_json(run: str, event: Event) -> dict[str, object]:
    """Return the event in the form of schemas/event-v1.schema.json."""
    if isinstance(event, Notice):
        return _head(run, event.at, "notice") | {"kind": event.kind.value, "message": event.message}
    return _head(run, event.at, _name(event)) | {"item": event.item, "attempt": event.attempt} | _describe(event)


def run_started_json(facts: RunFacts, *, items: int) -> dict[str, object]:
    """Return the first line of a run's events."""
    return _head(facts.run, facts.started_at, "run_started") | {
        "name": facts.name,
        "manifest": facts.manifest or None,
        "target": facts.target,
        "wait": facts.wait,
        "items": items,
    }


def run_ended_json(summary: Summary) -> dict[str, object]:
    """Return the last line of a run's events, before its summary."""
    return _head(summary.run, summary.finished_at or summary.started_at, "run_ended") | {
        "state": summary.state,
        "exit_code": summary.exit_code,
        "duration_s": summary.duration_s,
        "counts": dict(summary.counts),
    }


def _head(run: str, at: float, event: str) -> dict[str, object]:
    return {"schema": EVENT_SCHEMA, "ts": to_timestamp(at), "run": run, "event": event}


def _name(event: ItemEvent) -> str:
    match event:
        case Accepted():
            return "adopted" if event.adopted else "dispatched"
        case Ended():
            return "ended" if event.retry_at is None else "attempt_ended"
        case Moved():
            return event.state.value
    return NAMES[type(event)]


def _describe(event: ItemEvent) -> dict[str, object]:
    match event:
        case Accepted():
            return _describe_accepted(event)
        case Ended():
            return _describe_ended(event)
        case Moved():
            return {"message": event.message}
        case Repeated():
            return {"reason": event.reason, "throttled": event.throttled}
    return {"reason": event.reason} if isinstance(event, Doubted) else _describe_children(event)


def _describe_children(event: Sending | Doubled) -> dict[str, object]:
    return {"children": list(event.children)} if isinstance(event, Doubled) else {}


def _describe_accepted(event: Accepted) -> dict[str, object]:
    return {"child": event.child, "eval_id": event.eval_id or None, "existing": event.existing}


def _describe_ended(event: Ended) -> dict[str, object]:
    verdict = event.verdict
    return {
        "outcome": verdict.outcome.value,
        "cause": verdict.cause.value if verdict.cause else None,
        "message": verdict.message,
        "exit_code": verdict.exit_code,
        "node": verdict.node or None,
        "starts": verdict.starts,
        "alloc_id": verdict.alloc_id or None,
        "group": verdict.group or None,
        "alloc_index": verdict.alloc_index,
        "task": verdict.task or None,
        "last_line": verdict.last_log_line or None,
        "retry_at": to_timestamp(event.retry_at),
    }
