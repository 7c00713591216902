"""
Conversion of values to a wanted type, and the type that several types have in common.

Source: zclconf/go-cty, package cty/convert.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dispatchfile.jobspec.hcl.mismatch import mismatch
from dispatchfile.jobspec.hcl.numbers import NumberError, parse_number
from dispatchfile.jobspec.hcl.types import (
    ANY,
    FALSE,
    TRUE,
    Type,
    TypeKind,
    Value,
    list_of,
    list_value,
    map_of,
    map_value,
    null_of,
    number_value,
    object_value,
    set_value,
    string_value,
    tuple_value,
    unknown_of,
)

Conversion = Callable[[Value], Value]


class ConversionError(ValueError):
    """A value that does not convert to the wanted type."""


def converted(value: Value, wanted: Type) -> Value:
    """Return *value* as a value of type *wanted*. Raises ConversionError."""
    if value.type == wanted.without_optional():
        return value
    convert = conversion(value.type, wanted)
    if convert is None:
        raise ConversionError(mismatch(value.type, wanted, converts))
    return convert(value)


def converts(given: Type, wanted: Type, *, unsafe: bool = True) -> bool:
    return given == wanted or conversion(given, wanted, unsafe=unsafe) is not None


def conversion(given: Type, wanted: Type, *, unsafe: bool = True) -> Conversion | None:
    """Return what converts values of one type to another, or None; *unsafe* conversions may fail for some values."""
    convert = _known_conversion(given, wanted, unsafe)
    if convert is None:
        return None

    def checked(value: Value) -> Value:
        if wanted is ANY:
            return value
        if value.is_known and not value.is_null:
            return convert(value)
        result = _replaced(value.type, wanted.without_optional())
        return null_of(result) if value.is_null else unknown_of(result)

    return checked


def _known_conversion(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    if wanted.kind is TypeKind.ANY:
        return lambda value: value
    if given.kind is TypeKind.ANY:
        return (lambda value: converted(value, wanted)) if unsafe else None
    if given.is_primitive and wanted.is_primitive:
        return _primitive(given, wanted, unsafe)
    maker = _STRUCTURAL.get((given.kind, wanted.kind))
    return maker(given, wanted, unsafe) if maker else None


def _primitive(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    if given.kind is TypeKind.STRING:
        return {TypeKind.NUMBER: _text_to_number, TypeKind.BOOL: _text_to_bool}.get(wanted.kind) if unsafe else None
    if wanted.kind is TypeKind.STRING:
        return _number_to_text if given.kind is TypeKind.NUMBER else _bool_to_text
    return None


def _number_to_text(value: Value) -> Value:
    return string_value(value.number.text())


def _bool_to_text(value: Value) -> Value:
    return string_value("true" if value.content else "false")


def _text_to_number(value: Value) -> Value:
    try:
        number = parse_number(value.text)
    except NumberError as exc:
        raise ConversionError(str(exc)) from exc
    if number is None:
        raise ConversionError("a number is required")
    return number_value(number)


def _text_to_bool(value: Value) -> Value:
    if value.text in ("true", "1"):
        return TRUE
    if value.text in ("false", "0"):
        return FALSE
    if (lower := value.text.lower()) in ("true", "false"):
        raise ConversionError(f'a bool is required; to convert from string, use lowercase "{lower}"')
    raise ConversionError("a bool is required")


def _object_to_object(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    conversions: dict[str, Conversion | None] = {}
    for name, attribute in wanted.attributes.items():
        if name not in given.attributes:
            if name not in wanted.optional:
                return None
            continue
        convert = _element_conversion(given.attributes[name], attribute, unsafe)
        if convert is None:
            return None
        conversions[name] = convert

    def convert_object(value: Value) -> Value:
        entries = {name: convert(value.entries[name]) for name, convert in conversions.items() if convert}
        for name in wanted.optional - entries.keys():
            entries[name] = null_of(wanted.attributes[name].without_optional())
        return object_value(entries)

    return convert_object


def _tuple_to_tuple(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    if len(given.elements) != len(wanted.elements):
        return None
    pairs = zip(given.elements, wanted.elements, strict=True)
    conversions = _all([_element_conversion(one, other, unsafe) for one, other in pairs])
    if conversions is None:
        return None
    return lambda value: tuple_value(_each(value.items, conversions))


def _sequence_to_list(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    convert = _element_conversion(given.element, wanted.element, unsafe)
    if convert is None:
        return None
    element = given.element if wanted.element.kind is TypeKind.ANY else wanted.element.without_optional()
    return lambda value: list_value(_alike([convert(item) for item in value.items], "list"), element)


def _sequence_to_set(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    if given.kind is TypeKind.LIST and not unsafe:
        return None
    convert = _element_conversion(given.element, wanted.element, unsafe)
    if convert is None:
        return None
    element = given.element if wanted.element.kind is TypeKind.ANY else wanted.element.without_optional()
    return lambda value: set_value(_alike([convert(item) for item in value.items], "set"), element)


def _map_to_map(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    convert = conversion(given.element, wanted.element, unsafe=unsafe)
    if convert is None:
        return None
    element = given.element if wanted.element.kind is TypeKind.ANY else wanted.element.without_optional()
    return lambda value: _map({name: convert(item) for name, item in value.entries.items()}, wanted.element, element)


def _tuple_to_collection(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    make, name = (list_value, "list") if wanted.kind is TypeKind.LIST else (set_value, "set")
    if not given.elements:
        return lambda _: make([], wanted.element.without_optional())
    element = _common_element(given.elements, wanted.element, unsafe)
    if element is None:
        return None
    conversions = _all([_element_conversion(one, element, unsafe) for one in given.elements])
    if conversions is None:
        return None

    def convert_tuple(value: Value) -> Value:
        items = _each(value.items, conversions)
        return make(_alike(_unified(items) if name == "list" else items, name), element)

    return convert_tuple


def _common_element(given: Sequence[Type], wanted: Type, unsafe: bool) -> Type | None:
    if wanted.kind is not TypeKind.ANY:
        return wanted
    common = unify(given, unsafe=unsafe)
    if common is not None and common.kind is TypeKind.ANY and any(one.kind is not TypeKind.ANY for one in given):
        return None
    return common


def _object_to_map(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    if not given.names:
        return lambda _: map_value({}, wanted.element.without_optional())
    element = wanted.element
    if element.kind is TypeKind.ANY:
        common = unify(given.elements, unsafe=unsafe)
        if common is None:
            return None
        element = common
    conversions = _all([_element_conversion(one, element, unsafe) for one in given.elements])
    if conversions is None:
        return None
    named = dict(zip(given.names, conversions, strict=True))
    return lambda value: _map({name: convert(value.entries[name]) for name, convert in named.items()}, element, element)


def _map_to_object(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    if not unsafe:
        return None
    conversions = {name: _element_conversion(given.element, one, unsafe) for name, one in wanted.attributes.items()}
    if any(convert is None and name not in wanted.optional for name, convert in conversions.items()):
        return None

    def convert_map(value: Value) -> Value:
        entries: dict[str, Value] = {}
        for name, attribute in wanted.attributes.items():
            convert = conversions[name]
            if name not in value.entries:
                if name not in wanted.optional:
                    raise ConversionError(f'map has no element for required attribute "{name}"')
                entries[name] = null_of(attribute)
            elif convert is None:
                raise ConversionError(f'map element type is incompatible with attribute "{name}"')
            else:
                entries[name] = convert(value.entries[name])
        return object_value(entries)

    return convert_map


def _element_conversion(given: Type, wanted: Type, unsafe: bool) -> Conversion | None:
    return (lambda value: value) if given == wanted else conversion(given, wanted, unsafe=unsafe)


def _all(conversions: Sequence[Conversion | None]) -> list[Conversion] | None:
    found = [convert for convert in conversions if convert is not None]
    return found if len(found) == len(conversions) else None


def _each(items: Sequence[Value], conversions: Sequence[Conversion]) -> list[Value]:
    return [convert(item) for item, convert in zip(items, conversions, strict=True)]


def _alike(items: list[Value], name: str) -> list[Value]:
    if any(item.type != items[0].type for item in items):
        raise ConversionError(f"element types must all match for conversion to {name}")
    return items


def _unified(items: list[Value]) -> list[Value]:
    common = unify([item.type for item in items])
    if common is None:
        raise ConversionError("cannot find a common base type for all elements")
    return [converted(item, common) for item in items]


def _map(entries: Mapping[str, Value], wanted: Type, empty: Type) -> Value:
    values = list(entries.values())
    if values and (wanted.is_collection or wanted.kind is TypeKind.OBJECT):
        common = unify([value.type for value in values], unsafe=False)
        if common is None:
            raise ConversionError("cannot find a common base type for all elements")
        values = [converted(value, common) for value in values]
    return map_value(dict(zip(entries, _alike(values, "map"), strict=True)), empty)


_STRUCTURAL: Final[Mapping[tuple[TypeKind, TypeKind], Callable[[Type, Type, bool], Conversion | None]]] = {
    (TypeKind.OBJECT, TypeKind.OBJECT): _object_to_object,
    (TypeKind.TUPLE, TypeKind.TUPLE): _tuple_to_tuple,
    (TypeKind.LIST, TypeKind.LIST): _sequence_to_list,
    (TypeKind.SET, TypeKind.LIST): _sequence_to_list,
    (TypeKind.LIST, TypeKind.SET): _sequence_to_set,
    (TypeKind.SET, TypeKind.SET): _sequence_to_set,
    (TypeKind.MAP, TypeKind.MAP): _map_to_map,
    (TypeKind.TUPLE, TypeKind.LIST): _tuple_to_collection,
    (TypeKind.TUPLE, TypeKind.SET): _tuple_to_collection,
    (TypeKind.OBJECT, TypeKind.MAP): _object_to_map,
    (TypeKind.MAP, TypeKind.OBJECT): _map_to_object,
}


def _replaced(given: Type, wanted: Type) -> Type:
    """Return *wanted* with its unknown parts taken from *given*."""
    if given.kind is TypeKind.ANY or wanted.is_exact:
        return wanted
    if wanted.kind is TypeKind.ANY:
        return given
    if wanted.is_collection and given.is_collection:
        return Type(wanted.kind, (_replaced(given.element, wanted.element),))
    return wanted


def unify(types: Sequence[Type], *, unsafe: bool = True) -> Type | None:
    """Return the type that values of all *types* convert to, or None."""
    if not types:
        return None
    kinds = {one.kind for one in types}
    has_any = TypeKind.ANY in kinds
    known = kinds - {TypeKind.ANY}
    if known == {TypeKind.MAP, TypeKind.OBJECT} and (common := _as_collections(types, TypeKind.OBJECT, unsafe)):
        return common
    if known == {TypeKind.LIST, TypeKind.TUPLE} and (common := _as_collections(types, TypeKind.TUPLE, unsafe)):
        return common
    if len(known) == 1 and (kind := next(iter(known))) not in (TypeKind.STRING, TypeKind.NUMBER, TypeKind.BOOL):
        return ANY if has_any else _one_kind(kind, types, unsafe)
    if {TypeKind.OBJECT, TypeKind.TUPLE} <= known:
        return None
    return _preferred(types, unsafe)


def _as_collections(types: Sequence[Type], structural: TypeKind, unsafe: bool) -> Type | None:
    common = _to_collection([one for one in types if one.kind is structural], structural, unsafe)
    if common is None:
        return None
    return unify([common if one.kind is structural else one for one in types], unsafe=unsafe)


def _to_collection(types: Sequence[Type], structural: TypeKind, unsafe: bool) -> Type | None:
    element = unify([element for one in types for element in one.elements], unsafe=unsafe)
    if element is None:
        return None
    common = map_of(element) if structural is TypeKind.OBJECT else list_of(element)
    return common if all(converts(one, common, unsafe=unsafe) for one in types) else None


def _one_kind(kind: TypeKind, types: Sequence[Type], unsafe: bool) -> Type | None:
    first = types[0]
    differs = any(one.names != first.names or len(one.elements) != len(first.elements) for one in types)
    if differs:
        return _to_collection(types, kind, unsafe)
    elements = [unify(column, unsafe=unsafe) for column in zip(*(one.elements for one in types), strict=True)]
    found = [element for element in elements if element is not None]
    if len(found) != len(elements):
        return None
    common = Type(kind, tuple(found), first.names)
    if all(converts(one, common, unsafe=unsafe) for one in types):
        return common
    return _to_collection(types, kind, unsafe) if kind in (TypeKind.OBJECT, TypeKind.TUPLE) else None


def _preferred(types: Sequence[Type], unsafe: bool) -> Type | None:
    for wanted in sorted(range(len(types)), key=lambda n: _generality(types[n])):
        if all(converts(one, types[wanted], unsafe=unsafe) for one in types):
            return types[wanted]
    return None


def _generality(one: Type) -> int:
    """
    Return the order in which types are tried as the common one: strings before other primitives,
    unknown types last.
    """
    return {
        TypeKind.STRING: 0,
        TypeKind.LIST: 1,
        TypeKind.MAP: 1,
        TypeKind.TUPLE: 2,
        TypeKind.OBJECT: 2,
        TypeKind.SET: 0,
        TypeKind.ANY: 9,
    }.get(one.kind, 3)
