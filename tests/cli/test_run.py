"""`run` as it is typed, on an embedded agent: what people, scripts and CI see of it."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import junitparser
import pytest

from dispatchfile.cli.exits import run_to_exit_code
from dispatchfile.journal import RunState, list_runs

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
vars: {how: "true"}
dispatches:
  - {id: good, job: work, meta: {how: "true"}}
  - {id: bad, job: work, meta: {how: "{{ vars.how }}"}, payload: {text: secret-payload}, sensitive: [payload]}
"""


@pytest.fixture
def folder(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest of two items and its job; journals stay in the folder."""
    (in_an_empty_folder / "jobs").mkdir()
    (in_an_empty_folder / "jobs/work.nomad.json").write_text(JOB)
    (in_an_empty_folder / "dispatchfile.yaml").write_text(MANIFEST)
    monkeypatch.setenv("DISPATCHFILE_STATE_DIR", str(in_an_empty_folder / "state"))
    return in_an_empty_folder


def test_a_good_run_ends_with_a_summary_and_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The summary alone is on standard output; what happened meanwhile is on the other stream."""
    assert run_to_exit_code(["run", "--local", "--run-id", "r1"]) == 0
    captured = capsys.readouterr()
    assert re.sub(r"[0-9.]+s|[0-9]+ (requests|connections)", "N", captured.out) == (
        "2 succeeded of 2 items\nrun r1 (nightly) finished after N: exit code 0\n"
    )
    assert captured.err == ("run r1: 2 items of dispatchfile.yaml to local, wait: completion\n")


def test_a_failed_item_is_2_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CI gets a test report and a page, and scripts get a JSON summary."""
    argv = ["run", "--local", "-var", "how=false", "-q", "-o", "json"]
    reports = ["--report", "junit=j.xml", "--report", "markdown=s.md", "--report", "json=s.json"]
    assert run_to_exit_code([*argv, *reports]) == 2
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert [(item["id"], item["outcome"], item["cause"], item["exit_code"]) for item in summary["items"]] == [
        ("good", "succeeded", None, 0),
        ("bad", "failed", "exit", 1),
    ]
    assert (summary["exit_code"], summary["state"], err) == (2, "finished", "")
    (suite,) = junitparser.JUnitXml.fromfile("j.xml")
    assert [(case.name, len(case.result)) for case in suite] == [("good", 0), ("bad", 1)]
    assert Path("s.md").read_text().startswith("### ❌ nightly: finished\n")
    assert json.loads(Path("s.json").read_text()) == summary


@pytest.mark.parametrize(("argv", "code"), [(["-q"], 0), (["-var", "how=false"], 2), (["--only", "nope"], 1)])
def test_an_error_stream_that_takes_nothing_changes_no_code(folder: Path, argv: list[str], code: int) -> None:
    """The code stays even if Python writes the rest only when it ends."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "dispatchfile", "run", "--local", *argv]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, stderr=full, check=False)
    assert done.returncode == code


def test_items_are_chosen_by_how_the_last_run_left_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last run is that of this manifest on the same target. Before there is one, nothing is sent."""
    argv = ["run", "--local", "-q", "-o", "json", "--only", "outcome:failed"]
    assert run_to_exit_code(argv) == 1
    assert "there is no earlier run of this manifest" in capsys.readouterr().err
    assert run_to_exit_code(["run", "--local", "-q", "-var", "how=false"]) == 2
    capsys.readouterr()
    assert run_to_exit_code(argv) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    assert [(item["id"], item["outcome"]) for item in items] == [("good", "skipped"), ("bad", "succeeded")]


def test_nothing_left_by_outcome_is_good_news(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said, and leaves no run behind whose outcomes would be asked for next time."""
    assert run_to_exit_code(["run", "--local", "-q"]) == 0
    capsys.readouterr()
    for _ in range(2):
        assert run_to_exit_code(["run", "--local", "--only", "outcome:failed"]) == 0
        err = capsys.readouterr().err.splitlines()
        assert "no item of the latest run ended so: nothing to send" in err
    assert len(list_runs(folder / "state")[0]) == 1


@pytest.mark.parametrize(
    ("again", "words"),
    [
        pytest.param(["-var", "how=false"], "item 'bad' is not the one that run ci1 has", id="another variable"),
        pytest.param(["--only", "good"], "--only and --skip select other items than run ci1", id="another choice"),
    ],
)
def test_a_run_id_stands_for_the_same_content(
    folder: Path, capsys: pytest.CaptureFixture[str], again: list[str], words: str
) -> None:
    """The same command goes on with the run; other content is refused before anything is sent."""
    (folder / "dispatchfile.yaml").write_text(MANIFEST.partition(", payload")[0] + "}\n")
    call = ["run", "--local", "-q", "--run-id", "ci1"]
    assert run_to_exit_code(call) == 0
    assert run_to_exit_code(call) == 0
    capsys.readouterr()
    assert run_to_exit_code([*call, *again]) == 1
    assert words in capsys.readouterr().err


def test_a_stream_of_events_ends_with_the_summary(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is an object, and each says of which schema it is."""
    assert run_to_exit_code(["run", "--local", "-o", "ndjson", "--only", "good", "--log-format", "json"]) == 0
    out, err = capsys.readouterr()
    *events, summary = [json.loads(line) for line in out.splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("run_started", "run_ended")
    assert [event["event"] for event in events if event.get("item") == "good"][:2] == ["sending", "dispatched"]
    assert summary["schema"] == "dispatchfile/summary/v1"
    assert [item["outcome"] for item in summary["items"]] == ["succeeded", "skipped"]
    assert all(json.loads(line)["level"] == "info" for line in err.splitlines())


def test_problems_keep_a_run_from_starting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told for people on standard error, for scripts as a result; 1 either way."""
    (folder / "dispatchfile.yaml").write_text(MANIFEST + "  - {id: good, job: wrok, meta: {how: x}}\n")
    assert run_to_exit_code(["run", "--local"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dispatchfile.yaml:7:")
    assert err.endswith("Error: dispatchfile.yaml cannot be run: 1 problem, nothing was sent\n")
    assert run_to_exit_code(["run", "--local", "--log-format=json", "-q"]) == 1
    assert [json.loads(line)["level"] for line in capsys.readouterr().err.splitlines()] == ["error", "error"]
    assert run_to_exit_code(["run", "--local", "-o", "ndjson"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert [problem["code"] for problem in json.loads(line)["manifests"][0]["problems"]] == ["DF020"]


def test_problems_that_only_the_server_knows_are_told_alike(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A job that is not registered, at its line."""
    (folder / "dispatchfile.yaml").write_text(MANIFEST.replace("job: work", "job: wrok"))
    assert run_to_exit_code(["run", "--local"]) == 1
    err = capsys.readouterr().err
    assert re.search(r"^dispatchfile.yaml:5:21: DF100 .*'work'", err, re.MULTILINE), err
    assert "    " + '  - {id: good, job: wrok, meta: {how: "true"}}' in err.splitlines()


def test_a_dry_run_shows_every_request_and_sends_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It needs no server, and masks secrets in every format."""
    assert run_to_exit_code(["run", "--dry-run", "--run-id", "r1", "-q"]) == 0
    text = capsys.readouterr().out
    assert "  prefix: r1-bad-1\n" in text
    assert text.endswith("2 requests; none was sent\n")
    assert run_to_exit_code(["run", "--dry-run", "-o", "json", "--skip", "good"]) == 0
    (request,) = json.loads(capsys.readouterr().out)["requests"]
    assert (request["item"], request["payload"]) == ("bad", {"size_bytes": 14, "sensitive": True})
    assert run_to_exit_code(["run", "--dry-run", "-o", "ndjson"]) == 0
    lines = capsys.readouterr().out
    assert [json.loads(line)["item"] for line in lines.splitlines()] == ["good", "bad"]
    assert "secret-payload" not in text + lines
    assert not (folder / "state").exists()


def test_an_address_nobody_answers_at_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what could not be reached; nothing is journalled."""
    assert run_to_exit_code(["run", "-address=http://127.0.0.1:1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"Error: cannot reach Nomad at http://127.0.0.1:1: .*\n", err)


def test_a_local_run_ignores_the_cluster_of_the_environment(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rehearsal must never reach the real thing."""
    monkeypatch.setenv("NOMAD_ADDR", "http://127.0.0.1:1")
    monkeypatch.setenv("NOMAD_NAMESPACE", "production")
    assert run_to_exit_code(["run", "--local", "-q", "-o", "json"]) == 0
    assert {item["namespace"] for item in json.loads(capsys.readouterr().out)["items"]} == {"default"}


def _start(folder: Path, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dispatchfile", "run", "--local", "-var", "how=sleep 60", *argv],
        cwd=folder,
        env={**os.environ, "DISPATCHFILE_STATE_DIR": str(folder / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"{words!r} was never said")


# The terminal on the standard streams becomes the process's own, as a shell in a window has it.
IN_A_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from dispatchfile.__main__ import main
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_run_in_good_order(folder: Path, number: signal.Signals, code: int) -> None:
    """The summary is written, the code is the signal's, and one line says how to go on."""
    process = _start(folder, "-v", "--run-id", "r1")
    _wait_for(process, "bad: running")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, "interrupted: no new dispatches, waiting for requests in flight" in err) == (code, True)
    assert "run r1 (nightly) interrupted after " in out
    assert f"exit code {code}\n" in out
    assert "continue with: dispatchfile resume r1\n" in out
    report = subprocess.run(
        [sys.executable, "-m", "dispatchfile", "report", "r1", "--format", "json"],
        cwd=folder,
        env={**os.environ, "DISPATCHFILE_STATE_DIR": str(folder / "state")},
        capture_output=True,
        check=True,
    )
    told = json.loads(report.stdout)
    assert (told["exit_code"], told["requests"]["dispatches"]) == (code, 2)


@pytest.mark.parametrize("output", ["text", "ndjson"])
def test_a_run_whose_terminal_goes_away_ends_in_good_order(folder: Path, output: str) -> None:
    """Nobody reads its last words, and still they are on record."""
    terminal, ours = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, "run", "--local", "-var=how=sleep 60", "-v", "-o", output],
        cwd=folder,
        env={**os.environ, "DISPATCHFILE_STATE_DIR": str(folder / "state"), "TERM": "dumb"},
        stdin=ours,
        stdout=ours,
        stderr=ours,
        start_new_session=True,
    )
    os.close(ours)
    said = b""
    while b"bad: running" not in said and b'"event": "running"' not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    assert process.wait(timeout=30) == 129
    [stored], _ = list_runs(folder / "state")
    assert (stored.status.state, stored.status.exit_code) == (RunState.INTERRUPTED, 129)


def test_a_script_is_told_of_the_interruption_too(folder: Path) -> None:
    """The summary has the process's own exit code, and standard error has a line."""
    process = _start(folder, "-v", "--run-id", "r1", "-o", "json")
    _wait_for(process, "bad: running")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    summary = json.loads(out)
    assert (summary["state"], summary["exit_code"], process.returncode) == ("interrupted", 130, 130)
    assert "interrupted: continue with: dispatchfile resume r1\n" in err


def test_the_end_of_a_pipe_does_not_end_the_run(folder: Path) -> None:
    """`| head -1` must not leave children behind that nobody watches; the exit code is the run's own."""
    process = _start(folder, "-o", "ndjson", "-var", "how=sleep 1")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=30), "Error" in err) == (0, False)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process can be set on Linux only")
def test_a_full_disk_ends_the_run_with_how_to_go_on(folder: Path) -> None:
    """What cannot be put on record is not sent."""
    process = _start(folder, "-v", "--run-id", "r1", "-var", "how=sleep 1")
    _wait_for(process, "bad: running")
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    last = err.splitlines()[-1]
    assert re.fullmatch(
        r"Error: .*r1.db: .*: no more items are sent; continue it later with: dispatchfile resume r1", last
    ), err


def test_a_state_folder_that_cannot_be_is_told_before_anything_is_sent(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no run yet that could go on."""
    assert run_to_exit_code(["run", "--local", "-q", "--state-dir", "dispatchfile.yaml"]) == 1
    assert re.fullmatch(
        r"Error: dispatchfile.yaml: cannot write the journal here: .* \(choose another .*\)\n", capsys.readouterr().err
    )
