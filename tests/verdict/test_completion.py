"""Cases that a server can show beside the recorded endings, row by row."""

from dataclasses import replace

import pytest

from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.nomad.models import Alloc, TaskEvent, TaskGroup, TaskState
from dispatchfile.verdict import (
    NO_EVAL_AFTER_S,
    ChildRecords,
    Judgement,
    Living,
    NeedsEvaluations,
    judge_blocked,
    judge_completion,
    with_log_line,
)
from tests.verdict.builders import (
    BLOCKED,
    DEREGISTERED,
    FULL,
    KILLED,
    KILLING,
    NOT_PLACED,
    OK,
    RESTARTING,
    RUNNING,
    STARTED,
    alloc,
    child,
    evaluation,
    event,
    exited,
    failing,
    group_of,
    task,
)

MIGRATED = "alloc is being migrated"
TAINTED = "alloc not needed as node is tainted"
LOST = "alloc is lost since its node is down"
TWO = {"g": group_of(2)}
RETRIED = {"g": group_of(restarts=3, reschedules=1)}
FAILED_FIRST = "task t: exit code 3 on node n1 after 2s (start 1 of 8)"
NO_MEMORY = "memory exhausted on 3 nodes"
CONFLICTS = "created due to placement conflicts"
WAITING = (NOT_PLACED, BLOCKED)
RETRY = evaluation("pending", "alloc-reschedule", at=3, wait_until="2026-11-22T12:00:07.5Z")


def outcome_of(judgement: Judgement) -> tuple[Outcome, Cause | None]:
    assert isinstance(judgement, Verdict), judgement
    return judgement.outcome, judgement.cause


def replaced(at: int, by: str, client_status: str = "failed") -> Alloc:
    return alloc(client_status, "stop", id=f"a{at}", at=at, next_allocation=by)


# The newest allocation of each place


def test_a_failure_that_a_reschedule_made_good_is_success() -> None:
    """Only the newest allocation of a chain counts; its starts are those of the whole chain."""
    first, second = replaced(10, "a20"), replaced(20, "a30")
    verdict = judge_completion(child(alloc(id="a30", at=30), second, first))
    assert isinstance(verdict, Verdict)
    assert (verdict.outcome, verdict.starts, verdict.alloc_id) == (Outcome.SUCCEEDED, 3, "a30")


def test_a_newer_failure_hides_an_older_success_of_the_same_place() -> None:
    """Without a link between two allocations, the one created last is the newest."""
    records = child(alloc(id="a1", at=10), alloc("failed", id="a2", at=20))
    assert outcome_of(judge_completion(records)) == (Outcome.FAILED, Cause.EXIT)


def test_a_lost_allocation_whose_node_came_back_does_not_matter_once_replaced() -> None:
    """A returned node reports exit code 137 for a task that has run elsewhere since."""
    back = alloc("failed", "stop", id="a1", next_allocation="a2", desired_description=LOST, tasks={"t": failing(137)})
    assert outcome_of(judge_completion(child(back, alloc(id="a2", at=20)))) == (Outcome.SUCCEEDED, None)


@pytest.mark.parametrize("client_status", ["lost", "complete", "failed"])
def test_a_lost_allocation_that_nothing_replaced_is_lost_whatever_its_node_says_later(client_status: str) -> None:
    """A returned node reports lost allocations as complete with exit code 0, which is no success."""
    records = child(alloc(client_status, "stop", desired_description=LOST), stop=True)
    assert outcome_of(judge_completion(records)) == (Outcome.LOST, Cause.NODE_LOST)


def test_the_original_counts_where_nomad_kept_it_after_a_disconnect() -> None:
    """The original is still marked as replaced, by an allocation that was stopped for its sake."""
    original = alloc(id="a1", at=10, next_allocation="a2")
    stopped = alloc(
        id="a2",
        at=20,
        desired_status="stop",
        tasks={"t": KILLED},
        desired_description="alloc not needed due to disconnected client reconnect",
    )
    verdict = judge_completion(child(original, stopped))
    assert isinstance(verdict, Verdict)
    assert (verdict.outcome, verdict.alloc_id) == (Outcome.SUCCEEDED, "a1")


