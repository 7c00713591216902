"""Values as Go prints, compares and counts them. Source: the Go standard library, fmt and text/template."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from dispatchfile.jobspec.gotemplate.failures import RenderFailure
from dispatchfile.jobspec.gotemplate.nodes import Value

_VERB: Final = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d+)?)?(?P<verb>.|$)", re.DOTALL
)
_NO_VALUE: Final = "<no value>"
_WIDEST: Final = 10_000


class TextMap(dict[str, Value]):
    """A map that can hold texts only."""


def truth(value: Value) -> bool:
    """Empty values are false: "", 0, nil, empty lists and maps."""
    return bool(value)


def shown(value: Value) -> str:
    """Return a value as ``{{ value }}`` prints it."""
    return _NO_VALUE if value is None else plain(value)


def plain(value: Value) -> str:
    """Return a value as Go's %v prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, list):
        return "[" + " ".join(plain(item) for item in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{plain(value[key])}" for key in sorted(value)) + "]"
    return str(value)


def go_float(number: float) -> str:
    """Return the shortest form of a number, with an exponent below 1e-4 and from 1e6 on."""
    if not math.isfinite(number):
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(number)]
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    text = "".join(map(str, digits))
    power = len(text) - 1 + int(exponent)
    minus = "-" if sign else ""
    if -4 <= power < 6:
        return minus + f"{abs(Decimal(repr(number)).normalize()):f}"
    fraction = f".{text[1:]}" if text[1:] else ""
    return f"{minus}{text[0]}{fraction}e{power:+03d}"


def quoted(text: str) -> str:
    """Return a text as Go's %q prints it."""
    return json.dumps(text, ensure_ascii=False)


def kind_of(value: Value) -> str:
    """Return the name of a value's type in messages."""
    if value is None:
        return "nil"
    names: Mapping[type, str] = {bool: "bool", int: "int", float: "float64", str: "string", list: "list", dict: "map"}
    return "map" if isinstance(value, TextMap) else names.get(type(value), type(value).__name__.lower())


def sprintf(format_text: str, arguments: Sequence[Value]) -> str:
    """Go's fmt.Sprintf for the verbs that templates use."""
    rest = list(arguments)
    used = 0

    def directive(match: re.Match[str]) -> str:
        nonlocal used
        if match["verb"] == "%":
            return "%"
        if not match["verb"]:
            return "%!(NOVERB)"
        width, precision = (_size(match[name], rest) for name in ("width", "precision"))
        if not rest:
            return f"%!{match['verb']}(MISSING)"
        used += 1
        has_precision = "." in match[0]
        return _padded(_formatted(match, rest.pop(0), precision if has_precision else None), match["flags"], width)

    text = _VERB.sub(directive, format_text)
    if rest:
        text += "%!(EXTRA " + ", ".join(_extra(value) for value in rest) + ")"
    return text


def _extra(value: Value) -> str:
    return "<nil>" if value is None else f"{kind_of(value)}={plain(value)}"


def _size(text: str | None, rest: list[Value]) -> int:
    value = rest.pop(0) if text == "*" and rest else text
    size = int(str(value)) if value not in (None, "*") else 0
    if size > _WIDEST:
        raise RenderFailure(f"printf: a width of {size} is too large")
    return size


def _formatted(match: re.Match[str], value: Value, precision: int | None) -> str:
    verb, flags = match["verb"], match["flags"]
    text: str | None = None
    if verb in {"v", "T"}:
        text = plain(value) if verb == "v" else kind_of(value)
    elif isinstance(value, bool):
        text = plain(value) if verb == "t" else None
    elif isinstance(value, str):
        text = _formatted_text(verb, value, precision)
    elif isinstance(value, list):
        text = "[" + " ".join(_formatted(match, item, precision) for item in value) + "]"
    elif isinstance(value, int):
        text = _formatted_int(verb, value, flags)
    elif isinstance(value, float) and verb in "eEfFgG":
        text = _formatted_float(verb, value, precision, flags)
    return _bad_verb(verb, value) if text is None else text


def _bad_verb(verb: str, value: Value) -> str:
    return f"%!{verb}(<nil>)" if value is None else f"%!{verb}({kind_of(value)}={plain(value)})"


