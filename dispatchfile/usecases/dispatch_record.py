"""The journal of one `dispatch`, so that `runs`, `status`, `logs` and `watch` know what it dispatched."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from dispatchfile.clock import Clock
from dispatchfile.errors import JournalError, RunRefused
from dispatchfile.events import Accepted, Cause, Ended, Intent, Moved, Outcome, State, Verdict
from dispatchfile.items import DispatchRequest, Item, Retry
from dispatchfile.journal import Journal, RunHeader, RunState, Target
from dispatchfile.settings import Settings, Wait
from dispatchfile.source import Position
from dispatchfile.usecases.run_ids import new_run_id
from dispatchfile.version import VERSION

NAME = "dispatch"
LONGEST_ID = 128
INTERRUPTED = Verdict(Outcome.UNKNOWN, Cause.INTERRUPTED, "interrupted while the request was in flight")

LEFT = Verdict(Outcome.DISPATCHED, message="interrupted while waiting; the job continues in Nomad")


@dataclass(frozen=True, slots=True)
class RecordedDispatch:
    """A dispatch that is about to leave."""

    address: str
    request: DispatchRequest
    prefix: str  # of the child's ID, as sent
    wait: Wait
    timeout: timedelta | None


class DispatchRecord:
    """
    Records one dispatch. What cannot be written is reported once, to *warn*; the dispatch goes on without its record.

    folder: the state folder; None keeps no record. signal_exit: returns the exit code once a signal has come.
    """

    def __init__(
        self,
        folder: Path | None,
        clock: Clock,
        warn: Callable[[str], None],
        signal_exit: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._folder, self._clock, self._warn, self._signal_exit = folder, clock, warn, signal_exit
        self._journal: Journal | None = None
        self._item, self._child = "", ""
        self.run = ""  # its ID; empty: it is not on record

    async def begin(self, sent: RecordedDispatch) -> None:
        """Return once it is durable that the request may leave."""
        if self._folder is None:
            return
        item, header = _item_of(sent), self._header(sent)
        self._item = item.id
        try:
            self._journal = Journal.create(self._folder, header, [item])
            await self._journal.add_intents([Intent(item.id, 1, item.fingerprint, sent.prefix, sent.request.token)])
            await self._journal.mark_may_send([(item.id, 1)])
        except (JournalError, RunRefused, OSError) as error:
            self._give_up(error)
            return
        self.run = header.id

    def _header(self, sent: RecordedDispatch) -> RunHeader:
        return RunHeader(
            id=new_run_id(),
            name=NAME,
            manifest="",
            shown_manifest="",
            manifest_digest="",
            target=Target(sent.address, sent.request.region, (sent.request.namespace,)).without_credentials(),
            settings=Settings(wait=sent.wait),
            local=False,
            started_at=self._clock.wall(),
            tool_version=VERSION,
            is_dispatch=True,
        )

    def accepted(self, child: str, eval_id: str, *, existing: bool) -> None:
        self._child = child
        if self._journal is not None:
            self._journal.record(Accepted(self._item, 1, self._clock.wall(), child, eval_id, existing=existing))

    def moved(self, state: State, message: str) -> None:
        if self._journal is not None:
            self._journal.record(Moved(self._item, 1, self._clock.wall(), state, message))

    async def end(self, verdict: Verdict, exit_code: int) -> None:
        """Record how the dispatch ended, as far as it was watched."""
        await self._close(RunState.FINISHED, verdict, exit_code)

    async def interrupt(self) -> None:
        """Record that nobody watches any longer, or that nobody knows whether Nomad has the job."""
        await self._close(RunState.INTERRUPTED, LEFT if self._child else INTERRUPTED, self._signal_exit() or 1)

    async def _close(self, state: RunState, verdict: Verdict, exit_code: int) -> None:
        journal, self._journal = self._journal, None
        if journal is None:
            return
        at = self._clock.wall()
        try:
            journal.record(Ended(self._item, 1, at, verdict))
            counts = Counter({verdict.outcome.value: 1})
            await journal.close(state, exit_code=exit_code, finished_at=at, counts=counts)
        except (JournalError, OSError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._journal = None
        self._warn(f"this dispatch is not on record: {error}")


def _item_of(sent: RecordedDispatch) -> Item:
    """Return the record's only item. Its prefix is exact: by a bare one, children of others would be taken for it."""
    request = sent.request
    parts = [request.job, repr(request.payload), repr(sorted(request.meta.items())), repr(request.priority)]
    return Item(
        id=re.sub(r"[^A-Za-z0-9._-]", "-", request.job)[:LONGEST_ID],
        request=request,
        fingerprint=sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest(),
        position=Position("", 1, 1),
        row=None,
        written_prefix=sent.prefix,
        exact_prefix=True,
        deadline=sent.timeout,
        stop_on_deadline=False,
        retry=Retry(),
        max_starts=None,
        tags=(),
        sensitive=frozenset(),
    )
