"""
The syntax tree of an HCL file: bodies with arguments and blocks, and expressions.

*start* and *end* are offsets in the file. Source: hashicorp/hcl, hclsyntax/structure.go and expression.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dispatchfile.jobspec.hcl.types import Value


@dataclass(slots=True)
class Expression:
    start: int
    end: int


@dataclass(slots=True)
class Literal(Expression):
    value: Value


@dataclass(slots=True)
class Attribute:
    """A step ``.name``."""

    name: str
    start: int
    end: int


@dataclass(slots=True)
class Index:
    """A step ``[key]`` whose key is written out."""

    key: Value
    start: int
    end: int


Step = Attribute | Index


@dataclass(slots=True)
class Reference(Expression):
    """``name``, ``name.a[0]``: a variable and steps from there."""

    name: str
    steps: list[Step]


@dataclass(slots=True)
class Traversal(Expression):
    """Steps from the value of another expression."""

    origin: Expression
    steps: list[Step]


@dataclass(slots=True)
class SplatElement(Expression):
    """The element that a splat is at."""


@dataclass(slots=True)
class Splat(Expression):
    origin: Expression
    each: Expression
    item: SplatElement


@dataclass(slots=True)
class Lookup(Expression):
    """``collection[key]`` with a computed key; *bracket* is where the bracket opens."""

    collection: Expression
    key: Expression
    bracket: int


@dataclass(slots=True)
class FunctionCall(Expression):
    name: str
    arguments: list[Expression]
    expands: bool  # the last argument is followed by ``...``


@dataclass(slots=True)
class Conditional(Expression):
    condition: Expression
    positive: Expression
    negative: Expression


@dataclass(slots=True)
class Binary(Expression):
    operator: str
    left: Expression
    right: Expression


@dataclass(slots=True)
class Unary(Expression):
    operator: str
    operand: Expression


@dataclass(slots=True)
class Parentheses(Expression):
    inner: Expression


@dataclass(slots=True)
class TupleOf(Expression):
    items: list[Expression]


@dataclass(slots=True)
class Key(Expression):
    """An object's key, where a bare name stands for itself."""

    inner: Expression
    in_parentheses: bool


@dataclass(slots=True)
class ObjectOf(Expression):
    items: list[tuple[Key, Expression]]


@dataclass(slots=True)
class For(Expression):
    key_name: str | None
    value_name: str
    collection: Expression
    key: Expression | None
    value: Expression
    condition: Expression | None
    groups: bool


@dataclass(slots=True)
class TemplateExpression(Expression):
    parts: list[Expression]


@dataclass(slots=True)
class TemplateLoop(Expression):
    """``%{ for … }``: the texts of all rounds in a row."""

    rounds: For


@dataclass(slots=True)
class Wrapped(Expression):
    """A template that is one expression and nothing else, whose value it keeps as it is."""

    inner: Expression


@dataclass(slots=True)
class AttributeNode:
    """``name = expression``."""

    name: str
    start: int
    expression: Expression


@dataclass(slots=True)
class BlockNode:
    """``type "label" { … }``; *open* and *close* are the offsets of the braces."""

    type: str
    labels: tuple[str, ...]
    label_starts: tuple[int, ...]
    start: int
    open: int
    body: "BodyNode"


@dataclass(slots=True)
class BodyNode:
    attributes: Mapping[str, AttributeNode]
    blocks: tuple[BlockNode, ...]
