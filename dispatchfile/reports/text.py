"""Words and lines that are safe to show: no text from outside reaches a terminal with its control characters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

ELLIPSIS = "…"
ZERO_WIDTH_JOINER = "\u200d"


def visible(text: str) -> str:
    r"""
    Return the *text* on one line, everything that cannot be seen written as an escape: `\x1b`, `\n`, `\u202e`.

    Covers terminal escapes (C0, C1), line separators, bidirectional overrides and stray surrogates. A joiner between
    two other characters beyond ASCII stays, because it makes one sign of them, such as an emoji.
    """
    if text.isprintable():
        return text
    return "".join(char if _is_seen(text, index) else _escaped(char) for index, char in enumerate(text))


def _is_seen(text: str, index: int) -> bool:
    if text[index] != ZERO_WIDTH_JOINER:
        return text[index].isprintable()
    beside = text[max(0, index - 1) : index], text[index + 1 : index + 2]
    return all(char.isprintable() and not char.isascii() for char in beside)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def one_line(text: str) -> str:
    """Return the *text* with every run of white space as one blank, then made visible: for messages of many lines."""
    return visible(" ".join(text.split()))


def visible_lines(text: str) -> list[str]:
    """Return the lines of *text*, each made visible; only a line feed ends a line, and a tab is shown as blanks."""
    return [visible(line.rstrip("\r").expandtabs(4)) for line in text.split("\n")]


def shorten(text: str, width: int) -> str:
    """Return at most *width* characters of *text*, with an ellipsis in place of its end."""
    return text if len(text) <= width else text[: max(0, width - 1)] + ELLIPSIS


def count_of(number: int, noun: str) -> str:
    """Return `1 item`, `2 items`, `12,000 items`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def span(seconds: float) -> str:
    """Return a length of time as people read it: `0.4s`, `12s`, `3m05s`, `2h03m`."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = timedelta(seconds=round(seconds))
    minutes, rest = divmod(int(whole.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


@dataclass(frozen=True, slots=True)
class Palette:
    """Terminal colours, or none. A colour only repeats what a word already says."""

    on: bool = False

    def bad(self, text: str) -> str:
        return self._paint(text, "1;31")

    def doubtful(self, text: str) -> str:
        return self._paint(text, "33")

    def good(self, text: str) -> str:
        return self._paint(text, "32")

    def strong(self, text: str) -> str:
        return self._paint(text, "1")

    def faint(self, text: str) -> str:
        return self._paint(text, "2")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and text else text


PLAIN = Palette()
