"""Evaluates operators. Source: hashicorp/hcl, hclsyntax/expression_ops.go, and zclconf/go-cty, cty/value_ops.go."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, Parameter, UnsupportedCallError
from dispatchfile.jobspec.hcl.numbers import Number, NumberError
from dispatchfile.jobspec.hcl.types import (
    BOOL,
    NUMBER,
    TRUE,
    Type,
    Value,
    bool_value,
    number_value,
    same,
    unknown_of,
)


def equality(one: Value, other: Value) -> Value:
    """Return whether two values are equal, or unknown if that is not decided yet."""
    if one.is_null and other.is_null:
        return TRUE
    if not (one.is_wholly_known and other.is_wholly_known):
        return unknown_of(BOOL)
    return bool_value(same(one, other))


def _arithmetic(compute: Callable[[Number, Number], Number]) -> Function:
    def run(values: Sequence[Value]) -> Value:
        try:
            return number_value(compute(values[0].number, values[1].number))
        except NumberError as exc:
            raise UnsupportedCallError(f"{exc}; this is not supported here") from exc

    return Function(run, (Parameter("a", NUMBER), Parameter("b", NUMBER)))


def _comparison(compare: Callable[[Number, Number], bool]) -> Function:
    return Function(
        lambda values: bool_value(compare(values[0].number, values[1].number)),
        (Parameter("a", NUMBER), Parameter("b", NUMBER)),
    )


def _logic(compute: Callable[[bool, bool], bool]) -> Function:
    return Function(
        lambda values: bool_value(compute(values[0].content is True, values[1].content is True)),
        (Parameter("a", BOOL), Parameter("b", BOOL)),
    )


def _negated(value: Value) -> Value:
    return bool_value(value.content is False) if value.is_known else value


_ANY_PAIR: Final = (
    Parameter("a", takes_null=True, takes_untyped=True),
    Parameter("b", takes_null=True, takes_untyped=True),
)

BINARY: Final[Mapping[str, Function]] = {
    "+": _arithmetic(lambda a, b: a + b),
    "-": _arithmetic(lambda a, b: a - b),
    "*": _arithmetic(lambda a, b: a * b),
    "/": _arithmetic(lambda a, b: a / b),
    "%": _arithmetic(lambda a, b: a.modulo(b)),
    ">": _comparison(lambda a, b: a.value > b.value),
    ">=": _comparison(lambda a, b: a.value >= b.value),
    "<": _comparison(lambda a, b: a.value < b.value),
    "<=": _comparison(lambda a, b: a.value <= b.value),
    "&&": _logic(lambda a, b: a and b),
    "||": _logic(lambda a, b: a or b),
    "==": Function(lambda values: equality(values[0], values[1]), _ANY_PAIR),
    "!=": Function(lambda values: _negated(equality(values[0], values[1])), _ANY_PAIR),
}
UNARY: Final[Mapping[str, Function]] = {
    "-": Function(lambda values: number_value(-values[0].number), (Parameter("num", NUMBER),)),
    "!": Function(lambda values: bool_value(values[0].content is False), (Parameter("val", BOOL),)),
}
RESULT: Final[Mapping[str, Type]] = {**dict.fromkeys(BINARY, BOOL), **dict.fromkeys("+-*/%", NUMBER), "!": BOOL}
