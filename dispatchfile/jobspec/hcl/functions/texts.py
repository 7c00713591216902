"""Functions of texts. Source: zclconf/go-cty, cty/function/stdlib/string.go, string_replace.go and regexp.go."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, FunctionError, Parameter, UnsupportedCallError
from dispatchfile.jobspec.hcl.functions.patterns import PatternError, expanded, python_pattern
from dispatchfile.jobspec.hcl.templates import SPACES
from dispatchfile.jobspec.hcl.types import (
    NUMBER,
    STRING,
    Value,
    integer_value,
    list_of,
    list_value,
    string_value,
)


def clusters(text: str) -> list[str]:
    """Return the characters as people count them. Raises FunctionError where that takes Unicode's tables."""
    parts = re.findall(r"\r\n|.", text, re.DOTALL)
    if not text.isascii() and any(_may_combine(one) for one in text):
        raise UnsupportedCallError("texts with combined characters are not supported here")
    return parts


def _may_combine(one: str) -> bool:
    code = ord(one)
    combined = unicodedata.category(one) in ("Mn", "Mc", "Me", "Cf") or unicodedata.combining(one)
    hangul_jamo = 0x1100 <= code <= 0x11FF or 0xA960 <= code <= 0xA97F or 0xD7B0 <= code <= 0xD7FF
    return bool(combined) or hangul_jamo or code >= 0x1F1E6


def whole(value: Value, position: int | None = None) -> int:
    """Return a number as Go's int. Raises FunctionError for fractions and numbers beyond 64 bits."""
    number = value.number.whole
    if number is None or not -(2**63) <= number < 2**63:
        raise FunctionError(
            "value must be a whole number, between -9223372036854775808 and 9223372036854775807 inclusive", position
        )
    return number


def upper(text: str) -> str:
    return "".join(one.upper() if len(one.upper()) == 1 else one for one in text)


def lower(text: str) -> str:
    return "".join(one.lower() if len(one.lower()) == 1 else "i" for one in text)


def title(text: str) -> str:
    """Return *text* with the first letter of each word in upper case."""
    result, previous = "", " "
    for one in text:
        result += (one.title() if len(one.title()) == 1 else one) if _separates(previous) else one
        previous = one
    return result


def _separates(one: str) -> bool:
    if one.isascii():
        return not (one.isalnum() or one == "_")
    return not (one.isalpha() or unicodedata.category(one).startswith("N")) and one in SPACES


def _split(separator: str, text: str) -> list[str]:
    return text.split(separator) if separator else list(text)


def _substr(values: Sequence[Value]) -> Value:
    parts = clusters(values[0].text)
    offset, length = whole(values[1]), whole(values[2])
    if offset < 0:
        offset += len(parts)
    elif length == 0:
        return string_value("")
    if offset > 0:
        parts = parts[offset:]
    # without any character to count, or with a length of zero behind a negative offset, everything is taken
    return string_value("".join(parts[:length] if length > 0 else parts))


def _join(values: Sequence[Value]) -> Value:
    lists = values[1:]
    if not lists:
        raise FunctionError("at least one list is required")
    for number, one in enumerate(lists, 1):
        for position, item in enumerate(one.items):
            if item.is_null:
                where = f"element {position} of list {number}" if len(lists) > 1 else f"element {position}"
                raise FunctionError(f"{where} is null; cannot concatenate null values", number)
    return string_value(values[0].text.join(item.text for one in lists for item in one.items))


def _sort(values: Sequence[Value]) -> Value:
    for position, item in enumerate(values[0].items):
        if item.is_null:
            raise FunctionError(f"given list element {position} is null; a null string cannot be sorted")
    return _texts(sorted(item.text for item in values[0].items))


def _indent(values: Sequence[Value]) -> Value:
    spaces = whole(values[0])
    if not 0 <= spaces <= 10_000:
        raise FunctionError("spaces must be a number from 0 to 10000")
    return string_value(values[1].text.replace("\n", "\n" + " " * spaces))


def _regex_replace(values: Sequence[Value]) -> Value:
    text, pattern, replacement = (value.text for value in values)
    try:
        compiled = python_pattern(pattern, len(text))
    except PatternError as exc:
        raise UnsupportedCallError(str(exc), 1) from exc
    return string_value(compiled.sub(lambda match: expanded(replacement, match), text))


def _texts(items: Sequence[str]) -> Value:
    return list_value([string_value(item) for item in items], STRING)


def _of_text(change: Callable[[str], str]) -> Function:
    return Function(lambda values: string_value(change(values[0].text)), (Parameter("str", STRING),))


def _of_two(change: Callable[[str, str], str], second: str) -> Function:
    return Function(
        lambda values: string_value(change(values[0].text, values[1].text)),
        (Parameter("str", STRING), Parameter(second, STRING)),
    )


_REVERSE: Final = _of_text(lambda text: "".join(reversed(clusters(text))))

FUNCTIONS: Final[Mapping[str, Function]] = {
    "upper": _of_text(upper),
    "lower": _of_text(lower),
    "title": _of_text(title),
    "chomp": _of_text(lambda text: text.rstrip("\r\n")),
    "trimspace": _of_text(lambda text: text.strip(SPACES)),
    "trim": _of_two(lambda text, characters: text.strip(characters), "cutset"),
    "trimprefix": _of_two(lambda text, prefix: text.removeprefix(prefix), "prefix"),
    "trimsuffix": _of_two(lambda text, suffix: text.removesuffix(suffix), "suffix"),
    "reverse": _REVERSE,  # the same function as strrev, in Nomad
    "strrev": _REVERSE,
    "strlen": Function(lambda values: integer_value(len(clusters(values[0].text))), (Parameter("str", STRING),)),
    "substr": Function(_substr, (Parameter("str", STRING), Parameter("offset", NUMBER), Parameter("length", NUMBER))),
    "join": Function(_join, (Parameter("separator", STRING),), Parameter("lists", list_of(STRING))),
    "sort": Function(_sort, (Parameter("list", list_of(STRING)),)),
    "split": Function(
        lambda values: _texts(_split(values[0].text, values[1].text)),
        (Parameter("separator", STRING), Parameter("str", STRING)),
    ),
    "indent": Function(_indent, (Parameter("spaces", NUMBER), Parameter("str", STRING))),
    "replace": Function(
        lambda values: string_value(values[0].text.replace(values[1].text, values[2].text)),
        (Parameter("str", STRING), Parameter("substr", STRING), Parameter("replace", STRING)),
    ),
    "regex_replace": Function(
        _regex_replace, (Parameter("str", STRING), Parameter("pattern", STRING), Parameter("replace", STRING))
    ),
}
