"""Rows of `agent`, of `init`, and of the options of runs that start an embedded agent of their own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.cli.option_table.checks import Check, Row
from tests.cli.option_table.display import agent_says
from tests.cli.option_table.own import STEPS, call_of, steps
from tests.cli.option_table.stage import Stage
from tests.dispatch_command.jobs import ask


def _jobs(command: str) -> Check:
    def check(stage: Stage) -> None:
        steps(stage)
        Path("jobs").rename("elsewhere")
        assert "there are no job files in" in stage.call(*call_of(command)).err
        assert json.loads(stage.call(*call_of(command), "-o", "json", "--jobs", "elsewhere/*.json").out)["counts"]

    return check


def _slots(command: str) -> Check:
    """One allocation at a time: the next one starts once the one before has ended."""

    def check(stage: Stage) -> None:
        alone = f'"mkdir {stage.folder}/busy && sleep 0.05 && rmdir {stage.folder}/busy"'
        manifest = Path("dispatchfile.yaml")
        manifest.write_text(manifest.read_text().replace('"false"', alone).replace('"true"', alone))
        steps(stage)
        outcomes = stage.call(*call_of(command), "-o", "json", "--slots", "1").outcomes
        assert {outcomes[item] for item in ("bad", "more")} == {"succeeded/-"}

    return check


def _fault(command: str) -> Check:
    def check(stage: Stage) -> None:
        steps(stage)
        call = (*call_of(command), "-o", "json", "--unreachable-after", "100ms")
        assert "No cluster leader" in stage.call(*call, "--fault", "leaderless=60s").err

    return check


def _datacenter(command: str) -> Check:
    """A job for another datacenter than the default finds a node there."""

    def check(stage: Stage) -> None:
        job = json.loads(Path("jobs/work.nomad.json").read_text())
        job["Job"]["Datacenters"] = ["berlin"]
        Path("jobs/work.nomad.json").write_text(json.dumps(job))
        steps(stage)
        outcomes = stage.call(*call_of(command), "-o", "json", "--datacenter", "berlin").outcomes
        assert outcomes["more"] == "succeeded/-"

    return check


JOB_WITH_VARIABLE = """
variable "shell" {}
job "work" {
  type = "batch"
  parameterized {
    meta_required = ["how"]
  }
  group "g" {
    restart {
      attempts = 0
      mode     = "fail"
    }
    reschedule {
      attempts  = 0
      unlimited = false
    }
    task "t" {
      driver = "raw_exec"
      config {
        command = var.shell
        args    = ["-c", "eval $NOMAD_META_how"]
      }
    }
  }
}
"""


def put_job_with_variable() -> None:
    Path("jobs/work.nomad.json").unlink()
    Path("jobs/work.nomad.hcl").write_text(JOB_WITH_VARIABLE)
    Path("shell.hcl").write_text('shell = "/bin/sh"\n')


def _job_variable(command: str, option: str, value: str) -> Check:
    """A job file whose variable has no default can be read only with a value for it."""

    def check(stage: Stage) -> None:
        steps(stage)
        put_job_with_variable()
        assert 'Unset variable "shell"' in stage.call(*call_of(command)).err
        assert stage.call(*call_of(command), "-o", "json", option, value).outcomes["more"] == "succeeded/-"

    return check


def _agents_variable(option: str, value: str) -> Check:
    def check(stage: Stage) -> None:
        put_job_with_variable()
        assert agent_says(option, value).startswith("agent with 1 job:")

    return check


def _agents_datacenter(stage: Stage) -> None:
    def look(address: str) -> str:
        nodes = ask(address, "GET", "/v1/nodes")
        assert isinstance(nodes, list)
        return str(nodes[0]["Datacenter"])

    assert agent_says("--datacenter", "berlin", look=look).endswith("berlin")


# agent, init


def _allow_remote(stage: Stage) -> None:
    refused = stage.call("agent", "--bind", "0.0.0.0:0")
    assert (refused.code, "--allow-remote" in refused.err) == (1, True)
    assert agent_says("--allow-remote").startswith("agent with 1 job")


def _bind(stage: Stage) -> None:
    """`agent_says` binds to a port of its own, and finds the agent there."""
    assert agent_says() == "agent with 1 job: export NOMAD_ADDR=http://127.0.0.1:PORT\n"


def _agent_jobs(stage: Stage) -> None:
    Path("jobs").rename("elsewhere")
    assert agent_says().startswith("agent with 0 jobs")
    assert agent_says("--jobs", "elsewhere").startswith("agent with 1 job:")


def _agents_slots(stage: Stage) -> None:
    """A task that cannot run beside another one ends well, because it does not."""
    alone = f"mkdir {stage.folder}/busy && sleep 0.05 && rmdir {stage.folder}/busy"

    def look(address: str) -> str:
        for _ in range(3):
            ask(address, "PUT", "/v1/job/work/dispatch", {"Meta": {"how": alone}})
        while len(ends := _ends(address)) < 3:
            os.sched_yield()
        return " ".join(ends)

    assert agent_says("--slots", "1", look=look).endswith("complete complete complete")


def _ends(address: str) -> list[str]:
    allocations = ask(address, "GET", "/v1/allocations")
    assert isinstance(allocations, list)
    return [status for each in allocations if (status := each["ClientStatus"]) in {"complete", "failed"}]


def _agents_fault(_: Stage) -> None:
    def look(address: str) -> str:
        with pytest.raises(HTTPError) as raised:
            ask(address, "PUT", "/v1/job/work/dispatch", {"Meta": {"how": "true"}})
        raised.value.close()
        return str(raised.value.code)

    assert agent_says("--fault", "429=100%:dispatch", look=look).endswith("429")


def _from_job(stage: Stage) -> None:
    stage.call("init", "new", "--from-job", "work", "--address", stage.agent)
    assert "how" in Path("new/dispatchfile.yaml").read_text()


ROWS: Row = {
    **{(command, "--jobs"): _jobs(command) for command in STEPS},
    **{(command, "--slots"): _slots(command) for command in STEPS},
    **{(command, "--fault"): _fault(command) for command in STEPS},
    **{(command, "--datacenter"): _datacenter(command) for command in STEPS},
    **{(command, "--job-var"): _job_variable(command, "--job-var", "shell=/bin/sh") for command in STEPS},
    **{(command, "--job-var-file"): _job_variable(command, "--job-var-file", "shell.hcl") for command in STEPS},
    ("agent", "--datacenter"): _agents_datacenter,
    ("agent", "--job-var"): _agents_variable("--job-var", "shell=/bin/sh"),
    ("agent", "--job-var-file"): _agents_variable("--job-var-file", "shell.hcl"),
    ("agent", "--allow-remote"): _allow_remote,
    ("agent", "--bind"): _bind,
    ("agent", "--jobs"): _agent_jobs,
    ("agent", "--slots"): _agents_slots,
    ("agent", "--fault"): _agents_fault,
    ("init", "--from-job"): _from_job,
}
