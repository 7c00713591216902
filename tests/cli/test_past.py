"""The commands on past runs as they are typed, after runs on an embedded agent."""

import asyncio
import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import junitparser
import pytest

from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.events import Cause, Ended, Event, Outcome, Verdict
from dispatchfile.journal import RunState, Target
from dispatchfile.usecases.load import ManifestSource, load_items
from tests.usecases.past_runs import header, keep_run, sent

JOB = """\
{"Job": {"ID": "work", "Type": "batch", "Datacenters": ["*"],
 "ParameterizedJob": {"Payload": "optional", "MetaRequired": ["how"]},
 "TaskGroups": [{"Name": "g", "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
  "ReschedulePolicy": {"Attempts": 0, "Unlimited": false},
  "Tasks": [{"Name": "t", "Driver": "raw_exec",
   "Config": {"command": "/bin/sh", "args": ["-c", "$NOMAD_META_how"]}}]}]}}
"""
MANIFEST = """\
version: 1
name: nightly
dispatches:
  - {id: good, job: work, meta: {how: "true"}}
  - {id: bad, job: work, meta: {how: "false"}, tags: [odd]}
"""


@pytest.fixture
def folder(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest of two items and its job; journals stay in the folder."""
    (in_an_empty_folder / "jobs").mkdir()
    (in_an_empty_folder / "jobs/work.nomad.json").write_text(JOB)
    (in_an_empty_folder / "dispatchfile.yaml").write_text(MANIFEST)
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(in_an_empty_folder / "state"))
    return in_an_empty_folder


@pytest.fixture
def past(folder: Path) -> Path:
    """The folder, and the journal of a local run r1 in which one item succeeded and one failed."""
    manifest = folder / "dispatchfile.yaml"
    items = load_items(ManifestSource(path=str(manifest), content=None, variables={}, environ={})).items
    verdicts = [Verdict(Outcome.SUCCEEDED), Verdict(Outcome.FAILED, Cause.EXIT, "exit code 1", 1)]
    events: list[Event] = []
    for item, verdict in zip(items, verdicts, strict=True):
        events += [*sent(item, f"work/dispatch-r1-{item.id}-1-1795000000-00000000"), Ended(item.id, 1, 995.0, verdict)]
    head = header(id="r1", manifest=str(manifest), local=True, target=Target("local", "", ("default",)))
    asyncio.run(keep_run(folder / "state", items, events, head=head))
    return folder


def test_without_a_run_there_is_nothing_to_show(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A history may be empty; a run that is asked for must be there."""
    assert run_to_exit_code(["runs"]) == 0
    assert capsys.readouterr().out == "no runs yet\n"
    for command in (["resume"], ["rerun", "--failed"], ["status"], ["watch"], ["stop"], ["report", "--format", "json"]):
        assert run_to_exit_code(command) == 1
        assert "name the run (see `dispatchfile runs`)" in capsys.readouterr().err
    assert run_to_exit_code(["logs", "r1"]) == 1
    assert run_to_exit_code(["status", "No.Such"]) == 1
    assert "'No.Such' is neither a run's ID" in capsys.readouterr().err
    assert not (folder / "state").exists()


def test_a_manifest_that_is_gone_still_names_its_latest_run(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The journal knows its path; one that never was there is told of as such."""
    Path("dispatchfile.yaml").unlink()
    assert run_to_exit_code(["status", "dispatchfile.yaml"]) == 0
    assert capsys.readouterr().out.startswith("run r1 of ")
    assert run_to_exit_code(["status", "nightli.yaml"]) == 1
    assert "no run of nightli.yaml in " in capsys.readouterr().err


def test_a_run_is_shown_by_its_beginning_its_manifest_or_its_folder(
    past: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary of the past run is what the run itself has told, but for its cost."""
    shown = []
    for name in (["r1"], ["r"], ["dispatchfile.yaml"], []):
        assert run_to_exit_code(["status", *name, "-o", "json"]) == 0
        shown.append(json.loads(capsys.readouterr().out))
    assert shown[0]["run"] == "r1"
    assert shown.count(shown[0]) == 4
    assert {item["id"]: item["outcome"] for item in shown[0]["items"]} == {"good": "succeeded", "bad": "failed"}
    assert (shown[0]["state"], shown[0]["exit_code"]) == ("finished", 2)
    (past / "dispatchfile.yaml").rename(past / "nightly.dispatchfile.yaml")
    monkeypatch.chdir(past)
    assert run_to_exit_code(["status"]) == 1  # the only manifest here is another one, as its path says
    assert "no run of nightly.dispatchfile.yaml" in capsys.readouterr().err


def test_the_history_and_the_status_are_told_for_people(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They go to standard output, because they are the result."""
    assert run_to_exit_code(["runs"]) == 0
    assert capsys.readouterr().out == (
        "RUN  NAME     FOLDER  STATE     STARTED            TOOK   OK  TARGET  OUTCOMES\n"
        "r1   nightly  .       finished  1970-01-01 00:16Z  5.0s  1/2  local   1 succeeded, 1 failed\n"
    )
    assert run_to_exit_code(["status", "r1"]) == 0
    out = capsys.readouterr().out
    assert "2 items: 1 succeeded, 1 failed\n" in out
    assert "run again with: dispatchfile rerun r1 --failed\n" in out


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--limit", "1"], ["r2"]),
        (["--limit", "5"], ["r2", "r1"]),
        (["--state", "interrupted"], ["r2"]),
        (["--state", "running", "--state", "finished"], ["r1"]),
        (["--state", "stopped_early"], []),
        (["--manifest", "dispatchfile.yaml"], ["r1"]),
        (["--manifest", "."], ["r1"]),
        (["--manifest", "-"], ["r2"]),
        (["--manifest", "other.yaml"], []),
        (["--manifest", "-", "--state", "finished"], []),
    ],
)
def test_the_history_can_be_narrowed(
    past: Path, options: list[str], shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Number, state, and manifest or folder can be combined; a run must match all of them."""
    head = header(id="r2", manifest="-", started_at=2_000.0)
    items = load_items(
        ManifestSource(path=str(past / "dispatchfile.yaml"), content=None, variables={}, environ={})
    ).items
    asyncio.run(keep_run(past / "state", items, [], head=head, state=RunState.INTERRUPTED))
    assert run_to_exit_code(["runs", "-o", "json", *options]) == 0
    assert [run["run"] for run in json.loads(capsys.readouterr().out)["runs"]] == shown


def test_an_unfinished_run_shows_what_is_known(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that was killed shows the items that had ended."""
    items = load_items(
        ManifestSource(path=str(past / "dispatchfile.yaml"), content=None, variables={}, environ={})
    ).items
    ended = Ended("good", 1, 2_001.0, Verdict(Outcome.SUCCEEDED))
    retried = Ended("bad", 1, 2_001.0, Verdict(Outcome.FAILED, Cause.EXIT), retry_at=2_060.0)
    head = header(id="r2", manifest="-", started_at=2_000.0)
    asyncio.run(keep_run(past / "state", items, [ended, retried], head=head, state=RunState.RUNNING))
    (journal,) = (past / "state/runs").glob("*-r2.db")
    with contextlib.closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute("UPDATE run SET status = json_remove(status, '$.counts')")  # as a kill leaves it
    assert run_to_exit_code(["runs", "--state", "interrupted"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[7:9] == ["1/2", "http://nomad.example:4646"]


def test_old_runs_are_removed(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run shows the same runs and removes none; for scripts it is one object."""
    table = (
        "RUN  NAME     FOLDER  STATE     STARTED            TOOK   OK  TARGET  OUTCOMES\n"
        "r1   nightly  .       finished  1970-01-01 00:16Z  5.0s  1/2  local   1 succeeded, 1 failed\n"
    )
    assert run_to_exit_code(["prune", "--older-than", "30d", "--dry-run"]) == 0
    assert capsys.readouterr().out == (table + "would remove 1 run and keep 0; nothing was removed (--dry-run)\n")
    assert run_to_exit_code(["prune", "--keep", "0", "--dry-run", "-o", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [run["run"] for run in record.pop("removed")] == ["r1"]
    assert record == {"schema": "dispatchfile/prune/v1", "dry_run": True, "needed": [], "kept": 0}
    assert run_to_exit_code(["prune", "--older-than", "30d"]) == 0
    assert capsys.readouterr().out == table + "removed 1 run, kept 0\n"
    assert run_to_exit_code(["prune", "--older-than", "30d"]) == 0
    assert capsys.readouterr().out == "removed 0 runs, kept 0\n"


def test_a_needed_run_is_named_and_a_damaged_journal_is_an_error(
    past: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both stay."""
    head = header(id="r2", manifest="-", started_at=900.0)
    items = load_items(
        ManifestSource(path=str(past / "dispatchfile.yaml"), content=None, variables={}, environ={})
    ).items
    asyncio.run(keep_run(past / "state", items, [], head=head, state=RunState.INTERRUPTED))
    (past / "state/runs/20261122T000000.000000Z-bad.db").write_bytes(b"garbage")
    assert run_to_exit_code(["prune", "--keep", "1"]) == 1
    out, err = capsys.readouterr()
    assert out == (
        "kept run r2: it is unfinished: `dispatchfile resume r2` continues it, `dispatchfile stop r2` ends it\n"
        "removed 0 runs, kept 2\n"
    )
    assert "-bad.db: it is damaged" in err


def test_a_finished_run_is_told_again_by_resume_and_watch(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They exit with the run's code; nothing is sent, and no agent is started."""
    (past / "jobs/work.nomad.json").unlink()
    for command in ("resume", "watch"):
        assert run_to_exit_code([command, "-q"]) == 2
        out, err = capsys.readouterr()
        assert "1 succeeded, 1 failed of 2 items\nrun r1 (nightly) finished after " in out
        assert err == ""


def test_failed_items_run_again(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rerun is a run of its own, on an agent of its own; the history has both."""
    assert run_to_exit_code(["rerun", "--failed", "-q", "-o", "json"]) == 2
    summary = json.loads(capsys.readouterr().out)
    assert [item["id"] for item in summary["items"]] == ["bad"]
    assert run_to_exit_code(["runs", "-o", "ndjson"]) == 0
    newer, older = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (newer["run"], newer["rerun_of"], older["run"]) == (summary["run"], "r1", "r1")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(
            ["rerun"], "say which items: --failed, --outcome, --cause or --only; run r1 has", id="nothing said"
        ),
        pytest.param(["rerun", "--outcome", "bad"], "'bad' is not one of", id="no such outcome"),
        pytest.param(["rerun", "--failed", "--wait=never"], "--wait: 'never' is not one of", id="a setting"),
        pytest.param(["rerun", "--failed", "--address", "http://n"], "--address has no effect", id="an address"),
        pytest.param(["watch", "--timeout", "soon"], "--timeout: 'soon' is not a duration", id="a duration"),
        pytest.param(["logs", "r1", "none"], "Error: none: matches none of 2 items", id="no such item"),
        pytest.param(["logs", "r1", "--tail", "0"], "0 is not in the range x>=1", id="no lines"),
        pytest.param(["logs"], "Missing argument 'RUN'", id="no run"),
        pytest.param(["rerun", "--failed", "--export", "-"], "--export -: name a file", id="an export to nowhere"),
        pytest.param(["report"], "Missing option '--format'", id="no format"),
        pytest.param(["report", "--format", "pdf"], "'pdf' is not one of", id="no such format"),
        pytest.param(
            ["report", "--format", "json", "--out", "/no/such/x"], "/no/such/x: No such file", id="no such folder"
        ),
    ],
)
def test_a_wrong_command_line_is_1(
    argv: list[str], message: str, past: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says what is wrong."""
    assert run_to_exit_code(argv) == 1
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""


def test_an_export_is_a_manifest(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That validates, runs, and is never overwritten."""
    argv = ["rerun", "--failed", "--export", "again.dispatchfile.yaml"]
    assert run_to_exit_code(argv) == 0
    assert capsys.readouterr().out == "wrote again.dispatchfile.yaml with 1 item; nothing was sent\n"
    assert run_to_exit_code(["validate", "again.dispatchfile.yaml"]) == 0
    assert run_to_exit_code(["run", "again.dispatchfile.yaml", "--local", "-q", "-o", "json"]) == 2
    capsys.readouterr()
    assert run_to_exit_code(argv) == 1
    assert "exists already; nothing was written" in capsys.readouterr().err


def test_reports_are_made_of_any_past_run(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report goes to standard output or into a file."""
    assert run_to_exit_code(["report", "--format", "junit", "--out", "j.xml"]) == 0
    assert capsys.readouterr().out == "wrote j.xml\n"
    (suite,) = junitparser.JUnitXml.fromfile("j.xml")
    assert [(case.name, len(case.result)) for case in suite] == [("good", 0), ("bad", 1)]
    assert run_to_exit_code(["report", "r1", "--format=markdown"]) == 0
    assert capsys.readouterr().out.startswith("### ❌ nightly: finished\n")
    assert run_to_exit_code(["report", "r1", "-format=json", "-out=-"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == "r1"


def test_logs_of_a_local_run_are_gone_with_its_agent(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard error says so, or the record in JSON."""
    assert run_to_exit_code(["logs", "r1", "tag:odd"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", "bad: gone with the embedded agent that ran it\n")
    assert run_to_exit_code(["logs", "r1", "-o", "json", "--failed"]) == 0
    (log,) = json.loads(capsys.readouterr().out)["logs"]
    assert (log["item"], log["lines"], log["note"]) == ("bad", [], "gone with the embedded agent that ran it")


def test_stopping_a_finished_run_changes_nothing(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its summary is told, and 0 says that nothing of it lives."""
    assert run_to_exit_code(["stop", "r1", "-q"]) == 0
    assert "run r1 (nightly) finished after" in capsys.readouterr().out
    assert run_to_exit_code(["resume", "-q"]) == 2


def test_a_journal_that_cannot_be_read_is_told_of(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are shown, and the exit code is 1."""
    (past / "state/runs/20261122T000000.000000Z-bad.db").write_bytes(b"garbage")
    assert run_to_exit_code(["runs"]) == 1
    out, err = capsys.readouterr()
    assert "r1 " in out
    assert "-bad.db: it is damaged" in err


def test_nomad_is_asked_where_the_run_went(
    past: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment may point at another cluster by now; a flag is believed."""
    monkeypatch.setenv("NOMAD_ADDR", "http://127.0.0.1:2")
    item = load_items(ManifestSource(path="dispatchfile.yaml", content=None, variables={}, environ={})).items[0]
    head = header(id="r2", target=Target("http://127.0.0.1:1", "", ("default",)))
    events = sent(item, "work/dispatch-r2-good-1-1795000000-00000000")
    asyncio.run(keep_run(past / "state", [item], events, head=head, state=RunState.INTERRUPTED))
    assert run_to_exit_code(["status", "r2", "--refresh"]) == 1
    note, error = capsys.readouterr().err.splitlines()
    assert note.startswith("run r2 went to http://127.0.0.1:1: asking there, and not http://127.0.0.1:2 (NOMAD_ADDR)")
    assert "127.0.0.1:1" in error
    assert run_to_exit_code(["status", "r2", "--refresh", "--address", "http://127.0.0.1:3"]) == 1
    (error,) = capsys.readouterr().err.splitlines()
    assert "127.0.0.1:3" in error


def wait_for(path: Path, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in path.read_text():
        assert time.monotonic() < deadline, path.read_text()
        time.sleep(0.05)


def test_resume_is_interrupted_as_a_run_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The resume ends cleanly, with one line that says how to continue, and the signal's exit code."""
    (folder / "dispatchfile.yaml").write_text(MANIFEST.replace('"false"', '"sleep 30"'))
    interrupt(["run", "--local", "--run-id", "r1"], signal.SIGINT, folder)
    interrupt(["resume", "r1"], signal.SIGTERM, folder)
    assert run_to_exit_code(["status", "r1"]) == 0
    assert "its tasks ended with the embedded agent" in capsys.readouterr().out


def test_watching_is_interrupted_with_a_summary(folder: Path) -> None:
    """Its events end with one like those of a run; the run that is watched goes on."""
    (folder / "dispatchfile.yaml").write_text(MANIFEST.replace('"false"', '"sleep 30"'))
    with (folder / "told").open("w") as stream:
        run = subprocess.Popen(
            [sys.executable, "-m", "dispatchfile", "run", "--local", "--run-id", "r1", "-v"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=stream,
        )
    try:
        wait_for(folder / "told", "bad: running")
        watching = subprocess.Popen(
            [sys.executable, "-m", "dispatchfile", "watch", "r1", "-o", "ndjson"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert watching.stdout is not None
        lines = [watching.stdout.readline()]
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=20)
        records = [json.loads(line) for line in [*lines, *out.splitlines()]]
        assert run.poll() is None
    finally:
        run.kill()
        run.wait()
    assert (watching.returncode, err.count("interrupted: stopped watching; the run is not affected")) == (130, 1)
    assert [record.get("event") for record in records] == ["run_started", "run_ended", None]
    assert (records[-1]["schema"], records[-1]["state"]) == ("dispatchfile/summary/v1", "running")
    assert records[-1]["exit_code"] == 130


def interrupt(command: list[str], number: signal.Signals, folder: Path) -> None:
    """Start the command in a process of its own, and send it a signal once an item runs."""
    told = folder / "told"
    with told.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "dispatchfile", *command, "-v", "-o", "json"],
            stdout=subprocess.DEVNULL,
            stderr=stream,
            cwd=folder,
        )
        try:
            wait_for(told, ": running")
            process.send_signal(number)
            assert process.wait(20) == 128 + number
        finally:
            process.kill()
            process.wait()
    assert "interrupted: continue with: dispatchfile resume r1" in told.read_text()


@pytest.mark.parametrize("output", [[], ["-o", "json"], ["-o", "ndjson"]])
def test_nothing_left_to_run_again_is_good_news(
    past: Path, capsys: pytest.CaptureFixture[str], output: list[str]
) -> None:
    """Exit code 0, so a step that runs every night is green; no embedded agent has anything to do."""
    assert run_to_exit_code(["rerun", "r1", "--cause", "oom", *output]) == 0
    out, err = capsys.readouterr()
    message = "nothing to rerun: no item of run r1 matches --cause oom"
    assert err == f"{message}\n"
    found = json.loads(out) if output else None
    record = {"schema": "dispatchfile/rerun/v1", "run": "r1", "exit_code": 0, "message": message}
    assert found == (record if output else None)


def test_an_export_of_nothing_writes_no_file(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A message says why."""
    assert run_to_exit_code(["rerun", "r1", "--cause", "oom", "--export", "again.yaml"]) == 0
    assert capsys.readouterr().err == "nothing to rerun: no item of run r1 matches --cause oom\n"
    assert not Path("again.yaml").exists()


def test_one_item_is_shown_by_a_part_of_its_id(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is shown as text and as JSON. Nomad has nothing of a local run any more."""
    assert run_to_exit_code(["status", "r1", "b"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("item bad of run r1: failed (exit 1)\n  message       exit code 1\n")
    assert "  job           not read: the embedded agent that ran it has ended\n" in out
    assert out.endswith("Next\n  run it again: dispatchfile rerun r1 --only bad\n")
    assert run_to_exit_code(["status", "r1", "b", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["item"]["id"] == "bad"
    assert run_to_exit_code(["status", "r1", "Good"]) == 1
    assert capsys.readouterr().err == "Error: run r1 has no item 'Good': did you mean good?\n"
