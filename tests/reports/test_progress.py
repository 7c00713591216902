"""The progress of a run, shown while it goes on."""

import io
import json
import re
from dataclasses import replace

import pytest

from dispatchfile.events import Ended, Event, Moved, Notice, NoticeKind, Sending, State, Verdict
from dispatchfile.reports.live import LiveScreen
from dispatchfile.reports.progress import EndRate, EventLines, Progress
from dispatchfile.reports.screens import JsonScreen, NoScreen, PlainScreen, Screen, View, describe_view
from dispatchfile.reports.text import PLAIN, Palette
from dispatchfile.reports.words import LogLevel
from dispatchfile.results import Results, RunFacts, event_json, run_ended_json, run_started_json
from tests.reports.making import FACTS, FAILED, GOOD, STARTED_AT, results_of, summary_of


class Clock:
    """Stands still until a test moves it."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Story:
    """A run told to a progress with a clock of its own."""

    def __init__(
        self,
        screen: Screen,
        items: int = 3,
        *,
        verbose: bool = False,
        facts: RunFacts = FACTS,
        wall_at_start: float = STARTED_AT,
    ) -> None:
        self.clock = Clock()
        self.results = results_of({f"i{n}": None for n in range(items)})
        began_at = self.clock.now
        self.progress = Progress(
            screen, now=self.clock, wall=lambda: wall_at_start + self.clock.now - began_at, verbose=verbose
        )
        self.progress.started(facts, self.results)

    def after(self, seconds: float, event: Event) -> None:
        self.clock.now += seconds
        self.results.apply(event)
        self.progress.event(event, self.results)

    def end(self, number: int, verdict: Verdict, after: float = 1.0) -> None:
        self.after(after, Ended(f"i{number}", 1, STARTED_AT + 40, verdict))


START = "run k3v9x2ab: 3 items of films.yaml to http://127.0.0.1:4646, wait: completion\n"


def test_a_log_gets_a_line_every_ten_seconds() -> None:
    """However much happens; notices and failures come at once."""
    stream = io.StringIO()
    story = Story(PlainScreen(stream))
    story.end(0, GOOD, after=4)
    story.end(1, FAILED, after=5)
    story.after(0.5, Notice(STARTED_AT, NoticeKind.NO_LEADER, "no cluster leader; retrying"))
    story.after(1, Sending("i2", 2, STARTED_AT + 41))
    assert stream.getvalue() == START + (
        "FAIL i1: failed: task encode: exit code 3; "
        "last log line: no such codec: \\x1b[31mvp9\\x1b[0m\n"
        "warning: no cluster leader; retrying\n"
        "2 of 3 items after 10s: 1 succeeded, 1 failed; 1 sending\n"
    )


def waiting(number: int, reason: str = "memory exhausted on 1 node", *, blocked: bool = True) -> Moved:
    return Moved(f"i{number}", 1, STARTED_AT + 2, State.QUEUED, f"queued: {reason}", blocked)


def test_why_a_job_waits_is_told_once_for_each_reason() -> None:
    """Another item of the job that waits for the same adds nothing, and neither does one that is evaluated."""
    stream = io.StringIO()
    story = Story(PlainScreen(stream))
    story.after(1, waiting(0, "Nomad is evaluating it", blocked=False))
    story.after(1, waiting(0))
    story.after(1, waiting(1))
    story.after(1, waiting(1, "disk exhausted on 1 node"))
    assert stream.getvalue() == START + (
        "i0: queued: memory exhausted on 1 node\ni1: queued: disk exhausted on 1 node\n"
    )


def test_only_ten_reasons_to_wait_are_told() -> None:
    """`status` has them all."""
    stream = io.StringIO()
    story = Story(PlainScreen(stream))
    for number in range(12):
        story.after(0.1, waiting(0, f"reason {number}"))
    assert stream.getvalue() == START + "".join(f"i0: queued: reason {number}\n" for number in range(10))


def test_a_view_says_why_jobs_wait() -> None:
    """The reason is shown as long as jobs wait."""
    screen = Views()
    story = Story(screen)
    story.after(11, waiting(0))
    story.after(11, Moved("i0", 1, STARTED_AT + 30, State.RUNNING))
    assert [view.waits for view in screen.views] == [("video-encode: queued: memory exhausted on 1 node",), ()]


class Views(NoScreen):
    """Keeps its views."""

    every_s = 10.0

    def __init__(self) -> None:
        self.views: list[View] = []

    def show(self, view: View) -> None:
        self.views.append(view)


def test_a_run_in_which_nothing_happens_is_seen_to_live() -> None:
    """Some CI systems kill a job that is silent for minutes."""
    stream = io.StringIO()
    story = Story(PlainScreen(stream))
    for _ in range(40):
        story.clock.now += 0.5
        story.progress.tick()
    assert stream.getvalue() == START + ("0 of 3 items after 10s: 3 queued\n0 of 3 items after 20s: 3 queued\n")


def test_only_the_first_failures_are_told_one_by_one() -> None:
    """A log of 3,000 such lines helps nobody; the summary groups them."""
    stream = io.StringIO()
    story = Story(PlainScreen(stream), items=50)
    for number in range(50):
        story.end(number, FAILED, after=0.01)
    lines = stream.getvalue().splitlines()[1:]
    assert len(lines) == 11
    assert lines[10] == "further failures are only counted; the summary groups them"


def test_everything_is_told_on_request() -> None:
    """A line for every event."""
    stream = io.StringIO()
    story = Story(PlainScreen(stream), verbose=True)
    story.after(1, Sending("i2", 2, STARTED_AT + 41))
    assert stream.getvalue() == START + "i2, attempt 2: sending\n"


def test_colours_only_repeat_words() -> None:
    """FAIL and warning are words of their own."""
    stream = io.StringIO()
    screen = PlainScreen(stream, Palette(on=True))
    screen.line(LogLevel.ERROR, "a")
    screen.line(LogLevel.WARNING, "b")
    screen.line(LogLevel.INFO, "c")
    assert stream.getvalue() == "\x1b[1;31mFAIL\x1b[0m a\n\x1b[33mwarning:\x1b[0m b\nc\n"


def test_log_collectors_get_json() -> None:
    """One object a line, with a level and a time."""
    stream = io.StringIO()
    story = Story(JsonScreen(stream, lambda: STARTED_AT))
    story.after(0, Notice(STARTED_AT, NoticeKind.THROTTLED, "slower"))
    story.clock.now += 10
    story.progress.tick()
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"ts": "2026-11-18T11:06:40.000Z", "level": "info", "message": START.rstrip("\n")},
        {"ts": "2026-11-18T11:06:40.000Z", "level": "warning", "message": "slower"},
        {"ts": "2026-11-18T11:06:40.000Z", "level": "info", "message": "0 of 3 items after 10s: 3 queued"},
    ]


def test_the_pace_is_that_of_the_last_minute() -> None:
    """A slow start is forgotten; before two seconds there is none."""
    pace = EndRate()
    found = []
    for at, ended in [(0, 0), (1, 5), (2, 10), (30, 10), (62, 70), (92, 130)]:
        pace.add(at, ended)
        found.append(pace.per_second)
    assert found == [None, None, 5.0, 10 / 30, 1.0, 120 / 62]


class Recorder(NoScreen):
    """Keeps what it is to show."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self.views: list[View] = []
        self.closed = 0

    def show(self, view: View) -> None:
        self.views.append(view)

    def close(self) -> None:
        self.closed += 1


