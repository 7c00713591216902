"""The function yamlencode, for all but long and unusual texts. Source: zclconf/go-cty-yaml."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, Parameter, UnsupportedCallError
from dispatchfile.jobspec.hcl.types import TypeKind, Value, string_value

_WIDEST: Final = 78  # longer lines are folded
_PLAIN = re.compile(r"[ -~\t\u00a1-\u00ac\u00ae-\u02ff]*")
_BLOCK = re.compile(r"[!-~](?:[ -~]*)(?:\n[!-~][ -~]*)*\n?")


def _yaml(values: Sequence[Value]) -> Value:
    value = values[0]
    lines = list(_lines(value))
    if any(len(line) > _WIDEST for line in lines):
        raise UnsupportedCallError("yamlencode of long texts is not supported here")
    is_plain = value.is_null or value.type.kind in (TypeKind.NUMBER, TypeKind.BOOL)
    return string_value("\n".join(lines) + ("\n...\n" if is_plain else "\n"))


def _lines(value: Value) -> Iterator[str]:
    if value.is_null or value.type.is_primitive or not value.length:
        yield _scalar(value)
    elif value.type.is_sequence:
        if value.type.kind is TypeKind.SET and not value.type.element.is_primitive:
            raise UnsupportedCallError("yamlencode of a set of collections is not supported here")
        for item in value.items:
            first, *others = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in others)
    else:
        for name, item in value.entries.items():
            yield from _entry(_quoted(name), item)


def _entry(name: str, item: Value) -> Iterator[str]:
    if item.is_null or item.type.is_primitive or not item.length:
        text = None if item.is_null or item.type.kind is not TypeKind.STRING else item.text
        if text is not None and "\n" in text:
            yield from _block(name, text)
        else:
            yield f"{name}: {_scalar(item)}"
        return
    yield f"{name}:"
    indent = "" if item.type.is_sequence else "  "
    yield from (f"{indent}{line}" for line in _lines(item))


def _block(name: str, text: str) -> Iterator[str]:
    if not _BLOCK.fullmatch(text):
        raise UnsupportedCallError("yamlencode of a multi-line text like this is not supported here")
    yield f"{name}: {'|' if text.endswith(chr(10)) else '|-'}"
    yield from (f"  {line}" for line in text.splitlines())


def _scalar(value: Value) -> str:
    if value.is_null:
        return "null"
    if value.type.kind is TypeKind.STRING:
        return _quoted(value.text)
    if value.type.kind is TypeKind.NUMBER:
        return value.number.text()
    if value.type.kind is TypeKind.BOOL:
        return "true" if value.content else "false"
    return "[]" if value.type.is_sequence else "{}"


def _quoted(text: str) -> str:
    if not _PLAIN.fullmatch(text):
        raise UnsupportedCallError("yamlencode of a text like this is not supported here")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{escaped}"'


FUNCTIONS: Final[Mapping[str, Function]] = {
    "yamlencode": Function(_yaml, (Parameter("value", takes_null=True, takes_untyped=True),)),
}
