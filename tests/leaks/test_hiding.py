"""Texts of others without the secrets that they repeat."""

import base64

import pytest

from dispatchfile.journal import Mask
from dispatchfile.nomad.answers import LONGEST_TEXT, Answer
from dispatchfile.secrecy import forms_of, masked
from tests.journal.samples import item
from tests.leaks.search import forms

SECRET = 's3/cr+t "é\\'


@pytest.mark.parametrize("form", sorted(set(forms(SECRET)) - {"hexadecimal", "in XML", "in Python", "Base64"}))
def test_a_secret_is_hidden_in_the_forms_that_messages_have(form: str) -> None:
    """As it is, quoted as JSON and encoded for a URL."""
    for text in forms(SECRET)[form]:
        shown = masked(f"refused: {text.decode()}!", forms_of([SECRET]))
        assert shown == "refused: ***!"


def test_a_secret_is_hidden_in_base64() -> None:
    """As a payload is sent, whatever bytes it has."""
    payload = bytes(range(128, 200))
    mask = Mask([item(payload=payload, sensitive=frozenset({"payload"}))])
    assert mask.covered(f"cannot decode {base64.b64encode(payload).decode()}.", "a") == "cannot decode ***."


def test_the_beginning_of_a_secret_is_hidden_where_a_text_is_cut() -> None:
    """A long payload would else be shown as far as a message goes."""
    assert masked("refused: s3/cr+…)", forms_of([SECRET])) == "refused: ***…)"
    assert masked("refused: s3…", forms_of([SECRET])) == "refused: s3…"


def test_an_answer_hides_the_secrets_of_its_request_before_it_is_cut() -> None:
    """They may stand at the very end of what is shown."""
    text = "x" * (LONGEST_TEXT - 4) + "hunter22 and more"
    answer = Answer(500, {}, text.encode(), forms_of(["hunter22"]))
    assert answer.shown(answer.text) == "x" * (LONGEST_TEXT - 4) + "*** …"