def test_a_hundred_thousand_events_cost_a_few_views() -> None:
    """Views come at the screen's pace, not at that of the events."""
    screen = Recorder(every_s=0.25)
    story = Story(screen, items=1)
    event = Sending("i0", 1, STARTED_AT)
    for _ in range(100_000):
        story.clock.now += 0.0001
        story.progress.event(event, story.results)
    assert 39 <= len(screen.views) <= 41


def test_the_time_left_follows_from_the_pace() -> None:
    """Two of four items in four seconds: two more take as long."""
    screen = Recorder(every_s=1.0)
    story = Story(screen, items=4)
    story.clock.now += 1
    story.progress.tick()
    story.end(0, GOOD, after=2)
    story.end(1, GOOD, after=2)
    assert [(view.ended, view.per_second, view.left_s) for view in screen.views] == [
        (0, None, None),
        (1, 0.5, 6.0),
        (2, 0.5, 4.0),
    ]


def test_no_time_left_is_shown_once_the_pace_is_refuted() -> None:
    """Of four items two end at once and the others run on: the estimate goes as soon as it is over."""
    screen = Recorder(every_s=1.0)
    story = Story(screen, items=4)
    story.clock.now += 1
    story.progress.tick()
    story.end(0, GOOD, after=1)
    story.end(1, GOOD, after=1)
    for _ in range(3):
        story.clock.now += 1
        story.progress.tick()
    assert [view.left_s for view in screen.views] == [None, None, 2.0, 3.0, 4.0, None]


