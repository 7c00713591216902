"""Living children followed in Nomad for whoever wants to know: nothing is sent, nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from dispatchfile.clock import Clock
from dispatchfile.errors import NomadError, NomadForbidden
from dispatchfile.events import Ended, Event, Verdict
from dispatchfile.flow import Parent, Ticket
from dispatchfile.monitor import Child, LogReads, Monitor, ParentFacts
from dispatchfile.nomad.client import Client
from dispatchfile.settings import Settings
from dispatchfile.usecases.tokens import explain_denial

SOME_LOGS = LogReads(at_most=20, reserved=5)
LOOK_AT_THE_CLOCK_S = 1.0


class Follower:
    """
    The desk of a monitor that only watches.

    tell: hears every event. settings: of the run, for its limits.
    """

    def __init__(
        self,
        client: Client,
        *,
        clock: Clock,
        settings: Settings,
        parents: Mapping[Parent, ParentFacts],
        server_before_2_0_1: bool,
        tell: Callable[[Event], None],
    ) -> None:
        self._client, self._clock, self._tell = client, clock, tell
        self._patience_s = settings.unreachable_after.total_seconds()
        self._left: set[tuple[str, int]] = set()
        self._changed = asyncio.Event()
        self._trouble: NomadError | None = None
        self._trouble_since = 0.0
        self._denial: NomadForbidden | None = None
        self._monitor = Monitor(
            client=client,
            desk=self,
            clock=clock,
            settings=settings,
            parents=parents,
            logs=SOME_LOGS,
            server_before_2_0_1=server_before_2_0_1,
        )

    async def to_the_end(self, children: Sequence[Child], *, until: float | None = None) -> None:
        """
        Follow the children until each has ended, or the clock shows *until*.

        Raises NomadError when nobody has answered for as long as the run's settings allow, and at once where the token
        may not look.
        """
        self._watch(children)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._monitor.run())
            while self._left and self._denial is None and not self._is_over(until):
                await self._clock.wait(self._changed, self._clock.now() + LOOK_AT_THE_CLOCK_S)
                self._changed.clear()
            watching.cancel()
        self._check_denial()
        if self._trouble is not None and self._left and not _has_come(until, self._clock):
            raise self._trouble

    async def once(self, children: Sequence[Child]) -> None:
        """Look at each of the children once. Raises NomadError if one of the looks gets no answer."""
        self._watch(children)
        await asyncio.gather(*(self._monitor.look_now(child) for child in children))
        self._check_denial()
        if self._trouble is not None:
            raise self._trouble

    def _check_denial(self) -> None:
        if self._denial is not None:
            raise self._denial

    def _watch(self, children: Sequence[Child]) -> None:
        for child in children:
            self._left.add(child.ticket.key)
            self._monitor.watch(child)

    def _is_over(self, until: float | None) -> bool:
        lost = self._trouble is not None and self._clock.now() - self._trouble_since >= self._patience_s
        return lost or _has_come(until, self._clock)

    # What the monitor tells

    def emit(self, event: Event) -> None:
        self._tell(event)

    def concluded(self, ticket: Ticket, verdict: Verdict) -> None:
        self._tell(Ended(ticket.item.id, ticket.attempt, self._clock.wall(), verdict))
        self._left.discard(ticket.key)
        self._changed.set()

    def vanished(self, ticket: Ticket, child: str) -> None:
        """Only for children whose dispatch this process has sent, and it sends none."""

    def trouble(self, error: NomadError) -> None:
        if self._trouble is None:
            self._trouble_since = self._clock.now()
        self._trouble = error

    def answered(self) -> None:
        self._trouble = None

    async def ends_with(self, error: NomadForbidden) -> bool:
        """Who may not look has nothing to tell."""
        if self._denial is None:
            self._denial = error
            lacking = f"the token may not look at the run's children ({error.message}): it needs read-job"
            self._denial = await explain_denial(self._client, lacking)
            self._changed.set()
        return True


def _has_come(until: float | None, clock: Clock) -> bool:
    return until is not None and clock.now() >= until
