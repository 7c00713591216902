"""What the scheduler does beyond single endings: slots, waiting, attempts, collection, a node that goes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from dispatchfile.agent.records import Drain, StoredEvaluation, StoredJob, Transition

from .recordings import Json, body_of, comparable
from .world import DONE, FAILED, RUNNING, World

PLAIN = body_of("job/ok")
GROUP = PLAIN["TaskGroups"][0]


def _parent(world: World, job_id: str = "ok", *, group: Mapping[str, Any] | None = None, **changes: Any) -> StoredJob:
    document = {**PLAIN, "ID": job_id, "Name": None, "TaskGroups": [{**GROUP, **(group or {})}], **changes}
    return world.register(document)


def _evals(world: World, job: StoredJob) -> list[StoredEvaluation]:
    return sorted(world.state.evals_of(job.key), key=lambda evaluation: evaluation.create_index)


def _end(world: World, job: StoredJob, status: tuple[str, str] = DONE, place: int = 0) -> None:
    world.report(world.alloc(job, place), status)
    world.settle()


def _as_memory(story: Json) -> Json:
    """The recorded server ran out of memory, this one of slots."""
    failed = [record["FailedTGAllocs"]["g"] for record in story["evals"] if "FailedTGAllocs" in record]
    for metrics in failed:
        metrics.update(DimensionExhausted=None, ResourcesExhausted=None)
    return story


def test_child_waits_for_a_slot_as_on_nomad() -> None:
    """A child that finds no free slot waits as one that finds no memory waits on a real node."""
    world = World(slots=1)
    parent = _parent(world, "toobig", **_policies("toobig-waiting"))
    first = world.dispatch(parent)
    second = world.dispatch(parent)
    recorded = comparable(
        job=body_of("job/toobig-waiting"),
        summary=body_of("job/toobig-waiting-summary"),
        evals=body_of("evaluation/toobig-waiting"),
        allocs=[],
    )
    assert _as_memory(world.story(second)) == _as_memory(recorded)
    _end(world, first)
    _end(world, second)
    placed = comparable(
        job=body_of("job/toobig-placed-later"),
        summary=body_of("job/toobig-placed-later-summary"),
        evals=body_of("evaluation/toobig-placed-later"),
        allocs=[body_of("allocation/toobig-placed-later-1")],
    )
    assert _as_memory(world.story(second)) == _as_memory(placed)


def test_full_node_is_worded_as_nomad_words_its_limit() -> None:
    """A full node says what Nomad says of `node_max_allocs`."""
    world = World(slots=0)
    child = world.dispatch(_parent(world))
    failed = (_evals(world, child)[0].failed or {})["g"]
    assert failed["DimensionExhausted"] == {"max allocation exceeded": 1}
    assert (failed["NodesEvaluated"], failed["NodesExhausted"]) == (1, 1)


def test_slots_go_to_priority_then_to_age() -> None:
    """A free slot is given to the waiting child of the highest priority, among equals to the oldest."""
    world = World(slots=1)
    parent = _parent(world)
    running = world.dispatch(parent)
    waiting = [world.dispatch(parent, priority=priority) for priority in (50, 50, 70)]
    order = []
    for _ in waiting:
        _end(world, running)
        running = next(job for job in waiting if world.now(job).status == "running")
        order.append(waiting.index(running))
    assert order == [2, 0, 1]


def test_group_is_placed_as_far_as_slots_go() -> None:
    """Of three allocations two are placed at once, the third when one of them has ended."""
    world = World(slots=2)
    child = world.dispatch(_parent(world, group={"Count": 3}))
    summary = world.state.summaries[child.key].groups["g"]
    assert (summary.queued, summary.starting, world.now(child).status) == (1, 2, "running")
    first, blocked = _evals(world, child)
    assert (first.queued, blocked.status, first.blocked_eval) == ({"g": 1}, "blocked", blocked.id)
    _end(world, child)
    names = sorted(alloc.name for alloc in world.state.allocs_of(child.key))
    assert names == [f"{child.id}.g[{index}]" for index in range(3)]
    assert [(e.status, e.queued) for e in _evals(world, child)] == [("complete", {"g": 1}), ("complete", {"g": 0})]


def test_what_was_not_tried_is_counted() -> None:
    """Further allocations of a group that could not be placed are coalesced failures."""
    world = World(slots=0)
    child = world.dispatch(_parent(world, group={"Count": 3}))
    first = _evals(world, child)[0]
    assert ((first.failed or {})["g"]["CoalescedFailures"], first.queued) == (2, {"g": 3})


def test_reblocked_evaluation_stays_the_same() -> None:
    """A waiting evaluation that places only a part goes on waiting, under its own ID."""
    world = World(slots=1)
    parent = _parent(world, group={"Count": 2})
    child = world.dispatch(parent)
    other = world.dispatch(parent)
    blocked = _evals(world, other)[1]
    _end(world, child)
    _end(world, child, place=1)
    assert [(e.id, e.status) for e in _evals(world, other)[1:]] == [(blocked.id, "blocked")]
    _end(world, other)
    assert world.state.evals[blocked.id].status == "complete"


def test_unknown_driver_is_a_placement_failure() -> None:
    """A driver that the node lacks filters it, and the child waits for another node."""
    world = World()
    child = world.dispatch(_parent(world, group={"Tasks": [{**GROUP["Tasks"][0], "Driver": "docker"}]}))
    first, blocked = _evals(world, child)
    assert (first.failed or {})["g"]["ConstraintFiltered"] == {"missing drivers": 1}
    assert (blocked.status, list((blocked.class_eligibility or {}).values())) == ("blocked", [False])


@pytest.mark.parametrize(
    ("driver", "slots", "statuses", "status"),
    [("docker", None, ["complete"], "dead"), ("mock_driver", 0, ["complete", "blocked"], "pending")],
    ids=["no-such-driver", "no-slot"],
)
def test_sysbatch_waits_for_room_only(driver: str, slots: int | None, statuses: list[str], status: str) -> None:
    """A sysbatch child that no node fits is over at once; one that finds no room waits, unnamed by the first."""
    world = World(slots=slots)
    group = {"ReschedulePolicy": None, "Tasks": [{**GROUP["Tasks"][0], "Driver": driver}]}
    child = world.dispatch(_parent(world, group=group, Type="sysbatch"))
    evals = _evals(world, child)
    assert ([e.status for e in evals], world.now(child).status, evals[0].blocked_eval) == (statuses, status, "")


def test_reports_of_a_moment_share_one_index() -> None:
    """What ends within one batch is stored as one step, and a short run is never seen running."""
    world = World()
    parent = _parent(world)
    children = [world.dispatch(parent) for _ in range(3)]
    before = world.state.index
    for child in children:
        world.report(world.alloc(child), RUNNING)
        world.report(world.alloc(child), DONE)
    world.settle()
    assert {world.now(child).modify_index for child in children} == {before + 1}
    assert world.state.index == before + 1


def test_reschedule_is_due_after_the_policys_delay() -> None:
    """The next attempt is due five seconds after the task ended, to the nanosecond, and replaces the first."""
    world = World()
    child = world.dispatch(_parent(world, "resched-fail", **_policies("resched-fail")))
    states = body_of("allocation/resched-fail-1")["TaskStates"]
    world.report(world.alloc(child), FAILED, states)
    world.settle()
    followup = _evals(world, child)[2]
    assert world.get(f"/v1/evaluation/{followup.id}")["WaitUntil"] == "2026-11-22T12:28:03.032525163Z"
    assert (world.now(child).status, world.alloc(child).followup_eval) == ("pending", followup.id)
    world.clock.advance_to(followup.wait_until)
    old, new = world.alloc(child), world.alloc(child, 1)
    assert (old.desired_status, old.next_allocation, new.previous_allocation) == ("stop", new.id, old.id)


def _policies(name: str) -> dict[str, Any]:
    return {"TaskGroups": body_of(f"job/{name}")["TaskGroups"]}


def test_child_stopped_before_its_next_attempt_stays_pending_until_then() -> None:
    """A stop between failure and reschedule ends the child only when the delayed evaluation is due."""
    world = World()
    child = world.dispatch(_parent(world, **_policies("resched-fail")))
    world.report(world.alloc(child), FAILED)
    world.settle()
    world.stop(child)
    assert (world.now(child).status, world.now(child).stop) == ("pending", True)
    world.settle(6)
    assert (world.now(child).status, len(world.state.allocs_of(child.key))) == ("dead", 1)


def test_reschedule_without_room_waits_and_is_remembered() -> None:
    """An attempt that finds no slot is marked on the failed allocation, and made when there is one."""
    world = World(slots=1)
    child = world.dispatch(_parent(world, **_policies("resched-fail")))
    _end(world, child, FAILED)
    other = world.dispatch(_parent(world, "other"))
    world.settle(6)
    failed = world.alloc(child)
    assert (failed.last_reschedule, failed.desired_status, failed.next_allocation) == ("no placement", "run", "")
    _end(world, other)
    assert world.alloc(child).next_allocation == world.alloc(child, 1).id


def test_count_of_children_never_goes_down() -> None:
    """Neither collection nor purge lowers what the parent's summary counts."""
    world = World()
    parent = _parent(world)
    ended, purged, running = (world.dispatch(parent) for _ in range(3))
    _end(world, ended)
    world.stop(purged, purge=True)
    world.scheduler.collect_garbage()
    children = world.state.summaries[parent.key].children
    assert {status: count for status, count in children.items() if count} == {"dead": 2, "running": 1}
    assert (ended.key in world.state.jobs, running.key in world.state.jobs) == (False, True)


