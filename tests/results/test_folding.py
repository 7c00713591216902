"""Events folded to item results and counts."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchfile.events import (
    Accepted,
    Cause,
    Doubled,
    Doubted,
    Ended,
    Event,
    ExtraStart,
    Moved,
    Notice,
    NoticeKind,
    Outcome,
    Repeated,
    Sending,
    State,
    Verdict,
)
from dispatchfile.results import ItemFacts, ItemResult, JobWait, Results, summarize, summary_json
from tests.results.builders import (
    CHILD,
    FACTS,
    FAILED,
    OK,
    RUN,
    UNKNOWN,
    UNSENT,
    accepted,
    ended,
    folded,
    moved,
    outcome,
    sending,
)

LIFE = (sending(1), accepted(2), moved(3, State.QUEUED), moved(4, State.RUNNING), ended(9.5))


def test_an_item_that_nothing_happened_to_is_waiting() -> None:
    """Everything but what is known beforehand is empty."""
    assert outcome() == ItemResult(
        id="film-1",
        job="encode",
        namespace="default",
        region="",
        state=State.WAITING,
        outcome=None,
        cause=None,
        message="",
        exit_code=None,
        child="",
        eval_id="",
        existing=False,
        attempt=0,
        starts=0,
        dispatched_at=None,
        finished_at=None,
        duration_s=None,
        node="",
        tags=("films",),
        position=FACTS.position,
    )


def test_a_whole_life_is_one_result() -> None:
    """Child, verdict and times come together from the events that knew them."""
    verdict = FAILED
    assert outcome(*LIFE[:4], ended(9.5, verdict)) == ItemResult(
        id="film-1",
        job="encode",
        namespace="default",
        region="",
        state=State.ENDED,
        outcome=Outcome.FAILED,
        cause=Cause.EXIT,
        message="task t: exit code 3 on node n1",
        exit_code=3,
        child=CHILD,
        eval_id="e1",
        existing=False,
        attempt=1,
        starts=4,
        dispatched_at=2,
        finished_at=9.5,
        duration_s=7.5,
        node="n1",
        tags=("films",),
        position=FACTS.position,
        last_log_line="no such codec",
        alloc_id="a1",
        task="t",
    )


@pytest.mark.parametrize(
    ("events", "state", "message"),
    [
        ((sending(1),), State.SENDING, ""),
        ((sending(1), Doubted("film-1", 1, 2, "connection reset")), State.IN_DOUBT, "connection reset"),
        ((sending(1), Repeated("film-1", 1, 2, "no leader")), State.WAITING, "no leader"),
        ((sending(1), Repeated("film-1", 1, 2, "no leader"), sending(3)), State.SENDING, ""),
        ((sending(1), accepted(2)), State.QUEUED, ""),
        ((sending(1), Doubted("film-1", 1, 2, "reset"), accepted(3)), State.QUEUED, ""),
        ((accepted(2), moved(3, State.QUEUED, "no node is eligible")), State.QUEUED, "no node is eligible"),
        ((accepted(2), moved(3, State.RUNNING, "running on node n1")), State.RUNNING, "running on node n1"),
        ((accepted(2), moved(3, State.RUNNING), moved(4, State.QUEUED, "queued")), State.QUEUED, "queued"),
        ((moved(3, State.WAITING, "the canary runs"),), State.WAITING, "the canary runs"),
    ],
)
def test_a_living_item_has_a_state(events: tuple[Event, ...], state: State, message: str) -> None:
    """The last thing that was told of it, with its words."""
    item = outcome(*events)
    assert (item.state, item.outcome, item.message, item.finished_at) == (state, None, message, None)


@pytest.mark.parametrize(
    ("verdict", "standing"), [(UNSENT, State.WAITING), (UNKNOWN, Outcome.UNKNOWN), (FAILED, Outcome.FAILED)]
)
def test_what_was_left_unsent_waits_again_when_the_run_goes_on(verdict: Verdict, standing: State | Outcome) -> None:
    """Until it is sent it counts as nothing else; other ends stay."""
    results = folded(sending(1), ended(2, verdict))
    results.reopen({"film-1": 1})
    counts = {key: number for key, number in results.counts().items() if number and key is not State.ENDED}
    assert (counts, results.item("film-1").outcome or results.item("film-1").state) == ({standing: 1}, standing)
    for event in (sending(3), accepted(4), ended(5)):
        results.apply(event)
    assert results.item("film-1").outcome is Outcome.SUCCEEDED


# In whatever order


@pytest.mark.parametrize(
    "events",
    [
        LIFE,
        (*LIFE, LIFE[1], LIFE[4]),
        (sending(1), Doubted("film-1", 1, 2, "reset"), accepted(30, adopted=True), ended(40, FAILED)),
        (sending(1), Doubted("film-1", 1, 2, "reset"), moved(3, State.RUNNING, "on n1"), accepted(4)),
        (sending(1), ended(5, FAILED, retry_at=8), sending(9, 2), accepted(10, 2, child="c2"), ended(12, OK, 2)),
        (sending(1), ended(5, UNSENT), sending(9), accepted(10), moved(11, State.RUNNING)),
        (accepted(2), ended(5, FAILED, retry_at=8), sending(9, 2), ended(10, FAILED)),
    ],
)
def test_the_order_in_which_events_are_told_does_not_matter(events: tuple[Event, ...]) -> None:
    """Each has its own time: an answer may arrive after the verdict, an event twice."""
    expected = outcome(*events)
    for shuffled in itertools.islice(itertools.permutations(events), 0, None, 7):
        assert outcome(*shuffled) == expected
        assert outcome(*shuffled, *shuffled) == expected


def test_an_answer_after_the_verdict_names_the_child() -> None:
    """The monitor may see a quick child's end before the request for it was answered."""
    item = outcome(sending(1), ended(3), accepted(2))
    assert (item.state, item.child, item.duration_s) == (State.ENDED, CHILD, 1)


