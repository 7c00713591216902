"""Requests as they would be sent."""

from dataclasses import replace

import pytest

from dispatchfile.items import DispatchRequest, Item, Retry
from dispatchfile.nomad.targets import dispatch_target
from dispatchfile.reports.requests import render_request, request_path, request_record
from dispatchfile.source import Position

REQUEST = DispatchRequest(
    job="video/encode",
    namespace="media",
    region="eu",
    payload=b'{"in": "a.mov"}\n',
    meta={"title": "The end", "key": "hush"},
    priority=70,
    token="r1-outro",
)
ITEM = Item(
    id="outro",
    request=REQUEST,
    fingerprint="0" * 64,
    position=Position("films.yaml", 12, 5),
    row=None,
    written_prefix="",
    exact_prefix=False,
    deadline=None,
    stop_on_deadline=False,
    retry=Retry(),
    max_starts=None,
    tags=("films",),
    sensitive=frozenset({"meta.key"}),
)


def _with_payload(payload: bytes | None) -> Item:
    return replace(ITEM, request=replace(REQUEST, payload=payload))


def test_a_person_sees_all_of_a_request() -> None:
    """Where it goes, what is in it, and that a secret is in it."""
    assert (
        render_request(ITEM)
        == """\
outro  films.yaml:12:5
  PUT /v1/job/video%2Fencode/dispatch?namespace=media&region=eu&idempotency_token=r1-outro
  prefix: <run>-outro-1
  token: r1-outro
  priority: 70
  meta key: ***
  meta title: The end
  payload: 16 bytes
    {"in": "a.mov"}
"""
    )


def test_the_path_is_the_one_that_the_client_sends() -> None:
    """Escaped in the same way, whatever the job is called."""
    odd = replace(ITEM, request=replace(REQUEST, job="a b/ü%", namespace="n", region="", token=None))
    assert request_path(odd) == dispatch_target("a b/ü%", "n", "")


def test_a_script_gets_every_field() -> None:
    """The payload whole, the run's ID where it is known."""
    assert request_record(ITEM, run="k3v9x2ab") == {
        "item": "outro",
        "method": "PUT",
        "path": "/v1/job/video%2Fencode/dispatch?namespace=media&region=eu&idempotency_token=r1-outro",
        "job": "video/encode",
        "namespace": "media",
        "region": "eu",
        "id_prefix": "k3v9x2ab-outro-1",
        "idempotency_token": "r1-outro",
        "priority": 70,
        "meta": {"key": "***", "title": "The end"},
        "payload": {"size_bytes": 16, "text": '{"in": "a.mov"}\n'},
        "tags": ["films"],
        "position": {"file": "films.yaml", "line": 12, "column": 5},
    }


@pytest.mark.parametrize(
    ("item", "record"),
    [
        pytest.param(_with_payload(None), None, id="none"),
        pytest.param(_with_payload(b""), None, id="an empty one, which Nomad counts as none"),
        pytest.param(_with_payload(b"\xff\x00"), {"size_bytes": 2, "base64": "/wA="}, id="no text"),
        pytest.param(
            replace(ITEM, sensitive=frozenset({"payload"})), {"size_bytes": 16, "sensitive": True}, id="a secret"
        ),
    ],
)
def test_payloads_of_all_kinds(item: Item, record: object) -> None:
    """Text as text, other bytes as base64, a secret by its size."""
    assert request_record(item)["payload"] == record


@pytest.mark.parametrize(
    ("item", "lines"),
    [
        pytest.param(_with_payload(None), ["  no payload"], id="none"),
        pytest.param(_with_payload(b"\xff\x00"), ["  payload: 2 bytes", "    0000  ff 00"], id="no text"),
        pytest.param(
            _with_payload(b"\xff" * 300), ["    00f0  " + "ff " * 15 + "ff", "    … 44 bytes more"], id="many bytes"
        ),
        pytest.param(_with_payload(b"x" * 2001), ["    " + "x" * 2000, "    … 1 character more"], id="a long text"),
        pytest.param(_with_payload(b"a\x1b[2J\nb"), ["    a\\x1b[2J", "    b"], id="escapes"),
        pytest.param(replace(ITEM, sensitive=frozenset({"payload"})), ["  payload: 16 bytes, ***"], id="a secret"),
    ],
)
def test_what_a_person_sees_of_a_payload(item: Item, lines: list[str]) -> None:
    """Long ones are cut, and nothing in them reaches the terminal raw."""
    assert render_request(item).splitlines()[-len(lines) :] == lines


def test_secrets_are_in_nothing_that_is_shown() -> None:
    """Neither for people nor for scripts."""
    secret = replace(ITEM, sensitive=frozenset({"payload", "meta.key"}))
    shown = render_request(secret) + str(request_record(secret))
    assert "hush" not in shown
    assert "a.mov" not in shown
