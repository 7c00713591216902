"""The errors of the decoder and the YAML parser, in words that say what to do."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import Event

from dispatchfile.manifest.builder import TEMPLATE_HINT
from dispatchfile.manifest.findings import Findings, ManifestRefused
from dispatchfile.problems import Problem
from dispatchfile.source import Position, SourceText

_DISPUTED = "\x85\u2028\u2029\ufeff"
_DIRECTIVE = re.compile(r"(?:[ \t]*+(?:#[^\r\n]*+)?[\r\n])*+%")
_UNQUOTED_TEMPLATE = re.compile(r"(?:^|[:,\[{-])[ \t]*+(\{[{%])")
_TOO_LARGE_ESCAPE = re.compile(r"\\U(?!000|0010)")
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class _Advice:
    """The advice for an error that contains all of *words*."""

    words: tuple[str, ...]
    found: str
    hint: str
    code: str = "DF001"
    at_start: bool = False  # shown where the broken thing starts, not where the parser gave up


# What libyaml refuses, though YAML 1.2 allows it: `{url: s3://media}`, and emoji as JSON escapes them, "\ud83d\ude00".
COLON_IN_BRACKETS = "unquoted text in brackets or braces contains a colon"
NO_CHARACTER = "this escape does not give a character"
_ADVICE = (  # the first that fits
    _Advice(("plain scalar", "unexpected ':'"), COLON_IN_BRACKETS, "quote the text"),
    _Advice(("document start",), "the file has a second document", "keep one manifest per file", code="DF003"),
    _Advice(("tab",), "unexpected tab", "indent with spaces"),
    _Advice(("quoted", "end of stream"), "this quote is never closed", "add the closing quote", at_start=True),
    _Advice(("escape character",), "unknown escape", r"write \\ for \, or use single quotes"),
    _Advice(("escape code",), NO_CHARACTER, "write the character itself"),
    _Advice(
        ("mapping values",),
        "unexpected colon",
        "quote text that contains a colon and a space, or check the indentation",
    ),
    _Advice(
        ("expected ':'",),
        "this is neither a key nor a list entry",
        "a key ends with a colon and a space",
        at_start=True,
    ),
    _Advice(("flow sequence",), "this list is not closed", "a comma or ] is missing"),
    _Advice(("flow mapping",), "this mapping is not closed", "a comma or } is missing"),
    _Advice(("scanning an a", "alphabetic"), "an anchor or alias needs a name", "quote text that starts with & or *"),
    _Advice(
        ("node content",), "a value is missing here", "write one, or quote text that starts with a bracket or brace"
    ),
    _Advice(("block",), "unexpected content", "check indentation and quotes"),
)


def is_of_yaml_1_2(problem: Problem, text: str) -> bool:
    """Return whether the parser in Python may read *text*, which the one in C refuses with this *problem*."""
    return problem.found == COLON_IN_BRACKETS or (problem.found == NO_CHARACTER and bool(_PAIR.search(text)))


def decode(content: bytes, name: str) -> SourceText:
    """The text of a manifest, without a byte order mark. Raises ManifestRefused where it is not UTF-8."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        before = content[: exc.start].decode("utf-8").removeprefix("\ufeff")
        source = SourceText(name, content.decode("utf-8", errors="replace").removeprefix("\ufeff"))
        position = source.position(len(before))
        utf16 = content.startswith(_UTF16_MARKS)
        found = "the file is UTF-16" if utf16 else f"the byte 0x{content[exc.start]:02x} is not UTF-8"
        raise ManifestRefused(Findings(source).problem("DF002", position, found, "save the file as UTF-8")) from exc
    return SourceText(name, text.removeprefix("\ufeff"))


def refuse_disputed(source: SourceText) -> None:
    """Refuse what ruamel.yaml's two parsers read in different ways. Raises ManifestRefused."""
    text = source.text
    if not text.isascii() and any(char in text for char in _DISPUTED):
        raise ManifestRefused(_forbidden_character(source))
    if match := _DIRECTIVE.match(text):
        position = source.position(match.end() - 1)
        found, hint = f"the directive {source.line(position.line).strip()[:40]!r} is not allowed", "remove it"
        raise ManifestRefused(Findings(source).problem("DF008", position, found, hint))


@cache  # it takes 4 ms to compile, which most manifests never need
def forbidden() -> re.Pattern[str]:
    """
    Return a pattern of the characters that are not printable in YAML, and of four that are.

    Parsers do not agree whether U+0085, U+2028 and U+2029 end a line, and nobody sees a U+FEFF inside of a text.
    """
    return re.compile(r"[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def parse_events(content: bytes, source: SourceText, *, pure: bool) -> Iterator[Event]:
    """
    The parser's events for *content*, the bytes of *source*: from a text it would make bytes of its own.

    Raises ManifestRefused for everything that the parser raises.
    """
    try:
        yield from YAML(typ="safe", pure=pure).parse(content.removeprefix(codecs.BOM_UTF8))
    except MarkedYAMLError as exc:
        raise ManifestRefused(_explain(exc, source)) from exc
    except YAMLError as exc:  # its reader's error, whose offset counts bytes or characters
        raise ManifestRefused(_forbidden_character(source)) from exc
    except (ValueError, OverflowError) as exc:  # the pure parser's, of chr()
        position = source.position(_offset(_TOO_LARGE_ESCAPE, source))
        found, hint = NO_CHARACTER, "write the character itself"
        raise ManifestRefused(Findings(source).problem("DF001", position, found, hint)) from exc


def _forbidden_character(source: SourceText) -> Problem:
    offset = _offset(forbidden(), source)
    number = ord(source.text[offset])
    hint = f'remove it, or write it in double quotes as "\\u{number:04x}"'
    return Findings(source).problem(
        "DF002", source.position(offset), f"the character U+{number:04X} is not allowed", hint
    )


def _offset(pattern: re.Pattern[str], source: SourceText) -> int:
    match = pattern.search(source.text)
    return match.start() if match else 0


def _explain(error: MarkedYAMLError, source: SourceText) -> Problem:
    given_up = _mark_position(error.problem_mark or error.context_mark, source)
    start = _mark_position(error.context_mark or error.problem_mark, source)
    if template := _unquoted_template(source, {given_up.line, start.line}):
        return Findings(source).problem("DF007", template, "a template needs quotes", TEMPLATE_HINT)
    char = source.line(given_up.line)[given_up.column - 1 : given_up.column]
    if char in {"@", "`", "%"} and "start any token" in error.problem:
        return Findings(source).problem("DF001", given_up, f"text cannot start with {char}", "quote it")
    said = f"{error.context} {error.problem}" if char != "\t" else "tab"
    for advice in _ADVICE:
        if all(word in said for word in advice.words):
            position = start if advice.at_start else given_up
            return Findings(source).problem(advice.code, position, advice.found, advice.hint)
    return Findings(source).problem("DF001", given_up, f"not valid YAML: {error.problem}")


def _unquoted_template(source: SourceText, lines: set[int]) -> Position | None:
    for number in sorted(lines):
        if match := _UNQUOTED_TEMPLATE.search(source.line(number)):
            return Position(source.name, number, match.start(1) + 1)
    return None


def _mark_position(mark: object, source: SourceText) -> Position:
    """Marks count from 0, and the C parser's may lie in a line after the last."""
    line, column = getattr(mark, "line", 0), getattr(mark, "column", 0)
    return source.clamp(Position(source.name, line + 1, column + 1))
