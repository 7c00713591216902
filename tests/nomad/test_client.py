"""Nomad's API, a method an endpoint: what is asked, what comes back, what is asked again."""

import base64
import json
from urllib.parse import parse_qsl, urlsplit

import pytest
import stamina

from dispatchfile.errors import (
    NomadAmbiguous,
    NomadForbidden,
    NomadLeaderless,
    NomadNotFound,
    NomadRefused,
    NomadThrottled,
    NomadUnavailable,
    NomadUnreadable,
)
from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.client import Client, parse_version
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import Dispatched, JobStub
from dispatchfile.nomad.protocol import Counters
from dispatchfile.nomad.reader import READ_ATTEMPTS
from tests.nomad.recorded import recorded_answer

UUID = "0d4c42eb-0091-14f6-8bc5-2d764f7d86fb"


class Nomad:
    """A transport that answers as told, one answer after the other, the last one for ever; keeps what it was asked."""

    peak_connections = 1

    def __init__(self, *answers, connection=None):
        self.answers, self.asked = list(answers), []
        self.connection, self.counters = connection or Connection(), Counters()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def send(self, method, target, body=b""):
        self.asked.append((method, target, body))
        self.counters.requests += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        self.counters.throttled += answer.status == 429
        return answer

    def client(self):
        return Client(self.connection, self)

    @property
    def query(self):
        """Of the last request, decoded."""
        return dict(parse_qsl(urlsplit(self.asked[-1][1]).query))

    @property
    def path(self):
        """Of the last request, as sent."""
        return urlsplit(self.asked[-1][1]).path


def ok(value, **headers):
    """200 with a JSON value."""
    return said(200, json.dumps(value), **headers)


def said(status, text="", **headers):
    """Any other answer."""
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text.encode())


DISPATCHED = {
    "DispatchedJobID": "a/dispatch-1-2",
    "EvalID": UUID,
    "EvalCreateIndex": 7,
    "JobCreateIndex": 7,
    "Index": 7,
}


@pytest.fixture(autouse=True)
def no_waiting():
    """Retries without their pauses, and no more of them than there really are."""
    stamina.set_testing(True, attempts=READ_ATTEMPTS)
    yield
    stamina.set_testing(False)


# Dispatches


async def test_a_dispatch_as_it_goes_over_the_wire():
    """All that was given, the ID percent-encoded, the payload in base64, the token in the query."""
    nomad = Nomad(ok(DISPATCHED))
    dispatched = await nomad.client().dispatch_job(
        "team a/enc?ode#1",
        namespace="media",
        region="eu",
        payload=b"\x00\xff",
        meta={"title": "é", "n": "1"},
        id_prefix="r1-intro-1",
        token="a&b=c d/é",
        priority=70,
    )
    assert dispatched == Dispatched("a/dispatch-1-2", UUID, 7, 7)
    ((method, _, body),) = nomad.asked
    assert (method, nomad.path) == ("PUT", "/v1/job/team%20a%2Fenc%3Fode%231/dispatch")
    assert nomad.query == {"namespace": "media", "region": "eu", "idempotency_token": "a&b=c d/é"}
    assert json.loads(body) == {
        "JobID": "team a/enc?ode#1",
        "Payload": base64.b64encode(b"\x00\xff").decode(),
        "Meta": {"title": "é", "n": "1"},
        "IdPrefixTemplate": "r1-intro-1",
        "Priority": 70,
    }


@pytest.mark.parametrize(("payload", "sent"), [(None, None), (b"", "")])
async def test_what_was_not_given_is_not_sent(payload, sent):
    """No token, prefix or priority; no payload and an empty one as Nomad's own client tells them apart."""
    nomad = Nomad(ok(DISPATCHED))
    await nomad.client().dispatch_job("a", payload=payload, meta={})
    ((_, target, body),) = nomad.asked
    assert target == "/v1/job/a/dispatch"
    assert json.loads(body) == {"JobID": "a", "Payload": sent, "Meta": {}}


