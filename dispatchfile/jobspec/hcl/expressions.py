"""
Tokens to expressions.

Source: hashicorp/hcl, hclsyntax/parser.go (ParseExpression and below) and expression_ops.go.
"""

from collections.abc import Sequence
from typing import Final

from dispatchfile.jobspec.hcl.brackets import BracketParser
from dispatchfile.jobspec.hcl.cursor import Cursor
from dispatchfile.jobspec.hcl.numbers import NumberError, parse_number
from dispatchfile.jobspec.hcl.syntax import (
    Attribute,
    Binary,
    Conditional,
    Expression,
    FunctionCall,
    Index,
    Literal,
    Lookup,
    Parentheses,
    Reference,
    Splat,
    SplatElement,
    Step,
    TemplateExpression,
    Traversal,
    Unary,
)
from dispatchfile.jobspec.hcl.templates import TemplateParser, template_of
from dispatchfile.jobspec.hcl.tokens import T, Token
from dispatchfile.jobspec.hcl.types import FALSE, NULL, TRUE, Value, number_value

_OPERATORS: Final = (
    ("||",),
    ("&&",),
    ("==", "!="),
    (">", ">=", "<", "<="),
    ("+", "-"),
    ("*", "/", "%"),
)
_OPENERS: Final = frozenset("-!([{")
_WORDS: Final = {"true": TRUE, "false": FALSE, "null": NULL}


