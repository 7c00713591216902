"""Functions of lists, tuples and sets. Source: zclconf/go-cty, stdlib/collection.go, sequence.go and set.go."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, FunctionError, Parameter, UnsupportedCallError
from dispatchfile.jobspec.hcl.convert import ConversionError, converted, unify
from dispatchfile.jobspec.hcl.functions.texts import whole
from dispatchfile.jobspec.hcl.operators import equality
from dispatchfile.jobspec.hcl.types import (
    ANY,
    FALSE,
    NUMBER,
    STRING,
    TRUE,
    UNDECIDED,
    Type,
    TypeKind,
    Value,
    list_of,
    list_value,
    same,
    set_of,
    set_value,
    tuple_of,
    tuple_value,
    without_duplicates,
)

_MOST_PRODUCTS: Final = 10_000


def _concat(values: Sequence[Value]) -> Value:
    if not values:
        raise FunctionError("at least one argument is required")
    for position, value in enumerate(values):
        if value.type.kind not in (TypeKind.LIST, TypeKind.TUPLE):
            raise FunctionError(f"all arguments must be lists or tuples; got {value.type.described()}", position)
    if all(value.type.kind is TypeKind.LIST for value in values):
        common = unify([value.type for value in values])
        if common is not None and common.kind is TypeKind.LIST:
            lists = [_as(value, common, position) for position, value in enumerate(values)]
            return list_value([item for one in lists for item in one.items], common.element)
    return tuple_value([item for value in values for item in value.items])


def _as(value: Value, wanted: Type, position: int) -> Value:
    try:
        return converted(value, wanted)
    except ConversionError as exc:
        raise FunctionError(str(exc), position) from exc


def _contains(values: Sequence[Value]) -> Value:
    collection, wanted = values
    if not collection.type.is_sequence:
        raise FunctionError("argument must be list, tuple, or set")
    results = [equality(wanted, item) for item in collection.items]
    if TRUE in results:
        return TRUE
    return UNDECIDED if any(not result.is_known for result in results) else FALSE


def _distinct(values: Sequence[Value]) -> Value:
    return list_value(without_duplicates(values[0].items), values[0].type.element)


def _compact(values: Sequence[Value]) -> Value:
    return list_value([item for item in values[0].items if not item.is_null and item.text], STRING)


def _flatten(values: Sequence[Value]) -> Value:
    if not values[0].type.is_sequence:
        raise FunctionError("can only flatten lists, sets and tuples")
    return tuple_value(_flat(values[0]))


def _flat(sequence: Value) -> list[Value]:
    _check_order(sequence)
    flat: list[Value] = []
    for item in sequence.items:
        flat.extend(_flat(item) if item.type.is_sequence and not item.is_null else [item])
    return flat


def _check_order(sequence: Value) -> None:
    if sequence.type.kind is TypeKind.SET and not sequence.type.element.is_primitive and sequence.length > 1:
        raise UnsupportedCallError("the order of a set of collections is not defined; use a list")


def _element(values: Sequence[Value]) -> Value:
    collection = values[0]
    if collection.type.kind not in (TypeKind.LIST, TypeKind.TUPLE):
        raise FunctionError(f"cannot read elements from {collection.type.described()}")
    index = whole(values[1])
    if not collection.length:
        raise FunctionError("cannot use element function with an empty list")
    return collection.items[index % collection.length]


def _slice(values: Sequence[Value]) -> Value:
    collection = values[0]
    if collection.type.kind not in (TypeKind.LIST, TypeKind.TUPLE):
        raise FunctionError("must be a list or tuple value", 0)
    start, end = _bound(values, 1, "start"), _bound(values, 2, "end")
    if start > end:
        raise FunctionError("start index must not be greater than end index", 1)
    items = collection.items[start:end]
    return tuple_value(items) if collection.type.kind is TypeKind.TUPLE else list_value(items, collection.type.element)


def _bound(values: Sequence[Value], position: int, name: str) -> int:
    index = whole(values[position], position)
    if index < 0:
        raise FunctionError(f"{name} index must not be less than zero", position)
    if index > values[0].length:
        raise FunctionError(f"{name} index must not be greater than the length of the list", position)
    return index


def _chunks(values: Sequence[Value]) -> Value:
    collection, size = values[0], whole(values[1])
    if size < 0:
        raise FunctionError("the size argument must be positive")
    items = collection.items
    if not items:
        return list_value([], collection.type)
    if size == 0:
        return list_value([collection], collection.type)
    chunks = [list_value(items[n : n + size], collection.type.element) for n in range(0, len(items), size)]
    return list_value(chunks, collection.type)


def _coalesce_lists(values: Sequence[Value]) -> Value:
    if not values:
        raise FunctionError("at least one argument is required")
    for value in values:
        if value.type.kind not in (TypeKind.LIST, TypeKind.TUPLE):
            raise FunctionError("coalescelist arguments must be lists or tuples")
    for value in values:
        if not value.is_null and value.length:
            return value
    raise FunctionError("no non-null arguments")


def _set_operation(combine: Callable[[list[Value], Value], list[Value]]) -> Function:
    def run(values: Sequence[Value]) -> Value:
        elements = [
            value.type.element for value in values if value.length or value.type.element.kind is not TypeKind.ANY
        ]
        common = unify(elements) if elements else ANY
        if common is None:
            raise FunctionError("given sets must all have compatible element types")
        sets = [_as(value, set_of(common), position) for position, value in enumerate(values)]
        items = list(sets[0].items)
        for other in sets[1:]:
            items = combine(items, other)
        return set_value(items, common)

    set_type = set_of(ANY)
    return Function(run, (Parameter("first_set", set_type),), Parameter("other_sets", set_type))


def _common_items(items: list[Value], other: Value) -> list[Value]:
    without_duplicates([*items, *other.items])
    return [item for item in items if any(same(item, one) for one in other.items)]


def _set_product(values: Sequence[Value]) -> Value:
    if len(values) < 2:
        raise FunctionError("at least two arguments are required")
    elements = [_product_element(value, position) for position, value in enumerate(values)]
    total = 1
    for value in values:
        _check_order(value)
        total *= value.length
    if total > _MOST_PRODUCTS:
        raise UnsupportedCallError("more than 10000 combinations are not supported here")
    columns = [
        [_as(item, element, position) for item in value.items]
        for position, (value, element) in enumerate(zip(values, elements, strict=True))
    ]
    items = [tuple_value(row) for row in product(*columns)]
    is_set = any(value.type.kind is TypeKind.SET for value in values)
    return (set_value if is_set else list_value)(items, tuple_of(elements))


def _product_element(value: Value, position: int) -> Type:
    if value.type.kind in (TypeKind.LIST, TypeKind.SET):
        return value.type.element
    if value.type.kind is not TypeKind.TUPLE:
        raise FunctionError("a set or a list is required", position)
    if not value.type.elements:
        return ANY
    common = unify(value.type.elements)
    if common is None:
        raise FunctionError("all elements must be of the same type", position)
    return common


_ANY_LIST: Final = Parameter("list", list_of(ANY))

FUNCTIONS: Final[Mapping[str, Function]] = {
    "concat": Function(_concat, (), Parameter("seqs")),
    "contains": Function(_contains, (Parameter("list"), Parameter("value", takes_null=True))),
    "distinct": Function(_distinct, (_ANY_LIST,)),
    "compact": Function(_compact, (Parameter("list", list_of(STRING)),)),
    "flatten": Function(_flatten, (Parameter("list"),)),
    "element": Function(_element, (Parameter("list"), Parameter("index", NUMBER))),
    "slice": Function(_slice, (Parameter("list"), Parameter("start_index", NUMBER), Parameter("end_index", NUMBER))),
    "chunklist": Function(_chunks, (_ANY_LIST, Parameter("size", NUMBER))),
    "coalescelist": Function(_coalesce_lists, (), Parameter("vals", takes_null=True, takes_untyped=True)),
    "setunion": _set_operation(lambda items, other: [*items, *other.items]),
    "setintersection": _set_operation(_common_items),
    "setproduct": Function(_set_product, (), Parameter("sets")),
}
