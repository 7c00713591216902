"""What the tool can still do with a token that may do little: least privilege, on a real agent with ACLs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from dispatchfile.errors import NomadForbidden
from dispatchfile.events import Cause, Outcome
from dispatchfile.findings import Level
from dispatchfile.nomad.connecting import client_of
from dispatchfile.usecases.rights import probe_rights
from tests.conformance.acls import Guarded, guarded_agent
from tests.conformance.command_line import Machine
from tests.conformance.driver import Told, end_of, manifest_of, outcomes, run_items
from tests.conformance.jobs import FOR_EVER, job, mock
from tests.conformance.lacks import real_only

pytestmark = real_only("tokens", "scheduler configuration")
ITEMS = [{"id": "good", "job": "short"}, {"id": "bad", "job": "failing"}]
ENDS = {"detach": ["dispatched"] * 2, "placement": ["placed"] * 2, "completion": ["succeeded", "failed"]}
DISPATCH, READ, LIST, SUBMIT, DEREGISTER = "dispatch-job", "read-job", "list-jobs", "submit-job", "deregister-job"
LATE = {"id": "late", "job": "for-ever", "timeout": "1s", "on_timeout": "stop"}
AGAIN = {"id": "again", "job": "short", "retry": {"attempts": 2, "on": ["lost"]}}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One loop for all tests here, as they share an agent."""
    return "asyncio"


@pytest.fixture(scope="module")
async def guarded(anyio_backend: str) -> AsyncIterator[Guarded]:
    async with guarded_agent() as agent:
        await agent.manager.register(
            job("short", mock(run_for="100ms")),
            job("failing", mock(exit_code=3)),
            job("for-ever", mock(run_for=FOR_EVER)),
        )
        yield agent


@pytest.mark.parametrize(
    ("capabilities", "wait"),
    [
        pytest.param((DISPATCH,), "detach", id="detach-needs-dispatch-job-alone"),
        pytest.param((DISPATCH, READ), "detach", id="detach"),
        pytest.param((DISPATCH, READ), "placement", id="placement-without-list-jobs"),
        pytest.param((DISPATCH, READ), "completion", id="completion-without-list-jobs"),
        pytest.param((DISPATCH, READ, LIST), "completion", id="completion"),
    ],
)
async def test_a_token_that_may_just_do_what_is_needed_is_enough(guarded, tmp_path, capabilities, wait):
    """Where jobs may not be listed, allocations tell as much."""
    backend = await guarded.as_one_who_may(*capabilities)
    summary = await run_items(backend, tmp_path, ITEMS, wait=wait)
    assert [item.outcome for item in summary.items] == ENDS[wait]


@pytest.mark.parametrize(
    ("capabilities", "wait", "lacking"),
    [
        pytest.param((), "detach", {DISPATCH}, id="detach-with-nothing"),
        pytest.param((), "completion", {DISPATCH, READ}, id="completion-with-nothing"),
        pytest.param((READ, LIST), "detach", {DISPATCH}, id="detach-with-read-job"),
        pytest.param((READ, LIST), "completion", {DISPATCH}, id="completion-with-read-job"),
        pytest.param((DISPATCH,), "placement", {READ}, id="placement-with-dispatch-job"),
        pytest.param((DISPATCH, LIST), "completion", {READ}, id="completion-with-list-jobs"),
        pytest.param((SUBMIT,), "completion", {DISPATCH, READ}, id="completion-with-submit-job"),
    ],
)
async def test_what_a_token_lacks_is_told_before_anything_is_sent(guarded, tmp_path, capabilities, wait, lacking):
    """Never a quiet `dispatched`: each capability that is lacking is named for each job."""
    backend = await guarded.as_one_who_may(*capabilities)
    end = await end_of(backend, tmp_path, manifest_of(ITEMS), wait=wait)
    assert end.summary is None
    told = {(problem.code, problem.item, problem.hint) for problem in end.problems}
    assert told == {("DF107", item["id"], f"it needs {needed}") for item in ITEMS for needed in lacking}


