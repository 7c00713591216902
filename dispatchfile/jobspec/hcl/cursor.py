"""The tokens still to be parsed. Source: hashicorp/hcl, hclsyntax/peeker.go."""

from collections.abc import Iterator
from contextlib import contextmanager

from dispatchfile.jobspec.hcl.source import HclError, HclProblem, Source
from dispatchfile.jobspec.hcl.tokens import T, Token


class Cursor:
    """A place in a list of tokens; inside of brackets newlines are skipped, comments everywhere."""

    def __init__(self, tokens: list[Token], source: Source) -> None:
        self._tokens = tokens
        self._source = source
        self._next = 0
        self._newlines = [True]
        self.previous_end = 0

    def peek(self) -> Token:
        return self._find()[0]

    def read(self) -> Token:
        token, self._next = self._find()
        self.previous_end = token.end
        return token

    def _find(self) -> tuple[Token, int]:
        wants_newlines = self._newlines[-1]
        for position in range(self._next, len(self._tokens)):
            token = self._tokens[position]
            if token.type is T.COMMENT and wants_newlines and token.text.endswith("\n"):
                return Token(T.NEWLINE, "\n", token.start, token.end), position + 1
            if token.type is T.COMMENT or (token.type is T.NEWLINE and not wants_newlines):
                continue
            return token, position + 1
        return self._tokens[-1], len(self._tokens)

    @contextmanager
    def newlines(self, *, wanted: bool) -> Iterator[None]:
        """Give or skip newlines until the end of the context."""
        self._newlines.append(wanted)
        try:
            yield
        finally:
            self._newlines.pop()

    def failure(self, message: str, offset: int) -> HclError:
        """Return the error of text that is not HCL, for the caller to raise."""
        return HclError([HclProblem(message, self._source.place(offset))])
