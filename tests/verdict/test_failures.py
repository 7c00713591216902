"""Why a task failed, by the events that Nomad keeps of it."""

import pytest

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.nomad.models import TaskEvent, TaskState
from dispatchfile.verdict import judge_completion
from tests.verdict.builders import (
    KILLED,
    NOT_RESTARTING,
    RESTARTING,
    STARTED,
    alloc,
    child,
    event,
    exited,
    failing,
    group_of,
    task,
)

TEMPLATE_KILL = event("Killing", "Template failed: missing key secret/data/x", fails_task="true")


def judge(*events: TaskEvent, started: bool = True) -> Verdict:
    state = task(*events, failed=True, started=started)
    return judge_all({"t": state})


def judge_all(tasks: dict[str, TaskState]) -> Verdict:
    names = tuple(tasks)
    verdict = judge_completion(child(alloc("failed", tasks=tasks), groups={"g": group_of(tasks=names)}))
    assert isinstance(verdict, Verdict)
    assert verdict.outcome is Outcome.FAILED
    return verdict


@pytest.mark.parametrize(
    ("end", "cause", "code", "what"),
    [
        (exited(3), Cause.EXIT, 3, "exit code 3"),
        (exited(137), Cause.EXIT, 137, "exit code 137"),
        (exited(137, 9), Cause.SIGNAL, 137, "killed by SIGKILL (signal 9)"),
        (exited(143, 15), Cause.SIGNAL, 143, "killed by SIGTERM (signal 15)"),
        (exited(0, 99), Cause.SIGNAL, 0, "killed by signal 99"),
        (exited(137, 9, oom=True), Cause.OOM, 137, "ran out of memory and was killed"),
        (exited(137, oom=True), Cause.OOM, 137, "ran out of memory and was killed"),
    ],
)
def test_an_exit_is_told_from_a_signal_and_from_want_of_memory(
    end: TaskEvent, cause: Cause, code: int, what: str
) -> None:
    """An exit code of 128 or more is no signal by itself; only the flag tells of memory."""
    verdict = judge(STARTED, end, NOT_RESTARTING)
    assert (verdict.cause, verdict.exit_code) == (cause, code)
    assert verdict.message == f"task t: {what} on node n1 after 2s"


@pytest.mark.parametrize(
    ("last", "cause", "sentence"),
    [
        (
            event("Driver Failure", driver_error="pull access\ndenied"),
            Cause.DRIVER,
            "the driver could not start it on node n1: pull access denied",
        ),
        (
            event("Failed Artifact Download", download_error="404"),
            Cause.ARTIFACT,
            "an artifact could not be downloaded on node n1: 404",
        ),
        (
            event("Failed Validation", validation_error="no command"),
            Cause.VALIDATION,
            "its configuration is not valid on node n1: no command",
        ),
        (
            event("Setup Failure", "failed to setup alloc: network", fails_task="true"),
            Cause.SETUP,
            "it could not be set up on node n1: failed to setup alloc: network",
        ),
        (
            event("Failed Restoring Task", "failed to restore task"),
            Cause.SETUP,
            "it could not be restored on node n1: failed to restore task",
        ),
        (
            event("Task hook failed", "task_dir: disk full"),
            Cause.SETUP,
            "a step before its start failed on node n1: task_dir: disk full",
        ),
        (
            event("Task hook failed", "template: no such file"),
            Cause.TEMPLATE,
            "a step before its start failed on node n1: template: no such file",
        ),
        (
            event("Task hook failed", "vault: no token"),
            Cause.TEMPLATE,
            "a step before its start failed on node n1: vault: no token",
        ),
        (
            event("Task hook failed", "consul_si_token: no token"),
            Cause.TEMPLATE,
            "a step before its start failed on node n1: consul_si_token: no token",
        ),
    ],
)
def test_a_task_that_never_started_says_what_kept_it(last: TaskEvent, cause: Cause, sentence: str) -> None:
    """The type of the last event decides; a hook's own name tells templates and secrets from the rest."""
    verdict = judge(event("Received"), last, NOT_RESTARTING, started=False)
    assert (verdict.cause, verdict.exit_code, verdict.message) == (cause, None, f"task t: {sentence}")


