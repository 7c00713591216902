"""The interface of HCL functions. Source: zclconf/go-cty, cty/function/function.go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dispatchfile.jobspec.hcl.types import ANY, Type, TypeKind, Value


class FunctionError(ValueError):
    """A call that fails; *argument* is the position of the argument that is to blame, if one is."""

    def __init__(self, message: str, argument: int | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class UnsupportedCallError(FunctionError):
    """A call that Nomad's reader may well answer and this one cannot, so that no fallback may take its place."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; *takes_untyped* is for null without a type, where *takes_null* holds, too."""

    name: str
    type: Type = ANY
    takes_null: bool = False
    takes_untyped: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its parameters, one that may repeat at the end, and what it does with values of their types."""

    run: Callable[[Sequence[Value]], Value]
    parameters: tuple[Parameter, ...] = ()
    repeated: Parameter | None = None

    def parameter(self, position: int) -> Parameter | None:
        return self.parameters[position] if position < len(self.parameters) else self.repeated

    def call(self, arguments: Sequence[Value]) -> Value | None:
        """Return the result, or None if it depends on what is not known yet. Raises FunctionError."""
        decided = True
        for position, value in enumerate(arguments):
            parameter = self.parameter(position)
            if parameter is None:
                continue
            if value.is_null and not parameter.takes_null:
                raise FunctionError("argument must not be null", position)
            untyped = value.type.kind is TypeKind.ANY and not parameter.takes_untyped
            decided = decided and value.is_wholly_known and not untyped
        return self.run(arguments) if decided else None
