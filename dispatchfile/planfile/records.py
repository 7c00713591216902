"""Items and heads as the plain JSON values of a plan file, and back."""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypedDict

from dispatchfile.items import DispatchRequest, Item, Retry
from dispatchfile.names import JobKey
from dispatchfile.planfile.model import PlanHead, PlannedJob
from dispatchfile.source import Position

MICROSECOND = timedelta(microseconds=1)
PAYLOAD, META = "payload", "meta."


class PlaceRecord(TypedDict):
    """A position."""

    file: str
    line: int
    column: int


class PayloadRecord(TypedDict, total=False):
    """A payload: text if it is UTF-8, else base64."""

    text: str
    base64: str


class RetryRecord(TypedDict):
    """The number of attempts of an item, and when they follow."""

    attempts: int
    on: list[str]
    delay_us: int


class ItemRecord(TypedDict):
    """A line of the plan file."""

    id: str
    job: str
    namespace: str
    region: str
    payload: PayloadRecord | None
    meta: dict[str, str]
    priority: int | None
    idempotency_token: str | None
    id_prefix_template: str
    id_prefix_exact: bool
    timeout_us: int | None
    on_timeout: str
    retry: RetryRecord
    max_starts: int | None
    tags: list[str]
    sensitive: list[str]
    fingerprint: str
    position: PlaceRecord
    row: PlaceRecord | None
    source: str


class JobRecord(TypedDict):
    """A job that items dispatch."""

    namespace: str
    region: str
    job: str
    job_modify_index: int | None


class HeadRecord(TypedDict):
    """The line of the plan file that says what it was made from."""

    name: str
    manifest: str
    manifest_sha256: str
    settings: dict[str, str]
    jobs: list[JobRecord]
    files: dict[str, str]
    globs: dict[str, list[str]]
    left_out: int
    allow_outside: bool
    variables: dict[str, str]
    hidden_variables: list[str]


# Heads


def head_record(head: PlanHead) -> HeadRecord:
    """Return the head as plain values."""
    return {
        "name": head.name,
        "manifest": head.manifest,
        "manifest_sha256": head.manifest_sha256,
        "settings": dict(head.settings),
        "jobs": [_job_record(job) for job in head.jobs],
        "files": dict(head.files),
        "globs": {pattern: list(names) for pattern, names in head.globs.items()},
        "left_out": head.left_out,
        "allow_outside": head.allow_outside,
        "variables": dict(head.variables),
        "hidden_variables": list(head.hidden_variables),
    }


def _job_record(job: PlannedJob) -> JobRecord:
    namespace, region, name = job.key
    return {"namespace": namespace, "region": region, "job": name, "job_modify_index": job.job_modify_index}


def head_of(record: HeadRecord) -> PlanHead:
    """Return the head that the record was made from."""
    return PlanHead(
        name=record["name"],
        manifest=record["manifest"],
        manifest_sha256=record["manifest_sha256"],
        settings=record["settings"],
        jobs=tuple(
            PlannedJob(JobKey(job["namespace"], job["region"], job["job"]), job["job_modify_index"])
            for job in record["jobs"]
        ),
        files=record["files"],
        globs={pattern: tuple(names) for pattern, names in record["globs"].items()},
        left_out=record["left_out"],
        allow_outside=record["allow_outside"],
        variables=record["variables"],
        hidden_variables=tuple(record["hidden_variables"]),
    )


# Items


def item_record(item: Item) -> ItemRecord:
    """Return the item as plain values, without its sensitive ones."""
    request = item.request
    return {
        "id": item.id,
        "job": request.job,
        "namespace": request.namespace,
        "region": request.region,
        "payload": _payload_record(item),
        "meta": {key: value for key, value in request.meta.items() if f"{META}{key}" not in item.sensitive},
        "priority": request.priority,
        "idempotency_token": request.token,
        "id_prefix_template": item.written_prefix,
        "id_prefix_exact": item.exact_prefix,
        "timeout_us": None if item.deadline is None else item.deadline // MICROSECOND,
        "on_timeout": "stop" if item.stop_on_deadline else "leave",
        "retry": {
            "attempts": item.retry.attempts,
            "on": sorted(item.retry.on),
            "delay_us": item.retry.delay // MICROSECOND,
        },
        "max_starts": item.max_starts,
        "tags": list(item.tags),
        "sensitive": sorted(item.sensitive & _present(request)),
        "fingerprint": item.fingerprint,
        "position": _place_record(item.position),
        "row": None if item.row is None else _place_record(item.row),
        "source": item.source,
    }


def _present(request: DispatchRequest) -> set[str]:
    """Return the names that `sensitive` may have of values the request has."""
    names = {f"{META}{key}" for key in request.meta}
    return names | {PAYLOAD} if request.payload else names


def _payload_record(item: Item) -> PayloadRecord | None:
    payload = item.request.payload
    if not payload or PAYLOAD in item.sensitive:
        return None
    try:
        return {"text": payload.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode("ascii")}


def _place_record(place: Position) -> PlaceRecord:
    return {"file": place.file, "line": place.line, "column": place.column}


def item_of(record: ItemRecord) -> Item:
    """Return the item that the record was made from, without sensitive values. Raises ValueError for bad base64."""
    retry, deadline = record["retry"], record["timeout_us"]
    return Item(
        id=record["id"],
        request=_request_of(record),
        fingerprint=record["fingerprint"],
        position=_place_of(record["position"]),
        row=None if record["row"] is None else _place_of(record["row"]),
        written_prefix=record["id_prefix_template"],
        exact_prefix=record["id_prefix_exact"],
        deadline=None if deadline is None else deadline * MICROSECOND,
        stop_on_deadline=record["on_timeout"] == "stop",
        retry=Retry(retry["attempts"], frozenset(retry["on"]), retry["delay_us"] * MICROSECOND),
        max_starts=record["max_starts"],
        tags=tuple(record["tags"]),
        sensitive=frozenset(record["sensitive"]),
        source=record["source"],
    )


def _request_of(record: ItemRecord) -> DispatchRequest:
    return DispatchRequest(
        job=record["job"],
        namespace=record["namespace"],
        region=record["region"],
        payload=_payload_of(record["payload"]),
        meta=record["meta"],
        priority=record["priority"],
        token=record["idempotency_token"],
    )


def _payload_of(record: PayloadRecord | None) -> bytes | None:
    if record is None:
        return None
    if "text" in record:
        return record["text"].encode()
    return base64.b64decode(record["base64"], validate=True)


def _place_of(record: PlaceRecord) -> Position:
    return Position(record["file"], record["line"], record["column"])


# Positions: relative to the manifest's folder in the file, as the user reached the manifest elsewhere


def without_folder(item: Item, manifest: str) -> Item:
    """Return the item with positions relative to the folder of the *manifest*, as messages show that."""
    folder = posixpath.dirname(manifest)
    start = "" if not folder else folder.rstrip("/") + "/"
    return _moved(item, lambda file: file.removeprefix(start))


def with_folder(item: Item, manifest: str) -> Item:
    """Return the item with positions as messages show them where the *manifest* is shown so."""
    folder = posixpath.dirname(manifest)
    return _moved(item, lambda file: posixpath.join(folder, file)) if folder else item


def _moved(item: Item, move: Callable[[str], str]) -> Item:
    position = replace(item.position, file=move(item.position.file))
    row = item.row and replace(item.row, file=move(item.row.file))
    file = (item.row or item.position).file
    source = item.source
    if source.startswith(f"{file}:"):
        source = move(file) + source.removeprefix(file)
    return replace(item, position=position, row=row, source=source)