def test_a_replacement_that_is_gone_leaves_the_end_unknown() -> None:
    """The newest allocation that can be seen was replaced, so it proves nothing."""
    assert outcome_of(judge_completion(child(replaced(10, "a20")))) == (Outcome.UNKNOWN, Cause.COLLECTED)


def test_a_replacement_under_another_name_takes_the_place() -> None:
    """Nomad renames an allocation whose name is taken twice."""
    records = child(replaced(10, "a20", "lost"), alloc(id="a20", at=20, index=1))
    assert outcome_of(judge_completion(records)) == (Outcome.SUCCEEDED, None)


def test_the_same_allocation_read_twice_counts_once() -> None:
    """Of two reads the later one is believed."""
    before = alloc("running", tasks={"t": RUNNING})
    after = replace(alloc(), modify_index=99)
    verdict = judge_completion(child(after, before))
    assert isinstance(verdict, Verdict)
    assert (verdict.outcome, verdict.starts) == (Outcome.SUCCEEDED, 1)


# Several places


MIXED = [
    (alloc("failed"), (Outcome.FAILED, Cause.EXIT)),
    (alloc(client_description="allocation exceeded max_run_duration"), (Outcome.TIMED_OUT, Cause.MAX_RUN_DURATION)),
    (alloc("lost", "stop"), (Outcome.LOST, Cause.NODE_LOST)),
    (alloc(desired_status="stop", tasks={"t": KILLED}), (Outcome.STOPPED, Cause.USER_STOP)),
    (replaced(10, "gone"), (Outcome.UNKNOWN, Cause.COLLECTED)),
    (alloc(), (Outcome.SUCCEEDED, None)),
]


@pytest.mark.parametrize("worse", range(len(MIXED)))
@pytest.mark.parametrize("better", range(len(MIXED)))
def test_the_worst_place_decides(worse: int, better: int) -> None:
    """Failed, timed out, lost, stopped, unknown, succeeded: the first of these that any place shows."""
    worse, better = sorted((worse, better))
    second = replace(MIXED[better][0], id="b1", name="etl/dispatch-1-2.g[1]")
    records = child(second, MIXED[worse][0], groups=TWO)
    assert outcome_of(judge_completion(records)) == MIXED[worse][1]


def test_a_place_that_was_never_filled_is_unplaced() -> None:
    """One allocation that ended well does not make up for one that found no node."""
    records = child(alloc(), groups=TWO, evals=(NOT_PLACED, evaluation("canceled", at=2)))
    assert judge_completion(records) == Verdict(
        Outcome.UNPLACED, Cause.NO_CAPACITY, "1 of 2 allocations placed: memory exhausted on 3 nodes"
    )


def test_a_place_that_was_never_filled_does_not_hide_a_failure() -> None:
    """What ran and failed is worse than what never ran, and no evaluation is needed to say so."""
    records = child(alloc("failed"), groups=TWO, evals=None)
    assert outcome_of(judge_completion(records)) == (Outcome.FAILED, Cause.EXIT)


def test_a_place_that_was_never_filled_before_a_stop_is_stopped() -> None:
    """`Stop` explains what did not finish, and only that."""
    records = child(alloc(), groups=TWO, stop=True)
    assert outcome_of(judge_completion(records)) == (Outcome.STOPPED, Cause.USER_STOP)


def test_groups_of_count_0_want_no_allocation() -> None:
    """The other groups decide."""
    groups = {"g": group_of(), "idle": TaskGroup("idle", 0)}
    assert outcome_of(judge_completion(child(alloc(), groups=groups))) == (Outcome.SUCCEEDED, None)


