"""The published schemas, and the two validators that read them: a fast one that decides, a slow one that explains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias

import jsonschema_rs

if TYPE_CHECKING:
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import ValidationError

Schema: TypeAlias = dict[str, Any]  # JSON, of our own making

NAMES = {"manifest": "dispatchfile", "summary": "summary", "event": "event", "item": "item", "plan": "plan"}


def read_schema(name: str) -> Schema:
    """Return the JSON schema of that *name*, for example "manifest". Raises ValueError if there is none."""
    if name not in NAMES:
        raise ValueError(f"{name!r} is not one of {', '.join(NAMES)}")
    file = resources.files("dispatchfile") / "schemas" / f"{NAMES[name]}-v1.schema.json"
    schema: Schema = json.loads(file.read_text(encoding="utf-8"))
    return schema


class Check:
    """A compiled schema, used twice: to find out whether a value is valid, and if not, why."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._gate = jsonschema_rs.Draft7Validator(schema)

    def accepts(self, value: object) -> bool:
        """True is certain. False may also mean a number that the fast validator does not know: then ask for errors."""
        try:
            return self._gate.is_valid(value)
        except ValueError:
            return False

    def errors(self, value: object) -> Iterator[ValidationError]:
        return self._explainer.iter_errors(value)

    @cached_property
    def _explainer(self) -> Draft7Validator:
        from jsonschema import Draft7Validator  # noqa: PLC0415  # 90 ms that a valid manifest does not need

        return Draft7Validator(self._schema)


@cache
def manifest_check() -> Check:
    """Return the check of everything except the items, which may be any value."""
    schema = read_schema("manifest")
    del schema["properties"]["dispatches"]["items"]
    return Check(schema)


@cache
def item_check() -> Check:
    """Return the check of one dispatch."""
    definitions = read_schema("manifest")["definitions"]
    return Check({"$ref": "#/definitions/dispatch", "definitions": definitions})


@cache
def known_keys() -> dict[str, frozenset[str]]:
    """Return the keys that each of the larger mappings knows, by its name in messages."""
    schema = read_schema("manifest")
    return {
        "the top level": frozenset(schema["properties"]),
        "settings": frozenset(schema["definitions"]["settings"]["properties"]),
        "a dispatch": frozenset(schema["definitions"]["dispatch"]["properties"]),
        "for_each": frozenset(schema["definitions"]["for_each"]["properties"]),
    }


@cache
def _check_of(name: str) -> Check:
    return Check(read_schema(name))


def first_violation(name: str, value: object) -> str:
    """Return what keeps *value* from fitting the schema of that *name*, with its path; empty: nothing."""
    check = _check_of(name)
    if check.accepts(value):
        return ""
    for error in check.errors(value):
        while error.context:  # what one of several forms says of it
            error = max(error.context, key=lambda inner: len(inner.absolute_path))  # noqa: PLW2901
        path = ".".join(str(step) for step in error.absolute_path) or "the line"
        return f"{path}: {error.message[:200]}"
    return ""
