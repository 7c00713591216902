"""Functions of numbers. Source: zclconf/go-cty, cty/function/stdlib/number.go."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, FunctionError, Parameter, UnsupportedCallError
from dispatchfile.jobspec.hcl.functions.texts import whole
from dispatchfile.jobspec.hcl.numbers import Number, from_float, integer
from dispatchfile.jobspec.hcl.types import (
    NUMBER,
    STRING,
    Value,
    integer_value,
    list_value,
    number_value,
)

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_IN_RANGE: Final = 1024
_LARGEST_EXACT: Final = 2**53


def _extreme(values: Sequence[Value], *, largest: bool) -> Value:
    if not values:
        raise FunctionError("must pass at least one number")
    return (max if largest else min)(values, key=lambda value: value.number.value)


def _rounded(values: Sequence[Value], *, up: bool) -> Value:
    number = values[0].number
    result = math.ceil(number.value) if up else math.floor(number.value)
    return number_value(Number(Fraction(result), number.precision))


def _pow(values: Sequence[Value]) -> Value:
    number, power = values[0].number.whole, values[1].number.whole
    if number is not None and power is not None and 0 <= power <= 64 and abs(number) ** power <= _LARGEST_EXACT:
        return number_value(from_float(float(number**power)))
    raise UnsupportedCallError("powers of fractions and results above 2^53 are not supported here")


def _signum(values: Sequence[Value]) -> Value:
    number = whole(values[0])
    return integer_value((number > 0) - (number < 0))


def _parse_int(values: Sequence[Value]) -> Value:
    if values[0].type is not STRING and values[0].type != STRING:
        raise FunctionError(f"first argument must be a string, not {values[0].type.described()}", 0)
    base = whole(values[1], 1)
    if not 2 <= base <= 62:
        raise FunctionError("base must be a whole number between 2 and 62 inclusive", 1)
    text = values[0].text
    digits = text[1:] if text[:1] in ("+", "-") else text
    number = 0
    for digit in digits if base > 36 else digits.lower():
        place = _DIGITS.find(digit)
        if not 0 <= place < base:
            number = -1
            break
        number = number * base + place
    if number < 0 or not digits or len(digits) > 1_000:
        raise FunctionError(f"cannot parse the text as a base {base} integer", 0)
    return number_value(integer(-number if text.startswith("-") else number))


def _range(values: Sequence[Value]) -> Value:
    if not 1 <= len(values) <= 3:
        raise FunctionError("must have one, two, or three arguments")
    numbers = [value.number for value in values]
    start, end = (integer(0), numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
    step = numbers[2] if len(numbers) == 3 else integer(-1 if end.value < start.value else 1)
    if not step.value:
        raise FunctionError("step must not be zero")
    down = step.value < 0
    if (end.value > start.value) if down else (end.value < start.value):
        relation = "less than start when step is negative" if down else "greater than start when step is positive"
        raise FunctionError(f"end must be {relation}")
    items: list[Value] = []
    while (start.value > end.value) if down else (start.value < end.value):
        if len(items) >= _MOST_IN_RANGE:
            raise FunctionError(
                "more than 1024 values were generated; either decrease the difference between start and end or use a "
                "smaller step"
            )
        items.append(number_value(start))
        start = start + step
    return list_value(items, NUMBER)


_ONE: Final = (Parameter("num", NUMBER),)

FUNCTIONS: Final[Mapping[str, Function]] = {
    "abs": Function(lambda values: number_value(Number(abs(values[0].number.value), values[0].number.precision)), _ONE),
    "ceil": Function(lambda values: _rounded(values, up=True), _ONE),
    "floor": Function(lambda values: _rounded(values, up=False), _ONE),
    "max": Function(lambda values: _extreme(values, largest=True), (), Parameter("numbers", NUMBER)),
    "min": Function(lambda values: _extreme(values, largest=False), (), Parameter("numbers", NUMBER)),
    "pow": Function(_pow, (*_ONE, Parameter("power", NUMBER))),
    "signum": Function(_signum, _ONE),
    "parseint": Function(_parse_int, (Parameter("number"), Parameter("base", NUMBER))),
    "range": Function(_range, (), Parameter("params", NUMBER)),
}
