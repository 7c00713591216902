"""JSON values to records: exact, and with nothing worse than a Misfit for what Nomad never says."""

import json
from contextlib import suppress
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.nomad.decode import (
    Misfit,
    parse_agent,
    parse_alloc,
    parse_dispatched,
    parse_evaluation,
    parse_job,
    parse_rows,
    parse_stub,
    parse_summary,
    parse_texts,
    parse_token,
)
from dispatchfile.nomad.models import (
    AgentSelf,
    ChildrenCounts,
    Evaluation,
    FailurePolicy,
    GroupCounts,
    JobStub,
    JobSummary,
    Parameterized,
    PlacementFailure,
    TaskGroup,
    TokenSelf,
)
from tests.nomad.recorded import exchanges, recording


def body_of(area, name):
    return recording(area, name)["response"]["body_json"]


def parse_any(area, name):
    """What the endpoint of a recorded read answers with, as records."""
    exchange = recording(area, name)
    path, value = exchange["request"]["path"], exchange["response"]["body_json"]
    if path.endswith("/evaluate") or exchange["request"]["method"] != "GET" or path.startswith("/v1/jobs/statuses"):
        return None
    if path.startswith(("/v1/allocations", "/v1/evaluation/")) and path.endswith("/allocations"):
        return parse_rows(value, parse_alloc)
    for ending, parse in [("/allocations", parse_alloc), ("/evaluations", parse_evaluation), ("/jobs", parse_stub)]:
        if path.endswith(ending):
            return parse_rows(value, parse)
    for begin, parse in [("/v1/allocation/", parse_alloc), ("/v1/evaluation/", parse_evaluation)]:
        if path.startswith(begin):
            return parse(value)
    return parse_summary(value) if path.endswith("/summary") else parse_job(value)


SAME = {
    "id": "ID",
    "status": "Status",
    "client_status": "ClientStatus",
    "desired_status": "DesiredStatus",
    "create_index": "CreateIndex",
    "modify_index": "ModifyIndex",
}
READ = [
    (area, name)
    for area, name in exchanges("dispatch", "list", "job", "allocation", "evaluation")
    if "body_json" in recording(area, name)["response"]
]


def test_there_are_recordings_to_parse():
    """The test below would pass without any."""
    assert len(READ) > 300


@pytest.mark.parametrize(("area", "name"), READ)
def test_every_recorded_object_parses_with_its_numbers_and_names(area, name):
    """Nothing is lost in transit: IDs, statuses and indexes are those of the wire."""
    value, records = body_of(area, name), parse_any(area, name)
    if records is None:
        return
    rows, records = (value, records) if isinstance(value, list) else ([value], (records,))
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        for field, key in [("id", "ID"), ("create_index", "CreateIndex"), ("modify_index", "ModifyIndex")]:
            if hasattr(record, field):
                assert getattr(record, field) == row[key]
        for field, key in [
            ("status", "Status"),
            ("client_status", "ClientStatus"),
            ("desired_status", "DesiredStatus"),
        ]:
            if hasattr(record, field):
                assert getattr(record, field) == row[key]


def test_a_child_in_full():
    """Its meta, its policy, its task, its place in time to the nanosecond."""
    job = parse_job(body_of("job", "exit3"))
    assert (job.id, job.parent_id, job.dispatched) == ("exit3/dispatch-1795350477-4bb79624", "exit3", True)
    assert (job.meta, job.payload, job.token, job.periodic) == ({}, b"", "", False)
    assert job.submit_time_ns == 1795350477005044628
    assert job.parameterized == Parameterized("optional", (), ("k", "marker"))
    restart = FailurePolicy(attempts=0, interval_ns=600_000_000_000, delay_ns=1_000_000_000, mode="fail")
    assert job.groups == (
        TaskGroup(
            name="g",
            count=1,
            tasks=("t",),
            restart=restart,
            reschedule=FailurePolicy(attempts=0, interval_ns=3_600_000_000_000, delay_ns=5_000_000_000),
            task_restarts={"t": restart},
        ),
    )


def test_a_payload_is_the_bytes_that_were_sent():
    """base64 on the wire, bytes here."""
    assert parse_job(body_of("job", "child-with-payload")).payload == b"hello"


@pytest.mark.parametrize(
    ("name", "lifecycle", "leaders"),
    [
        ("lifecycle-ok", {"pre": "prestart", "post": "poststop"}, frozenset()),
        ("leader", {}, frozenset({"main"})),
    ],
)
def test_tasks_know_their_part(name, lifecycle, leaders):
    """Which of them come before and after, and which one leads."""
    (group,) = parse_job(body_of("job", name)).groups
    assert (group.lifecycle, group.leaders) == (lifecycle, leaders)


