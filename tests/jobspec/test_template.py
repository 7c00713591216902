"""Templates in strings: literal text and references."""

import pytest

from dispatchfile.jobspec.template import Interpolation, TemplateError, split_template


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("plain $x ${", None),
        ("plain $x", ["plain $x"]),
        ("a${b}c", ["a", Interpolation("${b}", ("b",)), "c"]),
        ("$${a} %%{b}", ["${a} %{b}"]),
        ('${env["a.b"]}', [Interpolation('${env["a.b"]}', ("env", "a.b"))]),
        ('${env["}"]}', [Interpolation('${env["}"]}', ("env", "}"))]),
        ("${ a.b-c[0].1 }", [Interpolation("${ a.b-c[0].1 }", ("a", "b-c", "0", "1"))]),
        ('${f("}")}x', [Interpolation('${f("}")}', None), "x"]),
        ("${a + {}}", [Interpolation("${a + {}}", None)]),
        ("${}", [Interpolation("${}", None)]),
    ],
)
def test_a_template_splits_into_text_and_expressions(text, parts):
    """Escaped marks become plain text, references carry their names, everything else only its source."""
    if parts is None:
        with pytest.raises(TemplateError):
            list(split_template(text))
    else:
        assert list(split_template(text)) == parts


def test_backslashes_shield_only_where_asked():
    """In a quoted string the two characters of an escape stay together; in a heredoc a backslash is a backslash."""
    assert list(split_template(r"\\${a}", escapes=True)) == ["\\\\", Interpolation("${a}", ("a",))]
    assert list(split_template(r"\${a}")) == ["\\", Interpolation("${a}", ("a",))]


def test_a_directive_is_refused_where_it_stands():
    """Conditions and loops in templates are not supported, and said so."""
    with pytest.raises(TemplateError) as caught:
        list(split_template("ab%{ if x }"))
    assert caught.value.offset == 2
