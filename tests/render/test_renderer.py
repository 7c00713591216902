"""Templates as manifests have them: strict, contained, the same each time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatchfile.errors import FileError, OutsideFolder, RenderError
from dispatchfile.expand import Names
from dispatchfile.files import Files
from dispatchfile.manifest import SourceFloat
from dispatchfile.render import Renderer, TemplateProblem, TemplateTrouble

ALLOW = "move it there, or pass --allow-outside"
CONTEXT: dict[str, object] = {
    "vars": Names(
        "vars",
        {"take": SourceFloat(1.1, "1.10"), "flag": True, "none": None, "list": [1, {"k": SourceFloat(2.0, "2.0")}]},
        "vars",
    ),
    "each": Names("each", {"slug": "intro", "title": "<The & 'end'>", "items": "a column"}, "films.csv"),
    "name": "nightly",
}


def trouble(renderer: Renderer, source: str) -> TemplateProblem:
    """Return the problem of the template *source*."""
    with pytest.raises(TemplateTrouble) as caught:
        renderer.render(source, CONTEXT, name="meta.title")
    return caught.value.trouble


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param("plain } text {", "plain } text {", id="no-template"),
        pytest.param("{{ vars.take }}", "1.10", id="number-as-written"),
        pytest.param("{{ vars.take + 1 }}", "2.1", id="arithmetic"),
        pytest.param("{{ vars.flag }}", "true", id="truth"),
        pytest.param("{{ vars.take ~ '-' ~ vars.flag }}", "1.10-true", id="tilde-prints-alike"),
        pytest.param("{{ true ~ 1 }}", "true1", id="constants-print-alike"),
        pytest.param("{{ [vars.take, true] | join('/') }}", "1.10/true", id="join-prints-alike"),
        pytest.param("{{ '/'.join([vars.take, true]) }}", "1.10/true", id="join-method-prints-alike"),
        pytest.param("{{ '%s %05d' % (vars.take, 7) }}", "1.10 00007", id="percent"),
        pytest.param("{{ '%s' | format(vars.flag) }}", "true", id="format-filter"),
        pytest.param("{{ '{}|{:>3}'.format(vars.flag, 'x') }}", "true|  x", id="format-method"),
        pytest.param("{{ vars.list | tojson }}", '[1, {"k": 2.0}]', id="tojson"),
        pytest.param("{{ each.title | tojson }}", "\"<The & 'end'>\"", id="tojson-is-not-for-html"),
        pytest.param("{{ each.title }}", "<The & 'end'>", id="no-escapes"),
        pytest.param("{{ each.items }}", "a column", id="key-over-method"),
        pytest.param("{{ each['items'] }}", "a column", id="key-over-method-by-index"),
        pytest.param("{% for k in each.keys() %}{{ k }},{% endfor %}", "slug,title,items,", id="methods-stay"),
        pytest.param("{{ each.nope | default('none') }}", "none", id="default"),
        pytest.param("{{ 'yes' if each.nope is defined else 'no' }}", "no", id="is-defined"),
        pytest.param("{{ [1, 2, 3.5] | sum }}", "6.5", id="sum"),
        pytest.param("{{ [[1], [2]] | sum(start=[]) | tojson }}", "[1, 2]", id="sum-of-lists"),
        pytest.param("{% for x in 'abc' %}{{ loop.index }}/{{ loop.length }} {% endfor %}", "1/3 2/3 3/3 ", id="loop"),
        pytest.param("{% for x in [3, 4] if x > 3 %}{{ x }}{% else %}-{% endfor %}", "4", id="filtered-loop"),
        pytest.param(
            "{% for x in [[1, [2]], []] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}{% endif %}"
            "{% endfor %}",
            "(1(2))()",
            id="recursive-loop",
        ),
        pytest.param("{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(1) }}{{ m(2) }}", "[1][2]", id="macro"),
        pytest.param("{% set x %}a{{ 1 }}{% endset %}{{ x | upper }}", "A1", id="capture"),
        pytest.param("a\n", "a\n", id="last-newline"),
        pytest.param("{{ 1 }}\n\n", "1\n\n", id="last-newlines"),
        pytest.param("a\r\n{{ 1 }}\rb\n{%- if\r\n true %}\r\n{% endif %}", "a\r\n1\rb\r\n", id="carriage-returns"),
        pytest.param("\x1f{{ 1 }}\r\n\x1f", "\x1f1\r\n\x1f", id="carriage-returns-beside-a-separator"),
    ],
)
def test_templates_render(renderer: Renderer, source: str, text: str) -> None:
    """Each kind of expression renders, and values print as documented."""
    assert renderer.render(source, CONTEXT, name="x") == text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            "a\n{{ each.titel }}",
            TemplateProblem(
                "DF033",
                "each.titel is not defined",
                "did you mean each.title? films.csv has slug, title, items",
                line=2,
            ),
            id="near-miss",
        ),
        pytest.param(
            "{{ each.size }}",
            TemplateProblem("DF033", "each.size is not defined", "films.csv has slug, title, items", line=1),
            id="column",
        ),
        pytest.param(
            "{{ slug }}",
            TemplateProblem("DF033", "slug is not defined", "did you mean each.slug?", line=1),
            id="no-scope",
        ),
        pytest.param(
            "{{ vrs.x }}",
            TemplateProblem(
                "DF033", "vrs is not defined", "did you mean vars? templates can read vars, each, name", line=1
            ),
            id="scope",
        ),
        pytest.param(
            "{{ vars.list[1].q }}",
            TemplateProblem("DF033", "there is no 'q' here", "known keys are k", line=1),
            id="nested",
        ),
        pytest.param(
            "{{ 'a'.b }}", TemplateProblem("DF033", "'str object' has no attribute 'b'", line=1), id="of-a-text"
        ),
        pytest.param(
            "{{ a | }}",
            TemplateProblem("DF032", "expected token 'name', got 'end of print statement'", line=1),
            id="syntax",
        ),
        pytest.param(
            "\n{% nope %}", TemplateProblem("DF032", "Encountered unknown tag 'nope'.", line=2), id="unknown-tag"
        ),
        pytest.param(
            "{{ 1 | json }}", TemplateProblem("DF032", "No filter named 'json'", "write tojson", line=1), id="json"
        ),
        pytest.param("{{ 1 | random }}", TemplateProblem("DF032", "No filter named 'random'.", line=1), id="no-chance"),
        pytest.param(
            "{{ lipsum() }}",
            TemplateProblem("DF033", "lipsum is not defined", "templates can read vars, each, name", line=1),
            id="no-lipsum",
        ),
        pytest.param(
            "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
            TemplateProblem("DF032", "too much nesting (RecursionError)"),
            id="nesting",
        ),
        pytest.param(
            "{{ 1 // 0 }}", TemplateProblem("DF034", "integer division or modulo by zero", line=1), id="arithmetic"
        ),
        pytest.param(
            "{{ vars.none }}",
            TemplateProblem("DF034", "null cannot be printed: use `| tojson`, or print one of its values", line=1),
            id="null",
        ),
        pytest.param(
            "{{ vars.list }}",
            TemplateProblem("DF034", "a list cannot be printed: use `| tojson`, or print one of its values", line=1),
            id="list",
        ),
        pytest.param(
            "{{ each | upper }}",
            TemplateProblem("DF034", "a mapping cannot be printed: use `| tojson`, or print one of its values", line=1),
            id="mapping",
        ),
        pytest.param(
            "{{ [1] | map('string') }}",
            TemplateProblem(
                "DF034",
                "a value of type generator cannot be printed: use `| tojson`, or print one of its values",
                line=1,
            ),
            id="generator",
        ),
        pytest.param(
            r"{{ '\ud800' }}",
            TemplateProblem("DF034", "gives half of a surrogate pair, which is not valid text"),
            id="surrogate",
        ),
        pytest.param(
            "{{ ''.__class__ }}",
            TemplateProblem("DF034", "access to attribute '__class__' of 'str' object is unsafe.", line=1),
            id="sandbox",
        ),
        pytest.param(
            "{{ vars.list.append(1) }}",
            TemplateProblem("DF034", "access to attribute 'append' of 'list' object is unsafe.", line=1),
            id="nobody-changes-values",
        ),
    ],
)
def test_what_is_wrong_has_a_code_a_line_and_a_reason(
    renderer: Renderer, source: str, expected: TemplateProblem
) -> None:
    """Every failure says what was found, and what would be right where that is known."""
    assert trouble(renderer, source) == expected


def test_a_failure_is_an_error_with_a_message_of_its_own(renderer: Renderer) -> None:
    """Whoever does not know of codes reads name, line and reason."""
    with pytest.raises(RenderError, match=r"^meta.title:1: each.x is not defined: films.csv has slug, title, items$"):
        renderer.render("{{ each.x }}", CONTEXT, name="meta.title")


def test_each_is_missing_without_for_each(renderer: Renderer) -> None:
    """A template that wants a row, in a dispatch without rows, is told what to do."""
    with pytest.raises(TemplateTrouble, match="each is not defined: it exists only in a dispatch with for_each"):
        renderer.render("{{ each.x }}", {"vars": {}}, name="id")


def test_compilation_happens_once_but_its_failure_is_told_each_time(renderer: Renderer) -> None:
    """The same mistake in two places is told of both."""
    for name in ("meta.a", "meta.b"):
        with pytest.raises(TemplateTrouble, match=f"^{name}:1: "):
            renderer.render("{{ a b }}", CONTEXT, name=name)


def test_files_render_with_their_own_lines(tmp_path: Path, renderer: Renderer) -> None:
    """A template file is rendered as it lies there; its failures name it and its line."""
    (tmp_path / "ok.j2").write_bytes(b"\xc3\xa9\r\n{{ name }}\r\n")
    (tmp_path / "bad.j2").write_text("a\nb\n{{ each.nope }}")
    (tmp_path / "broken.j2").write_text("a\n{% if %}")
    assert renderer.render_file("ok.j2", CONTEXT) == "\xe9\r\nnightly\r\n"
    with pytest.raises(TemplateTrouble, match=r"^bad.j2:3: each.nope is not defined"):
        renderer.render_file("bad.j2", CONTEXT)
    with pytest.raises(TemplateTrouble, match=r"^broken.j2:2: Expected an expression"):
        renderer.render_file("broken.j2", CONTEXT)


@pytest.mark.parametrize(
    ("path", "error", "reason"),
    [
        ("gone.j2", FileError, "gone.j2: does not exist"),
        ("../x.j2", OutsideFolder, "outside"),
        ("latin.j2", FileError, "latin.j2: not UTF-8 at byte 2"),
    ],
)
def test_a_file_that_cannot_be_read_is_the_callers_problem(
    tmp_path: Path, renderer: Renderer, path: str, error: type[FileError], reason: str
) -> None:
    """The place of a wrong file name is where it was written, so the error is not the template's."""
    (tmp_path / "latin.j2").write_bytes(b"a\xe9")
    with pytest.raises(error, match=reason):
        renderer.render_file(path, CONTEXT)