def test_a_periodic_child_is_one():
    """It has no end, so it has to be told apart."""
    assert parse_job(body_of("job", "periodic")).periodic


def test_a_row_of_the_job_list():
    """With the counts of its groups."""
    row = parse_rows(body_of("list", "prefix-run"), parse_stub)[0]
    assert row == JobStub(
        id="ok/dispatch-runA-0000-1795351085-e1c9f08c",
        namespace="default",
        parent_id="ok",
        type="batch",
        status="dead",
        stop=False,
        parameterized=False,
        periodic=False,
        groups={"g": GroupCounts(complete=1)},
        create_index=906,
        modify_index=921,
        submit_time_ns=1795351085093615146,
        priority=50,
    )


def test_a_summary_counts_children():
    """All that were ever made, with the index of the last one counted."""
    assert parse_summary(body_of("list", "parent-summary")) == JobSummary(
        groups={"g": GroupCounts()}, children=ChildrenCounts(dead=179), modify_index=938
    )


def test_a_placement_failure_says_why():
    """The blocked evaluation and the one that made it."""
    blocked, first = parse_rows(body_of("evaluation", "unplaced-waiting"), parse_evaluation)
    failure = PlacementFailure(
        nodes_evaluated=1,
        nodes_filtered=1,
        constraint_filtered={"${meta.ready} = yes": 1},
        nodes_available={"dc1": 1},
    )
    assert first.failed_groups == blocked.failed_groups == {"g": failure}
    assert (first.status, first.blocked_eval) == ("complete", blocked.id)
    assert (blocked.status, blocked.previous_eval) == ("blocked", first.id)


def test_an_evaluation_that_waits_says_until_when():
    """RFC 3339, as on the wire."""
    waiting = [row.wait_until for row in parse_rows(body_of("evaluation", "resched-fail-between"), parse_evaluation)]
    assert any(text.startswith("2026-11-22T") for text in waiting)


def test_an_allocation_tells_its_tasks_story():
    """Events with details, exit code, times; a task that never started has no start."""
    first, _ = parse_rows(body_of("allocation", "resched-fail-list"), parse_alloc)
    state = first.task_states["t"]
    (end,) = [event for event in state.events if event.type == "Terminated"][-1:]
    assert (state.state, state.failed, state.restarts) == ("dead", True, 1)
    assert (end.exit_code, end.details["exit_code"], end.display_message) == (4, "4", "Exit Code: 4")
    assert end.time_ns == 1795350478032479178
    (unlucky,) = parse_rows(body_of("allocation", "prestart-fail-list"), parse_alloc)
    assert unlucky.task_states["main"].started_at == ""


@pytest.mark.parametrize(
    ("transition", "by_hand"),
    [
        pytest.param({"Migrate": True, "NoShutdownDelay": False, "Reschedule": True}, True, id="alloc-stop-2.0.5"),
        pytest.param({"Migrate": True, "NoShutdownDelay": False, "Reschedule": False}, True, id="by-the-api-2.0.5"),
        pytest.param({"Migrate": True, "NoShutdownDelay": False}, True, id="alloc-stop-1.10.5"),
        pytest.param({"Migrate": True, "NoShutdownDelay": None, "Reschedule": None}, False, id="drain-1.10.5"),
        pytest.param({"Migrate": True, "MigrateDisablePlacement": True}, False, id="drain-2.0.5"),
        pytest.param({"Migrate": None, "NoShutdownDelay": True}, False, id="job-stop-no-shutdown-delay"),
        pytest.param({}, False, id="nothing-asked"),
        pytest.param(None, False, id="null"),
    ],
)
def test_an_allocation_stopped_by_hand_is_told_from_a_drained_one(transition, by_hand):
    """`nomad alloc stop` has the server store more than a drain does, in every version."""
    stub = body_of("allocation", "stop-list")[0] | {"DesiredTransition": transition}
    assert parse_alloc(stub).stopped_by_hand == by_hand


@pytest.mark.parametrize(("name", "by_hand"), [("alloc-stop", True), ("drain", False), ("stop", False)])
def test_the_recorded_servers_keep_who_stopped_an_allocation(name, by_hand):
    """The first allocation of each recording is the one that was stopped."""
    allocs = parse_rows(body_of("allocation", f"{name}-list"), parse_alloc)
    assert min(allocs, key=lambda alloc: alloc.create_index).stopped_by_hand == by_hand


@pytest.mark.parametrize("name", ["exit3", "maxrun", "drain", "stop"])
def test_a_full_allocation_reads_as_its_stub_does(name):
    """The full one leaves out what is empty, and keeps the job's version elsewhere."""
    full = parse_alloc(body_of("allocation", f"{name}-1"))
    (stub,) = parse_rows(body_of("allocation", f"{name}-list"), parse_alloc)
    shown = [field.name for field in fields(full) if field.name not in {"task_states", "node_name"}]
    assert [getattr(full, name) for name in shown] == [getattr(stub, name) for name in shown]


