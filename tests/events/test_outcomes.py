"""The consequences of each outcome."""

from dispatchfile.events import OUTCOMES, RESUMABLE_CAUSES, Cause, Outcome, Verdict


def those(fact):
    return {outcome.value for outcome in Outcome if fact(outcome)}


def test_every_outcome_has_its_facts():
    """A new one wants a row."""
    assert set(OUTCOMES) == set(Outcome)


def test_what_follows_from_an_outcome_stands_in_one_table():
    """Exit class, failures, what may still live, what was let go, what a resume takes up."""
    assert those(lambda outcome: outcome.exit_class == 0) == {"dispatched", "placed", "succeeded", "skipped"}
    assert those(lambda outcome: outcome.exit_class == 2) == {"unplaced", "failed", "lost", "stopped", "timed_out"}
    assert those(lambda outcome: outcome.is_failure) == those(lambda outcome: outcome.exit_class == 2) | {"refused"}
    assert those(lambda outcome: outcome.is_rerun) == those(lambda outcome: outcome.is_failure) | {"unsent"}
    assert those(lambda outcome: outcome.may_still_live) == {"unplaced", "timed_out", "lost", "unknown"}
    assert those(lambda outcome: outcome.is_detached) == {"dispatched", "placed"}
    assert those(lambda outcome: not outcome.is_seen) == {"dispatched", "unknown"}
    assert those(lambda outcome: outcome.is_open) == {"unsent", "unknown"}


def test_a_resume_sends_what_the_run_did_not_decide_to_leave_out():
    """After canary, stop_on or a timeout the run is over."""
    resumed = {cause for cause in Cause if Verdict(Outcome.UNSENT, cause).is_resumed}
    assert resumed == RESUMABLE_CAUSES
    assert not Verdict(Outcome.REFUSED, Cause.PERMISSION).is_resumed
