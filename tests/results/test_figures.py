"""The figures of a run: how long items took, and how those of one job, node or tag ended."""

from dataclasses import replace

import pytest

from dispatchfile.events import Cause, Outcome, State
from dispatchfile.results import ItemResult
from dispatchfile.results.figures import Durations, GroupFigures, by_interest, figures_of, name_order, nearest_rank


def item(
    name: str, outcome: Outcome | None = Outcome.SUCCEEDED, took: float | None = 10.0, **facts: object
) -> ItemResult:
    plain = ItemResult(
        id=name,
        job="encode",
        namespace="default",
        region="",
        state=State.ENDED if outcome else State.RUNNING,
        outcome=outcome,
        cause=Cause.EXIT if outcome is Outcome.FAILED else None,
        message="",
        exit_code=None,
        child="",
        eval_id="",
        existing=False,
        attempt=1,
        starts=1,
        dispatched_at=0.0,
        finished_at=took,
        duration_s=took,
        node="",
        tags=(),
        position=None,
    )
    return replace(plain, **facts)


def test_durations_count_what_was_seen_to_end() -> None:
    """Neither what was refused or left out nor what nobody waited for took a time that says anything."""
    ended = [item("a", took=1.0), item("b", Outcome.FAILED, 3.0), item("c", Outcome.LOST, 5.0)]
    others = [
        item("d", Outcome.PLACED, 100.0),
        item("e", Outcome.UNPLACED, 100.0),
        item("f", Outcome.UNKNOWN, 100.0),
        item("g", Outcome.SKIPPED, None),
        item("h", None, None),
    ]
    figures = figures_of([*ended, *others])
    assert (figures.durations, figures.longest) == (Durations(3, 3.0, 5.0, 5.0, 9.0), ended[2])


def test_a_run_without_an_end_has_no_durations() -> None:
    """Nor has one without items."""
    assert (figures_of([]).durations, figures_of([item("a", None, None)]).durations) == (None, None)


@pytest.mark.parametrize(
    ("numbers", "share", "found"),
    [
        ([1], 0.5, 1),
        ([1, 2], 0.5, 1),
        ([1, 2, 3], 0.5, 2),
        (range(1, 101), 0.95, 95),
        (range(1, 21), 0.95, 19),
        ([1, 2], 0.0, 1),
    ],
)
def test_a_percentile_is_a_number_that_occurred(numbers: list[float], share: float, found: float) -> None:
    """The nearest rank: no value is made up between two."""
    assert nearest_rank(numbers, share) == found


def test_shares_count_each_item_once_for_each_name() -> None:
    """The largest first; a tag that an item has twice counts once; items without a node or tag are in none."""
    items = [
        item("a", node="n2", tags=("x", "y", "x")),
        item("b", Outcome.FAILED, 30.0, node="n10", tags=("x",)),
        item("c", None, None),
    ]
    figures = figures_of(items)
    good, bad = Durations(1, 10.0, 10.0, 10.0, 10.0), Durations(1, 30.0, 30.0, 30.0, 30.0)
    assert figures.by_job == (GroupFigures("encode", 3, 1, 1, Durations(2, 10.0, 30.0, 30.0, 40.0)),)
    assert figures.by_node == (GroupFigures("n2", 1, 1, 0, good), GroupFigures("n10", 1, 0, 1, bad))
    assert figures.by_tag == (
        GroupFigures("x", 2, 1, 1, Durations(2, 10.0, 30.0, 30.0, 40.0)),
        GroupFigures("y", 1, 1, 0, good),
    )
    assert figures.by_job[0].living == 1


def test_jobs_of_one_name_are_told_apart_by_their_place() -> None:
    """By namespace and region, only where a name is not enough."""
    items = [item("a"), item("b", namespace="media", region="eu"), item("c", job="zip", namespace="media")]
    assert [share.name for share in figures_of(items).by_job] == ["encode (default)", "encode (media, eu)", "zip"]


def test_what_did_not_succeed_is_of_most_interest() -> None:
    """In the run's order; then what took the longest, and what lives or was left out at the end."""
    items = [
        item("short", took=1.0),
        item("long", took=9.0),
        item("failed", Outcome.FAILED, 2.0),
        item("living", None, None),
        item("refused", Outcome.REFUSED, None),
    ]
    assert [items[place].id for place in by_interest(items)] == ["failed", "refused", "long", "short", "living"]


def test_numbers_in_names_count_as_numbers() -> None:
    """A name may also begin with one, have none, or have digits of other scripts or of any length."""
    names = ["node-10", "node-2", "10", "2", "b", "", "node-٣", "node-" + "9" * 30]
    assert sorted(names, key=name_order) == ["", "2", "10", "b", "node-2", "node-10", "node-" + "9" * 30, "node-٣"]
