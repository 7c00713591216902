"""Templates that only look values up are filled in without Jinja, and nobody can tell."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatchfile.expand import Names
from dispatchfile.manifest import SourceFloat
from dispatchfile.render import MAX_TEXT, Renderer, TemplateTrouble
from dispatchfile.render.lookups import fill_lookups, read_lookups

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(SourceFloat(1.1, "1.10")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "items"]), inner),
    max_leaves=5,
)
PARTS = st.lists(
    st.sampled_from(["{{ vars.a }}", "{{vars.b.items}}", "{{ vars }}", "{{ name }}", "{{ vars.a.b }}", "{{ gone }}"])
    | st.sampled_from(["{", "}", "{{", "}}", "{%", "{# #}", " ", "\r\n", "x", "{{ vars.a -}}", "{{ true }}"]),
    max_size=6,
)


def outcome(renderer: Renderer, source: str, context: dict[str, object]) -> object:
    """The text, or what is wrong in which line."""
    try:
        return renderer.render(source, context, name="x")
    except TemplateTrouble as exc:
        return exc.trouble.code, exc.trouble.line


@given(PARTS, st.dictionaries(st.sampled_from(["a", "b", "items"]), VALUES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_lookups_give_what_jinja_gives(renderer: Renderer, parts: list[str], values: dict[str, object]) -> None:
    """With a comment before it, a template goes through Jinja; the text or the trouble is the same."""
    source, context = "".join(parts), {"vars": Names("vars", values, "vars"), "name": "n"}
    assert outcome(renderer, source, context) == outcome(renderer, "{# x #}" + source, context)


@pytest.mark.parametrize("source", ["{{ a.b }}", "x{{a}}y {{ a.b_1 }}", "{{ a }}}", "no template"])
def test_plain_lookups_are_known(source: str) -> None:
    """Names and keys, and any text around them."""
    assert read_lookups(source) is not None


@pytest.mark.parametrize(
    "source",
    ["{{ a | upper }}", "{{ a[0] }}", "{{- a }}", "{{{ a }}", "{% if a %}", "{{ a }}{# #}", "{{ 1 }}", "{{ a() }}"],
)
def test_all_else_is_left_to_jinja(source: str) -> None:
    """Filters, calls, tags and comments are not looked up."""
    assert read_lookups(source) is None


@pytest.mark.parametrize("value", [None, [], {}, "x" * (MAX_TEXT + 1), "\ud800"])
def test_what_does_not_print_is_left_to_jinja(value: object) -> None:
    """Jinja has the words, and the line, for what is wrong."""
    lookups = read_lookups("{{ a.b }}")
    assert lookups is not None
    assert fill_lookups(lookups, {"a": {"b": value}}) is None
