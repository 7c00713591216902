"""A run's journal read back, while it is written or at any time after."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from dispatchfile.events import Accepted, Doubted, Ended, Event, Intent
from dispatchfile.items import Item
from dispatchfile.journal.observations import read_observations
from dispatchfile.journal.records import Mark, StoredBaseline, StoredRun
from dispatchfile.journal.store import count_outcomes, read_facts, read_items, read_log, read_run
from dispatchfile.results import AttemptHistory, ItemFacts

Key = tuple[str, int]  # item and attempt
Milestone = Intent | Mark | Accepted | Doubted | Ended
EVENTS: Collection[type[Event]] = get_args(Event)


@dataclass(frozen=True, slots=True)
class JournalReader:
    """
    Reads one run's file; nothing is held open between two calls.

    Every method raises JournalError for a file that is damaged, gone, or of a newer version.
    """

    path: Path

    def run(self) -> StoredRun:
        return read_run(self.path)

    def items(self, *, payloads: bool = True) -> Iterator[Item]:
        """
        Yield the items in the run's order. Sensitive values are missing and must be rendered again before an item is
        sent.

        payloads: without them, which are most of the file, every item has none.
        """
        return read_items(self.path, payloads=payloads)

    def outcome_counts(self) -> Mapping[str, int]:
        """Return the number of items that have ended so far, by outcome."""
        return count_outcomes(self.path)

    def facts(self) -> Iterator[ItemFacts]:
        """Return the facts about the items, in the run's order."""
        return read_facts(self.path)

    def events(self, kinds: Collection[type[Event]] = EVENTS) -> Iterator[Event]:
        """Yield the events of these kinds, in the order they were recorded. Others are not even read."""
        return (event for _, event in cast("Iterator[tuple[int, Event]]", read_log(self.path, kinds=kinds)))

    def numbered_events(self, after: int = 0) -> Iterator[tuple[int, Event]]:
        """Yield the events after number *after*. To follow a run, ask again with the last number seen."""
        return cast("Iterator[tuple[int, Event]]", read_log(self.path, kinds=EVENTS, after=after))

    def baselines(self) -> Mapping[tuple[str, str, str], StoredBaseline]:
        """Return the last baseline of each parent, by namespace, region and job."""
        found = cast("Iterator[tuple[int, StoredBaseline]]", read_log(self.path, kinds=[StoredBaseline]))
        return {baseline.parent: baseline for _, baseline in found}

    def observations(self) -> Mapping[Key, Ended]:
        """Return the ends that were seen while no process worked on the run, by item and attempt."""
        return read_observations(self.path)

    def attempts(self) -> Mapping[Key, AttemptHistory]:
        """Return the history of each attempt, by item and attempt, in the order of their intents."""
        found: dict[Key, AttemptHistory] = {}
        for _, entry in read_log(self.path, kinds=get_args(Milestone)):
            _take(found, cast("Milestone", entry))
        return {key: history for key, history in found.items() if history.intent.item}


def _take(found: dict[Key, AttemptHistory], entry: Milestone) -> None:
    key = entry.item, entry.attempt
    history = found.get(key)
    if history is None:
        history = found[key] = AttemptHistory(entry.attempt)
    if isinstance(entry, Intent):
        history.intent = entry
    elif isinstance(entry, Mark):
        history.mark()
    else:
        history.read(entry)
