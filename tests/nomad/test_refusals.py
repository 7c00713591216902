"""What an answer means: by its text, and not by its status alone."""

import pytest

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
from dispatchfile.nomad.models import Dispatched
from dispatchfile.nomad.refusals import read_dispatched, trouble_of_read, trouble_of_write
from tests.nomad.recorded import exchanges, recorded_answer, recording

PLAIN = {"content-type": "text/plain; charset=utf-8"}


def said(status, text="", **headers):
    """An answer in plain text."""
    return Answer(status, PLAIN | {name.replace("_", "-"): value for name, value in headers.items()}, text.encode())


# Dispatches

DISPATCHES_RECORDED = {
    "bad-json": NomadRefused,
    "child-as-parent": NomadRefused,
    "delete-dispatch": NomadRefused,
    "empty-body": NomadRefused,
    "get-dispatch": NomadRefused,
    "jobid-mismatch": NomadRefused,
    "json-array": NomadRefused,
    "leader-loss-1": NomadAmbiguous,
    "leader-loss-2": NomadUnavailable,
    "leader-loss-3": NomadUnavailable,
    "leader-shutdown-1": NomadLeaderless,
    "leader-shutdown-2": NomadAmbiguous,
    "leader-shutdown-3": NomadUnavailable,
    "leader-shutdown-4": NomadUnavailable,
    "meta-bool": NomadRefused,
    "meta-case": NomadRefused,
    "meta-list": NomadRefused,
    "meta-missing": NomadRefused,
    "meta-number": NomadRefused,
    "meta-unpermitted": NomadRefused,
    "meta-unpermitted-again": NomadRefused,
    "no-leader-dispatch": NomadLeaderless,
    "not-parameterized": NomadRefused,
    "payload-16385": NomadRefused,
    "payload-bad-base64": NomadRefused,
    "payload-empty": NomadRefused,
    "payload-forbidden": NomadRefused,
    "payload-missing": NomadRefused,
    "payload-number": NomadRefused,
    "payload-unpadded": NomadRefused,
    "payload-urlsafe": NomadRefused,
    "priority-101": NomadRefused,
    "priority-negative": NomadRefused,
    "purged-parent": NomadNotFound,
    "reject-job-registration": NomadForbidden,
    "stopped-parent": NomadRefused,
    "truncated-json": NomadRefused,
    "unknown-parent": NomadNotFound,
    "via-client-jobid-mismatch": NomadRefused,
    "via-client-meta": NomadRefused,
    "via-client-payload": NomadRefused,
    "via-client-region": NomadUnavailable,
    "via-client-server-down-1": NomadUnavailable,
    "via-client-server-down-2": NomadUnavailable,
    "via-client-unknown-parent": NomadNotFound,
    "via-follower-meta": NomadRefused,
    "via-follower-unknown": NomadNotFound,
    "wildcard-namespace": NomadNotFound,
    "wrong-namespace": NomadNotFound,
    "wrong-region": NomadUnavailable,
}


def is_dispatch(area, name):
    return recording(area, name)["request"]["path"].endswith("/dispatch")


def test_every_recorded_refusal_of_a_dispatch_is_in_the_table():
    """A recording that is added has to be judged."""
    refused = {
        name
        for area, name in exchanges("errors")
        if is_dispatch(area, name) and recorded_answer(area, name).status != 200
    }
    assert refused == set(DISPATCHES_RECORDED)


@pytest.mark.parametrize(("name", "error"), DISPATCHES_RECORDED.items())
def test_what_nomad_really_said_to_a_dispatch(name, error):
    """500 to bad requests and to passing faults: only the latter may be repeated, and some only after a look."""
    answer = recorded_answer("errors", name)
    with pytest.raises(error) as caught:
        read_dispatched(answer)
    assert type(caught.value) is error
    assert caught.value.status == answer.status
    assert not caught.value.message.startswith("rpc error: ")


DONE = [key for key in exchanges("dispatch", "errors") if is_dispatch(*key) and recorded_answer(*key).status == 200]


