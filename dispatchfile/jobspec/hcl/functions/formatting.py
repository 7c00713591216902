"""The functions format and formatlist. Source: zclconf/go-cty, cty/function/stdlib/format.go and format_fsm.rl."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, FunctionError, Parameter, UnsupportedCallError
from dispatchfile.jobspec.hcl.convert import ConversionError, converted
from dispatchfile.jobspec.hcl.functions.documents import json_text
from dispatchfile.jobspec.hcl.functions.texts import clusters
from dispatchfile.jobspec.hcl.numbers import Number, shortest_digits
from dispatchfile.jobspec.hcl.types import (
    BOOL,
    NUMBER,
    STRING,
    Type,
    TypeKind,
    Value,
    list_value,
    string_value,
)

_VERB = re.compile(
    r"%(?P<flags>[0#\-+ ]*)(?P<width>[1-9][0-9]*)?(?P<precision>\.[0-9]*)?"
    r"(?:\[(?P<index>[1-9][0-9]*)\])?(?P<mode>[a-zA-Z])"
)
_WIDEST: Final = 1_000
_BASES: Final = {"b": "b", "d": "d", "o": "o", "x": "x", "X": "X"}


@dataclass(frozen=True, slots=True)
class _Verb:
    raw: str
    offset: int
    flags: str
    width: int
    precision: int | None
    mode: str

    def failure(self, reason: object) -> FunctionError:
        return FunctionError(f'unsupported value for "{self.raw}" at {self.offset}: {reason}')

    def padded(self, text: str) -> str:
        missing = self.width - len(clusters(text))
        if missing <= 0:
            return text
        padding = ("0" if "0" in self.flags else " ") * missing
        return text + padding if "-" in self.flags else padding + text


def format_values(pattern: str, values: Sequence[Value]) -> str:
    """Return *pattern* with its verbs filled in. Raises FunctionError."""
    result, position, following, highest = "", 0, 1, 0
    while position < len(pattern):
        if pattern[position] != "%":
            result += pattern[position]
            position += 1
        elif pattern.startswith("%%", position):
            result += "%"
            position += 2
        else:
            match = _VERB.match(pattern, position)
            if match is None:
                raise FunctionError(f"invalid format string starting at offset {position}")
            number = int(match["index"] or following)
            result += _formatted(_verb(match), number, values)
            highest, following = max(highest, number), number + 1
            position = match.end()
    if highest < len(values):
        used = f"only {highest} used by format string" if highest else "no verbs in format string"
        raise FunctionError(f"too many arguments; {used}", highest + 1)
    return result


def _verb(match: re.Match[str]) -> _Verb:
    precision = match["precision"]
    verb = _Verb(
        match[0],
        match.start(),
        match["flags"],
        int(match["width"] or 0),
        None if precision is None else int(precision[1:] or 0),
        match["mode"],
    )
    if verb.width > _WIDEST or (verb.precision or 0) > _WIDEST:
        raise UnsupportedCallError("widths above 1000 are not supported here")
    return verb


def _formatted(verb: _Verb, number: int, values: Sequence[Value]) -> str:
    if number > len(values):
        raise FunctionError(
            f'not enough arguments for "{verb.raw}" at {verb.offset}: need index {number} but have {len(values)} total'
        )
    value = values[number - 1]
    if verb.mode != "v" and value.is_null:
        raise verb.failure("null value cannot be formatted")
    if verb.mode == "v":
        return _as_is(verb, value)
    if verb.mode == "t":
        return "true" if _converted(verb, value, BOOL).content is True else "false"
    if verb.mode in _BASES:
        return _integer(verb, _converted(verb, value, NUMBER).number)
    if verb.mode in "eEfgG":
        return _float(verb, _converted(verb, value, NUMBER).number)
    if verb.mode in "sq":
        return _text(verb, _converted(verb, value, STRING).text)
    raise FunctionError(f"unsupported format verb '{verb.mode}' in \"{verb.raw}\" at offset {verb.offset}")


def _converted(verb: _Verb, value: Value, wanted: Type) -> Value:
    try:
        return converted(value, wanted)
    except ConversionError as exc:
        raise verb.failure(exc) from exc


def _as_is(verb: _Verb, value: Value) -> str:
    if "#" not in verb.flags and not value.is_null:
        if value.type.kind is TypeKind.STRING:
            return verb.padded(value.text)
        if value.type.kind is TypeKind.NUMBER:
            return verb.padded(general(value.number))
    return verb.padded(json_text(value))


def _text(verb: _Verb, text: str) -> str:
    if verb.precision:
        text = "".join(clusters(text)[: verb.precision])
    return verb.padded(text if verb.mode == "s" else json_text(string_value(text)))


def _integer(verb: _Verb, number: Number) -> str:
    whole = number.whole
    if whole is None:
        raise verb.failure("an integer is required")
    digits = f"{abs(whole):{_BASES[verb.mode]}}"
    if verb.precision is not None:
        digits = "" if verb.precision == 0 and whole == 0 else digits.rjust(verb.precision, "0")
    prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb.mode, "") if "#" in verb.flags else ""
    sign = _sign(verb, negative=whole < 0)
    zeros = "0" in verb.flags and "-" not in verb.flags and verb.precision is None
    return _aligned(verb, sign + prefix, digits, zeros=zeros)


def _sign(verb: _Verb, *, negative: bool) -> str:
    if negative:
        return "-"
    return "+" if "+" in verb.flags else " " if " " in verb.flags else ""


def _aligned(verb: _Verb, sign: str, digits: str, *, zeros: bool) -> str:
    missing = verb.width - len(sign) - len(digits)
    if missing <= 0:
        return sign + digits
    if "-" in verb.flags:
        return sign + digits + " " * missing
    return sign + "0" * missing + digits if zeros else " " * missing + sign + digits


def _float(verb: _Verb, number: Number) -> str:
    if "#" in verb.flags:
        raise UnsupportedCallError("the flag # for numbers with a fraction is not supported here")
    magnitude = Number(abs(number.value), number.precision)
    precision = verb.precision
    if verb.mode == "f":
        text = fixed(magnitude.value, 6 if precision is None else precision)
    elif verb.mode in "eE":
        digits, point = _significant(magnitude.value, (6 if precision is None else precision) + 1)
        text = _scientific(digits, point)
    elif precision is None:
        text = general(magnitude)
    else:
        raise UnsupportedCallError("the precision of %g is not supported here")
    text = text.upper() if verb.mode in "EG" else text
    zeros = "0" in verb.flags and "-" not in verb.flags
    return _aligned(verb, _sign(verb, negative=number.value < 0), text, zeros=zeros)


def fixed(value: Fraction, precision: int) -> str:
    """Return a number that is not negative with *precision* digits behind the point."""
    digits = str(round(value * 10**precision)).rjust(precision + 1, "0")
    return f"{digits[:-precision]}.{digits[-precision:]}" if precision else digits


def _significant(value: Fraction, count: int) -> tuple[str, int]:
    """Return *count* digits of a number and the place of the point."""
    if not value:
        return "0" * count, 1
    point = len(str(int(value))) if value >= 1 else 0
    if value < 1:
        while value * Fraction(10) ** (1 - point) < 1:
            point -= 1
    digits = str(round(value * Fraction(10) ** (count - point)))
    return (digits[:count], point + 1) if len(digits) > count else (digits, point)


def _scientific(digits: str, point: int) -> str:
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits or "0"
    exponent = point - 1 if digits.strip("0") else 0
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def general(number: Number) -> str:
    """
    Return the shortest text of a number, with an exponent above six digits and for small fractions.

    Source: the Go standard library, math/big (Float.Text with 'g').
    """
    digits, point = shortest_digits(number)
    sign = "-" if number.value < 0 else ""
    exponent = point - 1
    if digits and not -4 <= exponent < 6:
        return sign + _scientific(digits, point)
    return number.text()


def _format(values: Sequence[Value]) -> Value:
    return string_value(format_values(values[0].text, values[1:]))


def _format_list(values: Sequence[Value]) -> Value:
    pattern, arguments = values[0].text, values[1:]
    lengths = {n: value.length for n, value in enumerate(arguments, 1) if value.type.is_sequence and not value.is_null}
    first = next(iter(lengths), 0)
    for position, length in lengths.items():
        if length != lengths[first]:
            raise FunctionError(
                f"argument {position} has length {length}, which is inconsistent with argument {first} of length "
                f"{lengths[first]}",
                position,
            )
    texts: list[Value] = []
    for number in range(lengths[first] if lengths else 1):
        row = [value.items[number] if n in lengths else value for n, value in enumerate(arguments, 1)]
        try:
            texts.append(string_value(format_values(pattern, row)))
        except FunctionError as exc:
            raise FunctionError(f"error on format iteration {number}: {exc}") from exc
    return list_value(texts, STRING)


_ARGUMENTS: Final = Parameter("args", takes_null=True, takes_untyped=True)

FUNCTIONS: Final[Mapping[str, Function]] = {
    "format": Function(_format, (Parameter("format", STRING),), _ARGUMENTS),
    "formatlist": Function(_format_list, (Parameter("format", STRING),), _ARGUMENTS),
}