def test_the_place_that_failed_is_named_where_there_are_several() -> None:
    """The message has its group and its index, as in the names of Nomad's allocations."""
    groups = {"g": group_of(count=3)}
    allocs = (alloc(id="a0"), alloc("failed", id="a1", index=1), alloc(id="a2", index=2))
    verdict = judge_completion(child(*allocs, groups=groups))
    assert isinstance(verdict, Verdict)
    assert (verdict.alloc_id, verdict.group, verdict.alloc_index) == ("a1", "g", 1)
    assert verdict.message == "task t of g[1]: exit code 3 on node n1 after 2s (1 of 3 allocations)"


def test_groups_with_tasks_of_one_name_are_told_apart() -> None:
    """The group is named even if no task failed."""
    groups = {"g": group_of(), "h": replace(group_of(), name="h")}
    over = replace(
        alloc(id="a1", client_description="allocation exceeded max_run_duration"),
        group="h",
        name="etl/dispatch-1-2.h[0]",
    )
    verdict = judge_completion(child(alloc(), over, groups=groups))
    assert isinstance(verdict, Verdict)
    assert verdict.message.startswith("h[0]: exceeded its max_run_duration on node n1")


def test_sysbatch_allocations_bear_one_name_on_all_nodes() -> None:
    """They are places of their own, not a chain."""
    records = child(alloc("failed", id="a1", node="n1"), alloc(id="a2", node="n2", at=20), type="sysbatch")
    verdict = judge_completion(records)
    assert isinstance(verdict, Verdict)
    assert (verdict.outcome, verdict.node) == (Outcome.FAILED, "n1")
    assert verdict.message == "task t: exit code 3 on node n1 after 2s (1 of 2 allocations)"


def test_a_sysbatch_child_without_allocations_is_unplaced() -> None:
    """It has failures without a blocked evaluation: nothing waits, and nothing ran."""
    records = child(type="sysbatch", evals=(evaluation(failed_groups=FULL),))
    assert judge_completion(records) == Verdict(
        Outcome.UNPLACED, Cause.NO_CAPACITY, "no allocation was placed: memory exhausted on 3 nodes"
    )


# Stops


@pytest.mark.parametrize(
    ("changes", "cause", "message"),
    [
        ({"desired_description": "alloc not needed due to job update"}, Cause.USER_STOP, "stopped in Nomad on node n1"),
        ({"desired_description": MIGRATED}, Cause.DRAIN, "stopped when node n1 was drained, and not replaced"),
        (
            {"desired_description": TAINTED},
            Cause.DRAIN,
            "stopped when node n1 was drained, and not replaced",
        ),
        (
            {"desired_status": "evict", "preempted_by": "b2", "desired_description": "Preempted by alloc ID b2"},
            Cause.PREEMPTION,
            "preempted on node n1 by another allocation",
        ),
    ],
    ids=["user", "drain", "sysbatch drain", "preemption"],
)
def test_a_stopped_allocation_says_what_stopped_it(changes: dict[str, str], cause: Cause, message: str) -> None:
    """All of them are `complete` with exit code 0."""
    records = child(alloc(**{"desired_status": "stop", "tasks": {"t": KILLED}, **changes}))
    verdict = judge_completion(records)
    assert isinstance(verdict, Verdict)
    assert (verdict.outcome, verdict.cause, verdict.message) == (Outcome.STOPPED, cause, message)


@pytest.mark.parametrize("description", [MIGRATED, TAINTED], ids=["batch", "sysbatch"])
def test_an_allocation_stopped_alone_is_no_drain(description: str) -> None:
    """Both leave the same description; what was asked of the allocation tells them apart, without its evaluations."""
    stopped = alloc(desired_status="stop", tasks={"t": KILLED}, desired_description=description, stopped_by_hand=True)
    verdict = judge_completion(child(stopped, evals=None))
    assert isinstance(verdict, Verdict)
    assert (outcome_of(verdict), verdict.message) == (
        (Outcome.STOPPED, Cause.USER_STOP),
        "stopped in Nomad on node n1",
    )


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (OK, Outcome.SUCCEEDED),
        (KILLED, Outcome.STOPPED),
        (task(STARTED, exited(1)), Outcome.STOPPED),
        (task(STARTED, exited(0, signal=15)), Outcome.STOPPED),
        (task(STARTED, KILLING), Outcome.STOPPED),
        (task(), Outcome.STOPPED),
        (task(STARTED, KILLING, exited(1), RESTARTING, STARTED, exited(0)), Outcome.SUCCEEDED),
    ],
)
def test_a_stop_after_the_task_had_ended_well_changes_nothing(state: object, outcome: Outcome) -> None:
    """Only an exit with 0 that no kill came before, in the task's last run, is an end of its own."""
    records = child(alloc(desired_status="stop", tasks={"t": state}), stop=True)
    assert outcome_of(judge_completion(records))[0] is outcome