def test_purge_forgets_allocations_at_once_and_keeps_evaluations() -> None:
    """A purged child has no job and no allocations any more, but tells by its evaluations what happened."""
    world = World()
    child = world.dispatch(_parent(world), token="t")
    alloc = world.alloc(child)
    world.stop(child, purge=True)
    assert world.ask("GET", f"/v1/job/{child.id}").status == 404
    assert world.ask("GET", f"/v1/allocation/{alloc.id}").status == 404
    assert world.get(f"/v1/job/{child.id}/allocations") == []
    recorded = comparable(job=None, summary=None, evals=body_of("evaluation/purge"), allocs=[])
    assert world.story(child) == recorded
    assert world.runners.forgotten == [alloc.id]
    assert world.state.dispatched_with(("default", "ok"), "t") is None


def test_purge_closes_what_was_still_to_be_done() -> None:
    """A delayed evaluation of a purged child is complete and says why."""
    world = World()
    child = world.dispatch(_parent(world, **_policies("resched-fail")))
    _end(world, child, FAILED)
    world.stop(child, purge=True)
    world.settle(10)
    delayed = next(e for e in _evals(world, child) if e.triggered_by == "alloc-reschedule")
    assert (delayed.status, delayed.status_description) == ("complete", f"job {child.id} deleted")


