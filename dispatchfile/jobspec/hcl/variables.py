"""
The variables of a job file: how they are declared, and the values that they are given.

Source: hashicorp/nomad, jobspec2/types.variables.go.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dispatchfile.jobspec.body import FilePosition
from dispatchfile.jobspec.hcl.call import FunctionError
from dispatchfile.jobspec.hcl.constraints import type_of
from dispatchfile.jobspec.hcl.convert import ConversionError, converted
from dispatchfile.jobspec.hcl.evaluate import evaluate
from dispatchfile.jobspec.hcl.functions import functions_for
from dispatchfile.jobspec.hcl.functions.documents import json_value
from dispatchfile.jobspec.hcl.parser import parse_expression, parse_file
from dispatchfile.jobspec.hcl.scope import EvalContext
from dispatchfile.jobspec.hcl.source import HclError, HclProblem, Source
from dispatchfile.jobspec.hcl.syntax import AttributeNode, BlockNode, BodyNode, Expression, Reference
from dispatchfile.jobspec.hcl.tokens import is_identifier
from dispatchfile.jobspec.hcl.types import BOOL, STRING, UNDECIDED, Type, TypeKind, Value, names_value, string_value
from dispatchfile.jobspec.hcl.walk import references
from dispatchfile.jobspec.spelling import suggestion

DEFAULT: Final = "default"
_ARGUMENTS: Final = ("description", "default", "type")
_NAME = (
    "Invalid variable name; A name must start with a letter or underscore and may contain only letters, digits, "
    "underscores, and dashes."
)


@dataclass(frozen=True, slots=True)
class GivenValues:
    """
    The values that a job file's variables are given from outside; the later source wins.

    environment: by name, without ``NOMAD_VAR_``. files: of each variable file its path and its values. arguments: by
    name, from the command line.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[tuple[Path, Mapping[str, Value]]] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Validation:
    condition: Expression
    message: str


@dataclass(slots=True)
class _DeclaredVariable:
    """A declared variable; *origin* says where its value is from, in Nomad's words."""

    name: str
    start: int
    type: Type | None = None
    value: Value | None = None
    origin: str = DEFAULT
    default: Expression | None = None
    validations: list[_Validation] = field(default_factory=list)


