"""The paths, queries and bodies of requests, as Nomad wants them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlencode

ENCODER = json.JSONEncoder(separators=(",", ":"))


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"/v1/job/{quote(job_id, safe='')}"


def with_query(path: str, **query: str) -> str:
    """Return the path with a query of what is not empty."""
    given = {key: value for key, value in query.items() if value}
    return f"{path}?{urlencode(given, quote_via=quote, safe='')}" if given else path


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets in a connection's own namespace and region, where no others are given."""

    namespace: str
    region: str

    def of(self, path: str, namespace: str, region: str, **query: str) -> str:
        """Return the path with a query of what is not empty."""
        return with_query(path, namespace=namespace or self.namespace, region=region or self.region, **query)

    def of_dispatch(self, job: str, namespace: str, region: str, token: str | None) -> str:
        """Return where to dispatch the job, with an idempotency *token* if there is one."""
        target = dispatch_target(job, namespace or self.namespace, region or self.region)
        return f"{target}{'&' if '?' in target else '?'}idempotency_token={quote(token, safe='')}" if token else target


@lru_cache(maxsize=1024)
def dispatch_target(job: str, namespace: str, region: str) -> str:
    """Return where to dispatch the job."""
    return with_query(f"{job_path(job)}/dispatch", namespace=namespace, region=region)


def dispatch_body(
    job: str, payload: bytes | None, meta: Mapping[str, str], id_prefix: str, priority: int | None
) -> bytes:
    """Return the body of a dispatch."""
    fields: dict[str, object] = {
        "JobID": job,  # has Nomad refuse what a proxy did to the path
        "Payload": None if payload is None else base64.b64encode(payload).decode("ascii"),
        "Meta": dict(meta),
    }
    if id_prefix:
        fields["IdPrefixTemplate"] = id_prefix
    if priority:
        fields["Priority"] = priority
    return ENCODER.encode(fields).encode("ascii")
