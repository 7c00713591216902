"""
The happenings of a batch: the only way in which the parts of the engine report to the core.

A happening of one attempt names it by its *key* and repeats the *serial* of the command that it answers. A late one,
whose command nobody waits for any more, is dropped by that.
"""

from __future__ import annotations

from enum import Enum, auto

from dispatchfile.engine.spec import Start
from dispatchfile.errors import (
    NomadAmbiguous,
    NomadError,
    NomadForbidden,
    NomadLeaderless,
    NomadNotFound,
    NomadRefused,
    NomadThrottled,
    NomadUnavailable,
)
from dispatchfile.events import Cause, State, Verdict
from dispatchfile.items import Item
from dispatchfile.names import JobKey
from dispatchfile.record import record
from dispatchfile.verdict import ChildRecords

Key = tuple[str, int]  # item and attempt


class FailureKind(Enum):
    """The meaning of a failed request."""

    UNAVAILABLE = auto()
    LEADERLESS = auto()
    THROTTLED = auto()
    AMBIGUOUS = auto()
    UNREADABLE = auto()
    REFUSED = auto()
    FORBIDDEN = auto()
    NOT_FOUND = auto()

    @property
    def is_refusal(self) -> bool:
        """Return whether Nomad will never carry the request out."""
        return self in REFUSALS


REFUSALS = frozenset({FailureKind.REFUSED, FailureKind.FORBIDDEN, FailureKind.NOT_FOUND})
KINDS: tuple[tuple[type[NomadError], FailureKind], ...] = (  # the first that fits
    (NomadThrottled, FailureKind.THROTTLED),
    (NomadLeaderless, FailureKind.LEADERLESS),
    (NomadUnavailable, FailureKind.UNAVAILABLE),
    (NomadAmbiguous, FailureKind.AMBIGUOUS),
    (NomadForbidden, FailureKind.FORBIDDEN),
    (NomadNotFound, FailureKind.NOT_FOUND),
    (NomadRefused, FailureKind.REFUSED),
)


@record
class RequestFailure:
    """A request that failed."""

    kind: FailureKind
    message: str


def failure_of(error: NomadError) -> RequestFailure:
    """Return what the error says of its request."""
    kind = next((kind for cls, kind in KINDS if isinstance(error, cls)), FailureKind.UNREADABLE)
    return RequestFailure(kind, error.message)


def error_of(failure: RequestFailure) -> NomadError:
    """Return the failure as an error, for those who cannot go on."""
    cls = next((cls for cls, kind in KINDS if kind is failure.kind), NomadError)
    return cls(failure.message)


# Of the run


@record
class Offer:
    """An item that may be sent, or that an earlier process has begun."""

    rank: int  # its place in the order to send
    item: Item
    start: Start
    is_canary: bool = False
    previous: tuple[int, Verdict] | None = None  # the attempt before, and how that ended


@record
class Begun:
    """The batch begins; *offers* are the items that an earlier process has begun."""

    offers: tuple[Offer, ...] = ()


@record
class Offered:
    """Items that were wanted."""

    offers: tuple[Offer, ...]
    is_last: bool  # there are no others, of no job


@record
class Durable:
    """The mark with this serial is in the journal: its attempts may be sent."""

    serial: int


@record
class Woken:
    """The time for which the core asked has come."""


@record
class Ticked:
    """Half a second has passed."""

    throttled: int = 0  # how many answers in all were 429
    stop_requested: bool = False  # by another process


@record
class InterruptRequested:
    """The run is to end in good order."""

    cause: Cause = Cause.INTERRUPTED


@record
class Troubled:
    """Nomad could not be reached, or could not answer."""

    failure: RequestFailure


@record
class Reached:
    """Nomad has answered."""


REACHED = Reached()


@record
class TokenChecked:
    """Nomad's reason for refusing the token itself; empty if it does not refuse it."""

    serial: int
    refusal: str


@record
class Counted:
    """Nomad's count of all the children of a job."""

    job: JobKey
    serial: int
    failure: RequestFailure | None = None
    registered_at: int = 0  # index
    total: int = 0  # of children ever made
    counted_at: int = 0  # index of that total
    listed: tuple[tuple[int, str], ...] = ()  # CreateIndex and ID of each that Nomad still has


@record
class PollDenied:
    """The token may not list the children of a job."""

    job: JobKey
    failure: RequestFailure


# Of one attempt: its request


@record
class Answered:
    """Nomad has named a child."""

    key: Key
    serial: int
    child: str
    eval_id: str = ""  # empty: the child existed


@record
class Refused:
    """Nomad will never carry the request out."""

    key: Key
    serial: int
    failure: RequestFailure


@record
class NotSent:
    """The request was definitely not carried out."""

    key: Key
    serial: int
    failure: RequestFailure


@record
class Lost:
    """The request was sent, and no answer says what became of it."""

    key: Key
    serial: int
    failure: RequestFailure


@record
class Withdrawn:
    """The request has not left, as the run has stopped at the same moment."""

    key: Key
    serial: int


# Of one attempt: questions


@record
class ChildStopped:
    """Nomad was told to stop a child, or has none of that name."""

    key: Key
    serial: int
    failure: RequestFailure | None = None


@record
class ChildRead:
    """A child was read."""

    key: Key
    serial: int
    exists: bool = False
    lives: bool = False
    failure: RequestFailure | None = None


@record
class Looked:
    """The children of an attempt in doubt were looked for."""

    key: Key
    serial: int
    children: tuple[str, ...] = ()  # oldest first
    failure: RequestFailure | None = None


# Of one attempt: its child, which is watched under the serial of that command


@record
class ChildMoved:
    """The child is where it was not before."""

    key: Key
    serial: int
    state: State
    message: str = ""
    blocked: bool = False  # as in `Moved`


@record
class Judged:
    """The child has its verdict, and is watched no more."""

    key: Key
    serial: int
    verdict: Verdict


@record
class Vanished:
    """Nomad has named a child that never was, and is watched no more."""

    key: Key
    serial: int


@record
class WatchDenied:
    """The token may not read the child. It is not looked at again by itself."""

    key: Key
    serial: int
    failure: RequestFailure


@record
class LookedAt:
    """The child was looked at because the core asked for it."""

    key: Key
    serial: int
    surely_lives: bool
    records: ChildRecords | None = None  # as last read


@record
class LogRead:
    """The last line of the log of the task that decided."""

    key: Key
    serial: int
    line: str = ""  # empty: there is none
    is_unread: bool = False  # there may be one


AttemptHappening = (
    Answered
    | Refused
    | NotSent
    | Lost
    | Withdrawn
    | ChildStopped
    | ChildRead
    | Looked
    | ChildMoved
    | Judged
    | Vanished
    | WatchDenied
    | LookedAt
    | LogRead
)
RunHappening = (
    Begun
    | Offered
    | Durable
    | Woken
    | Ticked
    | InterruptRequested
    | Troubled
    | Reached
    | TokenChecked
    | Counted
    | PollDenied
)
Happening = AttemptHappening | RunHappening
