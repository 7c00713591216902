"""Idempotency tokens: what counts as the same dispatch, for how long, and what the tool makes of it."""

from __future__ import annotations

import asyncio
import base64
import uuid

import pytest

from dispatchfile.events import Outcome
from tests.conformance.backends import Backend
from tests.conformance.driver import run_items
from tests.conformance.jobs import PERIODIC, job, mock
from tests.conformance.waits import until_dead, until_gone

OTHER_NAMESPACE = "elsewhere"
SUCCEEDED, FAILED = Outcome.SUCCEEDED, Outcome.FAILED


@pytest.fixture
async def parent(backend: Backend) -> str:
    """The ID of a job of the test's own, as tokens of one parent live on."""
    name = f"tokens-{uuid.uuid4().hex[:8]}"
    await backend.register(job(name, mock(run_for="100ms")))
    return name


@pytest.mark.parametrize("payload", [b"first", b"second"], ids=["same-payload", "other-payload"])
async def test_a_token_gives_the_old_child_whatever_else_is_sent(backend, parent, payload):
    """A hit has no evaluation, and tells of the child's last change."""
    first = await backend.dispatch(parent, token="t", Payload=base64.b64encode(b"first").decode())
    await until_dead(backend, first["DispatchedJobID"])
    again = await backend.dispatch(parent, token="t", Payload=base64.b64encode(payload).decode())
    child = await backend.job(first["DispatchedJobID"])
    assert again == {
        "DispatchedJobID": first["DispatchedJobID"],
        "EvalID": "",
        "EvalCreateIndex": 0,
        "JobCreateIndex": first["JobCreateIndex"],
        "Index": child["ModifyIndex"],
    }
    assert child["Payload"] == base64.b64encode(b"first").decode()


async def test_two_requests_at_once_with_one_token_make_one_child(backend, parent):
    """Whatever the loser of the race is answered."""
    tokens = [f"t{number}" for number in range(20)]
    await asyncio.gather(*(backend.dispatch(parent, token=token) for token in (*tokens, *tokens)))
    made = [(await backend.job(child))["DispatchIdempotencyToken"] for child in await backend.children(parent)]
    assert sorted(made) == sorted(tokens)


@pytest.mark.parametrize("forget", ["purge", "gc"])
async def test_a_token_lasts_as_long_as_its_child(backend, parent, forget):
    """Once the child is purged or collected, the token makes a new one."""
    first = await backend.dispatch(parent, token="t")
    await until_dead(backend, first["DispatchedJobID"])
    await (backend.collect() if forget == "gc" else backend.stop_job(first["DispatchedJobID"], purge=True))
    await until_gone(backend, first["DispatchedJobID"])
    second = await backend.dispatch(parent, token="t")
    assert second["EvalID"]
    assert second["DispatchedJobID"] != first["DispatchedJobID"]


async def test_a_token_is_of_one_job_in_one_namespace(backend, parent):
    """Elsewhere the same token is another one."""
    await backend.add_namespace(OTHER_NAMESPACE)
    await backend.register(job(f"{parent}-2", mock(run_for="100ms")))
    await backend.register(job(parent, mock(run_for="100ms")), namespace=OTHER_NAMESPACE)
    made = [
        await backend.dispatch(parent, token="t"),
        await backend.dispatch(f"{parent}-2", token="t"),
        await backend.dispatch(parent, token="t", namespace=OTHER_NAMESPACE),
    ]
    assert all(one["EvalID"] for one in made)


async def test_a_token_does_not_help_at_a_stopped_job(backend, parent):
    """The token is looked up last, after everything that may be refused."""
    await backend.dispatch(parent, token="t")
    await backend.stop_job(parent)
    answer = await backend.ask("PUT", f"/v1/job/{parent}/dispatch", body={}, idempotency_token="t")
    assert (answer.status_code, answer.text) == (500, f'Specified job "{parent}" is stopped')


async def test_the_prefix_stands_in_the_childs_id(backend, parent):
    """It is taken as it is written, in front of the time and eight hexadecimal digits."""
    made = await backend.dispatch(parent, IdPrefixTemplate="run1-a b-1")
    head, unix, digits = made["DispatchedJobID"].rsplit("-", 2)
    assert head == f"{parent}/dispatch-run1-a b-1"
    assert unix.isdecimal()
    assert len(bytes.fromhex(digits)) == 4


async def test_a_run_adopts_the_child_that_a_token_already_has(backend, parent, tmp_path):
    """The item is told as existing, and counts by how that child ended."""
    await backend.register(job(f"{parent}-fails", mock(exit_code=3)))
    items = [
        {"id": "good", "job": parent, "idempotency_token": "t"},
        {"id": "bad", "job": f"{parent}-fails", "idempotency_token": "t"},
    ]
    first = await run_items(backend, tmp_path, items)
    again = await run_items(backend, tmp_path, items)
    assert [(item.outcome, item.existing) for item in first.items] == [(SUCCEEDED, False), (FAILED, False)]
    assert [(item.outcome, item.existing) for item in again.items] == [(SUCCEEDED, True), (FAILED, True)]
    assert [item.child for item in again.items] == [item.child for item in first.items]
    assert again.exit_code == 2


async def test_a_run_dispatches_anew_what_was_purged(backend, parent, tmp_path):
    """A token whose child is gone is a new one."""
    items = [{"id": "a", "job": parent, "idempotency_token": "t"}]
    first = await run_items(backend, tmp_path, items)
    await backend.stop_job(first.items[0].child, purge=True)
    again = await run_items(backend, tmp_path, items)
    assert (again.items[0].outcome, again.items[0].existing) == (SUCCEEDED, False)
    assert again.items[0].child != first.items[0].child


async def test_two_runs_at_once_share_the_children_of_their_tokens(backend, parent, tmp_path):
    """Of two requests in a race Nomad may answer one with a child that does not exist: the run finds the real one."""
    items = [{"id": f"i{number}", "job": parent, "idempotency_token": f"t{number}"} for number in range(30)]
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    one, two = await asyncio.gather(*(run_items(backend, folder, items, settle="2s") for folder in folders))
    assert {item.outcome for item in (*one.items, *two.items)} == {SUCCEEDED}
    assert [item.child for item in one.items] == [item.child for item in two.items]
    assert sorted(item.child for item in one.items) == sorted(await backend.children(parent))
    assert all(first.existing != second.existing for first, second in zip(one.items, two.items, strict=True))


async def test_a_periodic_job_has_children_without_evaluation(backend):
    """New ones and known ones are answered alike, but for their indexes."""
    name = f"periodic-{uuid.uuid4().hex[:8]}"
    await backend.register(job(name, **PERIODIC))
    first, again = await backend.dispatch(name, token="t"), await backend.dispatch(name, token="t")
    assert first["DispatchedJobID"] == again["DispatchedJobID"]
    assert [(one["EvalID"], one["EvalCreateIndex"]) for one in (first, again)] == [("", 0)] * 2
    child = await backend.job(first["DispatchedJobID"])
    assert (child["Status"], bool(child["Periodic"])) == ("running", True)
    await backend.stop_job(child["ID"])