async def test_who_may_stop_nothing_is_told_before_anything_is_sent(guarded, tmp_path):
    """At the items that may have to be stopped, and at no others."""
    backend = await guarded.as_one_who_may(DISPATCH, READ, LIST)
    end = await end_of(backend, tmp_path, manifest_of([*ITEMS, LATE, AGAIN]), wait="completion")
    assert end.summary is None
    lacking = "but the token has no permission to stop jobs in namespace 'default'"
    assert [(problem.code, problem.item, problem.found, problem.hint) for problem in end.problems] == [
        ("DF107", "late", f"on_timeout: stop, {lacking}", "it needs submit-job"),
        ("DF107", "again", f"retry on lost, {lacking}", "it needs submit-job"),
    ]
    assert await guarded.manager.children("for-ever") == []


@pytest.mark.parametrize("capability", [SUBMIT, DEREGISTER])
async def test_who_may_stop_stops_what_is_over_its_timeout(guarded, tmp_path, capability):
    """`deregister-job`, which newer servers know, is enough: what is asked for is the right itself."""
    backend = await guarded.as_one_who_may(DISPATCH, READ, LIST, capability)
    summary = await run_items(backend, tmp_path, [LATE, AGAIN])
    assert [item.outcome for item in summary.items] == ["timed_out", "succeeded"]
    late = summary.items[0]
    assert late.message.endswith("stopped")
    assert (await guarded.manager.job(late.child))["Stop"] is True


async def test_a_run_that_would_stop_what_lives_needs_the_right_to(guarded, tmp_path):
    """`--on-interrupt stop`, even where nothing is waited for."""
    backend = await guarded.as_one_who_may(DISPATCH, READ, LIST)
    end = await end_of(backend, tmp_path, manifest_of(ITEMS), stop_on_interrupt=True, wait="detach")
    assert {(problem.item, problem.found.partition(",")[0]) for problem in end.problems} == {
        (item["id"], "--on-interrupt=stop") for item in ITEMS
    }


@pytest.mark.parametrize(
    ("capabilities", "lacking"),
    [
        pytest.param((), {DISPATCH, READ, LIST, SUBMIT}, id="nothing"),
        pytest.param((DISPATCH, READ), {LIST, SUBMIT}, id="to-dispatch"),
        pytest.param((SUBMIT,), {DISPATCH, READ, LIST}, id="to-submit"),
        pytest.param((DEREGISTER,), {DISPATCH, READ, LIST}, id="to-stop"),
        pytest.param((DISPATCH, READ, LIST, SUBMIT), set(), id="all"),
    ],
)
async def test_a_doctor_is_told_each_right(guarded, capabilities, lacking):
    """Whatever can be asked for without effect; and nothing happens by asking."""
    backend = await guarded.as_one_who_may(*capabilities)
    async with client_of(backend.connection, max_connections=1) as client:
        findings = [finding async for finding in probe_rights(client, ("default", ""))]
        with pytest.raises(NomadForbidden, match="Permission denied"):
            await client.stop_nothing(namespace="elsewhere")
    assert {finding.check for finding in findings if finding.level in {Level.FAIL, Level.WARN}} == lacking
    assert {finding.check for finding in findings if finding.level is Level.SKIP} == {"read-logs"}


@pytest.mark.parametrize("token", ["11111111-2222-3333-4444-555555555555", "no-uuid"])
async def test_a_token_that_is_none_is_told_before_anything_is_sent(guarded, tmp_path, token):
    """Unknown or malformed: where it is denied, Nomad says the same as of a right that is lacking."""
    with pytest.raises(NomadForbidden, match=r"Nomad refuses the token \(.+\): check NOMAD_TOKEN"):
        await end_of(guarded.manager.at(token=token), tmp_path, manifest_of(ITEMS), wait="completion")


