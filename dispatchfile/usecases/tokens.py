"""
Finds out whether Nomad knows the token at all.

It says the same of one that is unknown or has expired as of a right that is lacking: `Permission denied`.
"""

from __future__ import annotations

from dispatchfile.engine import NO_TOKEN, refusal_of_token
from dispatchfile.errors import NomadForbidden
from dispatchfile.nomad.client import Client

WHERE_TOKENS_COME_FROM = "check NOMAD_TOKEN, --token and --token-file"


async def explain_denial(client: Client, lacking: str) -> NomadForbidden:
    """Return what to say of a denial: that the token is wrong, if it is, else what it is *lacking*."""
    refusal = await refusal_of_token(client)
    if refusal:
        return NomadForbidden(with_advice(refusal))
    return NomadForbidden(lacking if client.has_token else f"{NO_TOKEN}, and {lacking}")


def with_advice(refusal: str) -> str:
    """Return what Nomad has against the token with where tokens come from."""
    return refusal if refusal == NO_TOKEN else f"{refusal}: {WHERE_TOKENS_COME_FROM}"
