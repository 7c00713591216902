"""The head of the page: what was run, where, how it ended, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dispatchfile.reports.again import PROGRAM, rerun_command, rerun_group
from dispatchfile.reports.endings import cause_of
from dispatchfile.reports.failures import since_lines, words_of
from dispatchfile.reports.history import started_text
from dispatchfile.reports.names import label
from dispatchfile.reports.summary import extra_starts_lines, requests_line, wait_lines, watch_lines, ways_on
from dispatchfile.reports.text import count_of, one_line, shorten, span, visible
from dispatchfile.results import Group, Summary
from dispatchfile.results.detail import RunDetail

SHOWN_GROUPS = 100
SHOWN_NAMES = 12
LONGEST_WORDS = 400
WAITS = {
    "detach": "nothing: an item is over once Nomad has accepted it (detach)",
    "placement": "placement: an item is over once Nomad has placed all its allocations",
    "completion": "completion: an item is over once its job has ended",
}
WORDS = {0: "nothing went wrong", 2: "some items did not succeed"}
SIGNALS = {129: "SIGHUP", 130: "SIGINT", 143: "SIGTERM"}


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the head. *command*: what to type, behind the words."""

    name: str
    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Failures:
    """A group of items that did not succeed for one reason."""

    count: str
    outcome: str
    tone: str
    cause: str
    message: str
    last_line: str
    names: str
    command: str


def facts_of(detail: RunDetail, groups: Sequence[Group]) -> list[Fact]:
    """Return the lines of the head that have something to say. groups: of what did not succeed."""
    summary = detail.summary
    facts = [*_what(detail), *_times(detail), *_troubles(summary, groups), *_ways(summary, groups)]
    maker = Fact("Made by", f"dispatchfile {visible(detail.origin.version)}".rstrip())
    return [*(fact for fact in facts if fact.text or fact.command), maker]


def _what(detail: RunDetail) -> Iterator[Fact]:
    summary, origin = detail.summary, detail.origin
    yield Fact("Run", visible(summary.run) + (f", a rerun of {visible(origin.rerun_of)}" if origin.rerun_of else ""))
    yield Fact("Manifest", visible(summary.manifest))
    yield Fact("Commit", visible(origin.commit))
    yield Fact("Plan", visible(origin.plan))
    yield Fact("Target", "embedded agent (local)" if summary.target == "local" else visible(summary.target))
    yield Fact("Waits for", WAITS.get(summary.wait, visible(summary.wait)))


def _times(detail: RunDetail) -> Iterator[Fact]:
    summary = detail.summary
    yield Fact("Started", started_text(summary.started_at))
    took = "" if summary.duration_s is None else f", after {span(summary.duration_s)}"
    if summary.finished_at is None:
        yield Fact("Read", f"{started_text(detail.read_at)}, while it had not ended")
    else:
        yield Fact("Ended", f"{started_text(summary.finished_at)}{took}")
    yield Fact("Requests", requests_line(summary) if summary.requests.total else "")


def _troubles(summary: Summary, groups: Sequence[Group]) -> Iterator[Fact]:
    for line in wait_lines(summary):
        yield Fact("Queue", line)
    if summary.doubled:
        names = ", ".join(map(visible, summary.doubled))
        yield Fact("Two children", f"exist for one attempt, which must never happen: {names}")
    for line in extra_starts_lines(summary):
        yield Fact("Starts", line)
    for line in since_lines(summary, groups):
        yield Fact("Since then", line.removeprefix("since then "))


def _ways(summary: Summary, groups: Sequence[Group]) -> Iterator[Fact]:
    for way in ways_on(summary) if summary.state == "interrupted" else watch_lines(summary):
        words, _, command = visible(way).rpartition(": ")
        yield Fact("Next", words, command) if command.startswith(PROGRAM) else Fact("Next", visible(way))
    if summary.state == "running":
        yield Fact("Next", "follow the run", f"{PROGRAM} watch {visible(summary.run)}")
    ids = [item_id for group in groups for item_id in group.ids]
    if command := rerun_command(summary, ids):
        yield Fact("Next", "run again what did not succeed", visible(command))


def state_words(summary: Summary) -> str:
    """Return `finished`, `interrupted`, `stopped early` or `running`."""
    return summary.state.replace("_", " ")


def exit_code_words(summary: Summary) -> str:
    """Return what the exit code means."""
    code = summary.exit_code
    if code in SIGNALS:
        return f"the run was interrupted by {SIGNALS[code]}"
    return _words_of_one(summary) if code == 1 else WORDS.get(code, "")


def _words_of_one(summary: Summary) -> str:
    if summary.doubled:
        return "one attempt has two children"
    if summary.state == "running":
        return "the run has not ended yet"
    if any(item.outcome is None for item in summary.items):
        return "the run ended before all items had"
    return "some items were refused or not sent, or nobody knows how they ended"


def failures_of(summary: Summary, groups: Sequence[Group]) -> tuple[Sequence[Failures], str]:
    """Return the largest groups of what did not succeed, and words for the others."""
    left_out = sum(group.count for group in groups[SHOWN_GROUPS:])
    others = f"and {count_of(left_out, 'item')} in smaller groups" if left_out else ""
    return [_failures(summary, group) for group in groups[:SHOWN_GROUPS]], others


def _failures(summary: Summary, group: Group) -> Failures:
    names = ", ".join(label(item) for item in group.items[:SHOWN_NAMES])
    more = f" and {group.count - SHOWN_NAMES:,} more" if group.count > SHOWN_NAMES else ""
    return Failures(
        count=f"{group.count:,}",
        outcome=str(group.outcome).replace("_", " "),
        tone="doubtful" if group.outcome.exit_class == 1 else "bad",
        cause=cause_of(group.cause, group.exit_code),
        message=shorten(one_line(group.message), LONGEST_WORDS),
        last_line=shorten(words_of(group), LONGEST_WORDS) if group.last_line or group.log_unread else "",
        names=names + more,
        command=visible(rerun_group(summary, group)),
    )
