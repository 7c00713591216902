"""Frozen records to plain JSON values and back, as their annotations say."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Union, cast, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Plain = dict[str, object]
Convert = Callable[..., object]
Converts = tuple[Convert | None, Convert | None]  # to plain and from it; None where the value is plain already

MICROSECOND = timedelta(microseconds=1)
SCALARS = (str, int, float, bool, bytes)


def encode(record: DataclassInstance) -> Plain:
    """Return the fields of *record*, less those that have their default."""
    return _encoder(type(record))(record)


def decode(kind: type, plain: Plain) -> object:
    """
    Return the record of class *kind* that *plain* was made from. Fields that the class does not have are left out.

    *plain* is used up: its values are changed in place.

    Raises KeyError, TypeError or ValueError where *plain* cannot have been made from one.
    """
    return decoder(kind)(plain)


@functools.cache
def _encoder(kind: type[DataclassInstance]) -> Callable[[DataclassInstance], Plain]:
    plan = [(field.name, field.default, to_plain) for field, (to_plain, _) in _converts_of_fields(kind)]

    def encode_fields(record: DataclassInstance) -> Plain:
        plain: Plain = {}
        for name, default, to_plain in plan:
            value = getattr(record, name)
            if default is MISSING or value != default:
                plain[name] = value if to_plain is None else to_plain(value)
        return plain

    return encode_fields


@functools.cache
def decoder(kind: type[DataclassInstance]) -> Callable[[Plain], object]:
    """Return the function that decodes one class. A caller that decodes many objects asks once."""
    plan = {field.name: from_plain for field, (_, from_plain) in _converts_of_fields(kind)}
    special = [(name, from_plain) for name, from_plain in plan.items() if from_plain is not None]
    construct = cast("Convert", kind)

    def decode_fields(plain: Plain) -> object:
        for name, from_plain in special:
            if name in plain:
                plain[name] = from_plain(plain[name])
        try:
            return construct(**plain)
        except TypeError:
            known = {name: plain[name] for name in plain if name in plan}
            if len(known) == len(plain):
                raise
            return construct(**known)

    return decode_fields


def _converts_of_fields(kind: type[DataclassInstance]) -> list[tuple[Field[object], Converts]]:
    hints = get_type_hints(kind)
    return [(field, _converts(hints[field.name])) for field in fields(kind)]


def _converts(hint: object) -> Converts:
    if isinstance(hint, type) and get_origin(hint) is None:
        return _converts_of_class(hint)
    origin, (to_plain, from_plain) = get_origin(hint), _converts_of_content(hint)
    if origin in {Union, types.UnionType}:
        return to_plain and _unless_none(to_plain), from_plain and _unless_none(from_plain)
    if origin is tuple:
        return to_plain and _each(to_plain, list), _each(from_plain, tuple) if from_plain else tuple
    if origin is frozenset:
        return sorted, frozenset
    if origin is Mapping and to_plain is None:
        return dict, None
    raise TypeError(f"{hint} has no plain form")


def _converts_of_class(kind: type) -> Converts:
    if kind is timedelta:
        return lambda span: span // MICROSECOND, lambda microseconds: timedelta(microseconds=microseconds)
    if is_dataclass(kind):
        return _encoder(kind), decoder(kind)
    if issubclass(kind, StrEnum):
        return None, kind
    if kind in SCALARS:
        return None, None
    raise TypeError(f"{kind} has no plain form")


def _converts_of_content(hint: object) -> Converts:
    """Return the conversion of X in `X | None`, `tuple[X, ...]`, `frozenset[X]` and `Mapping[str, X]`."""
    contents = [kind for kind in get_args(hint) if kind not in {types.NoneType, Ellipsis}]
    return _converts(contents[-1])


def _unless_none(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _each(convert: Convert, collect: Convert) -> Convert:
    return lambda values: collect([convert(value) for value in values])
