"""The interface of the transport that the client needs."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from dispatchfile.nomad.answers import Answer


@dataclass(slots=True)
class Counters:
    """The requests sent to the server so far."""

    requests: int = 0
    throttled: int = 0  # answers 429


class Transport(Protocol):
    """Sends requests to one Nomad and returns its answers, whatever their status. An async context manager."""

    counters: Counters

    @property
    def peak_connections(self) -> int:
        """Most connections that were open at one time."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def send(self, method: str, target: str, body: bytes = b"") -> Answer:
        """
        Send one request and return its answer. target: path and query, percent-encoded.

        Raises NomadUnavailable where the request was definitely not carried out, or was a GET without an answer,
        NomadAmbiguous where another request may have been, and NomadUnreadable where what answered a GET is not HTTP.
        """
