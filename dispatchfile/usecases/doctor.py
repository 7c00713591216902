"""`doctor`: whether Nomad can be reached, as whom, what is missing, and what a manifest would ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dispatchfile.clock import Clock
from dispatchfile.errors import FileError, NomadError, UsageError
from dispatchfile.findings import Examination, Finding, fail, has_failed, ok, skip, warn
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.connecting import client_of
from dispatchfile.nomad.connection import Connection, read_connection
from dispatchfile.preflight import parents_in
from dispatchfile.settings import Settings
from dispatchfile.usecases.doctor_manifest import ManifestExam, ParentsExam, examine_manifest, examine_parents
from dispatchfile.usecases.doctor_server import ServerExam, describe_way, examine_server
from dispatchfile.usecases.load import ManifestSource
from dispatchfile.usecases.resolve_job import ALL_NAMESPACES
from dispatchfile.usecases.rights import NEEDS, Place, probe_rights
from dispatchfile.usecases.running.connect import MONITOR_CONNECTIONS
from dispatchfile.usecases.running.prepare import RunOptions

DEFAULT_NAMESPACE = "default"
MOST_PLACES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """The options of `doctor`."""

    flags: Mapping[str, str | bool | None]  # of the connection, as typed
    environ: Mapping[str, str]
    source: ManifestSource | None = None  # None: no manifest
    settings: Mapping[str, str | None] = field(default_factory=dict)  # flags by manifest key, as typed


async def examine(options: DoctorOptions, *, clock: Clock) -> Examination:
    """
    Look at everything that can be looked at without effect, and go no further than it makes sense to.

    Raises UsageError for settings that cannot be meant. Whatever else is wrong is a finding.
    """
    try:
        connection = read_connection(options.flags, options.environ)
    except (FileError, UsageError) as error:
        return Examination("", (fail("connection", str(error)), *_read_manifest(options, Connection()).findings))
    manifest = _read_manifest(options, connection)
    address = ok("address", connection.address)
    try:
        client = client_of(connection, max_connections=_settings_of(manifest).concurrency + MONITOR_CONNECTIONS)
    except (FileError, UsageError) as error:
        return Examination(connection.address, (address, fail("tls", str(error)), *manifest.findings))
    async with client:
        server = await examine_server(client, connection, clock)
        findings = (address, *describe_way(connection), *server.findings)
        if not server.answers:
            return Examination(connection.address, (*findings, *manifest.findings))
        findings = (*findings, *await _examine_places(client, connection, server, manifest))
        findings = (*findings, *manifest.findings, *_compare_limit(server, manifest))
        parents = await _examine_parents(client, server, manifest)
    return Examination(connection.address, (*findings, *parents.findings), parents.children, parents.load)


# The manifest


def _read_manifest(options: DoctorOptions, connection: Connection) -> ManifestExam:
    if options.source is None:
        return ManifestExam((), None)
    return examine_manifest(RunOptions(source=options.source, connection=connection, settings=options.settings))


def _settings_of(manifest: ManifestExam) -> Settings:
    return manifest.prepared.settings if manifest.prepared else Settings()


async def _examine_parents(client: Client, server: ServerExam, manifest: ManifestExam) -> ParentsExam:
    if manifest.prepared is None:
        return ParentsExam(())
    return await examine_parents(client, manifest.prepared, round_trip_s=server.round_trip_s)


def _compare_limit(server: ServerExam, manifest: ManifestExam) -> Sequence[Finding]:
    wanted = _settings_of(manifest).concurrency + MONITOR_CONNECTIONS
    if not server.max_connections or wanted <= server.max_connections:
        return ()
    return (warn("connections", f"a run opens up to {wanted}, so Nomad will refuse some and the run will slow down"),)


# Namespaces and regions


async def _examine_places(
    client: Client, connection: Connection, server: ServerExam, manifest: ManifestExam
) -> Sequence[Finding]:
    places = _places_of(connection, manifest)
    findings = [*await _examine_regions(client, places), *await _examine_namespaces(client, places)]
    if has_failed(findings):
        return findings
    if server.may_all:
        return [*findings, ok("rights", f"{', '.join(NEEDS)}: the token may do everything")]
    for place in places[:MOST_PLACES]:
        findings += [finding async for finding in probe_rights(client, place)]
    if len(places) > MOST_PLACES:
        findings.append(skip("rights", f"only {MOST_PLACES} of {len(places)} namespaces were checked"))
    return findings


def _places_of(connection: Connection, manifest: ManifestExam) -> list[Place]:
    """Namespaces with their regions: of the manifest's jobs, or where there is none, of the connection."""
    if manifest.prepared is None or not manifest.prepared.selection.selected:
        return [(connection.namespace or DEFAULT_NAMESPACE, connection.region)]
    parents: list[JobKey] = list(parents_in(manifest.prepared.selection.selected))
    return list(dict.fromkeys((namespace, region) for namespace, region, _ in parents))


async def _examine_regions(client: Client, places: Sequence[Place]) -> list[Finding]:
    wanted = dict.fromkeys(region for _, region in places if region)
    if not wanted:
        return []
    try:
        known = await client.read_regions()
    except NomadError as error:
        return [skip("region", f"could not be checked: {error.message}")]
    there = f"known regions are {', '.join(known)}"
    return [
        ok("region", each) if each in known else fail("region", f"unknown region {each}: {there}") for each in wanted
    ]


async def _examine_namespaces(client: Client, places: Sequence[Place]) -> list[Finding]:
    """Nomad lists those in which the token may do anything at all."""
    wanted = dict.fromkeys(namespace for namespace, _ in places)
    try:
        known = await client.read_namespaces()
    except NomadError as error:
        return [skip("namespace", f"could not be checked: {error.message}")]
    return [_compare_namespace(each, known) for each in wanted]


def _compare_namespace(name: str, known: Sequence[str]) -> Finding:
    if name == ALL_NAMESPACES:
        return fail("namespace", "* means all namespaces, but a job is dispatched in one: name it")
    if name not in known:
        return fail("namespace", f"{name} does not exist, or the token has no rights there")
    return ok("namespace", name)