def test_what_is_absent_or_null_is_empty():
    """Full evaluations and allocations leave empty fields out, stubs write null."""
    bare = parse_evaluation({"ID": "e", "FailedTGAllocs": None, "WaitUntil": "0001-01-01T00:00:00Z"})
    assert bare == Evaluation("e", "", "", "", "", "", "", "", "", {}, "", 0, 0)
    assert parse_rows(None, parse_stub) == ()
    assert parse_texts(None) == ()
    assert parse_stub({"ID": "j", "JobSummary": None}).groups == {}


def test_numbers_are_exact():
    """Beyond what a float can hold."""
    assert parse_stub({"ID": "j", "CreateIndex": 2**63 + 1}).create_index == 2**63 + 1


@pytest.mark.parametrize(
    ("parse", "value", "told"),
    [
        (parse_stub, {}, "there is no ID"),
        (parse_stub, {"ID": 5}, "ID is a number instead of a text"),
        (parse_stub, {"ID": "j", "CreateIndex": "5"}, "CreateIndex is a text instead of a whole number"),
        (parse_stub, {"ID": "j", "CreateIndex": 1.5}, "CreateIndex is a number instead of a whole number"),
        (parse_stub, {"ID": "j", "CreateIndex": True}, "CreateIndex is a boolean instead of a whole number"),
        (parse_stub, {"ID": "j", "Stop": 0}, "Stop is a number instead of a boolean"),
        (parse_stub, {"ID": "j", "JobSummary": {"Summary": []}}, "Summary is a list instead of an object"),
        (parse_stub, {"ID": "j", "JobSummary": {"Summary": {"g": 3}}}, "g is a number instead of an object"),
        (parse_job, {"ID": "j", "Meta": {"k": 1}}, "k is a number instead of a text"),
        (parse_job, {"ID": "j", "Payload": "a-_"}, "Payload is not base64"),
        (parse_job, {"ID": "j", "Payload": "é"}, "Payload is not base64"),
        (parse_job, {"ID": "j", "TaskGroups": [None]}, "a group is null instead of an object"),
        (parse_job, {"ID": "j", "ParameterizedJob": True}, "ParameterizedJob is a boolean instead of an object"),
        (parse_alloc, {"ID": "a", "TaskStates": {"t": {"Events": {}}}}, "Events is an object instead of a list"),
        (parse_dispatched, [], "the answer is a list instead of an object"),
        (parse_texts, [None], "a row is null instead of a text"),
    ],
)
def test_a_misfit_says_where_it_is(parse, value, told):
    """Which field, what it is, what it should be."""
    with pytest.raises(Misfit) as caught:
        parse(value)
    assert str(caught.value) == told


def test_the_agent_and_the_token_are_known_without_secrets():
    """A client agent has no tags; the token's secret is not kept."""
    agent = {
        "config": {
            "Region": "global",
            "Datacenter": "dc1",
            "Version": {"Version": "2.0.5"},
            "Server": {"Enabled": False},
            "Limits": {"HTTPMaxConnsPerClient": 100},
        },
        "member": {"Tags": None},
    }
    assert parse_agent(agent) == AgentSelf("2.0.5", "global", "dc1", False, 100)
    assert parse_agent({"member": {"Tags": {"build": "1.8.4"}}}).version == "1.8.4"
    token = {"AccessorID": "a", "SecretID": "hunter2", "Name": "n", "Type": "client", "Policies": ["p"]}
    parsed = parse_token(token | {"Roles": [{"ID": "1", "Name": "r"}], "ExpirationTime": None})
    assert parsed == TokenSelf("a", "n", "client", ("p",), ("r",), "")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
EXAMPLES = {
    parse_job: body_of("job", "lifecycle-ok"),
    parse_stub: body_of("list", "prefix-run")[0],
    parse_summary: body_of("list", "parent-summary"),
    parse_evaluation: body_of("evaluation", "unplaced-waiting")[0],
    parse_alloc: body_of("allocation", "resched-fail-list")[0],
    parse_dispatched: body_of("dispatch", "new"),
}


def places(value, path=()):
    """The path to every value within a value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


@pytest.mark.parametrize("parse", EXAMPLES, ids=lambda parse: parse.__name__)
@given(data=st.data())
def test_anything_anywhere_is_a_record_or_a_misfit(parse, data):
    """A real object with any one value in it replaced by anything: never a KeyError, a TypeError or worse."""
    value = json.loads(json.dumps(EXAMPLES[parse]))
    path = data.draw(st.sampled_from([place for place in places(value) if place]))
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = data.draw(anything)
    with suppress(Misfit):
        parse(value)
