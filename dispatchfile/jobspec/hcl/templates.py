"""
The template language inside of quoted texts and heredocs.

Source: hashicorp/hcl, hclsyntax/parser_template.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from dispatchfile.jobspec.hcl.cursor import Cursor
from dispatchfile.jobspec.hcl.literals import heredoc_text, quoted_text
from dispatchfile.jobspec.hcl.syntax import (
    Conditional,
    Expression,
    For,
    Literal,
    TemplateExpression,
    TemplateLoop,
    Wrapped,
)
from dispatchfile.jobspec.hcl.tokens import T, Token
from dispatchfile.jobspec.hcl.types import string_value
from dispatchfile.jobspec.spelling import suggestion

# what Go's unicode.IsSpace takes for a space
SPACES: Final = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_KEYWORDS: Final = ("if", "for", "else", "endif", "endfor")


@dataclass(slots=True)
class Piece:
    start: int
    end: int


@dataclass(slots=True)
class TextPiece(Piece):
    text: str


@dataclass(slots=True)
class ExpressionPiece(Piece):
    expression: Expression


@dataclass(slots=True)
class IfPiece(Piece):
    condition: Expression


@dataclass(slots=True)
class ForPiece(Piece):
    key_name: str | None
    value_name: str
    collection: Expression


@dataclass(slots=True)
class EndPiece(Piece):
    """``else``, ``endif`` or ``endfor``; without a keyword the end of the template."""

    keyword: str


class NestedParser(Protocol):
    """Parses an expression from the cursor that both share."""

    def parse(self) -> Expression: ...


class TemplateParser:
    """Parses the pieces of templates from a cursor."""

    def __init__(self, cursor: Cursor, expressions: NestedParser) -> None:
        self._cursor = cursor
        self._expressions = expressions

    def pieces(self, opening: Token, closing: T) -> tuple[list[Piece], int]:
        """Return the pieces up to the *closing* token, their spaces trimmed as marked, and the offset of its end."""
        pieces: list[Piece] = []
        trim_next, after_text = False, False
        while (token := self._cursor.read()).type is not closing:
            trim, trim_next = trim_next, False
            if token.type in (T.QUOTED_TEXT, T.HEREDOC_TEXT):
                text = quoted_text(token, self._cursor) if token.type is T.QUOTED_TEXT else heredoc_text(token)
                pieces.append(TextPiece(token.start, token.end, text.lstrip(SPACES) if trim else text))
                after_text = True
                continue
            if token.type not in (T.INTERPOLATION, T.DIRECTIVE):
                raise self._cursor.failure(
                    "Unterminated template string; No closing marker was found for the string.", token.start
                )
            if after_text and token.text.endswith("~"):
                _trim_end(pieces)
            after_text = False
            piece, trim_next = self._sequence(token, opening, closing)
            pieces.append(piece)
        if opening.text.startswith("<<-"):
            _flush(pieces)
        return _melded(pieces) or [TextPiece(opening.end, opening.end, "")], token.end

    def _sequence(self, token: Token, opening: Token, closing: T) -> tuple[Piece, bool]:
        with self._cursor.newlines(wanted=False):
            if token.type is T.INTERPOLATION:
                expression = self._expressions.parse()
                end = self._close_interpolation(opening, closing)
                return ExpressionPiece(token.start, end.end, expression), end.text == "~}"
            piece, keyword = self._directive(token)
            end = self._cursor.read()
            if end.type is not T.END_SEQUENCE:
                raise self._cursor.failure(
                    f"Extra characters in {keyword} marker; Expected a closing brace to end the sequence, but found "
                    "extra characters.",
                    end.start,
                )
            piece.end = end.end
            return piece, end.text == "~}"

    def _close_interpolation(self, opening: Token, closing: T) -> Token:
        end = self._cursor.read()
        if end.type is T.END_SEQUENCE:
            return end
        if end.type is T.END:
            raise self._cursor.failure(
                "Unclosed template interpolation sequence; There is no closing brace for this interpolation sequence "
                "before the end of the file. This might be caused by incorrect nesting inside the given expression.",
                opening.end,
            )
        if end.is_symbol(":"):
            raise self._cursor.failure(
                "Extra characters after interpolation expression; Template interpolation doesn't expect a colon at "
                "this location. Did you intend this to be a literal sequence to be processed as part of another "
                'language? If so, you can escape it by starting with "$${" instead of just "${".',
                end.start,
            )
        if closing is T.CLOSE_QUOTE and end.type in (T.OPEN_QUOTE, T.CLOSE_QUOTE):
            raise self._cursor.failure(
                "Unclosed template interpolation sequence; There is no closing brace for this interpolation sequence "
                "before the end of the quoted template. This might be caused by incorrect nesting inside the given "
                "expression.",
                opening.end,
            )
        raise self._cursor.failure(
            "Extra characters after interpolation expression; Expected a closing brace to end the interpolation "
            "expression, but found extra characters. This can happen when you include interpolation syntax for "
            "another language, such as shell scripting: escape it by starting with "
            '"$${" instead of just "${".',
            end.start,
        )

    def _directive(self, token: Token) -> tuple[Piece, str]:
        keyword = self._cursor.read()
        start = token.start
        if keyword.type is not T.IDENTIFIER:
            raise self._cursor.failure(
                'Invalid template directive; A template directive keyword ("if", "for", etc) is expected at the '
                "beginning of a %{ sequence.",
                keyword.start,
            )
        match keyword.text:
            case "if":
                return IfPiece(start, start, self._expressions.parse()), "if"
            case "for":
                names = self.for_names("Invalid 'for' directive; ", "For directive requires")
                return ForPiece(start, start, *names), "for"
            case "else" | "endif" | "endfor":
                return EndPiece(start, start, keyword.text), keyword.text
        guess = suggestion(keyword.text, _KEYWORDS)
        raise self._cursor.failure(
            f'Invalid template control keyword; "{keyword.text}" is not a valid template control keyword{guess}',
            keyword.start,
        )

    def for_names(self, prefix: str, requires: str) -> tuple[str | None, str, Expression]:
        """Parse what follows ``for``: one or two names, ``in`` and the collection."""
        key, name = None, self._cursor.read()
        if name.type is not T.IDENTIFIER:
            raise self._cursor.failure(f"{prefix}{requires} variable name after 'for'.", name.start)
        if self._cursor.peek().is_symbol(","):
            self._cursor.read()
            key, name = name.text, self._cursor.read()
            if name.type is not T.IDENTIFIER:
                raise self._cursor.failure(f"{prefix}{requires} value variable name after comma.", name.start)
        keyword = self._cursor.read()
        if not keyword.is_word("in"):
            raise self._cursor.failure(f"{prefix}{requires} the 'in' keyword after its names.", keyword.start)
        return key, name.text, self._expressions.parse()


def _trim_end(pieces: Sequence[Piece]) -> None:
    if pieces and isinstance(pieces[-1], TextPiece):
        pieces[-1].text = pieces[-1].text.rstrip(SPACES)


def _flush(pieces: Sequence[Piece]) -> None:
    """Remove the spaces that all lines of a ``<<-`` heredoc begin with; blank lines neither count nor change."""
    at_line_start, fewest = True, None
    indented: list[TextPiece] = []
    for piece in pieces:
        if at_line_start:
            spaces: int | None = 0
            if isinstance(piece, TextPiece):
                rest = piece.text.lstrip(SPACES)
                if not rest and piece.text.endswith("\n"):
                    spaces = None
                else:
                    spaces = len(piece.text) - len(rest)
                    indented.append(piece)
            if spaces is not None:
                fewest = spaces if fewest is None else min(fewest, spaces)
        at_line_start = isinstance(piece, TextPiece) and piece.text.endswith("\n")
    for piece in indented:
        piece.text = piece.text[fewest:]


def _melded(pieces: Sequence[Piece]) -> list[Piece]:
    melded: list[Piece] = []
    for piece in pieces:
        if melded and isinstance(piece, TextPiece) and isinstance(melded[-1], TextPiece):
            melded[-1].text += piece.text
            melded[-1].end = piece.end
        else:
            melded.append(piece)
    return melded


def template_of(pieces: Sequence[Piece], start: int, end: int, cursor: Cursor) -> Expression:
    """Return the expression that the pieces of a template make."""
    if len(pieces) == 1 and isinstance(pieces[0], ExpressionPiece):
        return Wrapped(start, end, pieces[0].expression)
    parts = _Assembly([*pieces, EndPiece(end, end, "")], cursor).whole()
    return TemplateExpression(start, end, parts)


class _Assembly:
    """Puts the parts between directives into the directives."""

    def __init__(self, pieces: Sequence[Piece], cursor: Cursor) -> None:
        self._pieces = pieces
        self._next = 0
        self._cursor = cursor

    def whole(self) -> list[Expression]:
        parts, end = self._parts()
        if end.keyword:
            raise self._cursor.failure(
                f"Unexpected {end.keyword} directive; The control directives within this template are unbalanced.",
                end.start,
            )
        return parts

    def _parts(self) -> tuple[list[Expression], EndPiece]:
        parts: list[Expression] = []
        while True:
            piece = self._pieces[self._next]
            self._next += 1
            match piece:
                case EndPiece():
                    return parts, piece
                case TextPiece():
                    parts.append(Literal(piece.start, piece.end, string_value(piece.text)))
                case ExpressionPiece():
                    parts.append(piece.expression)
                case IfPiece():
                    parts.append(self._if(piece))
                case ForPiece():
                    parts.append(self._for(piece))

    def _if(self, opening: IfPiece) -> Expression:
        positive, end = self._parts()
        negative: list[Expression] = []
        if end.keyword == "else":
            negative, end = self._parts()
        self._expect("endif", end, "if")
        return Conditional(
            opening.start,
            end.end,
            opening.condition,
            _block(positive, opening.end),
            _block(negative, end.start),
        )

    def _for(self, opening: ForPiece) -> Expression:
        content, end = self._parts()
        self._expect("endfor", end, "for")
        rounds = For(
            opening.start,
            end.end,
            opening.key_name,
            opening.value_name,
            opening.collection,
            None,
            _block(content, opening.end),
            None,
            False,
        )
        return TemplateLoop(opening.start, end.end, rounds)

    def _expect(self, keyword: str, end: EndPiece, directive: str) -> None:
        if not end.keyword:
            raise self._cursor.failure(
                f"Unexpected end of template; The {directive} directive is missing its corresponding {keyword} "
                "directive.",
                end.start,
            )
        if end.keyword != keyword:
            raise self._cursor.failure(
                f"Unexpected {end.keyword} directive; Expecting an {keyword} directive for the {directive} before.",
                end.start,
            )


def _block(parts: list[Expression], offset: int) -> TemplateExpression:
    return TemplateExpression(offset, offset, parts or [Literal(offset, offset, string_value(""))])
