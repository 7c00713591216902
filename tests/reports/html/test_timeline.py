"""The timeline and the charts of a run: which parts stand where."""

from dataclasses import replace

import pytest

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.reports.html.axis import Tick, TimeAxis, axis_of, tick_label
from dispatchfile.reports.html.charts import Histogram, histogram_of, outcome_parts, states_over_time
from dispatchfile.reports.html.timeline import Bar, TimelineRow, drawn, end_of, item_rows, node_rows, spans_of
from dispatchfile.results.figures import durations_of
from tests.reports.html.runs import GOOD, Attempt, Story, bad, detail_of, story_of, without_journal

HUNDRED = TimeAxis(100.0)
RETRIED: Story = {"film-1": [Attempt(10, 20, 30, bad(), retry=True), Attempt(40, None, 50, GOOD)]}
UNPLACED = Verdict(Outcome.UNPLACED, Cause.NO_CAPACITY, "no node")


def rows_of(story: Story, **how: object) -> list[TimelineRow]:
    return item_rows(spans_of(detail_of(story, **how)), HUNDRED)


def test_each_attempt_is_queued_and_then_runs() -> None:
    """Grey until it was seen running, then in the colour of its outcome; its attempts and starts are told behind it."""
    (row,) = rows_of(RETRIED)
    assert row.bars == [
        Bar("10%", "10%", "queued"),
        Bar("20%", "10%", "bad"),
        Bar("40%", "10%", "good unseen"),
    ]
    assert row.note == "2 attempts, 3 starts"
    assert row.title == (
        "film-1: failed (exit 3), queued 10s, ran 10s, 2 starts, on node-1\n"
        "film-1, attempt 2: succeeded, queued and ran 10s, on node-1"
    )


@pytest.mark.parametrize(
    ("attempt", "bars"),
    [
        pytest.param(
            Attempt(10, None, 30, UNPLACED), [Bar("10%", "20%", "queued"), Bar("30%", "0.15%", "bad")], id="never-ran"
        ),
        pytest.param(Attempt(10, None, None, None), [Bar("10%", "50%", "queued")], id="queued"),
        pytest.param(
            Attempt(10, 20, None, None), [Bar("10%", "10%", "queued"), Bar("20%", "40%", "living")], id="running"
        ),
        pytest.param(Attempt(10, None, 30, bad()), [Bar("10%", "20%", "bad unseen")], id="not-seen-running"),
        pytest.param(Attempt(99, 99, 100, GOOD), [Bar("99%", "1%", "good")], id="at-the-end"),
        pytest.param(Attempt(100, 100, 100, GOOD), [Bar("99.85%", "0.15%", "good")], id="shorter-than-a-line"),
        pytest.param(Attempt(20, 15, 10, GOOD), [Bar("20%", "0.15%", "good")], id="clock-set-back"),
    ],
)
def test_a_bar_shows_what_was_seen(attempt: Attempt, bars: list[Bar]) -> None:
    """What spans goes on until the run was read; nothing is too short to be seen, and nothing leaves the chart."""
    (row,) = rows_of({"a": [attempt]}, state="running", ended_after=60)
    assert row.bars == bars


def test_without_a_journal_the_last_attempt_is_shown() -> None:
    """From its dispatch to its end, which is all that a summary has."""
    detail = without_journal(detail_of({"a": [Attempt(10, 20, 30, GOOD)]}).summary)
    (row,) = item_rows(spans_of(detail), HUNDRED)
    assert row.bars == [Bar("10%", "20%", "good unseen")]


def test_what_was_seen_after_the_run_is_on_the_axis() -> None:
    """`watch` may see the end of a job long after its run."""
    detail = detail_of({"a": [Attempt(1, 2, 500, GOOD)]}, ended_after=10)
    assert end_of(detail, spans_of(detail)) == 500


def test_items_that_ran_at_once_on_a_node_have_lines_of_their_own() -> None:
    """One that began when another had ended shares its line; names are in the order of their numbers."""
    story = {
        "a": [Attempt(0, 1, 10, replace(GOOD, node="node-10"))],
        "b": [Attempt(5, 6, 20, replace(GOOD, node="node-10"))],
        "c": [Attempt(10, 11, 20, replace(GOOD, node="node-10"))],
        "d": [Attempt(0, 1, 10, replace(GOOD, node="node-9"))],
        "e": [Attempt(0, None, None, None)],
    }
    nodes = node_rows(spans_of(detail_of(story, state="running", ended_after=30)), HUNDRED)
    assert [(node.name, node.count, len(node.lanes)) for node in nodes] == [
        ("node-9", "1 attempt", 1),
        ("node-10", "3 attempts", 2),
        ("node not known", "1 attempt", 1),
    ]


