"""The types and values of HCL expressions. Source: zclconf/go-cty, package cty."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, cast

from dispatchfile.jobspec.hcl.numbers import Number, integer


class TypeKind(Enum):
    """The kind of a type, before the types of its elements."""

    STRING = "string"
    NUMBER = "number"
    BOOL = "bool"
    ANY = "dynamic"  # a type that is not known: of null, and of what could not be evaluated
    LIST = "list"
    SET = "set"
    MAP = "map"
    TUPLE = "tuple"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Type:
    """A type; *elements* has one type for a collection, one for each element or attribute of the others."""

    kind: TypeKind
    elements: tuple["Type", ...] = ()
    names: tuple[str, ...] = ()  # an object's attributes, sorted
    optional: frozenset[str] = frozenset()

    @property
    def is_primitive(self) -> bool:
        return self.kind in _PRIMITIVES

    @property
    def is_collection(self) -> bool:
        return self.kind in _COLLECTIONS

    @property
    def is_sequence(self) -> bool:
        return self.kind in (TypeKind.LIST, TypeKind.SET, TypeKind.TUPLE)

    @property
    def element(self) -> "Type":
        """Return the type of a collection's elements."""
        return self.elements[0]

    @property
    def attributes(self) -> Mapping[str, "Type"]:
        return dict(zip(self.names, self.elements, strict=True))

    @property
    def is_exact(self) -> bool:
        """Return whether no part of the type is unknown."""
        return self.kind is not TypeKind.ANY and all(element.is_exact for element in self.elements)

    def described(self) -> str:
        """Return the type as Nomad's messages call it."""
        if self.is_collection:
            return f"{self.kind.value} of {self.element.described()}"
        return self.kind.value

    def constraint(self) -> str:
        """Return the type as Nomad's messages call it where a value of this type is required."""
        if self.kind is TypeKind.ANY:
            return "any type"
        if self.is_collection:
            any_element = self.element.kind is TypeKind.ANY
            of = "any single type" if any_element else self.element.constraint()
            return f"{self.kind.value} of {of}"
        return str(self.kind.value)

    def without_optional(self) -> "Type":
        elements = tuple(element.without_optional() for element in self.elements)
        return Type(self.kind, elements, self.names)


_PRIMITIVES: Final = frozenset({TypeKind.STRING, TypeKind.NUMBER, TypeKind.BOOL})
_COLLECTIONS: Final = frozenset({TypeKind.LIST, TypeKind.SET, TypeKind.MAP})

STRING: Final = Type(TypeKind.STRING)
NUMBER: Final = Type(TypeKind.NUMBER)
BOOL: Final = Type(TypeKind.BOOL)
ANY: Final = Type(TypeKind.ANY)


def list_of(element: Type) -> Type:
    return Type(TypeKind.LIST, (element,))


def set_of(element: Type) -> Type:
    return Type(TypeKind.SET, (element,))


def map_of(element: Type) -> Type:
    return Type(TypeKind.MAP, (element,))


def tuple_of(elements: Sequence[Type]) -> Type:
    return Type(TypeKind.TUPLE, tuple(elements))


def object_of(attributes: Mapping[str, Type], optional: frozenset[str] = frozenset()) -> Type:
    names = tuple(sorted(attributes))
    return Type(TypeKind.OBJECT, tuple(attributes[name] for name in names), names, optional)


class Special(Enum):
    """A mark in place of a value's content."""

    NULL = "null"
    UNKNOWN = "unknown"


class TooLargeError(ValueError):
    """A value or an evaluation that takes more than a job file may cost."""


_MOST_TO_COMPARE: Final = 2_000
LARGEST_VALUE: Final = 200_000
_CHARACTERS_A_UNIT: Final = 100

Content = str | bool | Number | tuple["Value", ...] | Mapping[str, "Value"] | Special


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its type. Sequences hold a tuple of values, maps and objects a mapping."""

    type: Type
    content: Content
    size: int = 1  # in elements and hundreds of characters

    @property
    def is_null(self) -> bool:
        return self.content is Special.NULL

    @property
    def is_known(self) -> bool:
        return self.content is not Special.UNKNOWN

    @property
    def is_wholly_known(self) -> bool:
        return self.is_known and all(value.is_wholly_known for _, value in self.pairs())

    @property
    def text(self) -> str:
        return cast("str", self.content)

    @property
    def number(self) -> Number:
        return cast("Number", self.content)

    @property
    def items(self) -> tuple["Value", ...]:
        """Return the elements of a sequence."""
        return cast("tuple[Value, ...]", self.content)

    @property
    def entries(self) -> Mapping[str, "Value"]:
        """Return the elements of a map or the attributes of an object, sorted by name."""
        return cast("Mapping[str, Value]", self.content)

    def pairs(self) -> Iterator[tuple["Value", "Value"]]:
        """Keys and values, in HCL's order; nothing for what has no elements."""
        if isinstance(self.content, tuple):
            for position, item in enumerate(self.content):
                yield (item if self.type.kind is TypeKind.SET else number_value(integer(position))), item
        elif isinstance(self.content, Mapping):
            for name, item in self.content.items():
                yield string_value(name), item

    @property
    def length(self) -> int:
        """Return the number of elements or attributes."""
        return len(cast("tuple[Value, ...]", self.content))


