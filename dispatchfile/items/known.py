"""The variables that a manifest knows: those it declares, and those that its templates read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dispatchfile.errors import FileError
from dispatchfile.files import Files
from dispatchfile.items.origins import templates_of_rows, texts_of
from dispatchfile.manifest import Document
from dispatchfile.render import has_template, read_template, variables_read_with_files


def known_variables(document: Document, files: Files) -> frozenset[str] | None:
    """
    Return the names that *document* declares in any `vars` or reads in any template; None if any name may be read.

    The schema may refuse the document.
    """
    names = set(_declared(document.data))
    for source in _sources(document.data, files):
        read = None if source is None else variables_read_with_files(source, files)
        if read is None:
            return None
        names |= read
    return frozenset(names)


def _declared(data: dict[str, Any]) -> Iterator[str]:
    for scope in (data, *_entries(data)):
        variables = scope.get("vars")
        yield from variables if isinstance(variables, dict) else ()


def _entries(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    dispatches = data.get("dispatches")
    entries = [data.get("defaults"), *(dispatches if isinstance(dispatches, list) else ())]
    return (entry for entry in entries if isinstance(entry, dict))


def _sources(data: dict[str, Any], files: Files) -> Iterator[str | None]:
    """Yield every template; None for one that cannot be read now, or whose file's name is made by another."""
    for entry in _entries(data):
        for text in texts_of([value for key, value in entry.items() if key != "vars"]):
            if has_template(text):
                yield text
        yield from templates_of_rows(entry.get("for_each"))
        payload = entry.get("payload")
        path = payload.get("template") if isinstance(payload, dict) else None
        if isinstance(path, str):
            yield None if has_template(path) else _read(files, path)


def _read(files: Files, path: str) -> str | None:
    try:
        return read_template(files, path)
    except FileError:
        return None
