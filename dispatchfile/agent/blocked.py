"""Evaluations that wait, by what they wait for. Source: hashicorp/nomad, nomad/blocked_evals.go."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from heapq import heappop, heappush

from dispatchfile.agent.records import StoredEvaluation


@dataclass(slots=True)
class BlockedEvals:
    """The IDs of blocked evaluations; some of them are no longer blocked when they are taken."""

    for_slots: list[tuple[int, int, str]] = field(default_factory=list)
    for_neighbours: dict[str, None] = field(default_factory=dict)
    for_change: dict[str, None] = field(default_factory=dict)

    def add(self, blocked: StoredEvaluation, obstacles: AbstractSet[str]) -> None:
        """*obstacles*: in the words of `placement.Answer`."""
        if "slots" in obstacles:
            heappush(self.for_slots, (-blocked.priority, blocked.create_index, blocked.id))
        if "distinct" in obstacles:
            self.for_neighbours[blocked.id] = None
        if obstacles - {"slots", "distinct"}:
            self.for_change[blocked.id] = None

    def take_for_slot(self) -> str:
        """The one with the highest priority, the oldest first."""
        return heappop(self.for_slots)[2]

    def take_for_neighbours(self) -> list[str]:
        """Take all that wait for an allocation of their own job to end."""
        taken, self.for_neighbours = list(self.for_neighbours), {}
        return taken

    def take_for_change(self) -> list[str]:
        """Take all that wait for another node."""
        taken, self.for_change = list(self.for_change), {}
        return taken
