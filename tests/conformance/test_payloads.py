"""What a manifest gives an item arrives in its task, byte by byte."""

from __future__ import annotations

import base64
import hashlib

from tests.conformance.driver import run_items
from tests.conformance.jobs import job, shell, takes

EVERY_BYTE = bytes(range(256)) * 64  # Nomad's limit, to the byte
TITLE = "  Größe: \"1.10\" & 'x' $HOME `id` \\n %41 {{ no }}"
SAY = """
payload=$(sha256sum < "$NOMAD_TASK_DIR/in" | cut -c1-64)
title=$(printf %s "$NOMAD_META_title" | sha256sum | cut -c1-64)
echo "$payload $title" >&2
exit 3
"""


def said(payload: bytes, title: str) -> str:
    return f"{hashlib.sha256(payload).hexdigest()} {hashlib.sha256(title.encode()).hexdigest()}"


async def test_a_task_gets_payload_and_meta_as_they_were_written(backend, tmp_path):
    """Without a payload the task's file is empty; without a meta value its variable is not set."""
    task = {**shell(SAY), "DispatchPayload": {"File": "in"}}
    await backend.register(job("faithful", task, **takes(optional=["title"])))
    payloads = {
        "bytes": ({"base64": base64.b64encode(EVERY_BYTE).decode()}, EVERY_BYTE),
        "text": ({"text": "a\r\n\tb\n"}, b"a\r\n\tb\n"),
        "json": ({"json": {"take": 1.5, "names": ["ä"]}}, '{"take":1.5,"names":["ä"]}'.encode()),
    }
    title = "{% raw %}" + TITLE + "{% endraw %}"
    items = [{"id": name, "payload": payload, "meta": {"title": title}} for name, (payload, _) in payloads.items()]
    summary = await run_items(backend, tmp_path, [{"job": "faithful", **item} for item in [*items, {"id": "none"}]])
    assert {item.id: item.last_log_line for item in summary.items} == {
        **{name: said(content, TITLE) for name, (_, content) in payloads.items()},
        "none": said(b"", ""),
    }
