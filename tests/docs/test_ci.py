"""docs/ci.md: the shell steps of its jobs, run as a runner does, on an embedded agent."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.docs.pages import ROOT, read_sections

pytestmark = pytest.mark.timeout(300)  # each attempt starts several processes
Step = Mapping[str, str]
JOB = """\
{"Job": {"ID": "work", "Type": "batch", "Datacenters": ["*"],
 "ParameterizedJob": {"Payload": "forbidden", "MetaRequired": ["file"]},
 "TaskGroups": [{"Name": "g", "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
  "ReschedulePolicy": {"Attempts": 0, "Unlimited": false},
  "Tasks": [{"Name": "t", "Driver": "raw_exec",
   "Config": {"command": "/bin/sh", "args": ["-c", "test -e $NOMAD_META_file"]}}]}]}}
"""
MANIFEST = """\
version: 1
dispatches:
  - {{id: good, job: work, meta: {{file: /}}}}
  - {{id: bad, job: work, meta: {{file: {file}}}}}
"""
GIVEN = {"GITHUB_STEP_SUMMARY", "CI_PIPELINE_ID", "CI_PROJECT_DIR"}  # by the runners
OWN = {"again", "code"}  # set in a script


def _block(title: str) -> Mapping[str, Mapping[str, object]]:
    (section,) = (section for section in read_sections(ROOT / "docs/ci.md") if section.title == title)
    (block,) = (block for block in section.blocks if block.language == "yml")
    read: Mapping[str, Mapping[str, object]] = YAML(typ="safe").load(block.text)
    return read


def _steps(job: str) -> list[Step]:
    """The steps of a GitHub job that run something, but for the installation."""
    steps: list[Step] = _block("GitHub Actions")["jobs"][job]["steps"]
    return [step for step in steps if "run" in step and not step["run"].startswith("pip install ")]


def _script(job: str) -> str:
    """The commands of a GitLab job, but for the installation."""
    lines: list[str] = _block("GitLab CI")[job]["script"]
    return "\n".join(line for line in lines if not line.startswith("pip install "))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    """A repository with a manifest of two items, of which one fails until a file is there, and an agent."""
    for name, text in {
        "jobs/work.nomad.json": JOB,
        "dispatch/nightly.yaml": MANIFEST.format(file=tmp_path / "mended"),
        "bin/dispatchfile": f'#!/bin/sh\nexec {sys.executable} -m dispatchfile "$@"\n',
    }.items():
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(text)
    (tmp_path / "bin/dispatchfile").chmod(0o755)
    command = [sys.executable, "-m", "dispatchfile", "agent", "--bind", "127.0.0.1:0"]
    agent = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert agent.stdout is not None
    (tmp_path / "address").write_text(agent.stdout.readline().rpartition("=")[2].strip())
    yield tmp_path
    agent.send_signal(signal.SIGTERM)
    agent.wait(timeout=30)
    agent.stdout.close()


def bash(workspace: Path, script: str) -> int:
    """The exit code of a script, as runners start it."""
    environ = {
        "PATH": f"{workspace / 'bin'}:{os.environ['PATH']}",
        "HOME": str(workspace),
        "CI": "true",
        "CI_PIPELINE_ID": "1",
        "GITHUB_STEP_SUMMARY": str(workspace / "summary.md"),
        "NOMAD_ADDR": (workspace / "address").read_text(),
        "DISPATCHFILE_STATE_DIR": str(workspace / "state"),
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=workspace, env=environ, check=False
    ).returncode


def github_attempt(workspace: Path, number: int) -> tuple[bool, dict[str, int]]:
    """Return whether an attempt is green, and the exit codes of the steps that ran."""
    green, codes = True, dict[str, int]()
    for step in _steps("run"):
        again = step.get("if") == "${{ !cancelled() && github.run_attempt > 1 }}"
        if (again and number == 1) or not (green or again):
            continue
        codes[step["name"]] = bash(workspace, step["run"].replace("${{ github.run_id }}", "1"))
        tolerated = step.get("continue-on-error") == "${{ github.run_attempt > 1 }}" and number > 1
        green = green and (codes[step["name"]] == 0 or tolerated)
    return green, codes


def children(workspace: Path) -> dict[str, int]:
    """Return how many jobs were dispatched for each item."""
    with urllib.request.urlopen((workspace / "address").read_text() + "/v1/jobs?prefix=work/", timeout=10) as answer:
        ids = [job["ID"] for job in json.load(answer)]
    return {item: sum(f"-{item}-" in child for child in ids) for item in ("good", "bad")}


def test_a_red_github_job_is_mended_by_running_it_again(workspace: Path) -> None:
    """The failed item runs again at each attempt, until it has ended well; nothing else does."""
    assert github_attempt(workspace, 1) == (False, {"Run": 2})
    assert github_attempt(workspace, 2) == (False, {"Run": 2, "Run again what failed": 2})
    (workspace / "mended").touch()
    assert github_attempt(workspace, 3) == (True, {"Run": 2, "Run again what failed": 0})
    assert github_attempt(workspace, 4) == (True, {"Run": 2, "Run again what failed": 0})
    assert children(workspace) == {"good": 1, "bad": 3}


def test_a_green_github_job_stays_green(workspace: Path) -> None:
    """Run again, it has nothing left to do, and says so with 0."""
    (workspace / "mended").touch()
    assert github_attempt(workspace, 1) == (True, {"Run": 0})
    assert github_attempt(workspace, 2) == (True, {"Run": 0, "Run again what failed": 0})
    assert children(workspace) == {"good": 1, "bad": 1}
    assert (workspace / "run.xml").read_text().startswith("<?xml")


def test_a_red_gitlab_job_is_mended_by_running_it_again(workspace: Path) -> None:
    """GitLab's job follows the same rules as GitHub's."""
    assert bash(workspace, _script("run")) == 2
    (workspace / "mended").touch()
    assert bash(workspace, _script("run")) == 0
    assert bash(workspace, _script("run")) == 0
    assert children(workspace) == {"good": 1, "bad": 2}


def test_the_checks_of_a_pull_request_work(workspace: Path) -> None:
    """The check needs no server: it is green for a valid manifest and red for an invalid one."""
    (step,) = _steps("check")
    assert (bash(workspace, step["run"]), bash(workspace, _script("check"))) == (0, 0)
    (workspace / "dispatch/broken.yaml").write_text("version: 2\n")
    assert (bash(workspace, step["run"]), bash(workspace, _script("check"))) == (1, 1)
    assert (workspace / "check.xml").read_text().startswith("<?xml")


def test_nothing_on_the_page_is_undefined() -> None:
    """Every variable of a script is one that the runner gives, or that the job sets."""
    github, gitlab = _block("GitHub Actions")["jobs"], _block("GitLab CI")
    scripts = [step["run"] for job in ("check", "run") for step in _steps(job)]
    scripts += [_script(job) for job in ("check", "run")]
    used = {name for script in scripts for name in re.findall(r"\$([A-Za-z_]+)", script)}
    assert used <= GIVEN | OWN
    expressions = {name for script in scripts for name in re.findall(r"\$\{\{ (\S+) \}\}", script)}
    assert expressions == {"github.run_id"}
    assert set(github["run"]["env"]) == {"NOMAD_ADDR", "NOMAD_TOKEN", "DISPATCHFILE_STATE_DIR"}
    assert set(gitlab["run"]["variables"]) == {"DISPATCHFILE_STATE_DIR"}
