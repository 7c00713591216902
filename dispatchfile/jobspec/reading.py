"""Blocks and arguments to the API's names, checked against the known words; only what is written, no defaults."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from dispatchfile.jobspec.body import (
    WITHOUT,
    Argument,
    Block,
    Body,
    FilePosition,
    HiddenText,
    UnreadableJobError,
    Value,
    WrittenNumber,
    text_of,
)
from dispatchfile.jobspec.decoding import MAPS_AS_ARGUMENTS, MAPS_AS_ARGUMENTS_ONLY, NEVER_NULL, RANGES, REQUIRED
from dispatchfile.jobspec.durations import parse_duration
from dispatchfile.jobspec.hcl.numbers import NumberError, parse_number
from dispatchfile.jobspec.shapes import FREE_FORM, JOB, BlockSchema, ValueKind
from dispatchfile.jobspec.spelling import suggestion


def read_blocks(body: Body) -> dict[str, object]:
    """Return the API job of a file's top-level blocks. Raises UnreadableJobError."""
    for block in body.blocks:
        if block.type != "job":
            raise UnreadableJobError(_unknown_block(block.type, None), block.place)
    if len(body.blocks) != 1:
        second = body.blocks[1].place if body.blocks else FilePosition(1, 1)
        raise UnreadableJobError(f"expected one job block, found {len(body.blocks)}", second)
    return _block(_with_groups(body.blocks[0]), JOB)


def _with_groups(job: Block) -> Block:
    """Put each task that stands directly in the job into a group of its own name, before the other groups."""
    alone = [block for block in job.body.blocks if block.type == "task"]
    groups = [Block("group", task.labels, Body(blocks=(task,)), task.place) for task in alone]
    others = [block for block in job.body.blocks if block.type != "task"]
    return Block(job.type, job.labels, Body(job.body.arguments, (*groups, *others)), job.place)


def _block(block: Block, shape: BlockSchema) -> dict[str, object]:
    values = dict(_label(block, shape))
    for name, argument in block.body.arguments.items():
        values |= _argument(name, argument, block, shape)
    for name, nested in _grouped(block.body.blocks):
        values |= _nested(name, nested, block, shape)
    if shape.shortcuts:
        values["Operand"] = values.get("Operand") or "="  # Nomad's HCL reader fills it in, its API does not
    if shape.key == "Networks":
        values |= _ports(values.get("DynamicPorts"))
    for name, spec in shape.fields.items():
        needed = spec.required or name in REQUIRED.get(shape.key, ())
        if needed and spec.key not in values:
            raise UnreadableJobError(f'{block.type} needs the argument "{name}"', block.place)
    return values


def _ports(ports: Any) -> dict[str, object]:
    """Ports with a number of their own stand apart in the API."""
    given = ports or []
    return {
        "DynamicPorts": [port for port in given if not port.get("Value")],
        "ReservedPorts": [port for port in given if port.get("Value")],
    }


def _label(block: Block, shape: BlockSchema) -> Iterator[tuple[str, object]]:
    if len(block.labels) != (shape.label is not None):
        wanted = "one name" if shape.label else "no name"
        raise UnreadableJobError(f"{block.type} takes {wanted}, found {len(block.labels)}", block.place)
    if shape.label:
        yield shape.label, block.labels[0]


def _argument(name: str, argument: Argument, block: Block, shape: BlockSchema) -> dict[str, object]:
    if name in shape.fields:
        return _field(name, argument, shape)
    if name in shape.shortcuts:
        if argument.value is None or argument.value == "":
            return {}
        value = _text(_converted(argument, shape.shortcuts[name], name), name, argument.place)
        return {"Operand": name, "LTarget" if name == "distinct_property" else "RTarget": value}
    if name in shape.blocks or name in shape.unsupported:
        raise UnreadableJobError(_as_block(name), argument.place)
    guess = suggestion(name, (*shape.fields, *shape.shortcuts, *shape.blocks))
    raise UnreadableJobError(f'unknown argument "{name}" in {block.type}{guess}', argument.place)


