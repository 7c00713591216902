"""A connection to Nomad, which carries one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.transport.backend import ConnectionLimits
from dispatchfile.nomad.transport.explaining import HANDSHAKE_ALERTS
from dispatchfile.nomad.transport.faults import Fate, TransportFault
from dispatchfile.nomad.transport.http1 import ConnectionClosed, Http1

SHORTEST_GRACE_S, LONGEST_GRACE_S = 0.005, 0.05


class PooledConnection(asyncio.Protocol):
    """One connection of a pool. It can tell whether a request that got no answer has left to its last byte."""

    def __init__(self, loop: asyncio.AbstractEventLoop, http: Http1, limits: ConnectionLimits) -> None:
        self._loop, self._http, self._limits = loop, http, limits
        self._transport: asyncio.Transport
        self._waiting: asyncio.Future[Answer] | None = None
        self._grace: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = self._give_up_at = 0.0
        self._served = 0  # requests answered
        self._is_spoken_to = False  # something arrived that nobody had asked for
        self._is_over = False  # nothing more will arrive
        self._is_lost = False  # its socket is closed, or will be before anything else happens
        self._report_lost: Callable[[], None] | None = None
        self._lost_by: Exception | None = None
        self._is_unsent = False  # the request has not left to its last byte
        self.idle_since = 0.0
        self.opened_in_s = 0.0

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        transport.set_write_buffer_limits(high=1, low=0)  # then pause_writing says that not all has left

    def pause_writing(self) -> None:
        self._is_unsent = True

    def resume_writing(self) -> None:
        self._is_unsent = False

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._waiting is None:
            self._receive_unasked(data)
        else:
            self._receive(data)

    def eof_received(self) -> None:
        self._is_over = True
        self._end_grace()
        if self._waiting is not None:
            self._receive(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_over, self._is_lost, self._lost_by = True, True, exc
        if self._report_lost is not None:
            self._report_lost()
        self._end_grace()
        if not self._served and getattr(exc, "reason", None) in HANDSHAKE_ALERTS:
            self._is_unsent = True  # TLS 1.3 refuses a client's certificate after the client's handshake is over
        self._fail(self._loss())

    # One request

    async def ask(self, method: str, target: bytes, body: bytes, *, since: float) -> Answer:
        """
        Send the request, which has waited for its turn *since* then, and wait for its whole answer.

        Raises TransportFault. A caller that is cancelled has to abort the connection.
        """
        if not self._served:
            await self._give_grace()
        data = self._http.frame(method, target, body)
        self._heard_at, self._give_up_at = self._loop.time(), since + self._limits.whole_s
        if self._timer is None:
            self._set_timer()
        answered: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting = answered
        if self._is_over or self._is_spoken_to:
            self._take_refusal()
        else:
            self._write(data)
        return await answered

    async def _give_grace(self) -> None:
        """
        Give a server that has too many connections the time to say so: as long as the way there and back takes.

        What it refuses unasked was definitely not carried out; to be refused in the middle of the request looks like a
        lost answer.
        """
        if not (self._is_spoken_to or self._is_over):
            self._grace = self._loop.create_future()
            grace_s = min(max(self.opened_in_s, SHORTEST_GRACE_S), LONGEST_GRACE_S)
            timer = self._loop.call_later(grace_s, self._end_grace)
            await self._grace
            timer.cancel()

    def _end_grace(self) -> None:
        if self._grace is not None and not self._grace.done():
            self._grace.set_result(None)

    def _write(self, data: bytes) -> None:
        self._transport.write(data)
        if self._transport.is_closing():  # not even the first byte was taken
            self._is_unsent = True

    def _take_refusal(self) -> None:
        """Answered, or closed, before anything was asked: the server has too many connections already."""
        self._is_unsent = True
        self._receive(b"") if self._is_over else self._read()

    # Its time

    def _set_timer(self) -> None:
        self._timer = self._loop.call_at(
            min(self._heard_at + self._limits.silence_s, self._give_up_at), self._check_time
        )

    def _check_time(self) -> None:
        """
        Give up a request that takes too long.

        The timer of one request serves the next ones, too, as none is due before it: two timers a request are dear.
        """
        self._timer, now, limits = None, self._loop.time(), self._limits
        if self._waiting is None:
            return
        if now >= self._heard_at + limits.silence_s:
            self._fail(TransportFault(Fate.LOST, f"no data received for {limits.silence_s:g} s", lasting=True))
        elif now >= self._give_up_at:
            self._fail(
                TransportFault(Fate.LOST, f"the answer was not complete after {limits.whole_s:g} s", lasting=True)
            )
        else:
            self._set_timer()

    # Its answer

    def _receive_unasked(self, data: bytes) -> None:
        """A new connection may be refused before it was used; a used one that speaks up cannot be used again."""
        self._is_spoken_to = True
        self._end_grace()
        if self._served:
            self.abort()
        else:
            self._http.receive(data)

    def _receive(self, data: bytes) -> None:
        """Empty *data* says that this was all."""
        self._http.receive(data)
        self._read()

    def _read(self) -> None:
        try:
            answer = self._http.read()
        except ConnectionClosed:
            self._fail(self._loss())
        except TransportFault as fault:
            self._fail(fault)
        else:
            if answer is not None:
                self._finish(answer)

    def _loss(self) -> TransportFault:
        if self._is_unsent:
            return TransportFault(Fate.UNSENT, "the connection was closed before the request was sent")
        if self._http.has_begun:
            return TransportFault(Fate.LOST, "the connection was closed in the middle of the answer")
        return TransportFault(Fate.LOST, "the connection was closed without an answer")

    def _fail(self, fault: TransportFault) -> None:
        waiting = self._take_waiting()
        if waiting is not None:
            if self._lost_by is not None:
                fault.__cause__ = self._lost_by
            waiting.set_exception(fault)
        self.abort()  # never close(), which would still send what is left of the request

    def _finish(self, answer: Answer) -> None:
        waiting = self._take_waiting()
        if waiting is not None:
            waiting.set_result(answer)
            self._served += 1
        if waiting is None or not self._http.is_reusable:
            self.abort()

    def _take_waiting(self) -> asyncio.Future[Answer] | None:
        """Return what waits for the answer, if anything still does."""
        waiting, self._waiting = self._waiting, None
        return None if waiting is None or waiting.done() else waiting

    # Between requests

    def is_usable(self, now: float) -> bool:
        """Whether a next request may go out here: the other side has not closed it, and is not about to."""
        return not (
            self._is_spoken_to
            or self._is_over
            or self._is_unsent
            or self._transport.is_closing()
            or now - self.idle_since > self._limits.idle_s
        )

    def abort(self) -> None:
        """End the connection at once."""
        self._waiting = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport.abort()

    def when_lost(self, report: Callable[[], None]) -> None:
        """Call *report* once there is no connection any more, which may be now."""
        if self._is_lost:
            report()
        else:
            self._report_lost = report
