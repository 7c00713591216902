"""A validator's errors in our words: what was found, where, and what would be right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from dispatchfile.manifest import Document, name_type
from dispatchfile.problems import Problem
from dispatchfile.schema.checks import known_keys
from dispatchfile.schema.habits import advice_on_key, advice_on_value
from dispatchfile.secrecy import kind_of_secret
from dispatchfile.similar import did_you_mean, similar_names

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SHOWN_VALUE = 60  # characters

Route: TypeAlias = tuple[str | int, ...]

WANTED = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
PATTERN_HINTS = {
    "id": "use 1 to 128 letters, digits, dots, underscores and hyphens",
    "name": "use up to 40 lower-case letters, digits and hyphens; the first must not be a hyphen",
    "namespace": "use up to 128 letters, digits and hyphens",
    "region": "it must not contain blanks, /, ? or #",
    "delimiter": 'use one character, such as ";", or "\\t" in double quotes for a tab',
}
MISSING_HINTS = {
    "version": "add version: 1",
    "dispatches": "list at least one dispatch",
    "failures": "write a number or a percentage",
    "file": "name a CSV file, or - for standard input",
    "to": "write the last number",
}
META_HINT = 'put the value into vars and write "{{ vars.%s | tojson }}"'
META_NULL_HINT = 'write "" or leave the key out'
LISTED_KEYS = 12
FEW_CHOICES = 4  # so many fit into a sentence


@dataclass(frozen=True, slots=True)
class Subject:
    """The value that the errors are about: the manifest, or one of its items."""

    document: Document
    name: str  # "the manifest", "the dispatch"
    route: Route = ()  # of the subject within the document
    item: str | None = None  # the item's id, where it is no template

    def called(self, path: Route) -> str:
        """Return `settings.rate`, `tags[0]`, or the subject's own name."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{printable(step)}" for step in path)
        return "".join(steps).removeprefix(".") or self.name

    def problem(self, code: str, path: Route, found: str, hint: str, *, at_key: bool = False) -> Problem:
        """Return a problem with the value at *path*, or with its key."""
        route = self.route + path
        position = self.document.key_position(*route) if at_key else self.document.position(*route)
        return self.document.problem(code, position, found, hint, item=self.item)


@dataclass(frozen=True, slots=True)
class _ErrorParts:
    """The parts of one error."""

    subject: Subject
    path: Route
    keyword: str
    wanted: Any  # the keyword's value in the schema
    found: Any
    schema: Mapping[str, Any]  # around the keyword

    @property
    def called(self) -> str:
        return self.subject.called(self.path)

    @property
    def examples(self) -> str:
        """Return the examples as YAML can have them."""
        texts = (json.dumps(example, ensure_ascii=False) for example in self.schema.get("examples", ()))
        return " or ".join(text if text[0] in "[{" else text.strip('"') for text in texts)

    @property
    def is_meta(self) -> bool:
        return self.path[-2:-1] == ("meta",) and self.path[:-2] in {(), ("defaults",)}

    def problem(self, code: str, found: str, hint: str) -> Problem:
        return self.subject.problem(code, self.path, found, hint)


def explain(subject: Subject, errors: Iterable[ValidationError]) -> list[Problem]:
    """
    Return a problem or more for each error: first what is likely to explain others, then in the
    order of the file.
    """
    failures = _of_right_type([_take_apart(subject, error) for error in errors])
    found = {
        problem: (_RANKS.get(failure.keyword, 1), problem.position, problem.code, problem.text)
        for failure in failures
        for problem in _EXPLAINERS.get(failure.keyword, _other)(failure)
    }
    misspelled = {(failure.path, near) for failure in failures for near in _near_misses(failure)}
    not_missing = {_missing(subject, path, near) for path, near in misspelled}
    return sorted(found.keys() - not_missing, key=found.__getitem__)


def _of_right_type(failures: list[_ErrorParts]) -> list[_ErrorParts]:
    """Leave out errors of values that do not even have the right type."""
    mistyped = {failure.path for failure in failures if failure.keyword == "type"}
    return [failure for failure in failures if failure.keyword == "type" or failure.path not in mistyped]


