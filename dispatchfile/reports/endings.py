"""The words for how an item ended, the same in tables, progress lines and reports."""

from __future__ import annotations

from dispatchfile.events import Cause, Verdict
from dispatchfile.reports.text import one_line
from dispatchfile.results import ItemResult


def cause_of(cause: Cause | None, exit_code: int | None) -> str:
    """Return `exit 3`, `oom`, or a dash where there is no cause."""
    if cause is None:
        return "-"
    return f"{cause} {exit_code}" if cause is Cause.EXIT and exit_code is not None else str(cause)


def message_with_line(message: str, last_line: str) -> str:
    """Return the message and, behind it, the last line of the task's log."""
    if not last_line:
        return message
    return f"{message}; last log line: {last_line}" if message else f"last log line: {last_line}"


def describe_ending(verdict: Verdict) -> str:
    """Return `failed (oom): out of memory`; an exit code that the message gives is not repeated beside the outcome."""
    is_said = verdict.cause is Cause.EXIT and f"exit code {verdict.exit_code} " in f"{verdict.message} "
    cause = f" ({cause_of(verdict.cause, verdict.exit_code)})" if verdict.cause and not is_said else ""
    said = message_with_line(verdict.message, verdict.last_log_line)
    return f"{verdict.outcome}{cause}" + (f": {said}" if said else "")


def message_of(item: ItemResult) -> str:
    """Return what is known of the item's end on one line, or a dash."""
    return one_line(message_with_line(item.message, item.last_log_line)) or "-"
