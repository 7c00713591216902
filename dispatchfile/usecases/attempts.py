"""Reads the attempts of a past run's items from its journal, with the ends that were observed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dispatchfile.events import Moved, State
from dispatchfile.journal import JournalReader
from dispatchfile.results import AttemptHistory
from dispatchfile.results.detail import AttemptDetail


def read_attempts(reader: JournalReader, only: str | None = None) -> Mapping[str, Sequence[AttemptDetail]]:
    """
    Return the attempts of each item that were begun, and its first one in any case. Raises JournalError.

    only: the ID of the one item that is asked for.
    """
    found: dict[str, dict[int, AttemptHistory]] = {}
    for (item, number), history in reader.attempts().items():
        if only is None or item == only:
            found.setdefault(item, {})[number] = history
    for (item, number), seen in reader.observations().items():
        observed = found.get(item, {}).get(number)
        if observed is not None and _has_no_end(observed):
            observed.ended = seen
    running = _seen_running(reader)
    return {item: _begun(item, histories, running) for item, histories in found.items()}


def _seen_running(reader: JournalReader) -> Mapping[tuple[str, int], float]:
    """Return when each attempt was first seen running."""
    running: dict[tuple[str, int], float] = {}
    for event in reader.events([Moved]):
        if isinstance(event, Moved) and event.state is State.RUNNING:
            running.setdefault((event.item, event.attempt), event.at)
    return running


def _begun(
    item: str, histories: Mapping[int, AttemptHistory], running: Mapping[tuple[str, int], float]
) -> Sequence[AttemptDetail]:
    details = [_detail(histories[number], running.get((item, number))) for number in sorted(histories)]
    return [one for one in details if one.number == 1 or one.may_be_sent or one.child or one.verdict]


def _has_no_end(history: AttemptHistory) -> bool:
    return history.ended is None or history.ended.verdict.outcome.is_detached


def _detail(history: AttemptHistory, running_at: float | None) -> AttemptDetail:
    intent, accepted, ended = history.intent, history.accepted, history.ended
    return AttemptDetail(
        number=history.number,
        prefix=intent.prefix,
        token=intent.token,
        may_be_sent=history.marked,
        child=accepted.child if accepted else "",
        eval_id=accepted.eval_id if accepted else "",
        existing=accepted.existing if accepted else False,
        dispatched_at=accepted.at if accepted else None,
        seen_running_at=running_at,
        ended_at=ended.at if ended else None,
        verdict=ended.verdict if ended else None,
        retry_at=ended.retry_at if ended else None,
        doubt=history.doubted.reason if history.doubted and history.in_doubt else "",
    )
