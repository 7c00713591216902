"""A plan's run that was interrupted, and its job that changed meanwhile."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.plans.stage import call, change_job, children

SLOW = """\
version: 1
name: slow
settings: {in_flight: 1}
dispatches:
  - {id: first, job: work, meta: {how: "sh wait.sh"}}
  - {id: second, job: work, meta: {how: "true"}}
"""
WAIT = "while [ ! -e {folder}/go ]; do sleep 0.1; done\n"
COMMAND = [sys.executable, "-m", "dispatchfile"]


def _make_plan(folder: Path, manifest: str = SLOW) -> str:
    """Make a plan of two items, of which the first one runs until the file `go` exists; return the run's ID."""
    (folder / "wait.sh").write_text(WAIT.format(folder=folder))
    (folder / "dispatchfile.yaml").write_text(manifest.replace("wait.sh", f"{folder}/wait.sh"))
    subprocess.run([*COMMAND, "plan", "--out", "n.plan"], check=True, capture_output=True)
    digest = json.loads((folder / "n.plan").read_text().splitlines()[-1])["sha256"]
    return f"p{digest[:12]}"


@contextmanager
def _applying(*, until: int) -> Iterator[subprocess.Popen[str]]:
    """Give the process of an apply that has dispatched so many items."""
    sending = [*COMMAND, "run", "n.plan", "--wait", "-o", "ndjson", "-q"]
    with subprocess.Popen(sending, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        accepted = (line for line in process.stdout if '"event": "dispatched"' in line)
        assert len(list(itertools.islice(accepted, until))) == until
        yield process


@pytest.mark.parametrize("command", [["run", "n.plan"], ["resume"]], ids=" ".join)
def test_items_that_are_left_are_not_sent_to_a_changed_job(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """Neither the plan nor its run can be insisted on; the message has both versions and the way on, which works."""
    run = _make_plan(folder)
    with _applying(until=1) as process:
        process.kill()
    change_job(address)
    code, out, err = call(capsys, *command)
    assert (code, out, len(children(address))) == (1, "", 1)
    assert f"run {run} cannot continue: job 'work' in namespace 'default' was changed: the run began with" in err
    assert f"items that are not sent yet: 1: end the run with `dispatchfile stop {run}`" in err
    assert call(capsys, "stop", run)[0] == 0
    (folder / "go").touch()
    code, out, _ = call(capsys, "plan", "--skip", "outcome:succeeded", "--out", "rest.plan")
    assert (code, "2 to send" in out) == (0, True)
    assert call(capsys, "run", "rest.plan", "--wait")[0] == 0


def test_a_run_of_which_all_is_sent_goes_on(folder: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed job does not change the children that it has; they are followed to their ends."""
    _make_plan(folder, SLOW.replace("in_flight: 1", "wait: completion"))
    with _applying(until=2) as process:
        process.kill()
    change_job(address)
    (folder / "go").touch()
    code, out, err = call(capsys, "run", "n.plan")
    assert (code, out.splitlines()[:1], len(children(address))) == (0, ["2 succeeded of 2 items"], 2), err


def test_two_applies_at_once_do_not_send_twice(folder: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the same state folder, the second one is refused while the first one is at work."""
    run = _make_plan(folder)
    with _applying(until=1) as process:
        code, out, err = call(capsys, "run", "n.plan", "--wait")
        (folder / "go").touch()
        process.communicate(timeout=60)
    assert (code, out, process.returncode) == (1, "", 0)
    assert f"is working on run {run}: `dispatchfile watch {run}` follows it" in err
    assert len(children(address)) == 2
