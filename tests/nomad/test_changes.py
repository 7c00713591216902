"""What is new about an evaluation between two looks at it."""

from dataclasses import replace

from dispatchfile.nomad.changes import (
    AllocChanged,
    AllocPlaced,
    EvalChanged,
    EvalEnded,
    EvalTriggered,
    Look,
    changes_since,
    look_at,
)
from dispatchfile.nomad.decode import parse_alloc, parse_evaluation

EVAL = parse_evaluation({"ID": "e", "JobID": "ok/dispatch-1-a", "Status": "pending", "CreateIndex": 10})
ALLOC = parse_alloc(
    {"ID": "a", "NodeID": "n", "TaskGroup": "g", "DesiredStatus": "run", "ClientStatus": "pending", "CreateIndex": 11}
)
DONE = replace(EVAL, status="complete")


def test_the_first_look_tells_what_triggered_it():
    """That it is pending is no news."""
    assert list(changes_since(Look(), EVAL, [])) == [EvalTriggered("ok/dispatch-1-a")]


def test_a_look_tells_everything_that_is_new():
    """In the CLI's order: allocations, then the evaluation's status, then its end."""
    changes = list(changes_since(Look(), DONE, [ALLOC]))
    placed = AllocPlaced("a", "n", "g", modified=False)
    assert changes == [EvalTriggered("ok/dispatch-1-a"), placed, EvalChanged("pending", "complete"), EvalEnded(DONE)]


def test_what_was_seen_is_not_told_again():
    """Only what changed since."""
    seen = look_at(EVAL, [ALLOC])
    assert list(changes_since(seen, EVAL, [ALLOC])) == []
    failed = replace(ALLOC, client_status="failed", client_description="Failed tasks")
    assert list(changes_since(seen, EVAL, [failed])) == [AllocChanged("a", "pending", "failed", "Failed tasks")]


def test_an_older_allocation_was_modified_and_a_stopped_one_is_left_out():
    """As in the CLI."""
    (triggered, placed) = changes_since(Look(), EVAL, [replace(ALLOC, create_index=9, desired_status="stop")])
    assert placed == AllocPlaced("a", "n", "g", modified=True)
    assert list(changes_since(Look(), EVAL, [replace(ALLOC, desired_status="stop")])) == [triggered]
