"""
HCL text to bodies, arguments and blocks.

Source: hashicorp/hcl, hclsyntax/parser.go (ParseBody and below).
"""

from collections.abc import Callable
from typing import TypeVar

from dispatchfile.jobspec.hcl.cursor import Cursor
from dispatchfile.jobspec.hcl.expressions import ExpressionParser
from dispatchfile.jobspec.hcl.literals import quoted_text
from dispatchfile.jobspec.hcl.source import HclError, Source
from dispatchfile.jobspec.hcl.syntax import AttributeNode, BlockNode, BodyNode, Expression
from dispatchfile.jobspec.hcl.tokens import T, Token, scan, token_problems

_Parsed = TypeVar("_Parsed")
_REQUIRED = "Argument or block definition required; An argument or block definition is required here."
_EQUALS = ' To set an argument, use the equals sign "=" to introduce the argument value.'
_UNCLOSED = (
    "Unclosed configuration block; There is no closing brace for this block before the end of the file. "
    "This may be caused by incorrect brace nesting elsewhere in this file."
)
_SINGLE = "Invalid single-argument block definition; "


def parse_file(source: Source) -> BodyNode:
    """Return what a file says. Raises HclError for text that is not HCL."""
    return _guarded(source, lambda parser: parser.body(T.END))


def parse_expression(source: Source) -> Expression:
    """Return the expression that a text is. Raises HclError."""
    return _guarded(source, lambda parser: parser.bare_expression())


def _guarded(source: Source, parse: Callable[["_BodyParser"], _Parsed]) -> _Parsed:
    tokens = scan(source)
    problems = list(token_problems(tokens, source))
    try:
        parsed = parse(_BodyParser(Cursor(tokens, source)))
    except HclError as exc:
        raise HclError(problems or exc.problems) from None
    if problems:
        raise HclError(problems)
    return parsed


