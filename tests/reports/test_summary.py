"""The result of a run, for people and for scripts."""

import json
from dataclasses import replace

import pytest

from dispatchfile.events import Cause, ExtraStart, Moved, Outcome, State, Verdict
from dispatchfile.reports.again import rerun_command
from dispatchfile.reports.formats import OutputFormat
from dispatchfile.reports.summary import extra_starts_lines, summary_pieces, text_of_summary, wait_lines
from dispatchfile.reports.text import Palette
from dispatchfile.results import JobWait, LaterEnd, summarize, summary_json
from tests.reports.making import FACTS, FAILED, GOOD, LOST, STARTED_AT, UNSENT, results_of, summary_of

UNKNOWN = Verdict(Outcome.UNKNOWN, Cause.COLLECTED, "gone before its end was seen")
THREE_STARTS = "a was started 3 times, max_starts is 1"
TIMED_OUT = Verdict(Outcome.TIMED_OUT, Cause.DEADLINE, "exceeded its timeout of 1800 s: not stopped")


def test_a_run_in_which_all_went_well_is_two_lines() -> None:
    """Counts and time."""
    assert (
        text_of_summary(summary_of({"a": GOOD, "b": GOOD, "c": Verdict(Outcome.SKIPPED)}))
        == """\
2 succeeded, 1 skipped of 3 items
run k3v9x2ab (nightly) finished after 12m30s: exit code 0
"""
    )


def test_few_bad_endings_are_listed_one_by_one() -> None:
    """With what was said of each, and one command that runs them again."""
    verdicts = {"a": GOOD, "film-2": FAILED, "film-3": TIMED_OUT}
    assert (
        text_of_summary(summary_of(verdicts), width=80)
        == """\
2 of 3 items did not succeed:
ITEM    OUTCOME    CAUSE     MESSAGE
film-2  failed     exit 3    task encode: exit code 3; last log line: no such
                             codec: \\x1b[31mvp9\\x1b[0m
film-3  timed_out  deadline  exceeded its timeout of 1800 s: not stopped
run again with: dispatchfile rerun k3v9x2ab --failed

1 succeeded, 1 failed, 1 timed_out of 3 items
run k3v9x2ab (nightly) finished after 12m30s: exit code 2
"""
    )


def test_many_bad_endings_are_grouped() -> None:
    """A group has one outcome, cause and last log line, with names and the command for exactly these items."""
    verdicts = {f"film-{n}": FAILED for n in range(40)} | {f"gone-{n}": LOST for n in range(2)} | {"a": GOOD}
    assert (
        text_of_summary(summary_of(verdicts), width=80)
        == """\
42 of 43 items did not succeed:
ITEMS  OUTCOME  CAUSE      LAST LOG LINE OR MESSAGE
   40  failed   exit 3     no such codec: \\x1b[31mvp9\\x1b[0m
  film-0, film-1, film-2, film-3, film-4, film-5, film-6, film-7 and 32 more
  dispatchfile rerun k3v9x2ab --only group:3f63e86a
    2  lost     node_lost  its node went away
  gone-0, gone-1
  dispatchfile rerun k3v9x2ab --only group:3f8d6235

1 succeeded, 40 failed, 2 lost of 43 items
run k3v9x2ab (nightly) finished after 12m30s: exit code 2
"""
    )


def test_a_wrapped_message_belongs_to_its_group() -> None:
    """However many lines it takes, the names below it are those of its items."""
    denied = replace(FAILED, last_log_line="ERROR: could not open s3://media/raw/film.mov: 403 Forbidden")
    verdicts = {f"i{n}": denied for n in range(11)} | {f"k{n}": LOST for n in range(2)}
    assert (
        text_of_summary(summary_of(verdicts), width=60)
        == """\
13 of 13 items did not succeed:
ITEMS  OUTCOME  CAUSE      LAST LOG LINE OR MESSAGE
   11  failed   exit 3     ERROR: could not open
                           s3://media/raw/film.mov: 403
                           Forbidden
  i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10
  dispatchfile rerun k3v9x2ab --only group:66b1ddb4
    2  lost     node_lost  its node went away
  k0, k1
  dispatchfile rerun k3v9x2ab --only group:c32d0109

11 failed, 2 lost of 13 items
run k3v9x2ab (nightly) finished after 12m30s: exit code 2
"""
    )


