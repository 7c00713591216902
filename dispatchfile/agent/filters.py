"""
The filter language of Nomad's lists: go-bexpr without its `any` and `all`.

The grammar is that of hashicorp/go-bexpr, grammar/grammar.peg; a syntax error names the farthest place that was
reached and everything that would have been right there, as its generated parser does. Filters see the whole
stored object, not the list's row.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from dispatchfile.agent.golang import GoError, parse_bool, parse_int, quote

Matcher = Callable[[Mapping[str, object]], bool]
"""Says whether an object passes; raises FilterError where the object has no such field or another type."""

_T = TypeVar("_T")

Operator = Literal["==", "in", "matches", "empty", "nil"]

_MAPS: Final = frozenset({"ClassEligibility", "Env", "FailedTGAllocs", "Meta", "QueuedAllocations", "TaskStates"})
_LISTS: Final = frozenset({"Constraints", "Datacenters", "MetaOptional", "MetaRequired", "Payload", "TaskGroups"})
_UNSIGNED: Final = ("Index", "Version")

_BLANK: Final = re.compile(r"[ \t\r\n]+")
_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_/]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?=[ \t\r\n)]|$)")
_POINTER: Final = re.compile(r'"((?:/[\w\-.~:|]+)*)"')
_PART: Final = re.compile(r"\.([a-zA-Z][a-zA-Z0-9_/]*|[0-9]+)")
_STRING: Final = re.compile(r'`([^`]*)`|"([^"]*)"')
_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))|\\|\n"
)
_PERL_ONLY: Final = re.compile(r"\((\?(?:=|!|<=|<!|>|P=|#|\())")
_BACKREFERENCE: Final = re.compile(r"\\[1-9]")


class FilterError(ValueError):
    """A filter that Nomad refuses; the message is Nomad's, as it stands in the body of the 400."""


def compile_filter(text: str) -> Matcher:
    """
    Read a filter once, to be asked of many objects.

    An empty text lets everything pass. Raises FilterError for a syntax error; what only shows at an object
    (an unknown field, a value of another type, a bad regular expression) is raised by the matcher.
    """
    if not text:
        return lambda _: True
    try:
        return _Parser(text).parse()
    except _SyntaxError as exc:
        reason = str(exc)
        cause: Exception = exc
    except RecursionError as exc:
        reason, cause = "nested too deeply", exc
    message = f"failed to create result paginator: failed to read filter expression: {reason}"
    raise FilterError(message) from cause


class _SyntaxError(Exception):
    """Cannot be read at all."""


class _Mismatch(Exception):
    """An alternative of the grammar does not match; the next one is tried."""


@dataclass(frozen=True, slots=True)
class _Value:
    raw: str


