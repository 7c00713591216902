"""
Task events as the API shows them.

Source: hashicorp/nomad, nomad/structs/structs.go (TaskEvent, its setters and PopulateEventDisplayMessage); every
event was compared with what a 2.0.5 client reports.
"""

from collections.abc import Mapping
from typing import Final

from dispatchfile.agent.golang import quote
from dispatchfile.agent.outcomes import ConfigError, DownloadError, DriverError, ExitResult, TaskError
from dispatchfile.jobspec import format_duration

Event = Mapping[str, object]

MAX_RUN_DURATION_EXCEEDED: Final = "allocation exceeded max_run_duration"
RESTART_WITHIN_POLICY: Final = "Restart within policy"

_BLANK: Final[Event] = {
    "Details": {},
    "DiskLimit": 0,
    "DisplayMessage": "",
    "DownloadError": "",
    "DriverError": "",
    "DriverMessage": "",
    "ExitCode": 0,
    "FailedSibling": "",
    "FailsTask": False,
    "GenericSource": "",
    "KillError": "",
    "KillReason": "",
    "KillTimeout": 0,
    "Message": "",
    "RestartReason": "",
    "SetupError": "",
    "Signal": 0,
    "StartDelay": 0,
    "TaskSignal": "",
    "TaskSignalReason": "",
    "Time": 0,
    "Type": "",
    "ValidationError": "",
    "VaultError": "",
}


def received(now_ns: int) -> Event:
    return _event("Received", now_ns, "Task received by client")


def building_task_directory(now_ns: int) -> Event:
    text = "Building Task Directory"
    return _event("Task Setup", now_ns, text, {"message": text}, Message=text)


def downloading_artifacts(now_ns: int) -> Event:
    return _event("Downloading Artifacts", now_ns, "Client is downloading artifacts")


def started(now_ns: int) -> Event:
    return _event("Started", now_ns, "Task started by client")


def not_started(now_ns: int, error: TaskError) -> Event:
    """The event of what kept a task from running."""
    text = error.text
    match error:
        case ConfigError():
            return _event("Failed Validation", now_ns, text, {"validation_error": text}, ValidationError=text)
        case DriverError():
            return _event("Driver Failure", now_ns, text, {"driver_error": text}, DriverError=text)
        case DownloadError():
            return _event("Failed Artifact Download", now_ns, text, {"download_error": text}, DownloadError=text)
    return _event("Setup Failure", now_ns, text, {"setup_error": text}, SetupError=text)


def terminated(now_ns: int, result: ExitResult) -> Event:
    details = {
        "exit_code": str(result.exit_code),
        "signal": str(result.signal),
        "oom_killed": "true" if result.oom_killed else "false",
    }
    display = f"Exit Code: {result.exit_code}"
    if result.signal:
        display += f", Signal: {result.signal}"
    if result.message:
        details["exit_message"] = result.message
        display += f", Exit Message: {quote(result.message)}"
    return _event(
        "Terminated",
        now_ns,
        display,
        details,
        ExitCode=result.exit_code,
        Signal=result.signal,
        Message=result.message,
    )


def restarting(now_ns: int, reason: str, delay_ns: int) -> Event:
    display = f"Task restarting in {format_duration(delay_ns)}"
    if reason != RESTART_WITHIN_POLICY:
        display = f"{reason} - {display}"
    details = {"restart_reason": reason, "start_delay": str(delay_ns)}
    return _event("Restarting", now_ns, display, details, RestartReason=reason, StartDelay=delay_ns)


def not_restarting(now_ns: int, reason: str) -> Event:
    details = {"restart_reason": reason, "fails_task": "true"}
    return _event("Not Restarting", now_ns, reason, details, RestartReason=reason, FailsTask=True)


def sibling_failed(now_ns: int, sibling: str) -> Event:
    display = f'Task\'s sibling "{sibling}" failed'
    return _event("Sibling Task Failed", now_ns, display, {"failed_sibling": sibling}, FailedSibling=sibling)


def leader_dead(now_ns: int) -> Event:
    return _event("Leader Task Dead", now_ns, "Leader Task in Group dead")


def main_tasks_dead(now_ns: int) -> Event:
    return _event("Main Tasks Dead", now_ns, "Main tasks in the group died")


def killing(now_ns: int, timeout_ns: int, *, reason: str = "", over_max_run: bool = False) -> Event:
    """*reason*: shown instead of the usual text; *over_max_run* goes before it."""
    timeout = format_duration(timeout_ns)
    display = reason or f"Sent interrupt. Waiting {timeout} before force killing"
    details = {"kill_timeout": timeout} | ({"kill_reason": reason} if reason else {})
    return _event(
        "Killing",
        now_ns,
        MAX_RUN_DURATION_EXCEEDED if over_max_run else display,
        details,
        KillTimeout=timeout_ns,
        KillReason=reason,
    )


def waiting_for_shutdown_delay(now_ns: int, delay_ns: int) -> Event:
    display = f"Waiting for shutdown_delay of {format_duration(delay_ns)} before killing the task."
    return _event("Waiting for shutdown delay", now_ns, display)


def killed(now_ns: int) -> Event:
    return _event("Killed", now_ns, "Task successfully killed")


def _event(kind: str, now_ns: int, display: str, details: Mapping[str, str] | None = None, **fields: object) -> Event:
    return {
        **_BLANK,
        "Type": kind,
        "Time": now_ns,
        "DisplayMessage": display,
        "Details": dict(details or {}),
        **fields,
    }
