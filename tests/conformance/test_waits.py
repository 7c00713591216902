"""How far a run follows its items, and what it does about those that take too long or fail."""

from __future__ import annotations

from dispatchfile.events import Accepted, Cause, Moved, Outcome
from tests.conformance.driver import Told, of, outcomes, run_items
from tests.conformance.jobs import FOR_EVER, PERIODIC, Document, group, job, mock, wants_meta, with_memory

ENDLESS = job("waits-endless", mock(run_for=FOR_EVER))
FAILING = job("waits-failing", mock(run_for="0s", exit_code=3))
JOBS = (
    ENDLESS,
    FAILING,
    job("waits-ok", mock(run_for="0s")),
    job("waits-blocked", **wants_meta("waits-never")),
    job("waits-sys-blocked", kind="sysbatch", **wants_meta("waits-never")),
    job("waits-nothing", group(mock(), count=0)),
    job("waits-two", group(mock(run_for=FOR_EVER), count=2)),
    job("waits-periodic", **PERIODIC),
)
ONE_FAILS = job("waits-one-fails", group(mock(run_for="1s"), count=2), group(mock(run_for="0s", exit_code=3), name="h"))
ITEMS = [{"id": made["ID"].removeprefix("waits-"), "job": made["ID"]} for made in JOBS]


async def stop_all(backend, summary):
    """The children that were left to run."""
    for item in summary.items:
        await backend.stop_job(item.child)


async def test_placement_ends_as_soon_as_every_allocation_has_a_node(backend, tmp_path):
    """Whatever runs for ever is placed; what waits for capacity is unplaced, and stays queued in Nomad."""
    await backend.register(*JOBS)
    summary = await run_items(backend, tmp_path, ITEMS, wait="placement")
    placed, unplaced = (Outcome.PLACED, None), (Outcome.UNPLACED, Cause.NO_CAPACITY)
    assert outcomes(summary) == {
        "endless": placed,
        "failing": placed,
        "ok": placed,
        "blocked": unplaced,
        "sys-blocked": unplaced,
        "nothing": (Outcome.UNPLACED, None),
        "two": placed,
        "periodic": (Outcome.DISPATCHED, None),
    }
    assert summary.exit_code == 2
    assert (await backend.job(of(summary, "blocked").child))["Status"] == "pending"
    await stop_all(backend, summary)


async def test_detach_ends_with_the_answer(backend, tmp_path):
    """Nothing is read of a child that Nomad has accepted."""
    await backend.register(*JOBS)
    summary = await run_items(backend, tmp_path, ITEMS, wait="detach")
    assert {item.outcome for item in summary.items} == {Outcome.DISPATCHED}
    assert summary.exit_code == 0
    assert [(await backend.job(item.child))["ParentID"] for item in summary.items] == [item["job"] for item in ITEMS]
    await stop_all(backend, summary)


async def test_an_item_over_its_timeout_is_stopped_or_left(backend, tmp_path):
    """As its on_timeout says."""
    await backend.register(ENDLESS)
    late = {"job": "waits-endless", "timeout": "1s"}
    summary = await run_items(
        backend, tmp_path, [{"id": "left", **late}, {"id": "stopped", **late, "on_timeout": "stop"}]
    )
    assert outcomes(summary) == dict.fromkeys(["left", "stopped"], (Outcome.TIMED_OUT, Cause.DEADLINE))
    stopped = [(await backend.job(of(summary, name).child))["Stop"] for name in ("left", "stopped")]
    assert stopped == [False, True]
    await stop_all(backend, summary)


async def test_a_retry_is_a_new_child(backend, tmp_path):
    """One for each attempt, and the last one is told."""
    await backend.register(FAILING)
    before = await backend.children("waits-failing")
    retry = {"attempts": 3, "on": ["failed"], "delay": "0s"}
    summary = await run_items(backend, tmp_path, [{"id": "a", "job": "waits-failing", "retry": retry}])
    (item,) = summary.items
    children = set(await backend.children("waits-failing")) - set(before)
    assert (item.outcome, item.attempt, item.starts, len(children)) == (Outcome.FAILED, 3, 3, 3)
    assert item.child.removeprefix("waits-failing/dispatch-").startswith(f"{summary.run}-a-3-")


