"""Why a task failed, by its events."""

from __future__ import annotations

from dataclasses import dataclass

from dispatchfile.events import Cause
from dispatchfile.nomad.models import TaskEvent, TaskState
from dispatchfile.verdict.wording import name_signal, one_line

FAILURE_EVENTS = {
    "Driver Failure": (Cause.DRIVER, "the driver could not start it", "driver_error"),
    "Failed Artifact Download": (Cause.ARTIFACT, "an artifact could not be downloaded", "download_error"),
    "Failed Validation": (Cause.VALIDATION, "its configuration is not valid", "validation_error"),
    "Setup Failure": (Cause.SETUP, "it could not be set up", "setup_error"),
    "Failed Restoring Task": (Cause.SETUP, "it could not be restored", ""),
    "Task hook failed": (Cause.SETUP, "a step before its start failed", ""),
}
# Hooks and kills that have to do with what templates render: `vault: …` in one, `Vault: …` in the other.
TEMPLATE_SOURCES = ("template", "vault", "consul", "secrets")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task failed: *what* happened to it, and the words of whoever noticed."""

    cause: Cause
    what: str
    detail: str = ""
    exit_code: int | None = None


def explain_task_failure(state: TaskState) -> Failure:
    """Explain the failure by the events of the task's last run. Nomad keeps ten events of all its runs."""
    run = find_last_run(state)
    kills = [event for event in run if event.type in {"Killing", "Killed"} and _fails_task(event)]
    if kills:
        return _explain_kill(kills[0])
    ends = [event for event in run if event.type == "Terminated"]
    if ends:
        return _explain_exit(ends[-1])
    failures = [event for event in run if event.type in FAILURE_EVENTS]
    if failures:
        return _explain_start_failure(failures[-1])
    return Failure(Cause.EXIT if state.started_at else Cause.SETUP, "failed, and no event gives the reason")


def find_last_run(state: TaskState) -> tuple[TaskEvent, ...]:
    turns = [index for index, event in enumerate(state.events) if event.type == "Restarting"]
    return state.events[turns[-1] + 1 :] if turns else state.events


def _fails_task(event: TaskEvent) -> bool:
    return event.details.get("fails_task") == "true"


def _explain_kill(event: TaskEvent) -> Failure:
    detail = one_line(event.display_message or event.message)
    cause = Cause.TEMPLATE if detail.lower().startswith(TEMPLATE_SOURCES) else Cause.SETUP
    return Failure(cause, "killed by Nomad", detail)


def _explain_exit(event: TaskEvent) -> Failure:
    detail = one_line(event.message)
    if event.details.get("oom_killed") == "true":
        return Failure(Cause.OOM, "ran out of memory and was killed", detail, event.exit_code)
    if event.signal:
        return Failure(Cause.SIGNAL, f"killed by {name_signal(event.signal)}", detail, event.exit_code)
    return Failure(Cause.EXIT, f"exit code {event.exit_code}", detail, event.exit_code)


def _explain_start_failure(event: TaskEvent) -> Failure:
    cause, what, key = FAILURE_EVENTS[event.type]
    detail = one_line(event.details.get(key, "") or event.display_message or event.message)
    if event.type == "Task hook failed" and detail.lower().startswith(TEMPLATE_SOURCES):
        cause = Cause.TEMPLATE
    return Failure(cause, what, detail)
