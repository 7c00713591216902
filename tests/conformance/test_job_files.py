"""Job files beside the dispatches: what both servers say of a file, and of a registration that enforces an index."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from dispatchfile.errors import NomadRefused
from dispatchfile.nomad.connecting import client_of
from dispatchfile.nomad.jobplans import FieldChange
from tests.conformance.backends import Backend
from tests.conformance.command_line import Machine

HCL = """variable "codec" {
  default = "webm"
}
job "JOB" {
  type = "batch"
  parameterized {
    meta_optional = ["title"]
  }
  group "g" {
    task "t" {
      driver = "raw_exec"
      env {
        CODEC = var.codec
      }
      config {
        command = "/bin/true"
      }
    }
  }
}
"""


@pytest.fixture
def job_id() -> str:
    return f"file-{uuid.uuid4().hex[:8]}"


async def test_a_variable_has_the_text_that_it_was_given(backend: Backend, job_id: str) -> None:
    """Nothing in it is a template or a quote for the parser, and variables that the file does not declare are fine."""
    text = r'codec = "say \"$${x}\" 100%%{y} \\ \u0007\t"' + "\nother = 1\n"
    async with client_of(backend.connection, max_connections=1) as client:
        parsed = await client.registry.parse(HCL.replace("JOB", job_id), text)
    env = parsed["TaskGroups"][0]["Tasks"][0]["Env"]  # type: ignore[index]  # plain JSON
    assert env == {"CODEC": 'say "${x}" 100%{y} \\ \x07\t'}


async def test_a_file_that_is_wrong_is_refused_with_its_place(backend: Backend, job_id: str) -> None:
    """Functions that read files are, too."""
    wrong = HCL.replace("JOB", job_id).replace("type =", "typ =")
    reads = HCL.replace("JOB", job_id).replace("var.codec", 'file("/etc/hostname")')
    async with client_of(backend.connection, max_connections=1) as client:
        for text, message in ((wrong, "input.hcl:5,3"), (reads, "filesystem function disabled")):
            with pytest.raises(NomadRefused, match=message):
                await client.registry.parse(text, "")


async def test_a_plan_tells_what_a_registration_changes(backend: Backend, job_id: str) -> None:
    """Nothing for the job that is registered; the fields for another one; all is new before."""
    async with client_of(backend.connection, max_connections=1) as client:
        registry = client.registry
        document = await registry.parse(HCL.replace("JOB", job_id), "")
        other = await registry.parse(HCL.replace("JOB", job_id).replace("/bin/true", "/bin/false"), 'codec = "vp9"')
        before = await registry.plan(job_id, document)
        index = await registry.register(document, enforced_index=0)
        same, changed = await registry.plan(job_id, document), await registry.plan(job_id, other)
    assert [(plan.kind, plan.job_modify_index) for plan in (before, same, changed)] == [
        ("Added", 0),
        ("None", index),
        ("Edited", index),
    ]
    assert changed.changes == (
        FieldChange(("group g", "task t", "Env[CODEC]"), "Edited", "webm", "vp9"),
        FieldChange(("group g", "task t", "Config", "command"), "Edited", "/bin/true", "/bin/false"),
    )


async def test_a_registration_enforces_the_index(backend: Backend, job_id: str) -> None:
    """0 is for a job that is not there. An unchanged job keeps its index; a changed one and a stopped one do not."""
    async with client_of(backend.connection, max_connections=1) as client:
        registry = client.registry
        document = await registry.parse(HCL.replace("JOB", job_id), "")
        other = {**document, "Meta": {"new": "1"}}
        with pytest.raises(NomadRefused, match="Enforcing job modify index 5: job does not exist"):
            await registry.register(document, enforced_index=5)
        first = await registry.register(document, enforced_index=0)
        with pytest.raises(NomadRefused, match="Enforcing job modify index 0: job already exists"):
            await registry.register(document, enforced_index=0)
        with pytest.raises(NomadRefused, match=f"job exists with conflicting job modify index: {first}"):
            await registry.register(other, enforced_index=first + 1)
        again = await registry.register(document, enforced_index=first)
        second = await registry.register(other, enforced_index=first)
        await client.stop_job(job_id)
        stopped = (await client.read_job(job_id)).job_modify_index
        third = await registry.register(other, enforced_index=stopped)
    assert (again, first < second < stopped < third) == (first, True)


async def test_the_plan_of_a_run_shows_the_difference(backend: Backend, job_id: str, tmp_path: Path) -> None:
    """With the words of the server, and no value of env."""
    (tmp_path / "e.nomad.hcl").write_text(HCL.replace("JOB", job_id))
    manifest = f"version: 1\njobs: [e.nomad.hcl]\ndispatches: [{{id: a, job: {job_id}, meta: {{title: x}}}}]\n"
    (tmp_path / "dispatchfile.yaml").write_text(manifest)
    async with client_of(backend.connection, max_connections=1) as client:
        document = await client.registry.parse(HCL.replace("JOB", job_id), "")
        await client.registry.register(document, enforced_index=0)
    machine = Machine(backend, tmp_path)
    called = [await machine.call("plan", "-o", "json", *flags) for flags in ((), ("--job-var", "codec=vp9"))]
    files = [json.loads(each.stdout)["jobs"][0]["file"] for each in called]
    change = {"field": "group g, task t: Env[CODEC]", "kind": "edited", "before": None, "after": None}
    assert [(file["state"], file["changes"]) for file in files] == [("same", []), ("different", [change])]
