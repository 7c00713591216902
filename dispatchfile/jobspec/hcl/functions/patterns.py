"""
Regular expressions of Go, as far as Python's mean the same.

Source: the Go standard library, regexp and regexp/syntax.
"""

import re
from typing import Final


class PatternError(ValueError):
    """A pattern that Go refuses, or whose meaning in Go this reader does not know."""


_LONGEST: Final = 1_000
_MOST_STEPS: Final = 100_000_000
_UNBOUNDED = re.compile(r"[*+]|\{\d+,")
_NESTED = re.compile(r"\)[*+{]")  # a group that repeats
_PIECE = re.compile(
    r"""
      (?P<escape>\\(?:[dDsSwWbBafnrtv]|[^A-Za-z0-9]))
    | (?P<text_end>\\z) | (?P<text_start>\\A)
    | (?P<named>\(\?P?<(?P<name>[A-Za-z_]\w*)>) | (?P<group>\((?:\?:)?(?!\?)) | (?P<flags>\(\?[ims]+\)) | (?P<close>\))
    | (?P<set>\[\^?\]?(?:\\(?:[dDsSwWafnrtv]|[^A-Za-z0-9])|[^\]\\\[])*\])
    | (?P<quantifier>(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??)
    | (?P<end>\$)
    | (?P<other>[^\\()\[\]{}*+?$])
    """,
    re.VERBOSE | re.ASCII,
)


def python_pattern(pattern: str, length: int) -> re.Pattern[str]:
    """
    Return a pattern of Go for use in Python on a text of so many characters. Raises PatternError.

    Go takes time in proportion to the text, Python may not, so costly patterns are refused.
    """
    if len(pattern) > _LONGEST:
        raise PatternError("patterns of more than 1000 characters are not supported here")
    if (length + 1) ** (len(_UNBOUNDED.findall(pattern)) + 1) > _MOST_STEPS or _NESTED.search(pattern):
        raise PatternError("patterns with so many repetitions are not supported here")
    position, translated, quantified, multiline = 0, "", True, False
    while position < len(pattern):
        piece = _PIECE.match(pattern, position)
        if piece is None or (piece["quantifier"] and quantified) or (piece["flags"] and position):
            raise PatternError(f"this part of the pattern is not supported here: {pattern[position : position + 20]}")
        multiline = multiline or bool(piece["flags"] and "m" in piece["flags"])
        translated += _translated(piece, multiline=multiline)
        quantified = bool(piece["quantifier"] or piece["flags"] or piece["group"] or piece["named"])
        position = piece.end()
    try:
        return re.compile(translated, re.ASCII)
    except re.error as exc:
        raise PatternError(f"error parsing regexp: {exc.msg}") from exc


def _translated(piece: re.Match[str], *, multiline: bool) -> str:
    if piece["text_end"]:
        return r"\Z"
    if piece["end"]:
        return "$" if multiline else r"\Z"
    if piece["named"]:
        return f"(?P<{piece['name']}>"
    if piece["set"] and "&&" in piece["set"]:
        raise PatternError("&& in a set of characters is not supported here")
    return piece[0]


_EXPANSION = re.compile(r"\$\$|\$(?:(?P<bare>\w+)|\{(?P<braced>\w+)\})", re.ASCII)


def expanded(replacement: str, match: re.Match[str]) -> str:
    """Return a replacement with ``$1``, ``${name}`` and ``$$`` filled in as Go does."""

    def filled(mark: re.Match[str]) -> str:
        name = mark["bare"] or mark["braced"]
        if name is None:
            return "$"
        key: str | int = int(name) if name.isdecimal() and (name == "0" or name[0] != "0") else name
        try:
            return match[key] or ""
        except IndexError:
            return ""

    return _EXPANSION.sub(filled, replacement)
