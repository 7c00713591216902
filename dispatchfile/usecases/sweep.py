"""A run's own children stopped, however many there are, and looked for again until none lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dispatchfile.clock import Clock
from dispatchfile.errors import NomadError, NomadForbidden, NomadNotFound, NomadRefused
from dispatchfile.nomad.client import Client
from dispatchfile.settings import Settings
from dispatchfile.usecases.running.children import OwnChild, OwnChildren, find_living
from dispatchfile.usecases.running.control import Control

CLEAN_LISTS = 2
BETWEEN_LISTS_S = 1.0
BETWEEN_LATER_LISTS_S = 5.0  # while doubts are still being settled


class Sweep:
    """Stops a run's own children until two lists show none that lives."""

    def __init__(
        self,
        client: Client,
        own: OwnChildren,
        settings: Settings,
        clock: Clock,
        *,
        on_stopped: Callable[[OwnChild], None],
    ) -> None:
        self._client, self._own, self._clock, self._on_stopped = client, own, clock, on_stopped
        self._patience_s = settings.unreachable_after.total_seconds()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self.all_settled = asyncio.Event()  # no further child can appear
        self.has_stopped = False
        self.is_complete = False  # nothing lives; an interruption comes before that
        self.error: NomadError | None = None

    async def run(self, control: Control) -> None:
        """Interrupts the rest of the stop, and leaves an *error*, where it cannot go on."""
        clean, answered_at = 0, self._clock.now()
        while not control.interrupted and (clean < CLEAN_LISTS or not self.all_settled.is_set()):
            try:
                clean = 0 if await self._stop_living() else clean + 1
                answered_at = self._clock.now()
            except NomadError as error:
                clean = 0
                if isinstance(error, NomadRefused) or self._clock.now() - answered_at > self._patience_s:
                    self.error = error
                    control.interrupt()
            if clean < CLEAN_LISTS:
                await self._clock.sleep(BETWEEN_LISTS_S)
            else:
                await self._clock.wait(self.all_settled, self._clock.now() + BETWEEN_LATER_LISTS_S)
        self.is_complete = clean >= CLEAN_LISTS and self.all_settled.is_set()

    async def _stop_living(self) -> bool:
        """Stop the living children. Return whether there were any. Raises NomadError."""
        living = await find_living(self._client, self._own)
        errors = await asyncio.gather(*(self._stop(child) for child in living))
        refused = [error for error in errors if isinstance(error, NomadRefused)]
        if worst := next(filter(None, [*refused, *errors]), None):
            raise worst
        return bool(living)

    async def _stop(self, child: OwnChild) -> NomadError | None:
        namespace, region, _ = child.parent
        try:
            async with self._slots:
                await self._client.stop_job(child.id, namespace=namespace, region=region)
        except NomadNotFound:
            return None
        except NomadForbidden as error:
            return NomadForbidden(
                f"{child.id} cannot be stopped: the token lacks the capability submit-job in namespace {namespace!r}; "
                "no more items are sent, and dispatched jobs keep running",
                status=error.status,
            )
        except NomadError as error:
            return error
        self.has_stopped = True
        self._on_stopped(child)
        return None