async def test_a_token_needs_no_namespace():
    """The query is well formed either way."""
    nomad = Nomad(ok(DISPATCHED))
    await nomad.client().dispatch_job("a", payload=None, meta={}, token="t")
    assert nomad.asked[0][1] == "/v1/job/a/dispatch?idempotency_token=t"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(500, "No cluster leader"), NomadLeaderless),
        (said(429), NomadThrottled),
        (said(500, "rpc error: EOF"), NomadAmbiguous),
        (said(502), NomadAmbiguous),
        (ok({}), NomadAmbiguous),
        (said(403, "Permission denied"), NomadForbidden),
        (said(500, "parameterized job not found"), NomadNotFound),
        (NomadUnavailable("refused"), NomadUnavailable),
        (NomadAmbiguous("reset"), NomadAmbiguous),
    ],
)
async def test_a_dispatch_is_sent_once_whatever_becomes_of_it(answer, error):
    """It is for others to say whether and when it may be sent again."""
    nomad = Nomad(answer)
    client = nomad.client()
    with pytest.raises(error):
        await client.dispatch_job("a", payload=None, meta={})
    assert (len(nomad.asked), client.requests, client.dispatches) == (1, 1, 1)


# Other writes


async def test_a_job_is_stopped_or_purged():
    """That there is no such job is no error: Nomad says 200."""
    answer = recorded_answer("job", "stop-request")
    nomad = Nomad(answer)
    await nomad.client().stop_job("a/dispatch-1", namespace="media")
    await nomad.client().stop_job("a/dispatch-1", purge=True)
    assert nomad.asked == [
        ("DELETE", "/v1/job/a%2Fdispatch-1?namespace=media", b""),
        ("DELETE", "/v1/job/a%2Fdispatch-1?purge=true", b""),
    ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(500, "missing job ID for deregistering"), NomadRefused),
        (said(500, "rpc error: missing job ID for evaluation"), NomadRefused),
        (said(403, "Permission denied"), NomadForbidden),
        (said(500, "No cluster leader"), NomadLeaderless),
    ],
)
async def test_the_right_to_stop_is_asked_for_without_a_job(answer, error):
    """There is nothing that such a request could stop; what is said of it tells the right."""
    nomad = Nomad(answer)
    with pytest.raises(error) as caught:
        await nomad.client().stop_nothing(namespace="media")
    assert type(caught.value) is error
    assert nomad.asked == [("DELETE", "/v1/job/?namespace=media", b"")]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(403, "Permission denied"), NomadForbidden),
        (said(500, "never seen"), NomadAmbiguous),
        (said(200, "<html>"), NomadAmbiguous),
        (ok([]), NomadAmbiguous),
        (NomadAmbiguous("reset"), NomadAmbiguous),
    ],
)
async def test_no_write_is_ever_repeated(answer, error):
    """A stop may be sent again by who wants to; this does not do it."""
    nomad = Nomad(answer)
    with pytest.raises(error):
        await nomad.client().stop_job("a")
    assert len(nomad.asked) == 1


# Reads

LISTED = recorded_answer("list", "prefix-run")


@pytest.mark.parametrize(
    ("call", "answer", "target"),
    [
        (lambda c: c.read_job("a/b"), ("job", "ok"), "/v1/job/a%2Fb"),
        (lambda c: c.read_summary("a/b"), ("job", "ok-summary"), "/v1/job/a%2Fb/summary"),
        (lambda c: c.read_allocations("a/b"), ("allocation", "ok-list"), "/v1/job/a%2Fb/allocations"),
        (lambda c: c.read_evaluations("a/b"), ("evaluation", "ok"), "/v1/job/a%2Fb/evaluations"),
        (
            lambda c: c.read_evaluation_allocations(UUID),
            ("allocation", "ok-list"),
            f"/v1/evaluation/{UUID}/allocations",
        ),
    ],
)
async def test_an_object_is_read_at_its_path(call, answer, target):
    """IDs are percent-encoded, namespace and region are sent where the connection or the call has them."""
    nomad = Nomad(recorded_answer(*answer))
    plain = await call(nomad.client())
    assert nomad.asked == [("GET", target, b"")]
    set_up = Nomad(recorded_answer(*answer), connection=Connection(namespace="media", region="eu"))
    assert await call(set_up.client()) == plain
    assert set_up.query == {"namespace": "media", "region": "eu"}


