"""
Whether Nomad knows the token at all.

It says the same of one that is unknown or has expired as of a right that is lacking: `Permission denied`.
"""

from __future__ import annotations

import asyncio
import itertools

from dispatchfile.errors import NomadError, NomadForbidden
from dispatchfile.nomad.client import Client

NO_TOKEN = "no token is given (NOMAD_TOKEN, --token, --token-file)"  # noqa: S105  words of a message
WHERE_TOKENS_COME_FROM = "look at NOMAD_TOKEN, --token and --token-file"


async def refusal_of_token(client: Client) -> str:
    """What Nomad has against the token itself; empty where it knows it, and where it does not come to say so."""
    try:
        await client.read_token_self()
    except NomadForbidden as error:
        return f"Nomad refuses the token ({error.message})" if client.has_token else NO_TOKEN
    except NomadError:
        return ""
    return ""


async def explain_denial(client: Client, lacking: str) -> NomadForbidden:
    """What is to be said of a denial: that the token is wrong, if it is, else what it is *lacking*."""
    refusal = await refusal_of_token(client)
    if refusal:
        return NomadForbidden(with_advice(refusal))
    return NomadForbidden(lacking if client.has_token else f"{NO_TOKEN}, and {lacking}")


def with_advice(refusal: str) -> str:
    """Return what Nomad has against the token with where tokens come from."""
    return refusal if refusal == NO_TOKEN else f"{refusal}: {WHERE_TOKENS_COME_FROM}"


class TokenCheck:
    """Asks once for all that are denied something at the same time, if the question leaves after that."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = asyncio.Lock()
        self._sequence = itertools.count()
        self._asked_at = -1
        self._refusal = ""

    async def refusal(self) -> str:
        denied_at = next(self._sequence)
        async with self._lock:
            if not self._refusal and self._asked_at < denied_at:
                self._asked_at = next(self._sequence)
                self._refusal = await refusal_of_token(self._client)
        return self._refusal
