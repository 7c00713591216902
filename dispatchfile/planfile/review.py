"""A plan as people review it: its items, what the journal knows of them, and what differs from before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatchfile.items import Item
from dispatchfile.planfile.comparison import Change, Comparison, Difference
from dispatchfile.planfile.model import PlanHead


@dataclass(frozen=True, slots=True)
class Review:
    """A plan that was made or read."""

    head: PlanHead
    manifest: str  # as messages show it
    digest: str
    items: tuple[Item, ...]  # to send, in file order
    address: str = ""  # of the server that was asked; empty: none was
    known: Mapping[str, str] = field(default_factory=dict)  # what the journal says of an item, by ID
    comparison: Comparison | None = None
    out: str = ""  # the plan file that was written
    is_file: bool = False  # the plan was read from the file `manifest`

    def difference(self, item: Item) -> Difference | None:
        """Return how the item differs from before, if it was compared."""
        return None if self.comparison is None else self.comparison.differences.get(item.id)

    @property
    def counts(self) -> Mapping[Change, int]:
        """Return how many of the items to send are new, changed and unchanged; nothing if they were not compared."""
        return Counter(found.change for item in self.items if (found := self.difference(item)))

    @property
    def has_changes(self) -> bool:
        """Return whether there is something to send, or, compared with something, whether anything differs."""
        return bool(self.items) if self.comparison is None else self.comparison.differs
