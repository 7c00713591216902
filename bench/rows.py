"""Manifests whose items come from rows, one for each kind of source, and the same items written out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

HEAD = """version: 1
name: bench
vars: {bucket: "s3://media"}
defaults:
  job: video-encode
  meta: {quality: 1080p}
dispatches:
"""
ENTRY = """  - id: "item-%s"
%s    meta:
      title: "Film {{ item.id }} of {{ vars.bucket }}"
      number: "%s"
"""


def write_written_out(folder: Path, items: int) -> Path:
    """The items that all sources give, one entry each."""
    names = (f"{number:06d}" for number in range(items))
    return _write(folder, "".join(ENTRY % (name, "", name) for name in names))


def _of_lines(folder: Path, items: int) -> str:
    (folder / "rows.txt").write_text("".join(f"{number:06d}\n" for number in range(items)), encoding="utf-8")
    return "{lines: rows.txt}"


def _of_csv(folder: Path, items: int) -> str:
    (folder / "rows.csv").write_text("value\n" + "".join(f"{n:06d}\n" for n in range(items)), encoding="utf-8")
    return "{csv: rows.csv}"


def _of_other_csv(folder: Path, items: int) -> str:
    text = "".join(f"{number:06d};Müller\r\n" for number in range(items))
    (folder / "rows.csv").write_bytes(text.encode("cp1252"))
    return '{csv: {file: rows.csv, delimiter: ";", encoding: cp1252, columns: [value, name]}}'


def _of_json(folder: Path, items: int) -> str:
    (folder / "rows.json").write_text(json.dumps([f"{n:06d}" for n in range(items)], indent=1), encoding="utf-8")
    return "{json: rows.json}"


def _of_ndjson(folder: Path, items: int) -> str:
    (folder / "rows.ndjson").write_text("".join(f'"{n:06d}"\n' for n in range(items)), encoding="utf-8")
    return "{ndjson: rows.ndjson}"


def _of_glob(folder: Path, items: int) -> str:
    (folder / "rows").mkdir()
    for number in range(items):
        (folder / "rows" / f"{number:06d}").touch()
    return "{glob: 'rows/*'}"


def _of_list(_: Path, items: int) -> str:
    return "{list: [" + ", ".join(f'"{number:06d}"' for number in range(items)) + "]}"


def _of_range(_: Path, items: int) -> str:
    return f"{{range: {{from: 0, to: {items - 1}, width: 6}}}}"


def _of_matrix(_: Path, items: int) -> str:
    return f"{{matrix: {{value: {{range: {{from: 0, to: {items - 1}, width: 6}}}}, side: [a]}}}}"


def _of_where(_: Path, items: int) -> str:
    return f"{{range: {{from: 0, to: {items}, width: 6}}, where: each.index < {items}}}"


SOURCES: Mapping[str, Callable[[Path, int], str]] = {
    "lines": _of_lines,
    "csv": _of_csv,
    "csv with a dialect": _of_other_csv,
    "json": _of_json,
    "ndjson": _of_ndjson,
    "glob": _of_glob,
    "list": _of_list,
    "range": _of_range,
    "matrix": _of_matrix,
    "range with where": _of_where,
}


def write_from(folder: Path, source: str, items: int) -> Path:
    """A manifest whose items come from a source."""
    field = "{{ each.name }}" if source == "glob" else "{{ each.value }}"
    return _write(folder, ENTRY % (field, f"    for_each: {SOURCES[source](folder, items)}\n", field))


def _write(folder: Path, entries: str) -> Path:
    manifest = folder / "dispatchfile.yaml"
    manifest.write_text(HEAD + entries, encoding="utf-8")
    return manifest
