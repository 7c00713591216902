"""Judges whether every allocation of a child was placed."""

from __future__ import annotations

from collections.abc import Sequence

from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.nomad.models import Evaluation
from dispatchfile.verdict.evaluations import find_last_failures, find_open, from_old_to_new, is_deregistered
from dispatchfile.verdict.explanations import explain_placement_failure
from dispatchfile.verdict.extra_starts import merge_extra_starts
from dispatchfile.verdict.leftovers import collected, nothing_to_run, purged, stopped_waiting, unplaced
from dispatchfile.verdict.places import Place, covers_every_group, find_places, has_nothing_to_run, name_node
from dispatchfile.verdict.records import ChildRecords, Judgement, Living, NeedsEvaluations
from dispatchfile.verdict.waiting import judge_without_evaluations


def judge_placement(records: ChildRecords) -> Judgement:
    """
    Judge whether every allocation found a node. Evaluations suffice; allocations, if given, show later placements.

    A blocked evaluation is *unplaced* although the child stays queued, as `nomad job dispatch` has it.
    """
    places = find_places(records)
    if has_nothing_to_run(records):
        return nothing_to_run()
    if covers_every_group(records, places):
        return _placed(places)
    if records.evals is None:
        return NeedsEvaluations()
    return _judge_evaluations(records, records.evals, places)


def _judge_evaluations(records: ChildRecords, evals: Sequence[Evaluation], places: Sequence[Place]) -> Verdict | Living:
    """Judge by the last evaluation that placed, or failed to place, allocations."""
    ended = records.stop or records.gone
    waiting = find_open(evals)
    refusals = [eval_ for eval_ in waiting if eval_.status == "blocked" and eval_.failed_groups]
    if refusals and not ended:
        return _left_queued(refusals)
    if waiting and not ended:
        return Living(State.QUEUED, "queued: Nomad is evaluating it")
    if not evals and not ended and records.status != "dead":
        return judge_without_evaluations(records)
    said = [e for e in from_old_to_new(evals) if e.status == "complete" and e.triggered_by != "job-deregister"]
    if said and not said[-1].failed_groups:
        return _placed(places)
    return _judge_unplaced_end(records, evals, places)


def _judge_unplaced_end(records: ChildRecords, evals: Sequence[Evaluation], places: Sequence[Place]) -> Verdict:
    if records.gone:
        return purged(records) if is_deregistered(evals) else collected()
    if records.stop or is_deregistered(evals):
        return stopped_waiting()
    return unplaced(records, places) if evals else collected()


def _left_queued(refusals: Sequence[Evaluation]) -> Verdict:
    reason = explain_placement_failure(find_last_failures(refusals))
    return Verdict(Outcome.UNPLACED, Cause.NO_CAPACITY, f"{reason}; it stays queued in Nomad")


def _placed(places: Sequence[Place]) -> Verdict:
    nodes = sorted({name_node(place.newest) for place in places})
    message = f"placed on {nodes[0]}" if len(nodes) == 1 else f"placed on {len(nodes)} nodes" if nodes else ""
    first = places[0].newest if places else None
    return Verdict(
        Outcome.PLACED,
        message=message,
        node=first.node_name if first else "",
        starts=max((place.starts for place in places), default=0),
        extra_starts=merge_extra_starts(place.extra_starts for place in places),
        alloc_id=first.id if first else "",
    )