def test_many_groups_are_cut_and_counted() -> None:
    """More than six groups show no names; groups after the twelfth are counted, and one command takes all."""
    verdicts = {
        f"{name}{n}": replace(FAILED, last_log_line=f"no codec {name}") for name in "abcdefghijklmno" for n in range(2)
    }
    lines = text_of_summary(summary_of(verdicts | {"z": UNKNOWN}), width=100).splitlines()
    assert lines[2:4] == [
        "    2  failed   exit 3  no codec a",
        "  dispatchfile rerun k3v9x2ab --only group:e25f0041",
    ]
    assert lines[26:28] == [
        "and 7 items in 4 smaller groups (-o json shows all)",
        "run all of them again with: dispatchfile rerun k3v9x2ab --outcome failed --outcome unknown",
    ]


def test_what_was_not_read_is_told() -> None:
    """Nobody knows what these tasks wrote; the option that reads all is named, and the command that reads them now."""
    unread = replace(FAILED, last_log_line="", log_unread=True)
    text = text_of_summary(summary_of({f"a{n}": unread for n in range(9)} | {f"b{n}": FAILED for n in range(9)}))
    assert "    9  failed   exit 3  log not read\n  a0, a1, a2" in text
    why = "log not read: a run reads the logs of some failed items only; with --logs failed it reads all of them"
    assert f"{why}. To read them now: dispatchfile logs k3v9x2ab --failed --tail 1\n" in text
    local = replace(summary_of({f"a{n}": unread for n in range(11)}), target="local")
    assert f"{why}\n" in text_of_summary(local)  # they went with the embedded agent


def test_items_of_which_no_two_failed_in_the_same_way_are_listed_singly() -> None:
    """Groups of one would take three lines for each; the one command below runs all of them again."""
    results = {f"a{n}": replace(FAILED, last_log_line="no such file: " + "abcdefghijkl"[n]) for n in range(12)}
    lines = text_of_summary(summary_of(results)).splitlines()
    assert [line.split()[0] for line in lines[:15]] == ["12", "ITEM", *results, "run"]
    assert lines[14] == "run again with: dispatchfile rerun k3v9x2ab --failed"


def test_long_ids_and_many_items_fit_on_a_screen() -> None:
    """Names are shortened in the middle, and only some are shown."""
    name = "customer-{0:04}.region-eu-central-1.archive-2026-11-30.file-with-a-very-long-name-that-goes-on-{0:05}"
    verdicts = {name.format(n): replace(FAILED, exit_code=n % 5 + 1) if n % 50 == 0 else GOOD for n in range(10_000)}
    lines = text_of_summary(summary_of(verdicts), width=120).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 120
    assert "customer-0000.regio…-that-goes-on-00000, customer-0050" in lines[3]


def test_an_item_without_a_written_id_shows_where_it_comes_from() -> None:
    """File, line and the row's first value stand beside the hash."""
    summary = summary_of({"encode-5f0c12ab34cd56ef": FAILED})
    summary = replace(summary, items=tuple(replace(item, source="films.csv:3 alien") for item in summary.items))
    assert "encode-5f0c12ab34cd56ef  failed" in text_of_summary(summary)
    assert "\nfilms.csv:3 alien" in text_of_summary(summary)
    many = replace(summary, items=tuple(replace(summary.items[0], id=f"encode-{n:016x}") for n in range(11)))
    assert "\n  encode-0000000000000000 (films.csv:3 alien) and 10 more\n" in text_of_summary(many)


