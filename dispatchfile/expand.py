"""`for_each` to single rows: what templates read of each as `each`, and the place where it stands."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Protocol, cast

from dispatchfile.errors import FileError, OutsideFolder
from dispatchfile.files import Files
from dispatchfile.manifest import Document
from dispatchfile.manifest.scalars import read_float, read_int
from dispatchfile.problems import Problem
from dispatchfile.source import Position, SourceText, excerpt

MAX_MATRIX_ROWS = 1_000_000

_JSON_BLANKS = re.compile(r"[ \t\r\n]*")
_CSV_FIELD = re.compile(r'(?:"(?:[^"]|"")*+"|[^",\r\n][^,\r\n]*+)?+(?:,|\r\n|\r|\n|\Z)')


class Names(dict[str, object]):
    """What templates read under one name, such as `vars` or `each`; *origin* is where a reader finds the keys."""

    __slots__ = ("called", "origin")

    def __init__(self, called: str, values: Mapping[str, object], origin: str) -> None:
        super().__init__(values)
        self.called, self.origin = called, origin


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a dispatch."""

    index: int  # of the dispatch in the manifest's list
    each: Mapping[str, object] | None  # None: the dispatch has no for_each
    position: Position | None  # of the row; None: the dispatch has no for_each


@dataclass(frozen=True, slots=True)
class _Source:
    """One `for_each`: where it stands, and what it names."""

    document: Document
    files: Files
    index: int
    kind: str
    value: object

    @property
    def name(self) -> str:
        """The file's name, as the manifest has it."""
        return str(self.value)

    @property
    def shown(self) -> str:
        return shown_path(self.document, self.name)

    @property
    def feeds_secrets(self) -> bool:
        """Whether a row may hold what the dispatch makes a sensitive value of."""
        data: Any = self.document.data
        return bool({**data.get("defaults", {}), **data["dispatches"][self.index]}.get("sensitive"))

    @property
    def origin(self) -> str:
        return self.name if self.kind in {"csv", "json", "ndjson"} else f"for_each.{self.kind}"

    def problem(self, code: str, found: str, hint: str = "") -> Problem:
        """A problem that shows at the manifest's line."""
        position = self.document.position("dispatches", self.index, "for_each", self.kind)
        return self.document.problem(code, position, found, hint)


Found = tuple[object, Position] | Problem  # a row's value and its place, or what is wrong with it


class _Lines(Protocol):
    """What csv.reader gives: that type has no public name."""

    @property
    def line_num(self) -> int:
        """Lines read so far; a row with line ends in its fields takes several."""

    def __iter__(self) -> Iterator[list[str]]: ...


def expand(document: Document, index: int, files: Files) -> Iterator[Row | Problem]:
    """
    The rows of dispatch *index* in their order; one row without `each` where it has no `for_each`.

    A row that cannot be used is a Problem in its place, and the others go on. Files are read when the first row is.
    """
    dispatch = document.data["dispatches"][index]  # type: ignore[index]  # the schema has checked it
    if "for_each" not in dispatch:
        return iter((Row(index, None, None),))
    [(kind, value)] = dispatch["for_each"].items()
    return _rows(_Source(document, files, index, kind, value))


def _rows(source: _Source) -> Iterator[Row | Problem]:
    empty = True
    for result in _numbered(source, _readable(source)):
        empty = False
        yield result
    if empty:
        yield source.problem("DF022", f"{source.origin} gives no rows", "it needs at least one row")


def shown_path(document: Document, name: str) -> str:
    """A path that is relative to the manifest, as messages show it: reached the same way as the manifest itself."""
    return posixpath.join(posixpath.dirname(document.path), name)


def file_trouble(error: FileError) -> tuple[str, str, str]:
    """Code, what was found, what would be right."""
    if isinstance(error, OutsideFolder) and not error.may_be_secret:
        return "DF031", str(error), "move it into the folder, or pass --allow-outside"
    if error.may_be_secret:
        return "DF038", str(error), ""
    return "DF030", str(error).removesuffix(f": {error.hint}"), error.hint


