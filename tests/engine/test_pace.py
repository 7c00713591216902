"""The number of requests that may leave, and their rate."""

from dispatchfile.engine.lifecycle.pace import Blocked, Pace
from dispatchfile.settings import Rate, Settings


def make_pace(settings: Settings = Settings(), jitter: float = 0.5) -> Pace:  # noqa: B008  a frozen value
    return Pace(settings, lambda: jitter)


def leave_all(pace: Pace, now: float = 0.0) -> int:
    """Let go what may leave just now; how many that are."""
    count = 0
    while pace.blocker(now) is None:
        pace.leave()
        count += 1
    return count


def test_concurrency_bounds_requests_under_way():
    """No more requests than allowed are under way; an answer makes room for one."""
    pace = make_pace(Settings(concurrency=2))
    assert leave_all(pace) == 2
    assert pace.blocker(0.0) is Blocked.FULL
    pace.answer()
    assert leave_all(pace) == 1


def test_in_flight_bounds_items_without_outcome():
    """A child that lives holds its place until it has its verdict."""
    pace = make_pace(Settings(in_flight=2))
    pace.in_flight = 2
    assert pace.blocker(0.0) is Blocked.FULL
    pace.in_flight = 1
    assert pace.blocker(0.0) is None


def test_a_rate_spaces_dispatches():
    """Ten a second means the eleventh leaves a second after the first."""
    pace, now, left_at = make_pace(Settings(rate=Rate(10, 1), concurrency=64)), 0.0, []
    while len(left_at) < 11:
        blocker = pace.blocker(now)
        if blocker is None:
            pace.leave()
            left_at.append(now)
        else:
            assert isinstance(blocker, float)
            now = blocker
    assert round(left_at[10] - left_at[0], 6) == 1.0


def test_a_rate_never_lets_more_leave_in_any_second():
    """However late it is asked, no second sees more than the rate and its small burst."""
    pace = make_pace(Settings(rate=Rate(20, 1), concurrency=64))
    leave_all(pace, 0.0)
    assert leave_all(pace, 50.0) == 2


def test_slowing_down_pauses_everything_and_halves_the_concurrency():
    """A throttled request slows everything: a pause first, then fewer requests at a time."""
    pace = make_pace(Settings(concurrency=4))
    pace.slow_down(10.0)
    assert pace.blocker(10.0) == 10.25
    assert leave_all(pace, 10.25) == 2


def test_many_throttled_answers_at_once_slow_down_once():
    """Sixteen answers of one burst are one sign, not sixteen."""
    pace = make_pace(Settings(concurrency=16))
    for _ in range(16):
        pace.slow_down(10.0)
    assert pace.concurrency == 8


def test_pauses_grow_to_ten_seconds():
    """Each slow down after a pause doubles the next one."""
    pace, now, pauses = make_pace(), 0.0, []
    for _ in range(8):
        pace.slow_down(now)
        until = pace.blocker(now)
        pauses.append(until - now)
        now = until
    assert [round(pause, 6) for pause in pauses] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_speed_comes_back_after_a_slow_down():
    """Accepted requests raise the concurrency step by step to what was asked."""
    pace = make_pace(Settings(concurrency=4))
    pace.slow_down(0.0)
    for _ in range(30):
        pace.speed_up()
    assert pace.concurrency == 4
