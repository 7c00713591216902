"""
Go's standard library for texts: the requests of a Nomad client and the words of its refusals depend on it.

Every message here was observed on Nomad 2.0.5 or is the text of Go's encoding/json, encoding/base64, strconv and time.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Final, Literal

Kind = Literal["string", "int", "bool", "bytes", "map[string]string", "any"]
"""The Go types that request fields have; "any" is kept as it was decoded."""

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_DURATION: Final = re.compile(r"[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_DURATION_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNIT_SECONDS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_EXPECTATION: Final = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Expecting ':' delimiter": "after object key",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\uXXXX escape": "in \\u hexadecimal character escape",
}
_SPACE: Final = " \t\r\n"
_HEX: Final = "u0123456789abcdefABCDEF"
_WORDS: Final = ("true", "false", "null")
_ALPHABET: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_INT64: Final = range(-(2**63), 2**63)


class GoError(ValueError):
    """A text that Go refuses; the message is Go's."""


def parse_bool(text: str) -> bool:
    """Raises GoError with the text of strconv.ParseBool."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise GoError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def parse_int(text: str, function: str = "ParseInt") -> int:
    """Raises GoError with the text of strconv's *function*; unsigned for ParseUint."""
    sign = "" if function == "ParseUint" else "[-+]?"
    if re.fullmatch(sign + r"[0-9]+", text) is None:
        raise GoError(f"strconv.{function}: parsing {quote(text)}: invalid syntax")
    return int(text)


def parse_duration(text: str) -> float:
    """A Go duration such as 5000ms or 1m30s, in seconds; raises GoError."""
    if _DURATION.fullmatch(text) is None:
        raise GoError(f"time: invalid duration {quote(text)}")
    total = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    return -total if text.startswith("-") else total


def quote(text: str) -> str:
    """A text as Go's %q prints it."""
    return json.dumps(text, ensure_ascii=False)


def decode_object(body: bytes, type_name: str, fields: Mapping[str, Kind]) -> dict[str, object]:
    """
    The named fields of the JSON object that *body* starts with; absent ones are left out.

    Keys match without case, unknown keys and whatever follows the object are ignored, and null is an
    empty object. Raises GoError with the text that Go has for what is wrong. *type_name*: the Go
    type, as the message names it ("structs.JobDispatchRequest").
    """
    document = _decode(body)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise GoError(f"json: cannot unmarshal {json_kind(document)} into Go value of type {type_name}")
    names = {name.lower(): name for name in fields}
    short_type = type_name.rpartition(".")[2]
    decoded: dict[str, object] = {}
    for key, value in document.items():
        name = names.get(key.lower())
        if name is not None and value is not None:
            decoded[name] = _field(value, fields[name], f"{short_type}.{name}")
    return decoded