def test_the_leader_alone_tells_whether_a_stopped_allocation_had_ended() -> None:
    """Its followers are killed when it ends."""
    group = replace(group_of(tasks=("lead", "side")), leaders=frozenset({"lead"}))
    stopped = alloc(desired_status="stop", tasks={"lead": OK, "side": KILLED})
    assert outcome_of(judge_completion(child(stopped, groups={"g": group}))) == (Outcome.SUCCEEDED, None)


def test_a_poststop_task_says_nothing_about_the_end_of_a_stopped_allocation() -> None:
    """It runs after a stop too, and ends well."""
    group = replace(group_of(tasks=("t", "post")), lifecycle={"post": "poststop"})
    stopped = alloc(desired_status="stop", tasks={"t": KILLED, "post": OK})
    assert outcome_of(judge_completion(child(stopped, groups={"g": group}))) == (Outcome.STOPPED, Cause.USER_STOP)


@pytest.mark.parametrize("status", ["dead", "pending", "running"])
def test_a_stopped_job_has_ended_whatever_still_runs(status: str) -> None:
    """The job is dead at once, or stays pending until a delayed evaluation is due; its task may take until its kill."""
    verdict = judge_completion(child(alloc("running"), status=status, stop=True))
    assert outcome_of(verdict) == (Outcome.STOPPED, Cause.USER_STOP)


def test_a_failure_before_a_stop_stays_a_failure() -> None:
    """The child was stopped while it waited for its reschedule."""
    records = child(alloc("failed"), status="pending", stop=True, groups=RETRIED, evals=(RETRY, DEREGISTERED))
    assert outcome_of(judge_completion(records)) == (Outcome.FAILED, Cause.EXIT)


def test_an_allocation_that_is_being_stopped_ends_a_dead_job() -> None:
    """A drain makes the job dead while the kill is still under way."""
    records = child(alloc("running", "stop", desired_description=MIGRATED))
    assert outcome_of(judge_completion(records)) == (Outcome.STOPPED, Cause.DRAIN)


def test_a_disconnected_allocation_of_a_stopped_job_is_lost() -> None:
    """Nobody can tell what its task does."""
    assert outcome_of(judge_completion(child(alloc("unknown"), stop=True))) == (Outcome.LOST, Cause.NODE_LOST)


# Not ended


