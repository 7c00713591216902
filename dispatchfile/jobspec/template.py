"""The template language inside HCL's strings, as far as job files use it: text and references."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Interpolation:
    """The text between ``${`` and ``}``."""

    source: str  # as written, with its ``${`` and ``}``
    path: tuple[str, ...] | None  # the names of a plain reference such as ``env["X"]``; None for all else


class TemplateError(ValueError):
    """A template that does not parse; *offset* counts characters from its start."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


_ESCAPED_MARKS: Final = {"$${": "${", "%%{": "%{"}
_MARK = re.compile(r"\\.|\$\$\{|%%\{|\$\{|%\{", re.DOTALL)
_MARK_WITHOUT_ESCAPES = re.compile(r"\$\$\{|%%\{|\$\{|%\{")
_BRACE = re.compile(r'"(?:\\.|[^"\\])*"|[{}]', re.DOTALL)
_STEP = r'\.[\w-]+|\[\s*(?:\d+|"[^"\\$%]*")\s*\]'
_REFERENCE = re.compile(rf"\s*[A-Za-z_][\w-]*(?:{_STEP})*\s*", re.ASCII)
_NAMES = re.compile(r'\[\s*"(?P<key>[^"]*)"\s*\]|(?P<name>[\w-]+)', re.ASCII)


def split_template(text: str, *, escapes: bool = False) -> Iterator[str | Interpolation]:
    """
    Yield the literal pieces and the expressions of a template, in order; ``$${`` and ``%%{`` turn into ``${`` and
    ``%{``.

    escapes: a backslash shields the character after it, as in quoted strings; both stay in the piece.
    Raises TemplateError for an expression without end and for directives such as ``%{ if … }``.
    """
    marks = _MARK if escapes else _MARK_WITHOUT_ESCAPES
    piece, position = "", 0
    while mark := marks.search(text, position):
        piece += text[position : mark.start()]
        part, position = _marked_part(text, mark)
        if isinstance(part, str):
            piece += part
            continue
        if piece:
            yield piece
        yield part
        piece = ""
    if piece := piece + text[position:]:
        yield piece


def reference_path(source: str) -> tuple[str, ...] | None:
    """Return the names of a plain reference (``meta.x``, ``env["X"]``, ``local.names[1]``), None for anything else."""
    if not _REFERENCE.fullmatch(source):
        return None
    return tuple(match["name"] if match["key"] is None else match["key"] for match in _NAMES.finditer(source))


def _marked_part(text: str, mark: re.Match[str]) -> tuple[str | Interpolation, int]:
    if mark.group() == "${":
        end = _closing_brace(text, mark)
        source = text[mark.start() : end]
        return Interpolation(source, reference_path(source[2:-1])), end
    if mark.group() == "%{":
        raise TemplateError("template directives (%{ … }) are not supported", mark.start())
    return _ESCAPED_MARKS.get(mark.group(), mark.group()), mark.end()


def _closing_brace(text: str, mark: re.Match[str]) -> int:
    depth = 1
    for brace in _BRACE.finditer(text, mark.end()):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return brace.end()
    raise TemplateError("there is no closing brace for this ${", mark.start())