class _BodyParser:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._expressions = ExpressionParser(cursor)

    def bare_expression(self) -> Expression:
        with self._cursor.newlines(wanted=False):
            expression = self._expressions.parse()
            extra = self._cursor.peek()
            if extra.type is not T.END:
                raise self._cursor.failure(
                    "Extra characters after expression; An expression was successfully parsed, "
                    "but extra characters were found after it.",
                    extra.start,
                )
        return expression

    def body(self, end: T, opening: int = 0) -> BodyNode:
        attributes: dict[str, AttributeNode] = {}
        blocks: list[BlockNode] = []
        while True:
            token = self._cursor.peek()
            if _ends(token, end):
                self._cursor.read()
                return BodyNode(attributes, tuple(blocks))
            if token.type is T.NEWLINE:
                self._cursor.read()
            elif token.type is T.IDENTIFIER:
                self._item(attributes, blocks)
            else:
                self._refuse_item(token, opening)

    def _refuse_item(self, token: Token, opening: int) -> None:
        if token.type is T.OPEN_QUOTE:
            raise self._cursor.failure("Invalid argument name; Argument names must not be quoted.", token.start)
        if token.type is T.END:
            raise self._cursor.failure(_UNCLOSED, opening)
        raise self._cursor.failure(_REQUIRED, token.start)

    def _item(self, attributes: dict[str, AttributeNode], blocks: list[BlockNode]) -> None:
        name = self._cursor.read()
        token = self._cursor.peek()
        if token.is_symbol("="):
            attribute = self._attribute(name)
            if name.text in attributes:
                raise self._cursor.failure(
                    f'Attribute redefined; The argument "{name.text}" was already set. '
                    "Each argument may be set only once.",
                    name.start,
                )
            attributes[name.text] = attribute
            self._end_line(name)
        elif token.type in (T.OPEN_QUOTE, T.IDENTIFIER) or token.is_symbol("{"):
            blocks.append(self._block(name))
        else:
            raise self._cursor.failure(_REQUIRED + _EQUALS, name.start)

    def _attribute(self, name: Token) -> AttributeNode:
        self._cursor.read()
        return AttributeNode(name.text, name.start, self._expressions.parse())

    def _end_line(self, name: Token) -> None:
        end = self._cursor.peek()
        if end.type in (T.NEWLINE, T.END):
            self._cursor.read()
            return
        if end.is_symbol(","):
            raise self._cursor.failure(
                "Unexpected comma after argument; Argument definitions must be separated by newlines, not commas. "
                "An argument definition must end with a newline.",
                end.start,
            )
        raise self._cursor.failure(
            "Missing newline after argument; An argument definition must end with a newline.", end.start
        )

    def _block(self, name: Token) -> BlockNode:
        labels: list[str] = []
        starts: list[int] = []
        while not self._cursor.peek().is_symbol("{"):
            label = self._cursor.peek()
            starts.append(label.start)
            labels.append(self._label(label))
        opening = self._cursor.read()
        body = self._block_body(opening)
        self._end_block()
        return BlockNode(name.text, tuple(labels), tuple(starts), name.start, opening.start, body)

    def _label(self, token: Token) -> str:
        if token.type is T.IDENTIFIER:
            return self._cursor.read().text
        if token.type is T.OPEN_QUOTE:
            return self._quoted_label()
        if token.is_symbol("="):
            raise self._cursor.failure(
                'Invalid block definition; The equals sign "=" indicates an argument definition, '
                "and must not be used when defining a block.",
                token.start,
            )
        if token.type is T.NEWLINE:
            raise self._cursor.failure(
                'Invalid block definition; A block definition must have block content delimited by "{" and "}", '
                "starting on the same line as the block header.",
                token.start,
            )
        raise self._cursor.failure(
            'Invalid block definition; Either a quoted string block label or an opening brace ("{") is expected here.',
            token.start,
        )

    def _quoted_label(self) -> str:
        self._cursor.read()
        label = ""
        while (token := self._cursor.read()).type is not T.CLOSE_QUOTE:
            if token.type is T.QUOTED_TEXT:
                label += quoted_text(token, self._cursor)
            elif token.type in (T.INTERPOLATION, T.DIRECTIVE):
                mark = token.text[0]
                raise self._cursor.failure(
                    "Invalid string literal; Template sequences are not allowed in this string. "
                    f'To include a literal "{mark}", double it (as "{mark}{mark}") to escape it.',
                    token.start,
                )
            else:
                raise self._cursor.failure(
                    "Unterminated string literal; Unable to find the closing quote mark before the end of the file.",
                    token.start,
                )
        return label

    def _block_body(self, opening: Token) -> BodyNode:
        token = self._cursor.peek()
        if token.type in (T.NEWLINE, T.END) or token.is_symbol("}"):
            return self.body(T.SYMBOL, opening.start)
        name = self._cursor.read()
        if name.type is not T.IDENTIFIER:
            raise self._cursor.failure(_REQUIRED, name.start)
        self._check_single(name, self._cursor.peek())
        attribute = self._attribute(name)
        self._close_single(opening)
        return BodyNode({name.text: attribute}, ())

    def _check_single(self, name: Token, token: Token) -> None:
        if token.type in (T.OPEN_QUOTE, T.IDENTIFIER) or token.is_symbol("{"):
            raise self._cursor.failure(
                "Argument definition required; A single-line block definition can contain only a single argument. "
                f'If you meant to define argument "{name.text}", use an equals sign to assign it a value. '
                "To define a nested block, place it on a line of its own within its parent block.",
                name.start,
            )
        if not token.is_symbol("="):
            raise self._cursor.failure(_REQUIRED + _EQUALS, name.start)

    def _close_single(self, opening: Token) -> None:
        token = self._cursor.read()
        if token.is_symbol("}"):
            return
        if token.type is T.END:
            raise self._cursor.failure(_UNCLOSED, opening.start)
        reason = "A single-line block definition must end with a closing brace immediately after its single argument."
        if token.is_symbol(","):
            reason = (
                "Single-line block syntax can include only one argument definition. To define multiple arguments, "
                "use the multi-line block syntax with one argument definition per line."
            )
        elif token.type is T.NEWLINE:
            reason = (
                "An argument definition on the same line as its containing block creates a single-line block "
                "definition, which must also be closed on the same line."
            )
        raise self._cursor.failure(_SINGLE + reason, token.start)

    def _end_block(self) -> None:
        end = self._cursor.peek()
        if end.type not in (T.NEWLINE, T.END):
            raise self._cursor.failure(
                "Missing newline after block definition; A block definition must end with a newline.", end.start
            )
        self._cursor.read()


def _ends(token: Token, end: T) -> bool:
    return token.type is T.END if end is T.END else token.is_symbol("}")
