"""An item, and the request it would send."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from dispatchfile.names import JobKey
from dispatchfile.record import record
from dispatchfile.source import Position


@record
class DispatchRequest:
    """The request to Nomad, except for what differs between attempts (prefix and the token's suffix)."""

    job: str  # ID of a parameterized job, not URL-escaped
    namespace: str  # never empty
    region: str  # empty: the agent's own
    payload: bytes | None  # before base64; None: none given, which Nomad counts like an empty one
    meta: Mapping[str, str]
    priority: int | None
    token: str | None  # of attempt 1; None: none is sent

    @property
    def job_key(self) -> JobKey:
        """Return the job that is dispatched."""
        return JobKey(self.namespace, self.region, self.job)


@record
class Retry:
    """Attempts in all, a new child each, on these outcomes or causes, so long after an end."""

    attempts: int = 1
    on: frozenset[str] = frozenset({"failed"})
    delay: timedelta = timedelta()


@record
class Item:
    """A dispatch that the manifest asks for, with every default filled in."""

    id: str  # unique in the plan; the key in journal and reports
    request: DispatchRequest
    fingerprint: str  # 64 hex digits; sensitive values take no part
    position: Position  # where the item starts
    row: Position | None  # the row of for_each it was made from
    written_prefix: str  # id_prefix_template, rendered; empty: none
    exact_prefix: bool  # written_prefix goes out bare
    deadline: timedelta | None  # an attempt's, from dispatch to outcome; None waits for ever
    stop_on_deadline: bool
    retry: Retry
    max_starts: int | None
    tags: tuple[str, ...]
    sensitive: frozenset[str]  # "payload" or "meta.<key>"
    source: str = ""  # `films.csv:3 alien`, of an item whose id is not written in the manifest
