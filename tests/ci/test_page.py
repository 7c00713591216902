"""docs/ci.md: its workflow and its pipeline in an empty repository, on an embedded agent: green, red and again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.ci.checkouts import commit_all, copy_of_dispatchfile, git, write_files
from tests.ci.conftest import MakeRunner
from tests.ci.runner import Done, Runner
from tests.ci.test_actions import ACTIONS, children
from tests.docs.pages import ROOT, read_sections
from tests.tools import is_offline, missing

pytestmark = pytest.mark.timeout(300)  # each attempt starts several processes
GITLAB = {"CI_PIPELINE_ID", "CI_PROJECT_DIR"}  # variables that the runner sets
OWN = {"again", "code", "NUMBER"}  # set in a script or for its step
GH = """\
#!/bin/sh
echo "$@" > gh.arguments
"""


def section(title: str) -> Any:
    (found,) = (found for found in read_sections(ROOT / "docs/ci.md") if found.title == title)
    return found


def block(title: str) -> Mapping[str, Any]:
    (found,) = (found for found in section(title).blocks if found.language == "yml")
    read: Mapping[str, Any] = YAML(typ="safe").load(found.text)
    return read


def as_documented(make_runner: MakeRunner, attempt: int, address: str, **more: Any) -> Runner:
    """Return a runner for a repository that has the copied actions."""
    runner = make_runner(attempt, variables={"NOMAD_ADDR": address}, secrets={"NOMAD_TOKEN": "t"}, **more)
    runner.actions = runner.workspace / ".github/actions"
    if not runner.actions.exists():
        shutil.copytree(ACTIONS, runner.actions)
    return runner


def run_job(make_runner: MakeRunner, attempt: int, address: str) -> tuple[bool, list[str]]:
    """Return whether an attempt is green, and the reports that it keeps."""
    runner = as_documented(make_runner, attempt, address)
    done = runner.job(block("GitHub Actions"), "run")
    kept = sorted(path.name for path in (runner.home / f"artifacts/reports-{attempt}").iterdir())
    assert runner.checked_out == ["false"]
    return done.ok, [name for name in kept if name.endswith(".xml")]


def test_a_red_github_job_is_mended_by_running_it_again(make_runner: MakeRunner, address: str, tmp_path: Path) -> None:
    """The failed item runs again at each attempt, until it has ended well; nothing else does."""
    assert run_job(make_runner, 1, address) == (False, ["run.xml"])
    assert run_job(make_runner, 2, address) == (False, ["rerun.xml", "run.xml"])
    (tmp_path / "mended").touch()
    assert run_job(make_runner, 3, address) == (True, ["rerun.xml", "run.xml"])
    assert run_job(make_runner, 4, address)[0]
    assert children(address) == {"good": 1, "bad": 3}


def test_a_green_github_job_stays_green(make_runner: MakeRunner, address: str, tmp_path: Path) -> None:
    """Run again, it has nothing left to do."""
    (tmp_path / "mended").touch()
    assert run_job(make_runner, 1, address) == (True, ["run.xml"])
    assert run_job(make_runner, 2, address) == (True, ["run.xml"])
    assert children(address) == {"good": 1, "bad": 1}


def test_the_job_of_a_merge_does_nothing_for_a_pull_request(make_runner: MakeRunner) -> None:
    """It has the secrets, so a pull request must not start it."""
    runner = as_documented(make_runner, 1, "http://127.0.0.1:1", event="pull_request")
    assert (runner.job(block("GitHub Actions"), "run").log, runner.checked_out) == ("", [])


def test_the_commands_of_the_page_set_up_an_empty_repository(make_runner: MakeRunner, tmp_path: Path) -> None:
    """The wheel and the actions are all that the check needs: it is green for valid manifests and red for invalid."""
    checkout = copy_of_dispatchfile(tmp_path / "dispatchfile")
    commit_all(checkout)
    runner = make_runner(is_installed=False, event="pull_request")
    runner.workspace.rename(tmp_path / "my-repository")
    (tmp_path / "repository").symlink_to("my-repository")
    for script in (section("In CI").blocks[0].text, section("GitHub Actions").blocks[0].text):
        done = subprocess.run(
            ["bash", "-euc", f'pip() {{ "{sys.executable}" -m pip "$@"; }}; {script}'],
            cwd=checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode and is_offline(done.stdout):
            missing(f"the wheel could not be built: the package registry cannot be reached\n{done.stdout}")
        assert done.returncode == 0, done.stdout
    runner.actions = runner.workspace / ".github/actions"
    done = check(runner)
    if not done.ok and is_offline(done.log):
        missing(f"the action could not install dispatchfile: the package registry cannot be reached\n{done.log}")
    assert (done.ok, done.log.splitlines()[-1]) == (True, "no problems in 1 manifest, 2 items")
    write_files(runner.workspace, {"dispatch/broken.yaml": "version: 2\n"})
    assert "::error file=dispatch/broken.yaml,line=1," in check(runner).log


def check(runner: Runner) -> Done:
    return runner.job(block("GitHub Actions"), "check")


def test_a_pull_request_shows_its_plan(make_runner: MakeRunner, address: str) -> None:
    """The comment has the items that the pull request adds, and no others."""
    runner = as_documented(make_runner, 1, address, event="pull_request")
    commit_all(runner.workspace)
    git(runner.workspace, "update-ref", "refs/remotes/origin/main", "HEAD")
    manifest = runner.workspace / "dispatch/nightly.yaml"
    manifest.write_text(manifest.read_text() + '  - {id: new, job: work, meta: {run: "true"}}\n')
    write_files(runner.workspace, {"bin/gh": GH})
    (runner.workspace / "bin/gh").chmod(0o755)
    runner.environ = {"PATH": f"{runner.workspace / 'bin'}:{os.environ['PATH']}"}
    done = runner.job(block("Plan of a pull request"), "plan")
    assert done.ok, done.log
    comment = (runner.workspace / "dispatchfile-plan.md").read_text()
    assert comment.startswith("### Plan of nightly: 1 to send: 1 new; 2 left out\n")
    assert "new, job work" in comment
    assert runner.summary.read_text() == comment
    assert (runner.workspace / "gh.arguments").read_text().startswith("pr comment ")


def gitlab_job(folder: Path, name: str, address: str, tmp_path: Path) -> int:
    """Return the exit code of a job's script, without the installation."""
    lines: list[str] = block("GitLab CI")[name]["script"]
    bin_folder = tmp_path / "bin"
    write_files(bin_folder, {"dispatchfile": f'#!/bin/sh\nexec {sys.executable} -m dispatchfile "$@"\n'})
    (bin_folder / "dispatchfile").chmod(0o755)
    environ = {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "CI": "true",
        "CI_PIPELINE_ID": "1",
        "NOMAD_ADDR": address,
        "DISPATCHFILE_STATE_DIR": str(folder / "state"),
    }
    script = "\n".join(line for line in lines if not line.startswith("pip install "))
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environ, check=False).returncode


