"""The values of scalars in YAML 1.2's core schema, and numbers that print as they were written."""

from __future__ import annotations

import math
import re
from functools import lru_cache

MAX_NUMBER_LENGTH = 400  # the longest float has 309 digits; Python itself reads integers of 4,300

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
FIRST_OF_NO_TEXT = frozenset({"", *"~nNtTfF+-.0123456789"})  # a plain scalar with another first character is text

CORE_TAGS = {f"tag:yaml.org,2002:{name}": f"!!{name}" for name in ("str", "null", "bool", "int", "float")} | {"!": "!"}

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class SourceInt(int):
    """An integer whose text in the manifest is not the one Python gives it, such as 0x1F or 007."""

    text: str

    def __new__(cls, value: int, text: str = "") -> SourceInt:
        number = super().__new__(cls, value)
        number.text = text
        return number

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


class SourceFloat(float):
    """A float whose text in the manifest is not the one Python gives it, such as 1.10 or 1e3."""

    text: str

    def __new__(cls, value: float, text: str = "") -> SourceFloat:
        number = super().__new__(cls, value)
        number.text = text
        return number

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


class ScalarRefused(ValueError):
    """A scalar that no manifest may hold: an infinite or endless number, or not what its tag says."""


@lru_cache(maxsize=4096)  # a manifest has few numbers, each of them often
def resolve_scalar(text: str) -> str | int | float | bool | None:
    """Return the value of the plain scalar *text*. Raises ScalarRefused."""
    if text in NULLS:
        return None
    if text in BOOLS:
        return BOOLS[text]
    number = read_number(text)
    return text if number is None else number


def read_number(text: str) -> int | float | None:
    """*text* as a number of the core schema, None if it is no such. Raises ScalarRefused."""
    number = read_int(text)
    return read_float(text) if number is None else number


def read_int(text: str) -> int | None:
    """*text* as an integer of the core schema, None if it is no such. Raises ScalarRefused."""
    if _INTEGER.fullmatch(text):
        base, digits = 10, text
    elif _OCTAL.fullmatch(text):
        base, digits = 8, text[2:]
    elif _HEXADECIMAL.fullmatch(text):
        base, digits = 16, text[2:]
    else:
        return None
    _refuse_long(text)
    number = int(digits, base)
    return number if str(number) == text else SourceInt(number, text)


def read_float(text: str) -> float | None:
    """*text* as a float of the core schema, None if it is no such. Raises ScalarRefused."""
    if _NOT_FINITE.fullmatch(text):
        raise ScalarRefused(f"{text} is not a finite number")
    if not _FLOAT.fullmatch(text):
        return None
    _refuse_long(text)
    number = float(text)
    if math.isinf(number):
        raise ScalarRefused(f"{text} is too large a number")
    return number if str(number) == text else SourceFloat(number, text)


def read_tagged(tag: str, text: str) -> str | int | float | bool | None:
    """*text* as its *tag* asks, in full: "tag:yaml.org,2002:int". Raises ScalarRefused, KeyError for other tags."""
    number: int | float | None = None
    match CORE_TAGS[tag]:
        case "!" | "!!str":
            return text
        case "!!null" if text in NULLS:
            return None
        case "!!bool" if text in BOOLS:
            return BOOLS[text]
        case "!!int":
            number = read_int(text)
        case "!!float":
            number = read_number(text)
    if number is None:
        raise ScalarRefused(f"{text[:60]!r} is not of type {CORE_TAGS[tag]}")
    return number


def _refuse_long(text: str) -> None:
    if len(text) > MAX_NUMBER_LENGTH:
        raise ScalarRefused(f"a number with {len(text):,} digits is too long")


def name_type(value: object) -> str:
    """Return the type of *value* in words for messages: "a list", "a number"."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return next(name for kind, name in _TYPE_NAMES if isinstance(value, kind))


_TYPE_NAMES: tuple[tuple[type, str], ...] = (
    (str, "text"),
    (int, "a number"),
    (float, "a number"),
    (list, "a list"),
    (dict, "a mapping"),
)
