"""The happenings that the core causes for an attempt itself."""

from __future__ import annotations

from dataclasses import dataclass

from dispatchfile.engine.happenings import AttemptHappening, Counted
from dispatchfile.engine.spec import Start


@dataclass(frozen=True, slots=True)
class Queued:
    """The attempt waits for its turn."""


@dataclass(frozen=True, slots=True)
class TakenUp:
    """An earlier process has begun the attempt."""

    start: Start


@dataclass(frozen=True, slots=True)
class MarkAsked:
    """The attempt's mark is asked for."""


@dataclass(frozen=True, slots=True)
class MarkDurable:
    """The attempt's mark is durable."""


@dataclass(frozen=True, slots=True)
class Turn:
    """It is the attempt's turn to leave."""


@dataclass(frozen=True, slots=True)
class RunStopped:
    """The run starts no more attempts."""


@dataclass(frozen=True, slots=True)
class Due:
    """The attempt's timer has run out."""


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The time limit of the attempt, or of the run, has passed."""


@dataclass(frozen=True, slots=True)
class Halted:
    """The run is interrupted: nobody waits for anything at length."""


@dataclass(frozen=True, slots=True)
class TokenJudged:
    """Nomad's judgement on the token itself, for an attempt that was denied something."""

    is_refused: bool


@dataclass(frozen=True, slots=True)
class TotalRead:
    """A count that began after the attempt asked for it, and what this run had surely made before it began."""

    counted: Counted
    made: tuple[str, ...]


Internal = (
    Queued | TakenUp | MarkAsked | MarkDurable | Turn | RunStopped | Due | TimeUp | Halted | TokenJudged | TotalRead
)
Trigger = AttemptHappening | Internal
