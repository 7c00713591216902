"""
Whatever a run's items are called and whatever their tasks wrote, what is shown of it fits and is complete.

`RENDERING_EXAMPLES=2000` tries more of them than each run of the suite does.
"""

import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from dispatchfile.events import Cause, Ended, Outcome, State, Verdict
from dispatchfile.items import RowCount
from dispatchfile.problems import Problem, Severity
from dispatchfile.reports.again import rerun_group
from dispatchfile.reports.failures import LISTED_GROUPS, are_shown_singly
from dispatchfile.reports.formats import ProblemFormat
from dispatchfile.reports.live import LiveScreen
from dispatchfile.reports.problems import render_problems
from dispatchfile.reports.status import StatusView, text_of_status
from dispatchfile.reports.summary import text_of_summary
from dispatchfile.reports.text import Palette, one_line, visible
from dispatchfile.reports.words import LogLevel, describe_event, level_of
from dispatchfile.results import ItemResult, Requests, Summary, bad_endings, exit_code
from dispatchfile.source import Position
from tests.reports.making import FACTS, STARTED_AT

EXAMPLES = int(os.environ.get("RENDERING_EXAMPLES", "20"))
COMMAND = re.compile(r"^(?:.*: |  )?dispatchfile (?:rerun|resume|stop|watch|logs) [^ ].*$")
ROW = re.compile(r" *([0-9,]+)  ([a-z_]+)(?: |$)")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

SCRIPTS = st.sampled_from(
    ["film", "日本語", "映画館の", "한국어", "العربية", "עברית", "e\u0301", "🎬",
     "👩\u200d💻", "❤\ufe0f", "\u202e", "\x1b[31m", "\x1b]0;title\x07",
     "\r", "\n", "\t", "\x00", "\x9b2J", "\u2028", "\ud800", "#", "%", "|", "[bold]", "[/]", ":smile:", "\\",
     "HTTP 404", "HTTP 503", "h264", "h265", "attempt 3", "12ms", "2026-11-30T12:00:00Z", "word word word"]
)  # fmt: skip
TEXTS = st.lists(SCRIPTS | st.text(max_size=12), max_size=30).map(" ".join) | st.text(max_size=300)
IDS = st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True) | st.text(min_size=1, max_size=40)
Ending = tuple[Outcome | None, Cause | None, int | None]
ENDINGS: st.SearchStrategy[Ending] = st.sampled_from(
    [
        (Outcome.SUCCEEDED, None, 0),
        (Outcome.FAILED, Cause.EXIT, 1),
        (Outcome.FAILED, Cause.EXIT, 137),
        (Outcome.FAILED, Cause.DRIVER, None),
        (Outcome.TIMED_OUT, Cause.MAX_RUN_DURATION, None),
        (Outcome.REFUSED, Cause.VALIDATION, None),
        (Outcome.UNKNOWN, Cause.COLLECTED, None),
        (Outcome.PLACED, None, None),
        (None, None, None),
    ]
)


@st.composite
def items(draw: st.DrawFn) -> ItemResult:
    outcome, cause, code = draw(ENDINGS)
    unread = draw(st.booleans()) and cause is Cause.EXIT
    return ItemResult(
        id="", job="encode", namespace="default", region="",
        state=State.ENDED if outcome else State.RUNNING,
        outcome=outcome, cause=cause, message=draw(TEXTS), exit_code=code, child=draw(IDS), eval_id="e1",
        existing=draw(st.booleans()), attempt=1, starts=1, dispatched_at=STARTED_AT,
        finished_at=STARTED_AT + 1 if outcome else None, duration_s=1.0 if outcome else None, node="n1", tags=(),
        position=None, last_log_line="" if unread else draw(TEXTS), log_unread=unread,
        source=draw(st.just("") | TEXTS),
    )  # fmt: skip


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    some = draw(st.lists(items(), max_size=6))
    repeated = [item for item in some for _ in range(draw(st.sampled_from([1, 1, 2, 12])))]
    names = draw(st.lists(IDS, min_size=len(repeated), max_size=len(repeated), unique=True))
    named = tuple(replace(item, id=name) for item, name in zip(repeated, names, strict=True))
    counts = {outcome.value: sum(item.outcome is outcome for item in named) for outcome in Outcome}
    is_over = all(item.outcome for item in named)
    return Summary(
        run=FACTS.run, name=draw(TEXTS), manifest=draw(TEXTS), target=draw(TEXTS),
        state="finished" if is_over else draw(st.sampled_from(["running", "interrupted"])), wait="completion",
        exit_code=exit_code((item.outcome for item in named if item.outcome), finished=is_over),
        started_at=STARTED_AT, finished_at=None, duration_s=draw(st.none() | st.floats(0, 1e6)),
        counts=counts | {"total": len(named)}, items=named,
        requests=Requests(9, 3, 0, draw(st.sampled_from([0, 7])), 2),
        has_journal=draw(st.booleans()),
    )  # fmt: skip


WIDTHS = st.none() | st.integers(20, 300)


