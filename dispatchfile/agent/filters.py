"""
The filter language of Nomad's lists: go-bexpr without its `any` and `all`.

The grammar is that of hashicorp/go-bexpr, grammar/grammar.peg; a syntax error names the farthest place that was
reached and everything that would have been right there, as its generated parser does. Filters see the whole
stored object, not the list's row.
"""

import re
from collections.abc import Callable
from typing import Final, Literal, TypeVar

from dispatchfile.agent.filter_matching import FilterError, Matcher, Operator, make_matcher
from dispatchfile.agent.filter_scanner import FilterScanner, Mismatch

_T = TypeVar("_T")


_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_/]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?=[ \t\r\n)]|$)")
_POINTER: Final = re.compile(r'"((?:/[\w\-.~:|]+)*)"')
_PART: Final = re.compile(r"\.([a-zA-Z][a-zA-Z0-9_/]*|[0-9]+)")
_STRING: Final = re.compile(r'`([^`]*)`|"([^"]*)"')
_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))|\\|\n"
)


def compile_filter(text: str) -> Matcher:
    """
    Read a filter once, to be asked of many objects.

    An empty text lets everything pass. Raises FilterError for a syntax error; what only shows at an object
    (an unknown field, a value of another type, a bad regular expression) is raised by the matcher.
    """
    if not text:
        return lambda _: True
    try:
        return _FilterParser(text).parse()
    except _SyntaxError as exc:
        reason = str(exc)
        cause: Exception = exc
    except RecursionError as exc:
        reason, cause = "nested too deeply", exc
    message = f"failed to create result paginator: failed to read filter expression: {reason}"
    raise FilterError(message) from cause


class _SyntaxError(Exception):
    """Cannot be read at all."""


class _FilterParser:
    """A recursive descent over the grammar."""

    def __init__(self, text: str) -> None:
        self._at = FilterScanner(text)

    def parse(self) -> Matcher:
        try:
            self._at.optional_blank()
            matcher = self._or()
            self._at.optional_blank()
            if self._at.place < len(self._at.text):
                raise self._at.fail("EOF")
        except Mismatch as exc:
            raise _SyntaxError(self._at.error()) from exc
        return matcher

    def _first_of(self, *alternatives: Callable[[], _T]) -> _T:
        start = self._at.place
        for alternative in alternatives[:-1]:
            try:
                return alternative()
            except Mismatch:
                self._at.place = start
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
            after = self._at.place
            try:
                self._at.words(word)
                self._at.blank()
                parts.append(operand())
            except Mismatch:
                self._at.place = after
                return parts

    def _not(self) -> Matcher:
        start = self._at.place
        try:
            self._at.literal("not")
            self._at.blank()
            inner = self._not()
        except Mismatch:
            self._at.place = start
            return self._parenthesized()
        return lambda datum: not inner(datum)

    def _parenthesized(self) -> Matcher:
        start = self._at.place
        try:
            self._at.literal("(")
        except Mismatch:
            self._at.fail('"all"', '"any"')
            return self._match()
        self._at.optional_blank()
        inner = self._or()
        self._at.optional_blank()
        try:
            self._at.literal(")")
        except Mismatch:
            self._at.complain('rule "grouping": Unmatched parentheses', self._at.place)
            self._at.place = start
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
        return make_matcher(path, operator, negated=negated, value=self._value())

    def _comparison(self, sign: str, *, negated: bool) -> tuple[Operator, bool]:
        self._at.optional_blank()
        self._at.literal(sign)
        self._at.optional_blank()
        return "==", negated

    def _worded(self, operator: Operator, words: tuple[str, ...], *, negated: bool) -> tuple[Operator, bool]:
        self._at.words(*words)
        self._at.blank()
        return operator, negated

    def _selector_state(self) -> Matcher:
        path = self._selector()
        operator, negated = self._first_of(
            lambda: self._state("empty", negated=False),
            lambda: self._state("empty", negated=True),
            lambda: self._state("nil", negated=False),
            lambda: self._state("nil", negated=True),
        )
        return make_matcher(path, operator, negated=negated, value="")

    def _state(self, state: Literal["empty", "nil"], *, negated: bool) -> tuple[Operator, bool]:
        self._at.words("is", *(("not",) if negated else ()), state)
        return state, negated

    def _value_in_selector(self) -> Matcher:
        start = self._at.place
        value = self._value()
        operator, negated = self._first_of(
            lambda: self._worded("in", ("in",), negated=False),
            lambda: self._worded("in", ("not", "in"), negated=True),
        )
        try:
            path = self._selector()
        except Mismatch:
            self._at.complain('rule "match": Invalid selector', self._at.place)
            self._at.place = start
            raise
        return make_matcher(path, operator, negated=negated, value=value)

    # selectors and values

    def _selector(self) -> tuple[str, ...]:
        if pointer := _POINTER.match(self._at.text, self._at.place):
            self._at.place = pointer.end()
            return tuple(pointer[1].split("/")[1:])
        path = [self._name()]
        while part := self._part():
            path.append(part)
        return tuple(path)

    def _name(self) -> str:
        found = _NAME.match(self._at.text, self._at.place)
        if found is None:
            raise self._at.fail('"\\""', "[a-zA-Z]")
        self._at.place = found.end()
        self._at.fail("[a-zA-Z0-9_/]")
        return found[0]

    def _part(self) -> str:
        self._at.fail('"."', '"["')
        if found := _PART.match(self._at.text, self._at.place):
            self._at.place = found.end()
            self._at.fail("[a-zA-Z0-9_/]")
            return found[1]
        if not self._at.text.startswith("[", self._at.place):
            return ""
        return self._index()

    def _index(self) -> str:
        start = self._at.place
        self._at.literal("[")
        self._at.optional_blank()
        try:
            part = self._string()
        except Mismatch:
            self._at.complain('rule "index": Invalid index', start)
            raise
        self._at.optional_blank()
        try:
            self._at.literal("]")
        except Mismatch:
            self._at.complain('rule "index": Unclosed index expression', start)
            raise
        return part

    def _value(self) -> str:
        return self._first_of(self._bare_value, self._number, self._string)

    def _bare_value(self) -> str:
        """A value may be written like a selector; a quoted one with a leading slash thereby loses it."""
        pointer = _POINTER.match(self._at.text, self._at.place)
        return ("/" if pointer else ".").join(self._selector())

    def _number(self) -> str:
        found = _NUMBER.match(self._at.text, self._at.place)
        if found is None:
            raise self._at.fail('"-"', '"0"', "[1-9]")
        self._at.place = found.end()
        return found[0]

    def _string(self) -> str:
        start = self._at.place
        found = _STRING.match(self._at.text, start)
        if found is None:
            if self._at.text[start : start + 1] in ('"', "`") and start < len(self._at.text):
                self._at.complain('rule "string": Unterminated string literal', len(self._at.text))
            raise self._at.fail('"\\""', '"`"')
        self._at.place = found.end()
        if found[1] is not None:
            return found[1].replace("\r", "")
        return _ESCAPE.sub(lambda escape: self._unescaped(escape, start), found[2])

    def _unescaped(self, escape: re.Match[str], start: int) -> str:
        simple, two, four, eight, octal = escape.groups()
        if simple:
            return _ESCAPES[simple]
        code = int(octal, 8) if octal else int(two or four or eight or "-1", 16)
        if not 0 <= code < 0x110000:
            self._at.complain('rule "string": invalid syntax', start)
            raise self._at.fail()
        return chr(code)
