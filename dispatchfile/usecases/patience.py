"""Patience with a Nomad that is there and cannot answer just now, before a run has begun to send."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from dispatchfile.errors import NomadUnavailable
from dispatchfile.nomad.refusals import is_busy

T = TypeVar("T")
LONGEST = timedelta(seconds=30)
PAUSES_S = (1.0, 2.0, 4.0, 8.0)  # then always the last


async def patiently(read: Callable[[], Awaitable[T]], unreachable_after: timedelta) -> T:
    """
    What *read* gives, repeated while Nomad has too many requests or no leader, for half a minute at most.

    Raises what *read* raises: at once where nobody listens, or what was asked is wrong.
    """
    now = asyncio.get_running_loop().time
    until = now() + min(unreachable_after, LONGEST).total_seconds()
    pauses_s = itertools.chain(PAUSES_S, itertools.repeat(PAUSES_S[-1]))
    while True:
        try:
            return await read()
        except NomadUnavailable as error:
            pause_s = next(pauses_s)
            if not is_busy(error) or now() + pause_s > until:
                raise
            await asyncio.sleep(pause_s)
