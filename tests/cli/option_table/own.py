"""Rows of the options that one command has, or two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dispatchfile.journal import RunState
from tests.cli.option_table.checks import Check, Row
from tests.cli.option_table.stage import FAILED, SUCCEEDED, UNKNOWN, UNSENT, Stage
from tests.dispatch_command.jobs import ask


def prepare(stage: Stage, address: str = "local") -> None:
    ends = {"bad": FAILED, "good": SUCCEEDED, "more": UNSENT}
    stage.keep("o1", address=address, state=RunState.FINISHED, ends=ends)


# run


def _local(stage: Stage) -> None:
    """Without it the server at NOMAD_ADDR's default is asked, and there is none."""
    assert stage.call("run", "--local", "-q", "-o", "json").outcomes["good"] == "succeeded/-"


def _dry_run(stage: Stage) -> None:
    assert stage.call("run", "--dry-run").out.endswith("4 requests; none was sent\n")
    assert not Path("state").exists()


def _run_id(stage: Stage) -> None:
    assert json.loads(stage.call("run", "--local", "-q", "-o", "json", "--run-id", "ci1").out)["run"] == "ci1"


def _skip_succeeded(stage: Stage) -> None:
    call = ("run", "--address", stage.agent, "-q", "-o", "json", "--wait")
    assert stage.call(*call).outcomes["good"] == "succeeded/-"
    assert stage.call(*call, "--skip-succeeded").outcomes == {
        "bad": "failed/exit",
        **dict.fromkeys(("good", "more", "last"), "skipped/-"),
    }


def _new(stage: Stage) -> None:
    stage.keep("o2", state=RunState.INTERRUPTED, ends={"good": UNSENT})
    call = ("run", "--local", "-q")
    assert (stage.call(*call).code, len(stage.runs())) == (1, 1)
    assert (stage.call(*call, "--new").code, len(stage.runs())) == (2, 2)


def _rerun_new(stage: Stage) -> None:
    prepare(stage)
    stage.keep("o2", state=RunState.INTERRUPTED, ends={"good": UNSENT})
    call = ("rerun", "o1", "--failed", "-q")
    assert (stage.call(*call).code, len(stage.runs())) == (1, 2)
    assert (stage.call(*call, "--new").code, len(stage.runs())) == (2, 3)


def _no_journal(stage: Stage) -> None:
    stage.call("run", "--local", "-q", "--no-journal")
    assert not Path("state").exists()


