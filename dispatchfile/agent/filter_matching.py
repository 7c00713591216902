"""
What a filter's operators say of a stored object, and in which of Go's words they refuse it.

Source: hashicorp/go-bexpr, evaluate.go, and mitchellh/pointerstructure.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from typing import Final, Literal

from dispatchfile.agent.golang import GoError, parse_bool, parse_int, quote

Matcher = Callable[[Mapping[str, object]], bool]
"""Says whether an object passes; raises FilterError where the object has no such field or another type."""

Operator = Literal["==", "in", "matches", "empty", "nil"]

_MAPS: Final = frozenset({"ClassEligibility", "Env", "FailedTGAllocs", "Meta", "QueuedAllocations", "TaskStates"})
_LISTS: Final = frozenset({"Constraints", "Datacenters", "MetaOptional", "MetaRequired", "Payload", "TaskGroups"})
_UNSIGNED: Final = ("Index", "Version")
_PERL_ONLY: Final = re.compile(r"\((\?(?:=|!|<=|<!|>|P=|#|\())")
_BACKREFERENCE: Final = re.compile(r"\\[1-9]")


class FilterError(ValueError):
    """A filter that Nomad refuses; the message is Nomad's, as it stands in the body of the 400."""


def make_matcher(path: tuple[str, ...], operator: Operator, *, negated: bool, value: str) -> Matcher:
    test = _TESTS[operator]
    absent = not negated if operator in {"empty", "nil"} else negated

    def matches(datum: Mapping[str, object]) -> bool:
        present, found = _find(datum, path)
        if not present:
            return absent
        try:
            return test(found, value, path) != negated
        except GoError as exc:
            raise _page_error(f"error getting match value in expression: {exc}") from exc

    return matches


def _page_error(message: str) -> FilterError:
    return FilterError(f"failed to read result page: {message}")


def _find(datum: Mapping[str, object], path: tuple[str, ...]) -> tuple[bool, object]:
    """Return whether there is such a value, and the value. A missing key of a map is no error, a missing field is."""
    found: object = datum
    for place, part in enumerate(path):
        is_map = place > 0 and path[place - 1] in _MAPS
        if found is None and is_map:
            return False, None
        if isinstance(found, Mapping) and (part in found or is_map):
            if part not in found:
                return False, None
            found = found[part]
        else:
            raise _page_error(f"error finding value in datum: {_lost(found, path, place)}")
    return True, found


def _lost(found: object, path: tuple[str, ...], place: int) -> str:
    pointer = "/" + "/".join(path)
    if isinstance(found, Mapping):
        return f"{pointer} at part {place}: couldn't find key: struct field with name {quote(path[place])}"
    return f"{pointer}: at part {place}, invalid value kind: {'invalid' if found is None else _kind(found, path)}"


def _kind(value: object, path: tuple[str, ...]) -> str:
    """Return Go's name for the type of a field's value."""
    name = path[-1] if path else ""
    if name in _LISTS or isinstance(value, (list, tuple)):
        return "slice"
    if isinstance(value, Mapping) or name in _MAPS:
        return "map" if name in _MAPS else "struct"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "uint64" if name.endswith(_UNSIGNED) else "int"
    return "invalid" if value is None else "string"


def _equals(found: object, raw: str, path: tuple[str, ...]) -> bool:
    kind = _kind(found, path)
    if kind not in {"bool", "int", "uint64", "string"}:
        raise _page_error("unable to find suitable primitive comparison function for matching")
    return found == _coerced(raw, kind)


def _coerced(raw: str, kind: str) -> object:
    if kind == "bool":
        return parse_bool(raw)
    if kind in {"int", "uint64"}:
        return parse_int(raw, "ParseUint" if kind == "uint64" else "ParseInt")
    return raw


def _contains(found: object, raw: str, path: tuple[str, ...]) -> bool:
    kind = _kind(found, path)
    if kind == "string" and isinstance(found, str):
        return raw in found
    if kind == "map":
        return isinstance(found, Mapping) and raw in found
    if kind == "slice":
        return isinstance(found, (list, tuple)) and raw in found
    raise _page_error(f"cannot perform in/contains operations on type {kind} for selector: {_selector(path)}")


def _selector(path: tuple[str, ...]) -> str:
    return quote(".".join(path))


def _matches(found: object, raw: str, path: tuple[str, ...]) -> bool:
    if not isinstance(found, str):
        raise _page_error(f"value of type {_kind(found, path)} is not convertible to []byte")
    return _regular_expression(raw).search(found) is not None


def _regular_expression(raw: str) -> re.Pattern[str]:
    """Go's RE2 has neither look-around nor references back; what both languages have is compiled by Python's."""
    unsupported = _PERL_ONLY.search(raw)
    if unsupported:
        raise _bad_expression(raw, f"invalid or unsupported Perl syntax: `({unsupported[1]}`")
    if reference := _BACKREFERENCE.search(raw.replace("\\\\", "")):
        raise _bad_expression(raw, f"invalid escape sequence: `{reference[0]}`")
    try:
        return _compiled(raw)
    except re.error as exc:
        reason = "missing closing ]" if "unterminated character set" in exc.msg else exc.msg
        raise _bad_expression(raw, f"{reason}: `{raw[exc.pos or 0 :]}`") from exc


def _compiled(raw: str) -> re.Pattern[str]:
    """Python warns of `[[` and the like, which may mean something else one day; in Go they mean what they say."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(raw)


def _bad_expression(raw: str, reason: str) -> FilterError:
    return _page_error(f"failed to compile regular expression {quote(raw)}: error parsing regexp: {reason}")


def _is_empty(found: object, _raw: str, path: tuple[str, ...]) -> bool:
    kind = _kind(found, path)
    if kind not in {"slice", "map", "string"}:
        raise _page_error(f"cannot perform is-empty operations on type {kind} for selector: {_selector(path)}")
    return not found


def _is_nil(found: object, _raw: str, path: tuple[str, ...]) -> bool:
    kind = _kind(found, path)
    if kind in {"bool", "int", "uint64", "string"}:
        raise _page_error(f"cannot perform is-nil operations on type {kind} for selector: {_selector(path)}")
    return found is None


_TESTS: Final[Mapping[Operator, Callable[[object, str, tuple[str, ...]], bool]]] = {
    "==": _equals,
    "in": _contains,
    "matches": _matches,
    "empty": _is_empty,
    "nil": _is_nil,
}