async def test_an_attempt_that_was_left_is_stopped_before_the_next(backend, tmp_path):
    """No two attempts of an item run side by side."""
    await backend.register(ENDLESS)
    before = await backend.children("waits-endless")
    retry = {"attempts": 2, "on": ["timed_out"], "delay": "0s"}
    item = {"id": "a", "job": "waits-endless", "timeout": "1s", "retry": retry}
    summary = await run_items(backend, tmp_path, [item])
    children = sorted(set(await backend.children("waits-endless")) - set(before))
    assert outcomes(summary) == {"a": (Outcome.TIMED_OUT, Cause.DEADLINE)}
    assert [(await backend.job(child))["Stop"] for child in children] == [True, False]
    await stop_all(backend, summary)


async def test_a_run_says_what_its_items_wait_for(backend, tmp_path):
    """In Nomad's words, within three seconds of the dispatch; they wait on."""
    await backend.register(ENDLESS, JOBS[3])
    told = Told()
    items = [{"id": f"i{n}", "job": "waits-blocked", "timeout": "5s"} for n in range(3)]
    summary = await run_items(backend, tmp_path, items, told=told)
    assert set(outcomes(summary).values()) == {(Outcome.TIMED_OUT, Cause.DEADLINE)}
    blocked = [event for event in told.events if isinstance(event, Moved) and event.blocked]
    assert {event.message for event in blocked} == {'queued: no node meets "${meta.waits-never} = yes" (1 filtered)'}
    accepted = await told.first(Accepted, lambda _: True)
    assert blocked[0].at - accepted.at < 3
    await stop_all(backend, summary)


def with_devices(*names: str) -> Document:
    devices = [{"Name": name, "Count": 1} for name in names]
    return {**mock(), "Resources": {"CPU": 10, "MemoryMB": 10, "Devices": devices}}


async def test_what_a_node_lacks_is_told_in_the_words_of_nomad(backend, tmp_path):
    """Each kind has its own; what only prefers nodes keeps nothing off."""
    wish = {"LTarget": "${meta.mars}", "Operand": "=", "RTarget": "yes"}
    spread = {"Attribute": "${meta.mars}", "Weight": 50}
    await backend.register(
        job("lacks-driver", {**mock(), "Driver": "docker", "Config": {"image": "x"}}),
        job("lacks-datacenter", Datacenters=["mars"]),
        job("lacks-constraint", **wants_meta("mars")),
        job("lacks-property", Constraints=[{"LTarget": "${meta.mars}", "Operand": "distinct_property", "RTarget": ""}]),
        job("lacks-device", with_devices("nvidia/gpu")),
        job("lacks-cores", {**mock(), "Resources": {"Cores": 4096, "MemoryMB": 10}}),
        job("lacks-memory", with_memory(mock(), 99_999_999)),
        job("lacks-nothing", Affinities=[{**wish, "Weight": 100}], Spreads=[spread]),
    )
    names = ["driver", "datacenter", "constraint", "property", "device", "cores", "memory", "nothing"]
    items = [{"id": name, "job": f"lacks-{name}"} for name in names]
    summary = await run_items(backend, tmp_path, items, wait="placement")
    reasons = {item.id: item.message.partition(";")[0] for item in summary.items if item.outcome is Outcome.UNPLACED}
    assert reasons == {
        "driver": "no node has its driver (1 filtered)",
        "datacenter": "no node is eligible",
        "constraint": 'no node meets "${meta.mars} = yes" (1 filtered)',
        "property": 'missing property "${meta.mars}" (1 filtered)',
        "device": "no node has its device (1 filtered)",
        "cores": "cores exhausted on 1 node",
        "memory": "memory exhausted on 1 node",
    }
    await stop_all(backend, summary)


async def test_the_allocation_that_decided_is_named(backend, tmp_path):
    """By its group, its index and its ID."""
    await backend.register(ONE_FAILS)
    summary = await run_items(backend, tmp_path, [{"id": "a", "job": "waits-one-fails"}])
    (item,) = summary.items
    assert (item.outcome, item.place) == (Outcome.FAILED, "h[0]")
    assert item.message.startswith("task t of h[0]: exit code 3 on node ")
    assert item.message.endswith(" (1 of 3 allocations)")
    (alloc,) = [alloc for alloc in await backend.allocs(item.child) if alloc["ID"] == item.alloc_id]
    assert alloc["Name"] == f"{item.child}.h[0]"
