"""
HCL text to tokens.

Source: hashicorp/hcl, hclsyntax/scan_tokens.rl and token.go.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Final, NamedTuple

from dispatchfile.jobspec.hcl.source import HclProblem, Source


class T(Enum):
    """The types of tokens."""

    IDENTIFIER = "identifier"
    NUMBER = "number"
    COMMENT = "comment"
    NEWLINE = "newline"
    SYMBOL = "symbol"
    OPEN_QUOTE = "opening quote"
    CLOSE_QUOTE = "closing quote"
    OPEN_HEREDOC = "heredoc"
    CLOSE_HEREDOC = "heredoc marker"
    QUOTED_TEXT = "quoted text"
    HEREDOC_TEXT = "heredoc text"
    QUOTED_NEWLINE = "newline in quotes"
    INTERPOLATION = "${"
    DIRECTIVE = "%{"
    END_SEQUENCE = "end of a template sequence"
    INVALID = "invalid"
    END = "end of file"


class Token(NamedTuple):
    """A token; *text* is as written, *start* and *end* are offsets in the file."""

    type: T
    text: str
    start: int
    end: int

    def is_symbol(self, text: str) -> bool:
        return self.type is T.SYMBOL and self.text == text

    def is_word(self, text: str) -> bool:
        return self.type is T.IDENTIFIER and self.text == text


_MAIN = re.compile(
    r"""
      (?P<space>[ \t]+)
    | (?P<number>\d(?:[\d.]|[eE][+-]?\d)*(?<!\.))
    | (?P<identifier>[^\W\d](?:\w|-)*)
    | (?P<comment>\#[^\n]*\n?|//[^\n]*\n?)
    | (?P<newline>\r?\n)
    | (?P<heredoc><<-?(?P<marker>[^\W\d](?:\w|-)*)\r?\n)
    | (?P<quote>")
    | (?P<open>\{)
    | (?P<close>~?\})
    | (?P<symbol>==|!=|>=|<=|&&|\|\||::|\.\.\.|=>|[][().,*/%+\-=<>!?:&|~^;`'])
    """,
    re.VERBOSE,
)
_ASCII_NUMBER = re.compile(r"[0-9](?:[0-9.]|[eE][+-]?[0-9])*")
_STRING = re.compile(
    r"""
      (?P<sequence>[$%]\{~?)
    | (?P<quote>")
    | (?P<text>\$\$\{~?|%%\{~?|[$%](?!\{)|(?:\\[^\r\n]|[^$%"\\\r\n])+)
    | (?P<newline>[\r\n]+)
    """,
    re.VERBOSE,
)
_HEREDOC = re.compile(
    r"""
      (?P<sequence>[$%]\{~?)
    | (?P<text>\$\$\{~?|%%\{~?|[$%](?!\{)|[^$%\r\n]+|(?=\r?\n))(?P<newline>\r?\n)?
    """,
    re.VERBOSE,
)
_OPERATORS: Final = {
    "&": ' Did you mean boolean AND ("&&")?',
    "|": ' Did you mean boolean OR ("||")?',
    "~": ' Did you mean boolean NOT ("!")?',
    "^": "",
}


class _Heredoc:
    def __init__(self, marker: str) -> None:
        self.marker = marker
        self.at_line_start = True


class _TokenScanner:
    """Scans a text once, with nested modes for templates inside of expressions inside of templates."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._tokens: list[Token] = []
        self._modes: list[Callable[[], None]] = [self._main]
        self._braces = 0
        self._sequences: list[int] = []  # how deep in braces each open template sequence is
        self._heredocs: list[_Heredoc] = []
        self._last_comment_end = text.rfind("*/")
        self._handlers: Mapping[str, Callable[[re.Match[str]], None]] = {
            "space": self._skip,
            "number": self._number,
            "identifier": self._identifier,
            "comment": self._comment,
            "newline": self._newline,
            "heredoc": self._open_heredoc,
            "quote": self._open_quote,
            "open": self._open_brace,
            "close": self._close_brace,
            "symbol": self._symbol,
        }

    def scan(self) -> list[Token]:
        while self._position < len(self._text):
            self._modes[-1]()
        self._emit(T.END, self._position)
        return self._tokens

    def _emit(self, kind: T, end: int) -> None:
        self._tokens.append(Token(kind, self._text[self._position : end], self._position, end))
        self._position = end

    def _main(self) -> None:
        if self._block_comment():
            return
        match = _MAIN.match(self._text, self._position)
        if match is None:
            self._emit(T.INVALID, self._position + 1)
            return
        self._handlers[match.lastgroup or ""](match)

    def _block_comment(self) -> bool:
        if not self._text.startswith("/*", self._position) or self._position >= self._last_comment_end:
            return False
        end = self._text.find("*/", self._position + 2)
        if end < 0:
            return False
        self._emit(T.COMMENT, end + 2)
        return True

    def _skip(self, match: re.Match[str]) -> None:
        self._position = match.end()

    def _number(self, match: re.Match[str]) -> None:
        number = _ASCII_NUMBER.match(match[0])
        if number is None:
            self._emit(T.INVALID, self._position + 1)
            return
        self._emit(T.NUMBER, self._position + len(number[0].rstrip(".")))

    def _identifier(self, match: re.Match[str]) -> None:
        length = len(match[0])
        if not match[0].isascii():
            length = next((n for n, one in enumerate(match[0]) if not _continues(one, first=n == 0)), length)
        if length:
            self._emit(T.IDENTIFIER, self._position + length)
        else:
            self._emit(T.INVALID, self._position + 1)

    def _comment(self, match: re.Match[str]) -> None:
        self._emit(T.COMMENT, match.end())

    def _newline(self, match: re.Match[str]) -> None:
        self._emit(T.NEWLINE, match.end())

    def _symbol(self, match: re.Match[str]) -> None:
        self._emit(T.SYMBOL, match.end())

    def _open_quote(self, match: re.Match[str]) -> None:
        self._emit(T.OPEN_QUOTE, match.end())
        self._modes.append(self._string)

    def _open_heredoc(self, match: re.Match[str]) -> None:
        self._emit(T.OPEN_HEREDOC, match.end())
        self._heredocs.append(_Heredoc(match["marker"]))
        self._modes.append(self._heredoc)

    def _open_brace(self, match: re.Match[str]) -> None:
        self._emit(T.SYMBOL, match.end())
        self._braces += 1

    def _close_brace(self, match: re.Match[str]) -> None:
        ends_sequence = bool(self._sequences) and self._sequences[-1] == self._braces
        self._emit(T.END_SEQUENCE if ends_sequence or match[0] == "~}" else T.SYMBOL, match.end())
        self._braces -= 1
        if ends_sequence:
            self._sequences.pop()
            self._modes.pop()

    def _open_sequence(self, match: re.Match[str]) -> None:
        self._emit(T.INTERPOLATION if match[0].startswith("$") else T.DIRECTIVE, match.end("sequence"))
        self._braces += 1
        self._sequences.append(self._braces)
        if self._heredocs:
            self._heredocs[-1].at_line_start = False
        self._modes.append(self._main)

    def _string(self) -> None:
        match = _STRING.match(self._text, self._position)
        if match is None:
            self._emit(T.INVALID, self._position + 1)
        elif match["sequence"]:
            self._open_sequence(match)
        elif match["quote"]:
            self._emit(T.CLOSE_QUOTE, match.end())
            self._modes.pop()
        else:
            self._emit(T.QUOTED_TEXT if match["text"] else T.QUOTED_NEWLINE, match.end())

    def _heredoc(self) -> None:
        match = _HEREDOC.match(self._text, self._position)
        if match is None:
            self._emit(T.INVALID, len(self._text))
            return
        if match["sequence"]:
            self._open_sequence(match)
            return
        heredoc = self._heredocs[-1]
        if match["newline"] and heredoc.at_line_start and match["text"].strip() == heredoc.marker:
            self._emit(T.CLOSE_HEREDOC, match.start("newline"))
            self._emit(T.NEWLINE, match.end())
            self._heredocs.pop()
            self._modes.pop()
            return
        heredoc.at_line_start = bool(match["newline"])
        self._emit(T.HEREDOC_TEXT, match.end())


def scan(source: Source) -> list[Token]:
    """Return the tokens of a file, the last of them of type END."""
    return _TokenScanner(source.text).scan()


def is_identifier(text: str) -> bool:
    """Return whether *text* is a name that HCL can refer to."""
    return bool(text) and all(_continues(one, first=n == 0) for n, one in enumerate(text))


def _continues(character: str, *, first: bool) -> bool:
    if first:
        return character.isidentifier()
    return character == "-" or f"a{character}".isidentifier()


def token_problems(tokens: list[Token], source: Source) -> Iterator[HclProblem]:
    """Yield a problem for each token that HCL never has, the same kind once."""
    reported: set[str] = set()
    depth = 0
    for token in tokens:
        depth += (token.type in (T.INTERPOLATION, T.DIRECTIVE)) - (token.type is T.END_SEQUENCE)
        message = _token_message(token)
        if message and depth > 0:
            message += _ESCAPE_HINT
        if message and (message not in reported or token.type is T.QUOTED_NEWLINE):
            reported.add(message)
            yield source.problem(message, token.start)


def _token_message(token: Token) -> str | None:
    if token.type is T.SYMBOL and token.text in _OPERATORS:
        return f"Unsupported operator; Bitwise operators are not supported.{_OPERATORS[token.text]}"
    if token.type is T.SYMBOL and token.text in _CHARACTERS:
        return f"Invalid character; {_CHARACTERS[token.text]}"
    if token.type is T.QUOTED_NEWLINE:
        return _MULTI_LINE
    if token.type is not T.INVALID:
        return None
    if token.text in ("\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"):
        return 'Invalid character; "Curly quotes" are not valid here. Replace the character with a "straight quote".'
    return "Invalid character; This character is not used within the language."


_ESCAPE_HINT: Final = ' If this text is for another language, such as a shell, write "$${" instead of "${".'
_CHARACTERS: Final = {
    "`": 'The "`" character is not valid. To create a multi-line string, use the "heredoc" syntax, like "<<EOT".',
    "'": 'Single quotes are not valid. Use double quotes (") to enclose strings.',
    ";": 'The ";" character is not valid. Use newlines to separate arguments and blocks, '
    "and commas to separate items in collection values.",
}
_MULTI_LINE: Final = (
    "Invalid multi-line string; Quoted strings may not be split over multiple lines. To produce a multi-line string, "
    r'either use the \n escape to represent a newline character or use the "heredoc" multi-line template syntax.'
)