@pytest.mark.parametrize(
    ("records", "living"),
    [
        (child(alloc("running"), status="running"), Living(State.RUNNING, "running on node n1")),
        (child(alloc("pending", tasks={}), status="running"), Living(State.RUNNING, "starting on node n1")),
        (child(alloc("unknown"), status="running"), Living(State.RUNNING, "disconnected from node n1")),
        (
            child(alloc("running", tasks={"t": replace(RUNNING, restarts=2)}), status="running", groups=RETRIED),
            Living(State.RUNNING, "running on node n1 (start 3 of 8)"),
        ),
        (
            child(alloc("running"), alloc(id="b", index=1), status="running", groups=TWO),
            Living(State.RUNNING, "1 of 2 allocations running"),
        ),
        (child(status="running", evals=None), Living(State.RUNNING)),
        (child(replaced(10, "a20"), status="running"), Living(State.RUNNING, "replaced by another allocation")),
        (child(alloc("running")), Living(State.RUNNING, "running on node n1")),
        (child(status="pending", evals=(evaluation(),)), Living(State.QUEUED, "queued")),
        (
            child(status="pending", evals=(evaluation("pending"),)),
            Living(State.QUEUED, "queued: Nomad is evaluating it"),
        ),
        (child(status="pending", evals=WAITING), Living(State.QUEUED, f"queued: {NO_MEMORY}", blocked=True)),
        (
            child(status="pending", evals=(evaluation("blocked", status_description=CONFLICTS),)),
            Living(State.QUEUED, f"queued: {CONFLICTS}", blocked=True),
        ),
        (
            child(alloc("failed"), status="pending", groups=RETRIED, evals=(evaluation(), RETRY)),
            Living(State.QUEUED, f"{FAILED_FIRST}; retrying at 2026-11-22T12:00:07Z"),
        ),
        (
            child(alloc("failed"), status="pending", groups=RETRIED, evals=WAITING),
            Living(State.QUEUED, f"queued after a failure: {NO_MEMORY}", blocked=True),
        ),
        (
            child(alloc(desired_status="evict", tasks={"t": KILLED}), status="pending", evals=WAITING),
            Living(State.QUEUED, f"queued after it was preempted: {NO_MEMORY}", blocked=True),
        ),
        (
            child(alloc(desired_status="stop", tasks={"t": KILLED}), status="pending", evals=WAITING),
            Living(State.QUEUED, f"queued after it was stopped: {NO_MEMORY}", blocked=True),
        ),
    ],
)
def test_a_living_child_says_what_it_does(records: ChildRecords, living: Living) -> None:
    """One sentence: where it runs and for which time, or what it waits for."""
    assert judge_completion(records) == living


@pytest.mark.parametrize(
    "evals",
    [
        (evaluation("failed", status_description="maximum attempts reached (5)", blocked_eval="e2"), BLOCKED),
        (evaluation("failed", status_description="maximum attempts reached (5)", blocked_eval="later"),),
        (evaluation("failed", status_description="evaluation reached delivery limit (3)", next_eval="later"),),
        (evaluation("failed", next_eval="e2"), evaluation("pending", "failed-follow-up", at=2)),
    ],
    ids=["blocked", "blocked, not read yet", "follow-up not read yet", "follow-up"],
)
@pytest.mark.parametrize("status", ["pending", ""])
def test_a_failed_evaluation_with_a_follower_is_no_end(evals: tuple[object, ...], status: str) -> None:
    """After too many attempts a blocked evaluation takes over, after too many deliveries a follow-up."""
    judgement = judge_completion(child(status=status, evals=evals))
    assert isinstance(judgement, Living)
    assert judgement.state is State.QUEUED


def test_a_failed_evaluation_without_a_follower_ends_the_child_unplaced() -> None:
    """Nothing is left that could place it."""
    records = child(evals=(evaluation("failed", status_description="the scheduler\npanicked"),))
    assert judge_completion(records) == Verdict(
        Outcome.UNPLACED,
        Cause.EVAL_FAILED,
        "no allocation was placed: its evaluation failed: the scheduler panicked",
    )


@pytest.mark.parametrize("status", ["pending", ""])
def test_a_child_without_an_evaluation_waits_a_minute_for_one(status: str) -> None:
    """Servers before 1.10.5 could store a dispatch without its evaluation."""
    young, old = (child(status=status, age_s=age) for age in (NO_EVAL_AFTER_S, NO_EVAL_AFTER_S + 1))
    assert judge_completion(young) == Living(State.QUEUED, "queued: Nomad has no evaluation for it yet")
    assert outcome_of(judge_completion(old)) == (Outcome.UNPLACED, Cause.NO_EVAL)


def test_a_dead_job_of_which_nothing_is_left_is_unknown() -> None:
    """Its evaluations and allocations were collected before it was."""
    assert outcome_of(judge_completion(child(evals=()))) == (Outcome.UNKNOWN, Cause.COLLECTED)


