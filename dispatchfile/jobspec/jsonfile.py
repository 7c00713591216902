"""Job files in JSON: the API's own form, or HCL written as JSON."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dispatchfile.jobspec.apiform import folded, read_api
from dispatchfile.jobspec.body import Argument, Block, Body, FilePosition, UnreadableJobError, Value
from dispatchfile.jobspec.decoding import MAPS_AS_ARGUMENTS_ONLY
from dispatchfile.jobspec.reading import read_blocks
from dispatchfile.jobspec.shapes import FREE_FORM, JOB, BlockSchema, ValueKind
from dispatchfile.jobspec.template import Interpolation, TemplateError, split_template

_COMMENT = "//"


def read_json(text: str) -> dict[str, object]:
    """
    Return the API job of ``{"Job": {…}}``, of a bare API job, or of HCL as JSON, ``{"job": {"name": {…}}}``.

    Raises UnreadableJobError. Source: hashicorp/nomad, command/helpers.go (JobGetter) and jobspec2/parse.go.
    """
    data = _parsed(text)
    if _is_hcl(data):
        return read_blocks(Body(blocks=tuple(_top_level(data))))
    keys = {folded(key): key for key in data}
    if "job" in keys:
        return read_api(_object(data[keys["job"]], '"Job"'))
    if _is_api_job(data):
        return read_api(data)
    raise UnreadableJobError('expected {"Job": {…}}, a job with an "ID", or {"job": {"name": {…}}}', FilePosition(1, 1))


def api_document(text: str) -> Mapping[str, Any] | None:
    """Return the API job of a JSON file as it is written; None for HCL, also as JSON. Raises UnreadableJobError."""
    data = _parsed(text)
    if _is_hcl(data):
        return None
    keys = {folded(key): key for key in data}
    return _object(data[keys["job"]], '"Job"') if "job" in keys else data


def _is_hcl(data: Mapping[str, Any]) -> bool:
    """Return whether a JSON file is HCL written as JSON."""
    return "job" in data and not _is_api_job(data["job"])


def _is_api_job(value: Any) -> bool:
    """Return whether ``{"job": …}`` is the API's wrapper in lower case: in HCL, the name of a job has this place."""
    keys = {folded(key): one for key, one in value.items()} if isinstance(value, dict) else {}
    return isinstance(keys.get("id"), str) or isinstance(keys.get("taskgroups"), list)


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        return _object(json.loads(text, parse_constant=_refuse_constant), "the file")
    except json.JSONDecodeError as exc:
        raise UnreadableJobError(exc.msg, FilePosition(exc.lineno, exc.colno)) from exc


def _refuse_constant(name: str) -> None:
    raise UnreadableJobError(f"{name} is not a valid JSON number")


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableJobError(f"{where} is no JSON object")
    return value


def _top_level(data: Mapping[str, Any]) -> Iterator[Block]:
    for name, value in data.items():
        if name == "job":
            yield from _blocks(name, value, JOB)
        elif name != _COMMENT:
            raise UnreadableJobError(f'"{name}" is not supported next to "job"')


def _blocks(name: str, value: Any, shape: BlockSchema) -> Iterator[Block]:
    """The blocks one property stands for: an object or a list of them, with its label as one more object around."""
    for item in value if isinstance(value, list) else [value]:
        if shape.label is None:
            yield Block(name, (), _body(_object(item, f'"{name}"'), shape), None)
            continue
        for label, bodies in _object(item, f'"{name}"').items():
            for body in bodies if isinstance(bodies, list) else [bodies]:
                yield Block(name, (label,), _body(_object(body, f'"{name}" "{label}"'), shape), None)


def _body(data: Mapping[str, Any], shape: BlockSchema) -> Body:
    arguments: dict[str, Argument] = {}
    blocks: list[Block] = []
    for name, value in data.items():
        if name in shape.blocks:
            blocks += _blocks(name, value, shape.blocks[name])
        elif _is_free_block(name, value, shape):
            inner = _unwrapped(name, value, shape)
            arguments_of_block = {
                key: Argument(_evaluated(item), None) for key, item in inner.items() if key != _COMMENT
            }
            blocks.append(Block(name, (), Body(arguments_of_block), None))
        elif name != _COMMENT and not (value is None and name in shape.fields):
            arguments[name] = Argument(_evaluated(_unwrapped(name, value, shape)), None)
    return Body(arguments, tuple(blocks))


def _is_free_block(name: str, value: Any, shape: BlockSchema) -> bool:
    """Return whether a property is a block with keys that only its reader knows, such as a driver's config."""
    free = name in shape.fields and shape.fields[name].kind in FREE_FORM
    only_argument = name in MAPS_AS_ARGUMENTS_ONLY.get(shape.key, ())
    return free and not only_argument and isinstance(_unwrapped(name, value, shape), dict)


def _unwrapped(name: str, value: Any, shape: BlockSchema) -> Any:
    """A driver's config may come as a list of one object, as HCL's JSON has it."""
    free = name in shape.fields and shape.fields[name].kind is ValueKind.ANY_MAP
    return value[0] if free and isinstance(value, list) and len(value) == 1 else value


def _evaluated(value: Any) -> Value:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_evaluated(item) for item in value]
    if isinstance(value, dict):
        return {key: _evaluated(item) for key, item in value.items()}
    primitive: Value = value
    return primitive


def _text(text: str) -> str:
    try:
        return "".join(part if isinstance(part, str) else _verbatim(part) for part in split_template(text))
    except TemplateError as exc:
        raise UnreadableJobError(f"{text[:60]!r}: {exc}") from exc


def _verbatim(expression: Interpolation) -> str:
    if expression.path is None or expression.path[0] in ("var", "local"):
        raise UnreadableJobError(
            f"{expression.source} is not supported in a JSON job file", unsupported=expression.source
        )
    return expression.source
