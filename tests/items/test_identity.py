"""Fingerprints, default ids, and the names of children."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.items import DispatchRequest, attempt_token, child_prefix
from dispatchfile.items.identity import default_id, fingerprint, short_id
from dispatchfile.names import is_child_of
from tests.making import make_item

REQUEST = DispatchRequest("encode", "media", "eu", b"x", {"a": "1", "b": "2"}, 50, "token")
NOTHING: frozenset[str] = frozenset()

IDS = st.text("abcABC019._-", min_size=1, max_size=128)
TEXTS = st.text() | st.sampled_from(["a", "b", '"\\', "\ud800", "\x7f\u2028"])
ATTEMPTS = st.integers(min_value=1, max_value=10_000)


def test_a_fingerprint_never_changes_between_versions() -> None:
    """Journals and plans compare fingerprints with those of earlier versions, so this one is fixed."""
    assert fingerprint(REQUEST, NOTHING) == "5df38bf5595490557eb358f241bdc4d560fd1b79350691872f2dd7db6c78cbc7"


def test_a_default_id_never_changes_between_versions() -> None:
    """An id is the item's identity in journals: it stays the same, too."""
    assert default_id("encode", {"a": "1"}, b"x", NOTHING) == "encode-0a4b9667104bf37c"


@pytest.mark.parametrize(
    "changed",
    [
        replace(REQUEST, job="other"),
        replace(REQUEST, namespace="other"),
        replace(REQUEST, region="us"),
        replace(REQUEST, payload=b"y"),
        replace(REQUEST, payload=None),
        replace(REQUEST, meta={"a": "1", "b": "3"}),
        replace(REQUEST, meta={"a": "1"}),
        replace(REQUEST, priority=51),
        replace(REQUEST, priority=None),
    ],
)
def test_whatever_nomad_would_do_differently_changes_the_fingerprint(changed: DispatchRequest) -> None:
    """Job, namespace, region, payload, meta and priority are what an item is."""
    assert fingerprint(changed, NOTHING) != fingerprint(REQUEST, NOTHING)


@pytest.mark.parametrize(
    "same",
    [replace(REQUEST, token="other"), replace(REQUEST, token=None), replace(REQUEST, meta={"b": "2", "a": "1"})],
)
def test_tokens_and_the_order_of_meta_do_not(same: DispatchRequest) -> None:
    """A token only tells dispatches apart, and the order of keys means nothing."""
    assert fingerprint(same, NOTHING) == fingerprint(REQUEST, NOTHING)


def test_an_empty_payload_is_none() -> None:
    """Nomad counts an empty payload as none."""
    assert fingerprint(replace(REQUEST, payload=b""), NOTHING) == fingerprint(replace(REQUEST, payload=None), NOTHING)


def test_sensitive_values_take_no_part() -> None:
    """What is never stored must not be guessed from a hash either."""
    secret = frozenset({"payload", "meta.a"})
    other = replace(REQUEST, payload=b"other", meta={"a": "other", "b": "2"})
    assert fingerprint(other, secret) == fingerprint(REQUEST, secret)
    assert default_id("j", REQUEST.meta, b"x", secret) == default_id("j", other.meta, b"other", secret)


@given(
    st.builds(
        DispatchRequest,
        job=TEXTS,
        namespace=TEXTS,
        region=TEXTS,
        payload=st.none() | st.binary(),
        meta=st.dictionaries(TEXTS, TEXTS),
        priority=st.none() | st.integers(),
        token=st.none(),
    ),
    st.frozensets(st.sampled_from(["payload", "meta.a", "meta.b"])),
)
def test_what_is_hashed_is_canonical_json(request: DispatchRequest, sensitive: frozenset[str]) -> None:
    """Sorted keys, no blanks and ASCII only, as any JSON library can write it, whatever the values are."""
    content = {
        "job": request.job,
        "meta": {key: value for key, value in request.meta.items() if f"meta.{key}" not in sensitive},
        "payload": b64encode(request.payload).decode() if request.payload and "payload" not in sensitive else None,
    }
    whole = {**content, "namespace": request.namespace, "region": request.region, "priority": request.priority}
    made = default_id("j", request.meta, request.payload, sensitive)
    assert fingerprint(request, sensitive) == _canonical_digest(whole)
    assert made == f"j-{_canonical_digest({**content, 'job': 'j'})[:16]}"


