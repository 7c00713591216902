"""Describes the start of a resume in one line: what it waits for, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from dispatchfile.engine import Start
from dispatchfile.settings import Settings, Wait, format_duration

GOALS = {
    Wait.COMPLETION: "to follow to the end",
    Wait.PLACEMENT: "to follow to placement",
    Wait.DETACH: "found in Nomad",
}


def describe_resumption(
    items: Iterable[str], starts: Mapping[str, Start], settings: Settings, *, now: float, deadline: float | None
) -> str:
    """
    Return `resuming: 648 items to send, 40 children to follow to the end, 3 items to look for in Nomad (up to 45s)`.

    items: those without an outcome. now and deadline: seconds since the epoch.
    """
    parts = ", ".join(_parts([starts.get(item, Start()) for item in items], settings, now)) or "nothing is left to do"
    timeout = "" if deadline is None else f"; the run times out in {_span(deadline - now)}"
    return f"resuming: {parts}{timeout}"


def _parts(starts: Iterable[Start], settings: Settings, now: float) -> Iterator[str]:
    followed, doubtful, retries, fresh = 0, 0, list[float](), 0
    for start in starts:
        if start.child:
            followed += 1
        elif start.in_doubt:
            doubtful += 1
        elif start.retry_at is not None and start.retry_at > now:
            retries.append(start.retry_at)
        else:
            fresh += 1
    if fresh:
        yield f"{fresh:,} item{'s' * (fresh != 1)} to send"
    if followed:
        yield f"{followed:,} {'child' if followed == 1 else 'children'} {GOALS[settings.wait]}"
    if doubtful:
        seconds = settings.settle.total_seconds()
        yield f"{doubtful:,} item{'s' * (doubtful != 1)} to look for in Nomad (up to {_span(seconds)})"
    if retries:
        noun = "retry" if len(retries) == 1 else "retries"
        yield f"{len(retries):,} {noun} (the first in {_span(min(retries) - now)})"


def _span(seconds: float) -> str:
    return format_duration(timedelta(seconds=max(0, round(seconds))))
