"""A run's journal folded to results."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from dispatchfile.events import Accepted, Doubled, Ended, Event, Sending
from dispatchfile.journal import JournalReader, RunState, StoredRun
from dispatchfile.results import Results

OF_ENDED = (Accepted, Ended, Doubled)  # half of all events: all that counts of items that have ended


def fold_journal(reader: JournalReader, stored: StoredRun) -> Results:
    """Fold all events of a journal while they are read. 100,000 items take some seconds. Raises JournalError."""
    with uncollected():
        results = Results(reader.facts())
        if stored.status.state is not RunState.FINISHED:
            _fold(results, reader.events())
        elif _fold(results, reader.events(OF_ENDED)):
            _fold(results, reader.events([Sending]))
    return results


def fold_past(reader: JournalReader, stored: StoredRun) -> Results:
    """As `fold_journal`, with the ends that were seen while no process worked on the run. Raises JournalError."""
    results = fold_journal(reader, stored)
    for seen in reader.observations().values():
        results.observe(seen)
    return results


def _fold(results: Results, events: Iterable[Event]) -> bool:
    """Fold the events. Return whether a child was adopted: its time of dispatch is then that of its request."""
    adopted = False
    for event in events:
        results.apply(event)
        adopted = adopted or (isinstance(event, Accepted) and event.adopted)
    return adopted


@contextmanager
def uncollected() -> Iterator[None]:
    """
    Pause the garbage collector. While millions of objects are made and none is dropped, it takes a third of the time.

    They stay until the command is over, so it does not walk through them later either.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()
