"""Verdicts on a child of which no allocation tells the end."""

from __future__ import annotations

from collections.abc import Sequence

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.verdict.evaluations import explain_unplaced
from dispatchfile.verdict.places import Place, count_missing, is_living
from dispatchfile.verdict.records import ChildRecords


def purged(records: ChildRecords) -> Verdict:
    """Stopped if it was last seen alive: one that was dead before may have succeeded."""
    seen_alive = records.seen_alive and records.status != "dead"
    if seen_alive or any(is_living(alloc) for alloc in records.allocs):
        return Verdict(Outcome.STOPPED, Cause.PURGE, "purged from Nomad before its end")
    return Verdict(Outcome.UNKNOWN, Cause.PURGE, "purged from Nomad before it was first seen")


def collected() -> Verdict:
    return Verdict(Outcome.UNKNOWN, Cause.COLLECTED, "garbage-collected before its end was seen")


def nothing_to_run() -> Verdict:
    return Verdict(Outcome.UNPLACED, None, "nothing to run: the count of every group is 0")


def stopped_waiting() -> Verdict:
    return Verdict(Outcome.STOPPED, Cause.USER_STOP, "stopped in Nomad while it waited to be placed")


def unplaced(records: ChildRecords, places: Sequence[Place]) -> Verdict:
    cause, reason = explain_unplaced(records.evals or ())
    subject = _count_placed(len(places), count_missing(records, places))
    return Verdict(Outcome.UNPLACED, cause, f"{subject}: {reason}" if reason else subject)


def _count_placed(placed: int, missing: int) -> str:
    if not placed:
        return "no allocation was placed"
    return f"{placed} of {placed + missing} allocations placed" if missing else "not every allocation was placed"
