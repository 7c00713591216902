"""Finds what Nomad has of a run's items: children to adopt, and children to stop before their item runs again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dispatchfile.engine import Start, intent_of
from dispatchfile.errors import RunRefused
from dispatchfile.events import RunJournal
from dispatchfile.items import Item, item_prefix
from dispatchfile.journal import JournalReader, RunHeader
from dispatchfile.names import JobKey, child_id_start, split_child_id
from dispatchfile.nomad.client import Client
from dispatchfile.preflight import parents_in
from dispatchfile.usecases.running.children import find_living, is_living, own_children
from dispatchfile.usecases.running.specs import listing_of


async def record_intents(
    journal: RunJournal, items: Sequence[Item], found: Mapping[str, Start], header: RunHeader
) -> None:
    """Record the intents of items whose children were *found* in Nomad although no journal here has them."""
    attempts = [(item, found[item.id].attempt) for item in items if item.id in found]
    await journal.add_intents(
        [intent_of(item, number, run=header.id, rerun_of=header.rerun_of) for item, number in attempts]
    )


async def find_children(client: Client, items: Sequence[Item], run: str) -> dict[str, Start]:
    """
    Return the state of items by what Nomad still has of the run: the last attempt of each item that has a child.

    Raises NomadError where the lists cannot be read: without them nothing of the run may be sent.
    """
    children: dict[tuple[JobKey, str], tuple[int, str]] = {}  # the last attempt, by what stands before its number
    for parent in parents_in(items):
        namespace, region, job = parent
        prefix, condition = listing_of(job, run, items)
        rows = await client.list_all_jobs(prefix=prefix, namespace=namespace, region=region, filter=condition)
        for row in rows:
            if row.parent_id == job and (split := split_child_id(row.id)):
                stem, attempt = split
                children[parent, stem] = max(children.get((parent, stem), (0, "")), (attempt, row.id))
    found = {}
    for item in items:
        child = children.get((item.request.job_key, child_id_start(item.request.job, item_prefix(item, run=run))))
        if child is not None and not item.exact_prefix:
            found[item.id] = Start(child[0], child=child[1], in_journal=False)
    return found


async def find_predecessors(client: Client, family: Iterable[JournalReader], items: Sequence[Item]) -> dict[str, Start]:
    """
    Return for each item the child that still lives, which is stopped before the new one is dispatched.

    family: the run that is run again, and its reruns. Raises RunRefused where that is not ours to decide, and
    NomadError where Nomad cannot tell what lives.
    """
    starts: dict[str, Start] = {}
    for reader in family:
        found = await _find_living(client, reader, items)
        if twins := sorted(found.keys() & starts.keys()):
            raise RunRefused(f"item {twins[0]!r} has running children of two runs: stop one of them in Nomad")
        starts |= found
    return starts


async def _find_living(client: Client, old: JournalReader, items: Sequence[Item]) -> dict[str, Start]:
    """
    Return for each item its child of the *old* run, if it still lives.

    Raises RunRefused where that is not ours to decide, and NomadError where Nomad cannot tell what lives.
    """
    run, progress = old.run().header.id, old.attempts()
    known = {item_id for item_id, _ in progress}
    ids = {item.id for item in items if item.id in known}
    if not ids:
        return {}
    chosen = {item.id: item for item in old.items(payloads=False) if item.id in ids}  # with prefixes as they were
    for (item_id, _), attempt in progress.items():
        if item_id in chosen and attempt.accepted and attempt.accepted.existing:
            await _refuse_if_living(client, chosen[item_id], attempt.accepted.child)
    starts: dict[str, Start] = {}
    for child in await find_living(client, own_children(run, chosen.values(), progress)):
        if child.item in starts:
            raise RunRefused(f"item {child.item!r} has two running children: `dispatchfile stop {run}` stops both")
        starts[child.item] = Start(predecessor=child.id)
    return starts


async def _refuse_if_living(client: Client, item: Item, child: str) -> None:
    if await is_living(client, child, item.request.job_key):
        raise RunRefused(
            f"item {item.id!r}: {child} had this idempotency token before the run and has not ended; "
            "stop it yourself, or leave the item out"
        )