def test_report_of_a_purged_allocation_is_ignored() -> None:
    """A task that ends after its child was purged changes nothing."""
    world = World()
    child = world.dispatch(_parent(world))
    alloc = world.alloc(child)
    world.report(alloc, DONE)
    world.stop(child, purge=True)
    before = world.state.index
    world.report(alloc, DONE)
    world.settle()
    assert (world.state.allocs, world.state.jobs.get(child.key)) == ({}, None)
    assert world.state.index <= before + 1


def test_garbage_collection_takes_everything_of_a_dead_child() -> None:
    """After a collection a child's job, summary, evaluations and allocations are gone, and its token is free."""
    world = World()
    parent = _parent(world)
    child = world.dispatch(parent, token="t")
    eval_id, alloc_id = _evals(world, child)[0].id, world.alloc(child).id
    _end(world, child)
    world.scheduler.collect_garbage()
    for path in (f"/v1/job/{child.id}", f"/v1/job/{child.id}/summary", f"/v1/evaluation/{eval_id}"):
        assert world.ask("GET", path).status == 404
    assert world.ask("GET", f"/v1/allocation/{alloc_id}").status == 404
    assert (world.get(f"/v1/job/{child.id}/evaluations"), world.state.children_of(parent.key)) == ([], [])
    assert world.dispatch(parent, token="t").key in world.state.jobs


