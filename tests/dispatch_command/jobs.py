"""The jobs that are dispatched, as `PUT /v1/jobs` takes them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence

Document = dict[str, object]
SECOND = 1_000_000_000


def job(job_id: str, *, sh: str = "true", memory_mb: int = 20, **changes: object) -> Document:
    """A parameterized job with one shell command, started once. *changes*: of the job's top level."""
    task = {
        "Name": "t",
        "Driver": "raw_exec",
        "Config": {"command": "/bin/sh", "args": ["-c", sh]},
        "Resources": {"CPU": 20, "MemoryMB": memory_mb},
        "KillTimeout": SECOND,
    }
    group = {
        "Name": "g",
        "Count": 1,
        "RestartPolicy": {"Attempts": 0, "Interval": 3600 * SECOND, "Delay": SECOND, "Mode": "fail"},
        "ReschedulePolicy": {"Attempts": 0, "Interval": 3600 * SECOND, "Delay": 5 * SECOND, "Unlimited": False},
        "Tasks": [task],
    }
    return {
        "ID": job_id,
        "Name": job_id,
        "Type": "batch",
        "Datacenters": ["dc1"],
        "ParameterizedJob": {"Payload": "optional", "MetaOptional": ["k", "x"]},
        "TaskGroups": [group],
        **changes,
    }


JOBS: Sequence[Document] = [
    job("ok"),
    job("long", sh="sleep 60"),
    job("exit3", sh="echo no such codec >&2; exit 3"),
    job("resched-a"),
    job("resched-b"),
    job("needs", ParameterizedJob={"Payload": "required", "MetaRequired": ["k"]}),
    job("nowhere", Constraints=[{"LTarget": "${meta.ready}", "RTarget": "yes", "Operand": "="}]),
    job("huge", memory_mb=90_000_000),
    job("moon", Datacenters=["moon"]),
    job("yearly", Periodic={"Enabled": True, "Spec": "0 0 1 1 *", "SpecType": "cron"}),
    job("plain", ParameterizedJob=None),
    job("halted"),
]


def register(address: str) -> None:
    """All of them; one is stopped again."""
    for each in JOBS:
        ask(address, "PUT", "/v1/jobs", {"Job": each})
    ask(address, "DELETE", "/v1/job/halted")


def ask(address: str, method: str, path: str, body: object = None) -> object:
    """What the server says."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data=content, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read()
        return json.loads(text) if text else None
