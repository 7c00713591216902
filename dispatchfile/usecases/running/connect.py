"""The way to Nomad for as long as a command works on a run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from dispatchfile.errors import NomadError
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connecting import client_of
from dispatchfile.nomad.connection import Connection
from dispatchfile.settings import Settings

MONITOR_CONNECTIONS = 2

Connect = Callable[[Connection, Settings], AbstractAsyncContextManager[Client]]


@asynccontextmanager
async def connected(connection: Connection, settings: Settings) -> AsyncIterator[Client]:
    """
    A client of at most `concurrency + 2` connections, which waits for no answer longer than *unreachable_after*.

    A NomadError that ends the work says where Nomad was looked for.
    """
    patience = min(connection.request_timeout, settings.unreachable_after)
    patient = replace(connection, connect_timeout=min(connection.connect_timeout, patience), request_timeout=patience)
    async with client_of(patient, max_connections=settings.concurrency + MONITOR_CONNECTIONS) as client:
        try:
            yield client
        except NomadError as error:
            if connection.address in error.message:
                raise
            raise error.at(connection.address) from error