@pytest.mark.parametrize(("wait", "outcome"), [("placement", Outcome.PLACED), ("detach", Outcome.DISPATCHED)])
def test_a_run_that_awaited_no_ends_says_so(wait: str, outcome: Outcome) -> None:
    """`placed` is not the end of a job: the command that follows it is named."""
    summary = replace(summary_of({"a": Verdict(outcome), "b": Verdict(outcome)}), wait=wait)
    assert text_of_summary(summary).endswith(
        f"2 items were not followed to the end (wait: {wait}); to follow them: dispatchfile watch k3v9x2ab\n"
    )
    assert "watch" not in text_of_summary(replace(summary, has_journal=False))


@pytest.mark.parametrize(
    ("max_starts", "starts", "reasons", "lines"),
    [
        (1, 1, (), []),
        (None, 9, (ExtraStart.NODE_LOST,), []),
        (1, 2, (ExtraStart.NODE_LOST,), ["a was started 2 times, max_starts is 1: its node was lost"]),
        (2, 4, (), ["a was started 4 times, max_starts is 2"]),
        (
            1,
            3,
            (ExtraStart.ALLOC_STOP, ExtraStart.DISCONNECT),
            [f"{THREE_STARTS}: its allocation was stopped in Nomad and its node was disconnected"],
        ),
    ],
    ids=["as often as allowed", "no limit", "node lost", "no reason known", "two reasons"],
)
def test_an_item_started_too_often_is_told_with_the_reason(
    max_starts: int | None, starts: int, reasons: tuple[ExtraStart, ...], lines: list[str]
) -> None:
    """Only where the manifest limits its starts."""
    summary = summary_of({"a": replace(GOOD, starts=starts, extra_starts=reasons)})
    limited = [replace(item, max_starts=max_starts) for item in summary.items]
    assert list(extra_starts_lines(replace(summary, items=limited))) == lines


def test_many_items_started_too_often_are_counted() -> None:
    """Ten are named; the JSON has all."""
    summary = summary_of({f"i{n}": replace(GOOD, starts=2) for n in range(12)})
    limited = [replace(item, max_starts=1) for item in summary.items]
    lines = list(extra_starts_lines(replace(summary, items=limited)))
    assert lines[9:] == [
        "i9 was started 2 times, max_starts is 1",
        "2 more items started more often than max_starts allows; -o json lists all",
    ]


def test_what_a_run_cost_is_shown_to_those_who_ask() -> None:
    """It is shown to everyone if the server throttled the run."""
    summary = summary_of({"a": GOOD})
    line = "412 requests, peak 9 connections, {} throttled\n"
    assert text_of_summary(summary, verbose=True).endswith(line.format(0))
    throttled = replace(summary, requests=replace(summary.requests, throttled=3))
    assert text_of_summary(throttled).endswith(line.format(3))


def test_an_interrupted_run_names_the_way_on() -> None:
    """What was not sent yet did not end badly: a resume sends it."""
    summary = replace(summary_of({"a": GOOD, "b": None, "c": UNSENT}, "interrupted"), exit_code=130)
    assert (
        text_of_summary(summary)
        == """\
1 succeeded, 1 unsent, 1 without an outcome of 3 items
run k3v9x2ab (nightly) interrupted after 12m30s: exit code 130
continue with: dispatchfile resume k3v9x2ab
stop its jobs with: dispatchfile stop k3v9x2ab
"""
    )


def test_an_interrupted_run_says_what_its_items_waited_for() -> None:
    """A line for each job."""
    results = results_of({"a": None, "b": None})
    for item in "ab":
        results.apply(Moved(item, 1, STARTED_AT + 2, State.QUEUED))
    results.apply(Moved("a", 1, STARTED_AT + 3, State.QUEUED, "queued: memory exhausted on 1 node", blocked=True))
    summary = summarize(results, FACTS, state="interrupted", finished_at=STARTED_AT + 9, signal_exit=130)
    assert (
        text_of_summary(summary)
        == """\
2 without an outcome of 2 items
run k3v9x2ab (nightly) interrupted after 9.0s: exit code 130
2 items of job video-encode were queued: memory exhausted on 1 node
continue with: dispatchfile resume k3v9x2ab
stop its jobs with: dispatchfile stop k3v9x2ab
"""
    )


