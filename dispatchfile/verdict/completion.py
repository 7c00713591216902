"""Judges how a child ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dispatchfile.events import Outcome, State, Verdict
from dispatchfile.nomad.models import Alloc, Evaluation
from dispatchfile.verdict.endings import judge_place, worst_of
from dispatchfile.verdict.evaluations import find_open, is_deregistered
from dispatchfile.verdict.extra_starts import merge_extra_starts
from dispatchfile.verdict.leftovers import collected, nothing_to_run, purged, stopped_waiting, unplaced
from dispatchfile.verdict.places import Place, count_missing, find_places, has_nothing_to_run, is_living
from dispatchfile.verdict.records import ChildRecords, Judgement, Living, NeedsEvaluations
from dispatchfile.verdict.waiting import describe_living, describe_queued, judge_without_evaluations
from dispatchfile.verdict.wording import one_line


def judge_completion(records: ChildRecords) -> Judgement:
    """Judge how the child ended, if it has."""
    places = find_places(records)
    if records.gone:
        return _judge_gone(records, places)
    if records.stop:
        return _judge_end(records, places)
    if records.status == "dead":
        return _judge_dead(records, places)
    if _is_settled(records, places):
        return _judge_end(records, places)
    return describe_living(places) or _judge_waiting(records, places)


def judge_blocked(records: ChildRecords) -> Verdict:
    """Return the verdict on a child that nobody waits for any longer: *unplaced*, or what happened to it before."""
    places = find_places(records)
    ended = [verdict for place in places if (verdict := judge_place(place, records))]
    worst = worst_of(ended)
    if worst is not None and worst.outcome is not Outcome.SUCCEEDED:
        return replace(worst, queued=True)
    return replace(unplaced(records, places), queued=True)


def with_last_seen(verdict: Verdict, records: ChildRecords) -> Verdict:
    """Return a *verdict* that is none of Nomad's, with where the child ran when it was last looked at, if it did."""
    places = find_places(records)
    if not places:
        return verdict
    newest = max((place.newest for place in places), key=lambda alloc: alloc.create_index)
    return replace(
        verdict,
        node=newest.node_name or newest.node_id,
        starts=max(place.starts for place in places),
        extra_starts=merge_extra_starts(place.extra_starts for place in places),
        alloc_id=newest.id,
    )


def with_log_line(verdict: Verdict, line: str) -> Verdict:
    """Return the verdict with the task's last log line; its message stays a sentence without it."""
    shown = one_line(line)
    return replace(verdict, last_log_line=shown) if shown else verdict


def _judge_dead(records: ChildRecords, places: Sequence[Place]) -> Judgement:
    """A dead job with an allocation that should run was read in two moments: look again."""
    if any(_should_run(place.newest) for place in places):
        return describe_living(places) or Living(State.RUNNING)
    judgement = _judge_end(records, places)
    if not records.server_before_2_0_1 or _has_outcome(judgement, Outcome.SUCCEEDED):
        return judgement
    if records.evals is None:
        return NeedsEvaluations()
    return _judge_waiting(records, places) if find_open(records.evals) else judgement


def _should_run(alloc: Alloc) -> bool:
    return is_living(alloc) and alloc.client_status != "unknown" and alloc.desired_status == "run"


def _has_outcome(judgement: Judgement, outcome: Outcome) -> bool:
    return isinstance(judgement, Verdict) and judgement.outcome is outcome


def _is_settled(records: ChildRecords, places: Sequence[Place]) -> bool:
    """Return whether the allocations alone show the end, whatever the job's status is: nothing can follow them."""
    if not places or count_missing(records, places) or (records.type == "sysbatch" and not records.gone):
        return False
    return all(_is_final(place, records) for place in places)


def _is_final(place: Place, records: ChildRecords) -> bool:
    verdict = None if place.superseded or is_living(place.newest) else judge_place(place, records)
    if verdict is None:
        return False
    if verdict.outcome is Outcome.FAILED:
        return not _may_reschedule(place, records)
    return verdict.outcome in {Outcome.SUCCEEDED, Outcome.TIMED_OUT}


def _may_reschedule(place: Place, records: ChildRecords) -> bool:
    """Attempts count within an interval, so used-up ones prove something only for a job that is no more."""
    if records.type == "sysbatch":
        return False
    if place.group is None or place.group.reschedule.unlimited:
        return True
    attempts = place.group.reschedule.attempts
    return attempts > 0 and not (records.gone and place.failures > attempts)


def _judge_end(records: ChildRecords, places: Sequence[Place]) -> Verdict | NeedsEvaluations:
    if not places and has_nothing_to_run(records):
        return nothing_to_run()
    verdicts = [verdict for place in places if (verdict := judge_place(place, records))]
    missing = count_missing(records, places)
    worst = worst_of(verdicts)
    if worst is not None and not (missing and worst.outcome is Outcome.SUCCEEDED):
        return _combine(worst, verdicts, total=len(places) + missing)
    if records.stop:
        return stopped_waiting()
    if records.evals is None:
        return NeedsEvaluations()
    return _judge_missing(records, records.evals, places)


def _judge_missing(records: ChildRecords, evals: Sequence[Evaluation], places: Sequence[Place]) -> Verdict:
    """Judge a child whose allocations do not suffice. It may have been stopped or purged since its job was read."""
    if is_deregistered(evals):
        return stopped_waiting() if places else purged(records)
    return unplaced(records, places) if evals or places else collected()


def _combine(worst: Verdict, verdicts: Sequence[Verdict], *, total: int) -> Verdict:
    """Return the worst place's verdict for the whole child; of equals, the first by group and index."""
    alike = sum(verdict.outcome is worst.outcome for verdict in verdicts)
    share = f" ({alike} of {total} allocations)" if worst.message and total > 1 else ""
    return replace(
        worst,
        message=worst.message + share,
        starts=max(verdict.starts for verdict in verdicts),
        extra_starts=merge_extra_starts(verdict.extra_starts for verdict in verdicts),
    )


def _judge_gone(records: ChildRecords, places: Sequence[Place]) -> Verdict | NeedsEvaluations:
    """A purge leaves the evaluations, one of which tells of it; collection leaves nothing."""
    if _is_settled(records, places):
        return _judge_end(records, places)
    if records.evals is None:
        return NeedsEvaluations()
    return purged(records) if is_deregistered(records.evals) else collected()


def _judge_waiting(records: ChildRecords, places: Sequence[Place]) -> Judgement:
    """Judge a child without a running allocation and without an end."""
    if records.status == "running":
        return Living(State.RUNNING)
    if records.evals is None:
        return NeedsEvaluations()
    if waiting := find_open(records.evals):
        return describe_queued(records, places, waiting)
    if not records.evals and not places:
        return judge_without_evaluations(records)
    return Living(State.QUEUED, "queued") if records.status else _judge_end(records, places)
