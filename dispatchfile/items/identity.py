"""The identity of an item: its fingerprint, its default id, and the prefix of its children's IDs in Nomad."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as quoted

from dispatchfile.items.model import DispatchRequest, Item

MAX_ID_IN_PREFIX = 64
HASH_DIGITS = 8
DEFAULT_ID_DIGITS = 16
MAX_JOB_IN_ID = 128 - DEFAULT_ID_DIGITS - 1

_NOT_IN_ID = re.compile(r"[^A-Za-z0-9._-]")


def fingerprint(request: DispatchRequest, sensitive: frozenset[str]) -> str:
    """SHA-256 over what is asked of Nomad, as 64 hex digits; *sensitive* values take no part."""
    meta, payload = _meta(request.meta, sensitive), _payload(request.payload, sensitive)
    priority = "null" if request.priority is None else request.priority
    return _digest(
        f'{{"job":{quoted(request.job)},"meta":{meta},"namespace":{quoted(request.namespace)},'
        f'"payload":{payload},"priority":{priority},"region":{quoted(request.region)}}}'
    )


def default_id(job: str, meta: Mapping[str, str], payload: bytes | None, sensitive: frozenset[str]) -> str:
    """Return `<job>-<16 hex>`; characters of the job that no id may have become `-` (the hash knows them)."""
    content = f'{{"job":{quoted(job)},"meta":{_meta(meta, sensitive)},"payload":{_payload(payload, sensitive)}}}'
    digest = _digest(content)
    return f"{_NOT_IN_ID.sub('-', job)[:MAX_JOB_IN_ID]}-{digest[:DEFAULT_ID_DIGITS]}"


def auto_token(name: str, item_id: str, fingerprint: str) -> str:
    """Return the idempotency token that `auto` stands for, of a manifest called *name*."""
    return f"{name}:{item_id}:{fingerprint}"


def short_id(item_id: str) -> str:
    """
    Return the id as it stands in a child's ID: one over 64 characters is cut and ends in 8 hex
    digits of its hash.
    """
    if len(item_id) <= MAX_ID_IN_PREFIX:
        return item_id
    digest = hashlib.sha256(item_id.encode()).hexdigest()[:HASH_DIGITS]
    return f"{item_id[: MAX_ID_IN_PREFIX - HASH_DIGITS - 1]}-{digest}"


def child_prefix(item: Item, *, run: str, attempt: int) -> str:
    """Return the `IdPrefixTemplate` to send: unique for each attempt of each item of each run, unless it is exact."""
    return item.written_prefix if item.exact_prefix else f"{item_prefix(item, run=run)}-{attempt}"


def item_prefix(item: Item, *, run: str) -> str:
    """Return the part of an item's child prefixes before the attempt's number, unless they are exact."""
    ours = f"{run}-{short_id(item.id)}"
    return f"{item.written_prefix}-{ours}" if item.written_prefix else ours


def attempt_token(token: str, *, attempt: int, rerun: str | None = None) -> str:
    """
    Return the token that *attempt* sends, in the run *rerun* if that is a rerun: each is to make a
    child of its own.
    """
    base = token if rerun is None else f"{token}@{rerun}"
    return base if attempt == 1 else f"{base}#{attempt}"


# What is hashed is JSON with sorted keys, no blanks, and escapes for all but ASCII; a JSON encoder takes twice as long.


def _meta(meta: Mapping[str, str], sensitive: frozenset[str]) -> str:
    known = [entry for entry in meta.items() if f"meta.{entry[0]}" not in sensitive] if sensitive else meta.items()
    return "{" + ",".join([f"{quoted(key)}:{quoted(value)}" for key, value in sorted(known)]) + "}"


def _payload(payload: bytes | None, sensitive: frozenset[str]) -> str:
    return f'"{base64.b64encode(payload).decode()}"' if payload and "payload" not in sensitive else "null"


def _digest(canonical: str) -> str:
    return hashlib.sha256(canonical.encode()).hexdigest()
