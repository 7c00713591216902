"""A job that the embedded agent can never run is not kept waiting: nothing about its one node will change."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from dispatchfile.agent.advice import advice_on
from dispatchfile.agent.records import Node

from .world import NODE, World

SMALL = {"Driver": "raw_exec", "Config": {"command": "/bin/true"}, "Resources": {"MemoryMB": 10}}
NEVER: Mapping[str, tuple[Mapping[str, object], Mapping[str, object], str]] = {
    "driver": (
        {},
        {"Driver": "docker"},
        (
            "the embedded agent has no driver docker: to try the job here, use a copy with "
            'driver = "raw_exec" and a command of this machine'
        ),
    ),
    "datacenter": (
        {"Datacenters": ["eu-*"]},
        {},
        "the embedded agent is in datacenter dc1: to try the job here, add --datacenter eu-1",
    ),
    "pool": (
        {"NodePool": "gpu"},
        {},
        "the embedded agent has no node pool gpu: to try the job here, use a copy without node_pool",
    ),
    "constraint": (
        {"Constraints": [{"LTarget": "${meta.rack}", "Operand": "=", "RTarget": "r1"}]},
        {},
        'this machine does not meet "${meta.rack} = r1": to try the job here, use a copy without that constraint',
    ),
    "property": (
        {"Constraints": [{"LTarget": "${meta.rack}", "Operand": "distinct_property", "RTarget": ""}]},
        {},
        "this machine has no ${meta.rack}: to try the job here, use a copy without that constraint",
    ),
    "device": (
        {},
        {"Resources": {"MemoryMB": 10, "Devices": [{"Name": "nvidia/gpu"}]}},
        "the embedded agent has no device nvidia/gpu: to try the job here, use a copy without devices",
    ),
    "cores": (
        {},
        {"Resources": {"MemoryMB": 10, "Cores": 3}},
        "group g reserves 3 cores and this machine has 2: to try the job here, use a copy that reserves less",
    ),
    "memory": (
        {},
        {"Resources": {"MemoryMB": 2000}},
        (
            "group g reserves 2000 MB of memory and this machine has 1000 MB: "
            "to try the job here, use a copy that reserves less"
        ),
    ),
}


def node(*, fixed: bool, **changes: object) -> Node:
    attributes = {**NODE.attributes, "memory.totalbytes": str(1000 << 20), "cpu.reservablecores": "2"}
    return replace(NODE, attributes=attributes, fixed=fixed, **changes)  # type: ignore[arg-type]


def world_with(job: Mapping[str, object], task: Mapping[str, object], *, fixed: bool) -> World:
    world = World()
    world.scheduler.change_node(node(fixed=fixed))
    tasks = [{"Name": "t", **SMALL, **task}]
    document = {"ID": "j", "Type": "batch", "TaskGroups": [{"Name": "g", "Tasks": tasks}], **job}
    world.register(document)
    world.settle()
    return world


@pytest.mark.parametrize("kind", NEVER)
def test_what_a_fixed_node_can_never_run_does_not_wait(kind: str) -> None:
    """The evaluation completes with Nomad's reasons, nothing is blocked, and the job is dead."""
    job, task, _ = NEVER[kind]
    world = world_with(job, task, fixed=True)
    (evaluation,) = world.state.evals_of(("default", "j"))
    assert (evaluation.status, evaluation.blocked_eval, evaluation.queued) == ("complete", "", {"g": 0})
    assert evaluation.failed is not None
    assert world.state.jobs["default", "j"].status == "dead"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("driver", {"ConstraintFiltered": {"missing drivers": 1}}),
        ("constraint", {"ConstraintFiltered": {"${meta.rack} = r1": 1}}),
        ("property", {"ConstraintFiltered": {'missing property "${meta.rack}"': 1}}),
        ("device", {"ConstraintFiltered": {"missing devices": 1}}),
        ("cores", {"DimensionExhausted": {"cores": 1}}),
        ("memory", {"DimensionExhausted": {"memory": 1}}),
    ],
)
def test_the_reason_is_in_the_words_of_nomad(kind: str, reason: Mapping[str, object]) -> None:
    """What the node lacks filters it, what it has too little of exhausts it."""
    job, task, _ = NEVER[kind]
    (evaluation,) = world_with(job, task, fixed=True).state.evals_of(("default", "j"))
    failed = (evaluation.failed or {})["g"]
    assert {key: failed[key] for key in reason} == reason


