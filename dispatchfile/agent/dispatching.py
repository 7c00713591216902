"""
A dispatch: what is asked, why it is refused, and the child it makes.

The order of the checks and all texts are Nomad's. Source: hashicorp/nomad, nomad/job_endpoint.go (Dispatch,
validateDispatchRequest) and nomad/structs/structs.go (DispatchedID).
"""

import base64
import random
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from dispatchfile.agent.golang import Kind, decode_object, quote
from dispatchfile.agent.records import ParameterizedJobConfig, StoredJob

PAYLOAD_LIMIT: Final = 16384

_FIELDS: Final[Mapping[str, Kind]] = {
    "JobID": "string",
    "Payload": "bytes",
    "Meta": "map[string]string",
    "IdPrefixTemplate": "string",
    "Priority": "int",
    "IdempotencyToken": "string",
    "Namespace": "string",
    "Region": "string",
}
_PRIORITIES: Final = range(1, 101)


class DispatchRefused(Exception):
    """Nomad's text for a dispatch that it does not do; it answers 500."""


@dataclass(frozen=True, slots=True)
class JobDispatchRequest:
    """job_id, namespace, region: as the body names them, "" where it does not. priority: 0 is the parent's."""

    payload: bytes = b""
    meta: Mapping[str, str] = field(default_factory=dict)
    id_prefix: str = ""
    priority: int = 0
    token: str = ""
    job_id: str = ""
    namespace: str = ""
    region: str = ""


def read_request(body: bytes) -> JobDispatchRequest:
    """The JSON body of a dispatch; raises GoError with Go's text for what is wrong with it."""
    fields = decode_object(body, "structs.JobDispatchRequest", _FIELDS)
    payload, meta, priority = fields.get("Payload"), fields.get("Meta"), fields.get("Priority")
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    return JobDispatchRequest(
        payload=payload if isinstance(payload, bytes) else b"",
        meta=meta if isinstance(meta, dict) else {},
        id_prefix=texts.get("IdPrefixTemplate", ""),
        priority=priority if isinstance(priority, int) else 0,
        token=texts.get("IdempotencyToken", ""),
        job_id=texts.get("JobID", ""),
        namespace=texts.get("Namespace", ""),
        region=texts.get("Region", ""),
    )


def check(parent: StoredJob | None, job_id: str, request: JobDispatchRequest, rng: random.Random) -> StoredJob:
    """The parent, if it takes the request; raises DispatchRefused. *rng* orders the keys that a refusal lists."""
    if not job_id:
        raise DispatchRefused("missing parameterized job ID")
    if parent is None:
        raise DispatchRefused("parameterized job not found")
    block = parent.spec.parameterized
    if block is None or not parent.is_parameterized:
        raise DispatchRefused(f"Specified job {quote(job_id)} is not a parameterized job")
    if parent.stop:
        raise DispatchRefused(f"Specified job {quote(job_id)} is stopped")
    _check_payload(block, request.payload)
    _check_meta(block, request.meta, rng)
    if (request.priority or parent.priority) not in _PRIORITIES:
        raise DispatchRefused("dispatch job priority must be between [1, 100]")
    return parent


def child_of(parent: StoredJob, request: JobDispatchRequest, now: int) -> StoredJob:
    """The job that a dispatch makes, at *now* in nanoseconds since 1970."""
    prefix = f"{request.id_prefix}-" if request.id_prefix else ""
    child_id = f"{parent.id}/dispatch-{prefix}{now // 10**9}-{secrets.token_hex(4)}"
    return replace(
        parent,
        id=child_id,
        name=child_id,
        parent_id=parent.id,
        dispatched=True,
        status="pending",
        submit_time=now,
        token=request.token,
        priority=request.priority or parent.priority,
        meta={**(parent.meta or {}), **request.meta} or None,
        payload=base64.b64encode(request.payload).decode() if request.payload else None,
    )


def _check_payload(block: ParameterizedJobConfig, payload: bytes) -> None:
    if block.payload == "required" and not payload:
        raise DispatchRefused("Payload is not provided but required by parameterized job")
    if block.payload == "forbidden" and payload:
        raise DispatchRefused("Payload provided but forbidden by parameterized job")
    if len(payload) > PAYLOAD_LIMIT:
        raise DispatchRefused(f"Payload exceeds maximum size; {len(payload)} > {PAYLOAD_LIMIT}")


def _check_meta(block: ParameterizedJobConfig, meta: Mapping[str, str], rng: random.Random) -> None:
    unpermitted = meta.keys() - {*block.meta_required, *block.meta_optional}
    if unpermitted:
        listed = _listed(unpermitted, rng)
        raise DispatchRefused(f"Dispatch request included unpermitted metadata keys: [{listed}]")
    missing = set(block.meta_required) - meta.keys()
    if missing:
        raise DispatchRefused(f"Dispatch did not provide required meta keys: [{_listed(missing, rng)}]")


def _listed(keys: Iterable[str], rng: random.Random) -> str:
    """Go's maps have no order, so neither have the keys in a refusal."""
    return " ".join(rng.sample(sorted(keys), len(set(keys))))
