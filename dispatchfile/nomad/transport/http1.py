"""
HTTP/1.1 as bytes in and bytes out: requests framed, answers read. The only place that knows h11.

Nothing here reads or writes a socket.
"""

from __future__ import annotations

from functools import lru_cache

import h11

from dispatchfile.nomad.answers import Answer
from dispatchfile.nomad.transport.backend import Headers
from dispatchfile.nomad.transport.faults import Fate, TransportFault, too_large

MAX_HEAD_BYTES = 64 * 1024
END = h11.EndOfMessage()


class ConnectionClosed(Exception):
    """The connection has ended before its answer has."""


@lru_cache(maxsize=256)
def _checked(headers: Headers, body_bytes: int) -> h11.Request:
    """Return a request with these headers: h11 need not check them again where they are taken from it."""
    if body_bytes:
        headers = (*headers, (b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % body_bytes))
    return h11.Request(method=b"GET", target=b"/", headers=list(headers))


class Http1:
    """One connection's requests and answers, one after the other. *headers* go with every request."""

    def __init__(self, headers: Headers, *, most_bytes: int) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._headers, self._most_bytes = headers, most_bytes
        self._head: h11.Response | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._is_over = False
        self.is_reusable = True  # a next request may follow

    @property
    def has_begun(self) -> bool:
        """Return whether an answer has begun."""
        return self._head is not None

    def frame(self, method: str, target: bytes, body: bytes) -> bytes:
        """Return the request as it is sent. Raises TransportFault for what cannot be sent."""
        send = self._http.send
        try:
            headers = _checked(self._headers, len(body)).headers
            head = send(h11.Request(method=method, target=target, headers=headers))
            rest = send(h11.Data(data=body)) if body else b""
            send(END)
        except h11.LocalProtocolError as exc:
            raise TransportFault(Fate.UNSENT, str(exc)) from exc
        return (head or b"") + (rest or b"")

    def receive(self, data: bytes) -> None:
        """Keep what has arrived; empty *data* says that this was all."""
        self._is_over = self._is_over or not data
        self._http.receive_data(data)

    def read(self) -> Answer | None:
        """
        Return the answer once it is there to its end, None if more has to arrive.

        Raises ConnectionClosed, and TransportFault for what is not HTTP and for an answer that is too large.
        """
        try:
            while True:
                event = self._http.next_event()
                if isinstance(event, h11.Data):
                    self._collect(bytes(event.data))
                elif isinstance(event, h11.Response):
                    self._begin(event)
                elif isinstance(event, h11.EndOfMessage):
                    return self._finish()
                elif event is h11.NEED_DATA:
                    self._check_beginning()
                    return None
                elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                    raise ConnectionClosed
        except h11.RemoteProtocolError as exc:
            if self._is_over:
                raise ConnectionClosed from exc
            raise TransportFault(Fate.GARBLED, f"not an HTTP answer ({exc})") from exc

    def _check_beginning(self) -> None:
        """h11 waits for a blank line before it looks; another language may never send one."""
        if self._head is None and not b"HTTP/".startswith(self._http.trailing_data[0][:5]):
            raise TransportFault(Fate.GARBLED, "not an HTTP answer")

    def _begin(self, head: h11.Response) -> None:
        self._head = head
        announced = next((int(text) for name, text in head.headers.raw_items() if name.lower() == b"content-length"), 0)
        self._check_size(announced)

    def _collect(self, part: bytes) -> None:
        self._body.append(part)
        self._size += len(part)
        self._check_size(self._size)

    def _check_size(self, size: int) -> None:
        if size > self._most_bytes:
            raise too_large(self._most_bytes)

    def _finish(self) -> Answer | None:
        head, http = self._head, self._http
        if head is None:
            return None
        headers = {str(name, "latin-1").lower(): str(value, "latin-1") for name, value in head.headers.raw_items()}
        answer = Answer(head.status_code, headers, b"".join(self._body))
        self._head, self._body, self._size = None, [], 0
        self.is_reusable = http.our_state is h11.DONE and http.their_state is h11.DONE and not http.trailing_data[0]
        if self.is_reusable:
            http.start_next_cycle()
        return answer