class _Parser:
    """A recursive descent over the grammar, with the farthest failure kept for the error message."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._farthest = 0
        self._expected: set[str] = set()
        self._complaint: tuple[int, str] | None = None

    def parse(self) -> Matcher:
        try:
            self._optional_blank()
            matcher = self._or()
            self._optional_blank()
            if self._place < len(self._text):
                raise self._fail("EOF")
        except _Mismatch as exc:
            raise _SyntaxError(self._error()) from exc
        return matcher

    def _error(self) -> str:
        place, message = self._complaint or (self._farthest, self._no_match())
        line = self._text.count("\n", 0, place) + 1
        column = place - (self._text.rfind("\n", 0, place) + 1) + 1
        return f"{line}:{column} ({len(self._text[:place].encode())}): {message}"

    def _no_match(self) -> str:
        expected = [*sorted(self._expected - {"EOF"}), *({"EOF"} & self._expected)]
        listed = " or ".join(filter(None, [", ".join(expected[:-1]), expected[-1]]))
        return f"no match found, expected: {listed}"

    def _fail(self, *expected: str) -> _Mismatch:
        if self._place > self._farthest:
            self._farthest, self._expected = self._place, set()
        if self._place == self._farthest:
            self._expected.update(expected)
        return _Mismatch()

    def _complain(self, message: str, place: int) -> None:
        if self._complaint is None:
            self._complaint = (place, message)

    # the small pieces

    def _optional_blank(self) -> None:
        if found := _BLANK.match(self._text, self._place):
            self._place = found.end()
        self._fail("[ \\t\\r\\n]")

    def _blank(self) -> None:
        found = _BLANK.match(self._text, self._place)
        if found is None:
            raise self._fail("[ \\t\\r\\n]")
        self._place = found.end()
        self._fail("[ \\t\\r\\n]")

    def _literal(self, literal: str) -> None:
        if not self._text.startswith(literal, self._place):
            raise self._fail(quote(literal))
        self._place += len(literal)

    def _words(self, *words: str) -> None:
        for word in words:
            self._blank()
            self._literal(word)

    def _first_of(self, *alternatives: Callable[[], _T]) -> _T:
        start = self._place
        for alternative in alternatives[:-1]:
            try:
                return alternative()
            except _Mismatch:
                self._place = start
        return alternatives[-1]()

    # expressions

    def _or(self) -> Matcher:
        parts = self._joined("or", self._and)
        return parts[0] if len(parts) == 1 else lambda datum: any(part(datum) for part in parts)

    def _and(self) -> Matcher:
        parts = self._joined("and", self._not)
        return parts[0] if len(parts) == 1 else lambda datum: all(part(datum) for part in parts)

    def _joined(self, word: str, operand: Callable[[], Matcher]) -> list[Matcher]:
        parts = [operand()]
        while True:
            after = self._place
            try:
                self._words(word)
                self._blank()
                parts.append(operand())
            except _Mismatch:
                self._place = after
                return parts

    def _not(self) -> Matcher:
        start = self._place
        try:
            self._literal("not")
            self._blank()
            inner = self._not()
        except _Mismatch:
            self._place = start
            return self._parenthesized()
        return lambda datum: not inner(datum)

    def _parenthesized(self) -> Matcher:
        start = self._place
        try:
            self._literal("(")
        except _Mismatch:
            self._fail('"all"', '"any"')
            return self._match()
        self._optional_blank()
        inner = self._or()
        self._optional_blank()
        try:
            self._literal(")")
        except _Mismatch:
            self._complain('rule "grouping": Unmatched parentheses', self._place)
            self._place = start
            raise
        return inner

    def _match(self) -> Matcher:
        return self._first_of(self._selector_value, self._selector_state, self._value_in_selector)

    def _selector_value(self) -> Matcher:
        path = self._selector()
        operator, negated = self._first_of(
            lambda: self._comparison("==", negated=False),
            lambda: self._comparison("!=", negated=True),
            lambda: self._worded("in", ("contains",), negated=False),
            lambda: self._worded("in", ("not", "contains"), negated=True),
            lambda: self._worded("matches", ("matches",), negated=False),
            lambda: self._worded("matches", ("not", "matches"), negated=True),
        )
        return _matcher(path, operator, negated=negated, value=self._value())

    def _comparison(self, sign: str, *, negated: bool) -> tuple[Operator, bool]:
        self._optional_blank()
        self._literal(sign)
        self._optional_blank()
        return "==", negated

    def _worded(self, operator: Operator, words: tuple[str, ...], *, negated: bool) -> tuple[Operator, bool]:
        self._words(*words)
        self._blank()
        return operator, negated

    def _selector_state(self) -> Matcher:
        path = self._selector()
        operator, negated = self._first_of(
            lambda: self._state("empty", negated=False),
            lambda: self._state("empty", negated=True),
            lambda: self._state("nil", negated=False),
            lambda: self._state("nil", negated=True),
        )
        return _matcher(path, operator, negated=negated, value=_Value(""))

    def _state(self, state: Literal["empty", "nil"], *, negated: bool) -> tuple[Operator, bool]:
        self._words("is", *(("not",) if negated else ()), state)
        return state, negated

    def _value_in_selector(self) -> Matcher:
        start = self._place
        value = self._value()
        operator, negated = self._first_of(
            lambda: self._worded("in", ("in",), negated=False),
            lambda: self._worded("in", ("not", "in"), negated=True),
        )
        try:
            path = self._selector()
        except _Mismatch:
            self._complain('rule "match": Invalid selector', self._place)
            self._place = start
            raise
        return _matcher(path, operator, negated=negated, value=value)

    # selectors and values

    def _selector(self) -> tuple[str, ...]:
        if pointer := _POINTER.match(self._text, self._place):
            self._place = pointer.end()
            return tuple(pointer[1].split("/")[1:])
        path = [self._name()]
        while part := self._part():
            path.append(part)
        return tuple(path)

    def _name(self) -> str:
        found = _NAME.match(self._text, self._place)
        if found is None:
            raise self._fail('"\\""', "[a-zA-Z]")
        self._place = found.end()
        self._fail("[a-zA-Z0-9_/]")
        return found[0]

    def _part(self) -> str:
        self._fail('"."', '"["')
        if found := _PART.match(self._text, self._place):
            self._place = found.end()
            self._fail("[a-zA-Z0-9_/]")
            return found[1]
        if not self._text.startswith("[", self._place):
            return ""
        return self._index()

    def _index(self) -> str:
        start = self._place
        self._literal("[")
        self._optional_blank()
        try:
            part = self._string()
        except _Mismatch:
            self._complain('rule "index": Invalid index', start)
            raise
        self._optional_blank()
        try:
            self._literal("]")
        except _Mismatch:
            self._complain('rule "index": Unclosed index expression', start)
            raise
        return part

    def _value(self) -> _Value:
        return self._first_of(self._bare_value, self._number, lambda: _Value(self._string()))

    def _bare_value(self) -> _Value:
        """A value may be written like a selector; a quoted one with a leading slash thereby loses it."""
        pointer = _POINTER.match(self._text, self._place)
        return _Value(("/" if pointer else ".").join(self._selector()))

    def _number(self) -> _Value:
        found = _NUMBER.match(self._text, self._place)
        if found is None:
            raise self._fail('"-"', '"0"', "[1-9]")
        self._place = found.end()
        return _Value(found[0])

    def _string(self) -> str:
        start = self._place
        found = _STRING.match(self._text, start)
        if found is None:
            if self._text[start : start + 1] in ('"', "`") and start < len(self._text):
                self._complain('rule "string": Unterminated string literal', len(self._text))
            raise self._fail('"\\""', '"`"')
        self._place = found.end()
        if found[1] is not None:
            return found[1].replace("\r", "")
        return _ESCAPE.sub(lambda escape: self._unescaped(escape, start), found[2])

    def _unescaped(self, escape: re.Match[str], start: int) -> str:
        simple, two, four, eight, octal = escape.groups()
        if simple:
            return _ESCAPES[simple]
        code = int(octal, 8) if octal else int(two or four or eight or "-1", 16)
        if not 0 <= code < 0x110000:
            self._complain('rule "string": invalid syntax', start)
            raise self._fail()
        return chr(code)


def _matcher(path: tuple[str, ...], operator: Operator, *, negated: bool, value: _Value) -> Matcher:
    test = _TESTS[operator]
    absent = not negated if operator in {"empty", "nil"} else negated

    def matches(datum: Mapping[str, object]) -> bool:
        present, found = _find(datum, path)
        if not present:
            return absent
        try:
            return test(found, value.raw, path) != negated
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
