"""Groups of items that did not succeed, by what was said about them."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.results import Group, ItemResult, group_endings
from tests.results.builders import FAILED, OK, folded, result


def failed(id: str, line: str, **changes: object) -> ItemResult:  # noqa: A002 -- as the record has it
    return result(id, replace(FAILED, last_log_line=line, **changes))


def lines_of(lines: Iterable[str], *, prefix: str = "item-") -> list[tuple[int, str]]:
    """Return how many items share each text, for one item for each of the *lines*."""
    groups = group_endings(failed(f"{prefix}{number}", line) for number, line in enumerate(lines))
    return [(group.count, group.last_line) for group in groups]


def test_what_ended_well_is_in_no_group() -> None:
    """Nor is what has not ended."""
    assert group_endings([result("a"), result("b", Verdict(Outcome.SKIPPED)), *folded().items()]) == ()


def test_the_same_words_after_the_same_end_are_one_group() -> None:
    """A group has one outcome, cause and exit code; the words are shown as they were."""
    items = [
        failed("film-1", "cannot open film 17"),
        result("film-2", OK),
        failed("film-3", "cannot open film 17"),
        failed("film-4", "disk full", exit_code=28),
    ]
    message = "task t: exit code 3 on node n1"
    assert group_endings(items) == (
        Group(Outcome.FAILED, Cause.EXIT, 3, "cannot open film 17", message, False, (items[0], items[2])),
        Group(Outcome.FAILED, Cause.EXIT, 28, "disk full", message, False, (items[3],)),
    )


@pytest.mark.parametrize(
    "other",
    [
        replace(FAILED, exit_code=4),
        replace(FAILED, cause=Cause.OOM),
        replace(FAILED, outcome=Outcome.TIMED_OUT),
        replace(FAILED, last_log_line="another"),
    ],
)
def test_anything_else_makes_another_group(other: Verdict) -> None:
    """Each of the four tells them apart."""
    assert len(group_endings([result("a", FAILED), result("b", other)])) == 2


def test_the_largest_group_comes_first_and_of_equals_the_one_that_came_first() -> None:
    """A summary that shows only a few groups shows the largest."""
    items = [failed("a", "x"), failed("b", "y"), failed("c", "z"), failed("d", "z")]
    assert [group.last_line for group in group_endings(items)] == ["z", "x", "y"]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["HTTP 404", "HTTP 503"], id="HTTP statuses"),
        pytest.param([f"HTTP {code}" for code in range(400, 452)], id="however many of them"),
        pytest.param(
            ["GET /a: 404", "GET /a: 410", "GET /a: 500", "GET /a: 502", "GET /a: 503", "GET /a: 504"], id="bare"
        ),
        pytest.param(["no such codec: h264", "no such codec: h265"], id="names with numbers"),
        pytest.param([f"ORA-{number}: failed" for number in (1017, 12154, 12541)], id="codes"),
        pytest.param(["exit status 3", "exit status 4"], id="exit codes"),
        pytest.param([f"errno={number}" for number in range(1, 40)], id="error numbers"),
        pytest.param(["error 0x80070005", "error 0x80070006"], id="hexadecimal codes"),
        pytest.param(["killed by signal 9", "killed by signal 15"], id="signals"),
        pytest.param(["python 3.11 is too old", "python 3.9 is too old"], id="versions"),
        pytest.param([f"cannot open film {number}" for number in range(5)], id="few numbers"),
    ],
)
def test_causes_stay_apart(lines: list[str]) -> None:
    """Each in its own words, whatever their number; four items said each of them."""
    assert sorted(lines_of(lines * 4)) == sorted((4, line) for line in lines)


def _many(line: str, number: int = 30) -> list[str]:
    return [line.format(n=n, k=n % 3 + 1) for n in range(number)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        pytest.param(_many("attempt {k} of file-{n}"), "attempt # of file-#", id="counters"),
        pytest.param(_many("attempt 2 of file-{n}"), "attempt 2 of file-#", id="only what differs is masked"),
        pytest.param(_many("clip{n:03}.mov is broken"), "clip#.mov is broken", id="many names"),
        pytest.param(["2026-11-22T12:00:01.5Z no codec", "2026-11-22 12:00:02 no codec"], "# no codec", id="times"),
        pytest.param(["Nov 30 20:48:59 host x: no", "Nov 30 20:49:01 host x: no"], "# host x: no", id="syslog"),
        pytest.param(["gave up after 3.5s", "gave up after 1m30s"], "gave up after #", id="durations"),
        pytest.param(
            [f"request {n}7a318dd-6214-754d-7c32-1a7027a7876e" for n in range(3)], "request #", id="random IDs"
        ),
        pytest.param(["commit deadbeef1234", "commit deadbeef1235"], "commit #", id="hashes"),
        pytest.param(["at 0x7ffee3b0a1b2", "at 0x7ffee3b0a1b3"], "at #", id="addresses"),
        pytest.param(["app[17]: no", "app[18]: no"], "app[#]: no", id="process IDs"),
        pytest.param(["item-0: no item-0.mov", "item-1: no item-1.mov"], "#: no #.mov", id="the item's own ID"),
    ],
)
def test_what_says_nothing_is_masked_where_it_differs(lines: list[str], words: str) -> None:
    """The group is one, and the rest of its words is as it was."""
    assert lines_of(lines) == [(len(lines), words)]


def test_a_cause_beside_what_varies_is_kept() -> None:
    """A number for each item, and a status that tells what is wrong."""
    lines = [f"GET /films/{n}: HTTP {404 if n % 3 else 503}" for n in range(30)]
    assert lines_of(lines) == [(20, "GET /films/#: HTTP 404"), (10, "GET /films/#: HTTP 503")]


def test_a_short_id_may_be_the_cause() -> None:
    """Items that are called like the codec they fail for fail for two reasons."""
    items = [failed("h264", "no such codec: h264"), failed("h265", "no such codec: h265")]
    assert [group.last_line for group in group_endings(items)] == ["no such codec: h264", "no such codec: h265"]


def test_what_wrote_nothing_is_grouped_by_the_message() -> None:
    """Its node and how long it took differ, and are masked; what Nomad said against it is kept."""
    refused = [
        Verdict(Outcome.REFUSED, Cause.VALIDATION, "payload has 16385 bytes"),
        Verdict(Outcome.REFUSED, Cause.VALIDATION, "payload has 16385 bytes"),
        Verdict(Outcome.REFUSED, Cause.VALIDATION, "meta key codec is not allowed"),
    ]
    groups = group_endings(result(f"item-{n}", verdict) for n, verdict in enumerate(refused))
    assert [(group.count, group.message) for group in groups] == [
        (2, "payload has 16385 bytes"),
        (1, "meta key codec is not allowed"),
    ]
    ran = [
        replace(FAILED, last_log_line="", node=f"node-{n}", message=f"exit code 3 on node node-{n} after {n}.5s")
        for n in range(3)
    ]
    groups = group_endings(result(f"i{n}", verdict) for n, verdict in enumerate(ran))
    assert [(group.count, group.last_line, group.message) for group in groups] == [
        (3, "", "exit code 3 on node # after #")
    ]


def test_two_reasons_why_nothing_started_are_two_groups() -> None:
    """There is no log of what never ran, but Nomad's words."""
    items = [
        result(f"i{n}", Verdict(Outcome.FAILED, Cause.DRIVER, f"the driver could not start it: no image {n % 2}"))
        for n in range(12)
    ]
    assert [(group.count, group.message) for group in group_endings(items)] == [
        (6, "the driver could not start it: no image 0"),
        (6, "the driver could not start it: no image 1"),
    ]


