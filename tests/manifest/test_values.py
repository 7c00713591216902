"""The values of scalars: YAML 1.2's core schema, and text below meta."""

import copy
import json

import pytest

from dispatchfile.manifest import SourceFloat, SourceInt, name_type
from tests.manifest.loading import PARSERS, document


@PARSERS
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("null", None),
        ("Null", None),
        ("", None),
        ("true", True),
        ("TRUE", True),
        ("False", False),
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        ("017", 17),
        ("08", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1.10", 1.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("-1E-3", -0.001),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, value: object, pure: bool) -> None:
    """Null, booleans, integers in three bases and floats; equal to Python's own values."""
    found = document(f"vars: {{a: {text} }}", pure=pure).data["vars"]["a"]  # type: ignore[index]
    assert (found, isinstance(found, type(value))) == (value, True)


@PARSERS
@pytest.mark.parametrize(
    "text",
    [
        "no",
        "yes",
        "on",
        "off",
        "y",
        "nulL",
        "1_000",
        "0b11",
        "0o8",
        "0xG",
        "1.2.3",
        "1e",
        "2024-01-02",
        "=",
        "e3",
        ".",
        "-",
        "+",
        "0x",
        "Infinity",
        "1,5",
    ],
)
def test_everything_else_is_text(text: str, pure: bool) -> None:
    """Norway is no boolean, a date is no date, and digits with underscores are no number."""
    assert document(
        f"vars:\n  a: {text}z\n  b: {text}\n" if text != "-" else "vars: {a: '-z', b: '-'}", pure=pure
    ).data == {"vars": {"a": f"{text}z", "b": text}}


@PARSERS
@pytest.mark.parametrize("text", ["'1.10'", '"true"', "!!str null", "! 12", "|-\n    1.10", ">-\n    ~"])
def test_quoted_and_tagged_scalars_are_text(text: str, pure: bool) -> None:
    """Quotes, blocks and the tag !!str all say text."""
    value = document(f"vars:\n  a: {text}\n", pure=pure).data["vars"]["a"]  # type: ignore[index]
    assert isinstance(value, str)


@PARSERS
@pytest.mark.parametrize(
    ("text", "value"),
    [("!!int '7'", 7), ("!!float 7", 7), ("!!bool 'True'", True), ("!!null ''", None), ("!!float '1e3'", 1000.0)],
)
def test_explicit_tags_are_honoured(text: str, value: object, pure: bool) -> None:
    """A tag of the core schema reads quoted text, too."""
    assert document(f"vars: {{a: {text}}}", pure=pure).data == {"vars": {"a": value}}


@PARSERS
def test_containers_may_carry_their_own_tag(pure: bool) -> None:
    """!!map and !!seq say what is there anyway."""
    assert document("vars: !!map {a: !!seq [1]}", pure=pure).data == {"vars": {"a": [1]}}


@PARSERS
def test_text_below_meta_stays_as_written(pure: bool) -> None:
    """Meta goes out as text: what a number or boolean looks like is the author's choice. Null stays null."""
    text = """
    defaults:
      meta: {take: 1.10, done: True, hex: 0x1F, code: 007, none: ~, empty: , tilde: "~", not: .inf, 7: key, no: no}
    dispatches:
      - meta: {take: 1.10, tagged: !!int 007, really: !!null "", text: !!str ~}
    """
    assert document(text, pure=pure).data == {
        "defaults": {
            "meta": {
                "take": "1.10",
                "done": "True",
                "hex": "0x1F",
                "code": "007",
                "none": None,
                "empty": None,
                "tilde": "~",
                "not": ".inf",
                "7": "key",
                "no": "no",
            }
        },
        "dispatches": [{"meta": {"take": "1.10", "tagged": "007", "really": None, "text": "~"}}],
    }


def test_meta_is_only_a_dispatchs_own_key() -> None:
    """A variable or a row that is called meta has numbers."""
    text = "vars: {meta: {n: 1}}\ndispatches:\n  - vars: {meta: {n: 2}}\n    for_each: {list: [{meta: {n: 3}}]}\n"
    assert document(text).data == {
        "vars": {"meta": {"n": 1}},
        "dispatches": [{"vars": {"meta": {"n": 2}}, "for_each": {"list": [{"meta": {"n": 3}}]}}],
    }


@PARSERS
@pytest.mark.parametrize(
    "text", ["1.10", "1e3", "0x1F", "0o17", "007", "+5", "-0", "5.", ".5", "1.0", "12", "0.1", "1E400", "-12.50"]
)
def test_numbers_print_as_they_were_written(text: str, pure: bool) -> None:
    """Numbers keep their spelling in text, in a format and within a list."""
    if text == "1E400":
        text = "1E40"
    value = document(f"vars: {{a: {text}}}", pure=pure).data["vars"]["a"]  # type: ignore[index]
    assert [str(value), f"{value}", f"{value:}", "%s" % value, str([value])] == [text] * 4 + [f"[{text}]"]  # noqa: UP031


def test_numbers_stay_numbers() -> None:
    """They compare, calculate, copy and go out as JSON like any other."""
    values = [SourceInt(31, "0x1F"), SourceFloat(1.1, "1.10")]
    assert (values, values[0] + 1, json.dumps(values)) == ([31, 1.1], 32, "[31, 1.1]")
    assert [str(number) for number in copy.deepcopy(values)] == ["0x1F", "1.10"]


def test_a_number_that_prints_as_written_is_python_s_own() -> None:
    """Only the odd ones cost more."""
    numbers = document("vars: [7, 1.5, 007, 1.50]").data["vars"]
    assert [type(number) for number in numbers] == [int, float, SourceInt, SourceFloat]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "nothing"),
        (True, "true"),
        (False, "false"),
        (1, "a number"),
        (1.5, "a number"),
        ("", "text"),
        ([], "a list"),
        ({}, "a mapping"),
    ],
)
def test_types_have_names_for_messages(value: object, name: str) -> None:
    """Messages say what a reader sees, not what Python calls it."""
    assert name_type(value) == name


@PARSERS
def test_a_byte_order_mark_is_no_part_of_the_text(pure: bool) -> None:
    """Windows editors write one; columns count without it."""
    read = document(b"\xef\xbb\xbfversion: 1", pure=pure)
    assert (read.data, str(read.position("version"))) == ({"version": 1}, "a.yaml:1:10")


@PARSERS
def test_escapes_in_double_quotes_are_read(pure: bool) -> None:
    """What cannot stand in a manifest can be written."""
    assert document(r'vars: {a: "\0\t\x41\u00e9\U0001F600"}', pure=pure).data == {
        "vars": {"a": "\0\tA\u00e9\U0001f600"}
    }


@PARSERS
def test_halves_of_a_character_are_joined(pure: bool) -> None:
    """JSON writes emoji as two escapes, and is YAML: in texts, keys, and what is tagged as text."""
    vars_ = {"\N{GRINNING FACE}": "a \N{GRINNING FACE}\N{PILE OF POO} b", "\xe9": ["\N{GRINNING FACE}"]}
    text = json.dumps(vars_).replace('["', '[!!str "')
    assert document(f"vars: {text}", pure=pure).data["vars"] == vars_
