"""Events of a run and its items, as frozen records, and the journal that records some of them before they happen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from dispatchfile.record import record


class State(StrEnum):
    """The state of an item that has no outcome yet, or `ended`."""

    WAITING = "waiting"
    SENDING = "sending"
    IN_DOUBT = "in_doubt"
    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


class Outcome(StrEnum):
    """The way an item ended."""

    DISPATCHED = "dispatched"
    PLACED = "placed"
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    UNPLACED = "unplaced"
    FAILED = "failed"
    LOST = "lost"
    STOPPED = "stopped"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    UNSENT = "unsent"
    UNKNOWN = "unknown"

    @property
    def exit_class(self) -> int:
        """Return the exit code that this outcome asks for: 0 fine, 2 ran and did not succeed, 1 anything else."""
        return OUTCOMES[self].exit_class

    @property
    def is_failure(self) -> bool:
        """Return whether an item with this outcome counts for `stop_on`."""
        return OUTCOMES[self].is_failure

    @property
    def is_rerun(self) -> bool:
        """Return whether `rerun --failed` selects an item with this outcome."""
        return OUTCOMES[self].is_rerun

    @property
    def may_still_live(self) -> bool:
        """Return whether the child may live although its attempt is over; the next attempt has to stop it first."""
        return OUTCOMES[self].may_still_live

    @property
    def is_detached(self) -> bool:
        """Return whether the run did not wait for the child's end, so that the child may still live."""
        return OUTCOMES[self].is_detached

    @property
    def is_seen(self) -> bool:
        """Return whether Nomad has shown the child, so that it is no phantom."""
        return OUTCOMES[self].is_seen

    @property
    def is_open(self) -> bool:
        """Return whether a resume may continue the attempt: it sends the request, or looks for the child."""
        return OUTCOMES[self].is_open


@record
class OutcomeFacts:
    """The consequences of an outcome, whatever its cause."""

    exit_class: int
    is_failure: bool = False
    is_rerun: bool = False
    may_still_live: bool = False
    is_detached: bool = False
    is_seen: bool = True
    is_open: bool = False


FAILURE = OutcomeFacts(2, is_failure=True, is_rerun=True)
OUTCOMES: Mapping[Outcome, OutcomeFacts] = {
    Outcome.DISPATCHED: OutcomeFacts(0, is_detached=True, is_seen=False),
    Outcome.PLACED: OutcomeFacts(0, is_detached=True),
    Outcome.SUCCEEDED: OutcomeFacts(0),
    Outcome.SKIPPED: OutcomeFacts(0),
    Outcome.UNPLACED: replace(FAILURE, may_still_live=True),
    Outcome.FAILED: FAILURE,
    Outcome.LOST: replace(FAILURE, may_still_live=True),
    Outcome.STOPPED: FAILURE,
    Outcome.TIMED_OUT: replace(FAILURE, may_still_live=True),
    Outcome.REFUSED: OutcomeFacts(1, is_failure=True, is_rerun=True),
    Outcome.UNSENT: OutcomeFacts(1, is_rerun=True, is_open=True),
    Outcome.UNKNOWN: OutcomeFacts(1, may_still_live=True, is_seen=False, is_open=True),
}


class Cause(StrEnum):
    """Why an item ended as it did."""

    EXIT = "exit"
    SIGNAL = "signal"
    OOM = "oom"
    DRIVER = "driver"
    ARTIFACT = "artifact"
    TEMPLATE = "template"
    SETUP = "setup"
    NODE_LOST = "node_lost"
    MAX_RUN_DURATION = "max_run_duration"
    DEADLINE = "deadline"
    USER_STOP = "user_stop"
    PURGE = "purge"
    DRAIN = "drain"
    PREEMPTION = "preemption"
    NO_CAPACITY = "no_capacity"
    EVAL_FAILED = "eval_failed"
    PERMISSION = "permission"
    VALIDATION = "validation"
    UNREACHABLE = "unreachable"
    CANARY = "canary"
    STOP_ON = "stop_on"
    INTERRUPTED = "interrupted"
    COLLECTED = "collected"
    PHANTOM = "phantom"
    NO_EVAL = "no_eval"


class ExtraStart(StrEnum):
    """The reason for which Nomad started a task again although its restart and reschedule policies do not count it."""

    NODE_LOST = "node_lost"
    DISCONNECT = "disconnect"
    ALLOC_STOP = "alloc_stop"
    DRAIN = "drain"
    PREEMPTION = "preemption"
    RESTART = "restart"


# A resume sends what is unsent for these causes.
RESUMABLE_CAUSES = frozenset({Cause.INTERRUPTED, Cause.UNREACHABLE, Cause.PERMISSION})


