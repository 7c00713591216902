"""Events folded to item results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from dispatchfile.events import Doubled, Ended, Event, Notice, Outcome, State
from dispatchfile.results.attempts import AttemptHistory, ItemHistory
from dispatchfile.results.items import ItemFacts, ItemResult, span_s
from dispatchfile.results.waits import JobWait, Waits


class Results:
    """
    Folds the events of a run to the state of each item.

    follows_detached: as if the run had never let go of a child that it dispatched or placed: it lives until an end is
    seen.
    """

    def __init__(self, items: Iterable[ItemFacts], *, follows_detached: bool = False) -> None:
        self._tracks = {facts.id: ItemHistory(facts) for facts in items}
        self._follows_detached = follows_detached
        self.detached: dict[str, Outcome] = {}  # what the run said of such items
        self.observed: dict[str, Outcome | None] = {}  # what the run itself says of items whose ends were seen since
        self._counts: dict[State | Outcome, int] = dict.fromkeys([*State, *Outcome], 0)
        self._counts[State.WAITING] = len(self._tracks)
        self._doubled: dict[str, None] = {}
        self._waits = Waits()

    def apply(self, event: Event) -> None:
        """Raises KeyError for an item that is not of this run."""
        if isinstance(event, Notice):
            return
        track = self._tracks[event.item]
        if self._follows_detached and isinstance(event, Ended) and self._is_detached(event):
            return
        before = track.status
        track.fold(event)
        self._count(before, track.status)
        self._waits.fold(event, track.facts)
        if isinstance(event, Doubled):
            self._doubled[event.item] = None

    def _is_detached(self, ended: Ended) -> bool:
        self.detached.pop(ended.item, None)
        if ended.verdict.outcome.is_detached:
            self.detached[ended.item] = ended.verdict.outcome
        return ended.verdict.outcome.is_detached

    def observe(self, seen: Ended) -> None:
        """Take an end that somebody has seen of a child that the run let go of, or left as it was interrupted."""
        track = self._tracks[seen.item]
        attempt, before = track.deciding, track.status
        if attempt.number != seen.attempt or not (isinstance(before, State) or before.is_detached):
            return
        self.observed[seen.item] = before if isinstance(before, Outcome) else None
        at = seen.at if attempt.ended is None else max(seen.at, attempt.ended.at)
        track.fold(replace(seen, at=at))
        self._count(before, track.status)

    def own_outcomes(self) -> Iterator[Outcome | None]:
        """Yield each item's outcome as the run itself has it; None where it has none."""
        for id_, track in self._tracks.items():
            status = track.status
            yield self.observed.get(id_, status if isinstance(status, Outcome) else None)

    def reopen(self, attempts: Mapping[str, int]) -> None:
        """These attempts, by item, are what a resume begins with: what is still to be sent waits."""
        for item, number in attempts.items():
            track = self._tracks[item]
            before = track.status
            track.reopen(number)
            self._count(before, track.status)

    def _count(self, before: State | Outcome, after: State | Outcome) -> None:
        if after is not before:
            self._counts[before] -= 1
            self._counts[after] += 1

    def counts(self) -> Mapping[State | Outcome, int]:
        """Items by outcome where they have one, else by state; `State.ENDED` counts all that have one."""
        return self._counts | {State.ENDED: sum(self._counts[outcome] for outcome in Outcome)}

    def item(self, id: str) -> ItemResult:  # noqa: A002 -- as everywhere
        return _item_result(self._tracks[id])

    def items(self) -> Iterator[ItemResult]:
        """Return the items in the order in which they were given."""
        return map(_item_result, self._tracks.values())

    def waits(self) -> tuple[JobWait, ...]:
        """Jobs whose children wait in Nomad because no node can take them, and why."""
        return self._waits.of(self.items)

    def wait_reasons(self) -> tuple[tuple[str, str], ...]:
        """The jobs of `waits` and their messages, without counting items: cheap enough for every view."""
        return self._waits.messages()

    @property
    def total(self) -> int:
        return len(self._tracks)

    @property
    def finished(self) -> bool:
        """Return whether every item has its outcome."""
        return self.counts()[State.ENDED] == self.total

    @property
    def doubled(self) -> tuple[str, ...]:
        """Items that have two children for one attempt."""
        return tuple(sorted(self._doubled))


def _item_result(track: ItemHistory) -> ItemResult:
    facts, attempt, status = track.facts, track.deciding, track.status
    end, accepted = attempt.end, attempt.accepted
    final = end if end is not None and end.retry_at is None else None
    verdict = final.verdict if final else None
    finished_at = final.at if final else None
    return ItemResult(
        id=facts.id,
        job=facts.job,
        namespace=facts.namespace,
        region=facts.region,
        state=status if isinstance(status, State) else State.ENDED,
        outcome=verdict.outcome if verdict else None,
        cause=verdict.cause if verdict else None,
        message=_describe_attempt(attempt),
        exit_code=verdict.exit_code if verdict else None,
        child=accepted.child if accepted else "",
        eval_id=accepted.eval_id if accepted else "",
        existing=accepted.existing if accepted else False,
        adopted=accepted.inherited if accepted else False,
        attempt=attempt.number,
        starts=track.starts,
        dispatched_at=attempt.dispatched_at,
        finished_at=finished_at,
        duration_s=span_s(attempt.dispatched_at, finished_at),
        node=verdict.node if verdict else "",
        tags=facts.tags,
        position=facts.position,
        last_log_line=verdict.last_log_line if verdict else "",
        alloc_id=verdict.alloc_id if verdict else "",
        task=verdict.task if verdict else "",
        group=verdict.group if verdict else "",
        alloc_index=verdict.alloc_index if verdict else None,
        log_unread=verdict.log_unread if verdict else False,
        source=facts.source,
        max_starts=facts.max_starts,
        extra_starts=track.extra_starts,
    )


def _describe_attempt(attempt: AttemptHistory) -> str:
    end = attempt.end
    message = end.verdict.message if end else attempt.living_message
    if end and end.retry_at is not None:
        message = f"attempt {attempt.number} {end.verdict.outcome}, the next one is due: {message}"
    if not attempt.children:
        return message
    twins = f"one attempt has {len(attempt.children)} children: {', '.join(attempt.children)}"
    return f"{twins}; {message}" if message else twins