def test_a_red_gitlab_job_is_mended_by_running_it_again(repository: Path, address: str, tmp_path: Path) -> None:
    """GitLab's job follows the same rules as GitHub's, and later jobs get the run's numbers as variables."""
    assert gitlab_job(repository, "run", address, tmp_path) == 2
    assert {"run=gl1", "exit_code=2", "total=2", "failed=1"} <= set((repository / "run.env").read_text().split())
    (tmp_path / "mended").touch()
    assert gitlab_job(repository, "run", address, tmp_path) == 0
    assert gitlab_job(repository, "run", address, tmp_path) == 0
    assert children(address) == {"good": 1, "bad": 2}


def test_the_check_of_a_merge_request_works(repository: Path, tmp_path: Path) -> None:
    """The check needs no server: it is green for a valid manifest and red for an invalid one."""
    assert gitlab_job(repository, "check", "", tmp_path) == 0
    write_files(repository, {"dispatch/broken.yaml": "version: 2\n"})
    assert gitlab_job(repository, "check", "", tmp_path) == 1
    assert (repository / "check.xml").read_text().startswith("<?xml")


def test_nothing_on_the_page_is_undefined() -> None:
    """Every variable of a script is one that the runner gives, or that the job sets."""
    scripts = [line for job in ("check", "run") for line in block("GitLab CI")[job]["script"]]
    scripts += [step["run"] for step in block("Plan of a pull request")["jobs"]["plan"]["steps"] if "run" in step]
    used = {name for script in scripts for name in re.findall(r"\$([A-Za-z_]+)", script)}
    assert used <= GITLAB | OWN
    assert [script for script in scripts if "${{" in script] == []
    assert set(block("GitLab CI")["run"]["variables"]) == {"DISPATCHFILE_STATE_DIR"}


def test_the_page_lists_every_input_and_output() -> None:
    """Of each action; those that all three have stand above the table."""
    found = section("Inputs and outputs")
    rows = {row[0].strip("` "): row for row in (line.strip("| ").split(" | ") for line in found.prose.splitlines())}
    for path in ACTIONS.glob("*/action.yml"):
        action = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        row = " ".join(rows[path.parent.name])
        names = {*action["inputs"], *action.get("outputs", {})} - {"package", "options"}
        assert names - set(re.findall("`([a-z-]+)`", row)) == set()
