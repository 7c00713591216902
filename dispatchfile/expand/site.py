"""A place in a manifest that names a source of rows, with everything that is needed to read it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dispatchfile.errors import FileError, OutsideFolder, StandardInputError
from dispatchfile.expand.rows import Evaluate, no_variables
from dispatchfile.files import STANDARD_INPUT, Files
from dispatchfile.manifest import Document
from dispatchfile.problems import Problem
from dispatchfile.source import Position

SHOWN_STANDARD_INPUT = "<stdin>"


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a source: its document, its route to the value that names the source, and that value."""

    document: Document
    files: Files
    route: tuple[str | int, ...]  # to the value
    kind: str  # of the source, such as "csv"
    value: Any
    evaluate: Evaluate = field(default=no_variables)

    @property
    def index(self) -> int:
        """Return the dispatch's number in the manifest's list."""
        return int(self.route[1])

    @property
    def called(self) -> str:
        """Return the key in messages: for_each.matrix.url.lines."""
        return ".".join(map(str, self.route[2:]))

    @property
    def position(self) -> Position:
        return self.document.position(*self.route)

    @property
    def key_position(self) -> Position:
        return self.document.key_position(*self.route)

    def below(self, *steps: str | int, kind: str, value: object) -> Site:
        """Return the site of a source within this one."""
        return replace(self, route=(*self.route, *steps), kind=kind, value=value)

    def problem(self, code: str, found: str, hint: str = "", *below: str | int) -> Problem:
        """Return a problem that shows at the manifest's line."""
        position = self.document.position(*self.route, *below)
        return self.document.problem(code, position, found, hint)

    def unreadable(self, error: FileError) -> Problem:
        return self.problem(*file_trouble(error))

    def shown(self, name: str) -> str:
        """Return the name of a file as positions show it."""
        return SHOWN_STANDARD_INPUT if name == STANDARD_INPUT else shown_path(self.document, name)

    def read(self, name: str) -> bytes:
        """Return the bytes of the file *name*, or of standard input. Raises FileError."""
        if name == STANDARD_INPUT:
            return self.files.read_standard_input(str(self.position))
        return self.files.read(name)


def origin_of(name: str) -> str:
    """Return a file's name as the manifest has it, in words where it is standard input."""
    return "standard input" if name == STANDARD_INPUT else name


def shown_path(document: Document, name: str) -> str:
    """Return a path that is relative to the manifest as messages show it: reached as the manifest itself is."""
    return posixpath.join(posixpath.dirname(document.path), name)


def file_trouble(error: FileError) -> tuple[str, str, str]:
    """Return a code, what was found, what would be right."""
    if isinstance(error, StandardInputError):
        return "DF029", str(error), error.hint
    if error.may_be_secret:
        return "DF038", str(error), ""
    if isinstance(error, OutsideFolder):
        return "DF031", str(error), "move it into the folder, or pass --allow-outside"
    return "DF030", str(error).removesuffix(f": {error.hint}"), error.hint


def feeds_secrets(document: Document, index: int) -> bool:
    """Tell whether a row may hold what the dispatch makes a sensitive value of."""
    data: Any = document.data
    merged: Mapping[str, object] = {**data.get("defaults", {}), **data["dispatches"][index]}
    return bool(merged.get("sensitive"))


def reads_standard_input(for_each: object) -> bool:
    """Tell whether a `for_each` has standard input as its file, be it within a matrix."""
    if not isinstance(for_each, dict):
        return False
    if any(_file_of(for_each.get(kind)) == STANDARD_INPUT for kind in FILE_KINDS):
        return True
    axes = for_each.get("matrix")
    return isinstance(axes, dict) and any(map(reads_standard_input, axes.values()))


FILE_KINDS = ("csv", "json", "ndjson", "lines")


def _file_of(value: object) -> object:
    return value.get("file") if isinstance(value, dict) else value
