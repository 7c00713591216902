"""Anchors, aliases and merge keys: read as each place asks, within budgets."""

import pytest

from dispatchfile.manifest.aliases import MAX_ANCHORED_EVENTS, NESTED_BUDGET
from tests.manifest.loading import PARSERS, document, load, refusals


@PARSERS
def test_an_alias_is_read_as_its_place_asks(pure: bool) -> None:
    """A number among the variables is text below meta, and the other way round."""
    text = """
    vars: {take: &take 1.10, all: &all {done: True, n: 007}}
    defaults:
      meta: {take: *take, <<: *all, count: &count 5}
      vars: {count: *count}
    dispatches:
      - meta: *all
    """
    found = document(text, pure=pure).data
    assert found == {
        "vars": {"take": 1.1, "all": {"done": True, "n": 7}},
        "defaults": {"meta": {"take": "1.10", "done": "True", "n": "007", "count": "5"}, "vars": {"count": 5}},
        "dispatches": [{"meta": {"done": "True", "n": "007"}}],
    }


@PARSERS
def test_a_merged_item_has_text_below_its_meta(pure: bool) -> None:
    """Merging alone or in a list, from an item or from a variable, gives the same."""
    text = """
    vars: {base: &base {job: x, meta: {take: 1.10}}}
    dispatches:
      - &a {<<: *base, id: a}
      - {<<: [*a, *base], id: b}
      - <<: {meta: {take: 1.50}}
    """
    metas = [item["meta"] for item in document(text, pure=pure).data["dispatches"]]  # type: ignore[attr-defined]
    assert metas == [{"take": "1.10"}, {"take": "1.10"}, {"take": "1.50"}]


@PARSERS
def test_own_keys_go_over_merged_ones_and_earlier_over_later(pure: bool) -> None:
    """The merge key's specification defines this order."""
    text = "vars: {a: &a {x: 1, y: 1}, b: &b {y: 2, z: 2}, c: {z: 3, <<: [*a, *b], w: 3}}"
    merged = document(text, pure=pure).data["vars"]["c"]  # type: ignore[index]
    assert merged == {"x": 1, "y": 1, "z": 3, "w": 3}


@PARSERS
def test_an_anchor_may_be_set_again(pure: bool) -> None:
    """An alias means the nearest one before it."""
    text = "vars: [&a 1, *a, &a {b: &b 2}, *a, *b]"
    assert document(text, pure=pure).data == {"vars": [1, 1, {"b": 2}, {"b": 2}, 2]}


@PARSERS
def test_an_alias_can_be_a_key(pure: bool) -> None:
    """An alias of a text works as a key."""
    assert document("vars:\n  a: &a b\n  *a : c\n", pure=pure).data == {"vars": {"a": "b", "b": "c"}}


def test_a_quoted_merge_key_is_a_key() -> None:
    """Only the plain one merges."""
    assert document("vars: {'<<': 1, a: <<}").data == {"vars": {"<<": 1, "a": "<<"}}


def bomb(levels: int, width: int) -> str:
    """Each level stands for the one before it, several times: the "billion laughs"."""
    lines = [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(["vars:", "  a0: &a0 [lol]", *lines])


def merge_bomb(levels: int) -> str:
    lines = [f"  a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}" for n in range(1, levels)]
    return "\n".join(["vars:", "  a0: &a0 {k: 1}", *lines])


@PARSERS
@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        pytest.param(bomb(9, 10), "DF006 6:17", id="billion laughs"),
        pytest.param(bomb(30, 2), "DF006 12:19", id="doubled"),
        pytest.param(merge_bomb(30), "DF006 11:22", id="merge keys"),
    ],
)
def test_bombs_are_refused_while_they_are_read(text: str, refusal: str, pure: bool) -> None:
    """Long before they are expanded: a few thousand values were built."""
    assert refusals(text, pure=pure) == [refusal]


def test_a_flat_flood_of_aliases_is_refused() -> None:
    """Aliases that are not nested have a budget, too, in proportion to the text."""
    text = f"vars:\n  a: &a [{'x, ' * 30_000}x]\n  b: [{'*a, ' * 50}*a]\n"
    assert [refusal[:8] for refusal in refusals(text)] == ["DF006 3:"]


def test_two_thousand_items_may_share_their_defaults() -> None:
    """The budgets are no matter for an honest manifest."""
    items = "\n".join(f"  - {{<<: *base, id: i{n}}}" for n in range(2_000))
    text = f"vars: {{base: &base {{job: x, meta: {{a: 1, b: 2, c: 3}}, tags: [a, b]}}}}\ndispatches:\n{items}\n"
    last = document(text).data["dispatches"][-1]  # type: ignore[index]
    assert last == {"id": "i1999", "job": "x", "meta": {"a": "1", "b": "2", "c": "3"}, "tags": ["a", "b"]}


def test_too_much_below_one_anchor_is_refused() -> None:
    """It would all have to be kept."""
    text = f"vars: &a [{'x, ' * MAX_ANCHORED_EVENTS}x]\nenv: *a\n"
    assert refusals(text) == ["DF006 1:7"]


def test_nested_aliases_have_room_for_ordinary_use() -> None:
    """Defaults that are made of other defaults."""
    text = f"vars: {{a: &a [{'x, ' * (NESTED_BUDGET // 4)}x], b: &b {{c: *a, d: *a}}, e: *b}}"
    assert len(document(text).data["vars"]["e"]["d"]) == NESTED_BUDGET // 4 + 1  # type: ignore[index]


@PARSERS
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vars: *a", "a.yaml:1:7: alias *a has no anchor: define &a before it"),
        ("vars: {b: *a, a: &a 1}", "a.yaml:1:11: alias *a has no anchor: define &a before it"),
        ("vars: &a [*a]", "a.yaml:1:11: alias *a refers to a node that contains it"),
        ("vars: &a {b: {<<: *a}}", "a.yaml:1:19: alias *a refers to a node that contains it"),
    ],
)
def test_an_alias_needs_an_anchor_before_it(text: str, message: str, pure: bool) -> None:
    """One that is complete where the alias stands."""
    assert [str(problem) for problem in load(text, pure=pure)[1]] == [message]
