"""A template as a tree."""

from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = object
"""What a template computes with: str, int, float, bool, None, list, dict, or an object with methods."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant: text, number, bool or nil."""

    value: Value


@dataclass(frozen=True, slots=True)
class Dot:
    """The current data."""


@dataclass(frozen=True, slots=True)
class Variable:
    """``$x``."""

    name: str


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function's name in the place of an operand."""

    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """``operand.Field.Field``."""

    operand: "Operand"
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandNode:
    """An operand and its arguments."""

    operands: tuple["Operand", ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands, each given the value of the one before; *names* of variables that take the last value."""

    commands: tuple[CommandNode, ...]
    names: tuple[str, ...] = ()
    declares: bool = False


Operand: TypeAlias = Constant | Dot | Variable | FunctionName | Chain | Pipeline


@dataclass(frozen=True, slots=True)
class Text:
    """The text outside of actions."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """A pipeline whose value is printed, unless it sets variables."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Branch:
    """``if``, ``with`` or ``range``."""

    kind: str
    pipeline: Pipeline
    body: tuple["Node", ...]
    otherwise: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Include:
    """``{{ template "name" pipeline }}``."""

    name: str
    pipeline: Pipeline | None


@dataclass(frozen=True, slots=True)
class Leave:
    """``break`` or ``continue``."""

    continues: bool


Node: TypeAlias = Text | Action | Branch | Include | Leave
