"""Rows of the options that say what is shown, and how."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatchfile.journal import RunState
from tests.cli.option_table.checks import Check, Row, changes_nothing, nothing
from tests.cli.option_table.stage import FAILED, SUCCEEDED, UNSENT, Stage
from tests.dispatch_command.jobs import ask

ESCAPE = "\x1b["


def past_runs(stage: Stage) -> None:
    """A local run that is over with failures, one that was interrupted, and one on the agent."""
    stage.keep("d1", state=RunState.FINISHED, ends={"bad": FAILED, "good": SUCCEEDED})
    stage.keep("d2", state=RunState.INTERRUPTED, ends={"good": UNSENT})


def broken_manifest(_: Stage) -> None:
    Path("dispatchfile.yaml").write_text("version: 1\ndispatches: [{jbo: work}]\n")


@dataclass(frozen=True, slots=True)
class Call:
    """A command line to be shown in several ways."""

    argv: Sequence[str]
    prepare: Callable[[Stage], None] = nothing


WATCHED = Call(("watch", "d1"), past_runs)
CALLS: Mapping[str, Call] = {
    "validate": Call(("validate",), broken_manifest),
    "run": Call(("run", "--local", "--new")),
    "resume": Call(("resume", "d2"), past_runs),
    "rerun": Call(("rerun", "d1", "--failed", "--new"), past_runs),
    "status": Call(("status", "d1"), past_runs),
    "watch": WATCHED,
    "stop": Call(("stop", "d1"), past_runs),
    "logs": Call(("logs", "d1"), past_runs),
    "report": Call(("report", "d1", "--format", "markdown"), past_runs),
    "runs": Call(("runs",), past_runs),
    "explain": Call(("explain", "DF033")),
}
WRONG: Mapping[str, Sequence[str]] = {  # each is refused with one line
    "init": ("init", "jobs/work.nomad.json"),
    "validate": ("validate", "--var-file", "missing.yaml"),
    "run": ("run", "--var-file", "missing.yaml"),
    "plan": ("plan", "--var-file", "missing.yaml"),
    "report": ("report", "missing", "--format", "json"),
    "runs": ("runs", "--state-dir", "dispatchfile.yaml"),
    "dispatch": ("dispatch", "work", "missing.json"),
    "doctor": ("doctor", "--var-file", "missing.yaml", "dispatchfile.yaml"),
    "agent": ("agent", "--bind", "nowhere:at-all"),
    **{command: (command, "missing") for command in ("resume", "status", "watch", "stop", "logs")},
    "rerun": ("rerun", "missing", "--failed"),
    "prune": ("prune", "--keep", "1", "--older-than", "30d"),
    "explain": ("explain", "DF999"),
}


def _log_format(command: str) -> Check:
    def check(stage: Stage) -> None:
        wrong = stage.call(*WRONG[command])
        as_json = stage.call(*WRONG[command], "--log-format", "json")
        shown = wrong.err.removeprefix("Error: ").strip()
        assert [(json.loads(line)["level"], json.loads(line)["message"]) for line in as_json.err.splitlines()] == [
            ("error", shown)
        ]

    return check


def _schema_of_output(command: str, *, lines: bool = True) -> Check:
    """One object as JSON, the same or more as lines; a text is neither."""

    def check(stage: Stage) -> None:
        call = CALLS[command]
        call.prepare(stage)
        assert "schema" in json.loads(stage.call(*call.argv, "-o", "json").out)
        text = stage.call(*call.argv).out
        assert not text.startswith("{")
        if lines:
            objects = [json.loads(line) for line in stage.call(*call.argv, "-o", "ndjson").out.splitlines()]
            assert all(isinstance(each, dict) for each in objects)

    return check


def _colors(command: str) -> Check:
    def check(stage: Stage) -> None:
        call = CALLS[command]
        call.prepare(stage)
        plain, colored = stage.call(*call.argv, "--color", "never"), None
        assert ESCAPE not in plain.out + plain.err
        colored = stage.call(*call.argv, "--color", "always")
        assert ESCAPE in colored.out + colored.err

    return check


def _quiet_about_notes(command: str) -> Check:
    """The result alone is left."""

    def check(stage: Stage) -> None:
        call = CALLS[command]
        call.prepare(stage)
        assert stage.call(*call.argv).err != ""
        assert stage.call(*call.argv, "--quiet").err == ""

    return check


def _quiet_about_files(*argv: str) -> Check:
    """The name of each file that is written is not told."""

    def check(stage: Stage) -> None:
        past_runs(stage)
        assert stage.call(*argv, "one").out.startswith("wrote one")
        assert stage.call(*argv, "two", "--quiet").out == ""
        assert Path("two").exists()

    return check


def _verbose_run(command: str) -> Check:
    """Every event is reported."""

    def check(stage: Stage) -> None:
        call = CALLS[command]
        call.prepare(stage)
        if command == "resume":
            told = stage.call(*call.argv, "--verbose").err
            assert "good" in told
            return
        assert "dispatched" in stage.call(*call.argv, "--verbose").err
        assert "dispatched" not in stage.call(*call.argv).err

    return check


def _dispatch(stage: Stage, *flags: str) -> str:
    return stage.call("dispatch", "--meta", "how=true", "--address", stage.agent, "work", *flags).out


def _dispatch_quiet(stage: Stage) -> None:
    assert len(_dispatch(stage, "-q").splitlines()) == 2 < len(_dispatch(stage).splitlines())


def _dispatch_verbose(stage: Stage) -> None:
    (short,), (full,) = (
        [line.rpartition(" ")[2] for line in _dispatch(stage, *flags).splitlines() if line.startswith("Evaluation ID")]
        for flags in ((), ("--verbose",))
    )
    assert (len(short), len(full)) == (8, 36)


def _dispatch_output(stage: Stage) -> None:
    assert json.loads(_dispatch(stage, "-o", "json"))["outcome"] == "placed"
    assert len(_dispatch(stage, "-o", "ndjson").splitlines()) == 1


def _dispatch_color(stage: Stage) -> None:
    call = ("dispatch", "--address", stage.agent, "no-such-job")
    assert [ESCAPE in stage.call(*call, "--color", how).err for how in ("always", "never")] == [True, False]


def _doctor(stage: Stage, *flags: str) -> str:
    return stage.call("doctor", "--address", stage.agent, *flags).out


def _doctor_quiet(stage: Stage) -> None:
    assert "version" in _doctor(stage)
    assert "version" not in _doctor(stage, "--quiet")


def _doctor_color(stage: Stage) -> None:
    assert (ESCAPE in _doctor(stage, "--color", "always"), ESCAPE in _doctor(stage)) == (True, False)


def _doctor_output(stage: Stage) -> None:
    assert json.loads(_doctor(stage, "-o", "json"))["address"] == stage.agent
    assert len(_doctor(stage, "-o", "ndjson").splitlines()) == 1


def agent_says(*flags: str, look: Callable[[str], str] = lambda _: "") -> str:
    """Return what an agent writes on both streams until SIGINT, and what *look* finds at its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dispatchfile", "agent", "--bind", f"127.0.0.1:{port}", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        while process.poll() is None and not _serves(port):
            os.sched_yield()
        found = look(f"http://127.0.0.1:{port}")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    return out.replace(str(port), "PORT") + found


