"""The type constraints of variables. Source: hashicorp/hcl, ext/typeexpr/get_type.go."""

from typing import Final

from dispatchfile.jobspec.hcl.source import HclProblem, Source
from dispatchfile.jobspec.hcl.syntax import Expression, FunctionCall, Key, Literal, ObjectOf, Reference, TupleOf
from dispatchfile.jobspec.hcl.types import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    Type,
    TypeKind,
    list_of,
    map_of,
    object_of,
    set_of,
    tuple_of,
)

_INVALID: Final = "Invalid type specification; "
_SIMPLE: Final = {"bool": BOOL, "string": STRING, "number": NUMBER}
_COLLECTIONS: Final = {"list": list_of, "set": set_of, "map": map_of}
_REQUIRES: Final = {
    "list": "one argument specifying the element type",
    "set": "one argument specifying the element type",
    "map": "one argument specifying the element type",
    "object": "one argument specifying the attribute types and values as a map",
    "tuple": "one argument specifying the element types as a list",
}


def type_of(expression: Expression, source: Source, problems: list[HclProblem], *, exact: bool = True) -> Type:
    """
    Return the type that an expression names; what is wrong with it is added to *problems*.

    exact: whether the type must leave nothing open, as that of a variable.
    """
    return _ConstraintReader(source, problems, exact=exact).read(expression)


class _ConstraintReader:
    def __init__(self, source: Source, problems: list[HclProblem], *, exact: bool) -> None:
        self._source = source
        self._problems = problems
        self._exact = exact

    def read(self, expression: Expression) -> Type:
        if isinstance(expression, FunctionCall):
            return self._call(expression)
        word = keyword(expression)
        if word in _SIMPLE:
            return _SIMPLE[word]
        if word == "any" and not self._exact:
            return ANY
        return self._refuse(_why_no_type(word), expression)

    def _refuse(self, message: str, at: Expression) -> Type:
        self._problems.append(self._source.problem(_INVALID + message, at.start))
        return ANY

    def _call(self, call: FunctionCall) -> Type:
        if call.name in _SIMPLE:
            return self._refuse(f'Primitive type keyword "{call.name}" does not expect arguments.', call)
        if call.name not in _REQUIRES:
            reason = f'Keyword "{call.name}" is not a valid type constructor.'
            if call.name == "optional":
                reason = "Optional attribute modifier is only for type constraints, not for exact types."
            return self._refuse(reason, call)
        if len(call.arguments) != 1:
            return self._refuse(f"The {call.name} type constructor requires {_REQUIRES[call.name]}.", call)
        argument = call.arguments[0]
        if call.name == "object":
            return self._object(argument)
        if call.name == "tuple":
            return self._tuple(argument)
        return _COLLECTIONS[call.name](self.read(argument))

    def _tuple(self, argument: Expression) -> Type:
        if not isinstance(argument, TupleOf):
            return self._refuse("Tuple type constructor requires a list of element types.", argument)
        return tuple_of([self.read(item) for item in argument.items])

    def _object(self, argument: Expression) -> Type:
        if not isinstance(argument, ObjectOf):
            return self._refuse(
                "Object type constructor requires a map whose keys are attribute names and whose values are the "
                "corresponding attribute types.",
                argument,
            )
        attributes: dict[str, Type] = {}
        for key, item in argument.items:
            name = None if key.in_parentheses else keyword(key.inner)
            if name is None or name in attributes:
                reason = "attribute names" if name is None else "unique"
                self._refuse(f"Object constructor map keys must be {reason}.", key)
                continue
            attributes[name] = self.read(item)
        return object_of(attributes)


def _why_no_type(word: str | None) -> str:
    if word is None:
        return (
            "A type specification is either a primitive type keyword (bool, number, string) or a complex type "
            "constructor call, like list(string)."
        )
    if word == "any":
        return 'The keyword "any" cannot be used in this type specification: an exact type is required.'
    if word in _REQUIRES:
        return f"The {word} type constructor requires {_REQUIRES[word]}."
    return f'The keyword "{word}" is not a valid type specification.'


def keyword(expression: Expression) -> str | None:
    """Return the single word that an expression is, or None."""
    if isinstance(expression, Key):
        return None if expression.in_parentheses else keyword(expression.inner)
    if isinstance(expression, Reference) and not expression.steps:
        return expression.name
    if isinstance(expression, Literal):
        value = expression.value
        if value.is_null:
            return "null"
        if value.type.kind is TypeKind.BOOL:
            return "true" if value.content else "false"
    return None