@pytest.mark.parametrize(("area", "name"), DONE)
def test_every_recorded_dispatch_that_was_done_names_its_child(area, name):
    """The answer's own words, in a record."""
    body = recording(area, name)["response"]["body_json"]
    assert read_dispatched(recorded_answer(area, name)) == Dispatched(
        child=body["DispatchedJobID"],
        eval_id=body["EvalID"],
        job_create_index=body["JobCreateIndex"],
        index=body["Index"],
    )


@pytest.mark.parametrize(
    ("name", "is_hit"),
    [
        ("token-first", False),
        ("token-hit", True),
        ("token-hit-other-content", True),
        ("phantom-resend", True),
        ("phantom-answer", False),
        ("periodic", False),
        ("periodic-token-hit", False),
    ],
)
def test_a_hit_is_proven_by_its_indexes(name, is_hit):
    """Without an evaluation and changed after it was made; a periodic child that was hit proves nothing."""
    assert read_dispatched(recorded_answer("dispatch", name)).is_hit is is_hit


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Not ready to serve consistent reads", NomadUnavailable),
        ("no servers", NomadUnavailable),
        ("failed to start stream: dial tcp: i/o timeout", NomadUnavailable),
        ("rpc error: rpc error: No cluster leader", NomadLeaderless),
        ("RPC Error:: 500,No cluster leader", NomadLeaderless),
        ("rpc error: rpc error: rpc error: parameterized job not found", NomadNotFound),
        ("rpc error: Permission denied", NomadForbidden),
        ("node is not the leader", NomadAmbiguous),
        ("leadership transfer in progress", NomadAmbiguous),
        ("timed out enqueuing operation", NomadAmbiguous),
        ("leadership lost while committing log", NomadAmbiguous),
        ("raft is already shutdown", NomadAmbiguous),
        ("snapshot restored while committing log", NomadAmbiguous),
        ("rpc error: EOF", NomadAmbiguous),
        ("rpc error: stream closed", NomadAmbiguous),
        ("rpc error: session shutdown", NomadAmbiguous),
        ("rpc error: keepalive timeout", NomadAmbiguous),
        ("rpc error: read tcp 10.0.0.1:1->10.0.0.2:2: read: connection reset by peer", NomadAmbiguous),
        ("rpc error: read tcp 10.0.0.1:1->10.0.0.2:2: i/o timeout", NomadAmbiguous),
        ("something nobody has ever seen", NomadAmbiguous),
        ("", NomadAmbiguous),
        ('job "x" is in nonexistent namespace "media"', NomadRefused),
        ('job "x" is in nonexistent node pool "gpu"', NomadRefused),
        ("dispatch job priority must be between [1, 32766]", NomadRefused),
        ("Dispatch did not provide required meta keys: [b a]", NomadRefused),
        ("missing region for target RPC", NomadRefused),
        # What a user wrote cannot pass for a passing fault.
        ('Specified job "No cluster leader" is stopped', NomadRefused),
        ('Specified job "failed to get conn: x" is not a parameterized job', NomadRefused),
        ("Dispatch request included unpermitted metadata keys: [No cluster leader]", NomadRefused),
        ("the words No cluster leader in the middle", NomadAmbiguous),
    ],
)
def test_a_500_is_told_apart_by_its_text(text, error):
    """With any number of hops in front; what is not known leaves a dispatch in doubt."""
    assert type(trouble_of_write(said(500, text))) is error


HTML = Answer(200, {"content-type": "text/html"}, b"<html><body>Sign in</body></html>")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(429, "Your IP is issuing too many concurrent connections, please rate limit your calls"), NomadThrottled),
        (said(429), NomadThrottled),
        (said(401, "Unauthorized"), NomadForbidden),
        (said(403, "Permission denied"), NomadForbidden),
        (said(403, "rpc error: Permission denied"), NomadForbidden),
        (said(403, "ACL token not found"), NomadForbidden),
        (said(403, "Forbidden"), NomadForbidden),
        (said(404), NomadRefused),
        (said(404, "404 page not found"), NomadRefused),
        (said(408), NomadAmbiguous),
        (said(413, "too large"), NomadRefused),
        (said(500, "<html>Internal Server Error</html>"), NomadAmbiguous),
        (said(502, "Bad Gateway"), NomadAmbiguous),
        (said(503), NomadAmbiguous),
        (said(504), NomadAmbiguous),
        (said(501, "No cluster leader"), NomadAmbiguous),
        (said(201, "{}"), NomadAmbiguous),
        (said(204), NomadAmbiguous),
        (said(307, location="/v1/job/a"), NomadRefused),
        (said(302, location="https://login.example/?next=x"), NomadRefused),
    ],
)
def test_other_statuses_say_it_by_themselves(answer, error):
    """A proxy's 5xx leaves in doubt; 3xx and 4xx come from somebody who did not carry it out."""
    assert type(trouble_of_write(answer)) is error