@record
class Verdict:
    """The end of one attempt and its cause. The message is one sentence for people."""

    outcome: Outcome
    cause: Cause | None = None
    message: str = ""
    exit_code: int | None = None
    node: str = ""
    starts: int = 0  # how often a task of it was started, restarts and reschedules included
    last_log_line: str = ""  # as the task wrote it; the message is a sentence without it
    alloc_id: str = ""  # of the allocation that decided it
    task: str = ""  # the task that decided it
    log_unread: bool = False  # the task may have a last log line that nobody has read
    group: str = ""  # of that allocation
    alloc_index: int | None = None  # of that allocation in its group: NOMAD_ALLOC_INDEX
    extra_starts: tuple[ExtraStart, ...] = ()  # why it was started more often than its job's policies allow
    queued: bool = False  # the job still waits in Nomad: what nobody waits for any longer may run later

    @property
    def may_still_live(self) -> bool:
        """Return whether a next attempt has to stop the child first."""
        return self.queued or self.outcome.may_still_live

    @property
    def is_resumed(self) -> bool:
        """Return whether a resume sends the item, which was not sent."""
        return self.outcome is Outcome.UNSENT and self.cause in RESUMABLE_CAUSES


@record
class Intent:
    """The content of an attempt's request, durable before the run's first request."""

    item: str
    attempt: int
    fingerprint: str
    prefix: str  # of the child's ID, as sent in IdPrefixTemplate
    token: str | None  # as sent, None where the manifest gives none


@record
class Sending:
    """The attempt's request is about to leave."""

    item: str
    attempt: int
    at: float  # seconds since the epoch, as in every event


@record
class Accepted:
    """Nomad has a child for the attempt."""

    item: str
    attempt: int
    at: float
    child: str
    eval_id: str = ""
    existing: bool = False  # a child that Nomad already had for the token, and that is not this run's
    adopted: bool = False  # found by its prefix or token, not by the answer to the request
    inherited: bool = False  # a process whose journal is not here has sent it


@record
class Doubted:
    """The request was sent and its fate is unknown."""

    item: str
    attempt: int
    at: float
    reason: str


class RepeatKind(StrEnum):
    """The proof that a request was not carried out."""

    NOT_DONE = "not_done"  # the answer, or that there was no connection
    NO_CHILD = "no_child"  # it was in doubt, and no child was found


@record
class Repeated:
    """The request was definitely not carried out and waits to be sent again."""

    item: str
    attempt: int
    at: float
    reason: str
    throttled: bool = False
    kind: RepeatKind = RepeatKind.NOT_DONE


@record
class Moved:
    """A living item changed its state, or the reason why it is in it."""

    item: str
    attempt: int
    at: float
    state: State
    message: str = ""
    blocked: bool = False  # no node can take it now; the message says why


@record
class Ended:
    """An attempt has its verdict. It is the item's last unless a retry follows."""

    item: str
    attempt: int
    at: float
    verdict: Verdict
    retry_at: float | None = None  # when the next attempt may be sent


@record
class Doubled:
    """One attempt has two children. This must never happen, so every output shows it."""

    item: str
    attempt: int
    at: float
    children: tuple[str, ...]


class NoticeKind(StrEnum):
    """The topic of a notice about the run."""

    THROTTLED = "throttled"
    NO_LEADER = "no_leader"
    UNREACHABLE = "unreachable"
    CANARY_PASSED = "canary_passed"
    CANARY_FAILED = "canary_failed"
    STOP_ON = "stop_on"
    TIMEOUT = "timeout"
    STOPPING = "stopping"
    PREFIX_IGNORED = "prefix_ignored"
    IN_DOUBT = "in_doubt"
    TOKEN_REFUSED = "token_refused"  # noqa: S105  a word for what happened, no password


@record
class Notice:
    """Something about the run as a whole."""

    at: float
    kind: NoticeKind
    message: str


ItemEvent = Sending | Accepted | Doubted | Repeated | Moved | Ended | Doubled
Event = ItemEvent | Notice


class RunJournal(Protocol):
    """Records what must be durable before it happens, and events as they happen."""

    async def add_intents(self, intents: Sequence[Intent]) -> None:
        """Returns once all of them are durable."""

    async def mark_may_send(self, attempts: Sequence[tuple[str, int]]) -> None:
        """Returns once it is durable that these (item, attempt) may be sent from now on."""

    def record(self, event: Event) -> None:
        """Takes the event; it is durable some time later, in order."""

    def check(self) -> None:
        """Raises JournalError if something recorded so far could not be written."""

    async def flush(self) -> None:
        """Returns once everything recorded so far is durable."""


class NoJournal:
    """A journal that stores nothing."""

    async def add_intents(self, intents: Sequence[Intent]) -> None:
        return

    async def mark_may_send(self, attempts: Sequence[tuple[str, int]]) -> None:
        return

    def record(self, event: Event) -> None:
        return

    def check(self) -> None:
        return

    async def flush(self) -> None:
        return