def test_many_jobs_that_wait_are_cut_and_counted() -> None:
    """`-o json` has them all."""
    waits = tuple(JobWait(f"job-{n}", "default", "", "a", "queued: why", 1) for n in range(14))
    lines = wait_lines(replace(summary_of({"a": None}, "running"), waits=waits))
    assert lines == [
        *(f"1 item of job job-{n} is queued: why" for n in range(12)),
        "2 other jobs queued (-o json says why)",
    ]


def test_a_run_without_a_journal_names_no_command_that_needs_one() -> None:
    """Only where its jobs are to be found."""
    summary = replace(summary_of({"a": FAILED, "b": None}, "interrupted"), has_journal=False)
    told = text_of_summary(summary)
    assert "the IDs of its jobs in Nomad contain k3v9x2ab" in told
    assert not {"resume", "rerun", "stop"} & set(told.split())
    assert rerun_command(replace(summary, state="finished"), ["a"]) == ""


def test_a_run_stopped_early_shows_what_was_left_out() -> None:
    """Its unsent items are a group as any other: only a rerun sends them."""
    verdicts = {"a": FAILED} | {
        f"b{n}": Verdict(Outcome.UNSENT, Cause.STOP_ON, "definitely not sent") for n in range(20)
    }
    text = text_of_summary(summary_of(verdicts, "stopped_early"))
    assert "   20  unsent   stop_on  definitely not sent\n" in text
    assert "run k3v9x2ab (nightly) stopped early after 12m30s: exit code 1\n" in text


def test_nothing_to_do_is_said() -> None:
    """An empty line of counts would be a riddle."""
    assert text_of_summary(summary_of({})).startswith("nothing to do of 0 items\n")