def _field(name: str, argument: Argument, shape: BlockSchema) -> dict[str, object]:
    spec = shape.fields[name]
    if spec.kind in FREE_FORM and name not in MAPS_AS_ARGUMENTS.get(shape.key, ()):
        raise UnreadableJobError(_as_block(name), argument.place)
    if argument.value is None:
        if spec.kind is ValueKind.DURATION or name in NEVER_NULL.get(shape.key, ()):
            raise _mismatch(None, spec.kind, name, argument.place)
        return {}
    value = _converted(argument, spec.kind, name)
    allowed = RANGES.get((shape.key, name))
    if allowed and value not in allowed:
        raise UnreadableJobError(
            f"{name} must be a whole number from {allowed[0]} to {allowed[-1]}, got {value}", argument.place
        )
    return {spec.key: value}


def _as_block(name: str) -> str:
    return f'"{name}" is a block: write {name} {{ … }}'


def _grouped(blocks: tuple[Block, ...]) -> Iterator[tuple[str, list[Block]]]:
    for name in dict.fromkeys(block.type for block in blocks):
        yield name, [block for block in blocks if block.type == name]


def _nested(name: str, blocks: list[Block], parent: Block, shape: BlockSchema) -> dict[str, object]:
    spec = shape.fields.get(name)
    if spec and spec.kind in FREE_FORM and name not in MAPS_AS_ARGUMENTS_ONLY.get(shape.key, ()):
        _refuse_second(blocks, name in parent.body.arguments)
        return {spec.key: _free_form(blocks[0], spec.kind)}
    if name not in shape.blocks:
        lacking = name if _is_unsupported(name, shape) else ""
        raise UnreadableJobError(_unknown_block(name, shape), blocks[0].place, unsupported=lacking)
    nested = shape.blocks[name]
    if nested.mapped:
        return {nested.key: {block.labels[0]: value for block, value in ((one, _block(one, nested)) for one in blocks)}}
    if nested.many:
        return {nested.key: [_block(block, nested) for block in blocks]}
    _refuse_second(blocks, already=False)
    return {nested.key: _block(blocks[0], nested)}


def _refuse_second(blocks: list[Block], already: bool) -> None:
    if len(blocks) + already > 1:
        raise UnreadableJobError(f"{blocks[0].type} is defined twice", blocks[-1].place)


def _unknown_block(name: str, shape: BlockSchema | None) -> str:
    if shape and name in shape.fields:
        return f'"{name}" is an argument: write {name} = …'
    if _is_unsupported(name, shape):
        return f'block "{name}" is not supported by the embedded agent: {WITHOUT}'
    known = ("job",) if shape is None else (*shape.blocks, *shape.fields)
    return f'unknown block "{name}"{suggestion(name, known)}'


def _is_unsupported(name: str, shape: BlockSchema | None) -> bool:
    """Return whether Nomad knows the block, and this reader does not."""
    return name == "dynamic" or (shape is not None and name in shape.unsupported)


def _free_form(block: Block, kind: ValueKind) -> object:
    if block.labels:
        raise UnreadableJobError(f"{block.type} takes no name", block.place)
    if kind is ValueKind.ANY_MAP:
        return _config(_plain_values(block.body))
    if kind is ValueKind.TEXTS_MAP:
        return {name: _texts(given.value, name, given.place) for name, given in block.body.arguments.items()}
    for nested in block.body.blocks:
        raise UnreadableJobError(f'unexpected block "{nested.type}" in {block.type}', nested.place)
    return {name: _text(given.value, name, given.place) for name, given in block.body.arguments.items()}


