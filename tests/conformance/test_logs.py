"""`logs` says the same of tasks that wrote, never started or may not log, on the embedded agent and a real Nomad."""

from __future__ import annotations

from dispatchfile.usecases.logs import LogOptions, read_logs
from dispatchfile.usecases.past import RunName
from tests.conformance.driver import run_items
from tests.conformance.jobs import group, job


def task(name, script, **more):
    """A task that runs a script."""
    return {
        "Name": name,
        "Driver": "raw_exec",
        "Config": {"command": "/bin/sh", "args": ["-c", script]},
        "Resources": {"CPU": 10, "MemoryMB": 10},
        **more,
    }


async def logs_of(backend, folder, summary):
    name = RunName(summary.run, None, str(folder / "state"), {})
    logs = [log async for log in read_logs(LogOptions(name=name, connection=backend.connection))]
    return sorted((log.source, log.stream, log.lines, log.note) for log in logs)


async def test_a_task_that_never_started_is_shown_no_line_of_another(backend, tmp_path):
    """A prestart task fails, so the main task never starts; only the former has a log."""
    check = task("check", "echo disk is full; echo no room >&2; exit 1", Lifecycle={"Hook": "prestart"})
    await backend.register(job("logs-never", group(check, task("main", "echo well"))))
    summary = await run_items(backend, tmp_path, [{"id": "a", "job": "logs-never"}])
    assert await logs_of(backend, tmp_path, summary) == [
        ("check", "stderr", ("no room",), ""),
        ("check", "stdout", ("disk is full",), ""),
        ("main", "", (), "never started, so there is no log"),
    ]


async def test_a_task_without_logging_is_not_called_gone(backend, tmp_path):
    """Nomad answers 404 to it, too."""
    quiet = task("quiet", "echo out; exit 1", LogConfig={"Disabled": True, "MaxFiles": 1, "MaxFileSizeMB": 1})
    await backend.register(job("logs-disabled", quiet))
    summary = await run_items(backend, tmp_path, [{"id": "a", "job": "logs-disabled"}])
    assert await logs_of(backend, tmp_path, summary) == [
        ("", "", (), "logging is disabled for this task, so there is no log"),
    ]


async def test_a_command_that_does_not_exist_has_no_log(backend, tmp_path):
    """The driver could not start it, and nothing was ever written."""
    absent = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/no/such"}}
    await backend.register(job("logs-absent", {**absent, "Resources": {"CPU": 10, "MemoryMB": 10}}))
    summary = await run_items(backend, tmp_path, [{"id": "a", "job": "logs-absent"}])
    assert await logs_of(backend, tmp_path, summary) == [("", "", (), "never started, so there is no log")]
