"""A plan to the bytes of its file: the same inputs give the same bytes, for any user, folder, locale and time zone."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from dispatchfile.errors import PlanError
from dispatchfile.items import Item
from dispatchfile.planfile.model import PlanHead
from dispatchfile.planfile.records import head_record, item_record

SCHEMA = "dispatchfile/plan/v1"
MOST_PLAN_BYTES = 256 << 20


def dumps(plain: object) -> str:
    """Return canonical JSON: keys sorted, no blanks, ASCII only."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def plan_lines(head: PlanHead, items: Iterable[Item]) -> Iterator[bytes]:
    """Yield the lines of the file; the last one is the SHA-256 of all before it."""
    digest = hashlib.sha256()
    for plain in _values(head, items):
        line = dumps(plain).encode("ascii") + b"\n"
        digest.update(line)
        yield line
    yield dumps({"sha256": digest.hexdigest()}).encode("ascii") + b"\n"


def _values(head: PlanHead, items: Iterable[Item]) -> Iterator[object]:
    yield {"schema": SCHEMA}
    yield {"head": head_record(head)}
    for item in items:
        yield {"item": item_record(item)}


def plan_digest(head: PlanHead, items: Iterable[Item]) -> str:
    """Return the digest of the plan, without writing it."""
    last = b""
    for line in plan_lines(head, items):
        last = line
    digest: str = json.loads(last)["sha256"]
    return digest


def write_plan(path: Path, head: PlanHead, items: Iterable[Item]) -> None:
    """Write the plan file, whole or not at all. Raises PlanError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    size = 0
    try:
        with part.open("wb") as stream:
            for line in plan_lines(head, items):
                size += len(line)
                if size > MOST_PLAN_BYTES:
                    hint = "split the manifest, or send larger payloads by address"
                    raise PlanError(f"{path}: the plan is larger than {MOST_PLAN_BYTES:,} bytes: {hint}")
                stream.write(line)
        part.replace(path)
    except OSError as exc:
        raise PlanError(f"{path}: {exc.strerror or 'cannot be written'}") from exc
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
