"""What `doctor` works out from what it has read."""

from datetime import timedelta
from types import MappingProxyType

import pytest

from dispatchfile.findings import Finding, Level, LoadEstimate, StoredJobs, fail, has_failed, ok, skip, warn
from dispatchfile.nomad.connection import Connection
from dispatchfile.settings import Rate, Settings, Wait
from dispatchfile.usecases.doctor_server import describe_way
from dispatchfile.usecases.estimate import TOKEN_S_PER_JOB, added_token_s, estimate_load
from dispatchfile.usecases.server_age import age_findings
from tests.making import make_item

COMPLETION = Settings(wait=Wait.COMPLETION)
NOTHING_THERE = MappingProxyType({})


def test_only_what_is_wrong_fails():
    """A warning and what could not be checked do not."""
    assert not has_failed([ok("a", ""), warn("b", ""), skip("c", "")])
    assert has_failed([ok("a", ""), fail("b", "")])


@pytest.mark.parametrize(
    ("version", "levels"),
    [
        ((2, 0, 5), []),
        ((2, 0, 0), [Level.WARN]),
        ((1, 11, 1), [Level.WARN] * 2),
        ((1, 10, 5), [Level.WARN] * 2),
        ((1, 10, 0), [Level.WARN] * 4),
        ((1, 4, 1), [Level.FAIL] + [Level.WARN] * 4),
        ((1, 2, 6), [Level.FAIL] * 2 + [Level.WARN] * 4),
    ],
)
def test_an_old_server_lacks_more(version, levels):
    """What stops a run comes first."""
    assert [finding.level for finding in age_findings(version)] == levels


def test_no_run_costs_nothing():
    """A run without items sends no requests."""
    load = estimate_load([], COMPLETION, stored=NOTHING_THERE, round_trip_s=0.01)
    assert load == LoadEstimate(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0, 0)


@pytest.mark.parametrize(
    ("wait", "reads", "logs", "lists"),
    [(Wait.DETACH, 0, 0, 0), (Wait.PLACEMENT, 1000, 0, 0), (Wait.COMPLETION, 1000, 50, 2)],
)
def test_what_is_watched_is_read(wait, reads, logs, lists):
    """Once for each child that is waited for; lists only where ends are waited for."""
    items = [make_item(f"i{number}", job=f"job{number % 2}") for number in range(1000)]
    load = estimate_load(items, Settings(wait=wait), stored=NOTHING_THERE, round_trip_s=0.016)
    assert (load.dispatches, load.reads_before, load.lists_at_end) == (1000, 7, 2)
    assert (load.reads_while, load.log_reads, load.lists_a_second) == (reads, logs, lists)
    assert load.sending_s == pytest.approx(1000 * 0.016 / 16)


def test_a_rate_is_kept_however_fast_the_server_is():
    """A hundred a minute are 0.6 s apart."""
    items = [make_item(f"i{number}") for number in range(101)]
    settings = Settings(rate=Rate(100, 60))
    assert estimate_load(items, settings, stored=NOTHING_THERE, round_trip_s=0.001).sending_s == pytest.approx(60)


def test_payloads_are_sent_in_base64():
    """A third more, and the meta beside it."""
    item = make_item("a", payload=b"x" * 3000, meta={"k": "v"}, priority=70)
    load = estimate_load([item], COMPLETION, stored=NOTHING_THERE, round_trip_s=0)
    assert (load.payload_bytes, load.sent_bytes, load.reads_before) == (3000, 250 + 4000 + len('{"k": "v"}'), 5)


def test_each_token_costs_a_look_at_every_job_below_the_parent():
    """The estimate counts existing children, and those that the run itself makes."""
    items = [make_item(f"i{number}", token="t") for number in range(3)]
    stored = {("default", "", "encode"): StoredJobs(10_000, is_all=True)}
    load = estimate_load(items, COMPLETION, stored=stored, round_trip_s=0)
    assert load.tokens == 3
    assert load.token_s == pytest.approx((10_000 + 10_001 + 10_002) * TOKEN_S_PER_JOB)
    assert 0.010 < added_token_s(stored["default", "", "encode"]) < 0.020


@pytest.mark.parametrize(
    ("connection", "findings"),
    [
        (Connection("http://127.0.0.1:4646", token="s"), []),
        (
            Connection("http://nomad:4646", token="s"),
            [warn("tls", "not used: others on the network can read the token")],
        ),
        (Connection("http://nomad:4646"), []),
        (
            Connection("https://nomad:4646", client_cert="c", client_key="k", ca_path="/etc/ca"),
            [ok("tls", "the server is checked with /etc/ca, with a client certificate")],
        ),
        (
            Connection("http://nomad:4646", proxy="http://user:secret@proxy:3128", connect_timeout=timedelta(1)),
            [ok("proxy", "through http://proxy:3128")],
        ),
    ],
)
def test_the_way_there_is_described(connection: Connection, findings: list[Finding]):
    """The description contains no secret."""
    assert list(describe_way(connection)) == findings


def test_the_right_to_stop_is_asked_for_where_it_is_needed():
    """Once for each job that has such items."""
    late = {"deadline_s": 60.0, "stop_on_deadline": True}
    items = [make_item("a", **late), make_item("b", **late), make_item("c", job="mux")]
    assert estimate_load(items, COMPLETION, stored=NOTHING_THERE, round_trip_s=0).reads_before == 1 + 3 * 2 + 1