# What can be told without evaluations, or without the job's status


@pytest.mark.parametrize("status", ["", "pending", "running"])
@pytest.mark.parametrize(
    ("newest", "groups", "outcome"),
    [
        (alloc(), RETRIED, Outcome.SUCCEEDED),
        (alloc(client_description="allocation exceeded max_run_duration"), RETRIED, Outcome.TIMED_OUT),
        (alloc("failed"), {"g": group_of(restarts=3)}, Outcome.FAILED),
    ],
)
def test_allocations_that_nothing_can_follow_are_an_end(
    status: str, newest: Alloc, groups: dict[str, TaskGroup], outcome: Outcome
) -> None:
    """Whatever the job's status was when it was read."""
    assert outcome_of(judge_completion(child(newest, status=status, groups=groups, evals=None)))[0] is outcome


@pytest.mark.parametrize(
    "records",
    [
        child(alloc("failed"), status="", groups=RETRIED, evals=None),
        child(alloc("failed"), status="", groups={}, evals=None),
        child(alloc("lost", "stop"), status="", evals=None),
        child(alloc(desired_status="stop", tasks={"t": KILLED}), status="", evals=None),
        child(alloc(), status="", groups=TWO, evals=None),
        child(alloc(), status="", type="sysbatch", evals=None),
        child(status="", evals=None),
        child(status="pending", evals=None),
        child(evals=None),
        child(alloc(), groups=TWO, evals=None),
        child(status="", gone=True, evals=None),
        child(alloc("failed"), server_before_2_0_1=True, evals=None),
    ],
)
def test_what_may_go_on_needs_evaluations(records: ChildRecords) -> None:
    """A reschedule, a replacement or another allocation may be under way."""
    assert judge_completion(records) == NeedsEvaluations()


@pytest.mark.parametrize(
    ("records", "ending"),
    [
        (child(alloc("failed"), status="", groups=RETRIED, evals=(evaluation(),)), (Outcome.FAILED, Cause.EXIT)),
        (child(alloc("lost", "stop"), status="", evals=(evaluation(),)), (Outcome.LOST, Cause.NODE_LOST)),
        (child(alloc(), status="", type="sysbatch", evals=(evaluation(),)), (Outcome.SUCCEEDED, None)),
        (child(status="", evals=(NOT_PLACED, evaluation("canceled", at=2))), (Outcome.UNPLACED, Cause.NO_CAPACITY)),
    ],
)
def test_closed_evaluations_end_a_child_whose_status_is_not_known(
    records: ChildRecords, ending: tuple[Outcome, Cause | None]
) -> None:
    """With nothing living and nothing waiting the job is dead."""
    assert outcome_of(judge_completion(records)) == ending


@pytest.mark.parametrize("waiting", [RETRY, evaluation("pending", "alloc-failure", at=2), BLOCKED])
def test_dead_is_no_end_on_old_servers_while_an_evaluation_is_open(waiting: object) -> None:
    """Before 2.0.1 each reschedulable failure made the job dead for a moment."""
    records = child(alloc("failed"), groups=RETRIED, evals=(evaluation(), waiting), server_before_2_0_1=True)
    assert isinstance(judge_completion(records), Living)


def test_dead_is_an_end_on_old_servers_once_all_evaluations_are_closed() -> None:
    """It is an end immediately if everything ended well."""
    failed = child(alloc("failed"), groups=RETRIED, evals=(evaluation(),), server_before_2_0_1=True)
    assert outcome_of(judge_completion(failed)) == (Outcome.FAILED, Cause.EXIT)
    well = child(alloc(), groups=RETRIED, evals=None, server_before_2_0_1=True)
    assert outcome_of(judge_completion(well)) == (Outcome.SUCCEEDED, None)


# Gone


