"""
The items of a run as JSON, for the script of the page: a row for each, and the details of as many as there is room for.

Texts that may be repeated stand in one list, and rows and details name them by their place in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dispatchfile.events import Outcome
from dispatchfile.items import Item
from dispatchfile.reports.endings import cause_of, message_of
from dispatchfile.reports.html.timeline import CLASSES, LIVING
from dispatchfile.reports.item import masked, next_steps
from dispatchfile.reports.requests import shown_meta
from dispatchfile.reports.text import count_of, one_line, shorten, span, visible, visible_lines
from dispatchfile.results import LOCAL, ItemResult, Summary
from dispatchfile.results.detail import AttemptDetail, ItemDetail, RunDetail
from dispatchfile.results.figures import by_interest
from dispatchfile.secrecy import MASKED

LONGEST_MESSAGE = 200
LONGEST_VALUE = 1_000
LONGEST_PAYLOAD = 2_000
SMALL_RUN = 10_000  # items
SMALL_FILE = 4_950_000  # bytes of such a run's page
BYTES_AN_ITEM = 150  # more for each further item
LARGEST_FILE = 19_500_000
BYTES_BETWEEN = 6  # of a row and the next, and of an item without details
SHARE_OF_ROWS = 0.85  # the rest is for details
ESCAPES = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))
ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Value = int | str | list[float]  # the place of a text, a text, or seconds since the run's start
Field = tuple[int, Value]
Section = tuple[int, list[Field]]


@dataclass(slots=True)
class Texts:
    """Texts and their places."""

    places: dict[str, int] = field(default_factory=dict)
    size: int = 0  # of all of them, in bytes

    def place(self, text: str) -> int:
        found = self.places.get(text)
        if found is None:
            found = self.places[text] = len(self.places)
            self.size += size_of(escaped_json(text)) + 1
        return found


@dataclass(frozen=True, slots=True)
class ItemData:
    """The data of a page, and what of it had no room."""

    json: str
    without_row: int
    without_details: int


def escaped_json(value: object) -> str:
    """Return *value* as JSON that ends no script and begins no comment, wherever it stands in a page."""
    text = ENCODE(value)
    for char, escape in ESCAPES:
        text = text.replace(char, escape)
    return text


def size_of(text: str) -> int:
    """Return the bytes of *text* in a file."""
    return len(text) if text.isascii() else len(text.encode(errors="backslashreplace"))


def largest_file(items: int) -> int:
    """Return how many bytes the page of a run of that many items may have."""
    return min(LARGEST_FILE, SMALL_FILE + BYTES_AN_ITEM * max(0, items - SMALL_RUN))


def item_data(detail: RunDetail, room: int) -> ItemData:
    """
    Return the data of all items, as far as there is room; what did not succeed and the slowest come first.

    room: the bytes that the data may take.
    """
    summary, texts = detail.summary, Texts()
    order = by_interest(summary.items)
    rows = _rows(summary, order, texts, int(room * SHARE_OF_ROWS))
    used = texts.size + sum(size_of(row) + BYTES_BETWEEN for row in rows.values())
    details = _details(detail, [place for place in order if place in rows], texts, room - used)
    shown = sorted(rows)
    head = {
        "run": visible(summary.run),
        "start": round(summary.started_at * 1000),
        "ui": visible(summary.target) if has_ui(summary) else "",
        "tones": {str(outcome): CLASSES[outcome.exit_class] for outcome in Outcome},
    }
    pieces = [
        f'{escaped_json(head)[:-1]},"rows":[',
        ",\n".join(rows[place] for place in shown),
        '],"details":[',
        ",\n".join(details.get(place, "0") for place in shown),
        f'],"texts":{escaped_json(list(texts.places))}}}',
    ]
    return ItemData("".join(pieces), len(order) - len(rows), len(order) - len(details))


def has_ui(summary: Summary) -> bool:
    """Return whether the target has a Web UI that a browser may be sent to."""
    return summary.target != LOCAL and summary.target.startswith(("http://", "https://"))


def _rows(summary: Summary, order: Iterable[int], texts: Texts, room: int) -> Mapping[int, str]:
    rows, used = {}, 0
    for place in order:
        row = escaped_json(_row(place, summary.items[place], summary.started_at, texts))
        used += size_of(row) + BYTES_BETWEEN
        if used + texts.size > room:
            break
        rows[place] = row
    return rows


def _row(place: int, item: ItemResult, start: float, texts: Texts) -> list[object]:
    began = item.dispatched_at
    return [
        place,
        visible(item.id),
        texts.place(visible(item.source)),
        texts.place(visible(item.job)),
        texts.place(one_line(item.node)),
        texts.place(str(item.outcome or item.state)),
        texts.place(cause_of(item.cause, item.exit_code) if item.cause else ""),
        attempts_of(item),
        item.starts,
        None if began is None else round(began - start, 1),
        shown_duration(item),
        texts.place(said_of(item)),
        texts.place(one_line(", ".join(item.tags))),
        texts.place(visible(item.namespace)),
    ]


def attempts_of(item: ItemResult) -> int:
    """Return how many attempts of the item were begun."""
    return 0 if item.outcome in {Outcome.SKIPPED, Outcome.UNSENT} else item.attempt


def shown_duration(item: ItemResult) -> float | None:
    """Return the seconds from dispatch to end; None of an item whose end nobody waited for."""
    return None if item.outcome is not None and item.outcome.is_detached else item.duration_s


def said_of(item: ItemResult) -> str:
    """Return the message on the item and the last line of its log; empty if there is neither."""
    return shorten(message_of(item), LONGEST_MESSAGE) if item.message or item.last_log_line else ""


def tone_of(item: ItemResult) -> str:
    """Return the class of the colour of the item's outcome."""
    return LIVING if item.outcome is None else CLASSES[item.outcome.exit_class]


