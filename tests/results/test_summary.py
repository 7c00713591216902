"""One value for what a run came to, and its exit code."""

import pytest

from dispatchfile.events import Doubled, Outcome, Verdict
from dispatchfile.results import ItemFacts, Results, Summary, exit_code, summarize
from tests.results.builders import FAILED, OK, REQUESTS, RUN, UNSENT, ended, folded

FINE = [Outcome.DISPATCHED, Outcome.PLACED, Outcome.SUCCEEDED, Outcome.SKIPPED]
NOT_WELL = [Outcome.UNPLACED, Outcome.FAILED, Outcome.LOST, Outcome.STOPPED, Outcome.TIMED_OUT]
NOT_DONE = [Outcome.REFUSED, Outcome.UNSENT, Outcome.UNKNOWN]


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], 0),
        (FINE, 0),
        *(([*FINE, outcome], 2) for outcome in NOT_WELL),
        *(([*FINE, outcome], 1) for outcome in NOT_DONE),
        ([Outcome.FAILED, Outcome.REFUSED], 1),
    ],
)
def test_the_exit_code_is_that_of_the_worst_class(outcomes: list[Outcome], code: int) -> None:
    """Class 1 beats class 2 beats class 0."""
    assert exit_code(outcomes, finished=True) == code


@pytest.mark.parametrize("outcomes", [[], FINE, NOT_WELL])
def test_an_unfinished_run_is_1(outcomes: list[Outcome]) -> None:
    """However well everything went so far."""
    assert exit_code(outcomes, finished=False) == 1


def test_every_outcome_has_a_class() -> None:
    """The three lists of these tests are all there are."""
    assert {*FINE, *NOT_WELL, *NOT_DONE} == set(Outcome)


def test_a_summary_counts_and_tells_all() -> None:
    """Outcomes that nobody had are counted too, so that scripts need no default."""
    results = Results([ItemFacts(name, "j", "default") for name in "abc"])
    for item, verdict in (("a", OK), ("b", FAILED), ("c", Verdict(Outcome.SKIPPED))):
        results.apply(ended(9.0, verdict, item=item))
    assert summarize(results, RUN, state="finished", finished_at=RUN.started_at + 60.5, requests=REQUESTS) == Summary(
        run="x7k2m9qa",
        name="nightly",
        manifest="dispatchfile.yaml",
        target="http://127.0.0.1:4646",
        state="finished",
        wait="completion",
        exit_code=2,
        started_at=RUN.started_at,
        finished_at=RUN.started_at + 60.5,
        duration_s=60.5,
        counts=dict.fromkeys(map(str, Outcome), 0) | {"succeeded": 1, "failed": 1, "skipped": 1, "total": 3},
        requests=REQUESTS,
        items=tuple(results.items()),
    )


def test_items_without_an_outcome_are_in_the_total_only() -> None:
    """An interrupted run's counts do not add up, and its exit code says so."""
    summary = summarize(folded(), RUN, state="interrupted", finished_at=None)
    assert summary.counts == dict.fromkeys(map(str, Outcome), 0) | {"total": 1}
    assert (summary.exit_code, summary.finished_at, summary.duration_s) == (1, None, None)


def test_an_empty_run_is_fine() -> None:
    """There was nothing to do."""
    assert summarize(Results([]), RUN, state="finished", finished_at=RUN.started_at).exit_code == 0


def test_two_children_for_one_attempt_are_never_fine() -> None:
    """However well both ended."""
    results = folded(ended(9.0), Doubled("film-1", 1, 10.0, ("c1", "c2")))
    assert summarize(results, RUN, state="finished", finished_at=RUN.started_at).exit_code == 1


@pytest.mark.parametrize("verdict", [OK, FAILED, UNSENT])
def test_a_signal_has_the_last_word_on_the_exit_code(verdict: Verdict) -> None:
    """Shells expect 128 and the number of the signal."""
    summary = summarize(folded(ended(9.0, verdict)), RUN, state="interrupted", finished_at=None, signal_exit=130)
    assert summary.exit_code == 130


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    """Times are the wall clock's."""
    assert summarize(folded(), RUN, state="finished", finished_at=RUN.started_at - 5).duration_s == 0