async def test_a_call_beats_the_connection():
    """An item may live in another namespace than the one the environment names."""
    nomad = Nomad(recorded_answer("job", "ok"), connection=Connection(namespace="media", region="eu"))
    await nomad.client().read_job("a", namespace="films", region="us")
    assert nomad.query == {"namespace": "films", "region": "us"}


async def test_one_page_of_jobs_with_what_its_headers_say():
    """Looked up whatever their capitals."""
    nomad = Nomad(recorded_answer("list", "page-1"))
    page = await nomad.client().list_jobs(prefix="ok/dispatch-runA-", filter='Status != "dead"', per_page=2)
    assert nomad.query == {"prefix": "ok/dispatch-runA-", "filter": 'Status != "dead"', "per_page": "2"}
    assert nomad.path == "/v1/jobs"
    assert [type(row) for row in page.rows] == [JobStub, JobStub]
    assert (page.next_token, page.index) == ("default.ok/dispatch-runA-0001-1795351085-a1540267", 938)


async def test_all_pages_are_one_list():
    """Of a job that is seen twice, since pages are separate snapshots, what was seen last counts."""
    first = ok([{"ID": "a", "Status": "running"}, {"ID": "b"}], x_nomad_nexttoken="default.b&c")
    second = ok([{"ID": "b"}, {"ID": "a", "Status": "dead"}, {"ID": "c"}])
    nomad = Nomad(first, second)
    rows = await nomad.client().list_all_jobs(prefix="p", namespace="*")
    assert [(row.id, row.status) for row in rows] == [("a", "dead"), ("b", ""), ("c", "")]
    assert nomad.query == {"namespace": "*", "prefix": "p", "per_page": "1000", "next_token": "default.b&c"}


async def test_the_same_id_in_two_namespaces_is_two_jobs():
    """Namespaces are read together with *."""
    nomad = Nomad(ok([{"ID": "a", "Namespace": "x"}, {"ID": "a", "Namespace": "y"}]))
    assert len(await nomad.client().list_all_jobs(namespace="*")) == 2


async def test_pages_without_end_are_noticed():
    """A token that comes again would go on for ever."""
    nomad = Nomad(ok([], x_nomad_nexttoken="t"))
    with pytest.raises(NomadUnreadable, match="list repeat"):
        await nomad.client().list_all_jobs()
    assert len(nomad.asked) == 2


@pytest.mark.parametrize(
    ("call", "answer", "path"),
    [
        (lambda c: c.list_evaluations(filter="f"), ("list", "evaluations-by-run"), "/v1/evaluations"),
        (lambda c: c.list_allocations(filter="f"), ("list", "allocations-by-run"), "/v1/allocations"),
    ],
)
async def test_evaluations_and_allocations_are_listed_with_a_filter(call, answer, path):
    """Across jobs, for tokens that may not list these."""
    nomad = Nomad(recorded_answer(*answer))
    rows = await call(nomad.client())
    assert (nomad.path, nomad.query["filter"]) == (path, "f")
    assert {row.job_id.split("/")[0] for row in rows} == {"ok", "exit3"}


async def test_logs_are_the_last_bytes_as_they_are():
    """No more than was asked for, even where the server sends more."""
    nomad = Nomad(said(200, "0123456789"))
    assert await nomad.client().read_logs(UUID, "t a", stream="stderr", tail_bytes=4) == b"6789"
    assert nomad.path == f"/v1/client/fs/logs/{UUID}"
    assert nomad.query == {"task": "t a", "type": "stderr", "origin": "end", "offset": "4", "plain": "true"}


