"""Job documents as `PUT /v1/jobs` takes them, written with few words. Their policies let an ending come soon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]

SECOND = 10**9  # Nomad's durations are nanoseconds
FOR_EVER = "20m"
PARAMETERS: Mapping[str, Any] = {"Payload": "optional", "MetaOptional": ["k"]}


def mock(name: str = "t", *, hook: str = "", leader: bool = False, **script: object) -> Document:
    """A task that plays a script: `run_for`, `exit_code`, `start_error` and so on."""
    return _task(name, "mock_driver", {"run_for": "300ms", **script}, hook=hook, leader=leader)


def shell(script: str, name: str = "t") -> Document:
    """A task that runs *script* with /bin/sh."""
    return _task(name, "raw_exec", {"command": "/bin/sh", "args": ["-c", script]})


def _task(name: str, driver: str, config: Mapping[str, object], *, hook: str = "", leader: bool = False) -> Document:
    task: Document = {
        "Name": name,
        "Driver": driver,
        "Config": dict(config),
        "Resources": {"CPU": 10, "MemoryMB": 10},
        "KillTimeout": SECOND,
        "Leader": leader,
    }
    return {**task, "Lifecycle": {"Hook": hook}} if hook else task


def with_memory(task: Document, memory_mb: int) -> Document:
    return {**task, "Resources": {"CPU": 10, "MemoryMB": memory_mb}}


def group(
    *tasks: Document,
    name: str = "g",
    count: int = 1,
    restarts: int = 0,
    restart_delay_s: int = 1,
    reschedules: int = 0,
    max_run_s: int = 0,
) -> Document:
    """A group with the shortest delays that Nomad takes: 1 s before a restart, 5 s before a reschedule."""
    made: Document = {
        "Name": name,
        "Count": count,
        "Tasks": list(tasks),
        "RestartPolicy": {
            "Attempts": restarts,
            "Delay": restart_delay_s * SECOND,
            "Interval": 600 * SECOND,
            "Mode": "fail",
        },
        "ReschedulePolicy": {
            "Attempts": reschedules,
            "Delay": 5 * SECOND,
            "DelayFunction": "constant",
            "Interval": 3600 * SECOND,
            "Unlimited": False,
        },
    }
    return {**made, "MaxRunDuration": max_run_s * SECOND} if max_run_s else made


def job(job_id: str, *groups: Document, kind: str = "batch", **fields: object) -> Document:
    """A parameterized job; *fields* are of the job itself, as Nomad names them."""
    parts = [part if "Tasks" in part else group(part) for part in groups or (mock(),)]
    if kind == "sysbatch":
        parts = [{key: value for key, value in part.items() if key != "ReschedulePolicy"} for part in parts]
    return {
        "ID": job_id,
        "Name": job_id,
        "Type": kind,
        "Datacenters": ["*"],
        "ParameterizedJob": dict(PARAMETERS),
        "TaskGroups": parts,
        **fields,
    }


def takes(payload: str = "optional", required: Sequence[str] = (), optional: Sequence[str] = ()) -> Document:
    """A job's block that says what a dispatch has to bring along."""
    return {"ParameterizedJob": {"Payload": payload, "MetaRequired": list(required), "MetaOptional": list(optional)}}


def wants_meta(key: str) -> Document:
    """A job's constraint that no node meets until its metadata says *key* = yes."""
    return {"Constraints": [{"LTarget": f"${{meta.{key}}}", "RTarget": "yes", "Operand": "="}]}


PERIODIC: Document = {"Periodic": {"Enabled": True, "SpecType": "cron", "Specs": ["0 0 1 1 *"], "TimeZone": "UTC"}}
