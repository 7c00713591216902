"""The head of the HTML page: what was run, what its exit code means, and what to do next."""

from dataclasses import replace

import pytest

from dispatchfile.events import Cause, Outcome, Verdict
from dispatchfile.reports.html.head import Fact, Failures, exit_code_words, facts_of, failures_of
from dispatchfile.results import JobWait, LaterEnd, Summary, bad_endings
from dispatchfile.results.detail import RunDetail, RunOrigin
from tests.reports.html.runs import GOOD, Attempt, bad, detail_of, with_summary

FAILED = {"a": [Attempt(1, 2, 9, bad())], "b": [Attempt(1, 2, 9, bad(1))], "c": [Attempt(1, 2, 9, GOOD)]}
LIVING = {"a": [Attempt(1, 2, None, None)]}


def facts(detail: RunDetail) -> dict[str, list[str]]:
    """The lines of the head by their names; a command stands behind its words."""
    found: dict[str, list[str]] = {}
    for fact in facts_of(detail, bad_endings(detail.summary)):
        found.setdefault(fact.name, []).append(f"{fact.text} {fact.command}".strip())
    return found


def test_the_whole_head_of_a_run() -> None:
    """Only lines that have something to say."""
    detail = detail_of(FAILED)
    assert facts_of(detail, bad_endings(detail.summary)) == [
        Fact("Run", "k3v9x2ab"),
        Fact("Manifest", "films.yaml"),
        Fact("Commit", "1f3c9d0e5a7b2c4d6e8f1f3c9d0e5a7b2c4d6e8f (changed)"),
        Fact("Target", "http://nomad.example:4646"),
        Fact("Waits for", "completion: an item is over once its job has ended"),
        Fact("Started", "2026-11-18 11:06:40Z"),
        Fact("Ended", "2026-11-18 11:06:50Z, after 10s"),
        Fact("Requests", "412 requests, peak 9 connections, 0 throttled"),
        Fact("Next", "run again what did not succeed", "dispatchfile rerun k3v9x2ab --failed"),
        Fact("Made by", "dispatchfile 0.1.0"),
    ]


def test_a_rerun_of_a_plan_names_both() -> None:
    """With the digest that was reviewed."""
    detail = replace(detail_of(FAILED), origin=RunOrigin("0.1.0", "p1", "sha256:12ab"))
    assert (facts(detail)["Run"], facts(detail)["Plan"]) == (["k3v9x2ab, a rerun of p1"], ["sha256:12ab"])


def test_what_a_run_waited_for_is_told() -> None:
    """Why no node takes the items of a job, in Nomad's words."""
    wait = JobWait("encode", "default", "", "a", "queued: memory exhausted on 3 nodes", 1)
    detail = with_summary(detail_of(LIVING, state="interrupted"), waits=(wait,))
    assert facts(detail)["Queue"] == ["1 item of job encode was queued: memory exhausted on 3 nodes"]
    assert facts(detail)["Next"] == [
        "continue with dispatchfile resume k3v9x2ab",
        "stop its jobs with dispatchfile stop k3v9x2ab",
    ]


def test_a_running_run_is_read_at_a_moment() -> None:
    """It has no end, and can be followed."""
    found = facts(detail_of(LIVING, state="running", ended_after=60))
    assert "Ended" not in found
    assert found["Read"] == ["2026-11-18 11:07:40Z, while it had not ended"]
    assert found["Next"] == ["follow the run dispatchfile watch k3v9x2ab"]


def test_what_must_never_happen_is_in_the_head() -> None:
    """An attempt with two children."""
    assert facts(with_summary(detail_of(FAILED), doubled=("a",)))["Two children"] == [
        "exist for one attempt, which must never happen: a"
    ]


def test_reruns_since_then_are_told() -> None:
    """And what they made good is not to be run again."""
    later = {"a": LaterEnd("r2", Outcome.SUCCEEDED)}
    found = facts(with_summary(detail_of(FAILED), later=later))
    assert found["Since then"] == ["1 item succeeded in rerun r2"]
    assert found["Next"] == ["run again what did not succeed dispatchfile rerun k3v9x2ab --failed"]


def summary_with(code: int, state: str = "finished", **changes: object) -> Summary:
    return with_summary(detail_of(FAILED), exit_code=code, state=state, **changes).summary


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        (summary_with(0), "nothing went wrong"),
        (summary_with(2), "some items did not succeed"),
        (summary_with(130, "interrupted"), "the run was interrupted by SIGINT"),
        (summary_with(1), "some items were refused or not sent, or nobody knows how they ended"),
        (summary_with(1, doubled=("a",)), "one attempt has two children"),
        (detail_of(LIVING, state="running").summary, "the run has not ended yet"),
        (detail_of(LIVING, state="interrupted").summary, "the run ended before all items had"),
    ],
)
def test_an_exit_code_is_told_in_words(summary: Summary, words: str) -> None:
    """For a reader who does not know the table of exit codes."""
    assert exit_code_words(summary) == words


def test_a_group_has_its_words_and_its_command() -> None:
    """At most twelve names, and the command that runs just these items."""
    story = {f"film-{n}": [Attempt(1, 2, 9, bad())] for n in range(14)}
    summary = detail_of(story).summary
    (group,), others = failures_of(summary, bad_endings(summary))
    assert others == ""
    assert group == Failures(
        count="14",
        outcome="failed",
        tone="bad",
        cause="exit 3",
        message="task encode: exit code 3",
        last_line="no such codec: vp9",
        names=", ".join(f"film-{n}" for n in range(12)) + " and 2 more",
        command=group.command,
    )
    assert group.command.startswith("dispatchfile rerun k3v9x2ab --only group:")


def test_the_smallest_of_many_groups_are_counted() -> None:
    """A page of thousands of kinds of trouble would help nobody."""
    words = [f"{chr(97 + n % 26)}{chr(97 + n // 26)} broke" for n in range(130)]
    story = {
        f"i{n}": [Attempt(1, 2, 9, Verdict(Outcome.REFUSED, Cause.VALIDATION, text))] for n, text in enumerate(words)
    }
    summary = detail_of(story).summary
    shown, others = failures_of(summary, bad_endings(summary))
    assert (len(shown), others) == (100, "and 30 items in smaller groups")
