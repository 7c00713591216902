"""`run --run-id` of a run whose journal is not here: what Nomad has of it has to be what would be sent now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dispatchfile.engine import Start
from dispatchfile.errors import NomadForbidden, NomadNotFound, RunRefused
from dispatchfile.items import Item
from dispatchfile.names import JobKey
from dispatchfile.nomad.client import Client
from dispatchfile.nomad.models import Job
from dispatchfile.preflight import ParentState

READS_AT_ONCE = 8
SHOWN_KEYS = 5


@dataclass(frozen=True, slots=True)
class SameChildren:
    """Compares the children of a run with its items. Nothing is written."""

    client: Client
    run: str
    parents: Mapping[JobKey, ParentState]

    async def check(self, items: Sequence[Item], found: Mapping[str, Start]) -> str:
        """
        Return a note if the token may not read the children that were *found*; "" if they are the items'.

        Sensitive values are not compared. Raises RunRefused with the place of the first item that differs, NomadError.
        """
        slots = asyncio.Semaphore(READS_AT_ONCE)

        async def compare(item: Item) -> str:
            async with slots:
                return await self._difference(item, found[item.id].child)

        adopted = [item for item in items if item.id in found]
        try:
            differences = await asyncio.gather(*map(compare, adopted))
        except NomadForbidden as error:
            return f"the jobs that run {self.run} has in Nomad are not compared with the manifest: {error.message}"
        changed = [(item, what) for item, what in zip(adopted, differences, strict=True) if what]
        if changed:
            raise self._refusal(*changed[0], others=len(changed) - 1)
        return ""

    async def _difference(self, item: Item, child_id: str) -> str:
        namespace, region, _ = key = item.request.job_key
        try:
            child = await self.client.read_job(child_id, namespace=namespace, region=region)
        except NomadNotFound:
            return ""  # collected since the list was read
        names = list(_differences(item, child, self.parents[key].job))
        more = f" and {len(names) - SHOWN_KEYS:,} more" if len(names) > SHOWN_KEYS else ""
        return f"{child_id} has another {', '.join(names[:SHOWN_KEYS])}{more}" if names else ""

    def _refusal(self, item: Item, what: str, *, others: int = 0) -> RunRefused:
        more = f" (and {others:,} other item{'s' * (others != 1)})" if others else ""
        return RunRefused(
            f"{item.row or item.position}: item {item.id!r}{more} is not the one that run {self.run} has dispatched: "
            f"{what}; choose another --run-id, or call `dispatchfile rerun {self.run}` where the run's journal is"
        )


def _differences(item: Item, child: Job, parent: Job | None) -> Iterator[str]:
    """Yield the names of what the child was dispatched with otherwise."""
    request = item.request
    defaults = parent.meta if parent else {}
    same_version = parent is not None and parent.version == child.version
    for name in sorted({*request.meta, *_permitted(child, parent)} - _hidden_meta(item)):
        expected = request.meta.get(name, defaults.get(name))
        is_default = name not in request.meta and name in defaults  # which the job may have changed since
        if child.meta.get(name) != expected and (same_version or not is_default):
            yield f"meta.{name}"
    if "payload" not in item.sensitive and child.payload != (request.payload or b""):
        yield "payload"
    default = parent.priority if parent and same_version else child.priority
    if child.priority != (default if request.priority is None else request.priority):
        yield "priority"


def _permitted(child: Job, parent: Job | None) -> frozenset[str]:
    """Return the keys that a dispatch may give; what else the child has comes from its parent."""
    rules = child.parameterized or (parent.parameterized if parent else None)
    return frozenset() if rules is None else frozenset({*rules.meta_required, *rules.meta_optional})


def _hidden_meta(item: Item) -> set[str]:
    return {name.removeprefix("meta.") for name in item.sensitive if name.startswith("meta.")}
