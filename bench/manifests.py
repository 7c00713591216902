"""Manifests of any size, as a person would write them: ten lines an item, two templates each."""

from __future__ import annotations

from pathlib import Path

HEAD = """version: 1
name: bench
vars: {bucket: "s3://media"}
defaults: {job: %s}
dispatches:
"""
ITEM = """  - id: item-%06d
    job: video-encode
    payload: {template: encode.json.j2}
    meta:
      title: "Film {{ item.id }} of {{ vars.bucket }}"
      quality: 1080p
      take: 1.10
    idempotency_token: release-7-item-%06d
    priority: 50
    timeout: 30m
"""
TEMPLATE = """{
  "input": {{ (vars.bucket ~ "/" ~ item.id ~ ".mov") | tojson }},
  "codec": "vp9",
  "profiles": ["720p", "1080p"],
  "comment": "as long as a configuration is: %s"
}
"""
PLAIN_ITEM = """  - id: item-%06d
    payload: {file: payload.bin}
    meta: {quality: 1080p}
"""


def write_rendered(folder: Path, items: int, job: str = "video-encode") -> Path:
    """A manifest whose items render a payload template and a meta value each."""
    (folder / "encode.json.j2").write_text(TEMPLATE % ("x" * 60), encoding="utf-8")
    return _write(folder, HEAD % job, (ITEM % (number, number) for number in range(items)))


def write_plain(folder: Path, items: int, job: str, payload_bytes: int = 512) -> Path:
    """A manifest whose items all send one file."""
    (folder / "payload.bin").write_bytes(bytes(ord("a") + index % 26 for index in range(payload_bytes)))
    return _write(folder, HEAD % job, (PLAIN_ITEM % number for number in range(items)))


def _write(folder: Path, head: str, items) -> Path:
    manifest = folder / "dispatchfile.yaml"
    with manifest.open("w", encoding="utf-8") as out:
        out.write(head)
        out.writelines(items)
    return manifest