def _serves(port: int) -> bool:
    try:
        return bool(ask(f"http://127.0.0.1:{port}", "GET", "/v1/agent/self"))
    except OSError:
        return False


AGENT_SAYS = "agent with 1 job: export NOMAD_ADDR=http://127.0.0.1:PORT\n"


def _agent(*flags: str, says: str = AGENT_SAYS) -> Check:
    def check(_: Stage) -> None:
        assert agent_says(*flags) == says

    return check


def _no_events(command: str, flag: str = "--verbose") -> Check:
    return changes_nothing(*CALLS[command].argv, flag=(flag,), prepare=CALLS[command].prepare)


WITH_EVENTS = ("run", "resume", "rerun")
ROWS: Row = {
    **{(command, "--log-format"): _log_format(command) for command in WRONG},
    **{(command, "--output"): _schema_of_output(command) for command in CALLS if command not in {"validate", "report"}},
    ("validate", "--output"): _schema_of_output("validate", lines=False),
    **{(command, "--verbose"): _verbose_run(command) for command in WITH_EVENTS},
    **{(command, "--verbose"): _no_events(command) for command in CALLS if command not in WITH_EVENTS},
    **{(command, "--quiet"): _quiet_about_notes(command) for command in ("run", "rerun", "logs")},
    **{(command, "--quiet"): _no_events(command, "--quiet") for command in ("validate", "status", "runs", "explain")},
    **{(command, "--color"): _colors(command) for command in ("validate", "run", "rerun", "status", "watch", "stop")},
    ("resume", "--color"): _colors("resume"),
    ("resume", "--quiet"): _quiet_about_notes("resume"),
    ("watch", "--quiet"): _quiet_about_notes("watch"),
    ("stop", "--quiet"): _quiet_about_notes("stop"),
    ("logs", "--color"): _no_events("logs", "--color=always"),
    ("report", "--color"): _no_events("report", "--color=always"),
    ("explain", "--color"): _colors("explain"),
    ("runs", "--color"): _no_events("runs", "--color=always"),
    ("report", "--quiet"): _quiet_about_files("report", "d1", "--format", "json", "--out"),
    ("init", "--quiet"): _quiet_about_files("init"),
    ("init", "--verbose"): changes_nothing("init", "jobs/work.nomad.json", flag=("--verbose",)),
    ("init", "--color"): changes_nothing("init", "jobs/work.nomad.json", flag=("--color=always",)),
    ("dispatch", "--quiet"): _dispatch_quiet,
    ("dispatch", "--verbose"): _dispatch_verbose,
    ("dispatch", "--output"): _dispatch_output,
    ("dispatch", "--color"): _dispatch_color,
    ("doctor", "--quiet"): _doctor_quiet,
    ("doctor", "--verbose"): changes_nothing("doctor", "--address", "http://127.0.0.1:9", flag=("--verbose",)),
    ("doctor", "--color"): _doctor_color,
    ("doctor", "--output"): _doctor_output,
    ("agent", "--quiet"): _agent("--quiet", says=""),
    ("agent", "--verbose"): _agent("--verbose"),
    ("agent", "--color"): _agent("--color", "always"),
}