class Variables:
    """The variables that one file declares."""

    def __init__(self, source: Source, problems: list[HclProblem]) -> None:
        self._source = source
        self._problems = problems
        self._constant = EvalContext(source, constant=True)
        self._declared: dict[str, _DeclaredVariable] = {}

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._declared)

    def declare(self, block: BlockNode) -> None:
        """Take a ``variable`` or ``variables`` block."""
        if block.type == "variables":
            for attribute in block.body.attributes.values():
                self._declare_short(attribute)
            self._refuse_blocks(block.body)
            return
        if len(block.labels) != 1:
            self._note("Missing name for variable; All variable blocks must have 1 labels (name).", block.start)
            return
        self._declare_block(block, block.labels[0])

    def _note(self, message: str, offset: int) -> None:
        self._problems.append(self._source.problem(message, offset))

    def _refuse_blocks(self, body: BodyNode) -> None:
        for block in body.blocks[:1]:
            self._note(f'Unexpected "{block.type}" block; Blocks are not allowed here.', block.start)

    def _is_new(self, name: str, offset: int) -> bool:
        if name in self._declared:
            self._note(f"Duplicate variable; Duplicate {name} variable definition found.", offset)
            return False
        return True

    def _declare_short(self, attribute: AttributeNode) -> None:
        if not self._is_new(attribute.name, attribute.start):
            return
        value = evaluate(attribute.expression, self._constant, self._problems)
        self._declared[attribute.name] = _DeclaredVariable(
            attribute.name, attribute.start, value.type, value, default=attribute.expression
        )

    def _declare_block(self, block: BlockNode, name: str) -> None:
        if not self._is_new(name, block.start):
            return
        if not is_identifier(name):
            self._note(_NAME, block.label_starts[0])
        for attribute in block.body.attributes.values():
            if attribute.name not in _ARGUMENTS:
                self._note(_unexpected(attribute.name, _ARGUMENTS), attribute.start)
        variable = self._declared[name] = _DeclaredVariable(name, block.start)
        self._read_arguments(variable, block.body.attributes)
        for nested in block.body.blocks:
            if nested.type == "validation" and not nested.labels:
                self._validation(variable, nested)
            else:
                self._note(
                    f'Unsupported block type; Blocks of type "{nested.type}" are not expected here'
                    f"{suggestion(nested.type, ['validation'])}",
                    nested.start,
                )

    def _read_arguments(self, variable: _DeclaredVariable, attributes: Mapping[str, AttributeNode]) -> None:
        if "description" in attributes:
            self._constant_text(attributes["description"])
        if "type" in attributes:
            variable.type = type_of(attributes["type"].expression, self._source, self._problems)
        if "default" in attributes:
            self._default(variable, attributes["default"].expression)

    def _default(self, variable: _DeclaredVariable, expression: Expression) -> None:
        before = len(self._problems)
        value = evaluate(expression, self._constant, self._problems)
        variable.default = expression
        if len(self._problems) == before and variable.type is not None:
            try:
                value = converted(value, variable.type)
            except ConversionError as exc:
                self._note(
                    "Invalid default value for variable; This default value is not compatible with the variable's "
                    f"type constraint: {exc}.",
                    expression.start,
                )
                value = UNDECIDED
        variable.value = value
        variable.type = variable.type or value.type

    def _constant_text(self, attribute: AttributeNode) -> str:
        value = evaluate(attribute.expression, self._constant, self._problems)
        try:
            text = converted(value, STRING)
        except ConversionError as exc:
            self._note(f"Unsuitable value type; Unsuitable value: {exc}", attribute.expression.start)
            return ""
        if text.is_null:
            self._note("Unsuitable value type; Unsuitable value: a string is required", attribute.expression.start)
        return text.text if isinstance(text.content, str) else ""

    def _validation(self, variable: _DeclaredVariable, block: BlockNode) -> None:
        attributes = block.body.attributes
        known = ("condition", "error_message")
        for name in known:
            if name not in attributes:
                self._note(
                    f'Missing required argument; The argument "{name}" is required, but no definition was found.',
                    block.start,
                )
        for attribute in attributes.values():
            if attribute.name not in known:
                self._note(_unexpected(attribute.name, known), attribute.start)
        self._refuse_blocks(block.body)
        message = self._constant_text(attributes["error_message"]) if "error_message" in attributes else ""
        if "error_message" in attributes and not message.strip():
            self._note(
                "Invalid validation error message; An empty or blank string is not a valid nor useful error message.",
                attributes["error_message"].expression.start,
            )
        if "condition" in attributes:
            self._condition(variable, attributes["condition"].expression, message)

    def _condition(self, variable: _DeclaredVariable, condition: Expression, message: str) -> None:
        own, name = 0, variable.name
        for reference in references(condition):
            if _refers_to(reference, name):
                own += 1
            else:
                self._note(
                    f'Invalid reference in variable validation; The condition for variable "{name}" can only refer to '
                    f"the variable itself, using var.{name}.",
                    reference.start,
                )
        if not own:
            self._note(
                f'Invalid variable validation condition; The condition for variable "{name}" must refer to '
                f"var.{name} in order to test incoming values.",
                condition.start,
            )
        variable.validations.append(_Validation(condition, message))

    def assign(self, given: GivenValues) -> None:
        """Give the declared variables their values; names that are not declared here are left alone."""
        for name, variable in self._declared.items():
            if name in given.environment:
                self._assign_text(
                    variable, given.environment[name], f"the environment variable NOMAD_VAR_{name}", "env"
                )
            for path, values in given.files:
                if name in values:
                    self._assign(variable, values[name], str(path), "varfile")
            if name in given.arguments:
                self._assign_text(variable, given.arguments[name], f"--job-var {name}", "cmd")

    def _assign_text(self, variable: _DeclaredVariable, text: str, where: str, origin: str) -> None:
        value: Value | None = string_value(text)
        if variable.type is not None and variable.type.kind not in (TypeKind.STRING, TypeKind.NUMBER):
            value = _parsed(text)
        if value is None:
            self._note(
                f"Invalid value for variable; The value of {where} is not an expression without references and "
                'functions, such as ["a", "b"] or {key = "value"}',
                variable.start,
            )
            return
        self._assign(variable, value, where, origin)

    def _assign(self, variable: _DeclaredVariable, value: Value, where: str, origin: str) -> None:
        if variable.type is not None:
            try:
                value = converted(value, variable.type)
            except ConversionError as exc:
                self._note(
                    f"Invalid value for variable; The value of {where} for {variable.name} is not compatible with the "
                    f"variable's type constraint: {exc}.",
                    variable.start,
                )
                value = UNDECIDED
        variable.value, variable.origin = value, origin

    def given(self) -> Mapping[str, Value]:
        """Return the values from outside, and no defaults."""
        return {
            name: variable.value
            for name, variable in self._declared.items()
            if variable.value is not None and variable.origin != DEFAULT
        }

    def values(self) -> Mapping[str, Value]:
        """Return all values; what has none, or breaks its own rule, is noted."""
        values: dict[str, Value] = {}
        for variable in self._declared.values():
            if variable.value is None:
                name = variable.name
                self._note(
                    f'Unset variable "{name}"; A used variable must be set or have a default value: '
                    f"--job-var {name}=VALUE, --job-var-file FILE or NOMAD_VAR_{name}",
                    variable.start,
                )
                continue
            values[variable.name] = variable.value
            for validation in variable.validations:
                self._validate(variable, variable.value, validation)
        return values

    def _validate(self, variable: _DeclaredVariable, value: Value, validation: _Validation) -> None:
        variables = {"var": names_value({variable.name: value})}
        functions = functions_for(Path(), reads_files=False)
        scope = EvalContext(self._source, variables, functions, keeps_unknown=False)
        at = validation.condition.start
        result = evaluate(validation.condition, scope, self._problems)
        if not result.is_known:
            return
        if result.is_null:
            self._note(
                "Invalid variable validation result; Validation condition expression must return either true or "
                "false, not null.",
                at,
            )
            return
        try:
            holds = converted(result, BOOL)
        except ConversionError as exc:
            self._note(f"Invalid variable validation result; Invalid validation condition result value: {exc}.", at)
            return
        if holds.content is False:
            own = variable.origin == DEFAULT and variable.default is not None
            place = variable.default.start if own and variable.default else variable.start
            self._note(f"Invalid value for {variable.origin} variable; {validation.message}", place)


