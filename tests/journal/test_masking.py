"""Sensitive values hidden from what is stored."""

import pytest

from dispatchfile.events import Cause, Ended, Outcome, Verdict
from dispatchfile.journal import Mask
from dispatchfile.journal.masking import NOT_TOLD

from .samples import item

KEYED = item("a", meta={"api_key": 'hunter"2', "title": "hunter"}, sensitive=frozenset({"meta.api_key"}))


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        pytest.param('login with hunter"2 failed', "login with *** failed", id="plain"),
        pytest.param(r'body {"k":"hunter\"2"}', 'body {"k":"***"}', id="quoted"),
        pytest.param("the hunter is out", "the hunter is out", id="another value"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_sensitive_value_is_hidden_wherever_a_text_repeats_it(text, covered):
    """Errors and log lines quote what they were given."""
    assert Mask([KEYED]).covered(text, "a") == covered


def test_a_line_of_a_sensitive_payload_is_hidden():
    """A log line shows at most one line of the payload."""
    sample = item(payload=b"user: me\n  password: swordfish\n", sensitive=frozenset({"payload"}))
    assert Mask([sample]).covered("read password: swordfish.", "a") == "read ***."


def test_the_longer_secret_is_hidden_first():
    """A secret that contains another leaves nothing of itself behind."""
    sample = item(meta={"a": "abcd", "b": "abcdefgh"}, sensitive=frozenset({"meta.a", "meta.b"}))
    assert Mask([sample]).covered("abcdefgh", "a") == "***"


def test_an_item_keeps_only_its_own_secrets_from_its_texts():
    """What is a secret of one item may be an everyday word of another."""
    assert Mask([KEYED]).covered('hunter"2', "b") == 'hunter"2'


def test_a_text_about_the_run_hides_the_secrets_of_all_items():
    """A notice belongs to no item."""
    assert Mask([KEYED]).covered('hunter"2', None) == "***"


def test_values_too_short_to_be_secret_stay():
    """Hiding every `1` would make exit codes unreadable, and hide nothing."""
    sample = item(meta={"pin": "1"}, sensitive=frozenset({"meta.pin", "meta.none"}))
    assert Mask([sample]).covered("exit code 1", "a") == "exit code 1"


def test_secrets_may_be_learnt_later():
    """A resumed run renders them again."""
    mask = Mask()
    mask.learn([KEYED])
    assert mask.covered('hunter"2', "a") == "***"


def test_only_free_texts_are_covered():
    """IDs have to stay what they are, even where they contain a secret."""
    plain = {"child": 'hunter"2', "reason": 'hunter"2', "verdict": {"message": 'hunter"2', "node": 'hunter"2'}}
    Mask([KEYED]).cover(plain, "a")
    assert plain == {"child": 'hunter"2', "reason": "***", "verdict": {"message": "***", "node": 'hunter"2'}}


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        pytest.param(Cause.EXIT, "exit code 3", id="in our own words"),
        pytest.param(Cause.DRIVER, f"driver: {NOT_TOLD}", id="in those of Nomad"),
    ],
)
def test_where_a_value_is_not_at_hand_nothing_is_told_that_may_repeat_it(cause, message):
    """`watch` has no variables, so it cannot tell a secret from any other word."""
    mask = Mask()
    mask.silence([KEYED, item("b")])
    verdict = Verdict(Outcome.FAILED, cause, "exit code 3", last_log_line="using hunter2")
    assert mask.hide(Ended("a", 1, 1.0, verdict)) == Ended("a", 1, 1.0, Verdict(Outcome.FAILED, cause, message))
    assert mask.hide(Ended("b", 1, 1.0, verdict)) == Ended("b", 1, 1.0, verdict)
