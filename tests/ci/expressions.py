"""Expressions of GitHub Actions, as far as our actions and pages use them. Source: GitHub Docs, "Expressions"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|([0-9]+)|([A-Za-z_][\w.-]*)|(&&|\|\||==|!=|>=|<=|[<>!(),]))")
WHOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
Contexts = Mapping[str, Any]


def expand(text: object, contexts: Contexts) -> str:
    """Return the text with each `${{ … }}` replaced by its value."""
    return WHOLE.sub(lambda found: _as_text(evaluate(found[1], contexts)), _as_text(text))


def is_true(condition: object, contexts: Contexts) -> bool:
    """Return whether a step's `if` lets it run; one that asks for no status wants that nothing failed before."""
    text = str(condition).strip()
    text = text[3:-2] if text.startswith("${{") else text
    value = bool(evaluate(text, contexts))
    asks = re.search(r"\b(always|failure|cancelled|success)\(\)", text)
    return value if asks else value and contexts["job"]["status"] == "success"


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def evaluate(text: str, contexts: Contexts) -> Any:
    """Return the value of one expression."""
    parser = _Parser(text, contexts)
    value = parser.either()
    assert not parser.tokens, f"not understood: {text!r}"
    return value


class _Parser:
    def __init__(self, text: str, contexts: Contexts) -> None:
        self._contexts = contexts
        self.tokens: list[str] = []
        end = 0
        for match in TOKEN.finditer(text):
            assert match.start() == end, f"not understood: {text!r}"
            self.tokens.append(match[0].strip())
            end = match.end()
        assert not text[end:].strip(), f"not understood: {text!r}"

    def _take(self, *wanted: str) -> str:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in wanted else ""

    def either(self) -> Any:
        value = self.both()
        while self._take("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.comparison()
        while self._take("&&"):
            other = self.comparison()
            value = value and other
        return value

    def comparison(self) -> Any:
        value = self.unary()
        while operator := self._take("==", "!=", ">", "<"):
            other = self.unary()
            value = {
                "==": lambda a, b: str(a) == str(b),
                "!=": lambda a, b: str(a) != str(b),
                ">": lambda a, b: int(a) > int(b),
                "<": lambda a, b: int(a) < int(b),
            }[operator](value, other)
        return value

    def unary(self) -> Any:
        if self._take("!"):
            return not self.unary()
        if self._take("("):
            value = self.either()
            assert self._take(")")
            return value
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.isdigit():
            return int(token)
        return self._call(token) if self._take("(") else self._look_up(token)

    def _call(self, name: str) -> bool:
        assert self._take(")"), f"{name} with arguments is not understood"
        status = self._contexts["job"]["status"]
        return {
            "always": True,
            "success": status == "success",
            "failure": status == "failure",
            "cancelled": status == "cancelled",
        }[name]

    def _look_up(self, path: str) -> Any:
        value: Any = self._contexts
        for name in path.split("."):
            value = value.get(name, "") if isinstance(value, Mapping) else ""
        return value
