"""Two lists of items compared by ID: what is new, what is changed and how, and what is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dispatchfile.items import Item

MASKED = "***"


class Change(StrEnum):
    """The difference between an item and the one of the same ID that it is compared with."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class ChangedKey:
    """A key of the request and its two values. None: the item has no such key there."""

    key: str
    before: bytes | str | None
    after: bytes | str | None
    is_sensitive: bool = False  # on either side: neither value may be shown


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference between an item and the one that it is compared with."""

    change: Change
    keys: tuple[ChangedKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences between two lists of items."""

    base: str  # the git ref or plan file
    differences: Mapping[str, Difference]  # by ID, of the items as they are now
    removed: tuple[Item, ...]

    @property
    def differs(self) -> bool:
        return bool(self.removed) or any(d.change is not Change.UNCHANGED for d in self.differences.values())


def compare_items(base: str, before: Iterable[Item], after: Iterable[Item]) -> Comparison:
    """Compare what would be sent; timeouts, retries and tags are no part of it."""
    old = {item.id: item for item in before}
    differences = {item.id: _difference(old.get(item.id), item) for item in after}
    return Comparison(base, differences, tuple(item for key, item in old.items() if key not in differences))


def _difference(before: Item | None, after: Item) -> Difference:
    if before is None:
        return Difference(Change.NEW)
    keys = tuple(_changed_keys(before, after))
    return Difference(Change.CHANGED if keys else Change.UNCHANGED, keys)


def _changed_keys(before: Item, after: Item) -> Iterator[ChangedKey]:
    hidden = before.sensitive | after.sensitive
    old, new = _values(before), _values(after)
    for key in dict.fromkeys((*new, *old)):
        if key in hidden and (key not in old or key not in new):
            continue  # a plan does not hold it
        if old.get(key) != new.get(key):
            yield ChangedKey(key, old.get(key), new.get(key), key in hidden)


def _values(item: Item) -> dict[str, bytes | str]:
    request = item.request
    values: dict[str, bytes | str | None] = {
        "job": request.job,
        "namespace": request.namespace,
        "region": request.region or None,
        **{f"meta.{key}": value for key, value in sorted(request.meta.items())},
        "payload": request.payload or None,
        "priority": None if request.priority is None else str(request.priority),
        "idempotency_token": request.token and request.token.replace(item.fingerprint, "…"),
        "id_prefix_template": item.written_prefix or None,
    }
    return {key: value for key, value in values.items() if value is not None}
