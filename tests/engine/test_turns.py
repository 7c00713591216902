"""Whose turn it is: order, jobs, canaries, marks, retries, and what stops a run."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from dispatchfile.engine.commands import Finish, MarkAttempts, Send, Want
from dispatchfile.engine.happenings import (
    Answered,
    Durable,
    FailureKind,
    InterruptRequested,
    NotSent,
    Offer,
    Refused,
    RequestFailure,
    Woken,
)
from dispatchfile.engine.lifecycle.attempt import offered_attempt
from dispatchfile.engine.lifecycle.lines import Lines
from dispatchfile.engine.spec import Start
from dispatchfile.events import Cause, Ended, Outcome
from dispatchfile.settings import Settings, Share, Wait
from tests.engine.cores import DETACH, Core, make_spec
from tests.making import make_item

NO = RequestFailure(FailureKind.REFUSED, "no")


def items(*ids: str, **options):
    return [make_item(item_id, **options) for item_id in ids]


def answer(core: Core, *ids: str) -> None:
    """Nomad accepts the requests of these items."""
    for send in [send for send in core.take(Send) if send.key[0] in ids]:
        core.happen(Answered(send.key, send.serial, f"encode/dispatch-{send.prefix}-1795000000-00000001", "eval"))


def begin(ids, settings=DETACH, **options) -> Core:
    return Core(make_spec(ids, settings, **options))


def test_items_leave_in_the_given_order():
    """The order handed in is the order to send; the first one alone, as it proves the job's prefix."""
    core = begin(items("c", "a", "b"))
    answer(core, "c")
    assert core.sent() == ["a", "b"]


def test_a_jobs_dispatches_go_singly_until_its_prefix_is_proven():
    """A server before 1.4.2 ignores prefixes: one dispatch shows it before a second could be lost."""
    core = begin(items("a", "b"))
    assert [send.key for send in core.commands if isinstance(send, Send)] == [("a", 1)]
    answer(core, "a")
    assert core.sent() == ["b"]


def test_a_job_that_is_not_proven_holds_up_no_other():
    """Each job is proven by itself."""
    assert begin([*items("a", "b"), *items("x", job="other")]).sent() == ["a", "x"]


def test_items_of_another_job_are_wanted_while_one_job_waits():
    """However many items of the job that waits come before them."""
    core = begin([*items(*(f"i{number:03}" for number in range(500))), *items("x", job="other")])
    assert core.sent() == ["i000", "x"]


def test_only_a_window_of_items_is_wanted():
    """The others stay where items come from."""
    spec = make_spec(items(*(f"i{number:03}" for number in range(1_000))))
    wanted = []
    take = spec.source.take

    def taking(count, without=()):
        taken = take(count, without)
        wanted.append(len(taken))
        return taken

    spec.source.take = taking
    Core(spec, keeps_marks=True)
    assert sum(wanted) == 128


def test_a_repeated_attempt_leaves_before_later_ones():
    """What was definitely not sent keeps its place in the order, and its mark."""
    core = begin(items("a", "b", "c"), Settings(wait=Wait.DETACH, in_flight=None, concurrency=1))
    (send,) = core.take(Send)
    core.take(MarkAttempts)
    core.happen(NotSent(send.key, send.serial, RequestFailure(FailureKind.UNAVAILABLE, "refused")))
    core.now = core.core.wake_at
    core.happen(Woken())
    assert (core.sent(), core.take(MarkAttempts)) == (["a"], [])


def test_nothing_leaves_before_its_mark_is_durable():
    """The write-ahead rule."""
    core = Core(make_spec(items("a", "b")), keeps_marks=True)
    (mark,) = core.take(MarkAttempts)
    assert (mark.keys, core.sent()) == ((("a", 1), ("b", 1)), [])
    core.happen(Durable(mark.serial))
    assert core.sent() == ["a"]


def test_the_next_block_is_marked_when_half_of_one_is_left():
    """A request hardly ever has to wait for the disk."""
    settings = Settings(wait=Wait.DETACH, in_flight=None, concurrency=64)
    core = begin(items(*(f"i{number:03}" for number in range(200))), settings)
    blocks = [len(mark.keys) for mark in core.take(MarkAttempts)]
    answer(core, "i000")
    blocks += [len(mark.keys) for mark in core.take(MarkAttempts)]
    assert blocks == [64, 32, 32]


def test_a_stop_while_a_mark_is_written_ends_the_attempts_behind_it():
    """The journal takes the ends after the mark; none of the attempts leaves when that is durable."""
    core = Core(make_spec(items("a", "b")), keeps_marks=True)
    (mark,) = core.take(MarkAttempts)
    core.happen(InterruptRequested())
    assert core.ends() == {"a": "unsent", "b": "unsent"}
    assert core.take(Finish) == []
    core.happen(Durable(mark.serial))
    assert (core.sent(), core.take(Finish)) == ([], [Finish()])


def test_the_intent_of_a_retry_goes_with_its_mark():
    """A first attempt's is on record before the run begins."""
    core = Core(make_spec(items("a", attempts=2), starts={"a": Start(2, retry_at=1_000.0)}), keeps_marks=True)
    (mark,) = core.take(MarkAttempts)
    assert [(intent.item, intent.attempt, intent.prefix) for intent in mark.intents] == [("a", 2, "run1-a-2")]