TRUE: Final = Value(BOOL, True)
FALSE: Final = Value(BOOL, False)
NULL: Final = Value(ANY, Special.NULL)
UNDECIDED: Final = Value(ANY, Special.UNKNOWN)  # what an expression gives that could not be evaluated


def normalized(text: str) -> str:
    """Return *text* as HCL holds strings: in Unicode's normal form C."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def string_value(text: str) -> Value:
    return Value(STRING, normalized(text), _checked(1 + len(text) // _CHARACTERS_A_UNIT))


def _checked(size: int) -> int:
    if size > LARGEST_VALUE:
        raise TooLargeError("This value is too large.")
    return size


def _size(items: Iterable["Value"]) -> int:
    return _checked(1 + sum(item.size for item in items))


def number_value(number: Number) -> Value:
    return Value(NUMBER, number)


def integer_value(number: int) -> Value:
    return Value(NUMBER, integer(number))


def bool_value(truth: bool) -> Value:
    return TRUE if truth else FALSE


def null_of(wanted: Type) -> Value:
    return Value(wanted, Special.NULL)


def unknown_of(wanted: Type) -> Value:
    return Value(wanted, Special.UNKNOWN)


def tuple_value(items: Sequence[Value]) -> Value:
    size = _size(items)
    return Value(tuple_of([item.type for item in items]), tuple(items), size)


def names_value(entries: Mapping[str, Value]) -> Value:
    """Return an object such as ``var``, which may hold more than one value may."""
    ordered = {name: entries[name] for name in sorted(entries)}
    size = 1 + sum(value.size for value in ordered.values())
    return Value(object_of({name: value.type for name, value in ordered.items()}), ordered, size)


def object_value(entries: Mapping[str, Value]) -> Value:
    named = {normalized(name): value for name, value in entries.items()}
    ordered = {name: named[name] for name in sorted(named)}
    size = _size(ordered.values())
    return Value(object_of({name: value.type for name, value in ordered.items()}), ordered, size)


def list_value(items: Sequence[Value], element: Type) -> Value:
    """Return a list; *element* is the type of its elements if it has none."""
    return Value(list_of(items[0].type if items else element), tuple(items), _size(items))


def map_value(entries: Mapping[str, Value], element: Type) -> Value:
    named = {normalized(name): value for name, value in entries.items()}
    types = [value.type for value in named.values()]
    ordered = {name: named[name] for name in sorted(named)}
    return Value(map_of(types[0] if types else element), ordered, _size(named.values()))


def set_value(items: Sequence[Value], element: Type) -> Value:
    """Return a set without duplicates, in HCL's order, which only sets of primitive values have."""
    distinct = without_duplicates(items)
    wanted = set_of(items[0].type if items else element)
    return Value(wanted, tuple(sorted(distinct, key=_set_order)), _size(distinct))


def without_duplicates(items: Sequence[Value]) -> list[Value]:
    """Return *items* without those that equal one before."""
    if len(items) > _MOST_TO_COMPARE:
        raise TooLargeError("More than 2000 elements are too many to compare with each other.")
    distinct: list[Value] = []
    for item in items:
        if not any(same(item, other) for other in distinct):
            distinct.append(item)
    return distinct


def _set_order(value: Value) -> tuple[bool, object]:
    if isinstance(value.content, Number):
        return False, value.content.value
    if isinstance(value.content, str | bool):
        return False, value.content
    return True, 0


def same(one: Value, other: Value) -> bool:
    """Return whether two values are known and equal: of one type and with the same content."""
    if not (one.is_known and other.is_known):
        return False
    if one.is_null or other.is_null or one.type != other.type:
        return one.is_null and other.is_null
    if isinstance(one.content, Number) and isinstance(other.content, Number):
        return one.content.same_as(other.content)
    if isinstance(one.content, str | bool):
        return one.content == other.content
    return one.length == other.length and all(
        (one.type.kind is TypeKind.SET or same(left_key, right_key)) and same(left, right)
        for (left_key, left), (right_key, right) in zip(one.pairs(), other.pairs(), strict=True)
    )
