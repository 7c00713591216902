"""Functions of JSON and CSV documents. Source: zclconf/go-cty, cty/json and cty/function/stdlib (json.go, csv.go)."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, FunctionError, Parameter, UnsupportedCallError
from dispatchfile.jobspec.hcl.numbers import NumberError, parse_number
from dispatchfile.jobspec.hcl.types import (
    NULL,
    STRING,
    TypeKind,
    Value,
    bool_value,
    list_value,
    number_value,
    object_of,
    object_value,
    string_value,
    tuple_value,
)

_HTML: Final = str.maketrans(
    {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029", "\x7f": "\x7f"}
)


class _Digits(str):
    """A number in a JSON document, as written."""

    __slots__ = ()


def json_text(value: Value) -> str:
    """Return a value as JSON, with the keys sorted and what HTML would take for itself escaped."""
    if value.is_null:
        return "null"
    if value.type.kind is TypeKind.STRING:
        return _quoted(value.text)
    if value.type.kind is TypeKind.NUMBER:
        return value.number.text()
    if value.type.kind is TypeKind.BOOL:
        return "true" if value.content else "false"
    if value.type.is_sequence:
        return f"[{','.join(json_text(item) for item in value.items)}]"
    return f"{{{','.join(f'{_quoted(name)}:{json_text(item)}' for name, item in value.entries.items())}}}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_HTML)


def json_value(text: str) -> Value:
    """Return the value of a JSON document. Raises FunctionError."""
    try:
        data = json.loads(
            text, parse_int=_Digits, parse_float=_Digits, parse_constant=_refuse, object_pairs_hook=_Pairs
        )
    except ValueError as exc:
        raise FunctionError(f"the text is not JSON: {exc}") from exc
    return value_of(data)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a valid JSON number")


class _Pairs(dict[str, object]):
    """An object of a JSON document; a key that is there twice has to have values of one type."""

    def __init__(self, pairs: Sequence[tuple[str, object]]) -> None:
        super().__init__()
        for name, item in pairs:
            if name in self and value_of(self[name]).type != value_of(item).type:
                raise ValueError(f'duplicate "{name}" property in JSON object')
            self[name] = item


def value_of(data: object) -> Value:
    """Return parsed JSON as a value of HCL."""
    if data is None:
        return NULL
    if isinstance(data, bool):
        return bool_value(data)
    if isinstance(data, _Digits | int | float):
        try:
            number = parse_number(str(data))
        except NumberError as exc:
            raise FunctionError(str(exc)) from exc
        if number is None:
            raise FunctionError(f"{data} is not a number")
        return number_value(number)
    if isinstance(data, str):
        return string_value(data)
    if isinstance(data, list):
        return tuple_value([value_of(item) for item in data])
    if isinstance(data, dict):
        return object_value({name: value_of(item) for name, item in data.items()})
    raise FunctionError("the text is not JSON")


def _csv(values: Sequence[Value]) -> Value:
    rows = _csv_rows(values[0].text)
    if not rows:
        raise FunctionError("missing header line")
    header = rows[0]
    for name in header:
        if header.count(name) > 1:
            raise FunctionError(f'duplicate column name "{name}"')
    items: list[Value] = []
    for row in rows[1:]:
        if len(row) != len(header):
            raise FunctionError("wrong number of fields")
        items.append(object_value({name: string_value(cell) for name, cell in zip(header, row, strict=True)}))
    return list_value(items, object_of(dict.fromkeys(header, STRING)))


_CELL = re.compile(r'"(?P<quoted>(?:[^"]|"")*)"(?=,|\n|$)|(?P<bare>[^",\n]*)(?=,|\n|$)')


def _csv_rows(text: str) -> list[list[str]]:
    text = text.replace("\r\n", "\n")
    if "\r" in text:
        raise UnsupportedCallError("carriage returns in CSV are not supported here")
    rows: list[list[str]] = []
    position = 0
    while position < len(text):
        if text[position] == "\n":
            position += 1
            continue
        row, position = _csv_row(text, position)
        rows.append(row)
    return rows


def _csv_row(text: str, position: int) -> tuple[list[str], int]:
    row: list[str] = []
    while True:
        cell = _CELL.match(text, position)
        if cell is None:
            line = text.count("\n", 0, position) + 1
            raise FunctionError(f'CSV parse error on line {line}: bare or extraneous " in a field')
        row.append(cell["bare"] if cell["quoted"] is None else cell["quoted"].replace('""', '"'))
        position = cell.end() + 1
        if cell.end() >= len(text) or text[cell.end()] == "\n":
            return row, position


FUNCTIONS: Final[Mapping[str, Function]] = {
    "jsonencode": Function(
        lambda values: string_value(json_text(values[0])), (Parameter("val", takes_null=True, takes_untyped=True),)
    ),
    "jsondecode": Function(lambda values: json_value(values[0].text), (Parameter("str", STRING),)),
    "csvdecode": Function(_csv, (Parameter("str", STRING),)),
}
