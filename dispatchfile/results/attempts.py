"""
The history of an item's attempts, which results, status, resume, rerun and watch read.

Live, events are folded by their own times, in whatever order they are told. From a journal they are read in the order
in which they were recorded, and the later one counts: a clock may have been set back between two processes.
"""

from __future__ import annotations

from collections.abc import Iterator

from dispatchfile.events import (
    Accepted,
    Doubled,
    Doubted,
    Ended,
    ExtraStart,
    Intent,
    ItemEvent,
    Moved,
    Outcome,
    Repeated,
    Sending,
    State,
    Verdict,
)
from dispatchfile.results.items import ItemFacts

NEVER = float("-inf")
NO_INTENT = Intent("", 0, "", "", None)  # shared by all whose intent is not known


class AttemptHistory:
    """
    The history of one attempt.

    Not marked: it was definitely not sent. Marked, and neither accepted nor ended: it is in doubt.
    """

    __slots__ = (
        "accepted",
        "children",
        "doubted",
        "ended",
        "intent",
        "last_at",
        "marked",
        "message",
        "moved",
        "number",
        "sent_at",
        "state",
    )

    def __init__(
        self,
        number: int,
        intent: Intent = NO_INTENT,
        *,
        marked: bool = False,
        accepted: Accepted | None = None,
        doubted: Doubted | None = None,
        ended: Ended | None = None,
    ) -> None:
        self.number = number
        self.intent, self.marked = intent, marked  # from a journal alone
        self.accepted, self.doubted, self.ended = accepted, doubted, ended
        self.state, self.message = State.WAITING, ""
        self.moved = False, NEVER  # whether a child showed the state, and when
        self.sent_at = self.last_at = NEVER  # of the last request, of the last event but an end
        self.children: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same record."""
        return isinstance(other, AttemptHistory) and self._on_record == other._on_record

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"AttemptHistory{self._on_record}"

    @property
    def _on_record(self) -> tuple[object, ...]:
        return self.number, self.intent, self.marked, self.accepted, self.doubted, self.ended

    # As a journal has it

    def mark(self) -> None:
        """Note that the attempt may have been sent from now on."""
        self.marked, self.ended = True, None

    def read(self, event: Accepted | Doubted | Ended) -> None:
        """Take the event, which was recorded behind all others."""
        match event:
            case Accepted():
                self.accepted, self.ended = event, None
            case Doubted():
                self.doubted = event
            case Ended():
                self.ended = event
                self.marked = self.marked and event.verdict.outcome is not Outcome.UNSENT

    @property
    def has_begun(self) -> bool:
        """Return whether the attempt may have been sent, or has an event."""
        return self.marked or self.accepted is not None or self.ended is not None

    @property
    def in_doubt(self) -> bool:
        return self.marked and self.accepted is None and self.ended is None

    # As it is told

    def fold(self, event: ItemEvent) -> None:
        if isinstance(event, Ended):
            self._end(event)
        elif isinstance(event, Doubled):
            self.children = event.children
        else:
            self.last_at = max(self.last_at, event.at)
            self._progress(event)

    def _end(self, event: Ended) -> None:
        if self.ended is None or _finality(event) >= _finality(self.ended):
            self.ended = event

    def _progress(self, event: Sending | Accepted | Doubted | Repeated | Moved) -> None:
        if isinstance(event, Moved):
            self._enter(event.state, event.message, event.at)
        elif isinstance(event, Accepted):
            self._accept(event)
        elif isinstance(event, Sending):
            self.sent_at = max(self.sent_at, event.at)
            self._enter(State.SENDING, "", event.at)
        else:
            state = State.IN_DOUBT if isinstance(event, Doubted) else State.WAITING
            self._enter(state, event.reason, event.at)

    def _accept(self, event: Accepted) -> None:
        """A later child takes the place of a phantom; the same child keeps the answer that told of it first."""
        known = self.accepted
        if known is None or (event.at < known.at if event.child == known.child else event.at >= known.at):
            self.accepted = event

    def _enter(self, state: State, message: str, at: float) -> None:
        """A child that was seen was accepted, whatever is told of its request later."""
        moved = state is State.QUEUED or state is State.RUNNING, at
        if moved >= self.moved:
            self.state, self.message, self.moved = state, message, moved

    def reopen(self) -> None:
        """It is to be sent after all."""
        if self.ended is not None and self.ended.verdict.outcome is Outcome.UNSENT:
            self.state, self.message, self.ended = State.WAITING, "", None

    @property
    def status(self) -> State | Outcome:
        """Its outcome if it is the item's last word, else its state."""
        end = self.end if self.ended is not None else None
        if end is None:
            return self.living_state
        return end.verdict.outcome if end.retry_at is None else State.WAITING

    @property
    def end(self) -> Ended | None:
        """Its end, unless a resume has taken it up again since."""
        ended = self.ended
        if ended is not None and self.last_at > ended.at and ended.verdict.outcome.is_open:
            return None
        return ended

    @property
    def living_state(self) -> State:
        return State.QUEUED if self._was_just_accepted else self.state

    @property
    def living_message(self) -> str:
        return "" if self._was_just_accepted else self.message

    @property
    def _was_just_accepted(self) -> bool:
        return self.accepted is not None and not self.moved[0]

    @property
    def dispatched_at(self) -> float | None:
        """An adopted child was dispatched when its request left, not when it was found."""
        if self.accepted is None:
            return None
        return self.sent_at if self.accepted.adopted and self.sent_at != NEVER else self.accepted.at


