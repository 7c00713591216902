"""Judges whether everything of a child found a node."""

import pytest

from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.verdict import NO_EVAL_AFTER_S, ChildRecords, Living, NeedsEvaluations, judge_placement
from tests.verdict.builders import BLOCKED, DEREGISTERED, FULL, NOT_PLACED, alloc, child, evaluation, group_of

TWO = {"g": group_of(2)}
CANCELED = evaluation("canceled", "queued-allocs", at=2)
PLACED_LATER = evaluation("complete", "queued-allocs", at=2)


@pytest.mark.parametrize(
    "records",
    [
        child(status="", evals=(evaluation(),)),
        child(status="", evals=(NOT_PLACED, PLACED_LATER)),
        child(status="", evals=(evaluation("failed", blocked_eval="e2"), PLACED_LATER)),
        child(status="", evals=(evaluation(), DEREGISTERED)),
        child(status="", gone=True, evals=(evaluation(), DEREGISTERED)),
        child(status="", type="sysbatch", evals=(evaluation(),)),
        child(alloc("running"), alloc("pending", index=1, id="b"), status="running", groups=TWO, evals=None),
        child(alloc("failed"), status="dead", evals=None),
    ],
)
def test_a_child_is_placed_once_every_allocation_has_a_node(records: ChildRecords) -> None:
    """The last evaluation that had its say tells, or an allocation for every place; what became of it is no matter."""
    judgement = judge_placement(records)
    assert isinstance(judgement, Verdict)
    assert (judgement.outcome, judgement.cause) == (Outcome.PLACED, None)


@pytest.mark.parametrize(
    ("records", "cause", "message"),
    [
        (
            child(status="", evals=(NOT_PLACED, BLOCKED)),
            Cause.NO_CAPACITY,
            "memory exhausted on 3 nodes; it stays queued in Nomad",
        ),
        (
            child(alloc(), status="", type="sysbatch", evals=(evaluation(failed_groups=FULL),)),
            Cause.NO_CAPACITY,
            "not every allocation was placed: memory exhausted on 3 nodes",
        ),
        (
            child(status="dead", evals=(NOT_PLACED, CANCELED)),
            Cause.NO_CAPACITY,
            "no allocation was placed: memory exhausted on 3 nodes",
        ),
        (
            child(status="", evals=(evaluation("failed", status_description="no scheduler"),)),
            Cause.EVAL_FAILED,
            "no allocation was placed: its evaluation failed: no scheduler",
        ),
        (
            child(status="pending", age_s=NO_EVAL_AFTER_S + 1),
            Cause.NO_EVAL,
            "Nomad created no evaluation for it within 60 seconds, so it will not be placed",
        ),
        (child(status="", groups={"g": group_of(0)}), None, "nothing to run: the count of every group is 0"),
    ],
)
def test_a_child_that_no_node_takes_is_unplaced(records: ChildRecords, cause: Cause | None, message: str) -> None:
    """With the reason in one sentence."""
    assert judge_placement(records) == Verdict(Outcome.UNPLACED, cause, message)


@pytest.mark.parametrize(
    ("records", "living"),
    [
        (child(status=""), Living(State.QUEUED, "queued: Nomad has no evaluation for it yet")),
        (child(status="", evals=(evaluation("pending"),)), Living(State.QUEUED, "queued: Nomad is evaluating it")),
        (
            child(status="", evals=(evaluation("failed", next_eval="later"),)),
            Living(State.QUEUED, "queued: Nomad is evaluating it"),
        ),
        (
            child(status="", evals=(NOT_PLACED, evaluation("pending", "queued-allocs", at=2))),
            Living(State.QUEUED, "queued: Nomad is evaluating it"),
        ),
        (
            child(status="", evals=(evaluation("failed", blocked_eval="e2"), evaluation("blocked", at=2))),
            Living(State.QUEUED, "queued: Nomad is evaluating it"),
        ),
    ],
)
def test_an_open_evaluation_is_waited_for(records: ChildRecords, living: Living) -> None:
    """So is its follower, and one that lost a race for a node: it found no lack of room."""
    assert judge_placement(records) == living


def test_evaluations_are_needed_where_allocations_do_not_suffice() -> None:
    """Some places are still empty."""
    assert judge_placement(child(alloc(), groups=TWO, evals=None)) == NeedsEvaluations()


@pytest.mark.parametrize(
    ("records", "outcome", "cause"),
    [
        (child(stop=True, evals=(NOT_PLACED, CANCELED)), Outcome.STOPPED, Cause.USER_STOP),
        (child(status="", evals=(NOT_PLACED, CANCELED, DEREGISTERED)), Outcome.STOPPED, Cause.USER_STOP),
        (child(status="", gone=True, seen_alive=True, evals=(NOT_PLACED, DEREGISTERED)), Outcome.STOPPED, Cause.PURGE),
        (child(gone=True, evals=(NOT_PLACED, DEREGISTERED)), Outcome.UNKNOWN, Cause.PURGE),
        (child(gone=True), Outcome.UNKNOWN, Cause.COLLECTED),
        (child(status="dead"), Outcome.UNKNOWN, Cause.COLLECTED),
    ],
)
def test_a_child_that_ended_before_it_was_placed_was_stopped_or_is_unknown(
    records: ChildRecords, outcome: Outcome, cause: Cause
) -> None:
    """The same words as for completion."""
    judgement = judge_placement(records)
    assert isinstance(judgement, Verdict)
    assert (judgement.outcome, judgement.cause) == (outcome, cause)


def test_a_placed_child_names_its_nodes() -> None:
    """One by name, several by number."""
    two = child(alloc("running"), alloc("running", index=1, id="b", node="n2"), status="running", groups=TWO)
    assert judge_placement(two) == Verdict(
        Outcome.PLACED, message="placed on 2 nodes", node="n1", starts=1, alloc_id="a1"
    )
    one = child(alloc("pending", tasks={}), status="running")
    assert judge_placement(one) == Verdict(Outcome.PLACED, message="placed on node n1", node="n1", alloc_id="a1")