def test_colours_add_no_words() -> None:
    """Every outcome is a word."""
    summary = summary_of({"a": GOOD, "b": FAILED, "c": UNKNOWN})
    coloured = text_of_summary(summary, palette=Palette(on=True))
    for code in ("\x1b[1;31m", "\x1b[33m", "\x1b[32m", "\x1b[1m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == text_of_summary(summary)


MIXED = {
    **{f"f{n}": FAILED for n in range(9)},
    **{f"o{n}": replace(FAILED, cause=Cause.OOM, exit_code=None) for n in range(9)},
    **{f"u{n}": UNKNOWN for n in range(2)},
    "ok": GOOD,
}


@pytest.mark.parametrize(
    ("ids", "options"),
    [
        pytest.param([f"{kind}{n}" for kind in "fo" for n in range(9)], "--failed", id="all that failed"),
        pytest.param([f"f{n}" for n in range(9)], "--cause exit", id="one cause"),
        pytest.param(["u0", "u1"], "--outcome unknown", id="unknown has to be named"),
        pytest.param(["f3", "o1"], "--only f3 --only o1", id="some of them"),
        pytest.param([f"f{n}" for n in range(7)], " ".join(f"--only f{n}" for n in range(7)), id="part of a group"),
        pytest.param(
            ["f0", "u0"],
            "--outcome failed --outcome unknown --only f0 --only u0",
            id="some of two, one of them unknown",
        ),
        pytest.param(["u0", "u1", *MIXED][:-1], "--outcome failed --outcome unknown", id="all of two outcomes"),
    ],
)
def test_the_shortest_command_that_runs_just_these_again(ids: list[str], options: str) -> None:
    """An option where it takes these and no others, else their ids."""
    assert rerun_command(summary_of(MIXED), ids) == f"dispatchfile rerun k3v9x2ab {options}"


@pytest.mark.parametrize("state", ["finished", "running"])
def test_what_the_run_had_let_go_of_is_run_again_by_what_was_seen(state: str) -> None:
    """Although some children may still be running: the run itself is over."""
    ids = [f"i{n:02}" for n in range(5)]
    summary = summary_of({item: FAILED if n < 2 else GOOD for n, item in enumerate(ids)}, state)
    summary = replace(summary, detached=dict.fromkeys(ids, Outcome.DISPATCHED))
    assert rerun_command(summary, ids[:2]) == "dispatchfile rerun k3v9x2ab --failed"


def test_an_unfinished_run_is_resumed_not_rerun() -> None:
    """A rerun would be refused."""
    assert rerun_command(summary_of({"a": FAILED}, "interrupted"), ["a"]) == ""


def test_scripts_get_the_whole_summary() -> None:
    """One object, on many lines or on one."""
    summary = summary_of({"a": FAILED, "b": GOOD})
    assert json.loads("".join(summary_pieces(summary, OutputFormat.JSON))) == summary_json(summary)
    (line,) = "".join(summary_pieces(summary, OutputFormat.NDJSON)).splitlines()
    assert json.loads(line) == summary_json(summary)


def test_two_children_of_one_attempt_are_told():
    """However well both ended, the reason for exit code 1 is named."""
    summary = replace(summary_of({"a": GOOD}), doubled=("a",), exit_code=1)
    assert "TWO CHILDREN exist for one attempt, which must never happen: a\n" in text_of_summary(summary)


def _after(later: dict[str, LaterEnd], **verdicts: Verdict) -> list[str]:
    """The lines about what did not succeed, after reruns; without the head of the table."""
    text = text_of_summary(replace(summary_of(verdicts), later=later), width=80)
    return text.partition("\n\n")[0].splitlines()[2:]


def test_what_a_rerun_has_mended_is_not_offered_again() -> None:
    """The old summary is told again by status and resume, and its command would double the work."""
    mended, row = LaterEnd("obtd47qn", Outcome.SUCCEEDED), "lost     node_lost  its node went away"
    since = "since then 1 item succeeded in rerun obtd47qn"
    assert _after({"a": mended}, a=LOST) == [f"a     {row}", since]
    again = "run again with: dispatchfile rerun k3v9x2ab --failed"
    assert _after({"a": mended}, a=LOST, b=LOST, c=GOOD) == [f"a     {row}", f"b     {row}", again, since]


def test_an_item_that_a_rerun_has_sent_without_an_end_is_not_offered_again() -> None:
    """It may run right now."""
    later = {"a": LaterEnd("obtd47qn", None)}
    assert _after(later, a=LOST)[1:] == ["since then sent in rerun obtd47qn: 1 item, no end seen"]


def test_an_item_that_failed_again_is_offered_again() -> None:
    """Its latest end counts, so the command takes it."""
    summary = summary_of({"a": LOST, "b": GOOD})
    failed, unknown = LaterEnd("obtd47qn", Outcome.FAILED, Cause.EXIT), LaterEnd("obtd47qn", Outcome.UNKNOWN)
    start = "dispatchfile rerun k3v9x2ab"
    assert rerun_command(replace(summary, later={"a": failed}), ["a"]) == f"{start} --failed"
    assert rerun_command(replace(summary, later={"a": unknown}), ["a"]) == f"{start} --outcome unknown"


def test_a_group_that_was_mended_has_no_command() -> None:
    """The others keep theirs."""
    verdicts = {f"film-{n}": FAILED for n in range(20)} | {f"gone-{n}": LOST for n in range(2)}
    later = {f"gone-{n}": LaterEnd("obtd47qn", Outcome.SUCCEEDED) for n in range(2)}
    lines = text_of_summary(replace(summary_of(verdicts), later=later), width=80).splitlines()
    assert sum("rerun k3v9x2ab" in line for line in lines) == 1
