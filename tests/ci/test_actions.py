"""The actions in .github/actions: their steps, run as a runner does, with the embedded agent as Nomad."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.ci.checkouts import commit_all, copy_of_dispatchfile, git, write_files
from tests.ci.conftest import MakeRunner
from tests.docs.pages import ROOT
from tests.tools import is_offline, missing

pytestmark = pytest.mark.timeout(300)  # each step starts several processes
ACTIONS = ROOT / ".github/actions"
NIGHTLY = {"manifest": "dispatch/nightly.yaml"}
BAD = "version: 1\ndispatches:\n  - {id: a, jobs: work}\n"


def children(address: str) -> dict[str, int]:
    """Return how many jobs were dispatched for each item."""
    with urllib.request.urlopen(f"{address}/v1/jobs?prefix=work/", timeout=10) as answer:
        ids = [job["ID"] for job in json.load(answer)]
    return {item: sum(f"-{item}-" in child for child in ids) for item in ("good", "bad")}


# validate


def test_valid_manifests_are_green(make_runner: MakeRunner) -> None:
    """Patterns name manifests; a path may contain blanks."""
    runner = make_runner()
    write_files(runner.workspace, {"a b/one.yaml": "version: 1\ndispatches: [{id: a, job: work}]\n"})
    done = runner.action(ACTIONS / "validate", {"manifests": "dispatch/*.yaml\n  a b/*.yaml\n\n"})
    assert (done.ok, done.log) == (True, "no problems in 2 manifests, 3 items\n")


def test_every_manifest_of_the_repository_is_checked_by_default(make_runner: MakeRunner) -> None:
    """Those in folders below, too; a problem is an annotation, and SARIF and JUnit have it as well."""
    runner = make_runner()
    names = ("dispatchfile.yaml", "deep/er/x.dispatchfile.yml", "--help.dispatchfile.yaml")
    write_files(runner.workspace, dict.fromkeys(names, BAD))
    done = runner.action(ACTIONS / "validate", {"sarif": "out.sarif", "junit": "out.xml"})
    assert not done.ok
    files = re.findall("^::error file=(.*?),line=3,col=13,title=DF011", done.log, re.MULTILINE)
    assert sorted(files) == sorted(names)
    results = json.loads((runner.workspace / "out.sarif").read_text())["runs"][0]["results"]
    assert sum(result["ruleId"] == "DF011" for result in results) == 3
    assert (runner.workspace / "out.xml").read_text().count("<failure ") == 3


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        pytest.param({}, "no manifest found: set the input manifests", id="none in the repository"),
        pytest.param({"manifests": "no/*.yaml"}, "no/*.yaml", id="a pattern without files"),
        pytest.param({"manifests": "dispatch/nightly.yaml", "options": "--var=a=1"}, "a", id="a wrong option"),
    ],
)
def test_nothing_to_check_is_red(inputs: dict[str, str], said: str, make_runner: MakeRunner) -> None:
    """A mistake in the inputs never passes for valid manifests."""
    done = make_runner().action(ACTIONS / "validate", inputs)
    assert not done.ok
    assert said in done.log


# run


def test_a_red_run_is_mended_by_running_it_again(make_runner: MakeRunner, address: str, tmp_path: Path) -> None:
    """The failed item runs again at each attempt until it has ended well; nothing else does."""
    environ = {"NOMAD_ADDR": address}
    first = make_runner(environ=environ).action(ACTIONS / "run", NIGHTLY)
    assert (first.ok, first.outputs) == (
        False,
        {"run": "gh123", "state": "finished", "exit-code": "2", "total": "2", "succeeded": "1", "failed": "1"},
    )
    assert "\n::error file=dispatch/nightly.yaml,line=4,col=5,title=bad failed%3A exit 1::" in first.log
    second = make_runner(2, environ=environ)
    done = second.action(ACTIONS / "run", NIGHTLY)
    assert (done.ok, done.outputs["total"], done.outputs["failed"]) == (False, "1", "1")
    assert done.outputs["run"] != "gh123"
    assert second.summary.read_text().count("### ❌ nightly: finished") == 2
    (tmp_path / "mended").touch()
    third = make_runner(3, environ=environ).action(ACTIONS / "run", NIGHTLY)
    assert (third.ok, third.outputs["succeeded"]) == (True, "1")
    assert "::error" not in third.log
    assert make_runner(4, environ=environ).action(ACTIONS / "run", NIGHTLY).ok
    assert children(address) == {"good": 1, "bad": 3}


def test_a_green_run_stays_green(make_runner: MakeRunner, address: str, tmp_path: Path) -> None:
    """It sends nothing again, and writes its reports."""
    (tmp_path / "mended").touch()
    environ = {"NOMAD_ADDR": address}
    for attempt in (1, 2):
        runner = make_runner(attempt, environ=environ)
        done = runner.action(ACTIONS / "run", NIGHTLY)
        assert (done.ok, done.outputs["succeeded"], done.outputs["exit-code"]) == (True, "2", "0")
    assert children(address) == {"good": 1, "bad": 1}
    names = sorted(path.name for path in (runner.workspace / "dispatchfile-reports").iterdir())
    assert names == ["run.annotations", "run.env", "run.html", "run.json", "run.xml"]


def test_a_lost_cache_sends_nothing_twice(make_runner: MakeRunner, address: str) -> None:
    """Without the journal, the run finds in Nomad what the first attempt has dispatched."""
    environ = {"NOMAD_ADDR": address}
    inputs = {**NIGHTLY, "keep-journal": "false"}
    assert not make_runner(environ=environ).action(ACTIONS / "run", inputs).ok
    assert not make_runner(2, environ=environ).action(ACTIONS / "run", inputs).ok
    assert children(address) == {"good": 1, "bad": 2}


def test_no_line_of_a_task_is_a_command(make_runner: MakeRunner, address: str) -> None:
    """Between the token's two lines the runner takes no command; the annotations follow."""
    runner = make_runner(environ={"NOMAD_ADDR": address})
    items = [{"id": "a", "job": "work", "meta": {"run": "echo '::add-mask::a ##[add-mask]b'; exit 1"}}]
    write_files(runner.workspace, {"dispatch/nightly.yaml": json.dumps({"version": 1, "dispatches": items})})
    done = runner.action(ACTIONS / "run", NIGHTLY)
    start, *inside = done.log.splitlines()
    token = re.fullmatch("::stop-commands::([0-9a-f]{32})", start)
    assert token is not None
    end = inside.index(f"::{token[1]}::")
    assert any("##[add-mask]b" in line for line in inside[:end])
    assert not done.ok
    assert [line for line in inside[end + 1 :] if not line.startswith("::error file=")] == []


