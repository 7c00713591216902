"""The workflow of examples/gitops: its steps, run as a runner does, on an embedded agent."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.docs.guides import Machine, agents, make_machine
from tests.docs.pages import ROOT

pytestmark = pytest.mark.timeout(300)  # each step starts several processes
EXAMPLE = ROOT / "examples" / "gitops"
WORKFLOW = EXAMPLE / ".github" / "workflows" / "dispatch.yml"
Step = Mapping[str, str]
CHANGE = """
git init -q -b main && git add . && git commit -q -m "Export orders"
git update-ref refs/remotes/origin/main main
git switch -q -c umbrella && echo 'umbrella,invoices,csv' >> customers.csv
dispatchfile plan --changed main --out next.plan && git add . && git commit -q -m "Export umbrella, too"
"""


def steps(job: str) -> Sequence[Step]:
    """Return the steps of a job that run something, but for the installation."""
    workflow = YAML(typ="safe").load(WORKFLOW.read_text(encoding="utf-8"))
    found: Sequence[Step] = workflow["jobs"][job]["steps"]
    return [step for step in found if "run" in step and not step["run"].startswith("pip install ")]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A clone of the example, in which a pull request is open; its agent has the job."""
    machine = make_machine(tmp_path)
    machine = replace(machine, folder=machine.folder / "examples" / "gitops")
    with agents(machine) as started:
        machine = replace(machine, address=started(machine.folder))
        made = machine.bash(CHANGE)
        assert made.returncode == 0, made.stdout
        yield machine


def codes(machine: Machine, job: str) -> list[int]:
    """Return the exit codes of the steps of a job, up to the first that fails."""
    found = list[int]()
    for step in steps(job):
        environ = {"GITHUB_BASE_REF": "main", "GITHUB_STEP_SUMMARY": str(machine.home / "summary.md")}
        found.append(machine.bash(step["run"], **environ).returncode)
        if found[-1]:
            break
    return found


def children(machine: Machine) -> list[str]:
    """Return the ID of the item of each child."""
    with urllib.request.urlopen(f"{machine.address}/v1/jobs?prefix=export/", timeout=10) as answer:
        ids = [job["ID"] for job in json.load(answer)]
    return [match[1] for child in ids if (match := re.search(r"dispatch-p[0-9a-f]{12}-(.*)-1-", child))]


def test_the_merge_dispatches_what_the_review_has_shown(machine: Machine) -> None:
    """The summary of the pull request shows the change; a second execution of the job sends nothing."""
    assert (codes(machine, "review"), children(machine)) == ([0, 0], [])
    shown = (machine.home / "summary.md").read_text()
    assert shown.startswith("### Plan of exports: 1 to send: 1 new; 8 left out\n")
    assert (codes(machine, "apply"), codes(machine, "apply"), children(machine)) == ([0], [0], ["umbrella"])


def test_a_plan_of_another_change_is_red(machine: Machine) -> None:
    """The review compares it with the change, and the apply refuses it; nothing is sent."""
    machine.bash("echo 'vandelay,orders,csv' >> customers.csv")
    assert (codes(machine, "review"), codes(machine, "apply"), children(machine)) == ([0, 1], [1], [])


def test_only_the_apply_may_dispatch() -> None:
    """The token of a pull request is another one, and one job applies at a time."""
    workflow = YAML(typ="safe").load(WORKFLOW.read_text(encoding="utf-8"))
    review, apply = (workflow["jobs"][job] for job in ("review", "apply"))
    assert (review["env"]["NOMAD_TOKEN"], apply["env"]["NOMAD_TOKEN"]) == (
        "${{ secrets.NOMAD_READ_TOKEN }}",
        "${{ secrets.NOMAD_TOKEN }}",
    )
    assert (review["if"], apply["if"], apply["concurrency"]) == (
        "github.event_name == 'pull_request'",
        "github.event_name == 'push'",
        "dispatch",
    )
    assert all("dispatchfile run" not in step["run"] for step in steps("review"))
