"""When the next request may leave."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.flow import Finished, Flow, Pause, Ticket, parent_of
from dispatchfile.settings import Rate, Settings, Share
from tests.making import make_item

DEFAULTS = Settings()
SUCCEEDED = Verdict(Outcome.SUCCEEDED)
FAILED = Verdict(Outcome.FAILED, Cause.EXIT, exit_code=3)


def tickets(*ids: str, **options) -> list[Ticket]:
    return [Ticket(make_item(item_id, **options), 1) for item_id in ids]


def proven(sent: list[Ticket], settings: Settings = DEFAULTS, **options) -> Flow:
    flow = Flow(sent, settings, **options)
    for ticket in sent:
        flow.prove(parent_of(ticket.item))
    return flow


def take(flow: Flow, now: float = 0.0) -> list[str]:
    """The ids of all tickets that may leave just now."""
    ids = []
    while isinstance(step := flow.next(now), Ticket):
        ids.append(step.item.id)
    return ids


def test_items_leave_in_the_given_order():
    """The order handed in is the order to send."""
    assert take(proven(tickets("c", "a", "b"))) == ["c", "a", "b"]


def test_concurrency_bounds_requests_under_way():
    """No more requests than allowed are under way; an answer makes room for one."""
    sent = tickets("a", "b", "c")
    flow = proven(sent, Settings(concurrency=2))
    assert take(flow) == ["a", "b"]
    assert flow.next(0.0) == Pause(None)
    flow.accepted(sent[0])
    assert take(flow) == ["c"]


def test_in_flight_bounds_items_without_outcome():
    """A child that lives holds its place until it has its verdict."""
    sent = tickets("a", "b", "c")
    flow = proven(sent, Settings(in_flight=2))
    take(flow)
    flow.accepted(sent[0])
    assert flow.next(0.0) == Pause(None)
    flow.ended(sent[0], SUCCEEDED, 1.0)
    assert take(flow, 1.0) == ["c"]


def test_rate_spaces_dispatches():
    """Ten a second means the eleventh leaves a second after the first."""
    flow = proven(tickets(*(f"i{n}" for n in range(12))), Settings(rate=Rate(10, 1), concurrency=64))
    now, left_at = 0.0, []
    while len(left_at) < 11:
        step = flow.next(now)
        if isinstance(step, Ticket):
            left_at.append(now)
        else:
            assert isinstance(step, Pause)
            assert step.until is not None
            now = step.until
    assert round(left_at[10] - left_at[0], 6) == 1.0


def test_a_rate_never_lets_more_leave_in_any_second():
    """However late the flow is asked, no second sees more than the rate and its small burst."""
    flow = proven(tickets(*(f"i{n}" for n in range(100))), Settings(rate=Rate(20, 1), concurrency=64))
    take(flow, 0.0)
    assert len(take(flow, 50.0)) <= 2


def test_a_parents_dispatches_go_singly_until_the_prefix_is_proven():
    """A server before 1.4.2 ignores prefixes: one dispatch shows it before a second could be lost."""
    flow = Flow(tickets("a", "b"), Settings())
    assert take(flow) == ["a"]
    flow.prove(("default", "", "encode"))
    assert take(flow) == ["b"]


def test_an_unproven_parent_does_not_hold_up_another():
    """Each parent is proven by itself."""
    flow = Flow([*tickets("a", "b"), *tickets("x", job="other")], Settings())
    assert take(flow) == ["a", "x"]


def test_a_repeated_ticket_leaves_before_later_ones():
    """What was surely not sent keeps its place in the order."""
    sent = tickets("a", "b", "c")
    flow = proven(sent, Settings(concurrency=1))
    assert take(flow) == ["a"]
    flow.repeat(sent[0], 0.0)
    assert take(flow) == ["a"]


def test_slowing_down_pauses_the_whole_run_and_halves_the_concurrency():
    """A throttled request slows everything: a pause first, then fewer requests at a time."""
    flow = proven(tickets("a", "b", "c", "d"), Settings(concurrency=4))
    pause = flow.slow_down(10.0)
    assert flow.next(10.0) == Pause(10.0 + pause)
    assert len(take(flow, 10.0 + pause)) == 2


def test_many_throttled_answers_at_once_slow_down_once():
    """Sixteen answers of one burst are one sign, not sixteen."""
    flow = proven(tickets("a"), Settings(concurrency=16))
    for _ in range(16):
        flow.slow_down(10.0)
    assert flow.concurrency == 8


def test_speed_comes_back_after_a_slow_down():
    """Accepted requests raise the concurrency step by step to what was asked."""
    sent = tickets(*(f"i{n}" for n in range(60)))
    flow = proven(sent, Settings(concurrency=4))
    flow.slow_down(0.0)
    by_id = {ticket.item.id: ticket for ticket in sent}
    for _ in range(30):
        for item_id in take(flow, 100.0):
            flow.accepted(by_id[item_id])
    assert flow.concurrency == 4


def test_a_retry_is_a_new_attempt_after_its_delay():
    """A failed item with attempts left leaves again, as attempt 2, once the delay has passed."""
    sent = tickets("a", attempts=2, delay_s=30)
    flow = proven(sent)
    take(flow)
    flow.accepted(sent[0])
    assert flow.ended(sent[0], FAILED, 5.0) == 35.0
    assert flow.next(5.0) == Pause(35.0)
    assert flow.next(35.0) == Ticket(sent[0].item, 2)


def test_a_retry_follows_outcomes_and_causes_it_names_only():
    """`retry.on` names outcomes or causes; anything else is final."""
    sent = tickets("a", attempts=2, retry_on=frozenset({"oom"}))
    flow = proven(sent)
    take(flow)
    flow.accepted(sent[0])
    assert flow.ended(sent[0], Verdict(Outcome.FAILED, Cause.OOM), 0.0) == 0.0
    assert flow.ended(Ticket(sent[0].item, 1), FAILED, 0.0) is None


def test_attempts_are_used_up():
    """The last attempt's verdict is final."""
    sent = tickets("a", attempts=2)
    flow = proven(sent)
    take(flow)
    flow.accepted(sent[0])
    flow.ended(sent[0], FAILED, 0.0)
    again = flow.next(0.0)
    assert again == Ticket(sent[0].item, 2)
    flow.accepted(again)
    assert flow.ended(again, FAILED, 0.0) is None
    assert flow.next(0.0) == Finished()


