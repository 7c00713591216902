"""Repeats requests that change nothing before a command has sent anything."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from dispatchfile.errors import NomadError, NomadUnavailable, NomadUnreadable
from dispatchfile.nomad.refusals import is_busy

T = TypeVar("T")
LONGEST = timedelta(seconds=30)
PAUSES_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # then always the last
FEW = 3  # attempts where the answer was lost or cannot be read
LEADERLESS_LIST = 200  # with a header that says so


@dataclass(frozen=True, slots=True)
class Patience:
    """Repeats requests that change nothing until one is answered, for *limit* at most."""

    limit: timedelta

    async def repeat(self, ask: Callable[[], Awaitable[T]]) -> T:
        """
        Return what *ask* gives.

        A busy Nomad, one without a leader and a proxy that does not reach it are asked until the limit; a lost
        connection and an answer that cannot be read, a few times. Raises what *ask* raised last, and at once what
        no repetition changes.
        """
        now = asyncio.get_running_loop().time
        until = now() + min(self.limit, LONGEST).total_seconds()
        pauses_s = itertools.chain(PAUSES_S, itertools.repeat(PAUSES_S[-1]))
        for attempt, pause_s in enumerate(pauses_s, 1):
            try:
                return await ask()
            except NomadError as error:
                if not _is_worth_repeating(error, attempt) or now() + pause_s > until:
                    raise
            await asyncio.sleep(pause_s)
        raise AssertionError("the pauses never end")


def _is_worth_repeating(error: NomadError, attempt: int) -> bool:
    match error:
        case NomadUnavailable() if is_busy(error) or error.status == LEADERLESS_LIST:
            return True
        case NomadUnavailable() | NomadUnreadable():  # without a status: there is no HTTP answer, or no Nomad's JSON
            return error.status is None and not error.is_lasting and attempt < FEW
    return False
