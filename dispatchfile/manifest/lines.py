"""
The plain part of YAML, read line by line: all that most generated manifests are made of.

Keys, dashes and values that end in their line take half of the time that the parser's events take. Whatever else
stands in a text leaves the whole of it to the parser, which alone knows what is wrong with it: either both read the
same, or only the parser reads.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import Any

from dispatchfile.manifest.builder import IN_LIST, MANIFEST, Scalar, ScalarScope
from dispatchfile.manifest.findings import LINE_SHIFT
from dispatchfile.manifest.scalars import FIRST_OF_NO_TEXT, NULLS, ScalarRefused, resolve_scalar
from dispatchfile.manifest.syntax import forbidden

CHUNK = 1 << 16  # characters
ROW = 1 << LINE_SHIFT
MAX_INDENT = 50  # so that nothing is nested too deeply

# Texts without quotes hold a colon only inside of a word, and in brackets none; what is quoted has no escapes.
_COMMENT = r"#[^\x00-\x08\x0a-\x1f\x7f]*+"
_KEY = r"[A-Za-z_][A-Za-z0-9_.-]{0,99}"
_FIRST = r"(?:[\w./+~$(]|-(?=\w))"
_PLAIN = rf"{_FIRST}[!-9;-~\w]*+(?:(?::| ++)[!\"$-9;-~\w][!-9;-~\w]*+)*+"
_PLAIN_ENTRY = rf"{_FIRST}[\w./@%+=~$();-]*+(?: ++[\w./@%+=~$();-]++)*+"
_QUOTED = r"\"[^\"\\\x00-\x1f\x7f]*+\"|'[^'\x00-\x1f\x7f]*+'"

_LINE = re.compile(
    rf"( *+)(?:(?:(- ++)?(?:({_KEY}):(?=[ \n]))?(?:( *+)({_PLAIN}|{_QUOTED}|[\[{{][^\n]*[\]}}]))?"
    rf"(?: ++(?:{_COMMENT})?)?|{_COMMENT})?\n|([^\n]*+)\n)"
)

_ENTRY_NAME = re.compile(rf" *+({_KEY}): ++")
_ENTRY = re.compile(rf" *+({_PLAIN_ENTRY}|{_QUOTED}|[\[{{])")
_ENTRY_END = re.compile(r" *+([,\]}])")
_EMPTY = re.compile(r"\{ *+\}|\[ *+\]")


class _Unsure(Exception):
    """Here stands what only the parser can tell."""


def read_lines(text: str, scope: ScalarScope = MANIFEST) -> tuple[dict[str, object], int, dict[int, array[int]]] | None:
    """The top level, its packed place, and the places of all below, as in Document; None where the parser is needed."""
    if not text.isascii() and forbidden().search(text):
        return None
    try:
        return _LineReader().read(text if text.endswith("\n") else f"{text}\n", scope)
    except (_Unsure, ScalarRefused):
        return None


def _split(text: str) -> Iterator[tuple[str, str, str, str, str, str]]:
    """The parts of each line: blanks, a dash, a key, blanks, a value; or the whole of one that is not plain."""
    end = 0
    while end < len(text):
        start, end = end, text.find("\n", end + CHUNK) + 1 or len(text)
        yield from _LINE.findall(text, start, end)


class _LineReader:
    def __init__(self) -> None:
        self._tables: dict[int, array[int]] = {}
        self._names: dict[str, str] = {}  # keys known to be text; each is kept once

    def read(self, text: str, scope: ScalarScope) -> tuple[dict[str, object], int, dict[int, array[int]]]:  # noqa: C901, PLR0912, PLR0915
        # long: one loop, and no call for what is ordinary, as in the builder.
        top: dict[str, object] = {}
        container: Any = top  # a dict or a list
        places, names = self._places(top), self._names
        indent = 0  # of the container's keys or dashes
        above: list[tuple[Any, array[int], ScalarScope, int]] = []
        key: str | None = None  # whose value starts in a line below
        row = -ROW
        for blanks, dash, name, gap, value, other in _split(text):
            row += ROW
            if other:
                raise _Unsure
            if not (dash or name or value):
                continue
            column = len(blanks)
            if key is not None:
                if column + bool(dash) <= indent or column > MAX_INDENT:
                    raise _Unsure
                above.append((container, places, scope, indent))
                places.append(row + column)
                below: Any = [] if dash else {}
                container[key] = below
                container, places, scope, indent, key = below, self._places(below), scope.of(key), column, None
            elif dash or column != indent or type(container) is list:
                while column < indent:
                    container, places, scope, indent = above.pop()
                if not dash and type(container) is list:  # whose dashes stood no further in than its key
                    container, places, scope, indent = above.pop()
                if column != indent or (not dash) is (type(container) is list):
                    raise _Unsure
            if name:
                if dash:
                    column += len(dash)
                    above.append((container, places, scope, indent))
                    places.append(row + column)
                    below = {}
                    container.append(below)
                    container, places, scope, indent = below, self._places(below), scope.of(IN_LIST), column
                key = names.get(name) or self._key(name)
                if key in container:
                    raise _Unsure
                places.append(row + column)
                if not value:
                    continue
            elif not (dash and value):
                raise _Unsure
            place = row + column + len(gap) + (len(name) + 1 if name else len(dash))
            places.append(place)
            if value[0] in "[{":
                read, end = self._bracketed(value, 0, scope.of(key or IN_LIST), place, indent)
                if end != len(value):
                    raise _Unsure
            else:
                read = _scalar(value, scope)
            if key is None:
                container.append(read)
            else:
                container[key] = read
                key = None
        if key is not None or not top:
            raise _Unsure
        return top, self._tables[id(top)][0], self._tables

    def _places(self, container: object) -> array[int]:
        places = self._tables[id(container)] = array("Q")
        return places

    def _key(self, name: str) -> str:
        if not isinstance(resolve_scalar(name), str):
            raise _Unsure
        return self._names.setdefault(name, name)

    def _bracketed(self, text: str, offset: int, scope: ScalarScope, place: int, depth: int) -> tuple[Any, int]:
        """The mapping or list that starts at *offset* of *text*, and the offset of its end. *place*: of the text."""
        if depth > MAX_INDENT:
            raise _Unsure
        is_mapping = text[offset] == "{"
        container: Any = {} if is_mapping else []
        if empty := _EMPTY.match(text, offset):
            return container, empty.end()
        places = self._places(container)
        more = True
        while more:
            offset += 1  # past the bracket or a comma
            key: Any = IN_LIST
            if is_mapping:
                name = _found(_ENTRY_NAME, text, offset)
                offset, key = name.end(), self._names.get(name[1]) or self._key(name[1])
                if key in container:
                    raise _Unsure
                places.append(place + name.start(1))
            entry = _found(_ENTRY, text, offset)
            places.append(place + entry.start(1))
            if entry[1] in "[{":
                value, offset = self._bracketed(text, entry.start(1), scope.of(key), place, depth + 1)
            else:
                value, offset = _scalar(entry[1], scope), entry.end()
            if is_mapping:
                container[key] = value
            else:
                container.append(value)
            offset = _found(_ENTRY_END, text, offset).start(1)
            more = text[offset] == ","
        if text[offset] != ("}" if is_mapping else "]"):
            raise _Unsure
        return container, offset + 1


def _scalar(text: str, scope: ScalarScope) -> Scalar:
    """Return the value of the scalar *text*. Raises ScalarRefused."""
    if text[0] in "\"'":
        return text[1:-1]
    if scope.keeps_text:
        return None if text in NULLS else text
    return resolve_scalar(text) if text[0] in FIRST_OF_NO_TEXT else text


def _found(pattern: re.Pattern[str], text: str, offset: int) -> re.Match[str]:
    match = pattern.match(text, offset)
    if match is None:
        raise _Unsure
    return match
