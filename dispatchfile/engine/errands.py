"""Single questions and requests: stop a child, read a child, is the token known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dispatchfile.engine.commands import CheckToken, ReadChild, StopChild
from dispatchfile.engine.happenings import ChildRead, ChildStopped, TokenChecked, failure_of
from dispatchfile.errors import NomadError, NomadForbidden, NomadNotFound
from dispatchfile.nomad.client import Client

NO_TOKEN = "no token is given (NOMAD_TOKEN, --token, --token-file)"  # noqa: S105  words of a message

Report = ChildRead | ChildStopped | TokenChecked


class Errands:
    """Carries out `StopChild`, `ReadChild` and `CheckToken`: one happening follows on each."""

    def __init__(self, client: Client, group: asyncio.TaskGroup, post: Callable[[Report], None]) -> None:
        self._client, self._group, self._post = client, group, post

    def stop_child(self, command: StopChild) -> None:
        self._group.create_task(self._stop(command))

    def read_child(self, command: ReadChild) -> None:
        self._group.create_task(self._read(command))

    def check_token(self, command: CheckToken) -> None:
        self._group.create_task(self._check(command))

    async def _stop(self, command: StopChild) -> None:
        namespace, region, _ = command.job
        failure = None
        try:
            await self._client.stop_job(command.child, namespace=namespace, region=region)
        except NomadNotFound:
            pass
        except NomadError as error:
            failure = failure_of(error)
        self._post(ChildStopped(command.key, command.serial, failure))

    async def _read(self, command: ReadChild) -> None:
        """Its own server knows a child as soon as it has answered: the read has default consistency."""
        namespace, region, _ = command.job
        key, serial = command.key, command.serial
        try:
            job = await self._client.read_job(command.child, namespace=namespace, region=region)
        except NomadNotFound:
            self._post(ChildRead(key, serial))
        except NomadError as error:
            self._post(ChildRead(key, serial, failure=failure_of(error)))
        else:
            self._post(ChildRead(key, serial, exists=True, lives=job.status != "dead" and not job.stop))

    async def _check(self, command: CheckToken) -> None:
        self._post(TokenChecked(command.serial, await refusal_of_token(self._client)))


async def refusal_of_token(client: Client) -> str:
    """
    Return what Nomad has against the token itself; empty if Nomad knows it, or does not come to say so.

    Nomad says the same of one that is unknown or has expired as of a right that is lacking: `Permission denied`.
    """
    try:
        await client.read_token_self()
    except NomadForbidden as error:
        return f"Nomad refuses the token ({error.message})" if client.has_token else NO_TOKEN
    except NomadError:
        return ""
    return ""
