"""Functions of maps, and of what both maps and sequences are. Source: zclconf/go-cty, stdlib/collection.go."""

from collections.abc import Mapping, Sequence
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, FunctionError, Parameter
from dispatchfile.jobspec.hcl.convert import ConversionError, converted, unify
from dispatchfile.jobspec.hcl.types import (
    STRING,
    TypeKind,
    Value,
    integer_value,
    list_of,
    list_value,
    map_value,
    object_value,
    string_value,
    tuple_value,
)


def _length(values: Sequence[Value]) -> Value:
    collection = values[0]
    if not (collection.type.is_sequence or collection.type.kind is TypeKind.MAP):
        raise FunctionError("collection must be a list, a map or a tuple")
    return integer_value(collection.length)


def _keys(values: Sequence[Value]) -> Value:
    mapping = values[0]
    if mapping.type.kind not in (TypeKind.MAP, TypeKind.OBJECT):
        raise FunctionError("must have map or object type", 0)
    names = [string_value(name) for name in mapping.entries]
    return list_value(names, STRING) if mapping.type.kind is TypeKind.MAP else tuple_value(names)


def _values(values: Sequence[Value]) -> Value:
    mapping = values[0]
    if mapping.type.kind not in (TypeKind.MAP, TypeKind.OBJECT):
        raise FunctionError("values() requires a map as the first argument")
    items = list(mapping.entries.values())
    return list_value(items, mapping.type.element) if mapping.type.kind is TypeKind.MAP else tuple_value(items)


def _lookup(values: Sequence[Value]) -> Value:
    mapping, key, default = values
    if mapping.type.kind is TypeKind.OBJECT:
        return mapping.entries.get(key.text, default)
    if mapping.type.kind is not TypeKind.MAP:
        raise FunctionError("lookup() requires a map as the first argument", 0)
    try:
        default = converted(default, mapping.type.element)
    except ConversionError as exc:
        raise FunctionError("the default value must have the same type as the map elements", 2) from exc
    return mapping.entries.get(key.text, default)


def _merge(values: Sequence[Value]) -> Value:
    for value in values:
        if value.type.kind not in (TypeKind.MAP, TypeKind.OBJECT, TypeKind.ANY):
            raise FunctionError(f'arguments must be maps or objects, got "{value.type.described()}"')
    merged = {name: item for value in values if not value.is_null for name, item in value.entries.items()}
    types = [object_value({}).type if value.is_null and value.type.kind is TypeKind.OBJECT else value.type
             for value in values]  # fmt: skip
    if types and types[0].kind is TypeKind.MAP and all(one == types[0] for one in types):
        return map_value(merged, types[0].element)
    return object_value(merged)


def _zipmap(values: Sequence[Value]) -> Value:
    keys, items = values
    if items.type.kind not in (TypeKind.LIST, TypeKind.TUPLE):
        raise FunctionError("values argument must be a list or tuple value")
    if keys.length != items.length:
        raise FunctionError(f"number of keys ({keys.length}) does not match number of values ({items.length})")
    for position, key in enumerate(keys.items):
        if key.is_null:
            raise FunctionError(f"keys list has null value at index {position}")
    zipped = {key.text: item for key, item in zip(keys.items, items.items, strict=True)}
    return map_value(zipped, items.type.element) if items.type.kind is TypeKind.LIST else object_value(zipped)


def _coalesce(values: Sequence[Value]) -> Value:
    common = unify([value.type for value in values])
    if common is None:
        raise FunctionError("all arguments must have the same type")
    for value in values:
        if not value.is_null:
            try:
                return converted(value, common)
            except ConversionError as exc:
                raise FunctionError(str(exc)) from exc
    raise FunctionError("no non-null arguments")


def _index(values: Sequence[Value]) -> Value:
    collection, key = values
    kind = collection.type.kind
    if kind is TypeKind.MAP:
        if key.type != STRING:
            raise FunctionError("key for map must be string")
        found = collection.entries.get(key.text)
    elif kind in (TypeKind.LIST, TypeKind.TUPLE):
        if key.type.kind is not TypeKind.NUMBER:
            raise FunctionError(f"key for {kind.value} must be number")
        position = key.number.whole
        inside = position is not None and 0 <= position < collection.length
        found = collection.items[position or 0] if inside else None
    else:
        raise FunctionError("collection must be a list, a map or a tuple")
    if found is None:
        raise FunctionError("invalid index")
    return found


FUNCTIONS: Final[Mapping[str, Function]] = {
    "length": Function(_length, (Parameter("collection"),)),
    "keys": Function(_keys, (Parameter("inputMap"),)),
    "values": Function(_values, (Parameter("mapping"),)),
    "lookup": Function(_lookup, (Parameter("inputMap"), Parameter("key", STRING), Parameter("default"))),
    "merge": Function(_merge, (), Parameter("maps", takes_null=True, takes_untyped=True)),
    "zipmap": Function(_zipmap, (Parameter("keys", list_of(STRING)), Parameter("values"))),
    "coalesce": Function(_coalesce, (), Parameter("vals", takes_null=True, takes_untyped=True)),
    "index": Function(_index, (Parameter("collection"), Parameter("key"))),
}
