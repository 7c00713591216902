"""The origin of items whose ID the manifest does not give."""

import pytest

from dispatchfile.expand import Names, Row
from dispatchfile.items.builder import first_value
from dispatchfile.source import Position

PLACE = Position("films.csv", 3, 1)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        pytest.param({"slug": "alien", "year": "1979"}, "alien", id="the first of a row"),
        pytest.param("alien", "alien", id="a text"),
        pytest.param(7, "7", id="a number"),
        pytest.param("two\n words " + "x" * 90, "two words " + "x" * 30, id="cut, on one line"),
        pytest.param({"film": {"slug": "alien"}}, "", id="no mapping"),
        pytest.param(True, "", id="no boolean"),
    ],
)
def test_the_first_value_of_a_row_is_shown_in_short(values: object, shown: str) -> None:
    """It tells people which row it is, as a hash does not."""
    each = Names("each", values if isinstance(values, dict) else {}, "films.csv")
    each.setdefault("index", 0)
    each.setdefault("value", values)
    assert first_value(Row(0, each, PLACE)) == shown
    assert first_value(Row(0, None, None)) == ""
