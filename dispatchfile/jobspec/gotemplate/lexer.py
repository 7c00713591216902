"""A template's text as tokens. Source: the Go standard library, text/template/parse/lex.go."""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final

from dispatchfile.jobspec.gotemplate.failures import TemplateSyntaxError

_SPACES: Final = " \t\r\n"
_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<raw>`[^`]*`)
  | (?P<char>'(?:\\.[0-9a-fA-F]*|[^'\\\n])')
  | (?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?))
  | (?P<field>\.[^\W\d]\w*)
  | (?P<variable>\$\w*)
  | (?P<word>[^\W\d]\w*)
  | (?P<mark>:=|=|\||\(|\)|,|\.)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class TemplateToken:
    """kind: "text", a group of the pattern above, "open" or "close" of an action."""

    kind: str
    text: str
    line: int


def tokens_of(text: str, left: str, right: str) -> Iterator[TemplateToken]:
    """Yield the tokens of a template with these delimiters. Raises TemplateSyntaxError."""
    position = 0
    trims_next = False
    while True:
        start = text.find(left, position)
        literal = text[position:] if start < 0 else text[position:start]
        line = text.count("\n", 0, position) + 1
        if trims_next:
            literal = literal.lstrip(_SPACES)
        if start < 0:
            if literal:
                yield TemplateToken("text", literal, line)
            return
        inside = start + len(left)
        trims_before = text[inside : inside + 1] == "-" and text[inside + 1 : inside + 2] in tuple(_SPACES)
        if trims_before:
            literal = literal.rstrip(_SPACES)
            inside += 2
        if literal:
            yield TemplateToken("text", literal, line)
        comment_end = _comment_end(text, inside)
        if comment_end:
            position, trims_next = _closed(text, comment_end, right, what="comment")
            continue
        yield TemplateToken("open", left, text.count("\n", 0, start) + 1)
        position, trims_next = yield from _action(text, inside, right)


def _comment_end(text: str, inside: int) -> int:
    if not text.startswith("/*", inside):
        return 0
    end = text.find("*/", inside)
    if end < 0:
        raise TemplateSyntaxError("unclosed comment", text.count("\n", 0, inside) + 1)
    return end + 2


def _closed(text: str, position: int, right: str, *, what: str) -> tuple[int, bool]:
    """Return where the action that ends here is closed, and whether the text behind it is trimmed."""
    trim = re.compile(r"[ \t\r\n]-").match(text, position)
    if trim and text.startswith(right, trim.end()):
        return trim.end() + len(right), True
    if text.startswith(right, position):
        return position + len(right), False
    raise TemplateSyntaxError(f"{what} ends before closing delimiter", text.count("\n", 0, position) + 1)


def _action(text: str, position: int, right: str) -> Generator[TemplateToken, None, tuple[int, bool]]:
    """Yield the tokens of one action; returns where it is closed, and whether the text behind it is trimmed."""
    depth = 0
    trim = re.compile(r"[ \t\r\n]-" + re.escape(right))
    while position < len(text):
        line = text.count("\n", 0, position) + 1
        if depth == 0 and trim.match(text, position):
            yield TemplateToken("close", right, line)
            return position + 2 + len(right), True
        if depth == 0 and text.startswith(right, position):
            yield TemplateToken("close", right, line)
            return position + len(right), False
        found = _TOKEN.match(text, position)
        if found is None:
            raise TemplateSyntaxError(_unexpected(text, position), line)
        kind = str(found.lastgroup)
        depth += {"(": 1, ")": -1}.get(found[0], 0) if kind == "mark" else 0
        if depth < 0:
            raise TemplateSyntaxError("unexpected right paren", line)
        yield TemplateToken(kind, found[0], line)
        position = found.end()
    raise TemplateSyntaxError("unclosed left paren" if depth else "unclosed action", text.count("\n") + 1)


def _unexpected(text: str, position: int) -> str:
    character = text[position]
    if character == '"':
        return "unterminated quoted string"
    if character == "`":
        return "unterminated raw quoted string"
    return f"unexpected {character!r} in an action"
