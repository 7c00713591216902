"""Recorded requests get the recorded answers: status, text, and JSON of the same keys and kinds of values."""

import base64
from typing import Any
from urllib.parse import unquote, urlencode

import pytest

from dispatchfile.agent.http import Reply

from .recordings import Json, body_of, recorded
from .world import DONE, World

_ERRORS = [
    "bad-per-page",
    "child-as-parent",
    "delete-dispatch",
    "empty-body",
    "bad-json",
    "filter-and-status",
    "filter-syntax",
    "filter-unknown-field",
    "get-dispatch",
    "jobid-mismatch",
    "json-array",
    "meta-bool",
    "meta-case",
    "meta-list",
    "meta-missing",
    "meta-number",
    "meta-unpermitted",
    "not-parameterized",
    "payload-16385",
    "payload-bad-base64",
    "payload-empty",
    "payload-forbidden",
    "payload-missing",
    "payload-number",
    "payload-unpadded",
    "payload-urlsafe",
    "priority-101",
    "priority-negative",
    "purged-parent",
    "short-alloc-id",
    "statuses-empty",
    "stopped-parent",
    "stream-post",
    "truncated-json",
    "unknown-alloc",
    "unknown-eval",
    "unknown-eval-allocations",
    "unknown-job",
    "unknown-job-allocations",
    "unknown-job-evaluations",
    "unknown-job-summary",
    "unknown-parent",
    "unknown-route",
    "wildcard-namespace",
    "wrong-namespace",
    "wrong-region",
]
_DISPATCHES = [
    "json-null-body",
    "lowercase-keys",
    "meta-empty-value",
    "meta-null",
    "new",
    "new-post",
    "payload-16384",
    "payload-forbidden-empty",
    "prefix-nul",
    "prefix-odd",
    "prefix-plain",
    "prefix-slash",
    "prefix-tab",
    "priority",
    "raw-payload-route",
    "token-first",
    "trailing-data",
]


def _world() -> World:
    """The jobs that the recorded server had."""
    world = World()
    plain = body_of("job/ok")
    block = plain["ParameterizedJob"]
    world.register(plain, ID="ok", Name=None)
    world.register(
        plain,
        ID="req",
        Name=None,
        ParameterizedJob={
            "Payload": "required",
            "MetaRequired": ["quality", "lang"],
            "MetaOptional": ["title"],
        },
    )
    world.register(plain, ID="nopayload", Name=None, ParameterizedJob={**block, "Payload": "forbidden"})
    world.register(plain, ID="plain", Name=None, ParameterizedJob=None)
    world.stop(world.register(plain, ID="halted", Name=None))
    return world


def _replay(world: World, exchange: Json) -> Reply:
    request = exchange["request"]
    query = urlencode(request["query"])
    path = unquote(request["path"]) + (f"?{query}" if query else "")
    return world.ask(request["method"], path, _body(request))


def _body(request: Json) -> Any:
    """Large payloads are recorded by their size only."""
    if "body_text" in request:
        return request["body_text"].encode()
    body = request["body_json"]
    if isinstance(body, dict) and str(body.get("Payload")).startswith("<base64 of "):
        size = int(body["Payload"].split()[2])
        return {**body, "Payload": base64.b64encode(b"x" * size).decode()}
    return body


def _is_listing(text: str) -> bool:
    return "metadata keys: [" in text or "meta keys: [" in text


def _same_text(answered: str, wanted: str) -> bool:
    """Keys are listed in random order."""
    if not _is_listing(wanted):
        return answered == wanted
    head, _, keys = wanted.partition("[")
    mine_head, _, mine = answered.partition("[")
    return mine_head == head and sorted(mine.rstrip("]").split()) == sorted(keys.rstrip("]").split())


@pytest.mark.parametrize("name", _ERRORS)
def test_refusal_is_answered_as_recorded(name: str) -> None:
    """What Nomad refuses is refused with its status and its words."""
    exchange = recorded(f"errors/{name}")
    world = _world()
    if name == "child-as-parent":
        child = world.dispatch(world.now_named("ok"))
        exchange["request"]["path"] = f"/v1/job/{child.id}/dispatch"
        exchange["response"]["body_text"] = f'Specified job "{child.id}" is not a parameterized job'
    reply = _replay(world, exchange)
    response = exchange["response"]
    assert reply.status == response["status"]
    if "body_json" in response:
        assert reply.body == response["body_json"]
    else:
        assert _same_text(str(reply.body or ""), response.get("body_text") or "")
    assert reply.is_query == ("X-Nomad-Knownleader" in response["headers"])
    assert (reply.index is not None) == ("X-Nomad-Index" in response["headers"])