async def test_the_cluster_is_asked_about_itself():
    """What a doctor wants to know."""
    agent = {"config": {"Version": {"Version": "2.0.5"}, "Region": "global"}}
    assert await Nomad(ok(agent)).client().read_version() == (2, 0, 5)
    assert await Nomad(said(403, "Permission denied")).client().read_version() is None
    assert await Nomad(said(403, "<p>a proxy lets only a part through</p>")).client().read_version() is None
    assert await Nomad(ok({})).client().read_version() is None
    assert await Nomad(ok("10.0.0.1:4647")).client().read_leader() == "10.0.0.1:4647"
    assert await Nomad(ok(["eu", "us"])).client().read_regions() == ("eu", "us")
    assert await Nomad(ok([{"Name": "default", "Quota": ""}])).client().read_namespaces() == ("default",)
    assert (await Nomad(ok({"AccessorID": "anonymous"})).client().read_token_self()).accessor_id == "anonymous"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.0.5", (2, 0, 5)),
        ("1.10.5+ent", (1, 10, 5)),
        ("v1.9.0-beta.1", (1, 9, 0)),
        ("2.0.6-dev", (2, 0, 6)),
        ("2.0", None),
        ("2.0.5.1", None),
        ("", None),
    ],
)
def test_versions_are_numbers(text, version):
    """Whatever else is written behind them."""
    assert parse_version(text) == version


# What goes wrong with a read


@pytest.mark.parametrize(
    "trouble", [said(500, "No cluster leader"), said(502), said(500, "rpc error: EOF"), NomadUnavailable("reset")]
)
async def test_a_read_is_repeated_a_few_times(trouble):
    """What may pass is asked again, and only reads are."""
    nomad = Nomad(trouble, trouble, LISTED)
    assert len(await nomad.client().list_all_jobs()) == 6
    assert len(nomad.asked) == READ_ATTEMPTS


@pytest.mark.parametrize("trouble", [said(500, "No cluster leader"), said(429), NomadUnavailable("refused")])
async def test_a_read_is_not_repeated_for_ever(trouble):
    """Then it is for others to wait."""
    nomad = Nomad(trouble)
    client = nomad.client()
    with pytest.raises(NomadUnavailable):
        await client.read_job("a")
    assert (len(nomad.asked), client.requests) == (READ_ATTEMPTS, READ_ATTEMPTS)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(404, "job not found"), NomadNotFound),
        (said(403, "Permission denied"), NomadForbidden),
        (said(400, "Invalid index"), NomadRefused),
        (said(404), NomadUnreadable),
        (said(200, "<html>sign in</html>"), NomadUnreadable),
        (said(200, '{"ID": "a"'), NomadUnreadable),
        (said(200, "[]"), NomadUnreadable),
        (said(200, "null"), NomadUnreadable),
        (said(200, '{"ID": "a", "Status": 5}'), NomadUnreadable),
        (said(200, '{"ID": "a", "Priority": 1' + "0" * 5000 + "}"), NomadUnreadable),
        (NomadUnavailable("nothing heard", is_lasting=True), NomadUnavailable),
    ],
)
async def test_what_will_not_pass_is_not_asked_again(answer, error):
    """Answers that would be the same again, and waits that were long enough."""
    nomad = Nomad(answer)
    with pytest.raises(error):
        await nomad.client().read_job("a")
    assert len(nomad.asked) == 1


async def test_an_unreadable_answer_says_which_and_where():
    """The path that was asked, and the field that cannot be."""
    with pytest.raises(NomadUnreadable, match=r"^/v1/job/a: not an answer from Nomad: Status is a number instead of a"):
        await Nomad(ok({"ID": "a", "Status": 5})).client().read_job("a")
    with pytest.raises(NomadUnreadable, match=r"^/v1/jobs: not an answer from Nomad: a web page$"):
        await Nomad(said(200, "<html></html>", content_type="text/html")).client().list_jobs(prefix="x")


async def test_without_a_known_leader_a_list_is_not_believed():
    """A server cut off from the others would show what it remembers."""
    with pytest.raises(NomadUnavailable, match="the servers have no leader"):
        await Nomad(recorded_answer("errors", "no-leader-stale")).client().list_jobs()


# Counters


async def test_what_was_asked_is_counted():
    """Requests, dispatches among them, and throttles."""
    nomad = Nomad(ok(DISPATCHED), said(429), recorded_answer("job", "ok"))
    async with nomad.client() as client:
        await client.dispatch_job("a", payload=None, meta={})
        await client.read_job("a")
        assert (client.requests, client.dispatches, client.throttled, client.peak_connections) == (3, 1, 1, 1)
