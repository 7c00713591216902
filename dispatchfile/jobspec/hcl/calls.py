"""Function calls. Source: hashicorp/hcl, hclsyntax/expression.go (FunctionCallExpr) and ext/tryfunc."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from dispatchfile.jobspec.hcl.call import Function, FunctionError, UnsupportedCallError
from dispatchfile.jobspec.hcl.constraints import type_of
from dispatchfile.jobspec.hcl.source import HclProblem
from dispatchfile.jobspec.hcl.syntax import Expression, FunctionCall
from dispatchfile.jobspec.hcl.types import BOOL, FALSE, TRUE, UNDECIDED, TypeKind, Value, unknown_of
from dispatchfile.jobspec.spelling import suggestion

if TYPE_CHECKING:
    from dispatchfile.jobspec.hcl.evaluate import Evaluator


def evaluate_call(evaluator: "Evaluator", expression: FunctionCall) -> Value:
    """Return what a function gives for the arguments."""
    if evaluator.scope.constant:
        return evaluator.note("Function calls not allowed; Functions may not be called here.", expression)
    special = _SPECIAL.get(expression.name)
    if special:
        return special(evaluator, expression)
    function = evaluator.scope.functions.get(expression.name)
    if function is None:
        guess = suggestion(expression.name, (*evaluator.scope.functions, *_SPECIAL))
        return evaluator.note(
            f'Call to unknown function; There is no function named "{expression.name}"{guess}', expression
        )
    return _call(evaluator, expression, function)


def _call(evaluator: "Evaluator", expression: FunctionCall, function: Function) -> Value:
    before = len(evaluator.problems)
    arguments = _arguments(evaluator, expression)
    if arguments is None or not _fits(evaluator, expression, function, len(arguments)):
        return UNDECIDED
    values = [_argument(evaluator, function, n, value, at) for n, (value, at) in enumerate(arguments)]
    known = [value for value in values if value is not None]
    if len(evaluator.problems) > before or len(known) < len(values):
        return UNDECIDED
    return _called(evaluator, expression, function, known, [at for _, at in arguments])


def _arguments(evaluator: "Evaluator", expression: FunctionCall) -> list[tuple[Value, Expression]] | None:
    written = expression.arguments[: len(expression.arguments) - expression.expands]
    arguments = [(evaluator.value(argument), argument) for argument in written]
    if not expression.expands:
        return arguments
    last = expression.arguments[-1]
    before = len(evaluator.problems)
    value = evaluator.value(last)
    if len(evaluator.problems) > before:
        return None
    if value.is_null or (value.type.kind is not TypeKind.ANY and not value.type.is_sequence):
        reason = "not be null" if value.is_null else "be of a tuple, list, or set type"
        evaluator.note(
            f"Invalid expanding argument value; The expanding argument (indicated by ...) must {reason}.", last
        )
        return None
    if not value.is_known:
        return None
    return [*arguments, *((item, last) for item in value.items)]


def _fits(evaluator: "Evaluator", expression: FunctionCall, function: Function, count: int) -> bool:
    wanted = len(function.parameters)
    if count < wanted:
        least = " at least" if function.repeated else ""
        evaluator.note(
            f'Not enough function arguments; Function "{expression.name}" expects{least} {wanted} argument(s). '
            f'Missing value for "{function.parameters[count].name}".',
            expression.end - 1,
        )
    if count > wanted and function.repeated is None:
        evaluator.note(
            f'Too many function arguments; Function "{expression.name}" expects only {wanted} argument(s).',
            expression.arguments[min(wanted, len(expression.arguments) - 1)],
        )
    return count >= wanted and (count == wanted or function.repeated is not None)


def _argument(evaluator: "Evaluator", function: Function, position: int, value: Value, at: Expression) -> Value | None:
    parameter = function.parameter(position)
    if parameter is None:
        return None
    message = f'Invalid function argument; Invalid value for "{parameter.name}" parameter: {{}}.'
    return evaluator.converted(value, parameter.type, message, at)


def _called(
    evaluator: "Evaluator",
    expression: FunctionCall,
    function: Function,
    values: Sequence[Value],
    at: Sequence[Expression],
) -> Value:
    try:
        returned = function.call(values)
    except FunctionError as exc:
        unsupported = isinstance(exc, UnsupportedCallError)
        parameter = None if exc.argument is None else function.parameter(exc.argument)
        if exc.argument is not None and parameter and exc.argument < len(at):
            message = f'Invalid function argument; Invalid value for "{parameter.name}" parameter: {exc}.'
            return evaluator.note(message, at[exc.argument], unsupported=unsupported)
        return evaluator.note(
            f'Error in function call; Call to function "{expression.name}" failed: {exc}.',
            expression,
            unsupported=unsupported,
        )
    return UNDECIDED if returned is None else returned


def _convert(evaluator: "Evaluator", expression: FunctionCall) -> Value:
    if len(expression.arguments) != 2 or expression.expands:
        return evaluator.note('Function "convert" expects 2 arguments: a value and a type.', expression)
    argument, constraint = expression.arguments
    before = len(evaluator.problems)
    value = evaluator.value(argument)
    wanted = type_of(constraint, evaluator.scope.source, evaluator.problems, exact=False)
    if len(evaluator.problems) > before:
        return UNDECIDED
    message = 'Invalid function argument; Invalid value for "value" parameter: {}.'
    result = evaluator.converted(value, wanted, message, argument)
    return UNDECIDED if result is None else result


def _try(evaluator: "Evaluator", expression: FunctionCall) -> Value:
    value, problems = _first_success(evaluator, expression.arguments)
    if value is not None:
        return value if value.is_wholly_known else UNDECIDED
    if any(problem.unsupported for problem in problems):
        evaluator.problems.extend(problems)
        return UNDECIDED
    reasons = "; ".join(problem.message for problem in problems) or "at least one argument is required"
    return evaluator.note(
        f'Error in function call; Call to function "try" failed: no expression succeeded: {reasons}', expression
    )


def _can(evaluator: "Evaluator", expression: FunctionCall) -> Value:
    if len(expression.arguments) != 1:
        return evaluator.note('Function "can" expects one argument.', expression)
    value, problems = _first_success(evaluator, expression.arguments)
    if value is not None:
        return TRUE if value.is_wholly_known else unknown_of(BOOL)
    if any(problem.unsupported for problem in problems):
        evaluator.problems.extend(problems)
        return UNDECIDED
    return FALSE


def _first_success(
    evaluator: "Evaluator", expressions: Sequence[Expression]
) -> tuple[Value | None, Sequence[HclProblem]]:
    """Return the value of the first expression without problems, or all problems up to one that is unsupported."""
    problems: list[HclProblem] = []
    for expression in expressions:
        found: list[HclProblem] = []
        value = evaluator.apart(found).value(expression)
        if not found:
            return value, ()
        problems.extend(found)
        if any(problem.unsupported for problem in found):
            break
    return None, problems


_SPECIAL: Final[Mapping[str, Callable[["Evaluator", FunctionCall], Value]]] = {
    "try": _try,
    "can": _can,
    "convert": _convert,
}
