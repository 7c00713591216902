"""Runs of every kind for tests of the HTML report, made without a server and without chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dispatchfile.events import Accepted, Cause, Ended, Event, Outcome, Sending, Verdict
from dispatchfile.items import Item
from dispatchfile.results import ItemFacts, Requests, Results, RunFacts, Summary, summarize
from dispatchfile.results.detail import AttemptDetail, RunDetail, RunOrigin
from dispatchfile.source import Position
from tests.making import make_item

STARTED_AT = 1_795_000_000.0
RUN = "k3v9x2ab"
FACTS = RunFacts(RUN, "nightly-encode", "films.yaml", "http://nomad.example:4646", "completion", STARTED_AT)
ORIGIN = RunOrigin(version="0.1.0", commit="1f3c9d0e5a7b2c4d6e8f1f3c9d0e5a7b2c4d6e8f (changed)")
LOGS = (
    "no such codec: vp9",
    "Ошибка: файл не найден",
    "خطأ: الملف غير موجود",
    "エラー: ファイルが見つかりません",
    '<script>alert(1)</script> & "quotes"',
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt as a test tells it; times are seconds since the run's start. *ended* None: it spans."""

    sent: float
    running: float | None
    ended: float | None
    verdict: Verdict | None
    retry: bool = False


Story = Mapping[str, Sequence[Attempt]]
GOOD = Verdict(Outcome.SUCCEEDED, node="node-1", starts=1)


def bad(number: int = 0, node: str = "node-1") -> Verdict:
    """Return a failure whose last words differ with *number*."""
    line = LOGS[number % len(LOGS)]
    return Verdict(Outcome.FAILED, Cause.EXIT, "task encode: exit code 3", 3, node, 2, line, task="encode", group="g")


def story_of(items: int, *, nodes: int = 3, fails: Callable[[int], bool] = lambda number: number % 7 == 3) -> Story:
    """Return a run of that many items: 16 at a time, of lengths that are spread, every seventh failing."""
    story: dict[str, Sequence[Attempt]] = {}
    for number in range(items):
        start = 1.0 + 12 * (number // 16) + number % 16 / 4
        length = 5 + (number * 7919 % 97) / 4 + (60 if number % 41 == 7 else 0)
        node = f"node-{number % nodes + 1}"
        verdict = bad(number, node) if fails(number) else replace(GOOD, node=node)
        last = Attempt(start, start + 2 + number % 3, start + length, verdict)
        if number % 13 == 5:
            first = Attempt(start, start + 1, start + 4, bad(1, node), retry=True)
            last = Attempt(start + 6, start + 8, start + 6 + length, verdict)
            story[f"film-{number}"] = [first, last]
        else:
            story[f"film-{number}"] = [last]
    return story


def detail_of(
    story: Story,
    *,
    state: str = "finished",
    ended_after: float | None = None,
    item: Callable[[str], Item] | None = None,
) -> RunDetail:
    """Return the run in which the items went as the story says; *state* "running" has no end."""
    items = [(item or _item)(name) for name in story]
    ends = [one.ended or one.sent for attempts in story.values() for one in attempts]
    length = ended_after if ended_after is not None else max(ends, default=0.0) + 1
    is_running = state == "running"
    results = Results(map(_facts, items))
    for event in _events(story):
        results.apply(event)
    summary = summarize(
        results,
        FACTS,
        state=state,
        finished_at=None if is_running else STARTED_AT + length,
        requests=Requests(412, 200, 0, 0, 9),
    )
    attempts = {name: [_detail(name, number, one) for number, one in _numbered(story[name])] for name in story}
    return RunDetail(summary, STARTED_AT + length, ORIGIN, attempts, lambda: items)


def with_summary(detail: RunDetail, **changes: object) -> RunDetail:
    """Return the run with some of its summary changed."""
    return replace(detail, summary=replace(detail.summary, **changes))


def without_journal(summary: Summary) -> RunDetail:
    """Return the run as a summary alone tells it."""
    return RunDetail(summary, STARTED_AT + 900)


def _item(name: str) -> Item:
    number = int(name.rpartition("-")[2]) if name.rpartition("-")[2].isdigit() else 0
    return replace(
        make_item(
            name,
            job="video-encode" if number % 3 else "audio-encode",
            payload=b'{"input": "%d.mov"}' % number,
            meta={"title": f"Film {number}", "quality": "1080p"},
            tags=("films", "eu") if number % 2 else ("films",),
            line=number + 1,
        ),
        position=Position("films.yaml", number + 1, 5),
    )


def _facts(item: Item) -> ItemFacts:
    request = item.request
    return ItemFacts(item.id, request.job, request.namespace, request.region, item.tags, item.position, item.source)


def _numbered(attempts: Sequence[Attempt]) -> Iterator[tuple[int, Attempt]]:
    return enumerate(attempts, start=1)


def _events(story: Story) -> Iterator[Event]:
    for name, attempts in story.items():
        for number, one in _numbered(attempts):
            at = STARTED_AT + one.sent
            if one.verdict is None or one.verdict.outcome is not Outcome.UNSENT:
                yield Sending(name, number, at)
                yield Accepted(name, number, at, _child(name, number), f"e{number}")
            if one.verdict is not None and one.ended is not None:
                ended = STARTED_AT + one.ended
                yield Ended(name, number, ended, one.verdict, ended + 2 if one.retry else None)


def _detail(name: str, number: int, one: Attempt) -> AttemptDetail:
    was_sent = one.verdict is None or one.verdict.outcome is not Outcome.UNSENT
    return AttemptDetail(
        number=number,
        prefix=f"{RUN}-{name}-{number}",
        token=None,
        may_be_sent=was_sent,
        child=_child(name, number) if was_sent else "",
        eval_id="8ea2ba75-4c5c-8a1f-7e4d-2a1c5d1f0e01" if was_sent else "",
        dispatched_at=STARTED_AT + one.sent if was_sent else None,
        seen_running_at=None if one.running is None else STARTED_AT + one.running,
        ended_at=None if one.ended is None else STARTED_AT + one.ended,
        verdict=one.verdict,
        retry_at=STARTED_AT + one.ended + 2 if one.retry and one.ended is not None else None,
    )


def _child(name: str, number: int) -> str:
    return f"video-encode/dispatch-{RUN}-{name}-{number}-1795000000-0000000{number}"
