"""What did not end well, grouped by what it has in common."""

from dataclasses import replace

import pytest

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.results import Group, group_endings
from dispatchfile.results.groups import normalize
from tests.results.builders import FAILED, OK, folded, result


def failed(id: str, line: str, **changes) -> object:  # noqa: A002 -- as the record has it
    return result(id, replace(FAILED, last_log_line=line, **changes))


def test_what_ended_well_is_in_no_group() -> None:
    """Nor is what has not ended."""
    assert group_endings([result("a"), result("b", Verdict(Outcome.SKIPPED)), *folded().items()]) == ()


def test_alike_endings_are_one_group() -> None:
    """Of one outcome, cause, exit code and last log line, less what varies from item to item."""
    items = [
        failed("film-1", "cannot open film-1.mov"),
        result("film-2", OK),
        failed("film-3", "cannot open film-3.mov"),
        failed("film-4", "disk full", exit_code=28),
    ]
    assert group_endings(items) == (
        Group(Outcome.FAILED, Cause.EXIT, 3, "cannot open #.mov", 2, items[0], ("film-1", "film-3")),
        Group(Outcome.FAILED, Cause.EXIT, 28, "disk full", 1, items[3], ("film-4",)),
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
    """So a summary that shows only a few shows the most telling."""
    items = [failed("a", "x"), failed("b", "y"), failed("c", "z"), failed("d", "z")]
    assert [group.last_words for group in group_endings(items)] == ["z", "x", "y"]


def test_what_never_ran_is_grouped_by_what_was_said_of_it() -> None:
    """There is no log; a node or a duration in the message of what ran would tear groups apart."""
    refused = [
        Verdict(Outcome.REFUSED, Cause.VALIDATION, "payload has 16385 bytes"),
        Verdict(Outcome.REFUSED, Cause.VALIDATION, "payload has 20000 bytes"),
        Verdict(Outcome.REFUSED, Cause.VALIDATION, "meta key codec is not allowed"),
    ]
    groups = group_endings(result(f"item-{n}", verdict) for n, verdict in enumerate(refused))
    assert [(group.count, group.last_words) for group in groups] == [
        (2, "payload has # bytes"),
        (1, "meta key codec is not allowed"),
    ]
    ran = [replace(FAILED, last_log_line="", message=f"exit code 3 on node n{n}") for n in range(3)]
    assert [group.count for group in group_endings(result(f"i{n}", verdict) for n, verdict in enumerate(ran))] == [3]


def test_what_was_not_read_is_where_its_likes_are() -> None:
    """Only some logs are read: those that nobody looked at make no group of their own where one reason is known."""
    items = [
        failed("film-1", "", log_unread=True),
        failed("film-2", "disk full"),
        failed("film-3", "", log_unread=True),
        failed("film-4", "", log_unread=True, exit_code=4),
    ]
    assert group_endings(items) == (
        Group(Outcome.FAILED, Cause.EXIT, 3, "disk full", 3, items[0], ("film-1", "film-2", "film-3")),
        Group(Outcome.FAILED, Cause.EXIT, 4, "", 1, items[3], ("film-4",)),
    )


@pytest.mark.parametrize(
    ("lines", "unread", "words"),
    [(["disk full", "no codec"], True, {"disk full", "no codec", ""}), (["disk full"], False, {"disk full", ""})],
)
def test_what_may_have_another_reason_stays_apart(lines: list[str], unread: bool, words: set[str]) -> None:
    """Where two reasons are known, or where it is known that the task said nothing."""
    items = [failed("silent", "", log_unread=unread), *(failed(f"loud-{line[:2]}", line) for line in lines)]
    assert {group.last_words for group in group_endings(items)} == words


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        ("2026-11-22T12:00:01.5Z ERROR no codec", "#-#-#T#Z ERROR no codec"),
        ("frame 17 of 2,400 at 23.98 fps", "frame # of # at # fps"),
        ("film-alien: no such file film-alien.mov", "#: no such file #.mov"),
        ("film-alien-2 is not film-alien", "film-alien-# is not #"),
        ("alloc 87a318dd-6214-754d-7c32-1a7027a7876e is gone", "alloc # is gone"),
        ("segfault at 0x7ffee3b0", "segfault at #"),
        ("commit deadbeef1234", "commit #"),
        ("  a\t b  ", "a b"),
        ("facade is no hash", "facade is no hash"),
        ("x" * 500, "x" * 200),
        ("", ""),
    ],
)
def test_what_varies_is_left_out(line: str, normal: str) -> None:
    """The item's own id, numbers, times, hashes and blanks."""
    assert normalize(line, "film-alien") == normal


def test_a_short_id_is_not_looked_for() -> None:
    """It would be found in words that have nothing to do with it."""
    assert normalize("a is a", "a") == "a is a"
