"""Aliases replaced by the events they stand for, within budgets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass

from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, Event, NodeEvent

from dispatchfile.manifest.findings import LINE_SHIFT, Findings

ALIAS_BUDGET = 300_000  # events that aliases may stand for, beside those that the length of the text allows
EVENTS_PER_CHARACTER = 4  # so that 10,000 items may share a payload of 100 values
NESTED_BUDGET = 10_000  # of these, by aliases below another anchor: what all "billion laughs" are made of
MAX_ANCHORED_EVENTS = 100_000  # they are kept in memory

BUDGET_HINT = "write the values out, or put them into a file for for_each"


@dataclass(frozen=True, slots=True)
class _Opened:
    """An anchored mapping or list that has not ended."""

    name: str
    first: int  # its start among the recorded events
    depth: int


class Aliases:
    """
    Events with each alias replaced by those of its anchor, so that the same words can be read as each place asks.

    The events keep their marks, but the first, which stands where the alias does.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._budget = ALIAS_BUDGET + EVENTS_PER_CHARACTER * len(findings.source.text)
        self._nested_budget = NESTED_BUDGET
        self._anchors: dict[str, Sequence[Event] | None] = {}  # None: has not ended
        self._opened: list[_Opened] = []
        self._recorded: list[Event] = []  # since the outermost anchor that has not ended
        self._depth = 0

    def expand(self, events: Iterator[Event]) -> Iterator[Event]:
        """Raises ManifestRefused for an alias without anchor, inside of its own anchor, or over budget."""
        for event in events:
            if isinstance(event, AliasEvent):
                yield from self._replay(event)
            else:
                self._remember(event)
                yield event

    def _remember(self, event: Event) -> None:
        anchor = event.anchor if isinstance(event, NodeEvent) else None
        if isinstance(event, CollectionStartEvent):
            if anchor is not None:
                self._anchors[anchor] = None
                self._opened.append(_Opened(anchor, len(self._recorded), self._depth))
            self._depth += 1
        elif anchor is not None:
            self._anchors[anchor] = [event]
        if self._opened:
            self._record([event])
        if isinstance(event, CollectionEndEvent):
            self._depth -= 1
            self._close()

    def _record(self, events: Sequence[Event]) -> None:
        self._recorded.extend(events)
        if len(self._recorded) > MAX_ANCHORED_EVENTS:
            place = _place(self._recorded[0])
            raise self._findings.refusal("DF006", place, "an anchor contains too many values", "anchor a smaller part")

    def _close(self) -> None:
        if not self._opened or self._opened[-1].depth != self._depth:
            return
        ended = self._opened.pop()
        self._anchors[ended.name] = self._recorded[ended.first :]
        if not self._opened:
            self._recorded.clear()

    def _replay(self, alias: AliasEvent) -> Sequence[Event]:
        named = self._anchors.get(alias.anchor, ())
        if named is None:
            raise self._findings.refusal(
                "DF006", _place(alias), f"alias *{alias.anchor} refers to a node that contains it"
            )
        if not named:
            hint = f"define &{alias.anchor} before it"
            raise self._findings.refusal("DF001", _place(alias), f"alias *{alias.anchor} has no anchor", hint)
        self._spend(alias, len(named))
        first = copy(named[0])
        first.start_mark = alias.start_mark
        events = [first, *named[1:]]
        if self._opened:
            self._record(events)
        return events

    def _spend(self, alias: AliasEvent, size: int) -> None:
        self._budget -= size
        self._nested_budget -= size if self._opened else 0
        if min(self._budget, self._nested_budget) < 0:
            found = f"aliases expand to too many values, the last one is *{alias.anchor}"
            raise self._findings.refusal("DF006", _place(alias), found, BUDGET_HINT)


def _place(event: Event) -> int:
    return int(event.start_mark.line << LINE_SHIFT | event.start_mark.column)
