"""The places of a child: each is one allocation's worth of a group, held by one allocation after the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dispatchfile.events import ExtraStart
from dispatchfile.nomad.models import Alloc, TaskGroup, TaskState
from dispatchfile.verdict.extra_starts import REPLACED_BY_THE_ORIGINAL, find_extra_starts
from dispatchfile.verdict.failures import FAILURE_EVENTS, find_last_run
from dispatchfile.verdict.records import ChildRecords
from dispatchfile.verdict.wording import one_line

TRIED = frozenset({"Started", "Terminated", *FAILURE_EVENTS})  # what shows that a start was at least tried
TERMINAL = frozenset({"complete", "failed", "lost"})


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one allocation in a group, with the newest allocation that has held it."""

    newest: Alloc
    superseded: bool  # even the newest was replaced, by an allocation that is not among the records
    starts: int  # of all that have held it
    failures: int
    group: TaskGroup | None
    most_starts: int | None
    index: int | None = None  # of the group's allocations: NOMAD_ALLOC_INDEX
    label: str = ""  # such as `g[3]`; empty where the job has no other place to mix it up with
    extra_starts: tuple[ExtraStart, ...] = ()


def find_places(records: ChildRecords) -> tuple[Place, ...]:
    allocs = {alloc.id: alloc for alloc in sorted(records.allocs, key=_age)}
    held: dict[tuple[str, int, str, str], list[Alloc]] = {}
    for alloc in allocs.values():
        held.setdefault(_key_of_place(alloc, records.type), []).append(alloc)
    places = [_make_place(holders, records) for _, holders in sorted(held.items())]
    if len({(place.newest.group, place.index) for place in places}) + count_missing(records, places) > 1:
        places = [replace(place, label=_label(place)) for place in places]
    return tuple(place for place in places if not (place.superseded and place.newest.next_allocation in allocs))


def _age(alloc: Alloc) -> tuple[int, int, str]:
    return alloc.create_index, alloc.modify_index, alloc.id


def _key_of_place(alloc: Alloc, job_type: str) -> tuple[str, int, str, str]:
    """Allocations of a sysbatch job bear the same name on every node; "[10]" sorts after "[9]"."""
    return alloc.group, len(alloc.name), alloc.name, alloc.node_id if job_type == "sysbatch" else ""


def _make_place(holders: Sequence[Alloc], records: ChildRecords) -> Place:
    newest = _find_newest(holders)
    group = records.groups.get(newest.group)
    return Place(
        newest=newest,
        superseded=bool(newest.next_allocation) and newest.desired_status != "run",
        starts=sum(map(_count_starts, holders)),
        failures=sum(alloc.client_status == "failed" for alloc in holders),
        group=group,
        most_starts=max_starts({group.name: group}, 1, records.type) if group else None,
        index=_index_of(newest),
        extra_starts=find_extra_starts(holders, newest),
    )


def _label(place: Place) -> str:
    group = one_line(place.newest.group)
    return group if place.index is None else f"{group}[{place.index}]"


def _index_of(alloc: Alloc) -> int | None:
    """Allocations are called `<job>.<group>[<index>]`. Source: hashicorp/nomad, nomad/structs/funcs.go (AllocName)."""
    found = re.search(r"\[([0-9]+)\]$", alloc.name)
    return int(found[1]) if found else None


def _find_newest(holders: Sequence[Alloc]) -> Alloc:
    """
    Return the allocation that counts, of those of one place from old to new.

    After a disconnect Nomad may stop the replacement and keep the original, which is then still marked as replaced.
    Source: hashicorp/nomad, scheduler/reconciler/reconcile_cluster.go (reconcileReconnecting).
    """
    kept = [alloc for alloc in holders[:-1] if alloc.desired_status == "run"]
    if kept and holders[-1].desired_description == REPLACED_BY_THE_ORIGINAL:
        return kept[-1]
    return next((alloc for alloc in reversed(holders) if not alloc.next_allocation), holders[-1])


def _count_starts(alloc: Alloc) -> int:
    return max(map(_count_task_starts, alloc.task_states.values()), default=0)


def _count_task_starts(state: TaskState) -> int:
    """
    A restart is counted as it is decided, and comes only after its delay, if nothing ends the task before.

    Source: hashicorp/nomad, client/allocrunner/taskrunner/task_runner.go, appendEvent.
    """
    if not (state.started_at or state.failed or state.restarts):
        return 0
    last_run = find_last_run(state)
    is_waiting = len(last_run) < len(state.events) and not any(event.type in TRIED for event in last_run)
    return 1 + max(0, state.restarts - is_waiting)


def is_living(alloc: Alloc) -> bool:
    return alloc.client_status not in TERMINAL


def find_main_tasks(place: Place) -> list[str]:
    """Return the tasks whose end is the group's: the leader, or all without a lifecycle."""
    group = place.group or TaskGroup(place.newest.group, 1)
    names = group.tasks or tuple(sorted(place.newest.task_states))
    mains = [task for task in names if task not in group.lifecycle]
    return [task for task in mains if task in group.leaders] or mains


def has_nothing_to_run(records: ChildRecords) -> bool:
    return bool(records.groups) and all(group.count <= 0 for group in records.groups.values())


def count_missing(records: ChildRecords, places: Sequence[Place]) -> int:
    """Allocations that there should be and are not; a sysbatch job has one on every node that takes it."""
    if records.type == "sysbatch" or not records.groups:
        return 0 if places else 1
    held = [place.newest.group for place in places]
    return sum(max(0, group.count - held.count(name)) for name, group in records.groups.items())


def covers_every_group(records: ChildRecords, places: Sequence[Place]) -> bool:
    return bool(records.groups) and records.type != "sysbatch" and not count_missing(records, places)


def max_starts(groups: Mapping[str, TaskGroup], attempts: int, job_type: str) -> int | None:
    """
    Return how often a task of one item may start: restarts, reschedules and attempts multiplied. None: no limit.

    The policies count within their intervals, so a task that runs for longer than these may be started more often.
    Source: hashicorp/nomad, client/allocrunner/taskrunner/restarts; sysbatch is never rescheduled.
    """
    limits = [_starts_per_child(group, job_type) for group in groups.values() if group.count > 0]
    known = [limit for limit in limits if limit is not None]
    return max(known, default=0) * attempts if len(known) == len(limits) else None


def _starts_per_child(group: TaskGroup, job_type: str) -> int | None:
    policies = [group.task_restarts.get(task, group.restart) for task in group.tasks] or [group.restart]
    if any(policy.mode == "delay" and policy.attempts > 0 for policy in policies):
        return None
    starts = 1 + max(policy.attempts for policy in policies)
    if job_type == "sysbatch":
        return starts
    return None if group.reschedule.unlimited else starts * (1 + group.reschedule.attempts)


def name_node(alloc: Alloc) -> str:
    name = one_line(alloc.node_name or alloc.node_id[:8])
    return f"node {name}" if name else "its node"


def describe_start(place: Place) -> str:
    most = place.most_starts
    if most is not None and most > 1 and 1 <= place.starts <= most:
        return f" (start {place.starts} of {most})"
    return f" (start {place.starts})" if place.starts > 1 else ""
