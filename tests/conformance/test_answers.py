"""
What the server answers to a dispatch and to a read, and what the client makes of it.

Both backends are held to the same status codes and texts. Source of their order: hashicorp/nomad,
nomad/job_endpoint.go (Dispatch, validateDispatchRequest) and command/agent/http.go (errors to codes).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
import pytest

from dispatchfile.errors import NomadError, NomadNotFound, NomadRefused, NomadUnavailable
from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.connecting import client_of
from dispatchfile.nomad.refusals import trouble_of_read, trouble_of_write
from tests.conformance.backends import Backend, job_path
from tests.conformance.jobs import Document, job, mock, takes

LARGEST = 16_384
PARENTS: tuple[Document, ...] = (
    job("any", mock(run_for="0s")),
    job("needs-payload", mock(run_for="0s"), **takes("required")),
    job("no-payload", mock(run_for="0s"), **takes("forbidden")),
    job("needs-meta", mock(run_for="0s"), **takes(required=["a", "b"], optional=["c"])),
    job("ordinary", mock(run_for="0s"), ParameterizedJob=None),
    job("stopped", mock(run_for="0s")),
    job("purged", mock(run_for="0s")),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A dispatch, as the client takes it."""

    job: str = "any"
    payload: bytes | None = None
    meta: Mapping[str, str] = field(default_factory=dict)
    priority: int | None = None
    namespace: str = ""
    region: str = ""


@pytest.fixture
async def parents(backend: Backend) -> Backend:
    """A backend with jobs that ask for this and that."""
    await backend.register(*PARENTS)
    await backend.stop_job("stopped")
    await backend.stop_job("purged", purge=True)
    return backend


async def dispatched_raw(backend: Backend, asked: Asked) -> httpx.Response:
    """The answer itself, without the client."""
    payload = None if asked.payload is None else base64.b64encode(asked.payload).decode()
    body = {"Payload": payload, "Meta": dict(asked.meta), "Priority": asked.priority or 0}
    query = {key: value for key, value in (("namespace", asked.namespace), ("region", asked.region)) if value}
    return await backend.ask("PUT", job_path(asked.job, "/dispatch"), body=body, **query)


async def dispatched_by_client(backend: Backend, asked: Asked) -> None:
    async with client_of(backend.connection, max_connections=1) as client:
        await client.dispatch_job(
            asked.job,
            payload=asked.payload,
            meta=asked.meta,
            priority=asked.priority,
            namespace=asked.namespace,
            region=asked.region,
        )


def answer_of(response: httpx.Response) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, response.content)


REFUSALS = [
    pytest.param(Asked("nobody"), "parameterized job not found", NomadNotFound, id="unknown-job"),
    pytest.param(Asked("an"), "parameterized job not found", NomadNotFound, id="only-a-prefix-of-a-job"),
    pytest.param(Asked("purged"), "parameterized job not found", NomadNotFound, id="purged-parent"),
    pytest.param(Asked(namespace="other"), "parameterized job not found", NomadNotFound, id="wrong-namespace"),
    pytest.param(Asked(namespace="*"), "parameterized job not found", NomadNotFound, id="every-namespace"),
    pytest.param(Asked(region="mars"), "No path to region", NomadUnavailable, id="wrong-region"),
    pytest.param(
        Asked("ordinary"),
        'Specified job "ordinary" is not a parameterized job',
        NomadRefused,
        id="not-parameterized",
    ),
    pytest.param(Asked("stopped"), 'Specified job "stopped" is stopped', NomadRefused, id="stopped-parent"),
    pytest.param(
        Asked("needs-payload"),
        "Payload is not provided but required by parameterized job",
        NomadRefused,
        id="payload-missing",
    ),
    pytest.param(
        Asked("needs-payload", payload=b""),
        "Payload is not provided but required by parameterized job",
        NomadRefused,
        id="payload-empty",
    ),
    pytest.param(
        Asked("no-payload", payload=b"x"),
        "Payload provided but forbidden by parameterized job",
        NomadRefused,
        id="payload-forbidden",
    ),
    pytest.param(
        Asked(payload=b"x" * (LARGEST + 1)),
        "Payload exceeds maximum size; 16385 > 16384",
        NomadRefused,
        id="payload-too-large",
    ),
    pytest.param(
        Asked("needs-meta", meta={"a": "1", "b": "2", "x": "3", "y": "4"}),
        r"Dispatch request included unpermitted metadata keys: \[(x y|y x)\]",
        NomadRefused,
        id="meta-unpermitted",
    ),
    pytest.param(
        Asked("needs-meta", meta={"A": "1", "b": "2"}),
        r"Dispatch request included unpermitted metadata keys: \[A\]",
        NomadRefused,
        id="meta-in-other-case",
    ),
    pytest.param(
        Asked("needs-meta", meta={"c": "3"}),
        r"Dispatch did not provide required meta keys: \[(a b|b a)\]",
        NomadRefused,
        id="meta-missing",
    ),
    pytest.param(
        Asked(priority=101), r"dispatch job priority must be between \[1, 100\]", NomadRefused, id="priority-101"
    ),
    pytest.param(
        Asked(priority=-1), r"dispatch job priority must be between \[1, 100\]", NomadRefused, id="priority-negative"
    ),
]


