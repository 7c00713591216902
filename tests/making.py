"""Values for tests, made with as few words as possible."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from dispatchfile.items import DispatchRequest, Item, Retry
from dispatchfile.source import Position


def make_item(
    item_id: str,
    *,
    job: str = "encode",
    namespace: str = "default",
    region: str = "",
    payload: bytes | None = None,
    meta: Mapping[str, str] | None = None,
    priority: int | None = None,
    token: str | None = None,
    prefix: str = "",
    exact: bool = False,
    deadline_s: float | None = None,
    stop_on_deadline: bool = False,
    attempts: int = 1,
    retry_on: frozenset[str] = frozenset({"failed"}),
    delay_s: float = 0.0,
    max_starts: int | None = None,
    tags: tuple[str, ...] = (),
    line: int = 1,
) -> Item:
    """An item as the manifest's reader would make it."""
    return Item(
        id=item_id,
        request=DispatchRequest(job, namespace, region, payload, dict(meta or {}), priority, token),
        fingerprint=f"{abs(hash(item_id)):064x}"[:64],
        position=Position("dispatchfile.yaml", line, 5),
        row=None,
        written_prefix=prefix,
        exact_prefix=exact,
        deadline=None if deadline_s is None else timedelta(seconds=deadline_s),
        stop_on_deadline=stop_on_deadline,
        retry=Retry(attempts, retry_on, timedelta(seconds=delay_s)),
        max_starts=max_starts,
        tags=tags,
        sensitive=frozenset(),
    )
