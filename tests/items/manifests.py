"""Manifests read to items, in a folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dispatchfile.files import Files
from dispatchfile.items import Item, TargetScope, read_items
from dispatchfile.manifest import Document, load_manifest
from dispatchfile.problems import Problem
from dispatchfile.schema import check_document

NOTHING: Mapping[str, str] = {}


def load(folder: Path, text: str, *, path: str = "m.yaml") -> Document:
    """A manifest that its schema accepts."""
    document, problems = load_manifest(f"version: 1\n{text}".encode(), path=path, folder=folder)
    assert document is not None
    assert (problems, check_document(document)) == ((), ())
    return document


def read(
    folder: Path,
    text: str,
    *,
    files: Mapping[str, str | bytes] = NOTHING,
    overrides: Mapping[str, object] = NOTHING,
    env: Mapping[str, str] = NOTHING,
    scope: TargetScope = TargetScope(),  # noqa: B008  # frozen
    path: str = "m.yaml",
) -> list[Item | Problem]:
    """Return what the manifest *text* (its version is in line 1) gives with these files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    document = load(folder, text, path=path)
    return list(read_items(document, files=Files(folder), overrides=overrides, env=env, scope=scope))


def items(results: list[Item | Problem]) -> list[Item]:
    """All of *results*, none of which may be a problem."""
    assert [str(result) for result in results if isinstance(result, Problem)] == []
    return [result for result in results if isinstance(result, Item)]


def told(results: list[Item | Problem]) -> list[str]:
    """The problems among *results*, as they are told."""
    return [f"{result.code} {result}" for result in results if isinstance(result, Problem)]