def _numbered(source: _Source, found: Iterable[Found]) -> Iterator[Row | Problem]:
    numbers = itertools.count()
    origin = source.origin
    for result in found:
        if isinstance(result, Problem):
            yield result
        else:
            value, position = result
            yield Row(source.index, _each(value, next(numbers), origin), position)


def _each(value: object, number: int, origin: str) -> Names:
    """A row's own keys win over `index` and `value`, which every row has."""
    each = Names("each", value if isinstance(value, dict) else {}, origin)
    each.setdefault("index", number)
    each.setdefault("value", value)
    return each


def _readable(source: _Source) -> Iterator[Found]:
    try:
        for found in _READERS[source.kind](source):
            if isinstance(found, Problem) and found.position.file == source.shown and source.feeds_secrets:
                yield replace(found, excerpt="")
            else:
                yield found
    except FileError as exc:
        yield source.problem(*file_trouble(exc))


def _list_rows(source: _Source) -> Iterator[Found]:
    values = cast("list[object]", source.value)
    for number, value in enumerate(values):
        yield value, source.document.entry_position(values, number)


def _matrix_rows(source: _Source) -> Iterator[Found]:
    """Every combination, the last axis changing fastest."""
    axes = cast("dict[str, list[object]]", source.value)
    rows = math.prod(len(values) for values in axes.values())
    if rows > MAX_MATRIX_ROWS:
        yield source.problem("DF023", f"the matrix gives {rows:,} rows", f"at most {MAX_MATRIX_ROWS:,} are allowed")
        return
    position = source.document.key_position("dispatches", source.index, "for_each")
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True)), position


def _glob_rows(source: _Source) -> Iterator[Found]:
    for path in source.files.glob(source.name):
        row = {"path": path, "name": posixpath.basename(path), "stem": PurePosixPath(path).stem, "value": path}
        yield row, Position(shown_path(source.document, path), 1, 1)


def _csv_rows(source: _Source) -> Iterator[Found]:
    content = source.files.read(source.name)
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline=""), strict=True)
    try:
        header = next((fields for fields in lines if fields), None)
        if header is None:
            yield source.problem("DF022", f"{source.name} is empty", "its first line must name the columns")
        elif wrong := _wrong_header(header):
            yield Problem("DF023", Position(source.shown, lines.line_num, 1), wrong)
        else:
            yield from _csv_body(lines, header, source.shown)
    except UnicodeDecodeError:
        yield _not_utf8(content, source.shown)
    except csv.Error as exc:
        place = _broken_field(content, source.shown) or Position(source.shown, lines.line_num, 1)
        yield Problem("DF023", place, f"not valid CSV: {exc}")


def _broken_field(content: bytes, shown: str) -> Position | None:
    """Where the field starts that cannot be read: a quote may open many lines above the one where that is seen."""
    text = content.decode("utf-8-sig", errors="replace")
    offset = 0
    while offset < len(text):
        field = _CSV_FIELD.match(text, offset)
        if field is None or len(field[0]) > csv.field_size_limit():
            return SourceText(shown, text).position(offset)
        offset = field.end()
    return None


def _wrong_header(header: list[str]) -> str:
    if "" in header:
        return f"column {header.index('') + 1} of the header has no name"
    column, count = Counter(header).most_common(1)[0]
    return f"duplicate column {column!r} in the header" if count > 1 else ""


def _csv_body(lines: _Lines, header: list[str], shown: str) -> Iterator[Found]:
    start = lines.line_num + 1
    for fields in lines:
        position = Position(shown, start, 1)
        start = lines.line_num + 1
        if len(fields) == len(header):
            yield dict(zip(header, fields, strict=True)), position
        elif fields:
            yield _uneven(fields, header, position)


