"""Rows of the settings and of how far a run waits: what becomes of a run's items."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dispatchfile.journal import RunState
from tests.cli.option_table.checks import Check, Row
from tests.cli.option_table.stage import FAILED, JOB, UNSENT, Answer, Stage

ITEMS = ("bad", "good", "more", "last")
COMMANDS: Mapping[str, Sequence[str]] = {
    "run": ("run",),
    "resume": ("resume", "s1"),
    "rerun": ("rerun", "s2", "--failed", "--new"),
}
NOWHERE = [{"LTarget": "${meta.ready}", "RTarget": "yes", "Operand": "="}]


def prepare(stage: Stage, address: str = "local") -> None:
    """A run that was interrupted before it sent anything, and one whose items have failed."""
    stage.keep("s1", address=address, state=RunState.INTERRUPTED, ends=dict.fromkeys(ITEMS, UNSENT))
    stage.keep("s2", address=address, state=RunState.FINISHED, ends=dict.fromkeys(ITEMS, FAILED))


def locally(stage: Stage, command: str, *flags: str, output: str = "json") -> Answer:
    prepare(stage)
    local = ("--local", "--new") if command == "run" else ()
    return stage.call(*COMMANDS[command], *local, "-q", "-o", output, *flags)


def _each(effect: Callable[[Stage, str], None]) -> Callable[[str], Check]:
    """A check for each command that has this *effect*."""
    return lambda command: lambda stage: effect(stage, command)


def _concurrency(stage: Stage, command: str) -> None:
    events = locally(stage, command, "--concurrency", "1", "--fault", "delay=20ms", output="ndjson").events
    assert _most_at_once(events, "sending", "dispatched") == 1


def _in_flight(stage: Stage, command: str) -> None:
    events = locally(stage, command, "--in-flight", "1", output="ndjson").events
    assert _most_at_once(events, "sending", "ended") == 1


def _most_at_once(events: Sequence[Mapping[str, object]], begin: str, end: str) -> int:
    now, most = set[object](), 0
    for event in events:
        if event.get("event") == begin:
            now.add(event["item"])
        elif event.get("event") == end:
            now.discard(event["item"])
        most = max(most, len(now))
    return most


def _rate(stage: Stage, command: str) -> None:
    started = time.monotonic()
    assert set(locally(stage, command, "--rate", "10/s").outcomes) == set(ITEMS)
    assert time.monotonic() - started >= 0.3  # three pauses


def _canary(stage: Stage, command: str) -> None:
    outcomes = locally(stage, command, "--canary", "1").outcomes
    assert outcomes == {"bad": "failed/exit", **dict.fromkeys(ITEMS[1:], "unsent/canary")}


def _stop_on(stage: Stage, command: str) -> None:
    outcomes = locally(stage, command, "--in-flight", "1", "--stop-on", "0").outcomes
    assert outcomes == {"bad": "failed/exit", **dict.fromkeys(ITEMS[1:], "unsent/stop_on")}


def _unplaced_after(stage: Stage, command: str) -> None:
    job = json.loads(JOB)
    job["Job"]["Constraints"] = NOWHERE
    Path("jobs/work.nomad.json").write_text(json.dumps(job))
    outcomes = locally(stage, command, "--unplaced-after", "1ms").outcomes
    assert outcomes == dict.fromkeys(ITEMS, "unplaced/no_capacity")


def _unreachable_after(stage: Stage, command: str) -> None:
    started = time.monotonic()
    answer = locally(stage, command, "--unreachable-after", "500ms", "--fault", "leaderless=60s")
    assert (answer.code, "No cluster leader" in answer.err) == (1, True)
    assert time.monotonic() - started < 10  # half a minute without it


def _timeout(stage: Stage, command: str) -> None:
    Path("dispatchfile.yaml").write_text(Path("dispatchfile.yaml").read_text().replace('"false"', '"sleep 60"'))
    outcomes = locally(stage, command, "--in-flight", "1", "--timeout", "500ms").outcomes
    first = "unsent/deadline" if command == "resume" else "timed_out/deadline"  # that run began long ago
    assert outcomes == {"bad": first, **dict.fromkeys(ITEMS[1:], "unsent/deadline")}


def _settle(stage: Stage, command: str) -> None:
    flags = (
        "--settle",
        "1ms",
        "--unreachable-after",
        "2s",
        "--fault",
        "reset=50%:dispatch",
    )  # all of them would end preflight
    started = time.monotonic()
    events = locally(stage, command, *flags, output="ndjson").events
    assert "repeated" in {event.get("event") for event in events}
    assert time.monotonic() - started < 30  # 45 s without it


def _waits(*flags: str, outcome: str) -> Callable[[str], Check]:
    def for_command(command: str) -> Check:
        def check(stage: Stage) -> None:
            prepare(stage, stage.agent)
            new = ("--new", "--address", stage.agent) if command == "run" else ()
            call = (*COMMANDS[command], *new, "-q", "-o", "json", *flags)
            assert stage.call(*call).outcomes["good"] == outcome

        return check

    return for_command


EFFECTS: Mapping[str, Callable[[str], Check]] = {
    "--concurrency": _each(_concurrency),
    "--in-flight": _each(_in_flight),
    "--rate": _each(_rate),
    "--canary": _each(_canary),
    "--stop-on": _each(_stop_on),
    "--unplaced-after": _each(_unplaced_after),
    "--unreachable-after": _each(_unreachable_after),
    "--timeout": _each(_timeout),
    "--settle": _each(_settle),
    "--wait": _waits("--wait=completion", outcome="succeeded/-"),
    "--detach": _waits("--detach", outcome="dispatched/-"),
    "--no-wait": _waits("--no-wait", outcome="placed/-"),
}


# doctor looks at what a run with these options would ask of the server


def _load(stage: Stage, *flags: str) -> Mapping[str, float]:
    call = ("doctor", "dispatchfile.yaml", "-o", "json", "--address", stage.agent, *flags)
    return json.loads(stage.call(*call).out)["load"]


def _doctor_load(key: str, flags: Sequence[str], other: Sequence[str] = ()) -> Check:
    def check(stage: Stage) -> None:
        assert _load(stage, *flags)[key] != _load(stage, *other)[key]

    return check


def _doctor_concurrency(stage: Stage) -> None:
    """More connections than an agent takes from one address are a warning."""
    call = ("doctor", "dispatchfile.yaml", "--address", stage.agent, "--concurrency")
    assert _load(stage, "--concurrency", "1")["sending_s"] > 2 * _load(stage, "--concurrency", "64")["sending_s"]
    assert stage.call(*call, "65").err.startswith("Error: --concurrency: '65' ")


def _doctor_settings(option: str, value: str, wrong: str = "x") -> Check:
    """The settings that a run would have are shown; what could not be run is refused in the same words."""

    def check(stage: Stage) -> None:
        call = ("doctor", "dispatchfile.yaml", "--wait", "--address", stage.agent)
        key = option.removeprefix("--").replace("-", "_")
        lines = stage.call(*call, option, value).out.splitlines()
        without = stage.call(*call).out.splitlines()
        assert [line.split() for line in lines if "settings" in line] == [["ok", "settings", f"{key}:", value]]
        assert [line for line in without if "settings" in line] == []
        refused, of_run = (stage.call(name, "dispatchfile.yaml", option, wrong) for name in ("doctor", "run"))
        assert (refused.code, refused.err) == (1, of_run.err)
        assert refused.err.startswith(f"Error: {option}: '{wrong}' ")

    return check


DOCTOR: Mapping[str, Check] = {
    "--concurrency": _doctor_concurrency,
    "--rate": _doctor_load("sending_s", ("--rate", "1/h")),
    "--in-flight": _doctor_settings("--in-flight", "200"),
    "--canary": _doctor_settings("--canary", "5", "0"),
    "--stop-on": _doctor_settings("--stop-on", "5%"),
    "--unplaced-after": _doctor_settings("--unplaced-after", "10m"),
    "--unreachable-after": _doctor_settings("--unreachable-after", "10m"),
    "--timeout": _doctor_settings("--timeout", "2h"),
    "--settle": _doctor_settings("--settle", "30s"),
    "--wait": _doctor_load("log_reads", ("--wait=completion",)),
    "--detach": _doctor_load("reads_while", ("--detach",)),
    "--no-wait": _doctor_load("log_reads", ("--no-wait",), ("--wait",)),
}

ROWS: Row = {
    **{(command, option): effect(command) for command in COMMANDS for option, effect in EFFECTS.items()},
    **{("doctor", option): check for option, check in DOCTOR.items()},
}
