"""A plan file to its plan. Whatever is not byte for byte what `plan` wrote is refused, with its line."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO, cast

from dispatchfile.errors import PlanError
from dispatchfile.files import OPEN_FLAGS
from dispatchfile.items import MAX_PAYLOAD_BYTES, Item, fingerprint_of
from dispatchfile.planfile.model import Plan, PlanHead
from dispatchfile.planfile.records import HeadRecord, ItemRecord, head_of, item_of, with_folder
from dispatchfile.planfile.writing import MOST_PLAN_BYTES, SCHEMA, dumps
from dispatchfile.schema import first_violation

SCHEMA_START = b'{"schema":"dispatchfile/'
SUFFIXES = (".plan", ".plan.jsonl")
LONGEST_FIRST_LINE = 200
AGAIN = "make the plan again with `dispatchfile plan --out`"
PLACES = frozenset({"position", "row", "source"})
FIRST_LINES = 2  # the schema and the head


def is_plan(path: str) -> bool:
    """Return whether the file is a plan, by the schema it names or by its own name; one that cannot be read is none."""
    try:
        with open(path, "rb", opener=_open) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return False
            return stream.read(len(SCHEMA_START)) == SCHEMA_START or path.endswith(SUFFIXES)
    except (OSError, ValueError):
        return False


def read_plan(path: str, *, manifest: str = "") -> Plan:
    """
    Read a plan that nobody changed.

    manifest: as messages show it; positions of items are shown like it. Raises PlanError.
    """
    try:
        with open(path, "rb", opener=_open) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > MOST_PLAN_BYTES:
                raise PlanError(f"{path}: is larger than {MOST_PLAN_BYTES:,} bytes, so it is not a plan")
            _check_schema(path, stream.readline(LONGEST_FIRST_LINE))
            stream.seek(0)
            digest, count = _checked_digest(path, stream)
            stream.seek(0)
            return _parsed(path, stream, count, digest, manifest)
    except OSError as exc:
        raise PlanError(f"{path}: {exc.strerror or 'cannot be read'}") from exc


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | OPEN_FLAGS)


def _check_schema(path: str, line: bytes) -> None:
    """Refuse other schemas first: a newer one may have a digest of another kind."""
    try:
        named = json.loads(line)["schema"]
    except (ValueError, KeyError, TypeError):
        raise PlanError(f"{path}:1: is not a plan of dispatchfile: {AGAIN}") from None
    if named != SCHEMA:
        raise PlanError(
            f"{path}:1: the plan has the schema {named!r}, this version of dispatchfile reads {SCHEMA!r}: "
            f"use the version that made it, or {AGAIN}"
        )


def _checked_digest(path: str, stream: BinaryIO) -> tuple[str, int]:
    """Return the digest and the number of lines before it."""
    digest, count, last = hashlib.sha256(), 0, b""
    for line in stream:
        if last:
            digest.update(last)
            count += 1
        last = line
    expected = dumps({"sha256": digest.hexdigest()}).encode() + b"\n"
    if last == expected and count >= FIRST_LINES:
        return digest.hexdigest(), count
    if not last.startswith(b'{"sha256":'):
        raise PlanError(f"{path}:{count + 1}: the plan is cut short, its last line is missing: {AGAIN}")
    raise PlanError(f"{path}: the plan was changed after it was made, its SHA-256 does not match: {AGAIN}")


def _parsed(path: str, stream: BinaryIO, count: int, digest: str, manifest: str) -> Plan:
    values = _values(path, stream, count)
    next(values)
    head = head_of(cast("HeadRecord", next(values)[1]["head"]))
    items, ids = list[Item](), set[str]()
    for number, value in values:
        item = _item(f"{path}:{number}", cast("ItemRecord", value["item"]), ids)
        items.append(with_folder(item, manifest))
    _check_jobs(path, head, items)
    return Plan(head, tuple(items), digest)


def _values(path: str, stream: BinaryIO, count: int) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield each line before the last with its number, checked against the schema."""
    kinds = {1: "schema", 2: "head"}
    for number, line in enumerate(stream, 1):
        if number > count:
            return
        place, kind = f"{path}:{number}", kinds.get(number, "item")
        try:
            value: object = json.loads(line)
            is_canonical = dumps(value).encode("ascii") + b"\n" == line
        except (ValueError, RecursionError):
            raise PlanError(f"{place}: is not JSON: {AGAIN}") from None
        if not is_canonical:
            raise PlanError(f"{place}: is not written as `dispatchfile plan` writes it (duplicate keys?): {AGAIN}")
        if not isinstance(value, dict) or set(value) != {kind}:
            raise PlanError(f"{place}: a line with the single key {kind!r} belongs here: {AGAIN}")
        if trouble := first_violation("plan", value):
            raise PlanError(f"{place}: {trouble}: {AGAIN}")
        yield number, value


def _item(place: str, record: ItemRecord, ids: set[str]) -> Item:
    """Return the item, which has to be one that a manifest could give."""
    try:
        item = item_of(record)
        _check_encoding(record)
    except (ValueError, OverflowError) as exc:
        raise PlanError(f"{place}: item {record['id']!r} cannot be read ({exc}): {AGAIN}") from None
    if item.id in ids:
        raise PlanError(f"{place}: duplicate id {item.id!r}: {AGAIN}")
    ids.add(item.id)
    if len(item.request.payload or b"") > MAX_PAYLOAD_BYTES:
        raise PlanError(f"{place}: the payload of {item.id!r} has more than {MAX_PAYLOAD_BYTES:,} bytes: {AGAIN}")
    if fingerprint_of(item.request, item.sensitive) != item.fingerprint:
        raise PlanError(f"{place}: the fingerprint of {item.id!r} is not that of its request: {AGAIN}")
    return item


def _check_encoding(record: ItemRecord) -> None:
    """Raise UnicodeEncodeError for half a character in what is sent. A file's name may have one."""
    texts = [value for key, value in record.items() if key not in PLACES]
    json.dumps(texts, ensure_ascii=False).encode()


def _check_jobs(path: str, head: PlanHead, items: list[Item]) -> None:
    listed = {job.key for job in head.jobs}
    for item in items:
        if item.request.job_key not in listed:
            raise PlanError(f"{path}:2: job {item.request.job!r} of item {item.id!r} is not listed: {AGAIN}")