@pytest.mark.parametrize(
    ("records", "ending"),
    [
        (child(alloc(), evals=None), (Outcome.SUCCEEDED, None)),
        (child(alloc(), type="sysbatch", evals=None), (Outcome.SUCCEEDED, None)),
        (child(alloc("failed"), evals=None), (Outcome.FAILED, Cause.EXIT)),
        (child(alloc("failed"), type="sysbatch", groups=RETRIED, evals=None), (Outcome.FAILED, Cause.EXIT)),
        (
            child(replaced(10, "a20"), alloc("failed", id="a20", at=20), groups=RETRIED, evals=None),
            (Outcome.FAILED, Cause.EXIT),
        ),
        (child(alloc("failed"), groups=RETRIED), (Outcome.UNKNOWN, Cause.COLLECTED)),
        (child(alloc("running")), (Outcome.UNKNOWN, Cause.COLLECTED)),
        (child(alloc("running"), evals=(DEREGISTERED,)), (Outcome.STOPPED, Cause.PURGE)),
        (child(alloc(), evals=(DEREGISTERED,)), (Outcome.SUCCEEDED, None)),
        (child(), (Outcome.UNKNOWN, Cause.COLLECTED)),
        (child(seen_alive=True), (Outcome.UNKNOWN, Cause.COLLECTED)),
        (child(evals=(evaluation(), DEREGISTERED)), (Outcome.UNKNOWN, Cause.PURGE)),
        (child(evals=(evaluation(), DEREGISTERED), seen_alive=True), (Outcome.STOPPED, Cause.PURGE)),
    ],
)
def test_a_child_that_is_gone_ended_as_it_was_seen_to(
    records: ChildRecords, ending: tuple[Outcome, Cause | None]
) -> None:
    """An end that was seen stands; a purge tells of itself; anything else is unknown, never success."""
    assert outcome_of(judge_completion(replace(records, status="", gone=True))) == ending


@pytest.mark.parametrize(
    ("records", "ending"),
    [
        (child(evals=(evaluation(), DEREGISTERED), seen_alive=True), (Outcome.UNKNOWN, Cause.PURGE)),
        (child(status="", evals=(evaluation(), DEREGISTERED), seen_alive=True), (Outcome.STOPPED, Cause.PURGE)),
        (child(alloc(), groups=TWO, evals=(NOT_PLACED, DEREGISTERED)), (Outcome.STOPPED, Cause.USER_STOP)),
        (child(gone=True, evals=(evaluation(), DEREGISTERED), seen_alive=True), (Outcome.UNKNOWN, Cause.PURGE)),
    ],
)
def test_a_child_may_be_stopped_or_purged_between_two_reads(
    records: ChildRecords, ending: tuple[Outcome, Cause | None]
) -> None:
    """Last seen dead, and purged before its allocations were read, it may have ended well: nobody knows."""
    assert outcome_of(judge_completion(records)) == ending


# Given up


def test_a_blocked_child_that_failed_before_has_failed() -> None:
    """Its reschedule found no node: what happened to the task is more telling."""
    records = child(alloc("failed"), status="pending", evals=(NOT_PLACED, BLOCKED))
    assert outcome_of(judge_blocked(records)) == (Outcome.FAILED, Cause.EXIT)


def test_a_blocked_child_that_was_preempted_is_stopped() -> None:
    """Nobody made room for it again."""
    records = child(alloc(desired_status="evict", tasks={"t": KILLED}), status="pending", evals=(NOT_PLACED, BLOCKED))
    assert outcome_of(judge_blocked(records)) == (Outcome.STOPPED, Cause.PREEMPTION)


def test_a_blocked_child_of_which_a_part_ended_well_is_unplaced() -> None:
    """The rest never ran."""
    records = child(alloc(), status="pending", groups=TWO, evals=(NOT_PLACED, BLOCKED))
    assert judge_blocked(records) == Verdict(
        Outcome.UNPLACED, Cause.NO_CAPACITY, "1 of 2 allocations placed: memory exhausted on 3 nodes", queued=True
    )


# The last log line


