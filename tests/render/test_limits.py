"""Templates that would never end or fill the memory."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from dispatchfile.files import Files
from dispatchfile.render import MAX_TEXT, Renderer, TemplateTrouble
from dispatchfile.render.limits import MAX_SECONDS
from dispatchfile.render.renderer import GIVEN_UP, MAX_OVERRUNS, MAX_SOURCE

DOUBLING = "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = EXPRESSION %}{% endfor %}"
BIG = "x" * 60_000

BOMBS = {
    "multiply-text": "{{ 'a' * 10**9 }}",
    "multiply-list": "{{ [0] * 10**8 }}",
    "multiply-by-number-first": "{{ 10**8 * [0] }}",
    "power": "{{ 9 ** 999999999 }}",
    "huge-product": "{% set ns = namespace(x=9) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "percent": "{{ '%1000000000d' % 1 }}",
    "percent-precision": "{{ '%.1000000000f' % 1 }}",
    "percent-star": "{{ '%*d' % (1000000000, 1) }}",
    "percent-repeated": "{{ '%s' * 100 % big }}",
    "format-filter": "{{ '%1000000000d' | format(1) }}",
    "format-method": "{{ '{:1000000000}'.format(1) }}",
    "format-computed": "{{ '{:{}}'.format(1, 1000000000) }}",
    "format-in-other-digits": "{{ '{:٩٩٩٩٩٩٩٩٩}'.format(1) }}",
    "format-key-in-brackets": "{{ '%((a))2000000000d' % {'(a)': 1} }}",
    "format-behind-a-modifier": "{{ '%l%%2000000000d' % 1 }}",
    "select-in-list": "{% set r = range(99000) | list %}{{ r | select('in', r) | list | length }}",
    "format-repeated": "{{ ('{0}' * 100).format(big) }}",
    "center-method": "{{ 'a'.center(10**9) }}",
    "ljust-method": "{{ 'a'.ljust(10**9) }}",
    "zfill-method": "{{ 'a'.zfill(10**9) }}",
    "center-filter": "{{ 'a' | center(10**9) }}",
    "center-constant": "{{ 'a' | center(1000000000) }}",
    "indent-filter": "{{ 'a\nb' | indent(10**9) }}",
    "replace-method": "{{ big.replace('x', big) }}",
    "replace-filter": "{{ big | replace('x', big) }}",
    "replace-nothing": "{{ big | replace('', big) }}",
    "wordwrap": "{{ big | wordwrap(1, true, big) }}",
    "join-filter": "{{ range(9999) | join(big) }}",
    "join-method": "{{ big.join(['a'] * 9999) }}",
    "batch": "{{ [1] | batch(10**9, 0) | list }}",
    "slice": "{{ [1] | slice(10**9) | list }}",
    "round": "{{ 1.5 | round(10**9, 'ceil') }}",
    "sum": "{{ ([range(9999) | list] * 9999) | sum(start=[]) }}",
    "map-list": "{{ ([range(99999)] * 99999) | map('list') | list }}",
    "range": "{% for i in range(10**9) %}{% endfor %}",
    "tojson-indent": "{{ [1] | tojson(10**9) }}",
    "plus": DOUBLING.replace("EXPRESSION", "ns.x + ns.x"),
    "plus-lists": DOUBLING.replace("'ab'", "[1]").replace("EXPRESSION", "ns.x + ns.x"),
    "tilde": DOUBLING.replace("EXPRESSION", "ns.x ~ ns.x"),
    "capture": DOUBLING.replace("{% set ns.x = EXPRESSION %}", "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}"),
    "macro": "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}" + DOUBLING.replace("EXPRESSION", "m(ns.x)"),
    "nested-lists": DOUBLING.replace("EXPRESSION", "[ns.x, ns.x]") + "{{ ns.x | tojson }}",
    "output": "{% for i in range(99999) %}{{ big }}{% endfor %}",
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "loops-over-text": "{% for a in big %}{% for b in big %}{% endfor %}{% endfor %}",
    "recursive-loop": "{% for x in [1, 1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
    "macro-without-end": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "include-without-end": "{% include 'self.j2' %}",
    "extends-without-end": "{% extends 'child.j2' %}",
}


def test_a_percent_sign_in_a_format_is_no_width(tmp_path: Path) -> None:
    """`%%` stands for itself, whatever follows."""
    source = "{{ '%d%% 1080p' % 5 }} {{ '%s: 50%%2024' % 1 }}"
    assert Renderer(Files(tmp_path)).render(source, {}, name="x") == "5% 1080p 1: 50%2024"


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_told_before_it_hurts(tmp_path: Path, source: str) -> None:
    """A template that would take endless time or memory fails immediately, and names the limit."""
    (tmp_path / "self.j2").write_text("x{% include 'self.j2' %}")
    (tmp_path / "child.j2").write_text("{% extends 'child.j2' %}")
    start = time.thread_time()
    with pytest.raises(TemplateTrouble) as caught:
        Renderer(Files(tmp_path)).render(source, {"big": BIG}, name="x")
    assert caught.value.trouble.code == "DF035"
    assert time.thread_time() - start < 2 * MAX_SECONDS


@pytest.mark.parametrize(
    "source",
    [
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(99) }}",
        "{% set b = range(999) | list %}{% for x in range(99999) %}{% if -1 in b %}{% endif %}{% endfor %}",
        "{% with n = 99 %}{% include 'twice.j2' %}{% endwith %}",
    ],
    ids=["calls", "comparisons", "includes"],
)
def test_what_no_step_counts_ends_with_the_time(tmp_path: Path, source: str) -> None:
    """Work that costs few steps is ended by the clock, whatever takes the time."""
    call = "{% with n = n - 1 %}{% include 'twice.j2' %}{% endwith %}"
    (tmp_path / "twice.j2").write_text("{% if n %}" + call * 2 + "{% endif %}")
    seconds = itertools.count(step=MAX_SECONDS / 20)
    with pytest.raises(TemplateTrouble, match="takes more than 1 s of processor time"):
        Renderer(Files(tmp_path), clock=lambda: next(seconds)).render(source, {}, name="x")


def test_a_template_that_never_ends_is_given_up(renderer: Renderer) -> None:
    """A hundred thousand rows must not take a hundred thousand times the limit."""
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    lines = []
    for _ in range(MAX_OVERRUNS + 2):
        with pytest.raises(TemplateTrouble) as caught:
            renderer.render(endless, {}, name="x")
        lines.append(caught.value.trouble.found)
    assert lines == ["takes more than 1,000,000 steps"] * MAX_OVERRUNS + [GIVEN_UP] * 2


def test_each_rendering_has_the_whole_budget(renderer: Renderer) -> None:
    """What one item spends, the next one has again."""
    source = "{% for a in range(600) %}{% for b in range(600) %}{% endfor %}{% endfor %}x"
    assert [renderer.render(source, {}, name="x") for _ in range(4)] == ["x"] * 4


@pytest.mark.parametrize("more", [0, 1])
def test_output_up_to_the_limit_is_fine(renderer: Renderer, more: int) -> None:
    """Exactly the limit renders; one character more is told with the line where it goes over."""
    source = "\n{{ big }}" + "y" * (MAX_TEXT - len(BIG) - 1 + more)
    if not more:
        assert len(renderer.render(source, {"big": BIG}, name="x")) == MAX_TEXT
    else:
        with pytest.raises(TemplateTrouble, match="renders to more than 65,536 characters"):
            renderer.render(source, {"big": BIG}, name="x")


def test_a_huge_source_is_not_compiled(renderer: Renderer) -> None:
    """Compiling takes milliseconds for each thousand characters, so there is an end to them."""
    with pytest.raises(TemplateTrouble, match="the template has 262,159 characters"):
        renderer.render("{{ 1 }}" * (MAX_SOURCE // 7 + 1) + "123456789", {}, name="x")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ 'ab' * 3 }}", "ababab"),
        ("{{ '%d' % 5000000000 }}", "5000000000"),
        ("{{ '{}'.format(5000000000) }}", "5000000000"),
        ("{{ ('x ' * 30000) | wordwrap(79) | length }}", "59999"),
        ("{{ 2 ** 10 }}", "1024"),
        ("{{ 'a' | center(5) }}|{{ 'a'.ljust(3) }}|{{ '7'.zfill(3) }}", "  a  |a  |007"),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{{ 'aXb'.replace('X', '--') }}", "a--b"),
        ("{{ [1, 2, 3] | batch(2) | list | tojson }}", "[[1, 2], [3]]"),
        ("{{ range(5, 0, -2) | list | tojson }}", "[5, 3, 1]"),
        ("{{ 1.256 | round(2) }}", "1.26"),
        ("{{ '%3d|%-3s|%.1f' % (7, 'a', 1.25) }}", "  7|a  |1.2"),
        ("{{{ 'a': 1 }['a']}}", "1"),
        ("{{ '{{{0}}}'.format(1) }}", "{1}"),
    ],
)
def test_everyday_use_is_not_hindered(renderer: Renderer, source: str, text: str) -> None:
    """The limits are far from what payloads need."""
    assert renderer.render(source, {}, name="x") == text
