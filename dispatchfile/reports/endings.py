"""The words for how an item ended, the same in tables, progress lines and reports."""

from __future__ import annotations

from dispatchfile.events import Cause
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


def message_of(item: ItemResult) -> str:
    """Return what is known of the item's end on one line, or a dash."""
    return one_line(message_with_line(item.message, item.last_log_line)) or "-"
