"""Groups and exit codes of an earlier run select its items again: whole commands on the embedded agent."""

import json
import re
from pathlib import Path

import pytest

from dispatchfile.cli.exits import run_to_exit_code

JOB = """\
{"Job": {"ID": "work", "Type": "batch", "Datacenters": ["*"],
 "ParameterizedJob": {"Payload": "optional", "MetaRequired": ["how"]},
 "TaskGroups": [{"Name": "g", "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
  "ReschedulePolicy": {"Attempts": 0, "Unlimited": false},
  "Tasks": [{"Name": "t", "Driver": "raw_exec",
   "Config": {"command": "/bin/sh", "args": ["-c", "$NOMAD_META_how"]}}]}]}}
"""
HOW = {"good": "true", **{f"usage-{n}": "exit 2" for n in range(6)}, **{f"code-{n}": "exit 7" for n in range(5)}}
USAGE = [item for item in HOW if item.startswith("usage")]
CODE = [item for item in HOW if item.startswith("code")]
GROUP_OF = {2: USAGE, 7: CODE}
GROUP_COMMAND = re.compile(r"(?m)^ +dispatchfile rerun (\S+) --only (group:[0-9a-f]{8})$")


@pytest.fixture
def run(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The ID of a local run in which six items failed with one exit code and five with another."""
    folder = in_an_empty_folder
    (folder / "jobs").mkdir()
    (folder / "jobs/work.nomad.json").write_text(JOB)
    items = "".join(f'  - {{id: {item}, job: work, meta: {{how: "{how}"}}}}\n' for item, how in HOW.items())
    (folder / "dispatchfile.yaml").write_text(f"version: 1\ndispatches:\n{items}")
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(folder / "state"))
    assert run_to_exit_code(["run", "--local", "-q", "--run-id", "r1"]) == 2
    capsys.readouterr()
    return "r1"


def groups_of(run: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The selectors that `status` prints below its groups, the largest group first."""
    assert run_to_exit_code(["status", run]) == 0
    found = GROUP_COMMAND.findall(capsys.readouterr().out)
    assert {name for name, _ in found} == {run}
    return [selector for _, selector in found]


def rerun_ids(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The items of the rerun, each of which was dispatched and ended once more."""
    assert run_to_exit_code(["rerun", *arguments, "-q", "-o", "json"]) == 2
    items = json.loads(capsys.readouterr().out)["items"]
    assert {item["outcome"] for item in items} == {"failed"}
    return [item["id"] for item in items]


def test_the_command_below_a_group_runs_that_group_and_nothing_else(
    run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The largest group comes first."""
    usage, code = groups_of(run, capsys)
    assert rerun_ids([run, "--only", code], capsys) == CODE
    assert rerun_ids([run, "--only", usage], capsys) == USAGE


@pytest.mark.parametrize("code", [2, 7])
def test_an_exit_code_selects_the_items_that_ended_with_it(
    run: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """However the items are called."""
    assert rerun_ids([run, "--only", f"exit:{code}"], capsys) == GROUP_OF[code]


def test_selectors_add_up(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The selected items stay in the order of the manifest."""
    assert rerun_ids([run, "--only", "exit:7", "--only", "usage-0"], capsys) == ["usage-0", *CODE]


@pytest.mark.parametrize(
    ("selector", "code", "told"),
    [
        ("group:00000000", 1, "Error: --only group:00000000: no group of items has this name any more"),
        ("exit:9", 0, "nothing to rerun: no item of run r1 matches --only exit:9\n"),
    ],
)
def test_nothing_is_sent_if_nothing_is_selected(
    run: str, selector: str, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A group is named after its items, so that an unknown one is a mistake."""
    assert run_to_exit_code(["rerun", run, "--only", selector]) == code
    said = capsys.readouterr()
    assert (said.out, said.err.startswith(told)) == ("", True)


def test_logs_take_the_same_selectors(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The logs themselves are gone with the agent."""
    _, code = groups_of(run, capsys)
    for selector in (code, "exit:7"):
        run_to_exit_code(["logs", run, selector])
        told = capsys.readouterr()
        assert sorted((told.out + told.err).splitlines()) == [
            f"{item}: gone with the embedded agent that ran it" for item in CODE
        ]
