"""Attributes and elements of values. Source: hashicorp/hcl, ops.go (Index, GetAttr)."""

from dispatchfile.jobspec.hcl.convert import ConversionError, converted
from dispatchfile.jobspec.hcl.types import NUMBER, STRING, UNDECIDED, Type, TypeKind, Value, unknown_of


class AccessError(ValueError):
    """An attribute or element that a value does not have."""


_NO_ELEMENT = "Invalid index; The given key does not identify an element in this collection value"


def attribute_of(value: Value, name: str) -> Value:
    """Return ``value.name``. Raises AccessError."""
    if value.is_null:
        raise AccessError(
            "Attempt to get attribute from null value; This value is null, so it does not have any attributes."
        )
    kind = value.type.kind
    if kind is TypeKind.ANY:
        return UNDECIDED
    if kind is TypeKind.OBJECT:
        if name not in value.type.names:
            raise AccessError(f'Unsupported attribute; This object does not have an attribute named "{name}".')
        return value.entries[name] if value.is_known else unknown_of(value.type.attributes[name])
    if kind is TypeKind.MAP:
        if not value.is_known:
            return unknown_of(value.type.element)
        if name not in value.entries:
            raise AccessError(f'Missing map element; This map does not have an element with the key "{name}".')
        return value.entries[name]
    raise AccessError(f"Unsupported attribute; {_why_no_attributes(value.type)}")


def _why_no_attributes(given: Type) -> str:
    if given.is_primitive:
        return f"Can't access attributes on a primitive-typed value ({given.described()})."
    if given.is_collection and given.element.kind is TypeKind.OBJECT:
        return (
            f"Can't access attributes on a {given.kind.value} of objects. "
            "Did you mean to access an attribute across all elements?"
        )
    return "This value does not have any attributes."


def element_of(collection: Value, key: Value) -> Value:
    """Return ``collection[key]``. Raises AccessError."""
    if collection.is_null:
        raise AccessError("Attempt to index null value; This value is null, so it does not have any indices.")
    if key.is_null:
        raise AccessError("Invalid index; Can't use a null value as an indexing key.")
    kind = collection.type.kind
    if TypeKind.ANY in (kind, key.type.kind):
        return UNDECIDED
    if kind in (TypeKind.LIST, TypeKind.TUPLE):
        return _item(collection, _key(key, NUMBER))
    if kind in (TypeKind.MAP, TypeKind.OBJECT):
        return _entry(collection, _key(key, STRING), is_number=key.type.kind is TypeKind.NUMBER)
    if kind is TypeKind.SET:
        raise AccessError(
            "Invalid index; Elements of a set are identified only by their value and don't have any separate index "
            "or key to select with, so it's only possible to perform operations across all elements of the set."
        )
    raise AccessError("Invalid index; This value does not have any indices.")


def _key(key: Value, wanted: Type) -> Value:
    try:
        return converted(key, wanted)
    except ConversionError as exc:
        raise AccessError(f"{_NO_ELEMENT}: {exc}.") from exc


def _item(collection: Value, key: Value) -> Value:
    if not (key.is_known and collection.is_known):
        return UNDECIDED
    position = key.number.whole
    if position is None:
        raise AccessError(
            f"{_NO_ELEMENT}: indexing a sequence requires a whole number, but the given index has a fractional part."
        )
    if position < 0:
        raise AccessError(f"{_NO_ELEMENT}: a negative number is not a valid index for a sequence.")
    if position >= collection.length:
        reason = "the given index is greater than or equal to the length of the collection"
        raise AccessError(f"{_NO_ELEMENT}: {reason if collection.length else 'the collection has no elements'}.")
    return collection.items[position]


def _entry(collection: Value, key: Value, *, is_number: bool) -> Value:
    if not (key.is_known and collection.is_known):
        return UNDECIDED
    if key.text in collection.entries:
        return collection.entries[key.text]
    hint = ""
    if is_number and collection.type.kind is TypeKind.OBJECT:
        hint = " An object only supports looking up attributes by name, not by numeric index."
    raise AccessError(f"{_NO_ELEMENT}.{hint}")
