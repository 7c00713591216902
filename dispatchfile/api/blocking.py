"""The blocking form of an async function, which also works where an event loop runs already, as in a notebook."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import Generic, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def blocking(name: str, function: Callable[Arguments, Coroutine[object, None, Result]]) -> Callable[Arguments, Result]:
    """Return the function called *name* that waits for the result of *function*, with the same parameters."""

    @functools.wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return run_in_thread(functools.partial(function, *args, **kwargs))

    call.__name__ = call.__qualname__ = name
    return call


def run_in_thread(start: Callable[[], Coroutine[object, None, Result]]) -> Result:
    """
    Return the result of the coroutine that *start* makes. It runs on an event loop in a thread of its own.

    An exception raised in the caller's thread meanwhile, such as KeyboardInterrupt, cancels the coroutine, and is
    raised again once the coroutine has ended. A second one cancels it again, and is raised at once.
    """
    work = _Work(start)
    try:
        threading.Thread(target=copy_context().run, args=(work.run,), name="dispatchfile").start()
        return work.done.result()
    except BaseException:
        work.cancel()
        try:
            if work.has_begun:
                wait([work.done])
        except BaseException:
            work.cancel()
            raise
        raise


class _Work(Generic[Result]):
    """A coroutine in a thread, which another thread can cancel, even while the thread starts."""

    def __init__(self, start: Callable[[], Coroutine[object, None, Result]]) -> None:
        self.done: Future[Result] = Future()
        self.has_begun = False
        self._start = start
        self._lock = threading.Lock()  # of has_begun and _is_cancelled
        self._is_cancelled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None

    def run(self) -> None:
        with self._lock:
            if self._is_cancelled:
                return
            self.has_begun = True
        try:
            self.done.set_result(asyncio.run(self._run()))
        except BaseException as exc:  # noqa: BLE001  it is raised in the thread that waits
            self.done.set_exception(exc)

    async def _run(self) -> Result:
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        if self._is_cancelled:
            raise asyncio.CancelledError
        return await self._start()

    def cancel(self) -> None:
        with self._lock:
            self._is_cancelled = True
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)
