"""`lines` and `ndjson`: files with a row on each line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

from dispatchfile.expand.jsonvalues import JSON, json_trouble, refuse_surrogates
from dispatchfile.expand.rows import Found
from dispatchfile.expand.site import Site, origin_of
from dispatchfile.expand.texts import SAVE_AS_UTF8, not_decodable
from dispatchfile.problems import Problem
from dispatchfile.source import Position, excerpt

MAX_LINE_BYTES = 1 << 20  # Nomad takes payloads of 16 KiB: what is longer is not a list
_BOM = b"\xef\xbb\xbf"


class LineFile:
    """A file in UTF-8 that is read line by line, for `lines` and `ndjson`."""

    def __init__(self, site: Site) -> None:
        self._site, self._name = site, str(site.value)

    @property
    def origin(self) -> str:
        return origin_of(self._name)

    def size(self) -> None:
        """Return None: the file has to be read."""

    def _lines(self, content: bytes) -> Iterator[tuple[bytes, Position]]:
        """Yield the lines that are not blank, with their places."""
        shown = self._site.shown(self._name)
        for number, line in enumerate(io.BytesIO(content), start=1):
            raw = line.removeprefix(_BOM) if number == 1 else line
            if raw.strip():
                yield raw, Position(shown, number, 1)


class PlainLines(LineFile):
    """Each line that is not blank, as it stands there, is a row."""

    def rows(self) -> Iterator[Found]:
        content = self._site.read(self._name)
        if trouble := not_decodable(content, "utf-8-sig", self._site.shown(self._name), SAVE_AS_UTF8):
            yield trouble
            return
        for raw, position in self._lines(content):
            yield too_long(raw, position) or _plain_line(raw, position)


def _plain_line(raw: bytes, position: Position) -> Found:
    line = raw.decode().removesuffix("\n").removesuffix("\r")
    if "\0" in line:
        return Problem("DF023", _after(position, line.index("\0")), "a NUL character: this is not a file of lines")
    if "\r" in line:
        found = "a carriage return within a line: line ends must be LF or CRLF"
        return Problem("DF023", _after(position, line.index("\r")), found)
    return line, position


class NdjsonRows(LineFile):
    """Each line that is not blank is a JSON value, and a row."""

    def rows(self) -> Iterator[Found]:
        for raw, position in self._lines(self._site.read(self._name)):
            yield too_long(raw, position) or _ndjson_row(raw, position)


def too_long(raw: bytes, position: Position) -> Problem | None:
    """Return the problem with a line that nobody has written, if it is one."""
    if len(raw) <= MAX_LINE_BYTES:
        return None
    return Problem("DF023", position, f"a line of {len(raw):,} bytes, at most {MAX_LINE_BYTES:,} are allowed")


def _ndjson_row(raw: bytes, start: Position) -> Found:
    try:
        text = raw.decode()
        value = JSON.decode(text)
        refuse_surrogates(text, value)
    except UnicodeDecodeError as exc:
        return Problem("DF023", _after(start, len(raw[: exc.start].decode())), "not UTF-8", SAVE_AS_UTF8)
    except json.JSONDecodeError as exc:
        place = _after(start, exc.pos)
        return Problem("DF023", place, f"not valid JSON: {exc.msg}", excerpt=excerpt(text, place.column))
    except (ValueError, RecursionError) as exc:
        return Problem("DF023", start, json_trouble(exc))
    return value, start


def _after(start: Position, characters: int) -> Position:
    return Position(start.file, start.line, start.column + characters)