async def test_without_a_token_each_right_is_lacking(guarded, tmp_path):
    """Nomad takes it for the anonymous one, which is no wrong one."""
    end = await end_of(guarded.manager.at(token=""), tmp_path, manifest_of(ITEMS), wait="completion")
    assert end.summary is None
    assert {problem.code for problem in end.problems} == {"DF107"}


async def test_the_right_to_dispatch_is_checked_first(guarded):
    """Without it even a job that does not exist is forbidden, so nothing is learned of it."""
    backend = await guarded.as_one_who_may(READ)
    async with client_of(backend.connection, max_connections=1) as client:
        with pytest.raises(NomadForbidden, match="Permission denied"):
            await client.dispatch_job("nobody", payload=None, meta={})


async def test_a_cluster_that_takes_no_dispatches_says_so(guarded, tmp_path):
    """`RejectJobRegistration` is no lack of a capability; management tokens still dispatch."""
    backend = await guarded.as_one_who_may(DISPATCH, READ, LIST)
    await guarded.manager.put("/v1/operator/scheduler/configuration", {"RejectJobRegistration": True})
    try:
        end = await end_of(backend, tmp_path, manifest_of(ITEMS), wait="completion")
        summary = await run_items(guarded.manager, tmp_path, ITEMS)
    finally:
        await guarded.manager.put("/v1/operator/scheduler/configuration", {"RejectJobRegistration": False})
    closed = "Job registration, dispatch, and scale are disabled by the scheduler configuration"
    assert {problem.found for problem in end.problems} == {f"Nomad accepts no dispatches: {closed}"}
    assert [item.outcome for item in summary.items] == ENDS["completion"]


@pytest.mark.parametrize(
    ("taken", "end", "state"),
    [
        pytest.param("rights", (Outcome.UNKNOWN, Cause.PERMISSION), "finished", id="rights"),
        pytest.param("token", (None, None), "interrupted", id="token"),
    ],
)
async def test_what_is_taken_away_meanwhile_hides_the_end(guarded, tmp_path, taken, end, state):
    """The child goes on. Without the right it is unknown how it ends; a token that is gone ends the run before."""
    token = await guarded.token_with(DISPATCH, READ, LIST)
    await guarded.manager.register(job("longer", mock(run_for="3s")))
    told = Told()
    async with asyncio.TaskGroup() as group:

        async def take_away() -> None:
            await told.running("a")
            await (guarded.revoke(token) if taken == "token" else guarded.rule(DISPATCH, READ, LIST, by=[]))

        group.create_task(take_away())
        summary = await run_items(guarded.manager.at(token=token), tmp_path, [{"id": "a", "job": "longer"}], told=told)
    assert (outcomes(summary), summary.state) == ({"a": end}, state)


PARSE = "parse-job"
LISTING = "version: 1\njobs: [short.hcl]\ndispatches: [{id: a, job: short}]\n"
SHORT = """job "short" {
  type = "batch"
  parameterized {}
  group "g" {
    task "t" {
      driver = "mock_driver"
    }
  }
}
"""


@pytest.mark.parametrize(
    ("capabilities", "note"),
    [
        pytest.param((READ,), "not compared: this token may not parse jobs (it needs parse-job)", id="nothing"),
        pytest.param((READ, PARSE), "not compared: this token may not plan jobs (it needs submit-job)", id="parse"),
        pytest.param((READ, SUBMIT), None, id="submit-job-includes-parse-job"),
    ],
)
async def test_a_plan_is_made_without_the_right_to_compare_job_files(guarded, tmp_path, capabilities, note):
    """What is lacking is a note."""
    (tmp_path / "short.hcl").write_text(SHORT)
    (tmp_path / "dispatchfile.yaml").write_text(LISTING)
    called = await Machine(await guarded.as_one_who_may(*capabilities), tmp_path).call("plan", "-o", "json")
    assert (called.exit_code, called.json()["jobs"][0]["file"]["note"]) == (0, note)
