"""
Reconciles a job: which allocations must go, which are missing, which may be tried again later.

Pure: it looks at one job and its allocations. Source: hashicorp/nomad, scheduler/reconciler (reconcile_cluster.go,
filters.go) and nomad/structs/alloc.go (NextRescheduleTime, NextDelay), for batch and sysbatch jobs.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dispatchfile.agent.records import (
    Allocation,
    GroupSpec,
    Node,
    ReschedulePolicy,
    StoredEvaluation,
    StoredJob,
    Transition,
)

NOT_NEEDED: Final = "alloc not needed due to job update"
MIGRATING: Final = "alloc is being migrated"
UPDATING: Final = "alloc is being updated due to job update"
TAINTED: Final = "alloc not needed as node is tainted"  # a sysbatch job's word for MIGRATING
LOST: Final = "alloc is lost since its node is down"
NO_PLACEMENT: Final = "no placement"

_NOW_WINDOW_NS: Final = 10**9
_KEPT_UNLIMITED_EVENTS: Final = 5


@dataclass(frozen=True, slots=True)
class Stop:
    """lost: its node is gone, so it has ended."""

    alloc: Allocation
    description: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class AllocPlacement:
    """
    An allocation to be placed.

    previous: the one it replaces, if any. stop: what must go with it, and stays where it cannot be placed.
    reschedules: it replaces a failed one, which is counted against the reschedule policy.
    """

    group: GroupSpec
    name: str
    previous: Allocation | None = None
    stop: Stop | None = None
    reschedules: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """A failed allocation that is due to be rescheduled at a time, in nanoseconds."""

    alloc: Allocation
    due: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """updates: the plan's annotation, for each group what happens to how many allocations."""

    stops: tuple[Stop, ...] = ()
    places: tuple[AllocPlacement, ...] = ()
    later: tuple[Later, ...] = ()
    updates: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """The input of every decision: a job, the reason to look at it, the node, the time in nanoseconds."""

    job: StoredJob
    evaluation: StoredEvaluation
    node: Node
    now: int


def reconcile(situation: Situation, allocs: Sequence[Allocation]) -> Wanted:
    """Return what is to be done for a job that has these allocations."""
    drafts = {group.name: _Draft(situation, group) for group in situation.job.spec.groups}
    for alloc in sorted(allocs, key=lambda alloc: alloc.create_index):
        if alloc.group not in drafts:
            drafts[alloc.group] = _Draft(situation, None)
        drafts[alloc.group].judge(alloc)
    for draft in drafts.values():
        draft.fill()
    return Wanted(
        stops=tuple(stop for draft in drafts.values() for stop in draft.stops),
        places=tuple(place for draft in drafts.values() for place in draft.places),
        later=tuple(later for draft in drafts.values() for later in draft.later),
        updates={name: dict(draft.updates) for name, draft in drafts.items()},
    )


def wanted_count(job: StoredJob, group: GroupSpec | None) -> int:
    """Return how many allocations a group has in the end. A sysbatch job has one on each node: one."""
    if job.stop or group is None:
        return 0
    return min(1, group.count) if job.spec.type == "sysbatch" else group.count


