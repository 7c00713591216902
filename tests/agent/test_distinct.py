"""`distinct_hosts` and `distinct_property` on one node, and what a stopped allocation is replaced by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dispatchfile.agent.records import Transition

from .world import DONE, RUNNING, World

TASK = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}
HOSTS = {"Operand": "distinct_hosts", "RTarget": "true"}


def job(groups: Mapping[str, Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    listed = [{"Name": name, "Tasks": [TASK], **group} for name, group in groups.items()]
    return {"ID": "j", "Type": "batch", "TaskGroups": listed, **changes}


def placed(document: Mapping[str, Any]) -> tuple[list[str], dict[str, object]]:
    """The groups of the allocations that run, and why the others do not."""
    world = World()
    registered = world.register(document)
    world.settle()
    failed: dict[str, object] = {}
    for evaluation in world.state.evals_of(registered.key):
        failed |= {name: metrics["ConstraintFiltered"] for name, metrics in (evaluation.failed or {}).items()}
    return sorted(alloc.group for alloc in world.state.allocs_of(registered.key)), failed


@pytest.mark.parametrize(
    ("document", "groups", "filtered"),
    [
        pytest.param(
            job({"a": {"Count": 3, "Constraints": [HOSTS]}}), ["a"], {"a": {"distinct_hosts": 1}}, id="of a group"
        ),
        pytest.param(
            job({"a": {}, "b": {}}, Constraints=[HOSTS]), ["a"], {"b": {"distinct_hosts": 1}}, id="of the job"
        ),
        pytest.param(job({"a": {"Constraints": [HOSTS]}, "b": {}}), ["a", "b"], {}, id="of another group"),
        pytest.param(
            job({"a": {"Count": 2}}, Constraints=[{"Operand": "distinct_hosts", "RTarget": "false"}]),
            ["a", "a"],
            {},
            id="that is off",
        ),
        pytest.param(
            job(
                {"a": {"Count": 3}},
                Constraints=[{"LTarget": "${node.datacenter}", "Operand": "distinct_property", "RTarget": "2"}],
            ),
            ["a", "a"],
            {"a": {"distinct_property: ${node.datacenter}=dc1 used by 2 allocs": 1}},
            id="of a property",
        ),
        pytest.param(
            job({"a": {"Constraints": [{"LTarget": "${meta.rack}", "Operand": "distinct_property"}]}}),
            [],
            {"a": {'missing property "${meta.rack}"': 1}},
            id="of a property that is missing",
        ),
    ],
)
def test_allocations_of_one_job_keep_apart(
    document: Mapping[str, Any], groups: list[str], filtered: dict[str, object]
) -> None:
    """One node takes one of them, with Nomad's reasons for the others."""
    assert placed(document) == (groups, filtered)


def test_the_next_one_comes_when_the_first_has_ended() -> None:
    """The evaluation is blocked meanwhile, also where the node is fixed: this obstacle passes."""
    world = World()
    registered = world.register(job({"a": {"Count": 2, "Constraints": [HOSTS]}}))
    world.settle()
    first = world.alloc(registered)
    assert [one.status for one in world.state.evals_of(registered.key)] == ["complete", "blocked"]
    world.report(first, DONE)
    world.settle()
    assert len(world.state.allocs_of(registered.key)) == 2


@pytest.mark.parametrize("attempts", [0, 1])
def test_the_cli_stops_an_allocation_as_its_reschedule_policy_allows(attempts: int) -> None:
    """2.0.5's `nomad alloc stop` asks for a reschedule: without an attempt, nothing comes after it."""
    policy = {"Attempts": attempts, "Interval": 3600 * 10**9, "Delay": 5 * 10**9, "DelayFunction": "constant"}
    world = World()
    registered = world.register(job({"a": {"ReschedulePolicy": policy}}))
    world.settle()
    alloc = world.alloc(registered)
    world.report(alloc, RUNNING)
    world.settle()
    world.scheduler.stop_alloc(world.state.allocs[alloc.id], Transition(migrate=True, reschedule=True))
    world.settle()
    stopped = world.state.allocs[alloc.id]
    assert (stopped.desired_status, stopped.desired_description) == ("stop", "alloc is being migrated")
    assert bool(stopped.followup_eval) == bool(attempts)
    world.report(stopped, DONE)
    world.settle(6)
    allocs = sorted(world.state.allocs_of(registered.key), key=lambda one: one.create_index)
    assert [one.previous_allocation for one in allocs] == [""] * (1 + attempts)
    assert world.now(registered).status == ("running" if attempts else "dead")


@pytest.mark.parametrize("reschedule", [False, True])
def test_a_sysbatch_allocation_that_is_stopped_is_not_replaced(reschedule: bool) -> None:
    """Its node had its allocation, and a later evaluation places none there either."""
    world = World()
    registered = world.register(job({"a": {}}, Type="sysbatch"))
    world.settle()
    alloc = world.alloc(registered)
    world.report(alloc, RUNNING)
    world.settle()
    world.scheduler.stop_alloc(world.state.allocs[alloc.id], Transition(migrate=True, reschedule=reschedule))
    world.settle()
    stopped = world.state.allocs[alloc.id]
    assert (stopped.desired_status, stopped.desired_description) == ("stop", "alloc not needed as node is tainted")
    world.report(stopped, DONE)
    world.scheduler.evaluate_job(world.now(registered))
    world.settle(6)
    assert (len(world.state.allocs_of(registered.key)), world.now(registered).status) == (1, "dead")


def test_a_kill_signal_that_the_node_lacks_keeps_a_job_off_it() -> None:
    """Nomad adds a constraint on ``${attr.os.signals}``."""
    document = job({"a": {"Tasks": [{**TASK, "KillSignal": "SIGFOO"}]}})
    assert placed(document) == ([], {"a": {"${attr.os.signals} set_contains SIGFOO": 1}})