def test_stopped_parent_is_collected_and_its_living_children_are_not() -> None:
    """A stopped parent goes with the dead; a child that still runs stays."""
    world = World()
    parent = _parent(world)
    child = world.dispatch(parent)
    world.stop(parent)
    world.scheduler.collect_garbage()
    assert set(world.state.jobs) == {child.key}
    _end(world, child)
    assert world.now(child).status == "dead"


def test_dead_children_are_collected_some_time_after_their_end() -> None:
    """A child is kept for as long as the agent was told to keep it, and forgotten then."""
    world = World(collect_after=5)
    parent = _parent(world)
    first, second = world.dispatch(parent), world.dispatch(parent)
    _end(world, first)
    world.settle(3)
    _end(world, second)
    world.settle(2)
    assert (first.key in world.state.jobs, second.key in world.state.jobs) == (False, True)
    world.settle(3.2)
    assert set(world.state.jobs) == {parent.key}


def test_child_is_not_collected_while_its_process_lives() -> None:
    """A stopped child whose task has not ended yet is kept."""
    world = World(collect_after=1)
    child = world.dispatch(_parent(world))
    world.report(world.alloc(child), RUNNING)
    world.settle()
    world.stop(child)
    world.settle(5)
    assert world.now(child).status == "dead"
    _end(world, child)
    world.settle(5)
    assert child.key not in world.state.jobs


def test_periodic_child_has_no_evaluation_and_launches_grandchildren() -> None:
    """A dispatched periodic job runs without an evaluation; forced, it launches a child of its own."""
    world = World()
    child = world.dispatch(_parent(world, Periodic={"Spec": "0 0 * * *"}))
    assert (world.now(child).status, world.state.evals_of(child.key)) == ("running", [])
    forced = world.ask("PUT", f"/v1/job/{child.id}/periodic/force")
    world.settle(0)
    [grandchild] = world.state.children_of(child.key)
    assert (forced.status, grandchild.id.rpartition("-")[0]) == (200, f"{child.id}/periodic")
    _end(world, grandchild)
    assert world.state.summaries[child.key].children["dead"] == 1


def test_changed_job_replaces_what_runs() -> None:
    """A plain job registered with other tasks gets a new version, and its running allocation is replaced."""
    world = World()
    job = _parent(world, "plain", ParameterizedJob=None)
    world.settle(0)
    old = world.alloc(job)
    task = {**GROUP["Tasks"][0], "Config": {"run_for": "9s"}}
    answer = world.ask("PUT", "/v1/jobs", {"Job": {**_document(job), "TaskGroups": [{**GROUP, "Tasks": [task]}]}})
    world.settle(0)
    old, new = world.state.allocs[old.id], world.alloc(job, 1)
    assert (answer.status, world.now(job).version, new.job.version) == (200, 1, 1)
    assert (old.desired_status, old.desired_description) == ("stop", "alloc is being updated due to job update")
    assert world.runners.halted == [(old.id, "alloc is being updated due to job update")]


def _document(job: StoredJob) -> Json:
    return {**PLAIN, "ID": job.id, "Name": None, "ParameterizedJob": None}


def test_unchanged_job_is_only_looked_at_again() -> None:
    """A job registered again as it is keeps its version and its allocation."""
    world = World()
    job = _parent(world, "plain", ParameterizedJob=None)
    world.settle(0)
    answer = world.ask("PUT", "/v1/jobs", {"Job": _document(job)})
    world.settle(0)
    assert isinstance(answer.body, dict)
    assert (answer.body["JobModifyIndex"], world.now(job).version) == (world.now(job).modify_index, 0)
    assert [evaluation.triggered_by for evaluation in _evals(world, job)] == ["job-register"] * 2
    assert len(world.state.allocs_of(job.key)) == 1


def test_evaluation_of_a_finished_child_does_nothing() -> None:
    """A finished child that is evaluated again gets one more evaluation and no allocation."""
    world = World()
    child = world.dispatch(_parent(world))
    _end(world, child, FAILED)
    assert world.ask("PUT", f"/v1/job/{child.id}/evaluate", {"JobID": child.id}).status == 200
    world.settle(0)
    assert (len(_evals(world, child)), len(world.state.allocs_of(child.key))) == (2, 1)
    assert world.now(child).status == "dead"