@pytest.mark.parametrize(
    ("kill", "cause"),
    [
        (TEMPLATE_KILL, Cause.TEMPLATE),
        (event("Killing", "Vault: failed to derive vault token: denied", fails_task="true"), Cause.TEMPLATE),
        (event("Killing", "Identity[aws]: failed to restart", fails_task="true"), Cause.SETUP),
        (event("Killed", "update missing task", fails_task="true"), Cause.SETUP),
    ],
)
@pytest.mark.parametrize("before", [(), (STARTED,)], ids=["waiting", "running"])
@pytest.mark.parametrize("after", [(), (exited(143, 15), event("Killed"))], ids=["at once", "with an exit"])
def test_a_kill_by_nomad_that_fails_the_task_is_the_cause(
    kill: TaskEvent, cause: Cause, before: tuple[TaskEvent, ...], after: tuple[TaskEvent, ...]
) -> None:
    """The exit code after it is the kill's, not the task's."""
    verdict = judge(*before, kill, *after)
    assert (verdict.cause, verdict.exit_code) == (cause, None)
    assert verdict.message.startswith(f"task t: killed by Nomad on node n1: {kill.display_message}")


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ((STARTED, exited(4), RESTARTING, event("Driver Failure", driver_error="gone"), NOT_RESTARTING), Cause.DRIVER),
        ((event("Driver Failure", driver_error="x"), RESTARTING, STARTED, exited(4), NOT_RESTARTING), Cause.EXIT),
        ((STARTED, exited(137, 9, oom=True), RESTARTING, STARTED, exited(1), NOT_RESTARTING), Cause.EXIT),
        ((STARTED, exited(4), event("Task hook failed", "logmon: gone"), NOT_RESTARTING), Cause.EXIT),
        ((STARTED, exited(4), RESTARTING, TEMPLATE_KILL), Cause.TEMPLATE),
    ],
)
def test_the_last_run_is_the_one_that_counts(events: tuple[TaskEvent, ...], cause: Cause) -> None:
    """Earlier runs failed otherwise; what goes wrong after an exit does not hide it."""
    assert judge(*events).cause is cause


def test_the_first_task_to_fail_is_the_one_to_blame() -> None:
    """The others fell with it, and some failed in doing so."""
    verdict = judge_all({"a": failing(9, after_s=8), "b": failing(3, after_s=2), "c": KILLED})
    assert (verdict.task, verdict.exit_code) == ("b", 3)


def test_a_task_without_telling_events_still_failed() -> None:
    """Nomad keeps the last ten events; they may have pushed out the telling one."""
    assert judge(NOT_RESTARTING).message == "task t: failed, and no event gives the reason on node n1"
    assert judge(NOT_RESTARTING).cause is Cause.EXIT
    assert judge(NOT_RESTARTING, started=False).cause is Cause.SETUP


def test_a_failed_allocation_without_a_failed_task_tells_what_the_node_said() -> None:
    """The node could not even take it on."""
    records = child(alloc("failed", tasks={}, client_description="Unable to add allocation due to error: disk full"))
    verdict = judge_completion(records)
    assert isinstance(verdict, Verdict)
    assert (verdict.cause, verdict.message) == (
        Cause.SETUP,
        "failed on node n1: Unable to add allocation due to error: disk full",
    )


@pytest.mark.parametrize(
    ("finished_at", "span"),
    [
        ("2026-11-22T12:00:00.01Z", " after 0s"),
        ("2026-11-22T12:00:09.96Z", " after 10s"),
        ("2026-11-22T12:00:00.25Z", " after 0.2s"),
        ("2026-11-22T12:00:59.9Z", " after 1m"),
        ("2026-11-22T12:02:05.123456789Z", " after 2m5s"),
        ("2026-11-22T13:00:00+01:00", " after 0s"),
        ("2026-11-23T15:10:20Z", " after 27h10m"),
        ("", ""),
        ("soon", ""),
        ("2026-11-22T11:00:00Z", ""),
    ],
)
def test_a_span_is_told_as_people_tell_it(finished_at: str, span: str) -> None:
    """A time that cannot be read, or that runs backwards, is left out."""
    state = TaskState("dead", True, 0, "2026-11-22T12:00:00Z", finished_at, (STARTED, exited(1)))
    assert judge_all({"t": state}).message == f"task t: exit code 1 on node n1{span}"


def test_a_message_names_a_node_by_its_id_where_it_has_no_name() -> None:
    """Or not at all."""
    nameless = judge_completion(child(alloc("failed", node_name="")))
    nowhere = judge_completion(child(alloc("failed", node_name="", node_id="")))
    assert isinstance(nameless, Verdict)
    assert isinstance(nowhere, Verdict)
    assert nameless.message == "task t: exit code 3 on node n1-0000- after 2s"
    assert nowhere.message == "task t: exit code 3 on its node after 2s"
