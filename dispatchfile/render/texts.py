"""Values to text: what an expression prints, and JSON with numbers as they were written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring
from typing import Any

from dispatchfile.render.limits import MAX_TEXT, over, refuse_over

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


class NotText(Exception):
    """A value has no text of its own that anybody could mean."""


def print_value(value: object) -> str:
    """
    Return the text that stands for *value*: text as it is, numbers as they were written, `true` and `false` as in YAML.

    Raises NotText for all else: Python's own notation is never meant, and for some values differs from run to run.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise NotText(f"{_name(value)} cannot be printed: use `| tojson`, or print one of its values")


def _name(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, list | tuple | range):
        return "a list"
    return "a mapping" if isinstance(value, Mapping) else f"a value of type {type(value).__name__}"


def map_operands(values: Any) -> Any:
    """Return the operands of a format: numbers as they are, everything else as it prints. Raises NotText."""
    if isinstance(values, Mapping):
        return {key: _operand(value) for key, value in values.items()}
    return tuple(map(_operand, values)) if isinstance(values, tuple) else _operand(values)


def _operand(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number else print_value(value)


def join_bounded(pieces: Iterable[str], separator: str = "") -> str:
    """Join all *pieces* to one text. Raises TooMuch as soon as it grows too long."""
    parts: list[str] = []
    size, limit = 0, MAX_TEXT + len(separator)
    for piece in pieces:
        size += len(piece) + len(separator)
        if size > limit:
            raise over(limit, size, "characters")
        parts.append(piece)
    return separator.join(parts)


def compact_json(value: object) -> str:
    """
    *value* as JSON without blanks: keys in their order, numbers as written, all of Unicode as it is.

    Raises NotText for what is not a JSON value, TooMuch beyond the limit.
    """
    return _Json(",", ":").text(value)


def spaced_json(value: object, indent: int | None = None) -> str:
    """Return JSON with blanks as Python's json module sets them. *indent*: blanks for each level."""
    if isinstance(value, str) and indent is None:  # most often
        return _json_text(value)
    if indent is None:
        return _Json(", ", ": ").text(value)
    refuse_over(MAX_TEXT, indent, "characters")
    return _Json(",", ": ", " " * indent).text(value)


class _Json:
    """Writes one value; *indent*: what a level is indented by, None for all in one line."""

    def __init__(self, comma: str, colon: str, indent: str | None = None) -> None:
        self._comma, self._colon, self._indent = comma, colon, indent
        self._parts: list[str] = []
        self._size = 0

    def text(self, value: object) -> str:
        self._write(value, "\n")
        return "".join(self._parts)

    def _put(self, part: str) -> None:
        self._size += len(part)
        refuse_over(MAX_TEXT, self._size, "characters")
        self._parts.append(part)

    def _write(self, value: object, margin: str) -> None:
        """*margin*: a line end, and the indentation of the line where *value* stands."""
        if isinstance(value, str):
            self._put(encode_basestring(value))
        elif value is None:
            self._put("null")
        elif isinstance(value, bool):
            self._put("true" if value else "false")
        elif isinstance(value, int | float):
            self._put(_json_number(value))
        elif isinstance(value, Mapping):
            entries = ((f"{encode_basestring(print_value(key))}{self._colon}", item) for key, item in value.items())
            self._write_all("{", entries, "}", margin)
        elif isinstance(value, list | tuple):
            self._write_all("[", (("", item) for item in value), "]", margin)
        else:
            raise NotText(f"{_name(value)} is not a JSON value")

    def _write_all(self, start: str, entries: Iterable[tuple[str, object]], end: str, margin: str) -> None:
        inner = "" if self._indent is None else margin + self._indent
        self._put(start)
        before = ""
        for key, value in entries:
            self._put(f"{before}{inner}{key}")
            self._write(value, inner)
            before = self._comma
        self._put(end if self._indent is None or not before else margin + end)


def _json_text(text: str) -> str:
    written = encode_basestring(text)
    refuse_over(MAX_TEXT, len(written), "characters")
    return written


def _json_number(number: float) -> str:
    """A number that is not written as JSON writes one, such as 0x1F or .5, gets its value's text."""
    text = str(number)
    if _JSON_NUMBER.fullmatch(text):
        return text
    if not math.isfinite(number):
        raise NotText(f"{text} is not a JSON value")
    return int.__repr__(number) if isinstance(number, int) else float.__repr__(number)