def _formatted_text(verb: str, value: str, precision: int | None) -> str:
    cut = value if precision is None else value[:precision]
    if verb == "s":
        return cut
    if verb == "q":
        return quoted(cut)
    if verb in "xX":
        digits = cut.encode(errors="surrogateescape").hex()
        return digits.upper() if verb == "X" else digits
    return _bad_verb(verb, value)


def _formatted_int(verb: str, value: int, flags: str) -> str | None:
    formats = {"d": "d", "b": "b", "o": "o", "x": "x", "X": "X"}
    if verb == "c":
        return chr(value)
    if verb == "q":
        return f"'{chr(value)}'"
    if verb not in formats:
        return None
    sign = "+" if "+" in flags else " " if " " in flags else ""
    return format(value, f"{sign}{formats[verb]}")


def _formatted_float(verb: str, value: float, precision: int | None, flags: str) -> str:
    sign = "+" if "+" in flags else " " if " " in flags else ""
    if verb in "gG" and precision is None:
        text = go_float(value)
        return sign + text if value >= 0 else text
    return format(value, f"{sign}.{6 if precision is None else precision}{verb.replace('F', 'f')}")


def _padded(text: str, flags: str, width: int) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags:
        sign = text[:1] if text[:1] in ("+", "-", " ") else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def equal(first: Value, others: Iterable[Value]) -> bool:
    """Go's eq: equal to any of the others."""
    return any(_is_equal(first, other) for other in others)


def _is_equal(left: Value, right: Value) -> bool:
    if left is None or right is None:
        return left is right
    _check_comparable(left, right)
    return left == right


def ordered(left: Value, right: Value, test: Callable[[int], bool]) -> bool:
    """Go's lt and its like, on numbers and texts."""
    _check_comparable(left, right)
    if isinstance(left, bool | list | dict) or left is None:
        raise RenderFailure(f"invalid type for comparison: {kind_of(left)}")
    return test((left > right) - (left < right))  # type: ignore[operator]


def _check_comparable(left: Value, right: Value) -> None:
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        raise RenderFailure(f"non-comparable types: {kind_of(left)} and {kind_of(right)}")
    if type(left) is not type(right):
        raise RenderFailure(f"incompatible types for comparison: {kind_of(left)} and {kind_of(right)}")


def indexed(value: Value, keys: Sequence[Value]) -> Value:
    """Go's index."""
    for key in keys:
        value = _item(value, key)
    return value


def _item(value: Value, key: Value) -> Value:
    if value is None:
        raise RenderFailure("index of untyped nil")
    if isinstance(value, dict):
        if not isinstance(key, str):
            raise RenderFailure(f"a map's key is a string, not {kind_of(key)}")
        return value.get(key, _zero_of(value))
    if not isinstance(value, list | str):
        raise RenderFailure(f"can't index item of type {kind_of(value)}")
    if isinstance(key, bool) or not isinstance(key, int):
        raise RenderFailure(f"cannot index slice/array with type {kind_of(key)}")
    if not 0 <= key < len(value):
        raise RenderFailure(f"index out of range: {key}")
    return value.encode()[key] if isinstance(value, str) else value[key]


def _zero_of(values: Mapping[object, Value]) -> Value:
    """Maps of texts have "" for a missing key, others nil."""
    return "" if isinstance(values, TextMap) else None


def length(value: Value) -> int:
    """Go's len, in bytes for texts."""
    if isinstance(value, str):
        return len(value.encode(errors="surrogateescape"))
    if isinstance(value, list | dict):
        return len(value)
    raise RenderFailure(f"len of type {kind_of(value)}")


def sliced(value: Value, bounds: Sequence[Value]) -> Value:
    """Go's slice, by bytes for texts."""
    if not isinstance(value, list | str):
        raise RenderFailure(f"can't slice item of type {kind_of(value)}")
    content = value.encode(errors="surrogateescape") if isinstance(value, str) else value
    places = [0, len(content)]
    for number, bound in enumerate(bounds[:2]):
        if isinstance(bound, bool) or not isinstance(bound, int) or not 0 <= bound <= len(content):
            raise RenderFailure(f"index out of range: {plain(bound)}")
        places[number] = bound
    if places[0] > places[1]:
        raise RenderFailure(f"invalid slice index: {places[0]} > {places[1]}")
    part = content[places[0] : places[1]]
    return part.decode(errors="replace") if isinstance(part, bytes) else part