def test_a_late_word_on_a_request_does_not_change_a_child_that_runs() -> None:
    """Its doubt, or its answer, comes after the monitor has seen it."""
    item = outcome(moved(3, State.RUNNING, "on n1"), Doubted("film-1", 1, 4, "reset"), accepted(5))
    assert (item.state, item.message) == (State.RUNNING, "on n1")


# Attempts


def test_an_attempt_that_is_followed_by_another_is_no_outcome() -> None:
    """The item waits, and says what it waits after."""
    results = folded(sending(1), accepted(2), ended(5, FAILED, retry_at=8))
    item = results.item("film-1")
    assert (item.state, item.outcome, item.attempt) == (State.WAITING, None, 1)
    assert item.message == "attempt 1 failed, the next one is due: task t: exit code 3 on node n1"
    assert results.counts()[State.WAITING] == 1


def test_the_last_attempt_is_the_items_and_its_starts_are_those_of_all() -> None:
    """Child, times and outcome are the last attempt's."""
    item = outcome(
        accepted(2), ended(5, FAILED, retry_at=8), sending(9, 2), accepted(10, 2, child="c2"), ended(12, OK, 2)
    )
    assert (item.outcome, item.attempt, item.child, item.starts) == (Outcome.SUCCEEDED, 2, "c2", 5)
    assert (item.dispatched_at, item.finished_at, item.duration_s) == (10, 12, 2)


def test_a_retry_that_is_not_made_leaves_the_end_before_it() -> None:
    """The run stopped early: the first attempt's verdict is told once more, without a retry."""
    item = outcome(accepted(2), ended(5, FAILED, retry_at=8), ended(6, FAILED))
    assert (item.outcome, item.attempt, item.finished_at) == (Outcome.FAILED, 1, 6)


def test_a_retry_that_was_sent_and_given_back_leaves_the_end_before_it() -> None:
    """It was definitely not carried out, and the run stopped before it could be repeated."""
    tried = (accepted(2), ended(5, FAILED, retry_at=8), sending(9, 2), Repeated("film-1", 2, 10, "no leader"))
    assert outcome(*tried).state is State.WAITING
    item = outcome(*tried, ended(11, FAILED))
    assert (item.outcome, item.attempt, item.child, item.starts) == (Outcome.FAILED, 1, CHILD, 4)


def test_an_unknown_item_that_is_sent_again_counts_by_its_next_attempt() -> None:
    """The resend is later than the end, so the end is no longer the item's."""
    events = (sending(1), ended(5, UNKNOWN), sending(9, 2))
    assert outcome(*events).state is State.SENDING
    assert outcome(*events, accepted(10, 2), ended(12, OK, 2)).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("verdict", [UNSENT, UNKNOWN])
