"""Texts in quotes, as Go writes them."""

import pytest

from dispatchfile.nomad.quoting import quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ok/dispatch-1", '"ok/dispatch-1"'),
        ('a"b\\c', r'"a\"b\\c"'),
        ("grün", '"grün"'),
        ("\x1b[31m\n\x00", r'"\x1b[31m\n\x00"'),
        ("\u202e\U000e0001", r'"\u202e\U000e0001"'),
    ],
)
def test_what_cannot_be_seen_is_escaped(text, shown):
    """Nothing in a name reaches a terminal."""
    assert quoted(text) == shown
