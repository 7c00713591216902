"""Evaluates for expressions and splats. Source: hashicorp/hcl, hclsyntax/expression.go (ForExpr, SplatExpr)."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dispatchfile.jobspec.hcl.syntax import Expression, For, Splat
from dispatchfile.jobspec.hcl.types import (
    ANY,
    BOOL,
    STRING,
    UNDECIDED,
    Type,
    TypeKind,
    Value,
    list_value,
    object_value,
    tuple_value,
    unknown_of,
)

if TYPE_CHECKING:
    from dispatchfile.jobspec.hcl.evaluate import Evaluator

_BAD_IF = "Invalid 'for' condition; The 'if' clause value is invalid: {}."


def evaluate_for(evaluator: "Evaluator", expression: For) -> Value:
    """Return the tuple or object that a for expression makes."""
    collection = _collection(evaluator, expression)
    if collection is None or not _condition_can_hold(evaluator, expression):
        return UNDECIDED
    rounds = _rounds(evaluator, expression, collection)
    return _tuple(expression, rounds) if expression.key is None else _object(expression, rounds)


def _collection(evaluator: "Evaluator", expression: For) -> Value | None:
    collection = evaluator.value(expression.collection)
    if collection.is_null:
        evaluator.note(
            "Iteration over null value; A null value cannot be used as the collection in a 'for' expression.",
            expression.collection,
        )
        return None
    if collection.type.is_primitive:
        evaluator.note(
            f"Iteration over non-iterable value; A value of type {collection.type.described()} cannot be used as the "
            "collection in a 'for' expression.",
            expression.collection,
        )
        return None
    if collection.type.kind is TypeKind.ANY or not collection.is_known:
        return None
    return collection if is_ordered(evaluator, collection, expression.collection) else None


def is_ordered(evaluator: "Evaluator", collection: Value, at: Expression) -> bool:
    """Note sets whose order only Nomad's parser knows."""
    if collection.type.kind is TypeKind.SET and not collection.type.element.is_primitive and collection.length > 1:
        evaluator.note("The order of a set of collections is not defined; use a list.", at)
        return False
    return True


def _condition_can_hold(evaluator: "Evaluator", expression: For) -> bool:
    """Evaluate the condition once for elements that are not known, which finds what is wrong for all of them."""
    if expression.condition is None:
        return True
    before = len(evaluator.problems)
    child = evaluator.within(_variables(expression, UNDECIDED, UNDECIDED))
    result = child.value(expression.condition)
    if result.is_null:
        evaluator.note("Condition is null; The value of the 'if' clause must not be null.", expression.condition)
        return False
    evaluator.converted(result, BOOL, _BAD_IF, expression.condition)
    return len(evaluator.problems) == before


def _variables(expression: For, key: Value, value: Value) -> Mapping[str, Value]:
    variables = {} if expression.key_name is None else {expression.key_name: key}
    return {**variables, expression.value_name: value}


def _rounds(evaluator: "Evaluator", expression: For, collection: Value) -> Iterator["Evaluator | None"]:
    """Yield an evaluator for each element that the condition takes, None where that is not known."""
    for key, value in collection.pairs():
        child = evaluator.within(_variables(expression, key, value))
        if expression.condition is None:
            yield child
            continue
        result = child.value(expression.condition)
        if result.is_null:
            child.note("Invalid 'for' condition; The value of the 'if' clause must not be null.", expression.condition)
            yield None
            continue
        included = child.converted(result, BOOL, _BAD_IF, expression.condition)
        if included is None or not included.is_known:
            yield None
        elif included.content is True:
            yield child


def _tuple(expression: For, rounds: "Iterator[Evaluator | None]") -> Value:
    values: list[Value] = []
    complete = True
    for child in rounds:
        if child is None:
            complete = False
        else:
            values.append(child.value(expression.value))
    return tuple_value(values) if complete else UNDECIDED


def _object(expression: For, rounds: "Iterator[Evaluator | None]") -> Value:
    groups: dict[str, list[Value]] = {}
    complete = True
    for child in rounds:
        name = _name(child, expression) if child else None
        if child is None or name is None:
            complete = False
            continue
        value = child.value(expression.value)
        if name in groups and not expression.groups and expression.key:
            child.note(
                f"Duplicate object key; Two different items produced the key \"{name}\" in this 'for' expression. "
                "If duplicates are expected, use the ellipsis (...) after the value expression to enable grouping by "
                "key.",
                expression.key,
            )
        groups.setdefault(name, []).append(value)
    if not complete:
        return UNDECIDED
    return object_value(
        {name: tuple_value(values) if expression.groups else values[0] for name, values in groups.items()}
    )


def _name(child: "Evaluator", expression: For) -> str | None:
    if expression.key is None:
        return None
    raw = child.value(expression.key)
    if raw.is_null:
        child.note(
            "Invalid object key; Key expression in 'for' expression must not produce a null value.", expression.key
        )
        return None
    if not raw.is_known:
        return None
    message = "Invalid object key; The key expression produced an invalid result: {}."
    name = child.converted(raw, STRING, message, expression.key)
    return None if name is None else name.text


def evaluate_splat(evaluator: "Evaluator", expression: Splat, variable: str) -> Value:
    """Return what the steps behind a star give for each element; *variable* is the name it is held under."""
    before = len(evaluator.problems)
    origin = evaluator.value(expression.origin)
    if origin.is_null and len(evaluator.problems) == before:
        return _splat_of_null(evaluator, expression, origin)
    if origin.type.kind is TypeKind.ANY or len(evaluator.problems) > before:
        return UNDECIDED
    if not origin.type.is_sequence:
        origin = tuple_value([origin])
    if not origin.is_known or not is_ordered(evaluator, origin, expression.origin):
        return UNDECIDED
    values = [evaluator.within({variable: item}).value(expression.each) for item in origin.items]
    if len(evaluator.problems) > before:
        return UNDECIDED
    if origin.type.kind is TypeKind.TUPLE:
        return tuple_value(values)
    return list_value(values, _element_type(evaluator, expression, origin, variable))


def _splat_of_null(evaluator: "Evaluator", expression: Splat, origin: Value) -> Value:
    if not origin.type.is_sequence:
        return tuple_value([])
    return evaluator.note(
        "Splat of null value; Splat expressions (with the * symbol) cannot be applied to null sequences.",
        expression.origin,
    )


def _element_type(evaluator: "Evaluator", expression: Splat, origin: Value, variable: str) -> Type:
    if origin.length:
        return ANY
    element = unknown_of(origin.type.element)
    return evaluator.within({variable: element}).value(expression.each).type