class ExpressionParser:
    """Parses one expression after the other from a cursor."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._templates = TemplateParser(cursor, self)
        self._brackets = BracketParser(cursor, self, self._templates)

    def parse(self) -> Expression:
        condition = self._binary(_OPERATORS)
        if not self._cursor.peek().is_symbol("?"):
            return condition
        self._cursor.read()
        positive = self.parse()
        colon = self._cursor.peek()
        if not colon.is_symbol(":"):
            raise self._cursor.failure(
                "Missing false expression in conditional; The conditional operator (...?...:...) requires a false "
                "expression, delimited by a colon.",
                colon.start,
            )
        self._cursor.read()
        negative = self.parse()
        return Conditional(condition.start, negative.end, condition, positive, negative)

    def _binary(self, levels: Sequence[tuple[str, ...]]) -> Expression:
        if not levels:
            return self._traversed(self._term())
        left = self._binary(levels[1:])
        while (token := self._cursor.peek()).type is T.SYMBOL and token.text in levels[0]:
            self._cursor.read()
            right = self._binary(levels[1:])
            left = Binary(left.start, right.end, token.text, left, right)
        return left

    def _traversed(self, origin: Expression) -> Expression:
        expression = origin
        while True:
            token = self._cursor.peek()
            if token.is_symbol("."):
                expression = self._dot(expression, self._cursor.read())
            elif token.is_symbol("["):
                expression = self._bracket(expression, self._cursor.read())
            else:
                return expression

    def _dot(self, expression: Expression, dot: Token) -> Expression:
        if self._cursor.peek().is_symbol("*"):
            return self._attribute_splat(expression, dot, self._cursor.read())
        step = self._attribute_step(dot)
        return _extended(expression, step)

    def _attribute_step(self, dot: Token) -> Step:
        token = self._cursor.peek()
        if token.type is T.IDENTIFIER:
            self._cursor.read()
            return Attribute(token.text, dot.start, token.end)
        if token.type is T.NUMBER:
            self._cursor.read()
            return Index(self._legacy_index(token), dot.start, token.end)
        raise self._cursor.failure("Invalid attribute name; An attribute name is required after a dot.", token.start)

    def _legacy_index(self, token: Token) -> Value:
        first, dot, second = token.text.partition(".")
        if dot:
            raise self._cursor.failure(
                "Invalid legacy index syntax; When using the legacy index syntax, chaining two indexes together is "
                f"not permitted. Use the proper index syntax instead, like [{first}][{second}].",
                token.start,
            )
        return self._number(token)

    def _attribute_splat(self, origin: Expression, dot: Token, star: Token) -> Expression:
        item = SplatElement(dot.start, star.end)
        each: Expression = item
        while self._cursor.peek().is_symbol("."):
            step = self._splat_step(self._cursor.read())
            each = _extended(each, step)
        return Splat(origin.start, each.end, origin, each, item)

    def _splat_step(self, dot: Token) -> Step:
        token = self._cursor.peek()
        if token.is_symbol("*"):
            raise self._cursor.failure(
                "Nested splat expression not allowed; A splat expression (*) cannot be used inside another "
                "attribute-only splat expression.",
                token.start,
            )
        return self._attribute_step(dot)

    def _bracket(self, expression: Expression, opening: Token) -> Expression:
        if self._cursor.peek().is_symbol("*"):
            return self._full_splat(expression, opening)
        with self._cursor.newlines(wanted=False):
            key = self.parse()
            closing = self._cursor.read()
        if not closing.is_symbol("]"):
            raise self._cursor.failure(
                'Missing close bracket on index; The index operator must end with a closing bracket ("]").',
                closing.start,
            )
        if (literal := _literal_key(key)) is not None:
            return _extended(expression, Index(literal, opening.start, closing.end))
        return Lookup(expression.start, closing.end, expression, key, opening.start)

    def _full_splat(self, origin: Expression, opening: Token) -> Expression:
        self._cursor.read()
        closing = self._cursor.read()
        if not closing.is_symbol("]"):
            raise self._cursor.failure(
                "Missing close bracket on splat index; The star for a full splat operator must be immediately "
                'followed by a closing bracket ("]").',
                closing.start,
            )
        item = SplatElement(opening.start, closing.end)
        each = self._traversed(item)
        return Splat(origin.start, each.end, origin, each, item)

    def _term(self) -> Expression:
        token = self._cursor.peek()
        if token.type is T.NUMBER:
            self._cursor.read()
            return Literal(token.start, token.end, self._number(token))
        if token.type is T.IDENTIFIER:
            return self._word(self._cursor.read())
        if token.type in (T.OPEN_QUOTE, T.OPEN_HEREDOC):
            return self._template(self._cursor.read())
        if token.type is T.SYMBOL and token.text in _OPENERS:
            return self._opened(self._cursor.read())
        if token.type is T.END:
            raise self._cursor.failure(
                "Missing expression; Expected the start of an expression, but found the end of the file.", token.start
            )
        raise self._cursor.failure(
            "Invalid expression; Expected the start of an expression, but found an invalid expression token.",
            token.start,
        )

    def _opened(self, token: Token) -> Expression:
        if token.text in ("-", "!"):
            return self._unary(token)
        if token.text == "(":
            return self._parentheses(token)
        return self._brackets.tuple_of(token) if token.text == "[" else self._brackets.object_of(token)

    def _number(self, token: Token) -> Value:
        try:
            number = parse_number(token.text)
        except NumberError as exc:
            raise self._cursor.failure(str(exc), token.start) from exc
        if number is None:
            raise self._cursor.failure(
                "Invalid number literal; Failed to recognize the value of this number literal.", token.start
            )
        return number_value(number)

    def _word(self, token: Token) -> Expression:
        following = self._cursor.peek()
        if following.is_symbol("(") or following.is_symbol("::"):
            return self._call(token)
        if token.text in _WORDS:
            return Literal(token.start, token.end, _WORDS[token.text])
        return Reference(token.start, token.end, token.text, [])

    def _unary(self, token: Token) -> Expression:
        operand = self._traversed(self._term())
        return Unary(token.start, operand.end, token.text, operand)

    def _parentheses(self, opening: Token) -> Expression:
        with self._cursor.newlines(wanted=False):
            inner = self.parse()
            closing = self._cursor.peek()
            if not closing.is_symbol(")"):
                raise self._cursor.failure(
                    "Unbalanced parentheses; Expected a closing parenthesis to terminate the expression.",
                    closing.start,
                )
            self._cursor.read()
        return Parentheses(opening.start, closing.end, inner)

    def _template(self, opening: Token) -> Expression:
        closing = T.CLOSE_QUOTE if opening.type is T.OPEN_QUOTE else T.CLOSE_HEREDOC
        pieces, end = self._templates.pieces(opening, closing)
        return template_of(pieces, opening.start, end, self._cursor)

    def _call(self, token: Token) -> Expression:
        name = token.text
        opening = self._cursor.read()
        while opening.is_symbol("::"):
            part = self._cursor.read()
            if part.type is not T.IDENTIFIER:
                raise self._cursor.failure(
                    "Missing function name; Function scope resolution symbol :: must be followed by a function name "
                    "in this scope.",
                    part.start,
                )
            name += f"::{part.text}"
            opening = self._cursor.read()
        if not opening.is_symbol("("):
            raise self._cursor.failure(
                "Missing open parenthesis; Function selector must be followed by an open parenthesis to begin the "
                "function call.",
                opening.start,
            )
        with self._cursor.newlines(wanted=False):
            arguments, expands = self._brackets.arguments(token)
        return FunctionCall(token.start, self._cursor.previous_end, name, arguments, expands)


def _extended(expression: Expression, step: Step) -> Expression:
    if isinstance(expression, Reference | Traversal):
        expression.steps.append(step)
        expression.end = step.end
        return expression
    return Traversal(expression.start, step.end, expression, [step])


def _literal_key(key: Expression) -> Value | None:
    if isinstance(key, Literal):
        return key.value
    if isinstance(key, TemplateExpression) and len(key.parts) == 1 and isinstance(key.parts[0], Literal):
        return key.parts[0].value
    return None
