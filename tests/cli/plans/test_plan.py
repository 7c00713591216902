"""`plan` and `run PLAN` as they are typed, on an embedded agent: reviewed, applied once, refused when stale."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.plans.stage import MANIFEST, call, change_job, children
from tests.cli.test_run import JOB
from tests.dispatch_command.jobs import ask
from tests.files.test_gitfiles import git


def test_a_plan_is_sent_as_it_was_reviewed(folder: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Payloads and meta in Nomad equal the plan's; each item has one child, whose ID names the plan."""
    assert call(capsys, "plan", "--out", "n.plan")[0] == 0
    lines = [json.loads(line) for line in (folder / "n.plan").read_text().splitlines()]
    planned = {line["item"]["id"]: line["item"] for line in lines if "item" in line}
    code, out, err = call(capsys, "run", "n.plan", "--wait", "-o", "json")
    summary = json.loads(out)
    assert (code, summary["counts"]["succeeded"], summary["run"]) == (0, 4, f"p{lines[-1]['sha256'][:12]}")
    assert f"plan {lines[-1]['sha256']}" in err
    for item in summary["items"]:
        child = ask(address, "GET", f"/v1/job/{item['child'].replace('/', '%2F')}")
        plan = planned[item["id"]]
        payload = child["Payload"] and base64.b64decode(child["Payload"]).decode()
        assert (child["Meta"], payload) == (plan["meta"], plan["payload"] and plan["payload"]["text"])


