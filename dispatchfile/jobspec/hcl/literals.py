"""Escapes in quoted texts and heredocs. Source: hashicorp/hcl, hclsyntax/parser.go (ParseStringLiteralToken)."""

import re
import sys
from typing import Final

from dispatchfile.jobspec.hcl.cursor import Cursor
from dispatchfile.jobspec.hcl.tokens import Token

_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_SURROGATES: Final = range(0xD800, 0xE000)
_MARK = re.compile(r"\$\$\{|%%\{")
_ESCAPE = re.compile(r"\\(?:u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<one>.))|\$\$\{|%%\{", re.DOTALL)


def heredoc_text(token: Token) -> str:
    """Return a piece of a heredoc; only doubled template marks are escapes there."""
    return _MARK.sub(lambda mark: mark[0][1:], token.text)


def quoted_text(token: Token, cursor: Cursor) -> str:
    """Return a piece of a quoted text with its escapes resolved. Raises HclError at an escape that HCL lacks."""

    def resolved(match: re.Match[str]) -> str:
        if not match[0].startswith("\\"):
            return match[0][1:]
        return _escaped(match, token.start + match.start(), cursor)

    return _ESCAPE.sub(resolved, token.text)


def _escaped(match: re.Match[str], offset: int, cursor: Cursor) -> str:
    if digits := match["short"] or match["long"]:
        code = int(digits, 16)
        if code in _SURROGATES or code > sys.maxunicode:
            raise cursor.failure(f"Invalid escape sequence; Cannot encode character U+{code:04x} in UTF-8.", offset)
        return chr(code)
    selector = match["one"]
    if selector in _ESCAPES:
        return _ESCAPES[selector]
    if selector in ("u", "U"):
        count = "four" if selector == "u" else "eight"
        raise cursor.failure(
            f"Invalid escape sequence; The \\{selector} escape sequence must be followed by {count} "
            "hexadecimal digits.",
            offset,
        )
    raise cursor.failure(
        f'Invalid escape sequence; The symbol "{selector}" is not a valid escape sequence selector.', offset
    )
