"""The faults of a request to Nomad, and what they say about the request."""

from __future__ import annotations

import enum
import ssl
from collections.abc import Iterator


class Fate(enum.Enum):
    """The meaning of a fault for the request."""

    UNSENT = enum.auto()  # it did not leave this process, or not to its end: nobody can have carried it out
    LOST = enum.auto()  # sent, or perhaps sent, and no answer
    GARBLED = enum.auto()  # an answer that makes no sense


class TransportFault(Exception):
    """A request without a usable answer. *lasting*: the same request has the same fault when it is repeated at once."""

    def __init__(self, fate: Fate, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.fate, self.lasting = fate, lasting


FAULTS = (
    TransportFault,
    OSError,
    EOFError,
)  # all that a backend may raise; OSError: ssl.SSLError, socket.gaierror, TimeoutError …


def fate_of(error: Exception) -> Fate:
    """Return what the fault says of its request: what nobody has judged may have been carried out."""
    return error.fate if isinstance(error, TransportFault) else Fate.LOST


def too_large(most: int) -> TransportFault:
    """Return the fault of an answer that is larger than any that Nomad gives."""
    return TransportFault(Fate.GARBLED, f"the answer is larger than {most >> 20} MiB", lasting=True)


def is_lasting(error: Exception) -> bool:
    """Whether a read would fail again if it was repeated at once: after a TLS fault, a timeout or a huge answer."""
    return any(
        isinstance(cause, ssl.SSLError | TimeoutError) or (isinstance(cause, TransportFault) and cause.lasting)
        for cause in causes(error)
    )


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Return the error and, one after the other, what caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
