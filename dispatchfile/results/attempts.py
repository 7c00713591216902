"""An item's attempts: events folded by their own times, in whatever order they are told."""

from __future__ import annotations

from dispatchfile.events import Accepted, Doubled, Doubted, Ended, ItemEvent, Moved, Outcome, Repeated, Sending, State
from dispatchfile.results.items import ItemFacts

NEVER = float("-inf")


class Attempt:
    """What is known of one attempt; each event finds its place by its own time."""

    __slots__ = ("accepted", "children", "ended", "last_at", "message", "moved", "number", "sent_at", "state")

    def __init__(self, number: int) -> None:
        self.number = number
        self.state, self.message = State.WAITING, ""
        self.moved = False, NEVER  # whether a child showed the state, and when
        self.sent_at = self.last_at = NEVER  # of the last request, of the last event but an end
        self.accepted: Accepted | None = None
        self.ended: Ended | None = None
        self.children: tuple[str, ...] = ()

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
    def standing(self) -> State | Outcome:
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


NO_ATTEMPTS: dict[int, Attempt] = {}  # shared by all items, and never changed


class Track:
    """An item and its attempts."""

    __slots__ = ("current", "earlier", "facts", "standing")

    def __init__(self, facts: ItemFacts) -> None:
        self.facts = facts
        self.current = Attempt(0)
        self.earlier: dict[int, Attempt] = NO_ATTEMPTS
        self.standing: State | Outcome = State.WAITING

    def fold(self, event: ItemEvent) -> None:
        self._attempt(event.attempt).fold(event)
        self.standing = self.deciding.standing

    def reopen(self, number: int) -> None:
        self._attempt(number).reopen()
        self.standing = self.deciding.standing

    def _attempt(self, number: int) -> Attempt:
        if number == self.current.number:
            return self.current
        if number < self.current.number:
            return self._earlier_attempt(number)
        if self.current.number:
            self.earlier = {**self.earlier, self.current.number: self.current}
        self.current = Attempt(number)
        return self.current

    def _earlier_attempt(self, number: int) -> Attempt:
        if number not in self.earlier:
            self.earlier = {**self.earlier, number: Attempt(number)}
        return self.earlier[number]

    @property
    def deciding(self) -> Attempt:
        """The last attempt, unless it was given up before it had a child: then the end before it is the item's."""
        current = self.current
        if not self.earlier or current.accepted is not None or current.ended is not None:
            return current
        closed = [number for number, attempt in self.earlier.items() if _closes(attempt, current)]
        return self.earlier[max(closed)] if closed else current

    @property
    def starts(self) -> int:
        attempts = [*self.earlier.values(), self.current]
        return sum(attempt.ended.verdict.starts for attempt in attempts if attempt.ended is not None)


def _closes(earlier: Attempt, later: Attempt) -> bool:
    end = earlier.end
    return end is not None and end.retry_at is None and end.at >= later.last_at
