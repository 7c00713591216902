"""A client for the Nomad that a connection names."""

from __future__ import annotations

from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.transport import HttpTransport, limits_of


def client_of(connection: Connection, *, max_connections: int) -> Client:
    """
    Return a client that reaches Nomad as *connection* says. It is an async context manager.

    Raises FileError for certificates, and UsageError for a proxy, that cannot be used.
    """
    return Client(connection, HttpTransport(connection, limits_of(connection, max_connections=max_connections)))
