"""Texts, times and numbers as messages show them."""

from __future__ import annotations

import re
import signal
from datetime import UTC, datetime

LONGEST_DETAIL = 300


def one_line(text: str) -> str:
    """*text* in one line that any terminal can show, cut to a bearable length."""
    words = " ".join(re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text).split())
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words)
    return shown if len(shown) <= LONGEST_DETAIL else shown[: LONGEST_DETAIL - 1] + "…"


def to_epoch(timestamp: str) -> float | None:
    """Seconds since the epoch; None for what is no time, and for Go's zero time."""
    try:
        seconds = datetime.fromisoformat(timestamp).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def to_epoch_or_0(timestamp: str) -> float:
    return to_epoch(timestamp) or 0.0


def to_timestamp(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat()


def describe_span(started_at: str, finished_at: str) -> str:
    started, finished = to_epoch(started_at), to_epoch(finished_at)
    if started is None or finished is None or finished < started:
        return ""
    return f" after {_describe_duration(finished - started)}"


def _describe_duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f}s".replace(".0s", "s")
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "m"), (rest if not hours else 0, "s")]
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def count_nodes(count: int) -> str:
    return f"{count} node" if count == 1 else f"{count} nodes"


def name_signal(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} (signal {number})"
    except ValueError:
        return f"signal {number}"


def to_seconds(timestamp: str) -> str:
    """Return the RFC 3339 *timestamp* without fractions."""
    return re.sub(r"\.[0-9]+", "", one_line(timestamp))
