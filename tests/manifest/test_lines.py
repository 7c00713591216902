"""The line-by-line reader gives the same result as the parser."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchfile.manifest.builder import Builder
from dispatchfile.manifest.document import Tables
from dispatchfile.manifest.findings import Findings, ManifestRefused
from dispatchfile.manifest.lines import read_lines
from dispatchfile.manifest.syntax import decode, parse_events, refuse_disputed

PLAIN = """\
# a comment
version: 1
vars: {bucket: "s3://media", n: -1.50, deep: [a, {b: null}, []]}  # and one more

defaults: {job: video-encode}
dispatches:
  - id: item-1
    payload: {template: encode.json.j2}
    meta:
      title: "Film {{ item.id }}: #1"
      quoted: 'no: "escapes"'
      take: 1.10
    url: https://example.org/a#b?c=d, e [f]
    tags:
    - one
    - "two"
    -   three: 0x1F
        four: ~
  - id: item-2
    vars:
        deep:
            deeper: true
"""
SCALARS = [
    *("x", "a b", "1", "1.10", "0x1F", "-1", "null", "~", "true", "No", "30m", "a - b, [c] ? d", "é ü", "日本"),
    *("(x) {{ y }}", "http://x/y#z", '"q: #1"', "'{{ it }}'", "''", "'😀'", "{}", "[ ]", "[a b, {c: \"d\"}, []]"),
    "{a: 1.10, meta: [x, 'y']}",
]  # fmt: skip
PIECES = [
    *("", " ", "  ", "\n", "\n\n", "\t", "\r\n", "- ", "-", "a: ", "b:", "meta: ", "1: ", "null: ", ": ", ":"),
    *("<<: ", "# c", " #c", "#", "{", "}", "[", "]", ",", "{}", "[x", "{a: }", "[a: b]", '"', "'", "&a ", "*a"),
    *("!", "|", ">", "?", "%", "@", "`", "\\", "=", "...", "---", "-1", "x", "\x07", "\x85", "\ufeff", "\u2028"),
    *("\ufffe", "é", "\xa0", ".inf", "1e999"),
]  # fmt: skip


def _as_parsed(text: str) -> tuple[object, int, Tables] | None:
    """Return the result of the parser's events, or None if something is wrong."""
    try:
        source = decode(text.encode(), "a.yaml")
        refuse_disputed(source)
        findings = Findings(source)
        builder = Builder(findings)
        data, start = builder.build(parse_events(text.encode(), source, pure=False))
    except ManifestRefused:
        return None
    return None if findings.problems else (data, start, builder.tables)


def _whole(value: Any, tables: Tables) -> object:
    """*value* with the type and text of each scalar, and the places of all that it holds."""
    if isinstance(value, dict):
        return list(tables.get(id(value), ())), [(key, _whole(item, tables)) for key, item in value.items()]
    if isinstance(value, list):
        return list(tables.get(id(value), ())), [_whole(item, tables) for item in value]
    return type(value), str(value)


def _assert_same(text: str) -> None:
    read = read_lines(text)
    if read is None:
        return
    parsed = _as_parsed(text)
    assert parsed is not None
    assert (read[1], _whole(read[0], read[2])) == (parsed[1], _whole(parsed[0], parsed[2]))


@st.composite
def _blocks(draw: st.DrawFn, indent: int = 0, depth: int = 3) -> str:
    """Lines of a mapping or, below the top, of a list."""
    dash = draw(st.sampled_from(["", "- ", "-  "])) if depth < 3 else ""
    lines = ""
    for number in range(draw(st.integers(1, 4))):
        lines += draw(st.sampled_from(["", "", "\n", "  # note\n"])) + " " * indent + dash
        if not dash or draw(st.booleans()):
            lines += f"{draw(st.sampled_from(['meta', 'dispatches', 'x.y-']))}{number or ''}:"
            if depth and draw(st.booleans()):
                lines += "\n" + draw(_blocks(indent + len(dash) + draw(st.sampled_from([0, 1, 2, 4])), depth - 1))
                continue
        lines += f" {draw(st.sampled_from(SCALARS))}{draw(st.sampled_from(['', '', ' ', '  # why']))}\n"
    return lines


def test_a_usual_manifest_is_read_by_lines() -> None:
    """Comments, nesting of both kinds, lists in the column of their key, quotes and brackets that end in their line."""
    assert read_lines(PLAIN) is not None
    _assert_same(PLAIN)
    _assert_same(PLAIN.rstrip("\n"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("# a comment\n", id="a comment only"),
        pytest.param("a: 1\na: 2\n", id="a duplicate key"),
        pytest.param("a: {b: 1, b: 2}\n", id="a duplicate key in braces"),
        pytest.param("a: 1\n  b: 2\n", id="a mapping below a scalar"),
        pytest.param("a: 1\n  2\n", id="a scalar over two lines"),
        pytest.param("a:\nb: 1\n", id="a missing value"),
        pytest.param("a:\n", id="a missing value at the end"),
        pytest.param("  a:\n    b: 1\n  c: 1\n", id="an indented top level"),
        pytest.param("a:\n    b: 1\n  c: 1\n", id="an indentation that was not there before"),
        pytest.param("a:\n- 1\nb: 1\n- 2\n", id="a list that goes on"),
        pytest.param("- 1\n", id="a list as the top level"),
        pytest.param("text\n", id="a text as the top level"),
        pytest.param("a: |\n  b\n", id="a block of text"),
        pytest.param("a: &x 1\nb: *x\n", id="anchors"),
        pytest.param('a: "b\\n"\n', id="an escape"),
        pytest.param("a: 'it''s'\n", id="a doubled quote"),
        pytest.param("true: 1\n", id="a key that is no text"),
        pytest.param("a: {{ x }}\n", id="an unquoted template"),
        pytest.param("a: [1, 2\n  , 3]\n", id="brackets over two lines"),
        pytest.param("a: [1}\n", id="brackets that do not match"),
        pytest.param("a: [1] 2\n", id="something after brackets"),
        pytest.param("a: .inf\n", id="a number that is none"),
        pytest.param("a: 1\r\n", id="another line end"),
        pytest.param("a: \x07\n", id="a control character"),
        pytest.param("a: 'é\x85'\n", id="a disputed line end"),
        pytest.param("a: \ufffe\n", id="no character"),
        pytest.param("a: " + "[" * 60 + "]" * 60 + "\n", id="deep brackets"),
        pytest.param("".join(f"{' ' * depth}a:\n" for depth in range(60)) + " " * 60 + "b: 1\n", id="deep mappings"),
    ],
)
def test_all_else_is_left_to_the_parser(text: str) -> None:
    """It knows what is wrong, where anything is."""
    assert read_lines(text) is None


@settings(max_examples=400, deadline=None, derandomize=True)
@given(_blocks())
def test_lines_are_read_as_the_parser_reads_them(text: str) -> None:
    """The same data, of the same types, at the same places, or nothing."""
    _assert_same(text)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(_blocks(), st.lists(st.tuples(st.integers(0, 200), st.sampled_from(PIECES)), max_size=3))
def test_what_breaks_a_line_is_left_to_the_parser(text: str, pieces: list[tuple[int, str]]) -> None:
    """Wherever it stands."""
    for place, piece in pieces:
        text = text[:place] + piece + text[place + len(piece) // 2 :]
    _assert_same(text)
