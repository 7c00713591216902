"""The server as `doctor` sees it: the way there, a leader, the token, the version, its limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from dispatchfile.clock import Clock
from dispatchfile.engine import NO_TOKEN
from dispatchfile.errors import NomadError, NomadForbidden, NomadLeaderless
from dispatchfile.findings import Finding, fail, has_failed, ok, skip, warn
from dispatchfile.nomad.client import Client, parse_version
from dispatchfile.nomad.connection import Connection
from dispatchfile.nomad.models import AgentSelf, TokenSelf
from dispatchfile.nomad.proxies import is_loopback
from dispatchfile.usecases.server_age import CHECK as VERSION
from dispatchfile.usecases.server_age import age_findings
from dispatchfile.usecases.tokens import WHERE_TOKENS_COME_FROM

ACLS_OFF = "acls-disabled"  # the accessor that Nomad gives where nothing is checked
ANONYMOUS = "anonymous"
MANAGEMENT = "management"
SOON_S = 3600.0


@dataclass(frozen=True, slots=True)
class ServerExam:
    """The findings about the server, and the facts that other checks need."""

    findings: tuple[Finding, ...]
    answers: bool  # like a Nomad that has a leader and knows the token
    may_all: bool = False
    round_trip_s: float = 0.0
    max_connections: int = 0  # 0: no limit, or not known


def describe_way(connection: Connection) -> Iterator[Finding]:
    """Through what, and how safely."""
    endpoint = connection.endpoint
    if connection.proxy:
        parts = urlsplit(connection.proxy)
        yield ok("proxy", f"through {parts.scheme}://{parts.hostname}:{parts.port or 80}")
    if endpoint.scheme == "https":
        yield _describe_tls(connection)
    elif endpoint.scheme == "http" and connection.token and not is_loopback(endpoint.host):
        yield warn("tls", "not used: others on the network can read the token")


def _describe_tls(connection: Connection) -> Finding:
    own = ", with a client certificate" if connection.client_cert else ""
    if connection.tls_skip_verify:
        return warn("tls", f"the server's certificate is not checked (--tls-skip-verify or NOMAD_SKIP_VERIFY){own}")
    roots = connection.ca_cert or connection.ca_path or "the system's CAs"
    return ok("tls", f"the server is checked with {roots}{own}")


async def examine_server(client: Client, connection: Connection, clock: Clock) -> ServerExam:
    """Check everything that needs no namespace. Ends early where later checks make no sense."""
    started = clock.now()
    try:
        leader = await client.read_leader()
    except NomadError as error:
        return ServerExam((_explain_silence(error),), answers=False)
    round_trip_s = await _measure(client, clock, clock.now() - started)
    findings = [ok("leader", f"{leader}; answers in {round_trip_s * 1000:.0f} ms")]
    token, more = await _examine_token(client, connection, clock)
    findings += more
    if has_failed(more):
        return ServerExam(tuple(findings), answers=False)
    agent, more = await _examine_agent(client)
    findings += more
    return ServerExam(
        tuple(findings),
        answers=True,
        may_all=token is not None and (token.accessor_id == ACLS_OFF or token.type == MANAGEMENT),
        round_trip_s=round_trip_s,
        max_connections=agent.max_connections if agent else 0,
    )


async def _measure(client: Client, clock: Clock, first_s: float) -> float:
    """Measure another request, because the first answer includes the time for the connection."""
    started = clock.now()
    try:
        await client.read_leader()
    except NomadError:
        return first_s
    return clock.now() - started


def _explain_silence(error: NomadError) -> Finding:
    if isinstance(error, NomadLeaderless):
        return fail("leader", "an agent answers, but its servers have no leader, so nothing can be read or dispatched")
    return fail("connection", error.message)


# As whom


async def _examine_token(
    client: Client, connection: Connection, clock: Clock
) -> tuple[TokenSelf | None, list[Finding]]:
    try:
        token = await client.read_token_self()
    except NomadForbidden as error:
        if not connection.token:
            return None, [fail("token", f"{NO_TOKEN}, and Nomad answers {error.message!r} without one")]
        return None, [fail("token", f"Nomad refuses it ({error.message}): {WHERE_TOKENS_COME_FROM}")]
    except NomadError as error:
        unknown = "Nomad gives no information about it (for example for a workload identity)"
        return None, [skip("token", unknown if error.status == 404 else f"could not be checked: {error.message}")]
    return token, list(_describe_token(token, clock.wall()))


def _describe_token(token: TokenSelf, now: float) -> Iterator[Finding]:
    if token.accessor_id == ACLS_OFF:
        yield ok("token", "not needed: ACLs are off, everyone has all rights")
        return
    if token.accessor_id == ANONYMOUS:
        yield warn("token", f"{NO_TOKEN}: anonymous{_policies(token)}")
        return
    name = f"{token.name!r}, " if token.name else ""
    yield ok("token", f"{name}{token.type}, accessor {token.accessor_id}{_policies(token)}")
    yield from _describe_expiry(token.expiration_time, now)


def _policies(token: TokenSelf) -> str:
    parts = [f"policies {', '.join(token.policies)}"] if token.policies else []
    parts += [f"roles {', '.join(token.roles)}"] if token.roles else []
    return "".join(f", {part}" for part in parts)


def _describe_expiry(text: str, now: float) -> Iterator[Finding]:
    try:
        left_s = datetime.fromisoformat(text).timestamp() - now
    except ValueError:
        return
    told = f"expires at {text}"
    yield warn("token", f"{told}, within an hour") if left_s < SOON_S else ok("token", told)


# What it is


async def _examine_agent(client: Client) -> tuple[AgentSelf | None, list[Finding]]:
    try:
        agent = await client.read_agent()
    except NomadForbidden:
        lacking = 'unknown without agent { policy = "read" }'
        return None, [
            skip(VERSION, f"{lacking}; run then treats the server as an old one and sends some more requests"),
            skip("connections", f"limit {lacking}; Nomad's default is 100 from one address"),
        ]
    except NomadError as error:
        return None, [skip(VERSION, f"could not be checked: {error.message}")]
    return agent, list(_describe_agent(agent))


def _describe_agent(agent: AgentSelf) -> Iterator[Finding]:
    role = "server" if agent.is_server else "client agent, whose servers may have another version"
    yield ok(VERSION, f"Nomad {agent.version}, {role}, region {agent.region}, datacenter {agent.datacenter}")
    version = parse_version(agent.version)
    if version is None:
        yield warn(VERSION, f"{agent.version!r} is not a known format; run treats the server as an old one")
    else:
        yield from age_findings(version)
    if agent.max_connections:
        yield ok("connections", f"at most {agent.max_connections} from one address")
    else:
        yield ok("connections", "no limit")
