"""
Texts within Nomad's filter language, which knows no escapes in its string literals.

Source: hashicorp/go-bexpr, grammar; an escaped quote inside double quotes was refused by 2.0.5.
"""

from __future__ import annotations


def quote(text: str) -> str | None:
    """*text* as a string literal, None if no literal can carry it."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f"`{text}`" if "`" not in text else None


def matches(field: str, pattern: str) -> str:
    """
    The condition that *pattern*, which has no backtick, is found in a field.

    In backticks it arrives as it is; from double quotes Nomad would take the backslashes away.
    """
    return f"{field} matches {quote(pattern)}"


def literal(text: str) -> str:
    """A regular expression for just *text*, without backticks, so that `matches` can carry it."""
    return "".join(char if char.isalnum() or char in "-_/" else _literal_character(char) for char in text)


def _literal_character(char: str) -> str:
    if char in '`"\\^':
        return f"[\\x{ord(char):02x}]"
    return f"[{char}]"