# Details


def _details(detail: RunDetail, order: Sequence[int], texts: Texts, room: int) -> Mapping[int, str]:
    """Return the details of as many items as there is room for, the first in *order* first."""
    requests = _requests(detail, order, room)
    found: dict[int, str] = {}
    for place in order:
        item, before = detail.summary.items[place], texts.size
        sections = list(_sections(detail, item, requests.get(item.id), texts))
        text = escaped_json(sections)
        room -= size_of(text) + texts.size - before
        if room < 0:
            break
        found[place] = text
    return found


def _requests(detail: RunDetail, order: Sequence[int], room: int) -> Mapping[str, Item]:
    """Return the requests of the first items in *order*: no more than fit in any case."""
    least = 40  # bytes that the details of an item take
    wanted = {detail.summary.items[place].id for place in order[: room // least]}
    return {item.id: item for item in detail.read_items() if item.id in wanted}


def _sections(detail: RunDetail, result: ItemResult, item: Item | None, texts: Texts) -> Iterator[Section]:
    yield _section("", _about(detail, result, item), detail, texts)
    if item is not None:
        yield _section("Request", _request(item), detail, texts)
    for attempt in detail.attempts.get(result.id, ()):
        fields = _attempt(attempt, is_last=attempt.number == result.attempt)
        yield _section(f"Attempt {attempt.number}", fields, detail, texts)


def _section(title: str, fields: Iterable[tuple[str, str | float | None]], detail: RunDetail, texts: Texts) -> Section:
    start, found = detail.summary.started_at, list[Field]()
    for key, value in fields:
        if isinstance(value, float):
            found.append((texts.place(key), [round(value - start, 1)]))
        elif value:
            found.append((texts.place(key), texts.place(value)))
    return texts.place(title), found


def _about(detail: RunDetail, result: ItemResult, item: Item | None) -> Iterator[tuple[str, str]]:
    yield "message", shorten(one_line(result.message), LONGEST_VALUE)
    yield "last log line", shorten(visible_lines(result.last_log_line)[0], LONGEST_VALUE)
    place = result.position if item is None else item.row or item.position
    yield "source", visible(result.source or str(place or ""))
    later = detail.summary.later.get(result.id)
    if later is not None:
        yield "since", f"{later.outcome or 'sent, without an end on record'} in rerun {later.run}"
    if item is None or result.outcome is None or not result.outcome.exit_class:
        return
    attempts = detail.attempts.get(result.id, ())
    known = ItemDetail(
        detail.summary.run, detail.summary.state, detail.summary.target, item, result, attempts, None, "",
        detail.origin.is_dispatch, later,
    )  # fmt: skip
    for step in next_steps(known):
        yield "next", visible(step)


def _request(item: Item) -> Iterator[tuple[str, str]]:
    request = item.request
    yield "job", visible(request.job)
    yield "namespace", visible(request.namespace)
    yield "region", visible(request.region)
    yield "priority", "" if request.priority is None else str(request.priority)
    yield "timeout", "" if item.deadline is None else span(item.deadline.total_seconds())
    for key, value in shown_meta(masked(item)).items():
        yield f"meta {visible(key)}", shorten(visible(value), LONGEST_VALUE)
    yield "payload", _payload(item)


def _payload(item: Item) -> str:
    if "payload" in item.sensitive:
        return MASKED
    payload = item.request.payload
    if not payload:
        return ""
    size = count_of(len(payload), "byte")
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return f"{size}, not text"
    return "\n".join([size, *visible_lines(shorten(text, LONGEST_PAYLOAD).rstrip("\n"))])


def _attempt(attempt: AttemptDetail, *, is_last: bool) -> Iterator[tuple[str, str | float | None]]:
    """Yield the fields of an attempt. is_last: its message is the item's, and is not repeated."""
    verdict = attempt.verdict
    if verdict is not None:
        cause = f" ({cause_of(verdict.cause, verdict.exit_code)})" if verdict.cause else ""
        yield "outcome", f"{verdict.outcome}{cause}"
    if verdict is not None and not is_last:
        yield "message", shorten(one_line(verdict.message), LONGEST_VALUE)
        yield "last log line", shorten(visible_lines(verdict.last_log_line)[0], LONGEST_VALUE)
    yield "child", visible(attempt.child) + (" (it already existed)" if attempt.existing else "")
    yield "evaluation", visible(attempt.eval_id)
    yield "token", visible(attempt.token or "")
    if not attempt.child:
        yield "sent", f"perhaps: {one_line(attempt.doubt)}".rstrip(": ") if attempt.may_be_sent else "no"
    yield "dispatched", attempt.dispatched_at
    yield "seen running", attempt.seen_running_at
    yield "ended", attempt.ended_at
    yield "retry", attempt.retry_at
    if verdict is not None:
        place = "" if verdict.alloc_index is None else f"{verdict.group}[{verdict.alloc_index}]"
        yield "allocation", visible(verdict.alloc_id)
        yield "place", visible(place)
        yield "task", visible(verdict.task)
        yield "node", one_line(verdict.node)
        yield "starts", str(verdict.starts) if verdict.starts else ""