class _Draft:
    """The decisions for one group; None is a group that the job no longer has."""

    def __init__(self, situation: Situation, group: GroupSpec | None) -> None:
        self._at = situation
        self._group = group
        self._count = wanted_count(situation.job, group)
        self._is_sysbatch = situation.job.spec.type == "sysbatch"
        self._occupied: set[str] = set()
        self.stops: list[Stop] = []
        self.places: list[AllocPlacement] = []
        self.later: list[Later] = []
        self.updates: Counter[str] = Counter()

    def judge(self, alloc: Allocation) -> None:
        if self._group is None or self._count == 0:
            if not alloc.is_terminal:
                self._stop(alloc)
        elif alloc.is_terminal:
            self._judge_ended(self._group, alloc)
        else:
            self._judge_living(self._group, alloc)

    def fill(self) -> None:
        """Place what is missing, under the lowest names that are free."""
        if self._group is None:
            return
        names = (f"{self._at.job.id}.{self._group.name}[{index}]" for index in range(self._count))
        missing = self._count - len(self._occupied)
        for name in [name for name in names if name not in self._occupied][: max(0, missing)]:
            self.places.append(AllocPlacement(self._group, name))
            self.updates["Place"] += 1

    def _judge_ended(self, group: GroupSpec, alloc: Allocation) -> None:
        is_outdated = _is_outdated(alloc, self._at.job)
        is_drained = alloc.transition is not None and alloc.transition.migrate_disable_placement
        if is_drained or (self._is_sysbatch and not is_outdated):
            self._keep(alloc)
        elif alloc.desired_status != "run" or is_outdated:
            self.updates["Ignore"] += 1
        elif alloc.client_status != "failed":
            self._keep(alloc)
        else:
            self._judge_failed(group, alloc)

    def _judge_failed(self, group: GroupSpec, alloc: Allocation) -> None:
        due = reschedule_time(alloc, group.reschedule)
        if due is None:
            self._keep(alloc)
        elif self._is_due(alloc, due):
            self._replace(AllocPlacement(group, alloc.name, alloc, Stop(alloc, ""), reschedules=True), "Place")
            self.updates["Stop"] += 1
        else:
            self._keep(alloc)
            if not alloc.followup_eval:
                self.later.append(Later(alloc, due))
                self.updates["RescheduleLater"] += 1

    def _is_due(self, alloc: Allocation, due: int) -> bool:
        waited_for = alloc.followup_eval == self._at.evaluation.id
        return waited_for or alloc.last_reschedule == NO_PLACEMENT or due <= self._at.now + _NOW_WINDOW_NS

    def _judge_living(self, group: GroupSpec, alloc: Allocation) -> None:
        job = self._at.job
        if alloc.transition is not None and alloc.transition.migrate:
            self._migrate(group, alloc, alloc.transition)
        elif self._at.node.status == "down" and not self._is_sysbatch:
            self.stops.append(Stop(alloc, LOST, lost=True))
            self.updates["Stop"] += 1
            self._replace(AllocPlacement(group, alloc.name, alloc), "Place")
        elif len(self._occupied) >= self._count:
            self._stop(alloc)
        elif _is_outdated(alloc, job) and alloc.job.spec.document != job.spec.document:
            self._replace(AllocPlacement(group, alloc.name, alloc, Stop(alloc, UPDATING)), "DestructiveUpdate")
        else:
            self._keep(alloc)

    def _migrate(self, group: GroupSpec, alloc: Allocation, transition: Transition) -> None:
        """Stop what a drain or somebody asked to go; a sysbatch job has nothing in its place on the same node."""
        self.stops.append(Stop(alloc, TAINTED if self._is_sysbatch else MIGRATING))
        if self._is_sysbatch or transition.migrate_disable_placement:
            self._occupied.add(alloc.name)
            self.updates["Migrate"] += 1
        elif transition.reschedule:
            self._reschedule_stopped(group, alloc)
        else:
            self._replace(AllocPlacement(group, alloc.name, alloc), "Migrate")

    def _reschedule_stopped(self, group: GroupSpec, alloc: Allocation) -> None:
        """`nomad alloc stop` of 2.0.5 asks for both: another one comes as the reschedule policy allows."""
        self._occupied.add(alloc.name)
        self.updates["Migrate"] += 1
        due = reschedule_time(alloc, group.reschedule)
        if due is not None:
            self.later.append(Later(alloc, due))
            self.updates["RescheduleLater"] += 1

    def _keep(self, alloc: Allocation) -> None:
        self._occupied.add(alloc.name)
        self.updates["Ignore"] += 1

    def _stop(self, alloc: Allocation) -> None:
        self.stops.append(Stop(alloc, NOT_NEEDED))
        self.updates["Stop"] += 1

    def _replace(self, place: AllocPlacement, kind: str) -> None:
        self._occupied.add(place.name)
        self.places.append(place)
        self.updates[kind] += 1


def _is_outdated(alloc: Allocation, job: StoredJob) -> bool:
    return alloc.job.version < job.version or alloc.job.create_index < job.create_index


# rescheduling


def may_reschedule(alloc: Allocation, policy: ReschedulePolicy | None) -> bool:
    """Return whether a failed allocation has an attempt left."""
    return alloc.desired_status == "run" and reschedule_time(alloc, policy) is not None


def reschedule_time(alloc: Allocation, policy: ReschedulePolicy | None) -> int | None:
    """Return when a failed allocation may be replaced, in nanoseconds since 1970, or None if it may not."""
    if policy is None or not policy.enabled:
        return None
    failed_at, delay = _ended_at(alloc), next_delay(alloc, policy)
    if not policy.unlimited and alloc.reschedules:
        recent = [event for event in alloc.reschedules if failed_at - event.time < policy.interval_ns]
        if len(recent) >= policy.attempts or delay >= policy.interval_ns:
            return None
    return failed_at + delay


def next_delay(alloc: Allocation, policy: ReschedulePolicy) -> int:
    """Return how long to wait before the next attempt, in nanoseconds, by the policy's delay function."""
    events = alloc.reschedules
    if not events:
        return policy.delay_ns
    delay = _grown_delay([event.delay_ns for event in events], policy)
    if policy.max_delay_ns > 0 and delay > policy.max_delay_ns:
        since_last = _ended_at(alloc) - events[-1].time
        return policy.delay_ns if since_last > policy.max_delay_ns else policy.max_delay_ns
    return delay


def _grown_delay(delays: Sequence[int], policy: ReschedulePolicy) -> int:
    if policy.delay_function == "exponential":
        return delays[-1] * 2
    if policy.delay_function != "fibonacci" or len(delays) < 2:
        return policy.delay_ns
    if delays[-2] == policy.max_delay_ns and delays[-1] == policy.delay_ns:
        return delays[-1]
    return delays[-1] + delays[-2]


def kept_events(alloc: Allocation, policy: ReschedulePolicy | None, now: int) -> int:
    """Return how many of an allocation's latest reschedule events its replacement keeps."""
    if policy is None:
        return 0
    if policy.attempts > 0:
        return sum(now - event.time <= policy.interval_ns for event in alloc.reschedules)
    return min(len(alloc.reschedules), _KEPT_UNLIMITED_EVENTS)


def _ended_at(alloc: Allocation) -> int:
    """The end of the task that ended last, else the last change."""
    states = (alloc.task_states or {}).values()
    ends = [_nanoseconds(end) for state in states if isinstance(end := state.get("FinishedAt"), str) and end]
    return max(ends, default=0) or alloc.modify_time


def _nanoseconds(time: str) -> int:
    """An RFC 3339 time in UTC, with up to nine digits behind the second."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return max(0, seconds) * 10**9 + int(fraction.ljust(9, "0")[:9] or "0")