def check_fits(text: str, width: int | None) -> list[str]:
    """The lines without colours, each of which can be shown, and is a command or fits."""
    lines = COLOUR.sub("", text).split("\n")
    assert not (bad := [line for line in lines if not line.replace("\u200d", "").isprintable()]), bad
    if width is not None:
        assert [line for line in lines if cell_len(line) > width and not COMMAND.match(line)] == []
    return lines


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(summary=summaries(), width=WIDTHS, coloured=st.booleans(), verbose=st.booleans())
def test_a_summary_fits_and_is_complete(summary: Summary, width: int | None, coloured: bool, verbose: bool) -> None:
    """Every group with its count and its command, all counts, and the exit code of the run."""
    text = text_of_summary(summary, palette=Palette(coloured), width=width, verbose=verbose)
    lines = check_fits(text, width)
    flat = re.sub(r"\s+", " ", " ".join(lines))
    check_groups(summary, lines, flat)
    for outcome in Outcome:
        if number := summary.counts[outcome]:
            assert f"{number:,} {outcome}" in flat
    assert f"exit code {summary.exit_code}" in flat
    assert f"run {summary.run} " in flat


def check_groups(summary: Summary, lines: Sequence[str], flat: str) -> None:
    groups = bad_endings(summary)
    bad = sum(group.count for group in groups)
    if not bad:
        return
    assert f"{bad:,} of {summary.counts['total']:,} item" in flat
    if are_shown_singly(groups):
        return
    shown = groups[:LISTED_GROUPS]
    counted = [match[1] for line in lines if (match := ROW.match(line)) and match[2] in set(Outcome)]
    assert sorted(counted) == sorted(f"{group.count:,}" for group in shown)
    commands = {line.strip() for line in lines}
    assert all(command in commands for group in shown if (command := rerun_group(summary, group)))
    if rest := groups[LISTED_GROUPS:]:
        assert f"and {sum(group.count for group in rest):,} item" in flat


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(summary=summaries(), width=WIDTHS, coloured=st.booleans(), process=st.just("") | TEXTS)
def test_a_status_fits_and_is_complete(summary: Summary, width: int | None, coloured: bool, process: str) -> None:
    """A status has what a summary has, and lists living items, too."""
    view = StatusView(summary, process, STARTED_AT + 60)
    lines = check_fits(text_of_status(view, palette=Palette(coloured), width=width), width)
    check_groups(summary, lines, re.sub(r"\s+", " ", " ".join(lines)))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=IDS, ending=ENDINGS, said=TEXTS, last=TEXTS, width=st.integers(20, 300), coloured=st.booleans())
def test_a_progress_line_fits_and_is_complete(
    *, name: str, ending: Ending, said: str, last: str, width: int, coloured: bool
) -> None:
    """It names the item, its outcome and its exit code, on a terminal of any width."""
    outcome, cause, code = ending
    assume(outcome is not None)
    assert outcome is not None  # for the type checker
    event = Ended(name, 1, STARTED_AT, Verdict(outcome, cause, said, code, last_log_line=last))
    line = describe_event(event)
    assert line.startswith(one_line(f"{name}: {outcome}"))
    assert cause is not Cause.EXIT or f"(exit {code})" in line or f"exit code {code}" in line
    assert all(one_line(text) in line for text in (said, last))
    stream = io.StringIO()
    LiveScreen(stream, palette=Palette(coloured), width=width).line(level_of(event), line)
    lines = check_fits(stream.getvalue(), width)
    assert re.sub(r"\s", "", "".join(lines)).endswith(re.sub(r"\s", "", line))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    line = draw(TEXTS).replace("\n", " ")
    excerpt = f"    {line}\n    {' ' * draw(st.integers(0, len(line)))}^"
    position = Position(draw(IDS), draw(st.integers(1, 10**6)), draw(st.integers(1, 400)))
    return Problem(
        "DF011", position, draw(TEXTS), draw(st.just("") | TEXTS), draw(st.sampled_from(Severity)),
        item=draw(st.none() | IDS), excerpt=draw(st.sampled_from(["", excerpt])),
    )  # fmt: skip


@dataclass(frozen=True)
class Manifest:
    """A manifest that was checked."""

    path: str
    items: int
    problems: Sequence[Problem]
    sources: Sequence[RowCount] = ()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    checked=st.lists(st.builds(Manifest, IDS, st.integers(0, 10**6), st.lists(problems(), max_size=4)), min_size=1),
    width=WIDTHS,
    coloured=st.booleans(),
)
def test_problems_fit_and_are_complete(checked: list[Manifest], width: int | None, coloured: bool) -> None:
    """Each with its place and its words, and the counts in the last line."""
    text = render_problems(checked, ProblemFormat.TEXT, palette=Palette(coloured), width=width)
    flat = re.sub(r"\s", "", "".join(check_fits(text, width)))
    found = [problem for manifest in checked for problem in manifest.problems]
    for problem in found:
        assert re.sub(r"\s", "", visible(str(problem.position))) in flat
        assert re.sub(r"\s", "", visible(problem.text)) in flat
    for severity in Severity:
        if number := sum(problem.severity is severity for problem in found):
            assert f"{number:,}{severity}" in flat


def test_a_live_line_is_wrapped_at_words_unless_it_has_a_command() -> None:
    """The terminal would break words; a command has to stay one line to be copied."""
    stream = io.StringIO()
    screen = LiveScreen(stream, palette=Palette(), width=30)
    screen.line(LogLevel.ERROR, "film-1: failed (exit 3): no such codec: vp9")
    screen.line(LogLevel.INFO, "interrupted; continue with: dispatchfile resume k3v9x2ab")
    assert stream.getvalue() == (
        "FAIL film-1: failed (exit 3):\n  no such codec: vp9\n"
        "interrupted; continue with:\n  dispatchfile resume k3v9x2ab\n"
    )
