"""The happenings that the core causes for an attempt itself."""

from __future__ import annotations

from dispatchfile.engine.happenings import AttemptHappening, Counted
from dispatchfile.engine.spec import Start
from dispatchfile.record import record


@record
class Queued:
    """The attempt waits for its turn."""


@record
class TakenUp:
    """An earlier process has begun the attempt."""

    start: Start


@record
class MarkAsked:
    """The attempt's mark is asked for."""


@record
class MarkDurable:
    """The attempt's mark is durable."""


@record
class Turn:
    """It is the attempt's turn to leave."""


@record
class RunStopped:
    """The run starts no more attempts."""


@record
class Due:
    """The attempt's timer has run out."""


@record
class TimeUp:
    """The time limit of the attempt, or of the run, has passed."""


@record
class Halted:
    """The run is interrupted: nobody waits for anything at length."""


@record
class TokenJudged:
    """Nomad's judgement on the token itself, for an attempt that was denied something."""

    is_refused: bool


@record
class TotalRead:
    """A count that began after the attempt asked for it, and what this run was known to have made before it began."""

    counted: Counted
    made: tuple[str, ...]


Internal = (
    Queued | TakenUp | MarkAsked | MarkDurable | Turn | RunStopped | Due | TimeUp | Halted | TokenJudged | TotalRead
)
Trigger = AttemptHappening | Internal
