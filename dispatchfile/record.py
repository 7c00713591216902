"""Records: values that nobody changes, and that are made quickly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """
    Make the class a frozen dataclass with slots, as far as the type checker sees.

    While the program runs, nothing stops an assignment, but a record is made three times as fast as a frozen dataclass.
    For what is made many times for each item.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