def _config(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return a driver's config without what is null, as Nomad's parser does."""
    return {name: _number_as_float(value) for name, value in values.items() if value is not None}


def _number_as_float(value: Value) -> Value:
    if isinstance(value, list):
        return [_number_as_float(item) for item in value]
    if isinstance(value, dict):
        return {name: _number_as_float(item) for name, item in value.items()}
    return float(value) if isinstance(value, WrittenNumber) else value


def _plain_values(body: Body) -> dict[str, Value]:
    values: dict[str, Value] = {name: argument.value for name, argument in body.arguments.items()}
    for name, blocks in _grouped(body.blocks):
        values[name] = [_plain(block) for block in blocks]
    return values


def _plain(block: Block) -> Value:
    """Return a block inside ``config``, whose words only the driver knows; each label is one more map around it."""
    values = _plain_values(block.body)
    for label in reversed(block.labels):
        values = {label: [values]}
    return values


def _converted(argument: Argument, kind: ValueKind, name: str) -> Value:
    value: Value = _READERS[kind](argument.value, name, argument.place)
    return value


def _text(value: Value, name: str, place: FilePosition | None) -> str:
    text = text_of(value)
    if text is None:
        raise _mismatch(value, ValueKind.TEXT, name, place)
    return text


def _number(value: Value, name: str, place: FilePosition | None) -> int:
    number = _whole(value)
    if number is None or not -(2**63) <= number < 2**64:
        raise _mismatch(value, ValueKind.NUMBER, name, place)
    return number


def _whole(value: Value) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = text_of(value)
    try:
        number = None if text is None else parse_number(text)
    except NumberError:
        return None
    return None if number is None else number.whole


def _bool(value: Value, name: str, place: FilePosition | None) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false", "1", "0") and isinstance(value, str):
        return value in ("true", "1")
    raise _mismatch(value, ValueKind.BOOL, name, place)


def _duration(value: Value, name: str, place: FilePosition | None) -> int:
    if not isinstance(value, str):
        return _number(value, name, place)
    try:
        return parse_duration(value)
    except ValueError as exc:
        if isinstance(value, HiddenText):
            raise _mismatch(value, ValueKind.DURATION, name, place) from None
        raise UnreadableJobError(f"{name}: {exc}", place) from exc


def _texts(value: Value, name: str, place: FilePosition | None) -> list[str]:
    if not isinstance(value, list):
        raise _mismatch(value, ValueKind.TEXTS, name, place)
    return [_text(item, f"{name}[{n}]", place) for n, item in enumerate(value)]


def _text_map(value: Value, name: str, place: FilePosition | None) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _mismatch(value, ValueKind.TEXT_MAP, name, place)
    return {key: _text(item, f"{name}.{key}", place) for key, item in value.items()}


def _any_map(value: Value, name: str, place: FilePosition | None) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise _mismatch(value, ValueKind.ANY_MAP, name, place)
    return value


def _mismatch(value: Value, kind: ValueKind, name: str, place: FilePosition | None) -> UnreadableJobError:
    return UnreadableJobError(f"{name}: expected {kind}, found {_described(value)}", place)


def _described(value: Value) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a map"
    if isinstance(value, HiddenText):
        return "another text"
    return repr(value)[:60] if isinstance(value, str) else text_of(value) or "null"


def _texts_map(value: Value, name: str, place: FilePosition | None) -> dict[str, list[str]]:
    if not isinstance(value, dict):
        raise _mismatch(value, ValueKind.TEXTS_MAP, name, place)
    return {key: _texts(item, f"{name}.{key}", place) for key, item in value.items()}


_READERS: Final[Mapping[ValueKind, Callable[[Value, str, FilePosition | None], Any]]] = {
    ValueKind.TEXT: _text,
    ValueKind.NUMBER: _number,
    ValueKind.BOOL: _bool,
    ValueKind.DURATION: _duration,
    ValueKind.TEXTS: _texts,
    ValueKind.TEXT_MAP: _text_map,
    ValueKind.TEXTS_MAP: _texts_map,
    ValueKind.ANY_MAP: _any_map,
}
