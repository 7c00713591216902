"""
Expressions to values.

Everything that is wrong with an expression is noted, and evaluation goes on with an undecided value, as Nomad's
parser does. Source: hashicorp/hcl, hclsyntax/expression.go and expression_template.go.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dispatchfile.jobspec.hcl.access import AccessError, attribute_of, element_of
from dispatchfile.jobspec.hcl.call import Function, FunctionError, UnsupportedCallError
from dispatchfile.jobspec.hcl.calls import evaluate_call
from dispatchfile.jobspec.hcl.conditions import evaluate_conditional
from dispatchfile.jobspec.hcl.convert import ConversionError, converted
from dispatchfile.jobspec.hcl.loops import evaluate_for, evaluate_splat
from dispatchfile.jobspec.hcl.operators import BINARY, RESULT, UNARY
from dispatchfile.jobspec.hcl.scope import EvalContext, written_reference
from dispatchfile.jobspec.hcl.source import HclProblem
from dispatchfile.jobspec.hcl.syntax import (
    Attribute,
    Binary,
    Conditional,
    Expression,
    For,
    FunctionCall,
    Key,
    Literal,
    Lookup,
    ObjectOf,
    Parentheses,
    Reference,
    Splat,
    SplatElement,
    Step,
    TemplateExpression,
    TemplateLoop,
    Traversal,
    TupleOf,
    Unary,
    Wrapped,
)
from dispatchfile.jobspec.hcl.types import (
    BOOL,
    STRING,
    UNDECIDED,
    TooLargeError,
    Type,
    TypeKind,
    Value,
    object_value,
    string_value,
    tuple_value,
    unknown_of,
)
from dispatchfile.jobspec.spelling import suggestion

_ITEM: Final = " item"  # the variable that holds a splat's element; no name in a file has a blank


def evaluate(expression: Expression, scope: EvalContext, problems: list[HclProblem]) -> Value:
    """Return the value of *expression*; what is wrong is added to *problems*."""
    try:
        return Evaluator(scope, problems).value(expression)
    except TooLargeError as exc:
        problems.append(scope.source.problem(str(exc), expression.start))
        return UNDECIDED


class Evaluator:
    """Evaluates expressions in one scope."""

    def __init__(self, scope: EvalContext, problems: list[HclProblem]) -> None:
        self.scope = scope
        self.problems = problems

    def value(self, expression: Expression) -> Value:
        self.scope.budget.spend()
        return _READERS[type(expression)](self, expression)

    def within(self, variables: Mapping[str, Value]) -> "Evaluator":
        return Evaluator(self.scope.with_variables(variables), self.problems)

    def note(self, message: str, at: Expression | int, *, unsupported: bool = False) -> Value:
        offset = at if isinstance(at, int) else at.start
        self.problems.append(self.scope.source.problem(message, offset, unsupported=unsupported))
        return UNDECIDED

    def converted(self, value: Value, wanted: Type, message: str, at: Expression) -> Value | None:
        """Return *value* with the *wanted* type, or None if there is no conversion, which is then noted."""
        try:
            return converted(value, wanted)
        except ConversionError as exc:
            self.note(message.format(exc), at)
            return None

    def literal(self, expression: Literal) -> Value:
        return expression.value

    def inner(self, expression: Parentheses | Wrapped) -> Value:
        return self.value(expression.inner)

    def item(self, expression: SplatElement) -> Value:
        return self.scope.variables.get(f"{_ITEM}{id(expression)}", UNDECIDED)

    def reference(self, expression: Reference) -> Value:
        if expression.name in self.scope.variables:
            return self._stepped(self.scope.variables[expression.name], expression.steps, expression.name)
        if self.scope.constant:
            return self.note("Variables not allowed; Variables may not be used here.", expression)
        if self.scope.keeps_unknown:
            return string_value(written_reference(self.scope.source.text, expression.start, expression.end))
        guess = suggestion(expression.name, self.scope.variables)
        return self.note(f'Unknown variable; There is no variable named "{expression.name}"{guess}', expression)

    def traversal(self, expression: Traversal) -> Value:
        return self._stepped(self.value(expression.origin), expression.steps)

    def _stepped(self, value: Value, steps: Sequence[Step], root: str = "") -> Value:
        for number, step in enumerate(steps):
            try:
                value = attribute_of(value, step.name) if isinstance(step, Attribute) else element_of(value, step.key)
            except AccessError as exc:
                hint = _declared_hint(root, value, step) if number == 0 else ""
                return self.note(f"{exc}{hint}", step.start)
        return value

    def lookup(self, expression: Lookup) -> Value:
        collection, key = self.value(expression.collection), self.value(expression.key)
        try:
            return element_of(collection, key)
        except AccessError as exc:
            return self.note(str(exc), expression.bracket)

    def tuple_of(self, expression: TupleOf) -> Value:
        return tuple_value([self.value(item) for item in expression.items])

    def object_of(self, expression: ObjectOf) -> Value:
        entries: dict[str, Value] = {}
        complete = True
        for key, item in expression.items:
            name = self._name(key)
            value = self.value(item)
            complete = complete and name is not None
            if name is not None:
                entries[name] = value
        return object_value(entries) if complete else UNDECIDED

    def _name(self, key: Key) -> str | None:
        before = len(self.problems)
        value = self.value(key)
        if len(self.problems) > before:
            return None
        if value.is_null:
            self.note("Null value as key; Can't use a null value as a key.", key)
            return None
        text = self.converted(value, STRING, "Incorrect key type; Can't use this value as a key: {}.", key)
        return text.text if text is not None and text.is_known else None

    def key(self, expression: Key) -> Value:
        inner = expression.inner
        if not expression.in_parentheses and isinstance(inner, Reference):
            if not inner.steps:
                return string_value(inner.name)
            return self.note(
                "Ambiguous attribute key; If this expression is intended to be a reference, wrap it in parentheses. "
                "If it's instead intended as a literal name containing periods, wrap it in quotes to create a string "
                "literal.",
                expression,
            )
        if not expression.in_parentheses and isinstance(inner, Literal) and (word := _word(inner.value)):
            return string_value(word)
        return self.value(inner)

    def template(self, expression: TemplateExpression) -> Value:
        texts: list[str] = []
        known = True
        for part in expression.parts:
            value = self.value(part)
            if value.is_null:
                self.note(
                    "Invalid template interpolation value; The expression result is null. "
                    "Cannot include a null value in a string template.",
                    part,
                )
            elif not value.is_known:
                known = False
            elif (text := self.converted(value, STRING, _NO_TEXT, part)) is not None:
                texts.append(text.text)
        return string_value("".join(texts)) if known else unknown_of(STRING)

    def template_loop(self, expression: TemplateLoop) -> Value:
        rounds = self.value(expression.rounds)
        if not rounds.is_wholly_known or rounds.type.kind is not TypeKind.TUPLE:
            return unknown_of(STRING)
        return string_value("".join(item.text for item in rounds.items))

    def binary(self, expression: Binary) -> Value:
        function = BINARY[expression.operator]
        before = len(self.problems)
        operands = [self.value(expression.left), self.value(expression.right)]
        sides = (expression.left, "left"), (expression.right, "right")
        values = [
            self.converted(value, parameter.type, f"Invalid operand; Unsuitable value for {side} operand: {{}}.", at)
            for value, parameter, (at, side) in zip(operands, function.parameters, sides, strict=True)
        ]
        return self._operated(expression, function, values, before)

    def unary(self, expression: Unary) -> Value:
        function = UNARY[expression.operator]
        before = len(self.problems)
        message = "Invalid operand; Unsuitable value for unary operand: {}."
        operand = self.converted(
            self.value(expression.operand), function.parameters[0].type, message, expression.operand
        )
        return self._operated(expression, function, [operand], before)

    def _operated(
        self, expression: Binary | Unary, function: Function, values: Sequence[Value | None], before: int
    ) -> Value:
        result = unknown_of(RESULT[expression.operator])
        known = [value for value in values if value is not None]
        if len(self.problems) > before or len(known) < len(values):
            return result
        try:
            returned = function.call(known)
        except FunctionError as exc:
            unsupported = isinstance(exc, UnsupportedCallError)
            self.note(f"Operation failed; Error during operation: {exc}.", expression, unsupported=unsupported)
            return result
        return result if returned is None else returned

    def apart(self, problems: list[HclProblem]) -> "Evaluator":
        """Return an evaluator of the same scope that notes problems elsewhere."""
        return Evaluator(self.scope, problems)

    def conditional(self, expression: Conditional) -> Value:
        return evaluate_conditional(self, expression)

    def call(self, expression: FunctionCall) -> Value:
        return evaluate_call(self, expression)

    def loop(self, expression: For) -> Value:
        return evaluate_for(self, expression)

    def splat(self, expression: Splat) -> Value:
        return evaluate_splat(self, expression, f"{_ITEM}{id(expression.item)}")


_NO_TEXT: Final = "Invalid template interpolation value; Cannot include the given value in a string template: {}."


def _word(value: Value) -> str | None:
    """Return the keyword that a literal was written as."""
    if value.is_null:
        return "null"
    return {True: "true", False: "false"}.get(value.content) if value.type is BOOL else None  # type: ignore[arg-type]


def _declared_hint(root: str, value: Value, step: Step) -> str:
    if root not in ("var", "local") or not isinstance(step, Attribute):
        return ""
    what = "variable is declared as" if root == "var" else "local value is known as"
    return f' No {what} "{step.name}"{suggestion(step.name, value.type.names)}'


_READERS: Final[Mapping[type[Expression], Callable[[Evaluator, Any], Value]]] = {
    Literal: Evaluator.literal,
    Parentheses: Evaluator.inner,
    Wrapped: Evaluator.inner,
    SplatElement: Evaluator.item,
    Reference: Evaluator.reference,
    Traversal: Evaluator.traversal,
    Lookup: Evaluator.lookup,
    TupleOf: Evaluator.tuple_of,
    ObjectOf: Evaluator.object_of,
    Key: Evaluator.key,
    TemplateExpression: Evaluator.template,
    TemplateLoop: Evaluator.template_loop,
    Binary: Evaluator.binary,
    Unary: Evaluator.unary,
    Conditional: Evaluator.conditional,
    FunctionCall: Evaluator.call,
    For: Evaluator.loop,
    Splat: Evaluator.splat,
}
