"""
Where a reader of a filter stands in the text, and what would have been right at the farthest place that it reached.

The words are those of the parser that mna/pigeon generates from the grammar of hashicorp/go-bexpr.
"""

import re
from typing import Final

from dispatchfile.agent.golang import quote

_BLANK: Final = re.compile(r"[ \t\r\n]+")


class Mismatch(Exception):
    """An alternative of the grammar does not match; the next one is tried."""


class FilterScanner:
    """A place in a text, with the farthest failure kept for the error message."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self._farthest = 0
        self._expected: set[str] = set()
        self._complaint: tuple[int, str] | None = None

    def error(self) -> str:
        place, message = self._complaint or (self._farthest, self._no_match())
        line = self.text.count("\n", 0, place) + 1
        column = place - (self.text.rfind("\n", 0, place) + 1) + 1
        return f"{line}:{column} ({len(self.text[:place].encode())}): {message}"

    def _no_match(self) -> str:
        expected = [*sorted(self._expected - {"EOF"}), *({"EOF"} & self._expected)]
        listed = " or ".join(filter(None, [", ".join(expected[:-1]), expected[-1]]))
        return f"no match found, expected: {listed}"

    def fail(self, *expected: str) -> Mismatch:
        if self.place > self._farthest:
            self._farthest, self._expected = self.place, set()
        if self.place == self._farthest:
            self._expected.update(expected)
        return Mismatch()

    def complain(self, message: str, place: int) -> None:
        if self._complaint is None:
            self._complaint = (place, message)

    def optional_blank(self) -> None:
        if found := _BLANK.match(self.text, self.place):
            self.place = found.end()
        self.fail("[ \\t\\r\\n]")

    def blank(self) -> None:
        found = _BLANK.match(self.text, self.place)
        if found is None:
            raise self.fail("[ \\t\\r\\n]")
        self.place = found.end()
        self.fail("[ \\t\\r\\n]")

    def literal(self, literal: str) -> None:
        if not self.text.startswith(literal, self.place):
            raise self.fail(quote(literal))
        self.place += len(literal)

    def words(self, *words: str) -> None:
        for word in words:
            self.blank()
            self.literal(word)