def test_canaries_go_first_and_alone():
    """The rest waits until every canary has ended well."""
    sent = tickets("a", "b", "c")
    flow = proven(sent, canaries=["a", "b"])
    assert take(flow) == ["a", "b"]
    for ticket in sent[:2]:
        flow.accepted(ticket)
    flow.ended(sent[0], SUCCEEDED, 0.0)
    assert flow.next(0.0) == Pause(None)
    flow.ended(sent[1], SUCCEEDED, 0.0)
    assert take(flow) == ["c"]


def test_a_failed_canary_ends_the_run():
    """One canary that does not end well leaves the rest unsent, with the cause."""
    sent = tickets("a", "b", "c")
    flow = proven(sent, canaries=["a"])
    take(flow)
    flow.accepted(sent[0])
    flow.ended(sent[0], FAILED, 0.0)
    assert flow.stopped is Cause.CANARY
    assert [ticket.item.id for ticket in flow.drain()[0]] == ["b", "c"]
    assert flow.next(0.0) == Finished()


def test_stop_on_counts_failures_over_the_limit():
    """With 1 allowed, the second failure starts nothing more."""
    sent = tickets("a", "b", "c", "d")
    flow = proven(sent, Settings(stop_on=Share(count=1), concurrency=2), selected=4)
    take(flow)
    for ticket in sent[:2]:
        flow.accepted(ticket)
    flow.ended(sent[0], FAILED, 0.0)
    assert flow.stopped is None
    flow.ended(sent[1], Verdict(Outcome.REFUSED), 0.0)
    assert flow.stopped is Cause.STOP_ON


def test_stop_on_takes_a_percentage_of_the_selected_items():
    """25 % of four items is one: the second failure is more than that."""
    sent = tickets("a", "b", "c", "d")
    flow = proven(sent, Settings(stop_on=Share(percent=25)), selected=4)
    take(flow)
    for ticket in sent:
        flow.accepted(ticket)
    flow.ended(sent[0], FAILED, 0.0)
    assert flow.stopped is None
    flow.ended(sent[1], FAILED, 0.0)
    assert flow.stopped is Cause.STOP_ON


def test_a_failure_with_attempts_left_does_not_count():
    """Only retries used up make a failure for stop_on."""
    sent = tickets("a", attempts=2)
    flow = proven(sent, Settings(stop_on=Share(count=0)), selected=1)
    take(flow)
    flow.accepted(sent[0])
    flow.ended(sent[0], FAILED, 0.0)
    assert flow.stopped is None


def test_draining_tells_never_sent_from_waiting_for_a_retry():
    """An item between two attempts has been sent: it is not unsent."""
    sent = tickets("a", "b", attempts=2, delay_s=60)
    flow = proven(sent, Settings(concurrency=1))
    take(flow)
    flow.accepted(sent[0])
    flow.ended(sent[0], FAILED, 0.0)
    flow.stop(Cause.INTERRUPTED)
    unsent, retries = flow.drain()
    assert [ticket.key for ticket in unsent] == [("b", 1)]
    assert [ticket.key for ticket in retries] == [("a", 2)]


def test_upcoming_tells_what_leaves_next_without_taking_it():
    """The block to mark on record is what will leave soon, in order."""
    flow = proven(tickets("a", "b", "c"))
    assert [ticket.item.id for ticket in flow.upcoming(2)] == ["a", "b"]
    assert take(flow) == ["a", "b", "c"]


@given(
    st.lists(st.sampled_from("xyz"), max_size=40), st.integers(0, 40), st.lists(st.integers(0, 40)), st.integers(1, 50)
)
def test_upcoming_is_what_leaves_next_whatever_has_gone_back(jobs, left, returned, count):
    """Some of several jobs' items have left, some of those wait again: the order stays that of the run."""
    sent = [ticket for number, job in enumerate(jobs) for ticket in tickets(f"i{number}", job=job)]
    flow = proven(sent, Settings(concurrency=64))
    gone = list(itertools.takewhile(lambda step: isinstance(step, Ticket), (flow.next(0.0) for _ in range(left))))
    for ticket in [gone[place] for place in dict.fromkeys(returned) if place < len(gone)]:
        flow.repeat(ticket, 0.0)
    upcoming = [ticket.item.id for ticket in flow.upcoming(count)]
    assert upcoming == take(flow)[:count]


def test_a_stopped_run_lets_nothing_leave():
    """After a stop the flow only waits for what is in flight."""
    sent = tickets("a", "b")
    flow = proven(sent, Settings(concurrency=1))
    take(flow)
    flow.stop(Cause.INTERRUPTED)
    assert flow.next(0.0) == Pause(None)
    assert not flow.repeat(sent[0], 0.0)
    flow.drain()
    assert flow.next(0.0) == Finished()
