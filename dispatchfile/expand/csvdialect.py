"""The format of a CSV file: what the manifest says, and what the file looks like instead."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dispatchfile.expand.texts import UTF8, codec_of, likely_encoding
from dispatchfile.files import STANDARD_INPUT
from dispatchfile.problems import Problem
from dispatchfile.source import Position

COMMA = ","
_OTHERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_NUMBER = re.compile(r"\d+")
_COLUMN_NAME = re.compile(r"[^\W\d][\w -]*")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The format that the manifest gives for a CSV file."""

    file: str
    delimiter: str | None  # None: not said, so a comma
    encoding: str | None  # None: not said, so UTF-8
    columns: tuple[str, ...]  # empty: the first line names them

    @property
    def separator(self) -> str:
        return self.delimiter or COMMA

    @property
    def codec(self) -> str | None:
        """Return Python's name of the encoding, or None if there is no such encoding."""
        return UTF8 if self.encoding is None else codec_of(self.encoding)


def read_dialect(value: str | Mapping[str, object]) -> Dialect:
    """Return what `csv` says, which is a file's name or a mapping."""
    if isinstance(value, str):
        return Dialect(value, None, None, ())
    delimiter, encoding, columns = value.get("delimiter"), value.get("encoding"), value.get("columns")
    return Dialect(
        file=str(value["file"]),
        delimiter=None if delimiter is None else str(delimiter),
        encoding=None if encoding is None else str(encoding),
        columns=tuple(map(str, columns)) if isinstance(columns, list) else (),
    )


def other_encoding(content: bytes, dialect: Dialect, shown: str) -> Problem | None:
    """Return the problem with a file that shows, in its first bytes, another encoding than the manifest's."""
    codec = dialect.codec or ""
    likely = likely_encoding(content)
    if likely and not codec.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
        hint = setting(dialect, "encoding", likely)
        return Problem("DF023", Position(shown, 1, 1), f"this looks like {likely.upper()}", hint)
    if codec != UTF8 and content.startswith(codecs.BOM_UTF8):
        found = f"the file starts as UTF-8 does, not {dialect.encoding}"
        return Problem("DF023", Position(shown, 1, 1), found, "leave `encoding` out")
    return None


def other_delimiter(line: str, following: str, dialect: Dialect, place: Position) -> Problem | None:
    """Return the problem with a first *line* that is not separated by commas, unless the manifest names a delimiter."""
    if dialect.delimiter is not None or _fields(line, COMMA) > 1:
        return None
    counts = {delimiter: _fields(line, delimiter) for delimiter in _OTHERS}
    best = max(counts, key=counts.__getitem__)
    if counts[best] > 1:
        found = f"the line has no comma, and looks separated by {_OTHERS[best]}"
        written = '"\\t"' if best == "\t" else f'"{best}"'
        return Problem("DF023", place, found, setting(dialect, "delimiter", written))
    name = line.strip().strip('"')
    if dialect.columns or (_COLUMN_NAME.fullmatch(name) and not _are_alike(line, following)):
        return None
    hint = f"use `lines: {dialect.file}`, or name the column: csv: {{file: {dialect.file}, columns: [NAME]}}"
    return Problem("DF023", place, "this looks like a file of plain lines, not like the names of columns", hint)


def wrong_columns(columns: Sequence[str]) -> str:
    """Return what keeps these names from being told apart; empty: nothing."""
    if "" in columns:
        return f"column {list(columns).index('') + 1} of the header has no name"
    column, count = Counter(columns).most_common(1)[0]
    return f"duplicate column {column!r} in the header" if count > 1 else ""


def setting(dialect: Dialect, key: str, value: str) -> str:
    """Return the advice to set a key of `csv`."""
    file = f'"{dialect.file}"' if dialect.file == STANDARD_INPUT else dialect.file
    return f"set {key}, as in csv: {{file: {file}, {key}: {value}}}"


def _are_alike(line: str, following: str) -> bool:
    """Tell whether two lines differ in their numbers only, as host-1 and host-2 do."""
    shape = _NUMBER.sub("0", line)
    return _NUMBER.search(line) is not None and shape == _NUMBER.sub("0", following)


def _fields(line: str, delimiter: str) -> int:
    """Return how many fields the line has: what is in quotes is not looked into."""
    try:
        return max((len(row) for row in csv.reader([line], delimiter=delimiter)), default=0)
    except csv.Error:
        return 0