def test_templates_include_and_import_files_of_the_folder(tmp_path: Path, renderer: Renderer) -> None:
    """Included and imported files see the same names as the template."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "macros.j2").write_text("{% macro tag(x) %}<{{ x }} {{ name }}>{% endmacro %}")
    (tmp_path / "head.j2").write_text("head of {{ each.slug }}")
    (tmp_path / "base.j2").write_text("[{% block body %}{% endblock %}]")
    source = (
        "{% extends 'base.j2' %}{% import 'lib/macros.j2' as lib %}"
        "{% block body %}{% include 'head.j2' %} {{ lib.tag(1) }}{% include 'gone.j2' ignore missing %}{% endblock %}"
    )
    assert renderer.render(source, CONTEXT, name="x") == "[head of intro <1 nightly>]"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("\n{% include 'gone.j2' %}", TemplateProblem("DF030", "gone.j2: does not exist", line=2)),
        ("{% include 'sub' ignore missing %}", TemplateProblem("DF030", "sub: is a directory", line=1)),
        ("{% include '../x' %}", TemplateProblem("DF031", "../x: is outside the manifest's folder", ALLOW, line=1)),
        ("{% include '/x' %}", TemplateProblem("DF031", "/x: is outside the manifest's folder", ALLOW, line=1)),
        (
            "{% include 'bad.j2' %}",
            TemplateProblem("DF033", "vars.x is not defined", "vars has take, flag, none, list", "bad.j2", 2),
        ),
        ("{% include 'broken.j2' %}", TemplateProblem("DF032", "Unexpected end of template", "", "broken.j2", 3)),
    ],
)
def test_a_failing_include_is_told_where_it_fails(
    tmp_path: Path, renderer: Renderer, source: str, expected: TemplateProblem
) -> None:
    """A wrong name is the including line's fault, wrong contents are the included file's."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "bad.j2").write_text("a\n{{ vars.x }}")
    (tmp_path / "broken.j2").write_text("a\n\n{{ vars.x }}{% if x %}")
    found = trouble(renderer, source)
    assert (found.code, found.file, found.line) == (expected.code, expected.file, expected.line)
    assert found.found.startswith(expected.found)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link does not lead out of the folder."""
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    assert trouble(Renderer(Files(folder)), "{% include 'link' %}").code == "DF031"


def test_nothing_is_carried_from_one_rendering_to_the_next(tmp_path: Path, renderer: Renderer) -> None:
    """A counter in an imported file starts anew each time, so the order of items changes nothing."""
    (tmp_path / "state.j2").write_text("{% set ns = namespace(n=0) %}{% set c = cycler('a', 'b') %}")
    source = "{% from 'state.j2' import ns, c %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{{ c.next() }}"
    assert [renderer.render(source, CONTEXT, name="x") for _ in range(3)] == ["1a", "1a", "1a"]


@given(st.text(), st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_goes_through_unchanged(renderer: Renderer, before: str, value: str) -> None:
    """What stands beside a template, and what a template prints, comes out as it was, line ends and all."""
    literal = before.replace("{", "(")
    assert renderer.render(literal + "{{ x }}", {"x": value}, name="x") == literal + value


@given(st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_source_ends_in_a_traceback(renderer: Renderer, source: str) -> None:
    """Whatever stands in a template, it renders or tells what is wrong."""
    for template in (source, "{{ " + source + " }}", "{% " + source + " %}"):
        with suppress(TemplateTrouble):
            renderer.render(template, CONTEXT, name="x")
