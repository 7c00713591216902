"""`run --dry-run`: every request as it would be sent, sensitive values masked."""

from __future__ import annotations

import base64
from urllib.parse import quote, urlencode

from dispatchfile.items import Item, child_prefix
from dispatchfile.reports.text import PLAIN, Palette, count_of, visible, visible_lines
from dispatchfile.secrecy import MASKED

UNKNOWN_RUN = "<run>"  # a run gets its ID when it starts
SHOWN_CHARACTERS = 2000
SHOWN_BYTES = 256  # of a payload that is no text
BYTES_A_LINE = 16
INDENT = "    "


def request_record(item: Item, *, run: str = UNKNOWN_RUN) -> dict[str, object]:
    """Return the first attempt's request, complete, for JSON. Sensitive values are masked."""
    request = item.request
    return {
        "item": item.id,
        "method": "PUT",
        "path": request_path(item),
        "job": request.job,
        "namespace": request.namespace,
        "region": request.region,
        "id_prefix": child_prefix(item, run=run, attempt=1),
        "idempotency_token": request.token,
        "priority": request.priority,
        "meta": shown_meta(item),
        "payload": _payload_record(item),
        "tags": list(item.tags),
        "position": {"file": item.position.file, "line": item.position.line, "column": item.position.column},
    }


def request_path(item: Item) -> str:
    """Path and query. Source: hashicorp/nomad, api/jobs.go, DispatchOpts and command/agent/job_endpoint.go."""
    request = item.request
    given = {"namespace": request.namespace, "region": request.region, "idempotency_token": request.token or ""}
    query = urlencode({key: value for key, value in given.items() if value}, quote_via=quote, safe="")
    return f"/v1/job/{quote(request.job, safe='')}/dispatch?{query}"


def shown_meta(item: Item) -> dict[str, str]:
    """Return the meta keys and values in order, sensitive values masked."""
    return {
        key: MASKED if f"meta.{key}" in item.sensitive else value for key, value in sorted(item.request.meta.items())
    }


def _payload_record(item: Item) -> dict[str, object] | None:
    payload = item.request.payload
    if not payload:
        return None
    if "payload" in item.sensitive:
        return {"size_bytes": len(payload), "sensitive": True}
    try:
        return {"size_bytes": len(payload), "text": payload.decode()}
    except UnicodeDecodeError:
        return {"size_bytes": len(payload), "base64": base64.b64encode(payload).decode("ascii")}


def render_request(item: Item, *, run: str = UNKNOWN_RUN, palette: Palette = PLAIN) -> str:
    """Return the first attempt's request as a block of lines; long payloads are cut."""
    request = item.request
    fields = [
        ("prefix", child_prefix(item, run=run, attempt=1)),
        ("token", request.token or ""),
        ("priority", "" if request.priority is None else str(request.priority)),
        *((f"meta {key}", value) for key, value in shown_meta(item).items()),
    ]
    lines = [f"{palette.strong(visible(item.id))}  {palette.faint(visible(str(item.row or item.position)))}"]
    lines.append(f"  PUT {visible(request_path(item))}")
    lines += [f"  {visible(name)}: {visible(value)}" for name, value in fields if value or name.startswith("meta ")]
    lines += payload_lines(item)
    return "\n".join(lines) + "\n"


def payload_lines(item: Item) -> list[str]:
    """Return the payload as text or hex digits below its size; long ones are cut."""
    payload = item.request.payload
    if not payload:
        return ["  no payload"]
    head = f"  payload: {count_of(len(payload), 'byte')}"
    if "payload" in item.sensitive:
        return [f"{head}, {MASKED}"]
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return [head, *_hex_lines(payload)]
    lines = [INDENT + line for line in visible_lines(text[:SHOWN_CHARACTERS].rstrip("\n"))]
    cut = len(text) - SHOWN_CHARACTERS
    return [head, *lines, *([f"{INDENT}… {count_of(cut, 'character')} more"] if cut > 0 else [])]


def _hex_lines(payload: bytes) -> list[str]:
    shown = payload[:SHOWN_BYTES]
    lines = [
        f"{INDENT}{start:04x}  {shown[start : start + BYTES_A_LINE].hex(' ')}"
        for start in range(0, len(shown), BYTES_A_LINE)
    ]
    cut = len(payload) - len(shown)
    return [*lines, *([f"{INDENT}… {count_of(cut, 'byte')} more"] if cut else [])]
