"""Constraints, affinities and spreads. Source: hashicorp/nomad, nomad/structs/structs.go and constraint.go."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.validation.goregexp import regexp_error
from dispatchfile.jobspec.validation.words import quote

Api = Mapping[str, Any]

_SETS: Final = frozenset({"set_contains", "set_contains_all", "set_contains_any"})
_COMPARISONS: Final = frozenset({"=", "==", "is", "!=", "not", "<", "<=", ">", ">="})
_PRESENCE: Final = frozenset({"is_set", "is_not_set"})
_PLAIN_TARGETS: Final = frozenset(
    {"${node.unique.id}", "${node.datacenter}", "${node.unique.name}", "${node.class}", "${node.pool}"}
)
_TARGET_PREFIXES: Final = ("${attr.", "${device.", "${meta.")
_VERSION: Final = re.compile(
    r"\s*(=|!=|>|<|>=|<=|~>)?\s*v?(\d+(\.\d+)*?)(-(\d+[0-9A-Za-z\-~]*(\.[0-9A-Za-z\-~]+)*)|(-?([A-Za-z\-~]+[0-9A-Za-z\-~]*"
    r"(\.[0-9A-Za-z\-~]+)*)))?(\+([0-9A-Za-z\-~]+(\.[0-9A-Za-z\-~]+)*))?\s*"
)
_SEMVER: Final = re.compile(
    r"\s*(=|!=|>|<|>=|<=)?\s*v?(\d+(\.\d+)*?)(-(\d+[0-9A-Za-z\-~]*(\.[0-9A-Za-z\-~]+)*)|(-([A-Za-z\-~]+[0-9A-Za-z\-~]*"
    r"(\.[0-9A-Za-z\-~]+)*)))?(\+([0-9A-Za-z\-~]+(\.[0-9A-Za-z\-~]+)*))?\s*"
)
_LARGEST_COUNT: Final = 2**64


def constraint_problems(constraint: Api) -> Iterator[str]:
    """Why Nomad takes no such constraint."""
    operand, left, right = constraint["Operand"], constraint["LTarget"], constraint["RTarget"]
    if not operand:
        yield "Missing constraint operand"
    if operand in _SETS and not right:
        yield "Set contains constraint requires an RTarget"
    elif operand == "distinct_property":
        yield from _count_problems(right)
    elif operand in _PRESENCE and right:
        yield f"Operator {quote(operand)} does not support an RTarget"
    elif operand not in _SETS | _PRESENCE | {"distinct_hosts"}:
        yield from _right_problems(operand, right, "constraint")
    if operand != "distinct_hosts":
        yield from _target_problems(left)


def affinity_problems(affinity: Api) -> Iterator[str]:
    """Why Nomad takes no such affinity."""
    operand, weight = affinity["Operand"], affinity["Weight"]
    if not operand:
        yield "Missing affinity operand"
    if operand in _SETS:
        if not affinity["RTarget"]:
            yield "Set contains operators require an RTarget"
    else:
        yield from _right_problems(operand, affinity["RTarget"], "affinity")
    if not affinity["LTarget"]:
        yield "No LTarget provided but is required"
    if weight == 0:
        yield "Affinity weight cannot be zero"
    if not -100 <= weight <= 100:
        yield "Affinity weight must be within the range [-100,100]"


def spread_problems(spread: Api) -> Iterator[str]:
    """Why Nomad takes no such spread."""
    if not spread["Attribute"]:
        yield "Missing spread attribute"
    if not 0 < spread["Weight"] <= 100:
        yield "Spread block must have a positive weight from 0 to 100"
    targets = spread["SpreadTarget"] or ()
    seen: set[str] = set()
    for target in targets:
        value, percent = target["Value"], target["Percent"]
        if value in seen:
            yield f"Spread target value {quote(value)} already defined"
        seen.add(value)
        if percent > 100:
            yield f"Spread target percentage for value {quote(value)} must be between 0 and 100"
    total = sum(target["Percent"] for target in targets)
    if total > 100:
        yield f"Sum of spread target percentages must not be greater than 100%; got {total}%"


def _right_problems(operand: str, right: str, kind: str) -> Iterator[str]:
    if operand == "regexp":
        if reason := regexp_error(right):
            yield f"Regular expression failed to compile: {reason}"
    elif operand in {"version", "semver"}:
        pattern = _VERSION if operand == "version" else _SEMVER
        broken = next((one for one in right.split(",") if not pattern.fullmatch(one)), None)
        if broken is not None:
            malformed = "malformed" if operand == "version" else "Malformed"
            yield f"{operand.capitalize()} {kind} is invalid: {malformed} constraint: {broken}"
    elif operand in _COMPARISONS:
        if not right:
            yield f"Operator {quote(operand)} requires an RTarget"
    else:
        yield f"Unknown {'constraint type' if kind == 'constraint' else 'affinity operator'} {quote(operand)}"


def _count_problems(right: str) -> Iterator[str]:
    if not right:
        return
    if not (right.isascii() and right.isdigit()):
        reason = f"strconv.ParseUint: parsing {quote(right)}: invalid syntax"
        yield f"Failed to convert RTarget {quote(right)} to uint64: {reason}"
    elif int(right) >= _LARGEST_COUNT:
        reason = f"strconv.ParseUint: parsing {quote(right)}: value out of range"
        yield f"Failed to convert RTarget {quote(right)} to uint64: {reason}"
    elif int(right) < 1:
        yield f"Distinct Property must have an allowed count of 1 or greater: {int(right)} < 1"


def _target_problems(target: str) -> Iterator[str]:
    if not target:
        yield "no attribute provided but is required by operator"
    elif not target.startswith("$"):
        return
    elif not target.startswith("${"):
        yield f"attribute {quote(target)} is missing an opening brace"
    elif not target.endswith("}"):
        yield f"attribute {quote(target)} is missing a closing brace"
    elif target not in _PLAIN_TARGETS and not target.startswith(_TARGET_PREFIXES):
        yield f"unsupported attribute {quote(target)}"
