"""The journal as a room of the engine: marks and events, written in the order in which the core gives them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from dispatchfile.engine.commands import MarkAttempts, Record
from dispatchfile.engine.happenings import Durable
from dispatchfile.events import Event, RunJournal, Sending


class Recorder:
    """
    Carries out `MarkAttempts` and `Record`, one behind the other. *listener* hears every event at once.

    A mark holds up what comes behind it only until the journal has taken it, not until it is durable.
    """

    def __init__(
        self,
        journal: RunJournal,
        group: asyncio.TaskGroup,
        post: Callable[[Durable], None],
        listener: Callable[[Event], None],
    ) -> None:
        self._journal, self._group, self._post, self._listener = journal, group, post, listener
        self._held: deque[Event] | None = None  # events behind a mark that the journal has not taken yet

    def record(self, command: Record) -> None:
        event = command.event
        if not isinstance(event, Sending):  # the mark before it is on record, and the answer after it will be
            if self._held is None:
                self._journal.record(event)
            else:
                self._held.append(event)
        self._listener(event)

    def mark(self, command: MarkAttempts) -> None:
        """Carry out a mark. There is one at a time."""
        self._held = deque()
        self._group.create_task(self._mark(command))

    async def _mark(self, command: MarkAttempts) -> None:
        if command.intents:
            await self._journal.add_intents(command.intents)
        marking = self._group.create_task(self._take_mark(command))
        await asyncio.sleep(0)  # the task has begun by then, and the journal has taken the mark
        self._release()
        await marking
        self._post(Durable(command.serial))

    async def _take_mark(self, command: MarkAttempts) -> None:
        await self._journal.mark_may_send(command.keys)

    def _release(self) -> None:
        """The journal has taken the mark."""
        held, self._held = self._held or (), None
        for event in held:
            self._journal.record(event)