def _canonical_digest(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@given(st.text(min_size=1, max_size=300), st.dictionaries(st.text(), st.text()), st.binary(max_size=40))
def test_a_default_id_is_always_an_id(job: str, meta: dict[str, str], payload: bytes) -> None:
    """Whatever the job is called, 1 to 128 characters that an id may have come out."""
    made = default_id(job, meta, payload, NOTHING)
    assert 1 <= len(made) <= 128
    assert all(char.isascii() and (char.isalnum() or char in "._-") for char in made)


def test_a_long_id_is_cut_and_told_apart_by_its_hash() -> None:
    """Up to 64 characters stand in a child's ID as they are; a longer id ends in 8 digits of its hash."""
    assert short_id("x" * 64) == "x" * 64
    assert short_id("x" * 65) == "x" * 55 + "-" + "9537c5fd"
    assert short_id("x" * 65) != short_id("x" * 66)


@pytest.mark.parametrize(
    ("prefix", "exact", "expected"),
    [("", False, "r4f2k9ab-intro-2"), ("night", False, "night-r4f2k9ab-intro-2"), ("night", True, "night")],
)
def test_child_prefixes(prefix: str, *, exact: bool, expected: str) -> None:
    """Run, item and attempt make a prefix; a written one goes in front, and out bare where that is asked."""
    assert child_prefix(make_item("intro", prefix=prefix, exact=exact), run="r4f2k9ab", attempt=2) == expected


@given(st.tuples(IDS, ATTEMPTS), st.tuples(IDS, ATTEMPTS))
def test_two_attempts_never_share_a_prefix(one: tuple[str, int], other: tuple[str, int]) -> None:
    """`a` attempt 1 and `a-1` are two things, and a child of one is no child of the other."""
    prefixes = [child_prefix(make_item(item_id), run="r4f2k9ab", attempt=attempt) for item_id, attempt in (one, other)]
    assert (prefixes[0] == prefixes[1]) == (one == other)
    child = f"encode/dispatch-{prefixes[0]}-1700000000-0a1b2c3d"
    assert is_child_of(child, job="encode", prefix=prefixes[0])
    assert is_child_of(child, job="encode", prefix=prefixes[1]) == (one == other)


@pytest.mark.parametrize(
    ("child", "is_ours"),
    [
        ("encode/dispatch-r1-a-1-1700000000-0a1b2c3d", True),
        ("encode/dispatch-r1-a-1-1-1700000000-0a1b2c3d", False),
        ("encode/dispatch-r1-a-1700000000-0a1b2c3d", False),
        ("encode/dispatch-r1-a-1", False),
        ("encode/dispatch-r1-a-1-1700000000-0a1b2c3", False),
        ("encode/dispatch-r1-a-1-1700000000-0A1B2C3D", False),
        ("encode/dispatch-r1-a-1-x-0a1b2c3d", False),
        ("encode/dispatch-r1-a-1--0a1b2c3d", False),
        ("other/dispatch-r1-a-1-1700000000-0a1b2c3d", False),
        ("encode/dispatch-r1-a-1-1700000000-0a1b2c3d/periodic-1700000000", False),
        ("", False),
    ],
)
def test_only_the_exact_prefix_makes_a_child_ours(child: str, *, is_ours: bool) -> None:
    """What Nomad appends is the time and 8 digits, and nothing else may stand between."""
    assert is_child_of(child, job="encode", prefix="r1-a-1") == is_ours


def test_a_child_without_prefix() -> None:
    """Servers before 1.4.2 ignore the prefix; such a child is one of the empty prefix only."""
    child = "encode/dispatch-1700000000-0a1b2c3d"
    assert is_child_of(child, job="encode", prefix="")
    assert not is_child_of(child, job="encode", prefix="r1-a-1")


@pytest.mark.parametrize(
    ("attempt", "rerun", "expected"),
    [(1, None, "t"), (2, None, "t#2"), (1, "r2", "t@r2"), (3, "r2", "t@r2#3")],
)
def test_each_attempt_has_a_token_of_its_own(attempt: int, rerun: str | None, expected: str) -> None:
    """The second attempt, and a rerun, are to make a new child: so Nomad must not know their token."""
    assert attempt_token("t", attempt=attempt, rerun=rerun) == expected