def shown(value: object) -> str:
    """Return a value as messages show it: on one line, and not all of a long one."""
    text = _quoted(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_VALUE else f"{text[: SHOWN_VALUE - 1]}…"


def _quoted(text: str) -> str:
    """*text* in double quotes, as YAML has it, unless it holds some itself."""
    inner = repr(text)[1:-1]
    return repr(text) if '"' in text else '"' + inner.replace("\\'", "'") + '"'


def printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _take_apart(subject: Subject, error: ValidationError) -> _ErrorParts:
    keyword = str(error.validator)
    if "propertyNames" in error.absolute_schema_path:
        keyword = "excluded" if keyword == "enum" else "propertyNames"
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    return _ErrorParts(subject, tuple(error.absolute_path), keyword, error.validator_value, error.instance, schema)


def _unknown_keys(failure: _ErrorParts) -> Iterator[Problem]:
    allowed = list(failure.schema["properties"])
    for key in failure.found:
        if key not in allowed:
            path = (*failure.path, key)
            hint = _right_key(failure.called, key, allowed)
            found = f"unknown key {shown(key)} in {failure.called}"
            yield failure.subject.problem("DF011", path, found, hint, at_key=True)


def _right_key(place: str, key: str, allowed: list[str]) -> str:
    advice = advice_on_key(place, key) or _where_it_belongs(key)
    return advice or did_you_mean(key, allowed) or _allowed(allowed)


def _where_it_belongs(key: str) -> str:
    places = [place for place, keys in known_keys().items() if key in keys]
    return f"it belongs in {' or '.join(places)}" if places else ""


def _allowed(keys: list[str]) -> str:
    more = ", …" if len(keys) > LISTED_KEYS else ""
    return f"known keys are {', '.join(keys[:LISTED_KEYS])}{more}"


def _near_misses(failure: _ErrorParts) -> Iterator[str]:
    """Yield the keys that misspelled ones were meant to be."""
    if failure.keyword == "additionalProperties":
        allowed = list(failure.schema["properties"])
        for key in failure.found:
            if key not in allowed:
                named = re.fullmatch("write ([a-z_]+)(,.*)?", advice_on_key(failure.called, key))
                yield from [named[1]] if named else similar_names(key, allowed)


def _missing_keys(failure: _ErrorParts) -> Iterator[Problem]:
    for key in failure.wanted:
        if key not in failure.found:
            yield _missing(failure.subject, failure.path, key)


def _missing(subject: Subject, path: Route, key: str) -> Problem:
    return subject.problem(
        "DF013", path, f"{subject.called(path)} has no {key}", MISSING_HINTS.get(key, "this key is required")
    )


def _wrong_type(failure: _ErrorParts) -> Iterator[Problem]:
    kind = name_type(failure.found)
    if failure.is_meta:
        name = str(failure.path[-1])
        hint = META_NULL_HINT if failure.found is None else META_HINT % (name if name.isidentifier() else "value")
        yield failure.problem("DF041", f"{failure.called} must be text, got {kind}", hint)
        return
    types = [failure.wanted] if isinstance(failure.wanted, str) else list(failure.wanted)
    wanted = " or ".join(WANTED[name] for name in types)
    advice = advice_on_value(failure.called, failure.found) or _as_list(failure, types) or _type_advice(failure, types)
    if isinstance(failure.found, str) and not {"object", "array"} & set(types):
        wanted, kind = wanted + _bounds(failure), shown(failure.found)
    yield failure.problem("DF012", f"{failure.called} must be {wanted}, got {kind}", advice)


def _as_list(failure: _ErrorParts, types: list[str]) -> str:
    """Return what to write if a list has one entry, and that entry has no brackets."""
    found = failure.found
    is_name = isinstance(found, str) and re.fullmatch(r"[\w.-]{1,40}", found) and not kind_of_secret(found)
    return f"write {failure.path[-1]}: [{found}]" if types == ["array"] and is_name else ""


def _type_advice(failure: _ErrorParts, types: list[str]) -> str:
    found = failure.found
    if found is None:
        key = failure.path[-1] if failure.path else 0
        return "write a value or leave the key out" if isinstance(key, str) and key not in MISSING_HINTS else ""
    if {"object", "array"} & set(types):
        return f"for example {failure.examples}"
    if types == ["string"] and isinstance(found, bool | int | float):
        text = str(found).lower() if isinstance(found, bool) else str(found)
        quoting_helps = re.search(failure.schema.get("pattern", ""), text)
        return f'quote it, as in "{text}"' if quoting_helps else f"for example {failure.examples}"
    return _text_advice(found) if isinstance(found, str) and "string" not in types else ""


def _text_advice(found: str) -> str:
    """Return what to do about text where a number, true or false belongs."""
    if "{{" in found:
        return "a template is not allowed here"
    plain = found.strip()
    if re.fullmatch("[0-9]+|true|false", plain):
        return "remove the quotes" if plain == found else f"write {plain}, without quotes and blanks"
    return ""


def _bounds(failure: _ErrorParts) -> str:
    """Return ` from 1 to 64` or ` of at least 1`; empty where nothing bounds the value."""
    least, most = failure.schema.get("minimum"), failure.schema.get("maximum")
    if least is None:
        return ""
    return f" of at least {least}" if most is None else f" from {least} to {most}"


def _too_many_keys(failure: _ErrorParts) -> Iterator[Problem]:
    *others, last = failure.found
    both = "both " if len(others) == 1 else ""
    found = f"{failure.called} has {both}{', '.join(map(printable, others))} and {printable(last)}"
    yield failure.subject.problem("DF014", (*failure.path, last), found, "keep one", at_key=True)


def _excluded_keys(failure: _ErrorParts) -> Iterator[Problem]:
    """
    Yield a `for_each` with several sources, each of which leaves room for no other: told once, at
    the last of them.
    """
    subject, path = failure.subject, failure.path
    first, *beside = failure.wanted
    written: Any = subject.document.data
    for step in subject.route + path:
        written = written[step]
    known = known_keys()["for_each"].difference(beside)
    sources = {key: key for key in written if key in known}
    if failure.found in sources and first in sources:
        yield from _too_many_keys(replace(failure, found=sources))


def _too_few_keys(failure: _ErrorParts) -> Iterator[Problem]:
    allowed = list(failure.schema.get("properties", ()))
    hint = f"add one of the keys {', '.join(allowed)}" if allowed else "add at least one key"
    yield failure.problem("DF013", f"{failure.called} is an empty mapping", hint)


def _wrong_choice(failure: _ErrorParts) -> Iterator[Problem]:
    choices = [str(choice) for choice in failure.wanted]
    near = advice_on_value(failure.called, failure.found) or did_you_mean(str(failure.found), choices)
    found = f"must be {_alternatives(choices)}, got" if len(choices) <= FEW_CHOICES else "cannot be"
    hint = near or ("" if len(choices) <= FEW_CHOICES else f"use one of {', '.join(choices)}")
    yield failure.problem(_code(failure), f"{failure.called} {found} {shown(failure.found)}", hint)


def _alternatives(choices: list[str]) -> str:
    """Return `a, b or c`."""
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def _wrong_pattern(failure: _ErrorParts) -> Iterator[Problem]:
    if "array" in failure.schema.get("type", ()):
        found = f"{failure.called} must be a list or a template that gives one, got {shown(failure.found)}"
        yield failure.problem("DF012", found, f"for example {failure.examples}")
        return
    hint = PATTERN_HINTS.get(str(failure.path[-1])) or advice_on_value(failure.called, failure.found)
    hint = hint or f"write it like {failure.examples}"
    yield failure.problem(_code(failure), f"{failure.called} cannot be {shown(failure.found)}", hint)


def _out_of_range(failure: _ErrorParts) -> Iterator[Problem]:
    found = f"{failure.called} must be a whole number{_bounds(failure)}, got {shown(failure.found)}"
    yield failure.problem(_code(failure), found, "")


def _empty(failure: _ErrorParts) -> Iterator[Problem]:
    kind = "an empty text" if isinstance(failure.found, str) else "an empty list"
    hint = "write a value or leave the key out" if isinstance(failure.found, str) else "add at least one entry"
    yield failure.problem("DF015", f"{failure.called} is {kind}", hint)


def _empty_key(failure: _ErrorParts) -> Iterator[Problem]:
    found = f"{failure.called} has an empty key"
    yield failure.subject.problem("DF015", (*failure.path, failure.found), found, "give it a name", at_key=True)


def _other(failure: _ErrorParts) -> Iterator[Problem]:
    found = f"{failure.called} cannot be {shown(failure.found)}"
    yield failure.problem("DF015", found, f"the schema requires {failure.keyword} {failure.wanted}")


def _code(failure: _ErrorParts) -> str:
    if failure.path[:1] == ("settings",):
        return "DF016"
    return "DF021" if failure.path == ("id",) else "DF015"


_EXPLAINERS: Mapping[str, Callable[[_ErrorParts], Iterator[Problem]]] = {
    "additionalProperties": _unknown_keys,
    "required": _missing_keys,
    "type": _wrong_type,
    "enum": _wrong_choice,
    "pattern": _wrong_pattern,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    "minLength": _empty,
    "minItems": _empty,
    "minProperties": _too_few_keys,
    "maxProperties": _too_many_keys,
    "propertyNames": _empty_key,
    "excluded": _excluded_keys,
}
_RANKS = {"additionalProperties": 0, "required": 2, "minItems": 2}  # all others: 1
