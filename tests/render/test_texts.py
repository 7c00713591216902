"""Values to text and JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.manifest import SourceFloat, SourceInt
from dispatchfile.render import MAX_TEXT, NotText, TooMuch, compact_json, print_value
from dispatchfile.render.texts import join_bounded, spaced_json

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (True, "true"), (False, "false"), (7, "7"), (SourceFloat(1.1, "1.10"), "1.10"), (1e22, "1e+22")],
)
def test_scalars_print_as_they_are_written(value: object, text: str) -> None:
    """Text, numbers and truth values print as a manifest writes them."""
    assert print_value(value) == text


@pytest.mark.parametrize("value", [None, [], {}, (), range(3), iter([1]), print_value])
def test_what_has_no_text_of_its_own_does_not_print(value: object) -> None:
    """Nobody means Python's notation for null, lists and mappings, and some of it differs from run to run."""
    with pytest.raises(NotText, match="tojson"):
        print_value(value)


@given(JSON_VALUES)
def test_json_is_what_the_json_module_writes(value: object) -> None:
    """Any JSON value comes out as the json module has it, but for characters that need no escape."""
    options = {"ensure_ascii": False}
    assert compact_json(value) == json.dumps(value, separators=(",", ":"), **options)  # type: ignore[arg-type]
    assert spaced_json(value) == json.dumps(value, **options)  # type: ignore[arg-type]
    assert spaced_json(value, 2) == json.dumps(value, indent=2, **options)  # type: ignore[arg-type]


def test_json_keeps_numbers_as_written_where_json_can() -> None:
    """1.10 stays 1.10; what JSON has no notation for gets its value."""
    numbers = [SourceFloat(1.1, "1.10"), SourceFloat(1000.0, "1e3"), SourceInt(31, "0x1F"), SourceFloat(0.5, ".5")]
    assert compact_json(numbers) == "[1.10,1e3,31,0.5]"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), iter([]), {None: 1}, {"a": object()}])
def test_what_is_no_json_is_refused(value: object) -> None:
    """JSON has no infinity, no generators and no keys but text."""
    with pytest.raises(NotText):
        compact_json(value)


def test_json_that_explodes_is_stopped_on_the_way() -> None:
    """A list that holds itself twice, forty times over, is small in memory and endless in JSON."""
    value: list[object] = ["x"]
    for _ in range(40):
        value = [value, value]
    with pytest.raises(TooMuch):
        compact_json(value)


@pytest.mark.parametrize(("size", "fits"), [(MAX_TEXT, True), (MAX_TEXT + 1, False)])
def test_joining_ends_at_the_limit(size: int, *, fits: bool) -> None:
    """A text of exactly the limit is let through, one character more is not."""
    if fits:
        assert join_bounded(["x"] * size) == "x" * size
    else:
        with pytest.raises(TooMuch):
            join_bounded(["x"] * size)
