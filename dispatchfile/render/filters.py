"""Filters for ids, paths and payloads beyond Jinja's own, named as Ansible names them; and `slug`."""

from __future__ import annotations

import base64
import hashlib
import math
import posixpath
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2.exceptions import FilterArgumentError

from dispatchfile.render.limits import MAX_GROWTH, MAX_TEXT, TooLong, TooMuch, over, refuse_over

if TYPE_CHECKING:
    import regex

MAX_PATTERN = 1_000  # characters of a regular expression
MAX_PATTERN_SECONDS = 0.5  # a pattern that backtracks without end
MAX_REPEATS = 10_000  # of a part of a pattern, as in (a{100}){100}: the compiled pattern grows as they do
LONGEST_SLUG = 100  # characters: an id has at most 128
DIGEST_IN_SLUG = 8  # hex digits that tell apart what was cut
HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256", "sha3_512")

_ESCAPED = re.compile(r"[\x01-\x08]")  # what a text in a template makes of \1 and \b
_REPEAT = re.compile(r"\{(\d+)")
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "\u0131": "i"}
)


def basename(path: str) -> str:
    """Return what follows the last slash."""
    return posixpath.basename(path)


def dirname(path: str) -> str:
    """Return what stands before the last slash."""
    return posixpath.dirname(path)


def splitext(path: str) -> list[str]:
    """Return the path without its last extension, and the extension with its dot."""
    return [*posixpath.splitext(path)]


def b64encode(text: str) -> str:
    """Return the base64 of the text in UTF-8."""
    return base64.b64encode(text.encode()).decode()


def b64decode(text: str) -> str:
    """Return the text in UTF-8 that *text* is the base64 of; blanks and line ends in it do not count."""
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except UnicodeDecodeError as exc:
        raise FilterArgumentError("b64decode: the bytes are not UTF-8 text") from exc
    except ValueError as exc:
        raise FilterArgumentError(f"b64decode: not base64: {exc}") from exc


def hash_text(text: str, algorithm: str = "sha1") -> str:
    """Return the hex digits of a hash of the text in UTF-8."""
    if algorithm not in HASHES:
        raise FilterArgumentError(f"hash: {algorithm!r} is not one of {', '.join(HASHES)}")
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()


def regex_replace(
    text: str,
    pattern: str,
    replacement: str = "",
    *,
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
) -> str:
    r"""Return the text with every match of *pattern* replaced, where `\1` and `\g<name>` stand for groups."""
    if slip := _ESCAPED.search(pattern) or _ESCAPED.search(replacement):
        raise FilterArgumentError(
            f"regex_replace: {slip[0]!r} is a control character: write \\\\1 for group 1, \\\\b for a word's end"
        )
    compiled = _compiled(pattern, ignorecase, multiline)
    refuse_over(MAX_GROWTH, len(replacement) + replacement.count("\\") * len(text), "characters")
    pieces: list[str] = []
    size = end = 0
    try:
        for number, match in enumerate(compiled.finditer(text, timeout=MAX_PATTERN_SECONDS), start=1):
            piece = text[end : match.start()] + _expanded(match, replacement)
            pieces.append(piece)
            size, end = size + len(piece), match.end()
            if size > MAX_TEXT:
                raise over(MAX_TEXT, size, "characters")
            if number == count:
                break
    except TimeoutError as exc:
        raise TooLong(f"regex_replace: takes more than {MAX_PATTERN_SECONDS:g} s") from exc
    return "".join(pieces) + text[end:]


def _expanded(match: regex.Match[str], replacement: str) -> str:
    try:
        return str(match.expand(replacement))
    except Exception as exc:  # its errors have no common class
        raise FilterArgumentError(f"regex_replace: the replacement {replacement!r} is not valid: {exc}") from exc


@lru_cache(maxsize=400)
def _compiled(pattern: str, ignorecase: bool, multiline: bool) -> regex.Pattern[str]:
    if len(pattern) > MAX_PATTERN:
        raise TooMuch(f"has a pattern of {len(pattern):,} characters, at most {MAX_PATTERN:,} are allowed")
    if math.prod(max(1, int(number[-9:])) for number in _REPEAT.findall(pattern)) > MAX_REPEATS:
        raise TooMuch(f"has a pattern that repeats a part more than {MAX_REPEATS:,} times")
    import regex  # noqa: PLC0415  # 20 ms that few manifests need; unlike `re`, it can end a search by the clock

    flags = (regex.IGNORECASE if ignorecase else 0) | (regex.MULTILINE if multiline else 0)
    try:
        return regex.compile(pattern, flags, cache_pattern=False)
    except (regex.error, OverflowError, RecursionError) as exc:
        raise FilterArgumentError(f"regex_replace: {pattern!r} is not a regular expression: {exc}") from exc


def slug(text: str, length: int = LONGEST_SLUG) -> str:
    """
    Return the letters and digits of *text* as a part of an id: in lower case, without accents, hyphens between.

    A slug over *length* is cut, and ends in a hash of the whole text.
    """
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    kept = "".join(char if char.isascii() and char.isalnum() else _between(char) for char in plain)
    words = "-".join(kept.split())
    if not words:
        raise FilterArgumentError(f"slug: {text[:40]!r} has no letter a-z and no digit: use hash('sha256')")
    if len(words) <= length:
        return words
    digest = hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:DIGEST_IN_SLUG]
    return f"{words[: max(0, length - DIGEST_IN_SLUG - 1)].rstrip('-')}-{digest}".lstrip("-")


def _between(char: str) -> str:
    """Return nothing for an accent, else what separates words."""
    return "" if unicodedata.combining(char) or char in "'\N{RIGHT SINGLE QUOTATION MARK}" else " "


FILTERS: dict[str, Callable[..., Any]] = {
    "basename": basename,
    "dirname": dirname,
    "splitext": splitext,
    "b64encode": b64encode,
    "b64decode": b64decode,
    "hash": hash_text,
    "regex_replace": regex_replace,
    "slug": slug,
}
