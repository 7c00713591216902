"""Records for tests: recorded ones, and built ones that name only what matters."""

import json
from dataclasses import replace
from pathlib import Path

from dispatchfile.nomad.decode import as_object, parse_alloc, parse_evaluation, parse_job, parse_rows
from dispatchfile.nomad.models import (
    Alloc,
    Evaluation,
    FailurePolicy,
    PlacementFailure,
    TaskEvent,
    TaskGroup,
    TaskState,
)
from dispatchfile.verdict import ChildRecords

RECORDINGS = Path(__file__).parent.parent / "recordings"


def read_body(area: str, name: str) -> object:
    """The body of a recorded answer; None where the answer was no JSON or none was recorded."""
    path = RECORDINGS / area / f"{name}.json"
    return json.loads(path.read_text())["response"].get("body_json") if path.exists() else None


def recorded(name: str, *, evals: bool = True, seen_alive: bool = False) -> ChildRecords:
    """A child as a server showed it."""
    body = read_body("job", name)
    job = parse_job(as_object(body)) if body else None
    return ChildRecords(
        status=job.status if job else "",
        stop=job.stop if job else False,
        type=job.type if job else "batch",
        groups={group.name: group for group in job.groups} if job else {"g": group_of()},
        allocs=parse_rows(read_body("allocation", f"{name}-list"), parse_alloc),
        evals=parse_rows(read_body("evaluation", name), parse_evaluation) if evals else None,
        gone=job is None,
        seen_alive=seen_alive,
    )


def group_of(count: int = 1, *, tasks: tuple[str, ...] = ("t",), restarts: int = 0, reschedules: int = 0) -> TaskGroup:
    return TaskGroup("g", count, tasks, FailurePolicy(restarts, mode="fail"), FailurePolicy(reschedules))


def child(*allocs: Alloc, status: str = "dead", evals: tuple[Evaluation, ...] | None = (), **changes) -> ChildRecords:
    records = ChildRecords(status, False, "batch", {"g": group_of()}, allocs, evals)
    return replace(records, **changes)


def event(type_: str, message: str = "", **details: str) -> TaskEvent:
    code = int(details.get("exit_code", 0))
    return TaskEvent(type_, 0, details, code, int(details.get("signal", 0)), "", message)


def exited(code: int, signal: int = 0, *, oom: bool = False) -> TaskEvent:
    return event("Terminated", exit_code=str(code), signal=str(signal), oom_killed="true" if oom else "false")


STARTED = event("Started")
KILLING = event("Killing")
RESTARTING = event("Restarting")
NOT_RESTARTING = event("Not Restarting", fails_task="true")
STARTED_AT = "2026-11-22T12:00:00Z"


def task(
    *events: TaskEvent, failed: bool = False, restarts: int = 0, after_s: int = 2, started: bool = True
) -> TaskState:
    finished_at = f"2026-11-22T12:00:{after_s:02}Z"
    return TaskState("dead", failed, restarts, STARTED_AT if started else "", finished_at, events)


OK = task(STARTED, exited(0))
RUNNING = TaskState("running", False, 0, STARTED_AT, "", (STARTED,))
KILLED = task(STARTED, KILLING, exited(0), event("Killed"))


def failing(code: int = 3, *, restarts: int = 0, after_s: int = 2) -> TaskState:
    return task(STARTED, exited(code), NOT_RESTARTING, failed=True, restarts=restarts, after_s=after_s)


def alloc(
    client_status: str = "complete",
    desired_status: str = "run",
    *,
    id: str = "a1",  # noqa: A002 -- as the record has it
    index: int = 0,
    at: int = 10,
    node: str = "n1",
    tasks: dict[str, TaskState] | None = None,
    **changes,
) -> Alloc:
    """An allocation of place *index* of group g, created at index *at*."""
    usual = {"complete": OK, "failed": failing()}.get(client_status, RUNNING)
    made = Alloc(
        id=id,
        name=f"etl/dispatch-1-2.g[{index}]",
        job_id="etl/dispatch-1-2",
        namespace="default",
        eval_id="e1",
        node_id=f"{node}-0000-0000",
        node_name=node,
        group="g",
        desired_status=desired_status,
        desired_description="",
        client_status=client_status,
        client_description="",
        task_states={"t": usual} if tasks is None else tasks,
        next_allocation="",
        preempted_by="",
        create_index=at,
        modify_index=at + 1,
        create_time_ns=0,
    )
    return replace(made, **changes)


FULL = {"g": PlacementFailure(nodes_evaluated=3, nodes_exhausted=3, dimension_exhausted={"memory": 3})}


def evaluation(status: str = "complete", trigger: str = "job-register", *, at: int = 1, **changes) -> Evaluation:
    made = Evaluation(
        id=f"e{at}",
        job_id="etl/dispatch-1-2",
        namespace="default",
        status=status,
        status_description="",
        triggered_by=trigger,
        next_eval="",
        previous_eval="",
        blocked_eval="",
        failed_groups={},
        wait_until="",
        create_index=at,
        modify_index=at,
    )
    return replace(made, **changes)


NOT_PLACED = evaluation(failed_groups=FULL, blocked_eval="e2")
BLOCKED = evaluation("blocked", "queued-allocs", at=2, failed_groups=FULL)
DEREGISTERED = evaluation(trigger="job-deregister", at=9)
