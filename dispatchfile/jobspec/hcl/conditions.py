"""Conditions. Source: hashicorp/hcl, hclsyntax/expression.go (ConditionalExpr)."""

from typing import TYPE_CHECKING

from dispatchfile.jobspec.hcl.convert import unify
from dispatchfile.jobspec.hcl.mismatch import conditional_mismatch
from dispatchfile.jobspec.hcl.source import HclProblem
from dispatchfile.jobspec.hcl.syntax import Conditional, Expression
from dispatchfile.jobspec.hcl.types import BOOL, UNDECIDED, Type, TypeKind, Value, unknown_of

if TYPE_CHECKING:
    from dispatchfile.jobspec.hcl.evaluate import Evaluator


def evaluate_conditional(evaluator: "Evaluator", expression: Conditional) -> Value:
    branches = []
    for branch in (expression.positive, expression.negative):
        problems: list[HclProblem] = []
        branches.append((evaluator.apart(problems).value(branch), problems))
    common = _branch_type(branches[0][0], branches[1][0])
    if common is None:
        reason = conditional_mismatch(branches[0][0].type, branches[1][0].type)
        return evaluator.note(
            "Inconsistent conditional result types; The true and false result expressions must have consistent "
            f"types. {reason}.",
            expression.positive,
        )
    condition = _condition(evaluator, expression.condition)
    if condition is None or not condition.is_known:
        return unknown_of(common)
    value, problems = branches[condition.content is not True]
    evaluator.problems.extend(problems)
    return _branch(evaluator, value, common, expression, positive=condition.content is True)


def _condition(evaluator: "Evaluator", expression: Expression) -> Value | None:
    condition = evaluator.value(expression)
    if condition.is_null:
        evaluator.note(
            "Null condition; The condition value is null. Conditions must either be true or false.", expression
        )
        return None
    return evaluator.converted(
        condition, BOOL, "Incorrect condition type; The condition expression must be of type bool.", expression
    )


def _branch(evaluator: "Evaluator", value: Value, common: Type, expression: Conditional, *, positive: bool) -> Value:
    if common.kind is TypeKind.ANY:
        return value
    name, at = ("true", expression.positive) if positive else ("false", expression.negative)
    message = f"Inconsistent conditional result types; The {name} result value has the wrong type: {{}}."
    result = evaluator.converted(value, common, message, at)
    return unknown_of(common) if result is None else result


def _branch_type(positive: Value, negative: Value) -> Type | None:
    kinds = positive.type.kind, negative.type.kind
    if positive.is_null and kinds[0] is TypeKind.ANY:
        return negative.type
    if negative.is_null and kinds[1] is TypeKind.ANY:
        return positive.type
    if TypeKind.ANY in kinds:
        return UNDECIDED.type
    return unify([positive.type, negative.type])
