"""The same run ID on another machine: what Nomad has of the run has to be what would be sent now."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.backends import Backend
from tests.conformance.command_line import Machine
from tests.conformance.driver import manifest_of
from tests.conformance.jobs import Document, job, mock

MANIFEST = """version: 1
name: adopt
settings: {{wait: completion}}
dispatches:
  - {{id: a, job: {job}, meta: {{k: "{{{{ vars.day }}}}"}}, payload: {{text: film}}}}
  - {{id: b, job: {job}}}
"""


@pytest.fixture
async def machine(backend: Backend, tmp_path: Path) -> Machine:
    """Its first run was for monday."""
    name = f"adopt-{uuid.uuid4().hex[:8]}"
    await backend.register({**job(name, mock(run_for="100ms")), "Meta": {"owner": "films"}})
    (tmp_path / "dispatchfile.yaml").write_text(MANIFEST.format(job=name))
    machine = Machine(backend, tmp_path)
    first = await machine.call("run", "--run-id", "night", "--var", "day=monday")
    assert first.exit_code == 0, first.stderr
    return machine


async def test_equal_content_is_adopted_on_a_machine_without_the_journal(machine: Machine) -> None:
    """The summary counts it, and JSON marks it; nothing is dispatched."""
    again = await replace(machine, state="other").call("run", "--run-id", "night", "--var", "day=monday", "-o", "json")
    summary = again.json()
    assert (again.exit_code, summary["requests"]["dispatches"]) == (0, 0)
    assert [(item["outcome"], item["adopted"], item["existing"]) for item in summary["items"]] == [
        ("succeeded", True, False)
    ] * 2
    told = await replace(machine, state="third").call("run", "--run-id", "night", "--var", "day=monday")
    assert "2 items already had a child of run night, which this run adopted" in told.stdout


async def test_other_content_is_refused_on_a_machine_without_the_journal(machine: Machine) -> None:
    """With its place and two ways on; nothing is dispatched, and no run is left behind."""
    other = replace(machine, state="other")
    refused = await other.call("run", "--run-id", "night", "--var", "day=tuesday")
    text = " ".join(refused.stderr.split())
    assert refused.exit_code == 1
    assert "dispatchfile.yaml:5:5: item 'a' is not the one that run night has dispatched: " in text
    assert " has another meta.k; " in text
    assert "choose another --run-id, or call `dispatchfile rerun night` where the run's journal is" in text
    assert (await other.call("runs", "-o", "json")).json()["runs"] == []


async def test_other_content_is_refused_beside_the_journal(machine: Machine) -> None:
    """By what the journal has: Nomad need not have the children any more."""
    refused = await machine.call("run", "--run-id", "night", "--var", "day=tuesday")
    text = " ".join(refused.stderr.split())
    assert refused.exit_code == 1
    assert "dispatchfile.yaml:5:5: item 'a' is not the one that run night has: choose another --run-id" in text
    assert "or repeat the stored items: dispatchfile rerun night --failed" in text


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param({"priority": 60}, {}, id="a priority less"),
        pytest.param({}, {"priority": 60}, id="a priority more"),
        pytest.param({"meta": {"k": "v"}}, {}, id="a meta key less"),
        pytest.param({"payload": {"text": "film"}}, {}, id="no payload"),
    ],
)
async def test_what_the_item_no_longer_says_is_other_content(
    backend: Backend, tmp_path: Path, before: Document, now: Document
) -> None:
    """What Nomad fills in from the job is not."""
    name = f"adopt-{uuid.uuid4().hex[:8]}"
    await backend.register(job(name, mock(run_for="100ms")))
    machine, item = Machine(backend, tmp_path), {"id": "a", "job": name}
    run = ["run", "--run-id", "night"]
    for number, content in enumerate((before, before, now)):
        (tmp_path / "dispatchfile.yaml").write_text(manifest_of([{**item, **content}]))
        called = await replace(machine, state=f"state-{number}").call(*run)
        assert called.exit_code == (1 if number == 2 else 0), called.stderr
    (key,) = before or now
    assert f" has another {'meta.k' if key == 'meta' else key}; " in " ".join(called.stderr.split())