def test_canaries_go_first_and_alone():
    """The rest waits until every canary has ended well."""
    core = begin(items("a", "b", "c"), canaries=["a", "b"])
    answer(core, "a")
    assert core.sent() == ["b"]


def test_a_canary_that_does_not_succeed_leaves_the_rest_unsent():
    """The other items are unsent with the cause canary."""
    core = begin(items("a", "b", "c"), canaries=["a"])
    (send,) = core.take(Send)
    core.happen(Refused(send.key, send.serial, NO))
    causes = {event.item: event.verdict.cause for event in core.events if isinstance(event, Ended)}
    assert causes == {"a": Cause.VALIDATION, "b": Cause.CANARY, "c": Cause.CANARY}
    assert core.take(Finish) == [Finish()]


def test_stop_on_takes_a_percentage_of_the_selected_items():
    """25 % of four items is one: the second failure is more than that."""
    core = begin(items("a", "b", "c", "d"), Settings(wait=Wait.DETACH, in_flight=None, stop_on=Share(percent=25)))
    for expected in ("a", "b"):
        (send,) = core.take(Send)
        assert send.key == (expected, 1)
        core.happen(Refused(send.key, send.serial, NO))
    assert core.ends() == {"a": "refused", "b": "refused", "c": "unsent", "d": "unsent"}


def test_a_retry_is_a_new_attempt_after_its_delay():
    """A refused item with attempts left leaves again, as attempt 2, once the delay has passed."""
    core = begin(items("a", attempts=2, delay_s=30, retry_on=frozenset({"refused"})))
    (send,) = core.take(Send)
    core.happen(Refused(send.key, send.serial, NO))
    (end,) = [event for event in core.events if isinstance(event, Ended)]
    assert (end.retry_at, core.core.wake_at) == (1_030.0, 1_030.0)
    core.now = 1_030.0
    core.happen(Woken())
    assert [send.key for send in core.take(Send)] == [("a", 2)]


def test_a_retry_follows_outcomes_and_causes_it_names_only():
    """`retry.on` names outcomes or causes; anything else is final."""
    core = begin(items("a", attempts=2, retry_on=frozenset({"permission"})))
    (send,) = core.take(Send)
    core.happen(Refused(send.key, send.serial, NO))
    assert [event.retry_at for event in core.events if isinstance(event, Ended)] == [None]


def test_an_unmarked_retry_is_left_to_a_resume():
    """It keeps the time that is on record with the end before it."""
    core = begin(items("a", "b", attempts=2, delay_s=60, retry_on=frozenset({"refused"})))
    (send,) = core.take(Send)
    core.happen(Refused(send.key, send.serial, NO))
    core.happen(InterruptRequested())
    ends = [(event.item, event.attempt, event.verdict.outcome) for event in core.events if isinstance(event, Ended)]
    assert ends == [("a", 1, Outcome.REFUSED)]


def test_a_batch_of_nothing_is_over_at_once():
    """There is nothing to want."""
    assert begin([]).take(Finish) == [Finish()]


@given(
    st.lists(st.sampled_from("xyz"), max_size=40), st.integers(0, 40), st.lists(st.integers(0, 40)), st.integers(1, 50)
)
def test_upcoming_is_what_leaves_next_whatever_has_gone_back(jobs, left, returned, count):
    """Some of several jobs' attempts have left, some of those wait again: the order stays that of the run."""
    lines = Lines()
    for rank, job in enumerate(jobs):
        lines.confirm_prefix(make_item(f"i{rank}", job=job).request.job_key)
        lines.add(offered_attempt(Offer(rank, make_item(f"i{rank}", job=job), Start())))
    gone = list(itertools.islice(leaving(lines), left))
    for attempt in [gone[place] for place in dict.fromkeys(returned) if place < len(gone)]:
        lines.add(attempt)
    upcoming = lines.upcoming(count)
    assert upcoming == list(itertools.islice(leaving(lines), count))


def leaving(lines):
    while (head := lines.head()) is not None:
        lines.leave(head)
        yield head


def test_wanting_names_the_jobs_that_must_wait():
    """Nothing of them could leave."""
    wants = []

    class Watching(Core):
        def _carry_out(self, command):
            if isinstance(command, Want):
                wants.append(command)
            super()._carry_out(command)

    ids = items(*(f"i{number:03}" for number in range(300)))
    Watching(make_spec(ids))
    assert [(want.count, set(want.without)) for want in wants] == [(128, set()), (128, {ids[0].request.job_key})]


def test_a_run_that_has_stopped_is_not_woken_for_what_waited():
    """A pause, and a retry's time, mean nothing any more."""
    core = begin(items("a", "b", attempts=2, delay_s=60, retry_on=frozenset({"refused"})))
    (send,) = core.take(Send)
    core.happen(Refused(send.key, send.serial, NO))
    (send,) = core.take(Send)
    core.happen(NotSent(send.key, send.serial, RequestFailure(FailureKind.THROTTLED, "429")))
    assert core.core.wake_at == 1_000.25
    core.happen(InterruptRequested())
    assert core.core.wake_at is None