def test_what_was_not_read_is_a_group_of_its_own() -> None:
    """Nobody knows what its task wrote, even where all others wrote the same."""
    items = [
        failed("film-1", "", log_unread=True),
        failed("film-2", "disk full"),
        failed("film-3", "", log_unread=True),
        failed("film-4", ""),
    ]
    groups = group_endings(items)
    assert [(group.ids, group.last_line, group.log_unread) for group in groups] == [
        (("film-1", "film-3"), "", True),
        (("film-2",), "disk full", False),
        (("film-4",), "", False),
    ]


def test_a_group_has_a_name_that_stays() -> None:
    """It names these items with this end, in whatever order they come and whatever else there is."""
    items = [failed(f"film-{n}", "disk full") for n in range(4)]
    (group,) = group_endings(items)
    assert group.name == "7a17fe86"
    others = group_endings([*reversed(items), failed("x", "no codec"), result("y", OK)])
    assert [other.name == group.name for other in others] == [True, False]
    assert {other.name for other in group_endings(items[:3])}.isdisjoint({group.name})


def test_items_of_a_group_stay_in_the_order_of_the_run() -> None:
    """They stay in this order even if their words differ."""
    items = [failed(f"film-{n}", f"took {n % 2 + 1}s") for n in range(4)]
    assert [group.ids for group in group_endings(items)] == [("film-0", "film-1", "film-2", "film-3")]


def test_tasks_that_took_different_times_are_in_one_group() -> None:
    """The message shows the duration only if it is the same for all of them."""
    short, longer = (
        replace(FAILED, last_log_line="", message=f"exit code 3 on node n after {span}") for span in ("0s", "0.1s")
    )
    groups = group_endings([result("a", short), result("b", longer)])
    assert [(group.ids, group.message) for group in groups] == [(("a", "b"), "exit code 3 on node n after #")]
    groups = group_endings([result("a", short), result("b", short)])
    assert [(group.ids, group.message) for group in groups] == [(("a", "b"), "exit code 3 on node n after 0s")]
