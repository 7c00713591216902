"""examples/scheduled on a real agent with ACLs: a periodic job runs the manifest through the socket of the task API."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.acls import Guarded, guarded_agent
from tests.conformance.agents import until
from tests.conformance.lacks import real_only
from tests.real_nomad import binary

pytestmark = [*real_only("tokens"), pytest.mark.timeout(180)]
EXAMPLE = Path(__file__).parents[2] / "examples" / "scheduled"
JOB, REPORT, POLICY = "nightly-reports", "region-report", "nightly-reports"
ENDS_WITHIN_S = 90.0


@pytest.fixture
async def guarded() -> AsyncIterator[Guarded]:
    async with guarded_agent() as agent:
        (file,) = (EXAMPLE / "jobs").iterdir()
        await agent.manager.register(await agent.manager.put("/v1/jobs/parse", {"JobHCL": file.read_text()}))
        yield agent


def nightly_job() -> dict[str, Any]:
    """The example's job as the nomad CLI reads it; its task runs the installed program in place of the image."""
    command = [str(binary()), "job", "run", "-output", "nightly.nomad.hcl"]
    written = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, check=True).stdout
    job: dict[str, Any] = json.loads(written)["Job"]
    (group,) = job["TaskGroups"]
    (task,) = group["Tasks"]
    shell, *options = task["Config"]["entrypoint"]
    task["Config"] = {"command": shell, "args": [*options, *task["Config"]["args"]]}
    task["Driver"] = "raw_exec"
    task["Env"]["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    group["RestartPolicy"]["Delay"] = 1_000_000_000
    return job


async def run_tonight(guarded: Guarded) -> tuple[str, dict[str, Any], str]:
    """Start the job now, as its schedule would. Return the night's number, the task's end and what it wrote."""
    manager = guarded.manager
    await manager.register(nightly_job())
    await manager.put(f"/v1/job/{JOB}/periodic/force")

    async def ended() -> dict[str, Any] | None:
        for alloc in await manager.get("/v1/allocations"):
            if alloc["JobID"].startswith(f"{JOB}/") and alloc["ClientStatus"] in {"complete", "failed"}:
                return alloc
        return None

    alloc = await until(ended, within_s=ENDS_WITHIN_S)
    path = f"/v1/client/fs/logs/{alloc['ID']}"
    logs = [await manager.ask("GET", path, task="run", type=each, plain="true") for each in ("stderr", "stdout")]
    return alloc["JobID"].rpartition("-")[2], alloc["TaskStates"]["run"], "".join(each.text for each in logs)


async def test_the_identity_of_a_periodic_task_dispatches_every_item(guarded: Guarded) -> None:
    """With the example's policy, bound to the job, no token has to be stored; the night names the run."""
    binding = {"Namespace": "default", "JobID": JOB}
    rules = (EXAMPLE / "policy.hcl").read_text()
    await guarded.manager.put(f"/v1/acl/policy/{POLICY}", {"Name": POLICY, "Rules": rules, "JobACL": binding})
    night, task, logs = await run_tonight(guarded)
    assert (task["State"], task["Failed"], task["Restarts"]) == ("dead", False, 0), logs
    children = await guarded.manager.children(REPORT)
    assert sorted(re.sub(r"-[0-9]+-[0-9a-f]{8}$", "", child) for child in children) == [
        f"{REPORT}/dispatch-n{night}-{region}-1" for region in ("east", "north", "south", "west")
    ]


async def test_without_the_policy_nothing_is_dispatched(guarded: Guarded) -> None:
    """Every attempt of the task ends with an error."""
    _, task, logs = await run_tonight(guarded)
    assert (task["State"], task["Failed"], task["Restarts"]) == ("dead", True, 2), logs
    assert "DF107" in logs
    assert await guarded.manager.children(REPORT) == []
