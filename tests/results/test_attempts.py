"""The history of one attempt, as a journal has it."""

from dispatchfile.events import Accepted, Cause, Doubted, Ended, Outcome, State, Verdict
from dispatchfile.results import AttemptHistory, ItemFacts, Results

ACCEPTED, DOUBTED = Accepted("a", 1, 5.0, "child"), Doubted("a", 1, 4.0, "reset")


def ended(outcome, cause=None, at=9.0):
    return Ended("a", 1, at, Verdict(outcome, cause))


def read(*entries):
    """Return the history of the entries, in this order; None stands for a mark."""
    history = AttemptHistory(1)
    for entry in entries:
        if entry is None:
            history.mark()
        else:
            history.read(entry)
    return history


def test_an_attempt_without_a_mark_has_not_begun():
    """It was definitely not sent."""
    assert (read().has_begun, read().in_doubt) == (False, False)


def test_a_marked_attempt_is_in_doubt_until_something_is_known():
    """Its child, or its end."""
    assert read(None, DOUBTED).in_doubt
    assert not read(None, ACCEPTED).in_doubt
    assert not read(None, ended(Outcome.REFUSED)).in_doubt


def test_an_unsent_end_takes_the_mark_back():
    """The attempt was definitely not sent, though it might have been."""
    unsent = ended(Outcome.UNSENT, Cause.INTERRUPTED)
    assert read(None, unsent) == AttemptHistory(1, ended=unsent)


def test_what_is_recorded_later_counts_whatever_the_clock_said():
    """It may have been set back between two processes."""
    unknown = ended(Outcome.UNKNOWN, at=9_000.0)
    assert read(None, unknown, ACCEPTED) == AttemptHistory(1, marked=True, accepted=ACCEPTED)
    assert read(None, ended(Outcome.UNSENT, at=9_000.0), None) == AttemptHistory(1, marked=True)


def test_a_detached_child_can_be_followed_as_if_it_had_never_been_let_go():
    """Results remember what the run said of it."""
    results = Results([ItemFacts("a", "encode", "default")], follows_detached=True)
    results.apply(ACCEPTED)
    results.apply(ended(Outcome.PLACED))
    assert (results.item("a").state, results.detached) == (State.QUEUED, {"a": Outcome.PLACED})
    results.apply(ended(Outcome.SUCCEEDED, at=20.0))
    assert (results.item("a").outcome, results.detached) == (Outcome.SUCCEEDED, {})
