"""The filters that Jinja lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatchfile.errors import FileError
from dispatchfile.files import Files
from dispatchfile.render import Renderer, TemplateTrouble
from dispatchfile.render.filters import slug


def rendered(folder: Path, source: str, **variables: object) -> str:
    return Renderer(Files(folder)).render(source, variables, name="t")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 'raw/a b.tar.gz' | basename }}", "a b.tar.gz"),
        ("{{ 'raw/x/a.mkv' | dirname }}", "raw/x"),
        ("{{ 'raw/a.tar.gz' | splitext | join('|') }}", "raw/a.tar|.gz"),
        ("{{ 'raw/.hidden' | splitext | first }}", "raw/.hidden"),
        ("{{ 'ä?' | b64encode }}", "w6Q/"),
        ("{{ 'w6\nQ/ ' | b64decode }}", "ä?"),
        ("{{ 'a' | hash('sha256') }}", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("{{ 'a' | hash }}", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("{{ 12 | hash('md5') }}", "c20ad4d76fe97759aa27a0c99bff6710"),
        (r"{{ 'foo-12' | regex_replace('([a-z]+)-(?P<n>\\d+)', '\\g<n>-\\1') }}", "12-foo"),
        ("{{ 'aAa' | regex_replace('a', 'b', ignorecase=true) }}", "bbb"),
        ("{{ 'a\na' | regex_replace('^a', 'b', multiline=true) }}", "b\nb"),
        ("{{ 'aaa' | regex_replace('a', count=2) }}", "a"),
        ("{{ 'abc' | regex_replace('x*', '-') }}", "-a-b-c-"),
        ("{{ 'https://a.example/Der Müller & Söhne (1).mkv?x=1' | slug }}",
         "https-a-example-der-muller-sohne-1-mkv-x-1"),
        ("{{ \"Ærø's Straße, Łódź\" | slug }}", "aeros-strasse-lodz"),
        ("{{ 7.50 | slug }}", "7-5"),
    ],
)  # fmt: skip
def test_a_filter_gives(tmp_path: Path, source: str, expected: str) -> None:
    """A filter has the result of Ansible's filter of that name; a slug is a valid part of an id."""
    assert rendered(tmp_path, source) == expected


@pytest.mark.parametrize(
    ("source", "code", "found"),
    [
        ("{{ 'ä' | b64decode }}", "DF034", "b64decode: not base64"),
        ("{{ '/w==' | b64decode }}", "DF034", "b64decode: the bytes are not UTF-8 text"),
        ("{{ 'a' | hash('crc') }}", "DF034", "hash: 'crc' is not one of md5, sha1"),
        ("{{ 'a' | regex_replace('(', 'b') }}", "DF034", "regex_replace: '(' is not a regular expression: "),
        (r"{{ 'a' | regex_replace('a', '\\2') }}", "DF034", r"regex_replace: the replacement '\\2' is not valid: "),
        (
            "{{ 'a' | regex_replace('a' * 2000, 'b') }}",
            "DF035",
            "has a pattern of 2,000 characters, at most 1,000 are allowed",
        ),
        ("{{ 'a' | regex_replace('((a{99}){99}){99}', 'b') }}", "DF035", "has a pattern that repeats a part more"),
        (
            "{{ ('a' * 60000) | regex_replace('a', 'bb') }}",
            "DF035",
            "creates a value of 65,538 characters, at most 65,536 are allowed",
        ),
        (
            r"{{ ('a' * 60000) | regex_replace('a+', '\\g<0>' * 100) }}",
            "DF035",
            "creates a value of 6,000,500 characters, at most",
        ),
        ("{{ ('a' * 5000 ~ 'b') | regex_replace('(a+)+$', '') }}", "DF035", "regex_replace: takes more than 0.5 s"),
        (
            r"{{ 'a' | regex_replace('(a)', '\1') }}",
            "DF034",
            r"regex_replace: '\x01' is a control character: write \\1 ",
        ),
        ("{{ '日本' | slug }}", "DF034", "slug: '日本' has no letter a-z and no digit: use hash('sha256')"),
        ("{{ [1] | basename }}", "DF034", "a list cannot be printed"),
        ("{{ nope | slug }}", "DF033", "nope is not defined"),
    ],
)
def test_a_filter_refuses(tmp_path: Path, source: str, code: str, found: str) -> None:
    """It refuses wrong arguments, and whatever would take too much time or memory."""
    with pytest.raises(TemplateTrouble) as refused:
        rendered(tmp_path, source)
    assert refused.value.trouble.code == code
    assert refused.value.trouble.found.startswith(found)


def test_a_long_slug_is_cut_and_stays_apart() -> None:
    """It ends in a hash of the whole text."""
    first, second = slug("x" * 150 + " 1"), slug("x" * 150 + " 2")
    assert (len(first), first[:91], first != second) == (100, "x" * 91, True)
    assert slug("one two three", 12) == f"one-{slug('one two three', 12).rpartition('-')[2]}"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ a }}", [1, 2]),
        ("{{- a -}}", [1, 2]),
        (" a | map('string') ", ["1", "2"]),
        ("a[0] > 1", False),
        ("range(2)", [0, 1]),
        ("{'k': a}", {"k": [1, 2]}),
        ("none", None),
    ],
)
def test_an_expression_has_a_value(tmp_path: Path, source: str, value: object) -> None:
    """With or without its braces; what is lazy is read to its end."""
    assert Renderer(Files(tmp_path)).evaluate(source, {"a": [1, 2]}, name="t") == value


@pytest.mark.parametrize(
    ("source", "code"),
    [("{{ b }}", "DF033"), ("a.b", "DF033"), ("{{ a", "DF032"), ("", "DF032"), ("range(10**9)", "DF035")],
)
def test_an_expression_without_a_value(tmp_path: Path, source: str, code: str) -> None:
    """It is trouble, as in any template."""
    with pytest.raises(TemplateTrouble) as refused:
        Renderer(Files(tmp_path)).evaluate(source, {"a": {}}, name="t")
    assert refused.value.trouble.code == code


def test_the_name_of_a_file_is_no_filter(tmp_path: Path) -> None:
    """Filters of paths read no files."""
    assert rendered(tmp_path, "{{ 'gone/../x' | dirname }}") == "gone/.."
    with pytest.raises(FileError):
        Files(tmp_path).read("gone/../x")
