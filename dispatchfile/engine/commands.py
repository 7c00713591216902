"""
The commands from the core to the other parts of the engine: the only way in which the core controls them.

A command of one attempt has a *serial*, which the happening that answers it repeats.
"""

from __future__ import annotations

from collections.abc import Collection

from dispatchfile.engine.happenings import Key
from dispatchfile.events import Event, Intent
from dispatchfile.items import DispatchRequest
from dispatchfile.names import JobKey
from dispatchfile.record import record
from dispatchfile.settings import Wait

# To the journal, in order


@record
class MarkAttempts:
    """Put on record that these attempts may be sent, with the intents that are not on record yet. `Durable` answers."""

    serial: int
    keys: tuple[Key, ...]
    intents: tuple[Intent, ...] = ()


@record
class Record:
    """Tell of an event, and put it on record."""

    event: Event


# To the sender


@record
class Send:
    """Send the attempt's request. It is given only for an attempt whose mark is durable."""

    key: Key
    serial: int
    request: DispatchRequest
    prefix: str
    token: str | None


@record
class Withdraw:
    """Send nothing more, not even what was asked for at this moment: `Withdrawn` answers for what has not left."""


# To the settler


@record
class LookFor:
    """Look for the children of an attempt in doubt."""

    key: Key
    serial: int
    job: JobKey
    prefix: str  # of its child's ID; empty: the prefix is not its own
    token: str | None


@record
class Count:
    """Read how many children the job has had, and which it still has."""

    job: JobKey
    serial: int


# To the watcher


@record
class Watch:
    """Watch a child until it has a verdict."""

    key: Key
    serial: int
    child: str
    job: JobKey
    is_listed: bool  # the run's own prefix finds it; else it is named one by one
    may_be_phantom: bool  # an answer to a request with a token: it may have named a child that does not exist
    wait: Wait  # how far to follow it


@record
class Forget:
    """Watch the attempt's child no more."""

    key: Key


@record
class LookAt:
    """Look at the attempt's child at once."""

    key: Key
    serial: int


@record
class LookAtAll:
    """Look at every child of the job at once, as they cannot be listed."""

    job: JobKey


@record
class ReadLog:
    """Read the last line of a task's log."""

    key: Key
    serial: int
    job: JobKey
    alloc_id: str
    task: str


# Single questions


@record
class StopChild:
    """Stop a child."""

    key: Key
    serial: int
    job: JobKey
    child: str


@record
class ReadChild:
    """Read a child, with default consistency."""

    key: Key
    serial: int
    job: JobKey
    child: str


@record
class CheckToken:
    """Ask whether Nomad knows the token at all."""

    serial: int


# To the supply and the loop


@record
class Want:
    """Offer the next items, none of the jobs *without*."""

    count: int
    without: Collection[JobKey] = frozenset()


@record
class Finish:
    """End the batch: nothing is left to do."""


Command = (
    MarkAttempts
    | Record
    | Send
    | Withdraw
    | LookFor
    | Count
    | Watch
    | Forget
    | LookAt
    | LookAtAll
    | ReadLog
    | StopChild
    | ReadChild
    | CheckToken
    | Want
    | Finish
)