BETWEEN = "from a proxy and not from Nomad"
PASSWORD = f"HTTP 401 (Unauthorized), {BETWEEN}: it asks for a user and a password, see NOMAD_HTTP_AUTH"
BY_PROXY = [
    (Answer(403, {"content-type": "text/html"}, b"<html>no</html>"), f"HTTP 403 with a web page, {BETWEEN}"),
    (Answer(401, {}, b"<title>Permission denied</title>"), f"HTTP 401 with a web page, {BETWEEN}"),
    (said(403, "RBAC: access denied"), f"HTTP 403 (RBAC: access denied), {BETWEEN}"),
    (said(403, '{"message":"Forbidden"}'), f'HTTP 403 ({{"message":"Forbidden"}}), {BETWEEN}'),
    (said(403), f"HTTP 403 without a message, {BETWEEN}"),
    (said(401, "Unauthorized", www_authenticate='Basic realm="nomad"'), PASSWORD),
    (said(401, "Unauthorized", www_authenticate="Bearer"), f"HTTP 401 (Unauthorized), {BETWEEN}"),
]


@pytest.mark.parametrize(("answer", "told"), BY_PROXY)
def test_a_refusal_that_is_not_in_nomads_words_tells_nothing_of_the_token(answer, told):
    """It comes from a proxy, which has handed nothing on: a dispatch may be repeated."""
    written, read = trouble_of_write(answer), trouble_of_read(answer)
    assert (type(written), type(read)) == (NomadUnavailable, NomadUnreadable)
    assert (written.message, written.status) == (told, answer.status)
    assert (read.message, read.status) == (told, answer.status)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b'{"DispatchedJobID": ""}',
        b'{"DispatchedJobID": null}',
        b'{"DispatchedJobID": 5}',
        b'{"DispatchedJobID": "x", "Index": "7"}',
        b'{"DispatchedJobID": "x", "EvalID": []}',
        b'["x"]',
        b'{"DispatchedJobID": "x"',
        b"<html></html>",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_200_that_names_no_child_leaves_in_doubt(body):
    """An agent that shuts down may answer with empty fields, a proxy with a page to sign in."""
    with pytest.raises(NomadAmbiguous, match="may have been carried out"):
        read_dispatched(Answer(200, {}, body))


def test_a_redirect_names_the_place_without_its_query():
    """A query may hold secrets."""
    error = trouble_of_write(said(302, location="https://login.example/in?token=hunter2"))
    assert "redirected to https://login.example/in: pass the address" in error.message
    assert "hunter2" not in error.message


def test_plain_http_to_a_tls_port_says_https():
    """Nomad's own hint, turned into what to write."""
    error = trouble_of_read(said(400, "Client sent an HTTP request to an HTTPS server.\n"))
    assert type(error) is NomadRefused
    assert error.message.endswith("use an https:// address")


def test_a_foreign_text_does_nothing_to_a_terminal_and_is_cut():
    """A page or a log line as long as a book, with escape sequences."""
    error = trouble_of_write(said(500, "\x1b[31mred\x07\n\n  next\t" + "x" * 100_000))
    assert "\x1b" not in error.message
    assert "red\N{REPLACEMENT CHARACTER} next" in error.message
    assert len(error.message) < 800


def test_a_refusal_that_lists_many_keys_is_known_though_it_is_cut():
    """It is read to its end, and shown from its beginning."""
    keys = " ".join(f"key_{n}\n" for n in range(10_000))
    error = trouble_of_write(said(500, f"Dispatch request included unpermitted metadata keys: [{keys}]"))
    assert type(error) is NomadRefused
    assert error.message.startswith("Dispatch request included unpermitted metadata keys: [key_0 key_1")
    assert len(error.message) < 800


