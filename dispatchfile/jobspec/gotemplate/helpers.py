"""The functions of consul-template that need no cluster. Source: hashicorp/consul-template, template/funcs.go."""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from dispatchfile.jobspec.gotemplate.failures import RenderFailure
from dispatchfile.jobspec.gotemplate.nodes import Value
from dispatchfile.jobspec.gotemplate.values import TextMap, kind_of, plain

_HTML: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_GO_GROUP: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+)|(\$))")
_MOST_ROUNDS: Final = 1_000_000
_INTEGERS: Final = range(-(2**63), 2**63)


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise RenderFailure(f"wrong type for value; expected string; got {kind_of(value)}")
    return value


def _list(value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise RenderFailure(f"wrong type for value; expected list; got {kind_of(value)}")
    return value


def _map(value: Value) -> dict[Any, Value]:
    if not isinstance(value, dict):
        raise RenderFailure(f"wrong type for value; expected map; got {kind_of(value)}")
    return value


def _decoded(name: str, text: str, *, url: bool) -> str:
    content = text.replace("\r", "").replace("\n", "")
    try:
        return base64.b64decode(content, b"-_" if url else None, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as exc:
        raise RenderFailure(f"{name}: illegal base64 data") from exc


def _split(separator: Value, text: Value) -> list[Value]:
    stripped = _text(text).strip()
    if not stripped:
        return []
    mark = _text(separator)
    return list(stripped.split(mark)) if mark else list(stripped)


def _split_to_map(outer: Value, inner: Value, text: Value) -> TextMap:
    parts = [_text(part) for part in _split(outer, text)]
    if not _text(inner):
        return TextMap(("", part) for part in parts)
    pairs = (part.partition(_text(inner)) for part in parts)
    return TextMap((key, value) for key, mark, value in pairs if mark)


def _contains(container: Value, item: Value) -> bool:
    if isinstance(container, str):
        return isinstance(item, str) and item in container
    if not isinstance(container, list) or isinstance(item, bool | list | dict) or item is None:
        return False
    return any(type(one) is type(item) and one == item for one in container)


def _some(items: Value, container: Value, *, starts: bool, inverts: bool) -> bool:
    return (not starts) if any(_contains(container, item) != inverts for item in _list(items)) else starts


def _indent(spaces: Value, text: Value) -> str:
    if not isinstance(spaces, int) or spaces < 0:
        raise RenderFailure("indent value must be a positive integer")
    return re.sub(r"(?m)^(?=[^\n])", " " * min(spaces, 1000), _text(text))


def _integer(value: Value) -> int:
    if isinstance(value, str):
        return _parse_int("loop", value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RenderFailure(f"loop: bad argument type: {kind_of(value)}")
    return value


def _loop(*bounds: Value) -> list[Value]:
    if len(bounds) not in (1, 2):
        raise RenderFailure(f"loop: wrong number of arguments, expected 1 or 2, but got {len(bounds)}")
    start, stop = (0, _integer(bounds[0])) if len(bounds) == 1 else (_integer(bounds[0]), _integer(bounds[1]))
    if stop - start > _MOST_ROUNDS:
        raise RenderFailure(f"loop: more than {_MOST_ROUNDS} iterations")
    return list(range(start, stop))


def _parse_int(name: str, text: str, *, signed: bool = True) -> int:
    if not text:
        return 0
    if not re.fullmatch("[+-]?[0-9]{1,19}" if signed else "[0-9]{1,20}", text):
        raise RenderFailure(f'{name}: strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _parse_float(text: str) -> float:
    try:
        return float(text) if text else 0.0
    except ValueError as exc:
        raise RenderFailure(f'parseFloat: strconv.ParseFloat: parsing "{text}": invalid syntax') from exc


def _parse_bool(text: str) -> bool:
    if text in {"", "0", "f", "F", "false", "FALSE", "False"}:
        return False
    if text in {"1", "t", "T", "true", "TRUE", "True"}:
        return True
    raise RenderFailure(f'parseBool: strconv.ParseBool: parsing "{text}": invalid syntax')


def _parse_json(text: Value) -> Value:
    if not _text(text):
        return {}
    try:
        value: Value = json.loads(_text(text), parse_int=float)
    except (ValueError, RecursionError) as exc:
        raise RenderFailure(f"parseJSON: {exc}") from exc
    return value


def _plain_json(value: Value) -> Any:
    """Go writes whole floats without a point, and maps by key."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, list):
        return [_plain_json(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain_json(value[key]) for key in sorted(value)}
    return value


def _to_json(value: Value, *, escapes: bool, pretty: bool) -> str:
    layout: dict[str, Any] = {"indent": 2} if pretty else {"separators": (",", ":")}
    try:
        text = json.dumps(_plain_json(value), ensure_ascii=False, **layout)
    except (TypeError, ValueError) as exc:
        raise RenderFailure(f"toJSON: {exc}") from exc
    return text.translate(_HTML) if escapes else text


def _compiled(pattern: Value) -> re.Pattern[str]:
    try:
        return re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", _text(pattern)).replace("\\z", "\\Z"))
    except re.error as exc:
        raise RenderFailure(f"error parsing regexp: {exc.msg}: `{pattern}`") from exc


def _regex_replace(pattern: Value, replacement: Value, text: Value) -> str:
    def expanded(match: re.Match[str]) -> str:
        def group(reference: re.Match[str]) -> str:
            name = reference[1] or reference[2]
            if name is None:
                return "$"
            try:
                return match[int(name) if name.isdecimal() else name] or ""
            except IndexError:
                return ""

        return _GO_GROUP.sub(group, _text(replacement))

    return _compiled(pattern).sub(expanded, _text(text))


def _number(name: str, value: Value) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RenderFailure(f"{name}: unknown type for {plain(value)} ({kind_of(value)})")
    return value


def _calculated(name: str, right: Value, left: Value) -> Value:
    """Go's operators; the piped value is the left one."""
    a, b = _number(name, left), _number(name, right)
    whole = isinstance(a, int) and isinstance(b, int)
    if name in {"divide", "modulo"} and whole and b == 0:
        raise RenderFailure(f"{name}: integer divide by zero")
    match name:
        case "add":
            result = a + b
        case "subtract":
            result = a - b
        case "multiply":
            result = a * b
        case "divide":
            result = _quotient(a, b, whole=whole)
        case _:
            if not whole:
                raise RenderFailure(f"modulo: unknown type for {plain(right)} ({kind_of(right)})")
            result = a - b * int(_quotient(a, b, whole=True))
    if whole and result not in _INTEGERS:
        raise RenderFailure(f"{name}: the result does not fit into 64 bits")
    return result


def _quotient(a: float, b: float, *, whole: bool) -> int | float:
    if whole:
        size = abs(int(a)) // abs(int(b))
        return size if (a < 0) == (b < 0) else -size
    return a / b if b else float("nan") if a == 0 else float("inf") if a > 0 else float("-inf")


def _extreme(name: str, right: Value, left: Value) -> Value:
    a, b = _number(name, left), _number(name, right)
    return a if (a < b if name == "minimum" else a > b) else b


def _of_two(function: Callable[[str, Value, Value], Value], name: str) -> Callable[[Value, Value], Value]:
    return lambda right, left: function(name, right, left)


def _merged(target: Value, source: Value, *, overrides: bool) -> Value:
    merged = dict(_map(target))
    for key, value in _map(source).items():
        if isinstance(merged.get(key), dict) and isinstance(value, dict):
            merged[key] = _merged(merged[key], value, overrides=overrides)
        elif overrides or not merged.get(key):
            merged[key] = value
    return merged


def _title(text: Value) -> str:
    """Return the first letter of each word; a mark between two letters does not end a word."""
    return re.sub(r"(?<![^\W_])(?<![^\W_][.'\u2019:\u00b7_])[^\W\d_]", lambda match: match[0].upper(), _text(text))


def _hmac(message: Value, key: Value) -> str:
    return hmac.new(_text(key).encode(), _text(message).encode(), hashlib.sha256).hexdigest()


def _join(separator: Value, items: Value) -> str:
    return _text(separator).join(_text(item) for item in _list(items))


HELPER_FUNCTIONS: Final[Mapping[str, Callable[..., Value]]] = {
    **{name: _of_two(_calculated, name) for name in ("add", "subtract", "multiply", "divide", "modulo")},
    **{name: _of_two(_extreme, name) for name in ("minimum", "maximum")},
    "base64Decode": lambda text: _decoded("base64Decode", _text(text), url=False),
    "base64Encode": lambda text: base64.b64encode(_text(text).encode()).decode(),
    "base64URLDecode": lambda text: _decoded("base64URLDecode", _text(text), url=True),
    "base64URLEncode": lambda text: base64.urlsafe_b64encode(_text(text).encode()).decode(),
    "contains": lambda item, container: _contains(container, item),
    "containsAll": lambda items, container: _some(items, container, starts=True, inverts=True),
    "containsAny": lambda items, container: _some(items, container, starts=False, inverts=False),
    "containsNone": lambda items, container: _some(items, container, starts=True, inverts=False),
    "containsNotAll": lambda items, container: _some(items, container, starts=False, inverts=True),
    "hmacSHA256Hex": _hmac,
    "in": _contains,
    "indent": _indent,
    "join": _join,
    "loop": _loop,
    "md5sum": lambda text: hashlib.md5(_text(text).encode(), usedforsecurity=False).hexdigest(),
    "mergeMap": lambda target, source: _merged(target, source, overrides=False),
    "mergeMapWithOverride": lambda target, source: _merged(target, source, overrides=True),
    "parseBool": lambda text: _parse_bool(_text(text)),
    "parseFloat": lambda text: _parse_float(_text(text)),
    "parseInt": lambda text: _parse_int("parseInt", _text(text)),
    "parseJSON": _parse_json,
    "parseUint": lambda text: _parse_int("parseUint", _text(text), signed=False),
    "regexMatch": lambda pattern, text: _compiled(pattern).search(_text(text)) is not None,
    "regexReplaceAll": _regex_replace,
    "replaceAll": lambda old, new, text: _text(text).replace(_text(old), _text(new)),
    "sha256Hex": lambda text: hashlib.sha256(_text(text).encode()).hexdigest(),
    "split": _split,
    "splitToMap": _split_to_map,
    "toJSON": lambda value: _to_json(value, escapes=True, pretty=False),
    "toJSONPretty": lambda value: _to_json(value, escapes=True, pretty=True),
    "toLower": lambda text: _text(text).lower(),
    "toTitle": _title,
    "toUnescapedJSON": lambda value: _to_json(value, escapes=False, pretty=False),
    "toUnescapedJSONPretty": lambda value: _to_json(value, escapes=False, pretty=True),
    "toUpper": lambda text: _text(text).upper(),
    "trim": lambda characters, text: _text(text).strip(_text(characters)) if _text(characters) else _text(text),
    "trimPrefix": lambda prefix, text: _text(text).removeprefix(_text(prefix)),
    "trimSpace": lambda text: _text(text).strip(),
    "trimSuffix": lambda suffix, text: _text(text).removesuffix(_text(suffix)),
}
"""Those that look at their arguments only."""
