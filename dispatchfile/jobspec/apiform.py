"""
A job in the API's own form, as Go reads its JSON: keys in any case, nulls and unknown keys left out.

Source: the Go standard library, encoding/json; hashicorp/nomad, api/jobs.go.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.body import UnreadableJobError
from dispatchfile.jobspec.durations import parse_duration
from dispatchfile.jobspec.shapes import DEFAULT_IDENTITY, JOB, RESERVED_PORTS, BlockSchema, Field, ValueKind

_FOLDED_LIKE_ASCII: Final = str.maketrans({"\u017f": "s", "\u212a": "k"})  # Source: encoding/json, fold.go
_ONLY_IN_THE_API: Final = {"Networks": (RESERVED_PORTS,), "Tasks": (DEFAULT_IDENTITY,)}
_LARGEST: Final = 2**63
_SHOWN: Final = 60


def read_api(data: Mapping[str, Any]) -> dict[str, object]:
    """
    Return the known keys of an API job, spelled as Nomad spells them and checked for their types.

    Durations may be integers (nanoseconds) or texts such as ``"30s"``. Raises UnreadableJobError.
    """
    return _read(data, JOB, "Job")


def folded(key: str) -> str:
    """Return a key without its case, as Go compares them."""
    return key.translate(_FOLDED_LIKE_ASCII).lower()


def _read(data: Mapping[str, Any], shape: BlockSchema, where: str) -> dict[str, object]:
    given = _known(data, shape)
    values: dict[str, object] = {key: value for key, value in given.items() if key in shape.constants}
    for spec in _fields(shape):
        if spec.key in given:
            values[spec.key] = _READERS[spec.kind](given[spec.key], f"{where}.{spec.key}", spec.kind)
    for nested in _blocks(shape):
        if nested.key in given:
            values[nested.key] = _read_blocks(given[nested.key], nested, f"{where}.{nested.key}")
    return values


def _known(data: Mapping[str, Any], shape: BlockSchema) -> dict[str, Any]:
    """The last of several spellings wins, and an object adds to the one before, as Go decodes them."""
    names = _names(shape)
    given: dict[str, Any] = {}
    for key, value in data.items():
        name = key if key in names.values() else names.get(folded(key))
        if name is None or value is None:
            continue
        earlier = given.get(name)
        given[name] = {**earlier, **value} if isinstance(earlier, dict) and isinstance(value, dict) else value
    return given


def _names(shape: BlockSchema) -> Mapping[str, str]:
    keys = [*shape.constants, *(spec.key for spec in _fields(shape)), *(block.key for block in _blocks(shape))]
    return {folded(key): key for key in keys}


def _fields(shape: BlockSchema) -> Iterator[Field]:
    if shape.label:
        yield Field(shape.label)
    yield from shape.fields.values()


def _blocks(shape: BlockSchema) -> Iterator[BlockSchema]:
    yield from shape.blocks.values()
    yield from _ONLY_IN_THE_API.get(shape.key, ())


def _read_blocks(value: Any, shape: BlockSchema, where: str) -> object:
    if shape.mapped:
        named = _expect(value, dict, ValueKind.ANY_MAP, where).items()
        return {name: _read(_object(item, f"{where}.{name}"), shape, f"{where}.{name}") for name, item in named}
    if not shape.many:
        return _read(_object(value, where), shape, where)
    if not isinstance(value, list):
        raise UnreadableJobError(f"{where}: expected a list")
    given = ((f"{where}[{number}]", item) for number, item in enumerate(value) if item is not None)
    return [_read(_object(item, place), shape, place) for place, item in given]


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableJobError(f"{where}: expected an object")
    return value


def _expect(value: Any, wanted: type, kind: ValueKind, where: str) -> Any:
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise UnreadableJobError(f"{where}: expected {kind}, found {_described(value)}")
    return value


def _text(value: Any, where: str, kind: ValueKind) -> str:
    text: str = _expect(value, str, kind, where)
    return text


def _number(value: Any, where: str, kind: ValueKind) -> int:
    number: int = _expect(value, int, kind, where)
    if abs(number) >= _LARGEST:
        raise UnreadableJobError(f"{where}: {number} is too large")
    return number


def _bool(value: Any, where: str, kind: ValueKind) -> bool:
    flag: bool = _expect(value, bool, kind, where)
    return flag


def _duration(value: Any, where: str, kind: ValueKind) -> int:
    if not isinstance(value, str):
        return _number(value, where, kind)
    try:
        return parse_duration(value)
    except ValueError as exc:
        raise UnreadableJobError(f"{where}: {exc}") from exc


def _texts(value: Any, where: str, kind: ValueKind) -> list[str]:
    items = _expect(value, list, kind, where)
    return [
        "" if item is None else _text(item, f"{where}[{number}]", ValueKind.TEXT) for number, item in enumerate(items)
    ]


def _text_map(value: Any, where: str, kind: ValueKind) -> dict[str, str]:
    items = _expect(value, dict, kind, where).items()
    return {key: "" if item is None else _text(item, f"{where}.{key}", ValueKind.TEXT) for key, item in items}


def _texts_map(value: Any, where: str, kind: ValueKind) -> dict[str, list[str] | None]:
    items = _expect(value, dict, kind, where).items()
    return {key: _texts(item, f"{where}.{key}", ValueKind.TEXTS) or None for key, item in items if item is not None}


def _any_map(value: Any, where: str, kind: ValueKind) -> dict[str, Any]:
    values: dict[str, Any] = _expect(value, dict, kind, where)
    return values


def _described(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a map"
    return str(value).lower() if isinstance(value, bool) else repr(value)[:_SHOWN]


_READERS: Final[Mapping[ValueKind, Callable[[Any, str, ValueKind], Any]]] = {
    ValueKind.TEXT: _text,
    ValueKind.NUMBER: _number,
    ValueKind.BOOL: _bool,
    ValueKind.DURATION: _duration,
    ValueKind.TEXTS: _texts,
    ValueKind.TEXT_MAP: _text_map,
    ValueKind.TEXTS_MAP: _texts_map,
    ValueKind.ANY_MAP: _any_map,
}