def _finality(event: Ended) -> tuple[float, bool]:
    return event.at, event.retry_at is None


NO_ATTEMPTS: dict[int, AttemptHistory] = {}  # shared by all items, and never changed


class ItemHistory:
    """An item and its attempts."""

    __slots__ = ("current", "earlier", "facts", "status")

    def __init__(self, facts: ItemFacts) -> None:
        self.facts = facts
        self.current = AttemptHistory(0)
        self.earlier: dict[int, AttemptHistory] = NO_ATTEMPTS
        self.status: State | Outcome = State.WAITING

    def fold(self, event: ItemEvent) -> None:
        self._attempt(event.attempt).fold(event)
        self.status = self.deciding.status

    def reopen(self, number: int) -> None:
        self._attempt(number).reopen()
        self.status = self.deciding.status

    def _attempt(self, number: int) -> AttemptHistory:
        if number == self.current.number:
            return self.current
        if number < self.current.number:
            return self._earlier_attempt(number)
        if self.current.number:
            self.earlier = {**self.earlier, self.current.number: self.current}
        self.current = AttemptHistory(number)
        return self.current

    def _earlier_attempt(self, number: int) -> AttemptHistory:
        if number not in self.earlier:
            self.earlier = {**self.earlier, number: AttemptHistory(number)}
        return self.earlier[number]

    @property
    def deciding(self) -> AttemptHistory:
        """
        Return the last attempt, unless it was given up before it had a child: then the end before
        it is the item's.
        """
        current = self.current
        if not self.earlier or current.accepted is not None or current.ended is not None:
            return current
        closed = [number for number, attempt in self.earlier.items() if _closes(attempt, current)]
        return self.earlier[max(closed)] if closed else current

    @property
    def starts(self) -> int:
        return sum(verdict.starts for verdict in self._verdicts())

    @property
    def extra_starts(self) -> tuple[ExtraStart, ...]:
        """Each reason once for starts that the job's policies do not count, in all attempts."""
        return tuple(dict.fromkeys(reason for verdict in self._verdicts() for reason in verdict.extra_starts))

    def _verdicts(self) -> Iterator[Verdict]:
        attempts = (*self.earlier.values(), self.current)
        return (attempt.ended.verdict for attempt in attempts if attempt.ended is not None)


def _closes(earlier: AttemptHistory, later: AttemptHistory) -> bool:
    end = earlier.end
    return end is not None and end.retry_at is None and end.at >= later.last_at