def test_an_affinity_or_spread_keeps_nothing_off() -> None:
    """Both only prefer nodes, and there is one."""
    wish = {"LTarget": "${meta.rack}", "Operand": "=", "RTarget": "r1", "Weight": 100}
    job = {"Affinities": [wish], "Spreads": [{"Attribute": "${meta.rack}", "Weight": 100}]}
    (evaluation,) = world_with(job, {}, fixed=True).state.evals_of(("default", "j"))
    assert (evaluation.status, evaluation.failed) == ("complete", None)


@pytest.mark.parametrize("kind", NEVER)
def test_it_waits_where_the_node_may_change(kind: str) -> None:
    """As on a real server: the blocked evaluation stays."""
    job, task, _ = NEVER[kind]
    world = world_with(job, task, fixed=False)
    assert [one.status for one in world.state.evals_of(("default", "j"))] == ["complete", "blocked"]


@pytest.mark.parametrize("kind", NEVER)
def test_one_sentence_says_how_to_try_it_anyway(kind: str) -> None:
    """It names what the node lacks and what to change."""
    job, task, sentence = NEVER[kind]
    world = world_with(job, task, fixed=True)
    assert advice_on(world.state.jobs["default", "j"], world.scheduler.node) == sentence


def test_one_sentence_names_all_that_has_to_change() -> None:
    """Who changes one thing does not meet the next one afterwards."""
    job = {"Datacenters": ["home"], "NodePool": "gpu", "Constraints": NEVER["constraint"][0]["Constraints"]}
    world = world_with(job, {"Driver": "docker", "Resources": {"MemoryMB": 2000}}, fixed=True)
    assert advice_on(world.state.jobs["default", "j"], world.scheduler.node) == (
        "the embedded agent has no node pool gpu; the embedded agent is in datacenter dc1; "
        'the embedded agent has no driver docker; this machine does not meet "${meta.rack} = r1"; '
        "group g reserves 2000 MB of memory and this machine has 1000 MB: to try the job here, add --datacenter home "
        'and use a copy without node_pool, with driver = "raw_exec" and a command of this machine, '
        "without that constraint, that reserves less"
    )


def test_there_is_no_advice_on_a_job_that_runs() -> None:
    """Nothing needs to change."""
    world = world_with({}, {}, fixed=True)
    assert advice_on(world.state.jobs["default", "j"], world.scheduler.node) is None


def test_slots_and_drains_are_waited_for() -> None:
    """Both end, so the evaluation is blocked."""
    world = World()
    world.scheduler.change_node(node(fixed=True, slots=0))
    for name, change in (("full", {}), ("drained", {"eligible": False})):
        world.scheduler.change_node(node(fixed=True, slots=0, **change))
        tasks = [{"Name": "t", **SMALL}]
        world.register({"ID": name, "Type": "batch", "TaskGroups": [{"Name": "g", "Tasks": tasks}]})
        world.settle()
        assert [one.status for one in world.state.evals_of(("default", name))] == ["complete", "blocked"]


@pytest.mark.parametrize(
    ("tasks", "memory"),
    [
        pytest.param([(100, None, False), (50, None, False)], 150, id="main tasks run together"),
        pytest.param([(100, None, False), (300, "prestart", False)], 300, id="a prestart task runs before them"),
        pytest.param([(100, None, False), (30, "prestart", True)], 130, id="a prestart sidecar stays"),
        pytest.param([(100, None, False), (30, "poststart", False)], 130, id="a poststart task runs beside them"),
        pytest.param([(100, None, False), (200, "poststop", False)], 200, id="a poststop task runs after them"),
    ],
)
def test_the_memory_of_a_group(tasks: list[tuple[int, str | None, bool]], memory: int) -> None:
    """Not all of its tasks run at the same time."""
    documents = [
        {
            "Name": f"t{number}",
            "Driver": "raw_exec",
            "Resources": {"MemoryMB": size},
            "Lifecycle": None if hook is None else {"Hook": hook, "Sidecar": sidecar},
        }
        for number, (size, hook, sidecar) in enumerate(tasks)
    ]
    world = World()
    world.register({"ID": "j", "Type": "batch", "TaskGroups": [{"Name": "g", "Tasks": documents}]})
    assert world.state.jobs["default", "j"].spec.groups[0].memory_mb == memory
