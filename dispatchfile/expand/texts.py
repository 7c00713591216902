"""Bytes to text, and where they are not in the encoding that they should be in."""

from __future__ import annotations

import codecs

from dispatchfile.problems import Problem
from dispatchfile.source import Position, SourceText

UTF8 = "utf-8-sig"
SAVE_AS_UTF8 = "save the file as UTF-8"
_NOT_OF_FILES = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
_BOMS = (  # the longer first: that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT = 1_000  # bytes
_CODEC_NAMES = {"utf-8": UTF8}


def codec_of(name: str) -> str | None:
    """Return the name of Python's codec for text in that encoding, or None if there is none."""
    try:
        codec = codecs.lookup(name).name
        if codec.replace("-", "_") in _NOT_OF_FILES:
            return None
        bytes(4).decode(codec, errors="replace")  # refuses what does not encode text, such as base64
    except (LookupError, ValueError):
        return None
    return _CODEC_NAMES.get(codec, codec)


def likely_encoding(content: bytes) -> str:
    """Return the name of the encoding that *content* shows in its first bytes; empty: nothing is odd about it."""
    for bom, name in _BOMS:
        if content.startswith(bom):
            return name
    head = content[:_LOOKED_AT]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) > 1 and max(even, odd) * 4 > len(head) and min(even, odd) * 4 < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return ""


def not_decodable(content: bytes, codec: str, shown: str, hint: str) -> Problem | None:
    """Return the problem with the first byte that is not of the encoding *codec*, if there is one."""
    try:
        content.decode(codec)
    except UnicodeDecodeError as exc:
        offset = exc.start + (3 if codec == UTF8 and content.startswith(codecs.BOM_UTF8) else 0)
        before = content[:offset].decode(codec, errors="replace")
        place = SourceText(shown, before).position(len(before))
        name = "UTF-8" if codec == UTF8 else codec
        return Problem("DF023", place, f"not {name}", hint)
    return None


def first_nul(text: str, shown: str) -> Position:
    """Return the place of the first NUL character, known to be there."""
    offset = text.index("\0")
    return SourceText(shown, text).position(offset)
