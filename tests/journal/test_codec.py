"""Records to plain values and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.items import Item
from dispatchfile.journal import RunHeader
from dispatchfile.journal.codec import decode, encode

from .samples import header, item


def test_a_record_comes_back_from_json_as_it_was():
    """Nested records, enums, spans of time, sets and tuples survive."""
    there = json.loads(json.dumps(encode(header())))
    assert decode(RunHeader, there) == header()


def test_an_item_comes_back_from_json_as_it_was():
    """An item without a payload, whose bytes are kept elsewhere, is plain."""
    sample = item(payload=None, sensitive=frozenset({"meta.key"}))
    assert decode(Item, json.loads(json.dumps(encode(sample)))) == sample


def test_what_has_its_default_is_left_out():
    """A field is stored only where it says something."""
    event = Ended("a", 1, 2.5, Verdict(Outcome.FAILED, Cause.EXIT, exit_code=3))
    assert encode(event) == {
        "item": "a",
        "attempt": 1,
        "at": 2.5,
        "verdict": {"outcome": "failed", "cause": "exit", "exit_code": 3},
    }


def test_a_field_of_a_later_version_is_passed_over():
    """A header that a newer version wrote can still be shown."""
    plain = encode(header()) | {"mood": "good"}
    assert decode(RunHeader, plain) == header()


@pytest.mark.parametrize(
    "plain",
    [
        pytest.param({"item": "a", "attempt": 1, "at": 1.0}, id="a field is missing"),
        pytest.param({"item": "a", "attempt": 1, "at": 1.0, "verdict": {"outcome": "odd"}}, id="no such outcome"),
        pytest.param({"item": "a", "attempt": 1, "at": 1.0, "verdict": {"outcome": []}}, id="a wrong type"),
    ],
)
def test_what_was_no_record_is_not_made_one(plain):
    """Garbage is an error, and not a record with holes."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        decode(Ended, plain)


def test_a_record_that_has_no_plain_form_is_refused_by_its_class():
    """A field that could not be read back is found before anything is stored."""

    @dataclass(frozen=True)
    class Odd:
        at: datetime

    with pytest.raises(TypeError, match="datetime"):
        encode(Odd(datetime.max))


def test_spans_of_time_keep_their_microseconds():
    """A duration is a whole number of microseconds, never a float."""
    assert encode(item())["deadline"] == timedelta(minutes=30) // timedelta(microseconds=1)