def test_a_resume_takes_up_unsent_and_unknown_items_again(verdict: Verdict) -> None:
    """They live again under the same attempt, and end anew."""
    results = folded(sending(1), ended(5, verdict), sending(9), accepted(10))
    assert results.item("film-1").state is State.QUEUED
    assert results.counts()[verdict.outcome] == 0
    results.apply(ended(12))
    assert results.item("film-1").outcome is Outcome.SUCCEEDED


def test_an_end_that_is_looked_at_again_is_the_later_one() -> None:
    """A child whose end could not be told was found after all."""
    assert outcome(accepted(2), ended(5, UNKNOWN), ended(9, OK)).outcome is Outcome.SUCCEEDED
    assert outcome(accepted(2), ended(9, OK), ended(5, UNKNOWN)).outcome is Outcome.SUCCEEDED


def test_an_adopted_child_was_dispatched_when_its_request_left() -> None:
    """It may have been found long after."""
    assert outcome(sending(1), accepted(50, adopted=True)).dispatched_at == 1
    assert outcome(accepted(50, adopted=True)).dispatched_at == 50
    assert outcome(sending(1), accepted(2)).dispatched_at == 2


def test_a_child_that_took_the_place_of_a_phantom_is_the_items() -> None:
    """Told of twice, a child keeps the answer that named its evaluation."""
    item = outcome(sending(1), accepted(2, child="phantom"), accepted(9), accepted(20, eval_id="", adopted=True))
    assert (item.child, item.eval_id, item.dispatched_at) == (CHILD, "e1", 9)


def test_an_existing_child_is_marked() -> None:
    """It is another run's."""
    assert outcome(accepted(2, existing=True, eval_id="")).existing


def test_two_children_for_one_attempt_are_told_whatever_else_is() -> None:
    """It must never happen, so nothing hides it."""
    results = folded(accepted(2), Doubled("film-1", 1, 8, ("c1", "c2")), ended(9, FAILED))
    assert results.doubled == ("film-1",)
    assert results.item("film-1").message == "one attempt has 2 children: c1, c2; task t: exit code 3 on node n1"
    assert folded(Doubled("film-1", 1, 8, ("c1", "c2"))).item("film-1").message == "one attempt has 2 children: c1, c2"


# Counts


def test_counts_follow_every_event() -> None:
    """Items are counted by outcome if they have one, else by state."""
    results = Results([ItemFacts(name, "j", "default") for name in "abcd"])
    for event in (sending(1, item="a"), accepted(2, item="b"), ended(3, item="c"), ended(3, FAILED, item="d")):
        results.apply(event)
    counts = results.counts()
    assert {key: count for key, count in counts.items() if count} == {
        State.SENDING: 1,
        State.QUEUED: 1,
        Outcome.SUCCEEDED: 1,
        Outcome.FAILED: 1,
        State.ENDED: 2,
    }
    assert set(counts) == {*State, *Outcome}
    assert (results.total, results.finished) == (4, False)


def test_notices_are_about_no_item() -> None:
    """They change no result."""
    results = folded(Notice(1, NoticeKind.THROTTLED, "429"))
    assert results.item("film-1") == outcome()


def test_an_event_of_another_run_is_an_error() -> None:
    """Nothing is counted that is not of this run."""
    with pytest.raises(KeyError):
        folded(sending(1, item="stranger"))


def test_items_come_in_the_order_they_were_given() -> None:
    """Whatever happened first."""
    results = Results([ItemFacts(name, "j", "default") for name in ("z", "a", "m")])
    results.apply(ended(1, item="m"))
    assert [item.id for item in results.items()] == ["z", "a", "m"]


times = st.integers(1, 30).map(float)
attempts = st.integers(1, 3)
verdicts = st.sampled_from([OK, FAILED, UNSENT, UNKNOWN])
names = st.sampled_from(["a", "b", "c"])
any_event = st.one_of(
    st.builds(Sending, names, attempts, times),
    st.builds(Accepted, names, attempts, times, st.just("c1"), st.just("e1")),
    st.builds(Doubted, names, attempts, times, st.just("reset")),
    st.builds(Repeated, names, attempts, times, st.just("no leader")),
    st.builds(Moved, names, attempts, times, st.sampled_from([State.QUEUED, State.RUNNING])),
    st.builds(Ended, names, attempts, times, verdicts, st.none() | times),
    st.builds(Doubled, names, attempts, times, st.just(("c1", "c2"))),
)


