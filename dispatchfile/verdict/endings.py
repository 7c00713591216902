"""Judges how one place of a child ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.nomad.models import Alloc, TaskState
from dispatchfile.verdict.extra_starts import DRAINED, LOST_WITH_ITS_NODE
from dispatchfile.verdict.failures import Failure, explain_task_failure, find_last_run
from dispatchfile.verdict.places import TERMINAL, Place, describe_start, find_main_tasks, name_node
from dispatchfile.verdict.records import ChildRecords
from dispatchfile.verdict.wording import describe_span, one_line, to_epoch, to_epoch_or_0, to_timestamp

# Where the places of a child ended differently, the worst decides.
SEVERITY = {
    Outcome.FAILED: 0,
    Outcome.TIMED_OUT: 1,
    Outcome.LOST: 2,
    Outcome.STOPPED: 3,
    Outcome.UNKNOWN: 4,
    Outcome.UNPLACED: 5,
    Outcome.SUCCEEDED: 6,
}

OVER_MAX_RUN_DURATION = "allocation exceeded max_run_duration"


def judge_place(place: Place, records: ChildRecords) -> Verdict | None:
    """Judge how the place's newest allocation ended. Return None while it runs or may run."""
    alloc = place.newest
    if place.superseded:
        return Verdict(Outcome.UNKNOWN, Cause.COLLECTED, "replaced by an allocation that no longer exists in Nomad")
    if alloc.client_status in {"lost", "unknown"} or _was_lost(alloc):
        return _about(
            place,
            Outcome.LOST,
            Cause.NODE_LOST,
            f"{name_node(alloc)} was lost, and Nomad did not replace the allocation",
        )
    if alloc.client_status == "failed":
        return _judge_failed(place)
    if alloc.client_status == "complete":
        return _judge_complete(place)
    if not records.stop and alloc.desired_status == "run":
        return None
    return _judge_ending(place)


def _judge_ending(place: Place) -> Verdict:
    """Judge an allocation that is being stopped. The ends that its tasks had before the stop count."""
    states = place.newest.task_states.values()
    if any(state.failed for state in states):
        return _judge_failed(place)
    if _ended_by_itself(place) and all(state.state == "dead" for state in states):
        return _about(place, Outcome.SUCCEEDED, None, "", exit_code=0)
    return _judge_stopped(place)


def _was_lost(alloc: Alloc) -> bool:
    """A node that comes back reports its lost allocations as complete or failed, which tells nothing of their tasks."""
    return alloc.desired_description == LOST_WITH_ITS_NODE and alloc.client_status in TERMINAL


def _judge_complete(place: Place) -> Verdict:
    alloc = place.newest
    if alloc.client_description == OVER_MAX_RUN_DURATION:
        message = f"exceeded its max_run_duration on {name_node(alloc)}{describe_span(*_span(alloc))}"
        return _about(place, Outcome.TIMED_OUT, Cause.MAX_RUN_DURATION, message)
    if alloc.desired_status in {"stop", "evict"} and not _ended_by_itself(place):
        return _judge_stopped(place)
    return _about(place, Outcome.SUCCEEDED, None, "", exit_code=0)


def _span(alloc: Alloc) -> tuple[str, str]:
    """Return when its first task started and its last one ended. Each state has only the task's last start."""
    states = alloc.task_states.values()
    started = [state.started_at for state in states if to_epoch(state.started_at)]
    finished = [state.finished_at for state in states if to_epoch(state.finished_at)]
    first = [_first_start_ns(alloc, state) for state in states if state.restarts]
    started += [to_timestamp(start_ns) for start_ns in first if start_ns]
    return min(started, key=to_epoch_or_0, default=""), max(finished, key=to_epoch_or_0, default="")


def _first_start_ns(alloc: Alloc, state: TaskState) -> int:
    """Nomad keeps ten events: where the first ones are gone, the allocation was made a moment before the start."""
    if not state.events or state.events[0].type != "Received":
        return alloc.create_time_ns
    return next((event.time_ns for event in state.events if event.type == "Started"), 0)


def _judge_stopped(place: Place) -> Verdict:
    alloc, node = place.newest, name_node(place.newest)
    if alloc.desired_status == "evict" or alloc.preempted_by:
        return _about(place, Outcome.STOPPED, Cause.PREEMPTION, f"preempted on {node} by another allocation")
    if alloc.desired_description in DRAINED and not alloc.stopped_by_hand:
        return _about(place, Outcome.STOPPED, Cause.DRAIN, f"stopped when {node} was drained, and not replaced")
    return _about(place, Outcome.STOPPED, Cause.USER_STOP, f"stopped in Nomad on {node}")


def _ended_by_itself(place: Place) -> bool:
    """Return whether every main task had ended with exit code 0 before Nomad stopped the allocation."""
    states = place.newest.task_states
    mains = find_main_tasks(place)
    return bool(mains) and all(task in states and _exited_unkilled(states[task]) for task in mains)


def _exited_unkilled(state: TaskState) -> bool:
    run = find_last_run(state)
    ends = [index for index, event in enumerate(run) if event.type == "Terminated"]
    if state.failed or not ends or run[ends[-1]].exit_code or run[ends[-1]].signal:
        return False
    return all(event.type != "Killing" for event in run[: ends[-1]])


def _judge_failed(place: Place) -> Verdict:
    failed = {name: state for name, state in place.newest.task_states.items() if state.failed}
    if not failed:
        why = one_line(place.newest.client_description) or "no task gives a reason"
        return _about(place, Outcome.FAILED, Cause.SETUP, f"failed on {name_node(place.newest)}: {why}")
    name = min(failed, key=lambda task: (to_epoch(failed[task].finished_at) or math.inf, task))
    failure = explain_task_failure(failed[name])
    message = _describe_failure(place, name, failed[name], failure)
    verdict = _verdict(place, Outcome.FAILED, failure.cause, message, exit_code=failure.exit_code)
    return replace(verdict, task=name)


def _describe_failure(place: Place, name: str, state: TaskState, failure: Failure) -> str:
    hook = place.group.lifecycle.get(name) if place.group else None
    task = f"task {one_line(name)}" + (f" of {place.label}" if place.label else "") + (f" ({hook})" if hook else "")
    span = describe_span(state.started_at, state.finished_at) if failure.exit_code is not None else ""
    detail = f": {failure.detail}" if failure.detail else ""
    return f"{task}: {failure.what} on {name_node(place.newest)}{span}{describe_start(place)}{detail}"


def _about(place: Place, outcome: Outcome, cause: Cause | None, message: str, exit_code: int | None = None) -> Verdict:
    told = f"{place.label}: {message}" if place.label and message else message
    return _verdict(place, outcome, cause, told, exit_code=exit_code)


def _verdict(place: Place, outcome: Outcome, cause: Cause | None, message: str, exit_code: int | None) -> Verdict:
    mains = find_main_tasks(place)
    return Verdict(
        outcome,
        cause,
        message,
        exit_code=exit_code,
        node=place.newest.node_name or place.newest.node_id,
        starts=place.starts,
        extra_starts=place.extra_starts,
        alloc_id=place.newest.id,
        task=mains[0] if mains else "",
        group=place.newest.group,
        alloc_index=place.index,
    )


def worst_of(verdicts: Sequence[Verdict]) -> Verdict | None:
    """Return the first of the worst verdicts, or None if there are none."""
    return min(verdicts, key=lambda verdict: SEVERITY[verdict.outcome], default=None)
