"""An attempt of an item, from the time when it may leave to its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from dispatchfile.engine.happenings import Key, Offer
from dispatchfile.engine.lifecycle.doubt import Doubt
from dispatchfile.events import Accepted, Intent, Verdict
from dispatchfile.items import Item, attempt_token, child_prefix
from dispatchfile.names import JobKey, is_child_of


class Phase(Enum):
    """The phase of an attempt. In most phases one command is open, and the phase ends with its answer."""

    __hash__ = object.__hash__  # each is one object; the hash of an Enum is Python code, called 20 times an item

    OFFERED = auto()  # the core has just heard of it
    POSTPONED = auto()  # its retry's time has not come
    READY = auto()  # it waits for its turn
    MARKING = auto()  # it waits, and its mark is being written
    MARKED = auto()  # it waits, and the journal says that it may be sent
    CLEARING = auto()  # the child of the attempt before is read or stopped
    CLEARING_DENIED = auto()  # that was denied: is it the token?
    SENDING = auto()
    SENDING_DENIED = auto()
    READING_CHILD = auto()  # the child that Nomad has named is read, as it may be a phantom
    LOOKING = auto()  # in doubt: its children are looked for
    LOOKING_DENIED = auto()
    PAUSING = auto()  # in doubt, between two looks
    COUNTING = auto()  # in doubt: the job's total has to speak for it
    WATCHED = auto()  # its child is followed
    WATCH_DENIED = auto()
    OVERDUE = auto()  # its time is up, and its child is looked at
    STOPPING = auto()  # timed out: its child is being stopped
    READING_LOG = auto()  # its verdict is fixed
    OVER = auto()  # it has its end, or a resume goes on with it


WAITING = frozenset({Phase.READY, Phase.MARKING, Phase.MARKED})
BUSY = frozenset(
    {
        Phase.CLEARING,
        Phase.CLEARING_DENIED,
        Phase.SENDING,
        Phase.SENDING_DENIED,
        Phase.READING_CHILD,
        Phase.LOOKING,
        Phase.LOOKING_DENIED,
        Phase.PAUSING,
        Phase.COUNTING,
    }
)  # for these a run that is interrupted waits


@dataclass(slots=True, eq=False)
class Attempt:
    """The core's record of one attempt. It leaves memory with its end."""

    item: Item
    number: int
    rank: int  # the item's place in the order to send
    job: JobKey
    is_canary: bool = False
    phase: Phase = Phase.OFFERED
    serial: int = 0  # of the command that is open
    watch: int = 0  # of the one by which its child is watched
    timer: int = 0  # the number of the timer that counts
    has_slot: bool = False  # its request, or what comes before it, is under way
    is_in_flight: bool = False
    previous: tuple[int, Verdict] | None = None  # the attempt before, and how that ended
    predecessor: str = ""  # the child of an attempt before, which has to end first
    predecessor_is_foreign: bool = False
    intent: Intent | None = None  # what it sends, once it is to be marked
    sent_at: float | None = None  # seconds since the epoch
    answer: Accepted | None = None  # to this process's own request, or found by its looks
    child: str = ""
    eval_id: str = ""
    existing: bool = False
    may_name_phantom: bool = False  # it is a repeat: Nomad may answer its token with a child that does not exist
    doubt: Doubt | None = None
    verdict: Verdict | None = None  # fixed, while something is still to be done before it ends
    reason: str = ""  # of what is being found out: the denial, or the time limit
    due: float = 0.0  # when that was, in seconds since the epoch

    @property
    def key(self) -> Key:
        return self.item.id, self.number

    @property
    def is_marked(self) -> bool:
        """Return whether the journal says, or will say, that it may have been sent, although it was not."""
        return self.phase in (Phase.MARKING, Phase.MARKED)

    def intent_in(self, run: str, rerun_of: str | None) -> Intent:
        """Return what it sends."""
        if self.intent is None:
            self.intent = intent_of(self.item, self.number, run=run, rerun_of=rerun_of)
        return self.intent

    def bears_prefix(self, child: str) -> bool:
        """Return whether the child has the ID prefix that the attempt has asked for."""
        return self.intent is not None and is_child_of(child, job=self.job.job, prefix=self.intent.prefix)

    def is_own(self, *, bears_prefix: bool) -> bool:
        """Return whether a child is the attempt's own by its prefix, which an exact prefix does not show."""
        return bears_prefix and not self.item.exact_prefix


def intent_of(item: Item, number: int, *, run: str, rerun_of: str | None) -> Intent:
    """Return what the attempt sends. A retry and a rerun want a new child, so each varies the token."""
    token = item.request.token
    varied = attempt_token(token, attempt=number, rerun=run if rerun_of else None) if token else None
    return Intent(item.id, number, item.fingerprint, child_prefix(item, run=run, attempt=number), varied)


def offered_attempt(offer: Offer) -> Attempt:
    """Return the attempt with which the item begins, or goes on."""
    start = offer.start
    return Attempt(
        offer.item,
        start.attempt,
        offer.rank,
        offer.item.request.job_key,
        is_canary=offer.is_canary,
        previous=offer.previous,
        predecessor=start.predecessor,
        predecessor_is_foreign=start.foreign_predecessor,
        sent_at=start.sent_at,
    )