def test_a_second_apply_sends_nothing(folder: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither with the journal nor without it, while Nomad has the children of the first."""
    call(capsys, "plan", "--out", "n.plan")
    assert call(capsys, "run", "n.plan", "--wait")[0] == 0
    before = children(address)
    code, _, err = call(capsys, "run", "n.plan", "--wait")
    assert (code, "no item is sent twice" in err) == (0, True)
    code, out, _ = call(capsys, "run", "n.plan", "--wait", "--state-dir", "empty")
    assert (code, "4 items already had a child of run" in out) == (0, True)
    assert (children(address), len(before)) == (before, 4)


def test_a_kill_in_the_middle_and_the_same_command_again(folder: Path, address: str) -> None:
    """Each item has exactly one child."""
    rows = "n,text\n" + "".join(f"{number},x\n" for number in range(60))
    (folder / "rows.csv").write_text(rows)
    command = [sys.executable, "-m", "dispatchfile"]
    subprocess.run([*command, "plan", "--out", "n.plan", "-q"], check=True, capture_output=True)
    sending = [*command, "run", "n.plan", "--detach", "--rate", "40/s", "-o", "ndjson", "-q"]
    with subprocess.Popen(sending, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        accepted = (line for line in process.stdout if '"event": "dispatched"' in line)
        assert len(list(itertools.islice(accepted, 5))) == 5
        process.kill()
    again = [*command, "run", "n.plan", "--detach", "-o", "json", "--settle", "1s"]
    done = subprocess.run(again, capture_output=True, text=True, check=False)
    items = [item["child"] for item in json.loads(done.stdout)["items"]]
    assert (done.returncode, sorted(items), len(items)) == (0, children(address), 62)


def _writes(name: str, text: str) -> Callable[[str], object]:
    return lambda _: Path(name).write_text(text)


def _removes(name: str) -> Callable[[str], object]:
    return lambda _: Path(name).unlink()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            _writes("rows.csv", "n,text\n1,one\n2,TWO\n"),
            'rows.csv has changed; changed items: row-2 (payload: "{\\"n\\":\\"2\\",\\"text\\":\\"two\\"}" → "{',
        ),
        (_removes("top.json"), "top.json: does not exist"),
        (_writes("files/b.txt", "b"), "files/*.txt now matches files/b.txt"),
        (_removes("files/a.txt"), "files/*.txt no longer matches files/a.txt; missing items: file-a"),
        (_writes("dispatchfile.yaml", MANIFEST + "\n"), "dispatchfile.yaml has changed"),
        (_writes("dispatchfile.yaml", "{"), "is stale, nothing was sent: dispatchfile.yaml:"),
        (change_job, "job 'work' in namespace 'default' was changed: the plan has JobModifyIndex"),
        (_removes("dispatchfile.yaml"), "its manifest dispatchfile.yaml is neither beside the plan nor"),
    ],
    ids=["row", "file-gone", "glob", "match-gone", "manifest", "broken-manifest", "job", "no-manifest"],
)
def test_a_stale_plan_is_refused(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str], change: Callable[[str], object], says: str
) -> None:
    """The message names what has changed; nothing is sent; the plan can still be shown."""
    call(capsys, "plan", "--out", "n.plan")
    change(address)
    code, out, err = call(capsys, "run", "n.plan")
    assert (code, out, says in err, children(address)) == (1, "", True, [])
    assert call(capsys, "plan", "n.plan")[:1] == (0,)


def test_a_job_registered_again_unchanged_keeps_the_plan(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nomad moves the JobModifyIndex neither then nor at a dispatch."""
    call(capsys, "plan", "--out", "n.plan")
    ask(address, "POST", "/v1/jobs", json.loads(JOB))
    call(capsys, "run", "--only", "top", "--wait")
    assert call(capsys, "run", "n.plan", "--wait")[0] == 0


def test_the_same_inputs_give_the_same_bytes(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In another folder, by another way to the manifest, in another locale and time zone."""
    other = tmp_path_factory.mktemp("other") / "deep"
    shutil.copytree(folder, other)
    command = [sys.executable, "-m", "dispatchfile", "plan", "-q", "--out"]
    settings = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "de_DE.UTF-8", "HOME": "/nowhere", "PYTHONHASHSEED": "7"}
    subprocess.run([*command, "here.plan"], cwd=folder, check=True, capture_output=True)
    subprocess.run(
        [*command, str(other / "there.plan"), str(other / "dispatchfile.yaml")],
        env=dict(os.environ) | settings,
        cwd="/",
        check=True,
        capture_output=True,
    )
    assert (folder / "here.plan").read_bytes() == (other / "there.plan").read_bytes()


def test_sensitive_values_are_rendered_at_the_apply(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan does not hold them; a variable that they need has to be given again, and others have no effect."""
    (folder / "dispatchfile.yaml").write_text(
        "version: 1\nvars: {key: ''}\ndispatches:\n"
        "  - {id: s, job: work, meta: {how: 'true'}, payload: {text: '{{ vars.key }}'}, sensitive: [payload]}\n"
    )
    call(capsys, "plan", "--out", "n.plan", "--var", "key=PW1")
    assert "PW1" not in (folder / "n.plan").read_text()
    code, _, err = call(capsys, "run", "n.plan")
    assert (code, "pass them again with --var key=…" in err, children(address)) == (1, True, [])
    assert call(capsys, "run", "n.plan", "--var", "key=PW1", "--wait")[0] == 0
    (child,) = children(address)
    assert ask(address, "GET", f"/v1/job/{child.replace('/', '%2F')}")["Payload"] == "UFcx"


EXPECTED = (
    "Plan of nightly (dispatchfile.yaml), no server was asked\n"
    "  work (namespace default, not pinned): 4 items\n"
    "\n"
    "= top  unchanged  work  dispatchfile.yaml:5\n"
    "~ row-2  changed  work  rows.csv:2\n"
    "    payload:\n"
    '      - "text": "two"\n'
    '      + "text": "TWO"\n'
    "+ row-3  new  work  rows.csv:3\n"
    "= file-a  unchanged  work  files/a.txt:1\n"
    "\n"
    "4 to send: 1 new, 1 changed, 2 unchanged\n"
    "1 item removed since main: a plan undoes nothing (row-1)\n"
)


def test_the_text_shows_what_differs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON payload by key; removed items are named; the exit code says whether anything differs."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "dispatchfile.yaml", "top.json", "rows.csv", "files")
    git(folder, "commit", "-q", "-m", "v1")
    assert call(capsys, "plan", "--offline", "--against", "main", "--detailed-exitcode")[0] == 0
    (folder / "rows.csv").write_text("n,text\n2,TWO\n3,three\n")
    code, out, _ = call(capsys, "plan", "--offline", "--against", "main", "--detailed-exitcode")
    assert (code, out) == (
        2,
        EXPECTED + f"{out.splitlines()[-1]}\n",
    )


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["plan", "--changed", "nope"], "is not in a git repository: name a plan file instead of a git ref"),
        (["plan", "--show", "nope", "--offline"], "--show nope: the plan sends no item of this ID"),
        (["plan", "--out", "missing/n.plan", "--offline"], "missing/n.plan: No such file or directory"),
        (["plan", "--only", "nope", "--offline"], "--only nope: matches none of 4 items"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], says: str
) -> None:
    """One line, and the exit code 1."""
    code, out, err = call(capsys, *argv)
    assert (code, out, says in err, err.count("\n")) == (1, "", True, 1)


def test_problems_that_the_server_would_have_are_at_their_places(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As before a run; no plan is written."""
    (folder / "dispatchfile.yaml").write_text(
        "version: 1\ndispatches:\n  - {id: a, job: wrok}\n  - {id: b, job: work}\n"
    )
    code, _, err = call(capsys, "plan", "--out", "n.plan")
    assert (code, "dispatchfile.yaml:3:18" in err, "did you mean 'work'?" in err) == (1, True, True)
    assert ("DF105" in err, (folder / "n.plan").exists()) == (True, False)