def test_lost_node_loses_allocations_and_makes_children_wait() -> None:
    """Without its node a child is pending: its allocation is lost, its replacement waits for a node."""
    world = World()
    child = world.dispatch(_parent(world))
    world.report(world.alloc(child), RUNNING)
    world.settle()
    world.scheduler.lose_node()
    world.settle(0)
    lost = world.alloc(child)
    wanted = ("lost", "stop", "alloc is lost since its node is down", "Tasks are running")
    assert (lost.client_status, lost.desired_status, lost.desired_description, lost.client_description) == wanted
    assert world.now(child).status == "pending"
    recorded = body_of("evaluation/lost-pinned-waiting")
    shape = [(record["TriggeredBy"], record["Status"]) for record in sorted(recorded, key=lambda r: r["CreateIndex"])]
    assert [(evaluation.triggered_by, evaluation.status) for evaluation in _evals(world, child)] == shape
    world.report(lost, DONE)
    world.scheduler.restore_node()
    world.settle(0)
    assert (world.state.allocs[lost.id].client_status, world.now(child).status) == ("lost", "running")


def test_stop_of_a_child_that_waits_after_a_loss() -> None:
    """Stopped while its replacement waits, a child is dead, its allocation stays lost, its evaluation is canceled."""
    world = World()
    child = world.dispatch(_parent(world))
    world.scheduler.lose_node()
    world.settle(0)
    world.stop(child)
    assert (world.now(child).status, world.alloc(child).client_status) == ("dead", "lost")
    statuses = [evaluation.status for evaluation in _evals(world, child)]
    assert statuses == ["complete", "complete", "canceled", "complete"]


def test_nobody_looks_at_sysbatch_on_a_lost_node() -> None:
    """A sysbatch child on a lost node goes on running in the records, and ends when the node is back."""
    world = World()
    child = world.dispatch(_parent(world, group={"ReschedulePolicy": None}, Type="sysbatch"))
    world.report(world.alloc(child), RUNNING)
    world.settle()
    world.scheduler.lose_node()
    world.report(world.alloc(child), DONE)
    world.settle(5)
    assert (world.alloc(child).client_status, len(_evals(world, child))) == ("running", 1)
    world.scheduler.restore_node()
    assert world.now(child).status == "dead"


def test_drain_without_a_deadline_waits_for_the_end() -> None:
    """A drain without a deadline lets children end, takes no new ones, and is over then."""
    world = World()
    parent = _parent(world)
    child = world.dispatch(parent)
    world.scheduler.drain_node(Drain(0, world.clock.now_ns()), eligible=False)
    waiting = world.dispatch(parent)
    world.settle(3600)
    assert (world.alloc(child).desired_status, world.now(waiting).status) == ("run", "pending")
    _end(world, child)
    assert (world.scheduler.node.drain, world.scheduler.node.eligible) == (None, False)
    world.scheduler.change_node(replace(world.scheduler.node, eligible=True))
    world.settle(0)
    assert world.now(waiting).status == "running"


def test_stop_of_an_ended_allocation_does_not_bring_it_back() -> None:
    """Stopping an allocation that has ended changes nothing but the evaluations."""
    world = World()
    child = world.dispatch(_parent(world))
    _end(world, child)
    world.scheduler.stop_alloc(world.alloc(child), Transition(migrate=True))
    world.settle(0)
    assert (len(world.state.allocs_of(child.key)), world.now(child).status) == (1, "dead")


def test_newest_blocked_evaluation_is_the_only_one() -> None:
    """A job that is evaluated while it waits has one blocked evaluation, and the older is canceled."""
    world = World(slots=0)
    child = world.dispatch(_parent(world))
    world.scheduler.evaluate_job(world.now(child))
    world.settle(0)
    _, old, again, new = _evals(world, child)
    reason = f'existing blocked evaluation exists for job "{child.id}"'
    assert (old.status, old.status_description) == ("canceled", reason)
    assert (new.status, again.blocked_eval) == ("blocked", new.id)