def test_a_log_line_is_kept_beside_the_message() -> None:
    """It is cut, and freed of colours and control characters; the message stays a sentence without it."""
    verdict = Verdict(Outcome.FAILED, Cause.EXIT, "task t: exit code 3 on node n1", 3)
    told = with_log_line(verdict, "\x1b[31mno such\tcodec\x1b[0m\r\n")
    assert told == replace(verdict, last_log_line="no such codec")
    assert with_log_line(verdict, " \n") is verdict
    assert len(with_log_line(verdict, "x" * 5_000).last_log_line) == 300


# Stopped while it ends


def test_what_has_failed_before_a_stop_has_failed() -> None:
    """The stop waits for the other task, but the exit code is there already."""
    tasks = {"t": task(STARTED, exited(3), failed=True), "u": RUNNING}
    records = child(
        alloc("running", desired_status="stop", tasks=tasks), stop=True, groups={"g": group_of(tasks=("t", "u"))}
    )
    assert outcome_of(judge_completion(records)) == (Outcome.FAILED, Cause.EXIT)


@pytest.mark.parametrize(("after", "outcome"), [(OK, Outcome.SUCCEEDED), (RUNNING, Outcome.STOPPED)])
def test_what_has_ended_well_before_a_stop_has_ended_well(after: TaskState, outcome: Outcome) -> None:
    """Unless a task that runs behind it may still fail."""
    tasks = {"t": task(STARTED, exited(0)), "after": after}
    group = replace(group_of(tasks=("t", "after")), lifecycle={"after": "poststop"})
    records = child(alloc("running", desired_status="stop", tasks=tasks), stop=True, groups={"g": group})
    assert outcome_of(judge_completion(records))[0] is outcome


@pytest.mark.parametrize(
    ("events", "starts"),
    [
        pytest.param((STARTED, exited(3), RESTARTING, KILLING, event("Killed")), 2, id="killed-while-it-waits"),
        pytest.param((STARTED, exited(3), RESTARTING), 2, id="still-waits"),
        pytest.param((STARTED, exited(3), RESTARTING, STARTED, KILLING, exited(0)), 3, id="killed-after-it"),
        pytest.param((STARTED, exited(3), RESTARTING, event("Driver Failure")), 3, id="could-not-be-started"),
        pytest.param((), 3, id="no-events-left"),
    ],
)
def test_a_restart_counts_as_a_start_once_it_was_tried(events: tuple[TaskEvent, ...], starts: int) -> None:
    """Nomad counts it as it is decided, and a stop may come before its delay is over."""
    stopped = alloc("complete", "stop", tasks={"t": task(*events, restarts=2)})
    verdict = judge_completion(child(stopped, stop=True, groups=RETRIED))
    assert isinstance(verdict, Verdict)
    assert (verdict.outcome, verdict.starts) == (Outcome.STOPPED, starts)


RECEIVED, MADE_NS = event("Received"), 1_795_348_797_000_000_000  # 2026-11-22T11:59:57Z


@pytest.mark.parametrize(
    ("events", "after"),
    [
        pytest.param(
            (RECEIVED, replace(STARTED, time_ns=MADE_NS + 10**9), exited(7), RESTARTING, STARTED), "4s", id="all-there"
        ),
        pytest.param((exited(7), RESTARTING, STARTED, KILLING), "5s", id="the-first-are-gone"),
        pytest.param((RECEIVED, exited(7), RESTARTING, STARTED), "2s", id="no-start-among-them"),
    ],
)
def test_what_ran_too_long_ran_since_its_first_start(events: tuple[TaskEvent, ...], after: str) -> None:
    """The limit is the allocation's, restarts included, and a task's state tells of its last start alone."""
    tasks = {"t": task(*events, restarts=1)}
    over = alloc(client_description="allocation exceeded max_run_duration", tasks=tasks, create_time_ns=MADE_NS)
    verdict = judge_completion(child(over, groups=RETRIED))
    assert isinstance(verdict, Verdict)
    assert verdict.message == f"exceeded its max_run_duration on node n1 after {after}"