@pytest.mark.parametrize("name", _DISPATCHES)
def test_dispatch_is_answered_as_recorded(name: str) -> None:
    """A dispatch answers with a child, an evaluation and one index, and the child is named by its prefix."""
    exchange = recorded(f"dispatch/{name}")
    world = _world()
    world.clock.advance_to(int(body_of("job/ok")["SubmitTime"]))
    reply = _replay(world, exchange)
    wanted = exchange["response"]["body_json"]
    assert isinstance(reply.body, dict)
    assert (reply.status, reply.body.keys()) == (200, wanted.keys())
    assert reply.index == reply.body["Index"] == reply.body["EvalCreateIndex"] == reply.body["JobCreateIndex"]
    mine, theirs = (str(body["DispatchedJobID"]).rsplit("-", 2) for body in (reply.body, wanted))
    assert mine[0] == theirs[0]
    assert [len(part) for part in mine[1:]] == [len(part) for part in theirs[1:]]


@pytest.mark.parametrize("name", ["token-hit", "token-hit-other-content", "token-in-body"])
def test_token_hit_is_answered_as_recorded(name: str) -> None:
    """The same token gives the old child without an evaluation, whatever else is asked for."""
    world = _world()
    first = _replay(world, recorded("dispatch/token-first"))
    assert isinstance(first.body, dict)
    child = world.now_named(first.body["DispatchedJobID"])
    world.settle(0)
    world.report(world.alloc(child), DONE)
    world.settle()
    assert _replay(world, recorded(f"dispatch/{name}")).body == {
        "DispatchedJobID": child.id,
        "EvalCreateIndex": 0,
        "EvalID": "",
        "Index": world.now(child).modify_index,
        "JobCreateIndex": child.create_index,
    }


def _kinds(value: Any) -> Any:
    """The keys of a document and the kinds of its values, without the values."""
    if isinstance(value, dict):
        return {key: _kinds(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_kinds(value[0])] if value else []
    return type(value).__name__


# Keys of real nodes and drivers, and of what stands in their stead
_NOT_COMPARED = frozenset({"SigningKeyID", "Scores", "ScoreMetaData", "NormScore", "TaskStates", "ClassEligibility"})


def _comparable_kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _comparable_kinds(part) for key, part in value.items() if key not in _NOT_COMPARED}
    return [_comparable_kinds(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("recording", "path"),
    [
        ("job/ok", "/v1/job/{job}"),
        ("job/ok-summary", "/v1/job/{job}/summary"),
        ("evaluation/ok", "/v1/job/{job}/evaluations"),
        ("allocation/ok-list", "/v1/job/{job}/allocations"),
        ("allocation/ok-1", "/v1/allocation/{alloc}"),
        ("list/prefix-run", "/v1/jobs?prefix={job}"),
        ("list/prefix-run-meta", "/v1/jobs?prefix={job}&meta=true"),
        ("list/filter-parents", "/v1/jobs?prefix=ok&per_page=20&filter=ParentID+%3D%3D+%22%22"),
        ("list/allocations-by-run", "/v1/allocations"),
        ("list/evaluations-by-run", "/v1/evaluations"),
        ("list/statuses-get", "/v1/jobs/statuses?include_children=true&filter=ParentID+%3D%3D+%22ok%22"),
        ("list/parent-summary", "/v1/job/ok/summary"),
    ],
)
def test_documents_have_the_recorded_keys(recording: str, path: str) -> None:
    """Jobs, summaries, evaluations, allocations and rows have Nomad's keys with values of the same kinds."""
    world = World()
    document = body_of("job/ok")
    meta = {"k": "v"} if recording == "list/prefix-run-meta" else {}
    child = world.dispatch(world.register(document, ID="ok", Name=None), meta=meta)
    alloc = world.alloc(child)
    world.report(alloc, DONE, body_of("allocation/ok-1")["TaskStates"])
    world.settle()
    mine = world.get(path.format(job=child.id, alloc=alloc.id))
    assert _kinds(_comparable_kinds(mine)) == _kinds(_comparable_kinds(body_of(recording)))


def test_payload_comes_back_as_sent() -> None:
    """A child's payload is read as the base64 that was sent."""
    world = _world()
    answer = world.ask("PUT", "/v1/job/ok/dispatch", {"Payload": "aGVsbG8=", "Meta": {"k": "v"}})
    assert isinstance(answer.body, dict)
    assert world.get(f"/v1/job/{answer.body['DispatchedJobID']}")["Payload"] == "aGVsbG8="


def test_phantom_is_a_success_that_names_nothing() -> None:
    """The loser of a race for a token is told of a child that does not exist; asked again, of the real one."""
    world = _world()
    phantom = world.ask("PUT", "/v1/job/ok/dispatch?idempotency_token=t", {}, phantom=True)
    assert isinstance(phantom.body, dict)
    assert phantom.body.keys() == body_of("dispatch/phantom-answer").keys()
    missing = world.ask("GET", f"/v1/job/{phantom.body['DispatchedJobID']}")
    assert (missing.status, missing.body) == (404, "job not found")
    assert world.ask("GET", f"/v1/evaluation/{phantom.body['EvalID']}").status == 404
    again = world.ask("PUT", "/v1/job/ok/dispatch?idempotency_token=t", {}, phantom=True)
    assert isinstance(again.body, dict)
    assert (again.body["EvalID"], world.ask("GET", f"/v1/job/{again.body['DispatchedJobID']}").status) == ("", 200)
