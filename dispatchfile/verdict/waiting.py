"""Describes a child that has not ended."""

from __future__ import annotations

from collections.abc import Sequence

from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.nomad.models import Evaluation
from dispatchfile.verdict.endings import judge_place, worst_of
from dispatchfile.verdict.evaluations import find_last_failures
from dispatchfile.verdict.explanations import explain_placement_failure
from dispatchfile.verdict.places import Place, describe_start, is_living, name_node
from dispatchfile.verdict.records import ChildRecords, Living
from dispatchfile.verdict.wording import one_line, to_seconds

# The evaluation is stored with the child since 1.10.5 and by the next write before: a minute outlasts every election.
NO_EVAL_AFTER_S = 60.0


def describe_living(places: Sequence[Place]) -> Living | None:
    living = [place for place in places if place.superseded or is_living(place.newest)]
    if not living:
        return None
    if len(places) > 1:
        return Living(State.RUNNING, f"{len(living)} of {len(places)} allocations running")
    return Living(State.RUNNING, _describe_running(living[0]))


def _describe_running(place: Place) -> str:
    if place.superseded:
        return "replaced by another allocation"
    verb = {"unknown": "disconnected from", "pending": "starting on"}.get(place.newest.client_status, "running on")
    return f"{verb} {name_node(place.newest)}{describe_start(place)}"


def describe_queued(records: ChildRecords, places: Sequence[Place], waiting: Sequence[Evaluation]) -> Living:
    before = worst_of([verdict for place in places if (verdict := judge_place(place, records))])
    blocked = [eval_ for eval_ in waiting if eval_.status == "blocked"]
    if blocked:
        reason = explain_placement_failure(find_last_failures(blocked)) or one_line(blocked[-1].status_description)
        return Living(State.QUEUED, f"queued{_describe_past(before)}: {reason}", blocked=True)
    if retry_at := min((eval_.wait_until for eval_ in waiting if eval_.wait_until), default=""):
        past = f"{before.message}; " if before and before.outcome is not Outcome.SUCCEEDED else ""
        return Living(State.QUEUED, f"{past}retrying at {to_seconds(retry_at)}")
    return Living(State.QUEUED, f"queued{_describe_past(before)}: Nomad is evaluating it")


def _describe_past(verdict: Verdict | None) -> str:
    if verdict is None or verdict.outcome is Outcome.SUCCEEDED:
        return ""
    if verdict.outcome is Outcome.LOST:
        return " after its node was lost"
    if verdict.cause is Cause.PREEMPTION:
        return " after it was preempted"
    if verdict.cause is Cause.DRAIN:
        return " after its node was drained"
    return " after a failure" if verdict.outcome is Outcome.FAILED else " after it was stopped"


def judge_without_evaluations(records: ChildRecords) -> Verdict | Living:
    """Judge a child without an evaluation: before 1.10.5 it may be missing; a periodic child never has one and runs."""
    if records.status != "running" and records.age_s > NO_EVAL_AFTER_S:
        message = f"Nomad created no evaluation for it within {NO_EVAL_AFTER_S:.0f} seconds, so it will not be placed"
        return Verdict(Outcome.UNPLACED, Cause.NO_EVAL, message)
    return Living(State.QUEUED, "queued: Nomad has no evaluation for it yet")
