"""A run that nobody waited for, watched, and then read by the commands after it."""

from __future__ import annotations

import uuid
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conformance.backends import Backend
from tests.conformance.command_line import Machine
from tests.conformance.jobs import job, mock
from tests.conformance.waits import until_dead

MANIFEST = """version: 1
name: det
dispatches:
  - {{id: a, job: {good}}}
  - {{id: b, job: {bad}}}
"""


@pytest.fixture
async def machine(backend: Backend, tmp_path: Path) -> Machine:
    """It has let go of two jobs, of which one fails."""
    name = f"det-{uuid.uuid4().hex[:8]}"
    good, bad = f"{name}-good", f"{name}-bad"
    await backend.register(job(good, mock(run_for="200ms")), job(bad, mock(run_for="200ms", exit_code=7)))
    (tmp_path / "dispatchfile.yaml").write_text(MANIFEST.format(good=good, bad=bad))
    machine = Machine(backend, tmp_path)
    assert (await machine.call("run", "--detach", "--run-id", f"r{uuid.uuid4().hex[:8]}")).exit_code == 0
    for item in (await machine.call("status", "-o", "json")).json()["items"]:
        await until_dead(backend, item["child"])
    return machine


@pytest.mark.parametrize("seen_by", ["watch", "status --refresh"])
async def test_what_was_seen_is_known_afterwards(machine: Machine, seen_by: str) -> None:
    """By status, report and rerun, after Nomad has forgotten the jobs; the run's exit code stays."""
    before = (await machine.call("status", "-o", "json")).json()
    assert [item["outcome"] for item in before["items"]] == ["dispatched", "dispatched"]
    seen = await machine.call(*seen_by.split())
    assert seen.exit_code == (2 if seen_by == "watch" else 0)
    await machine.backend.collect()
    status = (await machine.call("status", "-o", "json")).json()
    assert [(item["outcome"], item["exit_code"]) for item in status["items"]] == [("succeeded", 0), ("failed", 7)]
    assert (status["state"], status["exit_code"]) == ("finished", 0)
    report = await machine.call("report", "--format", "junit")
    assert ElementTree.fromstring(report.stdout)[0].attrib["failures"] == "1"
    rerun = await machine.call("rerun", status["run"], "--failed", "--wait", "-o", "json")
    assert [(item["id"], item["outcome"]) for item in rerun.json()["items"]] == [("b", "failed")]
    assert rerun.exit_code == 2