@pytest.mark.parametrize(("asked", "text", "error"), REFUSALS)
async def test_a_dispatch_is_refused_in_the_same_words(parents, asked, text, error):
    """Every refusal is a 500 with one text, which says whether it may be repeated; the client hands it on."""
    answer = await dispatched_raw(parents, asked)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/plain; charset=utf-8")
    assert re.fullmatch(text, answer.text)
    assert "x-nomad-index" not in answer.headers
    with pytest.raises(NomadError, match=text) as caught:
        await dispatched_by_client(parents, asked)
    assert type(caught.value) is error


async def test_a_child_is_no_parent(parents):
    """A dispatched job keeps its parameterized block, and still cannot be dispatched."""
    child = (await parents.dispatch("any"))["DispatchedJobID"]
    answer = await dispatched_raw(parents, Asked(child))
    assert (answer.status_code, answer.text) == (500, f'Specified job "{child}" is not a parameterized job')


TAKEN = [
    pytest.param(Asked(payload=b"x" * LARGEST), id="payload-of-the-largest-size"),
    pytest.param(Asked("no-payload", payload=b""), id="payload-empty-where-forbidden"),
    pytest.param(Asked("needs-meta", meta={"a": "", "b": ""}), id="meta-empty"),
    pytest.param(Asked(priority=100), id="priority-100"),
    pytest.param(Asked(priority=0), id="priority-of-the-parent"),
]