def _on_interrupt(stage: Stage) -> None:
    """A child that lives as the run is interrupted is stopped."""
    Path("dispatchfile.yaml").write_text(
        'version: 1\ndispatches: [{id: long, job: work, meta: {how: "sleep 60"}}]\nsettings: {wait: completion}\n'
    )
    command = [sys.executable, "-m", "dispatchfile", "run", "--address", stage.agent, "-o", "ndjson"]
    with subprocess.Popen([*command, "--on-interrupt", "stop"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        events = iter(process.stdout.readline, "")
        child = next(event["child"] for event in map(json.loads, events) if event.get("event") == "dispatched")
        process.send_signal(signal.SIGINT)
        process.communicate()
    stopped = ask(stage.agent, "GET", f"/v1/job/{child.replace('/', '%2F')}")
    assert isinstance(stopped, Mapping)
    assert stopped["Stop"] is True


# Options of runs and of what comes after them

STEPS: Mapping[str, tuple[str, ...]] = {
    "run": ("run", "--local", "-q"),
    "resume": ("resume", "o2", "-q"),
    "rerun": ("rerun", "o1", "--failed", "-q"),
}


def steps(stage: Stage) -> None:
    if not Path("state").exists():
        prepare(stage)
        stage.keep("o2", state=RunState.INTERRUPTED, ends={"bad": UNSENT, "more": UNSENT})


def call_of(command: str) -> tuple[str, ...]:
    return (*STEPS[command], *(("--new",) if command in {"run", "rerun"} else ()))


def _report(command: str) -> Check:
    def check(stage: Stage) -> None:
        steps(stage)
        summary = json.loads(stage.call(*call_of(command), "-o", "json", "--report", "json=r.json").out)
        assert json.loads(Path("r.json").read_text()) == summary

    return check


def _logs(command: str) -> Check:
    """The default reads the last lines of items that failed; this value reads those of all."""

    def check(stage: Stage) -> None:
        job = json.loads(Path("jobs/work.nomad.json").read_text())
        job["Job"]["TaskGroups"][0]["Tasks"][0]["Config"]["args"][1] = "echo said; eval $NOMAD_META_how"
        Path("jobs/work.nomad.json").write_text(json.dumps(job))
        steps(stage)
        assert "said" not in stage.call(*call_of(command), "-o", "json", "--logs", "none").out
        if command == "resume":
            stage.keep("o3", state=RunState.INTERRUPTED, ends={"bad": UNSENT, "good": UNSENT})
        again = tuple("o3" if word == "o2" else word for word in call_of(command))
        assert "said" in stage.call(*again, "-o", "json", "--logs", "all").out

    return check


def _state_dir(*argv: str) -> Check:
    """Journals are looked for there; the folder of the environment has them, and this one has none."""

    def check(stage: Stage) -> None:
        prepare(stage)
        assert str(Path("nowhere")) in _whole(stage, *argv, "--state-dir", "nowhere") or argv == ("runs",)
        assert "nowhere" not in _whole(stage, *argv)

    return check


def _whole(stage: Stage, *argv: str) -> str:
    answer = stage.call(*argv)
    return answer.out + answer.err


def _run_state_dir(stage: Stage) -> None:
    stage.call("run", "--local", "-q", "--state-dir", "nowhere")
    assert (len(stage.runs("nowhere")), Path("state").exists()) == (1, False)


def _resend_unknown(stage: Stage) -> None:
    """What may have run is sent once more."""
    stage.keep("o4", address=stage.agent, state=RunState.INTERRUPTED, ends={"good": UNKNOWN})
    call = ("resume", "o4", "-q", "-o", "json")
    assert stage.call(*call).outcomes["good"].startswith("unknown/")
    assert stage.call(*call, "--resend-unknown").outcomes["good"] == "succeeded/-"


# rerun


def _takes(*flags: str, items: set[str]) -> Check:
    def check(stage: Stage) -> None:
        prepare(stage)
        assert set(stage.call("rerun", "o1", *flags, "-q", "-o", "json").items) == items

    return check


def _again(stage: Stage) -> None:
    """What an earlier rerun has mended runs once more."""
    prepare(stage)
    call = ("rerun", "o1", "--failed", "-q", "-o", "json")
    assert stage.call(*call).outcomes == {"bad": "failed/exit", "more": "succeeded/-"}
    assert set(stage.call(*call).items) == {"bad"}
    assert set(stage.call(*call, "--again").items) == {"bad", "more"}


def _export(stage: Stage) -> None:
    prepare(stage)
    assert (
        stage.call("rerun", "o1", "--failed", "--export", "again.yaml").out
        == "wrote again.yaml with 2 items; nothing was sent\n"
    )
    assert stage.call("validate", "again.yaml").code == 0


# status, watch, logs, report


def _refresh(stage: Stage) -> None:
    """The server is asked; without it, it is not."""
    stage.keep("o5", address=stage.server.address, state=RunState.INTERRUPTED, ends={"good": None})
    assert (stage.asked("status", "o5"), stage.asked("status", "o5", "--refresh") != []) == ([], True)


def _watch_timeout(stage: Stage) -> None:
    """A child that never ends is not watched for ever."""
    requests = ask(
        stage.agent, "PUT", "/v1/job/work/dispatch", {"Meta": {"how": "sleep 60"}, "IdPrefixTemplate": "o6-good-1"}
    )
    assert isinstance(requests, Mapping)
    stage.keep("o6", address=stage.agent, state=RunState.INTERRUPTED, ends={"good": None})
    assert stage.call("watch", "o6", "-q", "--timeout", "100ms").code == 1


def _logged(stage: Stage) -> None:
    """A run on the agent of which two items have written something on both streams."""
    text = "for n in 1 2 3; do echo out-$n; echo err-$n >&2; done; "
    items = [
        f'  - {{id: {name}, job: work, meta: {{how: "{text} exit {code}"}}}}\n' for name, code in (("a", 1), ("b", 0))
    ]
    Path("dispatchfile.yaml").write_text("version: 1\nsettings: {wait: completion}\ndispatches:\n" + "".join(items))
    stage.call("run", "-q", "--address", stage.agent, "--run-id", "logged")


def _logs_of(*flags: str, has: str, lacks: str) -> Check:
    def check(stage: Stage) -> None:
        _logged(stage)
        assert lacks in stage.call("logs", "logged").out or lacks == "err-1"
        out = stage.call("logs", "logged", *flags).out
        assert (has in out, lacks in out) == (True, False)

    return check


def _format(stage: Stage) -> None:
    prepare(stage)
    assert json.loads(stage.call("report", "o1", "--format", "json").out)["run"] == "o1"
    assert stage.call("report", "o1", "--format", "junit").out.startswith("<?xml")
    assert stage.call("report", "o1", "--format", "markdown").out.startswith("### ")
    assert stage.call("report", "o1", "--format", "html").out.startswith("<!DOCTYPE html>")


def _out(stage: Stage) -> None:
    prepare(stage)
    stage.call("report", "o1", "--format", "json", "--out", "r.json")
    assert json.loads(Path("r.json").read_text())["run"] == "o1"


# dispatch


def _dispatched(stage: Stage, *flags: str) -> Mapping[str, object]:
    """What the server is asked to dispatch."""
    requests = stage.asked("dispatch", "--detach", "--address", stage.server.address, "work", *flags)
    body: Mapping[str, object] = json.loads(requests[-1].body)
    return body


def _dispatch_sends(key: str, *flags: str, value: object) -> Check:
    def check(stage: Stage) -> None:
        assert _dispatched(stage, *flags)[key] == value

    return check


def _token(stage: Stage) -> None:
    requests = stage.asked("dispatch", "--address", stage.server.address, "work", "--idempotency-token", "night-1")
    assert requests[-1].query["idempotency_token"] == ["night-1"]


def _dispatch_ends(flag: str, line: str) -> Check:
    def check(stage: Stage) -> None:
        call = ("dispatch", "--meta", "how=true", "--address", stage.agent, "work")
        assert (line in stage.call(*call, flag).out) != (line in stage.call(*call).out)

    return check


def _ui(stage: Stage) -> None:
    """There is no browser here, and the address is told."""
    os.environ.pop("DISPLAY", None)
    told = stage.call("dispatch", "--meta", "how=true", "--address", stage.agent, "work", "--ui").err
    assert f"==> View this job in the Web UI: {stage.agent}/ui/jobs/" in told


def _dispatch_timeout(stage: Stage) -> None:
    call = ("dispatch", "--wait", "--meta", "how=sleep 60", "--address", stage.agent, "work")
    assert stage.call(*call, "--timeout", "1s").code == 2


def _dispatch_record(stage: Stage, *flags: str) -> list[str]:
    stage.call("dispatch", "--detach", "--meta", "how=true", "--address", stage.agent, "work", *flags)
    return sorted(folder for folder in ("state", "nowhere") if (Path(folder) / "runs").exists())


def _dispatch_state_dir(stage: Stage) -> None:
    assert _dispatch_record(stage, "--state-dir", "nowhere") == ["nowhere"]


def _dispatch_no_journal(stage: Stage) -> None:
    assert _dispatch_record(stage, "--no-journal") == []
    assert _dispatch_record(stage) == ["state"]


ROWS: Row = {
    ("run", "--local"): _local,
    ("run", "--dry-run"): _dry_run,
    ("run", "--run-id"): _run_id,
    ("run", "--skip-succeeded"): _skip_succeeded,
    ("run", "--new"): _new,
    ("rerun", "--new"): _rerun_new,
    ("run", "--no-journal"): _no_journal,
    ("run", "--on-interrupt"): _on_interrupt,
    ("run", "--state-dir"): _run_state_dir,
    **{(command, "--report"): _report(command) for command in STEPS},
    **{(command, "--logs"): _logs(command) for command in STEPS},
    **{
        (command, "--state-dir"): _state_dir(command, "o1") for command in ("resume", "status", "watch", "stop", "logs")
    },
    ("rerun", "--state-dir"): _state_dir("rerun", "o1", "--failed"),
    ("report", "--state-dir"): _state_dir("report", "o1", "--format", "json"),
    ("resume", "--resend-unknown"): _resend_unknown,
    ("rerun", "--failed"): _takes("--failed", items={"bad", "more"}),
    ("rerun", "--outcome"): _takes("--outcome", "succeeded", items={"good"}),
    ("rerun", "--cause"): _takes("--cause", "exit", items={"bad"}),
    ("rerun", "--only"): _takes("--only", "m*", items={"more"}),
    ("rerun", "--again"): _again,
    ("rerun", "--export"): _export,
    ("status", "--refresh"): _refresh,
    ("watch", "--timeout"): _watch_timeout,
    ("logs", "--failed"): _logs_of("--failed", has="a | out-1", lacks="b | out-1"),
    ("logs", "--stderr"): _logs_of("--stderr", has="err-1", lacks="out-1"),
    ("logs", "--stdout"): _logs_of("--stdout", has="out-1", lacks="err-1"),
    ("logs", "--tail"): _logs_of("--tail", "1", has="out-3", lacks="out-2"),
    ("report", "--format"): _format,
    ("report", "--out"): _out,
    ("dispatch", "--meta"): _dispatch_sends("Meta", "--meta", "k=v", value={"k": "v"}),
    ("dispatch", "--idempotency-token"): _token,
    ("dispatch", "--id-prefix-template"): _dispatch_sends(
        "IdPrefixTemplate", "--id-prefix-template", "film", value="film"
    ),
    ("dispatch", "--priority"): _dispatch_sends("Priority", "--priority", "70", value=70),
    ("dispatch", "--detach"): _dispatch_ends("--detach", "Monitoring evaluation"),
    ("dispatch", "--wait"): _dispatch_ends("--wait", "succeeded"),
    ("dispatch", "--ui"): _ui,
    ("dispatch", "--timeout"): _dispatch_timeout,
    ("dispatch", "--state-dir"): _dispatch_state_dir,
    ("dispatch", "--no-journal"): _dispatch_no_journal,
}
