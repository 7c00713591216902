"""Backends that speak TLS and want to see a certificate."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import trustme

from dispatchfile.agent import EmbeddedAgent
from tests.conformance.agents import agents, healthy
from tests.conformance.backends import Backend, Kind, backend_at

TLS = """
tls {{
  http                = true
  verify_https_client = true
  ca_file             = "{folder}/ca.pem"
  cert_file           = "{folder}/server.pem"
  key_file            = "{folder}/server-key.pem"
}}
"""
NAMES_OF_A_SERVER = ("server.global.nomad", "localhost", "127.0.0.1")  # as `nomad tls cert create -server` has them


def write_certificates(folder: Path) -> dict[str, str]:
    """A CA with a server and a client below it; the fields of a connection that name the client's."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name, hosts in (("server", NAMES_OF_A_SERVER), ("client", ("cli.global.nomad",))):
        pair = authority.issue_cert(*hosts)
        pair.private_key_pem.write_to_path(str(folder / f"{name}-key.pem"))
        pair.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
    files = {"ca_cert": "ca.pem", "client_cert": "client.pem", "client_key": "client-key.pem"}
    return {field: str(folder / file) for field, file in files.items()}


@asynccontextmanager
async def tls_backend(kind: Kind, folder: Path) -> AsyncIterator[Backend]:
    """A backend that takes nobody without a certificate of the CA below *folder*."""
    how = write_certificates(folder)
    if kind == "embedded":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=how["ca_cert"])
        context.load_cert_chain(folder / "server.pem", folder / "server-key.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        agent = EmbeddedAgent(ssl_context=context)
        async with agent, backend_at(kind, agent.address, **how) as backend:
            yield replace(backend, agent=agent)
        return
    async with agents(TLS.format(folder=folder), scheme="https") as (agent,):
        agent.start()
        async with backend_at(kind, agent.address, **how) as backend:
            await healthy(agent, backend.http)
            await backend.nodes(1)
            yield backend