@pytest.mark.parametrize("asked", TAKEN)
async def test_a_dispatch_that_is_just_allowed_makes_a_child(parents, asked):
    """The child bears what was sent, and what was not sent is its parent's."""
    made = (await dispatched_raw(parents, asked)).json()
    child = await parents.job(made["DispatchedJobID"])
    payload = base64.b64encode(asked.payload).decode() if asked.payload else None
    assert (child["ParentID"], child["Dispatched"], child["Payload"]) == (asked.job, True, payload)
    assert (child["Meta"] or {}, child["Priority"]) == (asked.meta, asked.priority or 50)
    assert made["EvalCreateIndex"] == made["JobCreateIndex"] == made["Index"]


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as bytes that no client of ours would send."""

    body: bytes | None
    status: int
    text: str
    method: str = "PUT"
    path: str = job_path("any", "/dispatch")


MALFORMED = [
    pytest.param(Sent(None, 405, "Invalid method", method="GET"), id="get"),
    pytest.param(Sent(None, 405, "Invalid method", method="DELETE"), id="delete"),
    pytest.param(Sent(None, 400, "Request body is empty"), id="no-body"),
    pytest.param(Sent(b"not json", 400, "invalid character 'o' in literal null .*"), id="no-json"),
    pytest.param(Sent(b'{"Meta": {', 400, "unexpected EOF"), id="cut-json"),
    pytest.param(Sent(b"[]", 400, "json: cannot unmarshal array into Go value of type .*"), id="array"),
    pytest.param(Sent(b'{"JobID": "no-payload"}', 400, "Job ID does not match"), id="another-job"),
    pytest.param(Sent(b'{"Payload": 1}', 400, "json: cannot unmarshal number .*Payload of type .*"), id="number"),
    pytest.param(Sent(b'{"Payload": "%%"}', 400, "illegal base64 data at input byte 0"), id="no-base64"),
    pytest.param(Sent(b'{"Payload": "eA"}', 400, "illegal base64 data at input byte 0"), id="unpadded"),
    pytest.param(Sent(b'{"Meta": {"k": 1}}', 400, "json: cannot unmarshal number .*Meta of type .*"), id="meta-number"),
    pytest.param(Sent(b'{"Meta": ["k"]}', 400, "json: cannot unmarshal array .*Meta of type .*"), id="meta-list"),
    pytest.param(Sent(b"{}", 404, "", path="/v1/no/such/route"), id="no-route"),
]


@pytest.mark.parametrize("sent", MALFORMED)
async def test_a_malformed_dispatch_is_refused_in_the_same_words(parents, sent):
    """What is not even a request gets a code of its own, and is never repeated."""
    answer = await parents.ask(sent.method, sent.path, body=sent.body)
    assert answer.status_code == sent.status
    assert re.fullmatch(sent.text, answer.text)
    assert type(trouble_of_write(answer_of(answer))) is NomadRefused


async def test_a_stop_that_names_no_job_is_refused(parents):
    """So the right to stop is asked for without effect: it is checked before the ID is missed."""
    answer = await parents.ask("DELETE", "/v1/job/")
    assert (answer.status_code, answer.text) == (500, "missing job ID for deregistering")
    assert type(trouble_of_write(answer_of(answer))) is NomadRefused
    assert [(await parents.job(name))["Stop"] for name in ("any", "ordinary")] == [False, False]


@dataclass(frozen=True, slots=True)
class Read:
    """A read that cannot be answered."""

    path: str
    status: int
    text: str
    error: type[NomadError]
    query: Mapping[str, str] = field(default_factory=dict)


NOWHERE = "11111111-2222-3333-4444-555555555555"
NO_SUCH_FIELD = "failed to read result page: error finding value in datum: /Nope at part 0: .*"
SHORT_ID = "alloc lookup failed: index error: UUID must be 36 characters"
TWO_FILTERS = "Filter expression cannot be used with other filter parameters"
READS = [
    pytest.param(Read("/v1/job/nobody", 404, "job not found", NomadNotFound), id="job"),
    pytest.param(Read("/v1/job/nobody/summary", 404, "job not found", NomadNotFound), id="summary"),
    pytest.param(Read(f"/v1/evaluation/{NOWHERE}", 404, "eval not found", NomadNotFound), id="evaluation"),
    pytest.param(Read(f"/v1/allocation/{NOWHERE}", 404, "alloc not found", NomadNotFound), id="allocation"),
    pytest.param(Read("/v1/allocation/1111", 500, SHORT_ID, NomadRefused), id="short-allocation-id"),
    pytest.param(Read("/v1/jobs", 500, "No path to region", NomadUnavailable, {"region": "mars"}), id="region"),
    pytest.param(
        Read("/v1/jobs", 400, "failed to create result paginator: .*", NomadRefused, {"filter": "Nope =="}), id="filter"
    ),
    pytest.param(Read("/v1/jobs", 400, NO_SUCH_FIELD, NomadRefused, {"filter": 'Nope == "x"'}), id="filter-field"),
    pytest.param(
        Read("/v1/evaluations", 400, TWO_FILTERS, NomadRefused, {"filter": 'ID == "x"', "status": "blocked"}),
        id="filter-beside-status",
    ),
    pytest.param(Read("/v1/jobs", 400, "Expect a number .*", NomadRefused, {"per_page": "x"}), id="per-page"),
    pytest.param(Read("/v1/jobs", 400, "Invalid index", NomadRefused, {"index": "x"}), id="index"),
    pytest.param(Read("/v1/jobs", 400, "Invalid wait time", NomadRefused, {"wait": "x"}), id="wait"),
]


@pytest.mark.parametrize("read", READS)
async def test_a_read_is_refused_in_the_same_words(parents, read):
    """What is not there is told from what was asked wrongly, and from what may pass."""
    answer = await parents.ask("GET", read.path, **read.query)
    assert answer.status_code == read.status
    assert re.fullmatch(read.text, answer.text, re.DOTALL)
    assert type(trouble_of_read(answer_of(answer))) is read.error


@pytest.mark.parametrize("question", ["/allocations", "/evaluations"])
async def test_lists_of_a_job_that_does_not_exist_are_empty(parents, question):
    """No 404 tells here that a job is gone."""
    assert await parents.get(job_path("nobody", question)) == []