# Reads

READS_RECORDED = {
    "bad-index": NomadRefused,
    "bad-per-page": NomadRefused,
    "bad-stale": NomadRefused,
    "bad-wait": NomadRefused,
    "filter-and-status": NomadRefused,
    "filter-syntax": NomadRefused,
    "filter-unknown-field": NomadRefused,
    "get-dispatch": NomadRefused,
    "no-leader-health": NomadUnavailable,
    "no-leader-read": NomadLeaderless,
    "no-leader-stale": NomadUnavailable,
    "no-leader-status": NomadLeaderless,
    "raw-double-slash": NomadRefused,
    "short-alloc-id": NomadRefused,
    "unknown-alloc": NomadNotFound,
    "unknown-eval": NomadNotFound,
    "unknown-eval-allocations": None,
    "unknown-job": NomadNotFound,
    "unknown-job-allocations": None,
    "unknown-job-evaluations": None,
    "unknown-job-summary": NomadNotFound,
    "unknown-route": NomadUnreadable,
    "via-client-404-alloc": NomadNotFound,
    "via-client-404-job": NomadNotFound,
    "via-client-filter": NomadRefused,
    "via-client-filter-field": NomadRefused,
    "via-client-leader": None,
    "via-client-server-down-read": NomadUnavailable,
    "via-client-short-alloc": NomadRefused,
    "via-follower-404": NomadNotFound,
}


def test_every_recorded_read_is_in_the_table():
    """A recording that is added has to be judged."""
    read = {name for area, name in exchanges("errors") if recording(area, name)["request"]["method"] == "GET"}
    assert read == set(READS_RECORDED)


@pytest.mark.parametrize(("name", "error"), READS_RECORDED.items())
def test_what_nomad_really_said_to_a_read(name, error):
    """Nothing but Nomad's own word for it says that something is gone."""
    trouble = trouble_of_read(recorded_answer("errors", name))
    assert (trouble and type(trouble)) is error


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(200, "[]"), None),
        (said(200, "[]", x_nomad_knownleader="true"), None),
        (said(200, "[]", x_nomad_knownleader="false"), NomadUnavailable),
        (said(404, "job not found", x_nomad_knownleader="false"), NomadUnavailable),
        (said(404, "job not found\n"), NomadNotFound),
        (said(404, 'Unknown allocation "abc"'), NomadNotFound),
        (said(404, 'log entry for task "t" and log type "stderr" not found'), NomadNotFound),
        (said(404, 'task "t" not started yet. No logs available'), NomadNotFound),
        (said(404, "404 page not found"), NomadUnreadable),
        (said(404, "the page you asked for: job not found"), NomadUnreadable),
        (Answer(404, {"content-type": "text/html"}, b"<h1>Not Found</h1>"), NomadUnreadable),
        (said(403, "Permission denied"), NomadForbidden),
        (said(401, "Unauthorized"), NomadForbidden),
        (said(500, "ACL token expired"), NomadForbidden),
        (said(500, "ACL token not found or invalid workload identity: x"), NomadForbidden),
        (said(500, "failed to parse signed token: go-jose/go-jose: compact JWS format"), NomadForbidden),
        (said(500, 'rpc error: Unknown allocation "a"'), NomadForbidden),
        (said(500, "rpc error: EOF"), NomadUnavailable),
        (said(500, "never seen"), NomadUnavailable),
        (said(502, "Bad Gateway"), NomadUnavailable),
        (said(503), NomadUnavailable),
        (said(408), NomadUnavailable),
        (said(429), NomadThrottled),
        (said(302, location="/login"), NomadRefused),
        (said(204), NomadUnreadable),
    ],
)
def test_a_read_changes_nothing_so_what_may_pass_may_be_repeated(answer, error):
    """Leaderless, forbidden, gone, unreadable: and all else is just unavailable."""
    trouble = trouble_of_read(answer)
    assert (trouble and type(trouble)) is error
