"""Describes an event in one line."""

from __future__ import annotations

from enum import StrEnum

from dispatchfile.events import (
    Accepted,
    Doubled,
    Doubted,
    Ended,
    Event,
    ItemEvent,
    Moved,
    Notice,
    NoticeKind,
    Outcome,
    Repeated,
    Sending,
    Verdict,
)
from dispatchfile.reports.endings import describe_ending
from dispatchfile.reports.text import one_line, span

GOOD_NEWS = frozenset({NoticeKind.CANARY_PASSED})


class LogLevel(StrEnum):
    """The severity of a line."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def level_of(event: Event) -> LogLevel:
    """Return the level: an error is a failure that stays, a warning one that may still be mended."""
    match event:
        case Doubled():
            return LogLevel.ERROR
        case Ended():
            return _level_of_end(event)
        case Notice():
            return LogLevel.INFO if event.kind in GOOD_NEWS else LogLevel.WARNING
        case Doubted() | Repeated():
            return LogLevel.WARNING
    return LogLevel.INFO


def _level_of_end(event: Ended) -> LogLevel:
    if event.verdict.outcome.exit_class == 0:
        return LogLevel.INFO
    is_over = event.retry_at is None and event.verdict.outcome is not Outcome.UNSENT
    return LogLevel.ERROR if is_over else LogLevel.WARNING


def describe_event(event: Event) -> str:
    """Return `intro: failed (exit 3): no such codec`."""
    if isinstance(event, Notice):
        return one_line(event.message)
    name = event.item if event.attempt == 1 else f"{event.item}, attempt {event.attempt}"
    return one_line(f"{name}: {_happening(event)}")


def _happening(event: ItemEvent) -> str:
    match event:
        case Sending():
            words = "sending"
        case Accepted():
            words = _arrival(event)
        case Doubted():
            words = f"in doubt: {event.reason}"
        case Repeated():
            words = f"to be sent again: {event.reason}"
        case Moved():
            is_told = event.message.startswith(event.state)
            words = event.message if is_told else f"{event.state}: {event.message}" if event.message else event.state
        case Ended():
            words = _ending(event.verdict, None if event.retry_at is None else event.retry_at - event.at)
        case Doubled():
            words = f"ONE ATTEMPT HAS {len(event.children)} CHILDREN: {', '.join(event.children)}"
    return words


def _arrival(event: Accepted) -> str:
    if event.existing:
        return f"Nomad already had {event.child} for its token"
    return f"found as {event.child}" if event.adopted else f"dispatched as {event.child}"


def _ending(verdict: Verdict, wait_s: float | None) -> str:
    again = "" if wait_s is None else f"; next attempt in {span(max(0.0, wait_s))}"
    return describe_ending(verdict) + again
