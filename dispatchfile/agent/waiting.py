"""Waiting for the first of two things, with a sleep that tests can replace."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

Sleep = Callable[[float], Awaitable[None]]


async def happens_within(event: asyncio.Event, seconds: float, sleep: Sleep) -> bool:
    """Return whether *event* is set before *sleep* has slept for this long."""
    if not event.is_set():
        await first_of(event.wait(), sleep(seconds))
    return event.is_set()


async def ends_before(event: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Return whether *work* ends before *event* is set. If not, *work* is cancelled. Raises what *work* raises."""
    working = asyncio.ensure_future(work)
    try:
        await first_of(working, event.wait())
        if ended := working.done():
            working.result()
        return ended
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def first_of(*awaitables: Awaitable[object]) -> None:
    """Wait for one; the others are called off, unless they are futures or tasks already."""
    waits = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for awaitable, wait in zip(awaitables, waits, strict=True):
            if wait is not awaitable:
                wait.cancel()
