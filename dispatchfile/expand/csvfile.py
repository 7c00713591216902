"""`csv`: a file whose first line, or the manifest, names the columns."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from dispatchfile.expand.csvdialect import (
    Dialect,
    other_delimiter,
    other_encoding,
    read_dialect,
    setting,
    wrong_columns,
)
from dispatchfile.expand.rows import DoubtfulRow, Found
from dispatchfile.expand.site import Site, origin_of
from dispatchfile.expand.texts import UTF8, first_nul, not_decodable
from dispatchfile.problems import Problem
from dispatchfile.source import Position, SourceText


class _CsvReader(Protocol):
    """The type of csv.reader's result, which has no public name."""

    @property
    def line_num(self) -> int:
        """Lines read so far; a row with line ends in its fields takes several."""

    def __iter__(self) -> Iterator[list[str]]: ...


class CsvRows:
    """The rows of a CSV file; all their values are texts."""

    def __init__(self, site: Site) -> None:
        self._site, self._dialect = site, read_dialect(site.value)
        self._shown = site.shown(self._dialect.file)

    @property
    def origin(self) -> str:
        return origin_of(self._dialect.file)

    def size(self) -> None:
        """Return None: the file has to be read."""

    def rows(self) -> Iterator[Found]:
        dialect = self._dialect
        if dialect.codec is None:
            hint = 'name one that Python knows, such as "cp1252", "latin-1" or "utf-16"'
            yield self._site.problem("DF015", f"{dialect.encoding!r} is not an encoding", hint, "encoding")
            return
        content = self._site.read(dialect.file)
        if trouble := other_encoding(content, dialect, self._shown) or self._not_text(content, dialect.codec):
            yield trouble
            return
        try:
            yield from self._rows(content, dialect.codec)
        except csv.Error as exc:
            place = _broken_field(content, dialect, self._shown) or Position(self._shown, 1, 1)
            yield Problem("DF023", place, f"not valid CSV: {exc}")

    def _not_text(self, content: bytes, codec: str) -> Problem | None:
        """Return the problem with bytes that are not in the encoding, or with a NUL."""
        hint = setting(self._dialect, "encoding", "cp1252") if codec == UTF8 else "set another encoding"
        if trouble := not_decodable(content, codec, self._shown, hint):
            return trouble
        if b"\0" not in content or "\0" not in (text := content.decode(codec)):
            return None
        return Problem("DF023", first_nul(text, self._shown), "a NUL character: this is not a CSV file")

    def _rows(self, content: bytes, codec: str) -> Iterator[Found]:
        """Raises csv.Error."""
        (first, start), (second, _) = _first_lines(content, codec)
        if not first:
            yield self._site.problem("DF022", f"{self.origin} is empty", self._wanted())
            return
        here = Position(self._shown, start, 1)
        if trouble := other_delimiter(first, second, self._dialect, here):
            yield trouble
            return
        lines = csv.reader(_lines(content, codec), delimiter=self._dialect.separator, strict=True)
        columns: Sequence[str] = self._dialect.columns
        if not columns:
            columns = next(fields for fields in lines if fields)
            here = Position(self._shown, lines.line_num, 1)
        if wrong := wrong_columns(columns):
            yield Problem("DF023", here, wrong)
        else:
            yield from self._body(lines, columns)

    def _wanted(self) -> str:
        return "it needs at least one row" if self._dialect.columns else "its first line must name the columns"

    def _body(self, lines: _CsvReader, columns: Sequence[str]) -> Iterator[Found]:
        shown, width = self._shown, len(columns)
        start = lines.line_num + 1
        for fields in lines:
            position = Position(shown, start, 1)
            start = lines.line_num + 1
            if len(fields) != width:
                if fields:
                    yield self._uneven(fields, columns, position)
            elif not any(fields):
                yield DoubtfulRow(dict(zip(columns, fields, strict=True)), position, _blank(position))
            else:
                yield dict(zip(columns, fields, strict=True)), position

    def _uneven(self, fields: list[str], columns: Sequence[str], position: Position) -> Problem:
        named = "`columns` has" if self._dialect.columns else "the header has"
        found = f"this row has {_count(len(fields), 'field')}, {named} {len(columns)}"
        missing = ", ".join(columns[len(fields) :])
        delimiter = "a comma" if self._dialect.separator == "," else repr(self._dialect.separator)
        return Problem(
            "DF024", position, found, f"add {missing}" if missing else f"quote fields that contain {delimiter}"
        )


def _blank(position: Position) -> Problem:
    return Problem("DF024", position, "all cells of this row are empty", "remove it, or drop it with `where`")


def _lines(content: bytes, codec: str) -> Iterator[str]:
    """Yield the text's lines with their ends, without a byte order mark."""
    text = io.TextIOWrapper(io.BytesIO(content), codec, newline="")
    for line in text:
        yield line.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
        break
    yield from text


def _first_lines(content: bytes, codec: str) -> list[tuple[str, int]]:
    """Return the first two lines that are not blank, without their ends, and their numbers; empty texts for others."""
    numbered = enumerate(_lines(content, codec), start=1)
    found = ((text, number) for number, line in numbered if (text := line.rstrip("\r\n")))
    return [*itertools.islice(found, 2), ("", 1), ("", 1)][:2]


def _broken_field(content: bytes, dialect: Dialect, shown: str) -> Position | None:
    """Return where the field starts that cannot be read: a quote may open many lines above the one that shows it."""
    separator = re.escape(dialect.separator)
    field_of = re.compile(
        rf'(?:"(?:[^"]|"")*+"|[^"{separator}\r\n][^{separator}\r\n]*+)?+(?:{separator}|\r\n|\r|\n|\Z)'
    )
    text = content.decode(dialect.codec or UTF8, errors="replace").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    offset = 0
    while offset < len(text):
        field = field_of.match(text, offset)
        if field is None or len(field[0]) > csv.field_size_limit():
            return SourceText(shown, text).position(offset)
        offset = field.end()
    return None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
