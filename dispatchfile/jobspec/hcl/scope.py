"""The names that an expression may refer to. Source: hashicorp/nomad, jobspec2/types.config.go (EvalContext)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from dispatchfile.jobspec.hcl.call import Function
from dispatchfile.jobspec.hcl.source import Source
from dispatchfile.jobspec.hcl.types import TooLargeError, Value

MOST_STEPS: Final = 100_000


class StepBudget:
    """The number of expressions that may still be evaluated for one file."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def spend(self) -> None:
        """Take one step. Raises TooLargeError if none is left."""
        self._left -= 1
        if self._left < 0:
            raise TooLargeError("The file takes too long to evaluate.")


@dataclass(frozen=True, slots=True)
class EvalContext:
    """
    Variables and functions.

    keeps_unknown: a reference to anything else stays as written, for the server or client to fill in; else it is an
    error. constant: neither references nor functions are allowed, as in the default of a variable.
    """

    source: Source
    variables: Mapping[str, Value] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    keeps_unknown: bool = True
    constant: bool = False
    budget: StepBudget = field(default_factory=StepBudget)

    def with_variables(self, variables: Mapping[str, Value]) -> "EvalContext":
        return replace(self, variables={**self.variables, **variables}, constant=False)


def written_reference(text: str, start: int, end: int) -> str:
    """
    Return a reference in ``${ }``, as Nomad's parser leaves it.

    The blanks before and after it are kept where a template has them; which ones, and what becomes of a second
    brace, is copied from there.
    """
    opening = start - 1
    while opening >= 1 and text[opening] == " ":
        opening -= 1
    if not (opening >= 1 and text[opening] == "{" and text[opening - 1] == "$"):
        return "${" + text[start:end] + "}"
    reference = text[opening - 1 : end]
    for position in range(end + 1, len(text)):
        if text[position] == "}":
            reference += text[end:position]
        elif text[position] != " ":
            return reference + "}"
    return reference
