"""The interface of an HTTP backend, whatever library it uses, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dispatchfile.nomad.answers import Answer

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of connections and requests."""

    max_connections: int
    connect_s: float
    silence_s: float  # a request may be without any data for so long
    whole_s: float  # and may take so long from its beginning to the end of its answer
    idle_s: float = 50.0  # common load balancers drop idle connections after 60 s
    answer_bytes: int = 64 * 1024 * 1024  # of a body, also when unpacked; 10,000 rows of the job list take 9 MB


class HttpBackend(Protocol):
    """Carries requests to one endpoint."""

    @property
    def peak(self) -> int:
        """Most connections that were open at one time."""

    async def ask(self, method: str, target: bytes, body: bytes) -> Answer:
        """
        Send one request, and return its answer with the body as it came: possibly packed.

        Raises TransportFault, or OSError where the request may have been sent.
        """

    async def open(self) -> None:
        """Get ready. It connects to nothing yet."""

    async def close(self) -> None:
        """End all connections."""
