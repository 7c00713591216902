"""
A plan: what an evaluation changes, drawn up without changing anything.

Source: hashicorp/nomad, scheduler/generic_sched.go (computePlacements, UpdateRescheduleTracker).
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from dispatchfile.agent.placement import NEVER_HERE, Feasibility, Metrics, coalesced, judge
from dispatchfile.agent.reconcile import (
    NO_PLACEMENT,
    AllocPlacement,
    Later,
    Situation,
    Stop,
    Wanted,
    kept_events,
    next_delay,
)
from dispatchfile.agent.records import Allocation, RescheduleEvent, StoredEvaluation, StoredJob


@dataclass(frozen=True, slots=True)
class SchedulerPlan:
    """
    stops: what goes, with or without a replacement. placed: what comes, and why.

    failed: the metrics of each group of which something could not be placed. obstacles: what kept it from it,
    in the words of `placement.Feasibility`.
    """

    stops: tuple[Stop, ...] = ()
    placed: tuple[tuple[AllocPlacement, Allocation], ...] = ()
    unplaced: tuple[AllocPlacement, ...] = ()
    failed: Mapping[str, Metrics] | None = None
    obstacles: frozenset[str] = frozenset()
    node_is_fixed: bool = False

    def is_hopeless(self, kind: str) -> bool:
        """Return whether nothing waits: a sysbatch job wants this node only, and a fixed node will never do."""
        if kind == "sysbatch" and "class" in self.obstacles:
            return True
        return self.node_is_fixed and bool(self.obstacles) and self.obstacles <= NEVER_HERE

    def queued(self, job: StoredJob) -> dict[str, int]:
        """Return how many allocations of each group still wait."""
        counts = {group.name: 0 for group in job.spec.groups}
        for place in () if self.is_hopeless(job.spec.type) else self.unplaced:
            counts[place.group.name] += 1
        return counts


def draw_up(
    situation: Situation, wanted: Wanted, living: AbstractSet[str], own: Iterable[Allocation] = ()
) -> SchedulerPlan:
    """Try to place what is wanted, while *living* allocations hold the node's slots; *own* are all of the job's."""
    drawing = _Drawing(situation, living, Counter(alloc.group for alloc in own if alloc.id in living))
    for stop in wanted.stops:
        drawing.stop(stop)
    for place in wanted.places:
        drawing.place(place)
    return drawing.plan()


class _Drawing:
    def __init__(self, situation: Situation, living: AbstractSet[str], neighbours: Counter[str]) -> None:
        self._at = situation
        self._living = living
        self._taken = len(living)
        self._neighbours = neighbours
        self._stops: list[Stop] = []
        self._placed: list[tuple[AllocPlacement, Allocation]] = []
        self._unplaced: list[AllocPlacement] = []
        self._failed: dict[str, Metrics] = {}
        self._obstacles: set[str] = set()

    def plan(self) -> SchedulerPlan:
        return SchedulerPlan(
            stops=tuple(self._stops),
            placed=tuple(self._placed),
            unplaced=tuple(self._unplaced),
            failed=self._failed or None,
            obstacles=frozenset(self._obstacles),
            node_is_fixed=self._at.node.fixed,
        )

    def stop(self, stop: Stop) -> None:
        self._stops.append(stop)
        if stop.alloc.id in self._living:
            self._taken -= 1
            self._neighbours[stop.alloc.group] -= 1

    def place(self, place: AllocPlacement) -> None:
        answer = self._answer(place)
        if answer.obstacle is not None:
            self._unplaced.append(place)
            self._obstacles.add(answer.obstacle)
            self._failed[place.group.name] = answer.metrics
            return
        if place.stop is not None:
            self.stop(place.stop)
        self._placed.append((place, self._new_alloc(place, answer.metrics)))
        self._taken += 1
        self._neighbours[place.group.name] += 1

    def _answer(self, place: AllocPlacement) -> Feasibility:
        """A group that could not be placed once is not tried again in the same plan."""
        frees = place.stop is not None and place.stop.alloc.id in self._living
        neighbours = self._neighbours - Counter({place.group.name: int(frees)})
        answer = judge(self._at.job, place.group, self._at.node, self._taken - frees, neighbours)
        earlier = self._failed.get(place.group.name)
        return answer if earlier is None else Feasibility(answer.obstacle or "slots", coalesced(earlier))

    def _new_alloc(self, place: AllocPlacement, metrics: Metrics) -> Allocation:
        alloc = Allocation(
            id=str(uuid.uuid4()),
            eval_id=self._at.evaluation.id,
            job=self._at.job,
            group=place.group.name,
            name=place.name,
            node_id=self._at.node.id,
            node_name=self._at.node.name,
            create_time=self._at.now,
            modify_time=self._at.now,
            metrics=metrics,
        )
        if place.previous is None:
            return alloc
        alloc = replace(alloc, previous_allocation=place.previous.id)
        if not place.reschedules:
            return alloc
        return replace(alloc, reschedules=_tracked(place.previous, place, self._at.now), last_reschedule="ok")


def _tracked(previous: Allocation, place: AllocPlacement, now: int) -> tuple[RescheduleEvent, ...]:
    policy = place.group.reschedule
    kept = kept_events(previous, policy, now)
    delay = next_delay(previous, policy) if policy is not None else 0
    event = RescheduleEvent(now, previous.id, previous.node_id, delay)
    return (*previous.reschedules[len(previous.reschedules) - kept :], event)


def changed_allocs(
    plan: SchedulerPlan, followups: Sequence[StoredEvaluation], later: Sequence[Later]
) -> dict[str, Allocation]:
    """The allocations that a plan changes, beside those it places, each with all its changes."""
    changed = {stop.alloc.id: _stopped(stop) for stop in plan.stops}
    for place, new in plan.placed:
        if (previous := place.previous) is not None:
            changed[previous.id] = replace(changed.get(previous.id, previous), next_allocation=new.id)
    for place in plan.unplaced:
        previous = place.previous
        if previous is not None and place.reschedules and previous.last_reschedule != NO_PLACEMENT:
            changed[previous.id] = replace(previous, last_reschedule=NO_PLACEMENT)
    for one in later:
        followup = next((found for found in reversed(followups) if found.wait_until <= one.due), None)
        if followup is not None:
            changed[one.alloc.id] = replace(changed.get(one.alloc.id, one.alloc), followup_eval=followup.id)
    return changed


def _stopped(stop: Stop) -> Allocation:
    status = "lost" if stop.lost else stop.alloc.client_status
    return replace(stop.alloc, desired_status="stop", desired_description=stop.description, client_status=status)