def test_of_many_items_the_failed_and_the_slowest_are_drawn() -> None:
    """Up to 500 items have a row each; of more, at most 200 that did not succeed and the 100 slowest of the others."""
    few, many = (detail_of(story_of(count)).summary.items for count in (500, 5_000))
    shown = drawn(many)
    bad_items = [item for place in shown if (item := many[place]).outcome is Outcome.FAILED]
    slowest = min(many[place].duration_s or 0 for place in shown if many[place].outcome is Outcome.SUCCEEDED)
    others = [item for place, item in enumerate(many) if place not in shown and item.outcome is Outcome.SUCCEEDED]
    assert (len(drawn(few)), len(shown), len(bad_items)) == (500, 300, 200)
    assert max(item.duration_s or 0 for item in others) <= slowest


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (0.0, ["0", "0.1s"]),
        (1.0, ["0", "0.2s", "0.4s", "0.6s", "0.8s", "1s"]),
        (75.0, ["0", "15s", "30s", "45s", "1m", "1m15s"]),
        (7_300.0, ["0", "30m", "1h", "1h30m", "2h"]),
        (9 * 86_400.0, ["0", "2d", "4d", "6d", "8d"]),
        (4_000 * 86_400.0, ["0", "4000d"]),
    ],
)
def test_an_axis_has_few_round_numbers(seconds: float, labels: list[str]) -> None:
    """From a tenth of a second to years."""
    assert [tick.label for tick in axis_of(seconds).ticks] == labels


def test_a_tick_stands_at_its_share() -> None:
    """In percent of the width, so that a chart has no size of its own."""
    assert TimeAxis(40.0).ticks == [Tick(f"{25 * n}%", tick_label(10 * n)) for n in range(5)]


def test_the_parts_of_the_outcome_bar_fill_it() -> None:
    """Outcomes first, then the states of what spans."""
    story = {"a": [Attempt(1, 2, 3, GOOD)], "b": [Attempt(1, 2, 3, bad())], "c": [Attempt(1, 2, None, None)]}
    parts = outcome_parts(detail_of({**story, "d": [Attempt(1, 2, 3, GOOD)]}, state="running").summary)
    assert [(part.bar, part.count, part.name) for part in parts] == [
        (Bar("0%", "50%", "good"), "2", "succeeded"),
        (Bar("50%", "25%", "bad"), "1", "failed"),
        (Bar("75%", "25%", "living"), "1", "queued"),
    ]


def test_states_over_time_count_every_item_once() -> None:
    """A retried item counts as ended only after its last attempt."""
    states = states_over_time(spans_of(detail_of(RETRIED)), 1, HUNDRED)
    at = {area.tone: [point.split(",")[1] for point in area.points.split()[:241]] for area in states.areas}
    seen = [tuple(tone for tone in at if _height(states, tone, number)) for number in (0, 36, 60, 80, 108, 130)]
    assert seen == [(), ("queued",), ("living",), (), ("queued",), ("good",)]
    assert (states.total, states.most_running) == ("1", "1")


def _height(states, tone: str, number: int) -> bool:
    points = next(area.points.split() for area in states.areas if area.tone == tone)
    upper, lower = points[number], points[2 * 241 - 1 - number]
    return upper.split(",")[1] != lower.split(",")[1]


def histogram(*spans: float) -> Histogram:
    items = detail_of({f"i{n}": [Attempt(0, 0, span, GOOD)] for n, span in enumerate(spans)}).summary.items
    durations = durations_of(items)
    assert durations is not None
    return histogram_of(items, durations)


def test_a_histogram_has_a_column_for_what_takes_far_longer() -> None:
    """Else one slow item would press all others into the first column."""
    chart = histogram(*[10.0] * 99, 3_600.0)
    assert chart.bins[-1].title == "over 28s, up to 1h00m: 1 item"
    assert [(mark.x, mark.name) for mark in chart.marks] == [("33.33%", "median"), ("33.33%", "95th percentile")]


def test_items_of_one_duration_have_one_column() -> None:
    """Even if it is zero."""
    assert [bin_.good_height for bin_ in histogram(0.0).bins] == ["100%", "0%"]
