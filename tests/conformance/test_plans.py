"""Plans on the embedded agent and on a real one: what moves a job's version, and what is sent."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.backends import Backend
from tests.conformance.command_line import Machine
from tests.conformance.jobs import Document, job, mock

MANIFEST = """version: 1
name: planned
settings: {{wait: completion}}
dispatches:
  - {{id: a, job: {job}, meta: {{k: "ä"}}, payload: {{text: film}}}}
  - {{id: b, job: {job}, payload: {{base64: /wA=}}}}
"""


@pytest.fixture
async def parent(backend: Backend) -> Document:
    """A parameterized job, registered once."""
    document = job(f"plan-{uuid.uuid4().hex[:8]}", mock(run_for="10ms"))
    await backend.register(document)
    return document


@pytest.fixture
async def machine(backend: Backend, parent: Document, tmp_path: Path) -> Machine:
    """It has made a plan of two items."""
    (tmp_path / "dispatchfile.yaml").write_text(MANIFEST.format(job=parent["ID"]))
    machine = Machine(backend, tmp_path)
    made = await machine.call("plan", "--out", "n.plan")
    assert made.exit_code == 0, made.stderr
    return machine


async def _index(backend: Backend, parent: Document) -> object:
    found = await backend.job(str(parent["ID"]))
    assert found is not None
    return found["JobModifyIndex"]


async def test_only_a_changed_job_moves_its_index(backend: Backend, parent: Document) -> None:
    """Neither a dispatch nor the registration of the same job does; a change and a stop do."""
    indexes = [await _index(backend, parent)]
    await backend.dispatch(str(parent["ID"]))
    indexes.append(await _index(backend, parent))
    await backend.register(parent)
    indexes.append(await _index(backend, parent))
    await backend.register({**parent, "Meta": {"new": "1"}})
    indexes.append(await _index(backend, parent))
    await backend.stop_job(str(parent["ID"]))
    indexes.append(await _index(backend, parent))
    assert [indexes.index(index) for index in indexes] == [0, 0, 0, 3, 4]


async def test_the_children_have_what_the_plan_has(backend: Backend, machine: Machine) -> None:
    """Meta and payload are read back from the server; a second apply elsewhere sends nothing."""
    first = await machine.call("run", "n.plan", "-o", "json")
    assert first.exit_code == 0, first.stderr
    found = {}
    for item in first.json()["items"]:
        child = await backend.job(item["child"])
        assert child is not None
        found[item["id"]] = ((child["Meta"] or {}).get("k"), base64.b64decode(str(child["Payload"])))
    assert found == {"a": ("ä", b"film"), "b": (None, b"\xff\x00")}
    second = await replace(machine, state="other").call("run", "n.plan", "-o", "json")
    summary = second.json()
    assert (second.exit_code, summary["requests"]["dispatches"], summary["run"]) == (0, 0, first.json()["run"])


async def test_a_plan_is_stale_once_its_job_was_changed(backend: Backend, parent: Document, machine: Machine) -> None:
    """Both versions are named, and nothing is sent; registered again unchanged, the plan holds."""
    await backend.register(parent)
    pinned = json.loads((machine.folder / "n.plan").read_text().splitlines()[1])["head"]["jobs"][0]
    await backend.register({**parent, "Meta": {"new": "1"}})
    refused = await machine.call("run", "n.plan")
    text = " ".join(refused.stderr.split())
    assert refused.exit_code == 1
    assert (
        f"the plan has JobModifyIndex {pinned['job_modify_index']}, Nomad has {await _index(backend, parent)}" in text
    )
    assert await backend.children(str(parent["ID"])) == []