def fold_all(events: list[Event]) -> Results:
    results = Results([ItemFacts(name, "j", "default") for name in "abc"])
    for event in events:
        results.apply(event)
    return results


@settings(max_examples=100, deadline=None)
@given(st.lists(any_event, max_size=20, unique_by=lambda event: event.at), st.randoms(use_true_random=False))
def test_events_of_distinct_times_fold_alike_in_any_order(events: list[Event], random) -> None:
    """Items and counts are the same, and the counts always add up."""
    shuffled = random.sample(events, len(events))
    once, again = fold_all(events), fold_all(shuffled + events)
    assert list(once.items()) == list(again.items())
    assert once.counts() == again.counts()
    ends = sum(once.counts()[outcome] for outcome in Outcome)
    living = sum(once.counts()[state] for state in State if state is not State.ENDED)
    assert (ends, ends + living) == (once.counts()[State.ENDED], 3)


@settings(max_examples=100, deadline=None)
@given(st.lists(any_event, max_size=20), st.data())
def test_events_of_independent_items_may_be_interleaved_at_will(events: list[Event], data: st.DataObject) -> None:
    """Only the order within an item can matter, and there only for events of one instant."""
    queues = {name: [event for event in events if event.item == name] for name in "abc"}
    woven: list[Event] = []
    while any(queues.values()):
        name = data.draw(st.sampled_from(sorted(name for name, queue in queues.items() if queue)))
        woven.append(queues[name].pop(0))
    assert list(fold_all(woven).items()) == list(fold_all(events).items())


@settings(max_examples=50, deadline=None)
@given(st.lists(any_event, max_size=20))
def test_an_items_standing_is_what_it_is_counted_by(events: list[Event]) -> None:
    """Results, counts and summary never disagree."""
    results = fold_all(events)
    counts = results.counts()
    for standing in (*State, *Outcome):
        if standing is not State.ENDED:
            assert counts[standing] == sum((item.outcome or item.state) == standing for item in results.items())
    summary = summarize(results, RUN, state="finished", finished_at=1_795_350_700.0)
    assert json.dumps(summary_json(summary))


def blocked(item: str, at: float = 2.0, message: str = "queued: memory exhausted on 1 node") -> Moved:
    return Moved(item, 1, at, State.QUEUED, message, blocked=True)


def two_jobs() -> Results:
    jobs = {"a": "encode", "b": "encode", "c": "other"}
    results = Results([replace(FACTS, id=item, job=job) for item, job in jobs.items()])
    for item in "abc":
        results.apply(accepted(1.0, item=item))
    return results


def test_one_item_says_why_all_of_its_job_are_queued() -> None:
    """The others of the job are counted, those of other jobs are not."""
    results = two_jobs()
    results.apply(blocked("a"))
    assert results.waits() == (JobWait("encode", "default", "", "a", "queued: memory exhausted on 1 node", 2),)


@pytest.mark.parametrize("event", [moved(3.0, State.RUNNING, item="a"), ended(3.0, FAILED, item="a")])
def test_a_job_waits_no_more_once_its_item_goes_on(event: Event) -> None:
    """Until another of its items is asked, nobody knows what these wait for."""
    results = two_jobs()
    results.apply(blocked("a"))
    results.apply(event)
    assert results.waits() == ()


def test_what_another_item_does_says_nothing_of_it() -> None:
    """It still waits for the same."""
    results = two_jobs()
    results.apply(blocked("a"))
    results.apply(moved(3.0, State.RUNNING, item="b"))
    assert [(wait.item, wait.items) for wait in results.waits()] == [("a", 1)]


def test_reasons_for_extra_starts_are_those_of_all_attempts() -> None:
    """As the starts are; each is given once."""
    first = replace(FAILED, starts=2, extra_starts=(ExtraStart.NODE_LOST,))
    last = replace(OK, starts=3, extra_starts=(ExtraStart.NODE_LOST, ExtraStart.RESTART))
    results = Results([replace(FACTS, max_starts=4)])
    for event in (ended(5.0, first, retry_at=6.0), ended(9.0, last, attempt=2)):
        results.apply(event)
    item = results.item("film-1")
    assert (item.starts, item.max_starts, item.is_over_max_starts) == (5, 4, True)
    assert item.extra_starts == (ExtraStart.NODE_LOST, ExtraStart.RESTART)
