"""Requests sent, each in a task of its own, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dispatchfile.engine.commands import Send, Withdraw
from dispatchfile.engine.happenings import Answered, Lost, NotSent, Refused, Withdrawn, failure_of
from dispatchfile.errors import NomadAmbiguous, NomadRefused, NomadUnavailable
from dispatchfile.nomad.client import Client

Report = Answered | Lost | NotSent | Refused | Withdrawn


class Sender:
    """Carries out `Send`: one happening follows on each."""

    def __init__(self, client: Client, group: asyncio.TaskGroup, post: Callable[[Report], None]) -> None:
        self._client, self._group, self._post = client, group, post
        self._is_over = False

    def send(self, command: Send) -> None:
        self._group.create_task(self._send(command))

    def withdraw(self, _: Withdraw) -> None:
        self._is_over = True

    async def _send(self, command: Send) -> None:
        if self._is_over:  # since the command was given, which was a moment ago
            self._post(Withdrawn(command.key, command.serial))
        else:
            self._post(await self._request(command))

    async def _request(self, command: Send) -> Report:
        key, serial, request = command.key, command.serial, command.request
        try:
            answer = await self._client.dispatch_job(
                request.job,
                namespace=request.namespace,
                region=request.region,
                payload=request.payload,
                meta=request.meta,
                id_prefix=command.prefix,
                token=command.token,
                priority=request.priority,
            )
        except NomadUnavailable as error:
            return NotSent(key, serial, failure_of(error))
        except NomadAmbiguous as error:
            return Lost(key, serial, failure_of(error))
        except NomadRefused as error:
            return Refused(key, serial, failure_of(error))
        return Answered(key, serial, answer.child, answer.eval_id)
