"""Sensitive values are stored nowhere: a run that goes on renders them again from its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dispatchfile.errors import UsageError
from dispatchfile.items import Item
from dispatchfile.usecases.load import ManifestSource, load_items

PAYLOAD, META = "payload", "meta."


def restore_sensitive(items: Sequence[Item], source: ManifestSource) -> tuple[Item, ...]:
    """
    The stored items with their sensitive values, rendered again.

    Raises UsageError where an item that needs one is not in the manifest any more, or no longer renders.
    """
    if not any(item.sensitive for item in items):
        return tuple(items)
    rendered = {item.id: item for item in load_items(source).items}
    return tuple(_restored(item, rendered.get(item.id)) if item.sensitive else item for item in items)


def _restored(item: Item, rendered: Item | None) -> Item:
    if rendered is None or not item.sensitive <= _names_of(rendered):
        raise UsageError(
            f"item {item.id!r} has sensitive values, which are stored nowhere, and its manifest no longer gives them: "
            "give back the manifest, or the variables they need with --var"
        )
    request = item.request
    keys = [name.removeprefix(META) for name in item.sensitive if name.startswith(META)]
    meta = {**request.meta, **{key: rendered.request.meta[key] for key in keys}}
    payload = rendered.request.payload if PAYLOAD in item.sensitive else request.payload
    return replace(item, request=replace(request, meta=meta, payload=payload))


def _names_of(item: Item) -> set[str]:
    """What the item has a value of, as `sensitive` names it."""
    names = {f"{META}{key}" for key in item.request.meta}
    return names | {PAYLOAD} if item.request.payload else names
