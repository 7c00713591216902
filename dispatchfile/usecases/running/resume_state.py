"""The state of every item of a run, read from its journal."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dispatchfile.engine import Start, is_surely_made
from dispatchfile.events import Accepted, Cause, Ended, Outcome, Verdict
from dispatchfile.items import Item
from dispatchfile.journal import JournalReader, StoredRun
from dispatchfile.names import JobKey
from dispatchfile.results import AttemptHistory

DIED_WITH_ITS_AGENT = Verdict(Outcome.STOPPED, Cause.INTERRUPTED, "stopped when the embedded agent that ran it ended")


@dataclass(frozen=True, slots=True)
class ResumeState:
    """The state of every item of a run, read from its journal."""

    items: tuple[Item, ...]
    skipped: frozenset[str]  # items without any intent: they were left out on purpose
    starts: Mapping[str, Start]  # of items that are not over
    ends: Mapping[str, Verdict]  # of items that are
    verdicts: Mapping[str, tuple[int, Verdict]]  # of the attempts before those that are not over
    made_children: Mapping[JobKey, set[str]]

    @property
    def selected(self) -> list[Item]:
        """Return the items that have no outcome yet."""
        return [item for item in self.items if item.id in self.starts]

    @property
    def chosen(self) -> list[Item]:
        """Return the items that the run took when it began."""
        return [item for item in self.items if item.id not in self.skipped]

    @property
    def failures(self) -> int:
        ended = [verdict.outcome for verdict in self.ends.values()]
        return sum(outcome.is_failure for outcome in ended)


def read_resume_state(reader: JournalReader, stored: StoredRun, *, resend_unknown: bool = False) -> ResumeState:
    """Read the state of a run. Items that have ended come without their payloads. Raises JournalError."""
    items = tuple(reader.items(payloads=False))
    attempts: dict[str, list[AttemptHistory]] = {}
    for (item_id, _), progress in reader.attempts().items():
        attempts.setdefault(item_id, []).append(progress)
    found = _Starts(reader.observations(), local=stored.header.local, resend_unknown=resend_unknown)
    for item in items:
        if item.id in attempts:
            found.add(item, sorted(attempts[item.id], key=lambda progress: progress.number))
    items = _with_payloads(reader, items, found.starts)
    return ResumeState(
        items=items,
        skipped=frozenset(item.id for item in items if item.id not in attempts),
        starts=found.starts,
        ends=found.ends,
        verdicts=found.verdicts,
        made_children=found.made,
    )


def _with_payloads(reader: JournalReader, items: tuple[Item, ...], wanted: Collection[str]) -> tuple[Item, ...]:
    if not wanted:
        return items
    complete = {item.id: item for item in reader.items() if item.id in wanted}
    return tuple(complete.get(item.id, item) for item in items)


class _Starts:
    def __init__(self, observed: Mapping[tuple[str, int], Ended], *, local: bool, resend_unknown: bool) -> None:
        self._observed = observed
        self._local, self._resend_unknown = local, resend_unknown
        self.starts: dict[str, Start] = {}
        self.verdicts: dict[str, tuple[int, Verdict]] = {}
        self.made: dict[JobKey, set[str]] = {}
        self.ends: dict[str, Verdict] = {}

    def add(self, item: Item, attempts: Sequence[AttemptHistory]) -> None:
        self.made.setdefault(item.request.job_key, set()).update(_made_by(item, attempts))
        begun = _begun(attempts)
        if not begun:
            self.starts[item.id] = Start()
            return
        last = begun[-1]
        start = self._after_end(last, last.ended) if last.ended else self._without_end(last)
        if start is None:
            return
        self.starts[item.id] = self._after_predecessor(start, begun)
        if before := _verdict_before(start.attempt, begun):
            self.verdicts[item.id] = before

    def _without_end(self, last: AttemptHistory) -> Start:
        attempt = last.number
        if self._local:  # its tasks died with the agent that ran them
            return Start(attempt + 1)
        if last.accepted is None:
            return Start(attempt, in_doubt=True)
        accepted = last.accepted
        seen = self._observed.get((last.intent.item, attempt))
        verdict = None if seen is None else seen.verdict
        return replace(_with_child(attempt, accepted), sent_at=accepted.at, seen=verdict)

    def _after_end(self, last: AttemptHistory, ended: Ended) -> Start | None:
        verdict, attempt = ended.verdict, last.number
        if ended.retry_at is not None:
            start = Start(attempt + 1, retry_at=ended.retry_at)
            return start if self._local or not verdict.may_still_live else _behind(start, last)
        if verdict.is_resumed:
            return Start(attempt)
        if verdict.outcome is Outcome.UNKNOWN and not self._local:
            return self._after_unknown(last)
        self.ends[last.intent.item] = verdict
        return None

    def _after_unknown(self, last: AttemptHistory) -> Start:
        attempt = last.number
        if self._resend_unknown:
            return _behind(Start(attempt + 1, resent=True), last)
        if last.accepted is None:
            return Start(attempt, in_doubt=True)
        return _with_child(attempt, last.accepted)

    @staticmethod
    def _after_predecessor(start: Start, begun: Sequence[AttemptHistory]) -> Start:
        """An attempt that was perhaps never sent still has to stop the one before it, if that may live."""
        earlier = [progress for progress in begun if progress.number < start.attempt]
        if start.child or start.predecessor or not earlier:
            return start
        last = earlier[-1]
        return _behind(start, last) if last.ended and last.ended.verdict.may_still_live else start


def _behind(start: Start, last: AttemptHistory) -> Start:
    """Return the attempt after *last*, whose child may still live."""
    if last.accepted is None:
        return start
    return replace(start, predecessor=last.accepted.child, foreign_predecessor=last.accepted.existing)


def _with_child(attempt: int, accepted: Accepted) -> Start:
    return Start(attempt, child=accepted.child, existing=accepted.existing, adopted=accepted.adopted)


def _verdict_before(attempt: int, begun: Sequence[AttemptHistory]) -> tuple[int, Verdict] | None:
    """Return how the attempt before this one ended: the item's own end if this *attempt* is never made."""
    earlier = [progress for progress in begun if progress.number < attempt]
    if not earlier:
        return None
    last = earlier[-1]
    return last.number, last.ended.verdict if last.ended else DIED_WITH_ITS_AGENT


def _made_by(item: Item, attempts: Sequence[AttemptHistory]) -> Iterator[str]:
    """Children of requests of this run. What was never marked was not sent, but found: it may be older than the run."""
    for progress in attempts:
        verdict = progress.ended.verdict if progress.ended else None
        if progress.marked and progress.accepted and is_surely_made(item, progress.accepted, verdict):
            yield progress.accepted.child


def _begun(attempts: Sequence[AttemptHistory]) -> list[AttemptHistory]:
    begun = [attempt for attempt in attempts if attempt.has_begun]
    while len(begun) > 1 and _is_given_up(*begun[-2:]):
        begun.pop()
    return begun


def _is_given_up(before: AttemptHistory, last: AttemptHistory) -> bool:
    """It was marked, but definitely not carried out when the run stopped: the end before it became the item's."""
    if before.ended is None or last.accepted is not None or last.ended is not None:
        return False
    return before.ended.retry_at is None and before.ended.verdict.outcome is not Outcome.UNKNOWN
