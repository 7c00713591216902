"""`json`: a file with one list, whose elements are rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from dispatchfile.expand.jsonvalues import JSON, json_trouble, refuse_surrogates
from dispatchfile.expand.rows import Found
from dispatchfile.expand.site import Site, origin_of
from dispatchfile.expand.texts import SAVE_AS_UTF8, UTF8, not_decodable
from dispatchfile.problems import Problem
from dispatchfile.source import SourceText

_BLANKS = re.compile(r"[ \t\r\n]*")


class JsonRows:
    """The elements of the file's list, decoded one at a time: so each has its place."""

    def __init__(self, site: Site) -> None:
        self._site, self._name = site, str(site.value)

    @property
    def origin(self) -> str:
        return origin_of(self._name)

    def size(self) -> None:
        """Return None: the file has to be read."""

    def rows(self) -> Iterator[Found]:
        content = self._site.read(self._name)
        shown = self._site.shown(self._name)
        if trouble := not_decodable(content, UTF8, shown, SAVE_AS_UTF8):
            yield trouble
            return
        text = SourceText(shown, content.decode(UTF8))
        try:
            yield from _elements(text)
        except json.JSONDecodeError as exc:
            place = text.position(exc.pos)
            yield Problem("DF023", place, f"not valid JSON: {exc.msg}", excerpt=text.excerpt(place))


def _elements(source: SourceText) -> Iterator[Found]:
    """Raises json.JSONDecodeError."""
    text = source.text
    offset = _next_token(text, 0)
    if text[offset : offset + 1] != "[":
        yield Problem("DF023", source.position(offset), "the file must contain a list, with one element for each row")
        return
    offset = _next_token(text, offset + 1)
    more = text[offset : offset + 1] != "]"
    while more:
        try:
            value, end = JSON.raw_decode(text, offset)
            refuse_surrogates(text[offset:end], value)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as exc:
            yield Problem("DF023", source.position(offset), json_trouble(exc))
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
    blanks = _BLANKS.match(text, offset)
    return blanks.end() if blanks else offset
