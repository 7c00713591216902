"""Children end in the agent as they ended on a Nomad 2.0.5 server: the same records, changed in the same order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dispatchfile.agent.records import Drain, StoredJob, Transition

from .recordings import Json, body_of, comparable
from .world import DONE, FAILED, RUNNING, World

# The recorded children were also looked at when the node's metadata was changed for another one.
_UNRELATED = "node-update"


def _recorded_story(name: str, allocs: int = 1) -> Json:
    job = body_of(f"job/{name}")
    return comparable(
        job=job,
        summary=body_of(f"job/{name}-summary"),
        evals=[record for record in body_of(f"evaluation/{name}") if record["TriggeredBy"] != _UNRELATED],
        allocs=[body_of(f"allocation/{name}-{number}") for number in range(1, allocs + 1)],
    )


def _child(world: World, name: str) -> StoredJob:
    """A child of a parent that is like the recorded child's."""
    document = body_of(f"job/{name}")
    return world.dispatch(world.register(document, ID=document["ParentID"], Name=None))


def _states(name: str, number: int = 1) -> Any:
    return body_of(f"allocation/{name}-{number}")["TaskStates"]


def _ends(status: tuple[str, str], name: str) -> Callable[[World], StoredJob]:
    def run(world: World) -> StoredJob:
        child = _child(world, name)
        world.report(world.alloc(child), status, _states(name))
        world.settle()
        return child

    return run


def _ok(world: World) -> StoredJob:
    return _ends(DONE, "ok")(world)


def _count0(world: World) -> StoredJob:
    return _child(world, "count0")


def _count2(world: World) -> StoredJob:
    child = _child(world, "count2")
    world.report(world.alloc(child, 0), DONE, _states("count2", 1))
    world.report(world.alloc(child, 1), FAILED, _states("count2", 2))
    world.settle()
    return child


def _twogroups(world: World) -> StoredJob:
    child = _child(world, "twogroups")
    for number in (1, 2):
        recorded = body_of(f"allocation/twogroups-{number}")
        alloc = next(a for a in world.state.allocs_of(child.key) if a.group == recorded["TaskGroup"])
        world.report(alloc, (recorded["ClientStatus"], recorded["ClientDescription"]), recorded["TaskStates"])
    world.settle()
    return child


def _failed_then_stopped(world: World) -> StoredJob:
    child = _ends(FAILED, "failed-then-stopped")(world)
    world.stop(child)
    return child


def _maxrun(world: World) -> StoredJob:
    return _ends(("complete", "allocation exceeded max_run_duration"), "maxrun")(world)


def _stop(world: World) -> StoredJob:
    child = _child(world, "stop")
    world.report(world.alloc(child), RUNNING)
    world.settle()
    world.stop(child)
    world.report(world.alloc(child), DONE, _states("stop"))
    world.settle()
    return child


def _alloc_stop(world: World) -> StoredJob:
    child = _child(world, "alloc-stop")
    world.report(world.alloc(child), RUNNING)
    world.settle()
    transition = Transition(migrate=True, no_shutdown_delay=False, reschedule=False)
    world.scheduler.stop_alloc(world.alloc(child), transition)
    world.settle(0)
    world.report(world.alloc(child, 0), DONE)
    world.report(world.alloc(child, 1), RUNNING)
    world.settle()
    return child


def _drain(world: World) -> StoredJob:
    child = _child(world, "drain")
    world.report(world.alloc(child), RUNNING)
    world.settle()
    world.scheduler.drain_node(Drain(2 * 10**9, world.clock.now_ns()), eligible=False)
    world.settle(2)
    world.report(world.alloc(child), DONE)
    world.settle()
    return child


def _unplaced(world: World) -> StoredJob:
    return _child(world, "unplaced-waiting")


def _unplaced_placed_later(world: World) -> StoredJob:
    child = _unplaced(world)
    world.scheduler.change_node(replace(world.scheduler.node, meta={"ready": "yes"}))
    world.settle(0)
    world.report(world.alloc(child), DONE)
    world.settle()
    return child


def _unplaced_stopped(world: World) -> StoredJob:
    child = _unplaced(world)
    world.stop(child)
    return child


def _ineligible(world: World) -> StoredJob:
    world.scheduler.change_node(replace(world.scheduler.node, eligible=False))
    return _child(world, "ineligible-waiting")


def _lost(world: World) -> StoredJob:
    world.scheduler.change_node(replace(world.scheduler.node, meta={"pin": "b"}))
    child = _child(world, "lost-pinned-waiting")
    world.report(world.alloc(child), RUNNING)
    world.settle()
    world.scheduler.lose_node()
    world.settle(0)
    return child


def _lost_then_stopped(world: World) -> StoredJob:
    child = _lost(world)
    world.stop(child)
    return child


def _first_failure(world: World) -> StoredJob:
    child = _child(world, "resched-fail-between")
    world.report(world.alloc(child), FAILED, body_of("allocation/resched-fail-between-list")[0]["TaskStates"])
    world.settle()
    return child


def _rescheduled(world: World) -> StoredJob:
    child = _child(world, "resched-fail")
    world.report(world.alloc(child), FAILED, _states("resched-fail"))
    world.settle(10)
    world.report(world.alloc(child, 1), FAILED, _states("resched-fail", 2))
    world.settle(10)
    return child


@pytest.mark.parametrize(
    ("name", "allocs", "drive"),
    [
        ("ok", 1, _ok),
        ("exit3", 1, _ends(FAILED, "exit3")),
        ("sys-ok", 1, _ends(DONE, "sys-ok")),
        ("sys-fail", 1, _ends(FAILED, "sys-fail")),
        ("twotasks", 1, _ends(FAILED, "twotasks")),
        ("maxrun", 1, _maxrun),
        ("count0", 0, _count0),
        ("count2", 2, _count2),
        ("twogroups", 2, _twogroups),
        ("failed-then-stopped", 1, _failed_then_stopped),
        ("stop", 1, _stop),
        ("alloc-stop", 2, _alloc_stop),
        ("drain", 1, _drain),
        ("unplaced-waiting", 0, _unplaced),
        ("unplaced-placed-later", 1, _unplaced_placed_later),
        ("unplaced-stopped", 0, _unplaced_stopped),
        ("ineligible-waiting", 0, _ineligible),
        ("resched-fail", 2, _rescheduled),
    ],
)
def test_child_ends_as_on_nomad(name: str, allocs: int, drive: Callable[[World], StoredJob]) -> None:
    """Job, summary, evaluations and allocations say the same and changed in the same order."""
    world = World()
    assert world.story(drive(world)) == _recorded_story(name, allocs)