def _uneven(fields: list[str], header: list[str], position: Position) -> Problem:
    found = f"this row has {_count(len(fields), 'field')}, the header has {len(header)}"
    missing = ", ".join(header[len(fields) :])
    return Problem("DF024", position, found, f"add {missing}" if missing else "quote fields that contain a comma")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _ndjson_rows(source: _Source) -> Iterator[Found]:
    content = source.files.read(source.name)
    for number, line in enumerate(io.BytesIO(content), start=1):
        raw = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if raw.strip():
            yield _ndjson_row(raw, Position(source.shown, number, 1))


def _ndjson_row(raw: bytes, start: Position) -> Found:
    try:
        text = raw.decode()
        value = _JSON.decode(text)
        _refuse_surrogates(text, value)
    except UnicodeDecodeError as exc:
        return Problem("DF023", _after(start, len(raw[: exc.start].decode())), "not UTF-8")
    except json.JSONDecodeError as exc:
        place = _after(start, exc.pos)
        return Problem("DF023", place, f"not valid JSON: {exc.msg}", excerpt=excerpt(text, place.column))
    except (ValueError, RecursionError) as exc:
        return Problem("DF023", start, _json_trouble(exc))
    return value, start


def _after(start: Position, characters: int) -> Position:
    return Position(start.file, start.line, start.column + characters)


def _json_rows(source: _Source) -> Iterator[Found]:
    content = source.files.read(source.name)
    try:
        text = SourceText(source.shown, content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        yield _not_utf8(content, source.shown)
        return
    try:
        yield from _json_elements(text)
    except json.JSONDecodeError as exc:
        place = text.position(exc.pos)
        yield Problem("DF023", place, f"not valid JSON: {exc.msg}", excerpt=text.excerpt(place))


def _json_elements(source: SourceText) -> Iterator[Found]:
    """The elements of a list, one at a time: so each has its place. Raises json.JSONDecodeError."""
    text = source.text
    offset = _next_token(text, 0)
    if text[offset : offset + 1] != "[":
        yield Problem("DF023", source.position(offset), "the file must contain a list, with one element for each row")
        return
    offset = _next_token(text, offset + 1)
    more = text[offset : offset + 1] != "]"
    while more:
        try:
            value, end = _JSON.raw_decode(text, offset)
            _refuse_surrogates(text[offset:end], value)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as exc:
            yield Problem("DF023", source.position(offset), _json_trouble(exc))
            return
        yield value, source.position(offset)
        end = _next_token(text, end)
        more = text[end : end + 1] == ","
        if not more and text[end : end + 1] != "]":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, end)
        offset = _next_token(text, end + 1) if more else end
    if _next_token(text, offset + 1) < len(text):
        raise json.JSONDecodeError("Extra data", text, _next_token(text, offset + 1))


def _next_token(text: str, offset: int) -> int:
    blanks = _JSON_BLANKS.match(text, offset)
    return blanks.end() if blanks else offset


def _refuse_surrogates(text: str, value: object) -> None:
    """JSON can name half of a pair that stands for one character; no payload or meta value could hold it."""
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as exc:
            raise ValueError("a text contains half of a surrogate pair") from exc


def _json_trouble(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _not_utf8(content: bytes, shown: str) -> Problem:
    """The first character that is no UTF-8, known to be there."""
    try:
        content.decode()
    except UnicodeDecodeError as exc:
        place = SourceText(shown, content[: exc.start].decode()).position(exc.start)
        return Problem("DF023", place, "not UTF-8")
    raise AssertionError("called for UTF-8")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    if len(row) < len(pairs):
        key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"duplicate key {key!r}")
    return row


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


_JSON = json.JSONDecoder(
    parse_float=read_float, parse_int=read_int, parse_constant=_refuse_constant, object_pairs_hook=_unique
)

_READERS: Mapping[str, Callable[[_Source], Iterator[Found]]] = {
    "list": _list_rows,
    "csv": _csv_rows,
    "json": _json_rows,
    "ndjson": _ndjson_rows,
    "glob": _glob_rows,
    "matrix": _matrix_rows,
}
