"""Finds all references in an expression. Source: hashicorp/hcl, hclsyntax/variables.go."""

from collections.abc import Iterator, Mapping
from typing import Final

from dispatchfile.jobspec.hcl.syntax import (
    Binary,
    Conditional,
    Expression,
    For,
    FunctionCall,
    Key,
    Lookup,
    ObjectOf,
    Parentheses,
    Reference,
    Splat,
    TemplateExpression,
    TemplateLoop,
    Traversal,
    TupleOf,
    Unary,
    Wrapped,
)


def references(expression: Expression, local: frozenset[str] = frozenset()) -> Iterator[Reference]:
    """Yield the references to variables from outside of the expression, in their order."""
    if isinstance(expression, Reference):
        if expression.name not in local:
            yield expression
    elif isinstance(expression, For):
        yield from references(expression.collection, local)
        names = local | {expression.value_name} | ({expression.key_name} if expression.key_name else set())
        for inner in (expression.key, expression.value, expression.condition):
            if inner is not None:
                yield from references(inner, frozenset(names))
    else:
        for inner in _children(expression):
            yield from references(inner, local)


def _children(expression: Expression) -> Iterator[Expression]:
    """Yield what an expression is made of, in the order it was written."""
    if isinstance(expression, Key) and _is_word(expression):
        return
    for name in _PARTS.get(type(expression), ()):
        part = getattr(expression, name)
        if isinstance(part, list):
            for item in part:
                yield from item if isinstance(item, tuple) else (item,)
        else:
            yield part


def _is_word(key: Key) -> bool:
    return not key.in_parentheses and isinstance(key.inner, Reference) and not key.inner.steps


_PARTS: Final[Mapping[type[Expression], tuple[str, ...]]] = {
    Traversal: ("origin",),
    Splat: ("origin", "each"),
    Lookup: ("collection", "key"),
    FunctionCall: ("arguments",),
    Conditional: ("condition", "positive", "negative"),
    Binary: ("left", "right"),
    Unary: ("operand",),
    Parentheses: ("inner",),
    Wrapped: ("inner",),
    TupleOf: ("items",),
    ObjectOf: ("items",),
    Key: ("inner",),
    TemplateExpression: ("parts",),
    TemplateLoop: ("rounds",),
}