def _unexpected(name: str, known: Sequence[str]) -> str:
    return f'Unsupported argument; An argument named "{name}" is not expected here{suggestion(name, known)}'


def _refers_to(reference: Reference, name: str) -> bool:
    first = reference.steps[0] if reference.steps else None
    return reference.name == "var" and getattr(first, "name", None) == name


def _parsed(text: str) -> Value | None:
    """Return the value that a text writes, or None; the text may be a secret, so nothing is told of it."""
    source = Source(text, FilePosition(1, 1))
    problems: list[HclProblem] = []
    try:
        value = evaluate(parse_expression(source), EvalContext(source, constant=True), problems)
    except HclError:
        return None
    return None if problems else value


VariableValues = Mapping[str, Value]
"""Values of HCL variables by name."""


def read_values(text: str, path: Path) -> VariableValues:
    """Return the values that a variable file in HCL sets. Raises HclError."""
    source = Source(text)
    return file_values(parse_file(source), source, str(path))


def json_values(text: str) -> VariableValues:
    """Return the values that a variable file in JSON sets; its texts are no templates. Raises HclError."""
    source = Source(text)
    try:
        values = json_value(text)
    except FunctionError as exc:
        raise HclError([source.problem(str(exc), 0)]) from exc
    if values.type.kind is not TypeKind.OBJECT:
        raise HclError([source.problem("expected an object with a value for each variable", 0)])
    return values.entries


def file_values(body: BodyNode, source: Source, name: str) -> Mapping[str, Value]:
    """Return the values that a variable file sets. Raises HclError."""
    problems = list(_block_problems(body, source, name))
    if not problems:
        scope = EvalContext(source, constant=True)
        values = {
            attribute.name: evaluate(attribute.expression, scope, problems) for attribute in body.attributes.values()
        }
    if problems:
        raise HclError(problems)
    return values


def _block_problems(body: BodyNode, source: Source, name: str) -> Iterator[HclProblem]:
    for block in body.blocks:
        if block.type == "variable" and block.labels:
            yield source.problem(
                f'Variable declaration in a .var file; To declare variable "{block.labels[0]}", place this block in a '
                f"job file. To set a value for this variable in {name}, use: {block.labels[0]} = <value>",
                block.start,
            )
        else:
            yield source.problem(f'Unexpected "{block.type}" block; Blocks are not allowed here.', block.start)