def json_kind(value: object) -> str:
    """Return Go's name for the kind of a decoded JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def decode_base64(text: str) -> bytes:
    """Standard, padded base64, line ends ignored; raises GoError that names the first bad byte."""
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise GoError(f"illegal base64 data at input byte {_corrupt_byte(text)}") from exc


def _decode(body: bytes) -> object:
    if not body:
        raise GoError("Request body is empty")
    text = body.decode("utf-8", "replace")
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        raise GoError("EOF")
    try:
        document, _ = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode(text, start)
    except json.JSONDecodeError as exc:
        raise GoError(_syntax_error(text, exc)) from exc
    except RecursionError as exc:
        raise GoError("exceeded max depth") from exc
    except GoError:
        raise
    except ValueError as exc:  # an integer of more digits than Python reads
        raise GoError("json: cannot unmarshal number") from exc
    return document


def _refuse_constant(name: str) -> object:
    raise GoError(f"invalid character {_character(name[0])} looking for beginning of value")


def _syntax_error(text: str, exc: json.JSONDecodeError) -> str:
    place = exc.pos
    if exc.msg.startswith(("Expecting", "Illegal")):
        place = _skip(text, place, _SPACE + ("," if exc.msg.startswith("Illegal") else ""))
    if exc.msg.startswith("Unterminated string") or place >= len(text):
        return "unexpected EOF"
    if exc.msg == "Expecting ',' delimiter":
        return f"invalid character {_character(text[place])} {_delimiter_place(text[: exc.pos])}"
    if exc.msg == "Expecting value":
        return _literal_error(text, place)
    if exc.msg.startswith("Invalid \\"):
        place = _skip(text, text.rfind("\\", 0, place + 1) + 1, _HEX if "uXXXX" in exc.msg else "")
    return f"invalid character {_character(text[place : place + 1])} {_EXPECTATION.get(exc.msg, 'in JSON')}"


def _skip(text: str, place: int, characters: str) -> int:
    while place < len(text) and text[place] in characters:
        place += 1
    return place


def _literal_error(text: str, place: int) -> str:
    for word in _WORDS:
        if text[place] == word[0]:
            same = next(i for i in range(len(word)) if text[place + i : place + i + 1] != word[i])
            if place + same >= len(text):
                return "unexpected EOF"
            return (
                f"invalid character {_character(text[place + same])} in literal {word} "
                f"(expecting {_character(word[same])})"
            )
    return f"invalid character {_character(text[place])} looking for beginning of value"


def _delimiter_place(before: str) -> str:
    """Return whether the innermost bracket that is open after *before* belongs to an object or an array."""
    open_brackets: list[str] = []
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', before):
        if mark in "[{":
            open_brackets.append(mark)
        elif mark in "]}":
            open_brackets.pop()
    return "after array element" if open_brackets[-1:] == ["["] else "after object key:value pair"


def _character(character: str) -> str:
    """A character as Go names it in a syntax error."""
    if character == "'":
        return "'\\''"
    return f"'{json.dumps(character, ensure_ascii=False)[1:-1]}'" if character != '"' else "'\"'"


def _field(value: object, kind: Kind, path: str) -> object:
    if kind == "any":
        return value
    if kind == "bytes":
        return _bytes(value, path)
    if kind == "map[string]string":
        return _string_map(value, path)
    if kind == "int":
        return _int(value, path)
    wanted = str if kind == "string" else bool
    if not isinstance(value, wanted):
        raise _mismatch(json_kind(value), path, kind)
    return _without_surrogates(value) if isinstance(value, str) else value


def _mismatch(found: str, path: str, kind: str) -> GoError:
    return GoError(f"json: cannot unmarshal {found} into Go struct field {path} of type {kind}")


def _bytes(value: object, path: str) -> bytes:
    if not isinstance(value, str):
        raise _mismatch(json_kind(value), path, "[]uint8")
    return decode_base64(value)


def _string_map(value: object, path: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _mismatch(json_kind(value), path, "map[string]string")
    for item in value.values():
        if item is not None and not isinstance(item, str):
            raise _mismatch(json_kind(item), path, "string")
    return {_without_surrogates(key): _without_surrogates(item or "") for key, item in value.items()}


def _int(value: object, path: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value in _INT64:
        return value
    number = f"number {value}" if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    raise _mismatch(number or json_kind(value), path, "int")


def _without_surrogates(text: str) -> str:
    """Go decodes half a surrogate pair to U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _corrupt_byte(text: str) -> int:
    """Return where Go's decoder stops: at a bad byte, or where the incomplete group of four starts."""
    group: list[int] = []
    for place, character in enumerate(text):
        if character in "\r\n":
            continue
        if character == "=":
            return _corrupt_padding(text, place, len(group))
        if character not in _ALPHABET:
            return place
        group = [] if len(group) == 3 else [*group, place]
    return group[0] if group else len(text)


def _corrupt_padding(text: str, place: int, before: int) -> int:
    """*place*: of the first padding; *before*: characters of its group that precede it."""
    if before < 2:
        return place
    rest = [i for i in range(place + 1, len(text)) if text[i] not in "\r\n"]
    if before == 2 and not rest:
        return len(text)
    if before == 2 and text[rest[0]] != "=":
        return place
    after = rest[1:] if before == 2 else rest
    return after[0] if after else len(text)
