"""Finds the jobs in Nomad that are a run's own children, and those of them that live."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dispatchfile.errors import NomadForbidden, NomadNotFound
from dispatchfile.items import Item
from dispatchfile.names import JobKey, child_id_start, child_stem
from dispatchfile.nomad.client import Client
from dispatchfile.results import AttemptHistory
from dispatchfile.usecases.running.specs import listing_of


@dataclass(frozen=True, slots=True)
class OwnChild:
    """A child of the run in Nomad."""

    id: str
    parent: JobKey
    item: str


@dataclass(frozen=True, slots=True)
class OwnChildren:
    """
    The children that a run may stop: those with the prefix of one of its attempts, and those it has on record.

    A child that Nomad already had for a token is somebody else's, and is not among them.
    """

    listings: Mapping[JobKey, tuple[str, str]]  # prefix and filter
    items: Mapping[tuple[JobKey, str], str]  # by parent and by a child's ID, less its time and hash
    recorded: tuple[OwnChild, ...]
    unlisted: frozenset[str]  # of the recorded ones: their exact prefix does not tell whose they are

    def of_row(self, parent: JobKey, child_id: str) -> OwnChild | None:
        """Return the child that a row of the parent's list shows, unless it is somebody else's."""
        item = self.items.get((parent, child_stem(child_id)))
        return None if item is None else OwnChild(child_id, parent, item)


def own_children(run: str, items: Iterable[Item], progress: Mapping[tuple[str, int], AttemptHistory]) -> OwnChildren:
    """Return the children of these *items* that the run's journal knows."""
    known = {item.id: item for item in items}
    stems: dict[tuple[JobKey, str], str] = {}
    recorded: list[OwnChild] = []
    for (item_id, _), attempt in progress.items():
        if item_id not in known:
            continue
        item = known[item_id]
        parent = item.request.job_key
        if not item.exact_prefix:
            stems[parent, child_id_start(parent[2], attempt.intent.prefix)] = item_id
        if attempt.accepted and not attempt.accepted.existing:
            recorded.append(OwnChild(attempt.accepted.child, parent, item_id))
    parents = {item.request.job_key for item in known.values()}
    return OwnChildren(
        listings={parent: listing_of(parent[2], run, known.values()) for parent in sorted(parents)},
        items=stems,
        recorded=tuple(recorded),
        unlisted=frozenset(child.id for child in recorded if known[child.item].exact_prefix),
    )


async def find_living(client: Client, own: OwnChildren) -> list[OwnChild]:
    """
    Return the children of the run that are neither dead nor told to stop, by one list a parent.
    Raises NomadError.
    """
    found = [child for parent in own.listings for child in await _living_of(client, own, parent)]
    named = [child for child in own.recorded if child.id in own.unlisted]
    return found + await _living_among(client, named)


async def _living_of(client: Client, own: OwnChildren, parent: JobKey) -> list[OwnChild]:
    namespace, region, _ = parent
    prefix, condition = own.listings[parent]
    living = " and ".join(filter(None, [condition, 'Status != "dead"']))
    try:
        rows = await client.list_all_jobs(prefix=prefix, namespace=namespace, region=region, filter=living)
    except NomadForbidden:  # no list-jobs: what is on record can be read one by one
        recorded = [child for child in own.recorded if child.parent == parent and child.id not in own.unlisted]
        return await _living_among(client, recorded)
    children = (own.of_row(parent, row.id) for row in rows if row.status != "dead" and not row.stop)
    return [child for child in children if child is not None]


async def _living_among(client: Client, children: Iterable[OwnChild]) -> list[OwnChild]:
    wanted = list(children)
    alive = await asyncio.gather(*(is_living(client, child.id, child.parent) for child in wanted))
    return [child for child, lives in zip(wanted, alive, strict=True) if lives]


async def is_living(client: Client, child_id: str, parent: JobKey) -> bool:
    """Return whether Nomad has the child, neither dead nor asked to stop. Raises NomadError."""
    namespace, region, _ = parent
    try:
        job = await client.read_job(child_id, namespace=namespace, region=region)
    except NomadNotFound:
        return False
    return job.status != "dead" and not job.stop
