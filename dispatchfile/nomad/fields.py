"""Fields of JSON objects. An absent key and null read as empty; a value of a type that cannot be is a `Misfit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")
Row = Mapping[str, object]


class Misfit(ValueError):
    """The value is not what Nomad says; the message tells where."""


def _kind(value: object) -> str:
    kinds = {bool: "a boolean", str: "a text", dict: "an object", list: "a list", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")


def text_at(row: Row, key: str) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if type(value) is not str:
        raise Misfit(f"{key} is {_kind(value)} instead of a text")
    return value


def int_at(row: Row, key: str) -> int:
    value = row.get(key)
    if value is None:
        return 0
    if type(value) is not int:  # True is no number here
        raise Misfit(f"{key} is {_kind(value)} instead of a whole number")
    return value


def bool_at(row: Row, key: str) -> bool:
    value = row.get(key)
    if value is None:
        return False
    if type(value) is not bool:
        raise Misfit(f"{key} is {_kind(value)} instead of a boolean")
    return value


def object_at(row: Row, key: str) -> Row:
    value = row.get(key)
    return {} if value is None else as_object(value, key)


def as_object(value: object, what: str = "the answer") -> Row:
    if type(value) is not dict:
        raise Misfit(f"{what} is {_kind(value)} instead of an object")
    return value


def list_at(row: Row, key: str) -> list[object]:
    value = row.get(key)
    return [] if value is None else _as_list(value, key)


def _as_list(value: object, what: str = "the answer") -> list[object]:
    if type(value) is not list:
        raise Misfit(f"{what} is {_kind(value)} instead of a list")
    return value


def texts_at(row: Row, key: str) -> tuple[str, ...]:
    return tuple(as_text(value, key) for value in list_at(row, key))


def as_text(value: object, what: str = "the answer") -> str:
    if type(value) is not str:
        raise Misfit(f"{what} is {_kind(value)} instead of a text")
    return value


def text_map_at(row: Row, key: str) -> dict[str, str]:
    value = object_at(row, key)
    return {name: text_at(value, name) for name in value}


def int_map_at(row: Row, key: str) -> dict[str, int]:
    value = object_at(row, key)
    return {name: int_at(value, name) for name in value}


def map_at(row: Row, key: str, parse: Callable[[Row], T]) -> dict[str, T]:
    return {name: parse(as_object(value, name)) for name, value in object_at(row, key).items()}


def parse_rows(value: object, parse: Callable[[Row], T]) -> tuple[T, ...]:
    """A list of objects. null is how Go writes an empty one."""
    return tuple(parse(as_object(row, "a row")) for row in _as_list(value if value is not None else []))


def parse_texts(value: object) -> tuple[str, ...]:
    return tuple(as_text(text, "a row") for text in _as_list(value if value is not None else []))


def time_at(row: Row, key: str) -> str:
    """Go's zero time stands for none."""
    text = text_at(row, key)
    return "" if text.startswith("0001-01-01T") else text
