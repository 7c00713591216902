"""
Parses what is in brackets: arguments, tuples, objects and for expressions.

Source: hashicorp/hcl, hclsyntax/parser.go.
"""

from typing import Final

from dispatchfile.jobspec.hcl.cursor import Cursor
from dispatchfile.jobspec.hcl.syntax import Expression, For, Key, ObjectOf, TupleOf
from dispatchfile.jobspec.hcl.templates import NestedParser, TemplateParser
from dispatchfile.jobspec.hcl.tokens import T, Token

_FOR: Final = "Invalid 'for' expression; "


class BracketParser:
    """Parses the contents of brackets from the cursor that it shares with a parser of expressions."""

    def __init__(self, cursor: Cursor, expressions: NestedParser, templates: TemplateParser) -> None:
        self._cursor = cursor
        self._expressions = expressions
        self._templates = templates

    def arguments(self, name: Token) -> tuple[list[Expression], bool]:
        arguments: list[Expression] = []
        while not self._cursor.peek().is_symbol(")"):
            arguments.append(self._expressions.parse())
            separator = self._cursor.read()
            if separator.is_symbol(")"):
                return arguments, False
            if separator.is_symbol("..."):
                self._close_expanded(separator)
                return arguments, True
            if separator.type is T.END:
                raise self._cursor.failure(
                    "Unterminated function call; There is no closing parenthesis for this function call before the "
                    "end of the file. This may be caused by incorrect parenthesis nesting elsewhere in this file.",
                    name.start,
                )
            if not separator.is_symbol(","):
                raise self._cursor.failure(
                    "Missing argument separator; A comma is required to separate each function argument from the next.",
                    separator.start,
                )
        self._cursor.read()
        return arguments, False

    def _close_expanded(self, ellipsis: Token) -> None:
        if not self._cursor.read().is_symbol(")"):
            raise self._cursor.failure(
                "Missing closing parenthesis; An expanded function argument (with ...) must be immediately followed "
                "by closing parentheses.",
                ellipsis.start,
            )

    def tuple_of(self, opening: Token) -> Expression:
        with self._cursor.newlines(wanted=False):
            if self._cursor.peek().is_word("for"):
                return self._for(opening, "]")
            items: list[Expression] = []
            while not self._cursor.peek().is_symbol("]"):
                items.append(self._expressions.parse())
                token = self._cursor.peek()
                if token.is_symbol(","):
                    self._cursor.read()
                elif not token.is_symbol("]"):
                    self._refuse_item("tuple constructor", token, opening)
            closing = self._cursor.read()
        return TupleOf(opening.start, closing.end, items)

    def _refuse_item(self, what: str, token: Token, opening: Token) -> None:
        if token.type is T.END:
            bracket = "bracket" if what.startswith("tuple") else "brace"
            raise self._cursor.failure(
                f"Unterminated {what} expression; There is no corresponding closing {bracket} before the end of the "
                f"file. This may be caused by incorrect {bracket} nesting elsewhere in this file.",
                opening.start,
            )
        if what.startswith("tuple"):
            raise self._cursor.failure(
                "Missing item separator; Expected a comma to mark the beginning of the next item.", token.start
            )
        raise self._cursor.failure(
            "Missing attribute separator; Expected a newline or comma to mark the beginning of the next attribute.",
            token.start,
        )

    def object_of(self, opening: Token) -> Expression:
        with self._cursor.newlines(wanted=False):
            is_for = self._cursor.peek().is_word("for")
        if is_for:
            with self._cursor.newlines(wanted=False):
                return self._for(opening, "}")
        with self._cursor.newlines(wanted=True):
            items: list[tuple[Key, Expression]] = []
            while not (token := self._cursor.peek()).is_symbol("}"):
                if token.type is T.NEWLINE:
                    self._cursor.read()
                    continue
                items.append(self._object_item(opening))
                token = self._cursor.peek()
                if token.type is T.NEWLINE or token.is_symbol(","):
                    self._cursor.read()
                elif not token.is_symbol("}"):
                    self._refuse_item("object constructor", token, opening)
            closing = self._cursor.read()
        return ObjectOf(opening.start, closing.end, items)

    def _object_item(self, opening: Token) -> tuple[Key, Expression]:
        in_parentheses = self._cursor.peek().is_symbol("(")
        name = self._expressions.parse()
        equals = self._cursor.peek()
        if not (equals.is_symbol("=") or equals.is_symbol(":")):
            if equals.type is T.END:
                self._refuse_item("object constructor", equals, opening)
            summary = "value; Expected an attribute value, introduced by" if _ends_item(equals) else None
            if summary:
                raise self._cursor.failure(f'Missing attribute {summary} an equals sign ("=").', equals.start)
            raise self._cursor.failure(
                'Missing key/value separator; Expected an equals sign ("=") to mark the beginning of the attribute '
                "value.",
                equals.start,
            )
        self._cursor.read()
        return Key(name.start, name.end, name, in_parentheses), self._expressions.parse()

    def _for(self, opening: Token, closing: str) -> Expression:
        self._cursor.read()
        names = self._for_names("For expression requires")
        if not self._cursor.read().is_symbol(":"):
            raise self._cursor.failure(
                _FOR + "For expression requires a colon after the collection expression.", self._cursor.previous_end - 1
            )
        key, value = None, self._expressions.parse()
        if self._cursor.peek().is_symbol("=>"):
            self._cursor.read()
            key, value = value, self._expressions.parse()
        groups = self._cursor.peek().is_symbol("...")
        if groups:
            ellipsis = self._cursor.read()
        condition = None
        if self._cursor.peek().is_word("if"):
            self._cursor.read()
            condition = self._expressions.parse()
        end = self._cursor.read()
        if not end.is_symbol(closing):
            raise self._cursor.failure(_FOR + "Extra characters after the end of the 'for' expression.", end.start)
        if closing == "]" and key is not None:
            raise self._cursor.failure(_FOR + "Key expression is not valid when building a tuple.", key.start)
        if closing == "]" and groups:
            raise self._cursor.failure(
                _FOR + "Grouping ellipsis (...) cannot be used when building a tuple.", ellipsis.start
            )
        if closing == "}" and key is None:
            raise self._cursor.failure(_FOR + "Key expression is required when building an object.", value.start)
        return For(opening.start, end.end, *names, key, value, condition, groups)

    def _for_names(self, requires: str) -> tuple[str | None, str, Expression]:
        return self._templates.for_names(_FOR, requires)


def _ends_item(token: Token) -> bool:
    return token.type is T.NEWLINE or token.is_symbol(",")
