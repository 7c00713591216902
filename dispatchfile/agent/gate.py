"""
The connection limit, as Nomad applies it: at the accept, before any request byte is read.

Source: hashicorp/nomad, command/agent/http.go (connLimiter) and hashicorp/go-connlimit; texts observed on 2.0.5.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final, cast

TOO_MANY_TEXT: Final = b"Your IP is issuing too many concurrent connections, please rate limit your calls\n"
TOO_MANY: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\n"
    b"Content-Type: text/plain\r\n"
    b"Content-Length: %d\r\n"
    b"Connection: close\r\n\r\n%s" % (len(TOO_MANY_TEXT), TOO_MANY_TEXT)
)
_BURST: Final = 100
_PER_SECOND: Final = 10


class Gate:
    """
    Counts open connections for each client, and turns those over the limit away.

    limit: for each address, 0 for none; unix sockets are not limited. open, peak: of all connections.
    """

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        self._limit = limit
        self._now = now
        self._by_client: Counter[str] = Counter()
        self._budget = float(_BURST)
        self._budget_at = now()
        self.open = 0
        self.peak = 0

    def enter(self, client: str) -> bool:
        """Return whether one more connection of this client is let in."""
        if client and self._limit and self._by_client[client] >= self._limit:
            return False
        self._by_client[client] += 1
        self.open += 1
        self.peak = max(self.peak, self.open)
        return True

    def leave(self, client: str) -> None:
        self._by_client[client] -= 1
        self.open -= 1

    def may_explain(self) -> bool:
        """Nomad answers 429 only so often; beyond that it closes without a word."""
        now = self._now()
        self._budget = min(_BURST, self._budget + (now - self._budget_at) * _PER_SECOND)
        self._budget_at = now
        if self._budget < 1:
            return False
        self._budget -= 1
        return True


class Doorman(asyncio.Protocol):
    """Stands before the HTTP protocol of a new connection until it is known whose it is."""

    def __init__(self, gate: Gate, make_protocol: Callable[["Guest"], asyncio.Protocol]) -> None:
        self._gate = gate
        self._make_protocol = make_protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        accepted = cast("asyncio.Transport", transport)
        peer = accepted.get_extra_info("peername")
        client = str(peer[0]) if isinstance(peer, tuple) else ""
        if self._gate.enter(client):
            protocol = self._make_protocol(Guest(self._gate, client))
            accepted.set_protocol(protocol)
            protocol.connection_made(accepted)
        elif self._gate.may_explain():
            accepted.write(TOO_MANY)
            accepted.close()
        else:
            accepted.close()


class Guest:
    """A connection that was let in. Leaving more than once counts once."""

    def __init__(self, gate: Gate, client: str) -> None:
        self._gate: Gate | None = gate
        self._client = client

    def leave(self) -> None:
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.leave(self._client)
