"""The last look of a run: two children for one attempt must never be, and are reported loudly."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence

from dispatchfile.engine.spec import BatchSpec
from dispatchfile.errors import NomadError
from dispatchfile.names import JobKey, child_id_start, split_child_id
from dispatchfile.nomad.client import Client

Double = tuple[str, int, tuple[str, ...]]  # item, attempt, and its children


async def find_doubles(client: Client, spec: BatchSpec, followed: Collection[JobKey]) -> list[Double]:
    """List the children of each job that the run has children of. Return attempts with more than one."""
    found: list[Double] = []
    for job, listing in spec.listings.items():
        if job in followed:
            with contextlib.suppress(NomadError):
                rows = await client.list_all_jobs(
                    prefix=listing.prefix, namespace=job.namespace, region=job.region, filter=listing.condition
                )
                found += _doubles_among(spec, job, [row.id for row in rows])
    return found


def _doubles_among(spec: BatchSpec, job: JobKey, children: Sequence[str]) -> Iterator[Double]:
    twins: dict[tuple[str, int], list[str]] = {}
    for child in children:
        if split := split_child_id(child):
            twins.setdefault(split, []).append(child)
    for (stem, attempt), found in twins.items():
        prefix = stem.removeprefix(child_id_start(job.job))
        if len(found) > 1 and (item := spec.source.find(job, prefix)) is not None:
            yield item, attempt, tuple(found)
