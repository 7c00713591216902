"""Why a value of one type is not a value of another. Source: zclconf/go-cty, cty/convert/mismatch_msg.go."""

from collections.abc import Callable, Iterator
from typing import Final

from dispatchfile.jobspec.hcl.types import Type, TypeKind

Converts = Callable[[Type, Type], bool]

_STRUCTURE_OF: Final = {TypeKind.LIST: TypeKind.TUPLE, TypeKind.SET: TypeKind.TUPLE, TypeKind.MAP: TypeKind.OBJECT}


def mismatch(given: Type, wanted: Type, converts: Converts) -> str:
    """Return why no conversion leads from *given* to *wanted*, in Nomad's words."""
    if given.kind is wanted.kind is TypeKind.OBJECT:
        return _object(given, wanted, converts)
    structure = _STRUCTURE_OF.get(wanted.kind)
    if structure and given.kind is structure and wanted.element.kind is TypeKind.ANY:
        return f"all {wanted.kind.value} elements must have the same type"
    if wanted.is_collection and given.kind in (TypeKind.TUPLE, TypeKind.OBJECT):
        return _collection_from_structure(given, wanted, converts)
    if wanted.is_collection and given.is_collection:
        return _collection_from_collection(given, wanted, converts)
    if _is_clear(given, wanted):
        return f"{wanted.described()} required, but have {given.described()}"
    return f"{wanted.constraint()} required"


def _object(given: Type, wanted: Type, converts: Converts) -> str:
    missing = [name for name in wanted.names if name not in given.names and name not in wanted.optional]
    quoted = [f'"{name}"' for name in missing]
    if len(quoted) == 1:
        return f"attribute {quoted[0]} is required"
    if len(quoted) == 2:
        return f"attributes {quoted[0]} and {quoted[1]} are required"
    if quoted:
        return f"attributes {', '.join(quoted[:-1])}, and {quoted[-1]} are required"
    for name, attribute in wanted.attributes.items():
        if name in given.names and not converts(given.attributes[name], attribute):
            return f'attribute "{name}": {mismatch(given.attributes[name], attribute, converts)}'
    return "incorrect object attributes"


def _collection_from_structure(given: Type, wanted: Type, converts: Converts) -> str:
    if given.kind is not _STRUCTURE_OF[wanted.kind]:
        return f"{wanted.constraint()} required"
    for name, element in _named_elements(given):
        if not converts(element, wanted.element):
            return f"element {name}: {mismatch(element, wanted.element, converts)}"
    return f"all elements must be {wanted.element.constraint()}"


def _named_elements(given: Type) -> Iterator[tuple[str, Type]]:
    for position, element in enumerate(given.elements):
        yield (f'"{given.names[position]}"' if given.names else str(position)), element


def _collection_from_collection(given: Type, wanted: Type, converts: Converts) -> str:
    if (given.kind is TypeKind.MAP) != (wanted.kind is TypeKind.MAP):
        return f"{wanted.constraint()} required"
    reason = mismatch(given.element, wanted.element, converts)
    return f"incorrect {wanted.kind.value} element type: {reason}"


def _is_clear(given: Type, wanted: Type) -> bool:
    """Return whether naming both types helps. "number required, but have string" does not, because "1" is a number."""
    if given.is_primitive != wanted.is_primitive or wanted.kind is TypeKind.STRING:
        return True
    if {given.kind, wanted.kind} == {TypeKind.BOOL, TypeKind.NUMBER}:
        return True
    return given.kind is TypeKind.TUPLE and wanted.kind is TypeKind.OBJECT


def conditional_mismatch(positive: Type, negative: Type) -> str:
    """Return why the two results of a condition have no common type, in Nomad's words."""
    kinds = {positive.kind, negative.kind}
    if kinds == {TypeKind.OBJECT}:
        for one, other, sides in ((positive, negative, ("true", "false")), (negative, positive, ("false", "true"))):
            for name in one.names:
                if name not in other.names:
                    return (
                        f"The '{sides[0]}' value includes object attribute \"{name}\", "
                        f"which is absent in the '{sides[1]}' value"
                    )
        for name in positive.names:
            if positive.attributes[name] != negative.attributes[name]:
                reason = conditional_mismatch(positive.attributes[name], negative.attributes[name])
                return f'Type mismatch for object attribute "{name}": {reason}'
    if kinds == {TypeKind.TUPLE}:
        lengths = len(positive.elements), len(negative.elements)
        if lengths[0] != lengths[1]:
            return f"The 'true' tuple has length {lengths[0]}, but the 'false' tuple has length {lengths[1]}"
        for position, (one, other) in enumerate(zip(positive.elements, negative.elements, strict=True)):
            if one != other:
                return f"Type mismatch for tuple element {position}: {conditional_mismatch(one, other)}"
    names = positive.described(), negative.described()
    if names[0] == names[1]:
        return (
            "At least one deeply-nested attribute or element is not compatible across both the 'true' and the "
            "'false' value"
        )
    return f"The 'true' value is {names[0]}, but the 'false' value is {names[1]}"