@pytest.mark.parametrize(
    ("per_second", "shown"),
    [(None, ""), (0.0, ""), (0.05, "; 3.0 items/min"), (0.1, "; 0.1 items/s"), (2.0, "; 2.0 items/s")],
)
def test_a_pace_names_its_unit(per_second: float | None, shown: str) -> None:
    """A run of which nothing ends has no pace."""
    view = replace(_view(results_of({"a": None})), per_second=per_second, left_s=None)
    assert describe_view(view) == f"0 of 1 item after 1m23s: 1 queued{shown}"


def test_the_time_is_that_of_the_run_and_not_of_who_watches_it() -> None:
    """Two minutes after its start somebody begins to watch; its timeout is an hour."""
    screen = Recorder(every_s=1.0)
    facts = replace(FACTS, ends_by=STARTED_AT + 3600)
    story = Story(screen, facts=facts, wall_at_start=STARTED_AT + 120)
    story.clock.now += 5
    story.progress.tick()
    assert [(view.elapsed_s, view.timeout_s) for view in screen.views] == [(125.0, 3475.0)]
    assert describe_view(screen.views[0]) == "0 of 3 items after 2m05s: 3 queued; timeout in 57m55s"


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    """A run that seems to start in the future started now."""
    screen = Recorder(every_s=1.0)
    story = Story(screen, wall_at_start=STARTED_AT - 50)
    story.clock.now += 5
    story.progress.tick()
    assert [view.elapsed_s for view in screen.views] == [5.0]


def test_the_screen_is_left_as_it_was_found() -> None:
    """The view goes away at the end of the run, and nothing is shown after it."""
    screen = Recorder(every_s=0.0)
    story = Story(screen)
    story.progress.finished(summary_of({}))
    story.progress.tick()
    assert (screen.views, screen.closed) == ([], 1)


def test_a_script_gets_a_line_for_each_event() -> None:
    """Lines are printed from the run's start to its end, as events happen."""
    written: list[str] = []
    lines = EventLines(written.append)
    results, summary = results_of({"a": None}), summary_of({"a": GOOD})
    event = Ended("a", 1, STARTED_AT, GOOD)
    lines.note("for people")
    lines.started(FACTS, results)
    lines.event(event, results)
    lines.finished(summary)
    assert [json.loads(line) for line in written] == [
        run_started_json(FACTS, items=1),
        event_json("k3v9x2ab", event),
        run_ended_json(summary),
    ]
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in written)


def _view(results: Results) -> View:
    return View("nightly k3v9x2ab", results.total, results.counts(), 83.0, 2.0, 45.0)


def test_a_terminal_gets_a_bar_with_counts_and_time() -> None:
    """The bar takes three lines, which go away at the end; printed lines stay."""
    stream = io.StringIO()
    screen = LiveScreen(stream, palette=PLAIN, width=70)
    screen.show(_view(results_of({"a": GOOD, "b": FAILED, "c": None, "d": None})))
    screen.line(LogLevel.ERROR, "b: failed [red]not markup[/red] :smile:")
    screen.close()
    written = stream.getvalue()
    assert "nightly k3v9x2ab" in written
    assert "2/4  1m23s" in written
    assert "1 succeeded  1 failed  2 queued" in written
    assert "2.0 items/s  about 45s left" in written
    assert "FAIL b: failed [red]not markup[/red] :smile:\n" in written
    assert written.endswith("\x1b[2K\n")


def test_a_terminal_without_colours_gets_none() -> None:
    """Moving the cursor is no colour."""
    stream = io.StringIO()
    screen = LiveScreen(stream, palette=PLAIN, width=70)
    screen.show(_view(results_of({"a": FAILED})))
    assert "\x1b[31m" not in stream.getvalue()
    assert "\x1b[1;31m" not in stream.getvalue()
    screen.close()


class Terminal(io.StringIO):
    """A terminal of an encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:
        return self._encoding


@pytest.mark.parametrize("width", [4, 10, 20, 40, 80])
@pytest.mark.parametrize(("encoding", "bar"), [("ascii", "-"), ("iso8859-1", "-"), ("utf-8", "\u2501")])
def test_the_bar_is_made_of_what_the_terminal_can_show(encoding: str, bar: str, width: int) -> None:
    """No line of it is wider than the terminal, so none of them scrolls."""
    stream = Terminal(encoding)
    screen = LiveScreen(stream, palette=PLAIN, width=width)
    view = replace(_view(results_of({"a": GOOD, "b": FAILED, "c": None, "d": None})), title="n\u00e4chtlich " * 5)
    screen.show(view)
    text = CONTROLS.sub("", stream.getvalue())
    screen.close()
    assert (bar in text.splitlines()[0]) is (width >= 20)
    assert max(map(len, text.splitlines())) <= width
    assert text.isascii() is (encoding != "utf-8")


CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
