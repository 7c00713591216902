"""A plan as people review it: its items, what the journal knows of them, and what differs from before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dispatchfile.items import Item
from dispatchfile.names import JobKey
from dispatchfile.planfile.comparison import Change, Comparison, Difference
from dispatchfile.planfile.model import PlanHead


class FileState(StrEnum):
    """How the job of a file stands to the job that Nomad has."""

    ABSENT = "absent"  # Nomad has no such job
    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class JobChange:
    """A field of the job that registering the file would change. before and after are None if they are not shown."""

    field: str
    kind: str  # "added", "deleted" or "edited"
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class JobFileReview:
    """A job file that items use, compared with the job that Nomad has."""

    key: JobKey
    file: str  # relative to the manifest's folder
    state: FileState
    changes: tuple[JobChange, ...] = ()
    note: str = ""  # why it could not be compared


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
    files: tuple[JobFileReview, ...] = ()  # job files of the manifest that the items use
    is_file: bool = False  # the plan was read from the file `manifest`

    def difference(self, item: Item) -> Difference | None:
        """Return how the item differs from before, if it was compared."""
        return None if self.comparison is None else self.comparison.differences.get(item.id)

    def file_of(self, key: JobKey) -> JobFileReview | None:
        """Return the job file of the job, if the manifest lists one."""
        return next((file for file in self.files if file.key == key), None)

    @property
    def counts(self) -> Mapping[Change, int]:
        """Return how many of the items to send are new, changed and unchanged; nothing if they were not compared."""
        return Counter(found.change for item in self.items if (found := self.difference(item)))

    @property
    def has_changes(self) -> bool:
        """Return whether there is something to send, or, compared with something, whether anything differs."""
        return bool(self.items) if self.comparison is None else self.comparison.differs