def test_a_canceled_run_can_be_continued(make_runner: MakeRunner, address: str, tmp_path: Path) -> None:
    """The runner signals the script alone: dispatchfile gets it too, and the next attempt follows what goes on."""
    runner = make_runner(environ={"NOMAD_ADDR": address})
    gate = tmp_path / "gate"
    items = [{"id": "good", "job": "work", "meta": {"run": f"until test -e {gate}; do sleep 0.1; done"}}]
    write_files(runner.workspace, {"dispatch/nightly.yaml": json.dumps({"version": 1, "dispatches": items})})
    (action,) = [step for step in steps_of("run") if step.get("id") == "run"]
    state = tmp_path / "state"
    given = {
        **dict.fromkeys(action["env"], ""),
        "MANIFEST": NIGHTLY["manifest"],
        "RUN_ID": "gh123",
        "OPTIONS": "--wait",
    }
    given |= {"REPORTS": "reports", "DISPATCHFILE_STATE_DIR": str(state), "NOMAD_ADDR": address}
    environ = runner.step_environ(given, ACTIONS / "run")
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", action["run"]]
    process = subprocess.Popen(
        command, cwd=runner.workspace, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert next(line for line in process.stdout if line.startswith("run gh123: 1 item"))
    while children(address)["good"] == 0:
        pass
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait(timeout=60) == 143
    process.stdout.close()
    assert "dispatchfile resume gh123" in rest
    gate.touch()
    done = subprocess.run(command, cwd=runner.workspace, env=environ, check=False, capture_output=True, text=True)
    assert (done.returncode, children(address)["good"]) == (0, 1)


# plan


def test_a_plan_is_shown_and_sent_once(make_runner: MakeRunner, address: str, tmp_path: Path) -> None:
    """The comment is the job's summary, too; the run demands the digest that was reviewed."""
    (tmp_path / "mended").touch()
    runner = make_runner(environ={"NOMAD_ADDR": address})
    planned = runner.action(ACTIONS / "plan", {**NIGHTLY, "comment": "comment.md"})
    assert planned.ok
    comment = (runner.workspace / "comment.md").read_text()
    assert comment.startswith("### Plan of nightly: 2 to send\n")
    assert runner.summary.read_text() == comment
    digest = planned.outputs["digest"]
    plan, counts = "dispatch/dispatchfile.plan", {"to-send": "2", "left-out": "0", "has-changes": "true"}
    assert planned.outputs == {"plan": plan, "digest": digest, **counts}
    assert f"Digest: `{digest}`" in comment
    refused = runner.action(ACTIONS / "run", {"plan": plan, "digest": "0" * 64})
    assert (refused.ok, children(address)) == (False, {"good": 0, "bad": 0})
    for attempt in (1, 2):
        applied = make_runner(attempt, environ={"NOMAD_ADDR": address})
        done = applied.action(ACTIONS / "run", {"plan": plan, "digest": digest})
        assert (done.ok, done.outputs["succeeded"]) == (True, "2")
    assert children(address) == {"good": 1, "bad": 1}


def test_a_plan_without_changes_says_so(make_runner: MakeRunner) -> None:
    """Options are passed on; nothing to send is green, and an invalid manifest is red."""
    runner = make_runner()
    commit_all(runner.workspace)
    inputs = {**NIGHTLY, "options": "--offline\n--changed=main", "out": "dispatch/next.plan"}
    done = runner.action(ACTIONS / "plan", inputs)
    assert (done.ok, done.outputs["has-changes"], done.outputs["to-send"]) == (True, "false", "0")
    write_files(runner.workspace, {"dispatch/nightly.yaml": BAD})
    done = runner.action(ACTIONS / "plan", inputs)
    assert (done.ok, done.outputs["digest"]) == (False, "")
    assert "dispatch/nightly.yaml:3:13: DF011" in done.log


# Installation and rules


def test_the_actions_install_their_own_repository(make_runner: MakeRunner, tmp_path: Path) -> None:
    """From a clone without anything else, and once for each job."""
    folder = copy_of_dispatchfile(tmp_path / "dispatchfile")
    commit_all(folder)
    git(tmp_path, "clone", "-q", str(folder), "clone")
    actions = tmp_path / "clone/.github/actions"
    runner = make_runner(is_installed=False, actions=actions)
    done = runner.action(actions / "validate", {"manifests": "dispatch/nightly.yaml"})
    if not done.ok and is_offline(done.log):
        missing(f"the action could not install dispatchfile: the package registry cannot be reached\n{done.log}")
    assert (done.ok, done.log.splitlines()[-1]) == (True, "no problems in 1 manifest, 2 items")
    again = runner.action(actions / "validate", {"manifests": "dispatch/nightly.yaml"})
    assert (again.ok, again.log) == (True, "no problems in 1 manifest, 2 items\n")


def steps_of(name: str) -> list[dict[str, object]]:
    return YAML(typ="safe").load((ACTIONS / name / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]


def all_steps() -> Iterator[tuple[str, dict[str, object]]]:
    for path in sorted(ACTIONS.glob("*/action.yml")):
        for step in steps_of(path.parent.name):
            yield path.parent.name, step


def test_no_script_has_an_expression() -> None:
    """Inputs reach scripts by the environment: text from a pull request can never become a part of a script."""
    assert [(name, step["run"]) for name, step in all_steps() if "${{" in str(step.get("run", ""))] == []
    scripts = sorted(ACTIONS.rglob("*.sh"))
    assert len(scripts) == 6
    assert [path for path in scripts if "${{" in path.read_text(encoding="utf-8")] == []


def test_every_action_of_others_is_pinned() -> None:
    """By its commit; a comment gives the version."""
    for path in ACTIONS.glob("*/action.yml"):
        for line in re.findall("uses: .*", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"uses: [\w/-]+@[0-9a-f]{40} # v[0-9.]+", line), f"{path}: {line}"


def test_no_script_has_a_known_mistake() -> None:
    """Such as a variable without quotes: ShellCheck finds none, in what a script reads neither."""
    for script in sorted(ACTIONS.rglob("*.sh")):
        done = subprocess.run(
            [str(Path(sys.executable).with_name("shellcheck")), "-x", script.name],
            cwd=script.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == ""


def test_every_input_and_output_is_explained_and_used() -> None:
    """No input without a description, and none that no step reads."""
    for path in ACTIONS.glob("*/action.yml"):
        text = path.read_text(encoding="utf-8")
        action = YAML(typ="safe").load(text)
        declared = {**action["inputs"], **action.get("outputs", {})}
        assert [name for name, value in declared.items() if not value.get("description")] == []
        assert [name for name in action["inputs"] if f"inputs.{name}" not in text] == []
