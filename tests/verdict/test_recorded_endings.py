"""Every ending that was driven on a real server, with the verdict it deserves."""

import pytest

from dispatchfile.events import Cause, Outcome, State, Verdict
from dispatchfile.verdict import Living, NeedsEvaluations, judge_blocked, judge_completion, judge_placement
from tests.verdict.builders import recorded

SUCCEEDED = [  # name, starts, the task that tells
    ("ok", 1, "t"),
    ("restart-ok", 2, "t"),
    ("lifecycle-ok", 1, "main"),
    ("leader", 1, "main"),
    ("sys-ok", 1, "t"),
    ("parent-purged", 1, "t"),
    ("unplaced-placed-later", 1, "t"),
    ("toobig-placed-later", 1, "t"),
    ("ineligible-placed-later", 1, "t"),
]
ENDED = [  # name, outcome, cause, exit code, starts
    ("exit3", Outcome.FAILED, Cause.EXIT, 3, 1),
    ("resched-fail", Outcome.FAILED, Cause.EXIT, 4, 4),
    ("defaults", Outcome.FAILED, Cause.EXIT, 1, 8),
    ("count2", Outcome.FAILED, Cause.EXIT, 1, 1),
    ("twotasks", Outcome.FAILED, Cause.EXIT, 3, 1),
    ("twogroups", Outcome.FAILED, Cause.EXIT, 3, 1),
    ("prestart-fail", Outcome.FAILED, Cause.EXIT, 2, 1),
    ("poststop-fail", Outcome.FAILED, Cause.EXIT, 6, 1),
    ("starterr", Outcome.FAILED, Cause.DRIVER, None, 1),
    ("starterr-rec", Outcome.FAILED, Cause.DRIVER, None, 2),
    ("nocmd", Outcome.FAILED, Cause.DRIVER, None, 1),
    ("badconfig", Outcome.FAILED, Cause.VALIDATION, None, 1),
    ("artifact", Outcome.FAILED, Cause.ARTIFACT, None, 1),
    ("kill9", Outcome.FAILED, Cause.SIGNAL, 137, 1),
    ("exit137", Outcome.FAILED, Cause.EXIT, 137, 1),
    ("sys-fail", Outcome.FAILED, Cause.EXIT, 3, 1),
    ("force-reschedule", Outcome.FAILED, Cause.EXIT, 3, 1),
    ("failed-then-stopped", Outcome.FAILED, Cause.EXIT, 3, 1),
    ("maxrun", Outcome.TIMED_OUT, Cause.MAX_RUN_DURATION, None, 1),
    ("maxrun-exec", Outcome.TIMED_OUT, Cause.MAX_RUN_DURATION, None, 1),
    ("maxrun-exec-settled", Outcome.TIMED_OUT, Cause.MAX_RUN_DURATION, None, 1),
    ("stop", Outcome.STOPPED, Cause.USER_STOP, None, 1),
    ("drain", Outcome.STOPPED, Cause.DRAIN, None, 1),
    ("drain-two-nodes", Outcome.STOPPED, Cause.DRAIN, None, 1),
    ("drain-two-nodes-resched", Outcome.STOPPED, Cause.DRAIN, None, 1),
    ("drain-pinned-resched", Outcome.STOPPED, Cause.DRAIN, None, 1),
    ("drain-pinned-resched-after", Outcome.STOPPED, Cause.DRAIN, None, 1),
    ("lost-pinned-then-stopped", Outcome.LOST, Cause.NODE_LOST, None, 1),
]
DRAINED = "stopped when node {} was drained, and not replaced"
OVERDUE = "exceeded its max_run_duration on node node-1 after {}"
MESSAGES = {
    "exit3": "task t: exit code 3 on node node-1 after 0.3s",
    "resched-fail": "task t: exit code 4 on node node-1 after 0.2s (start 4 of 4)",
    "defaults": "task t: exit code 1 on node node-1 after 0.2s (start 8 of 8)",
    "count2": "task t of g[1]: exit code 1 on node node-1 after 0s (1 of 2 allocations)",
    "twotasks": "task bad: exit code 3 on node node-1 after 0.5s",
    "twogroups": "task t of g2[0]: exit code 3 on node node-1 after 0.3s (1 of 2 allocations)",
    "prestart-fail": "task pre (prestart): exit code 2 on node node-1 after 0.2s",
    "poststop-fail": "task post (poststop): exit code 6 on node node-1 after 0.2s",
    "starterr": "task t: the driver could not start it on node node-1: no such image",
    "starterr-rec": "task t: the driver could not start it on node node-1 (start 2 of 2): try later",
    "nocmd": (
        "task t: the driver could not start it on node node-1: failed to launch command with executor: "
        'rpc error: code = Unknown desc = binary "/nonexistent/tool" could not be found'
    ),
    "badconfig": (
        "task t: its configuration is not valid on node node-1: 3 errors occurred: * failed to parse config: "
        '* Missing required argument: The argument "command" is required, but no definition was found. '
        '* Invalid label: No argument or block type is named "comand". Did you mean "command"?'
    ),
    "artifact": (
        "task t: an artifact could not be downloaded on node node-1: "
        'failed to download artifact "http://127.0.0.1:1/none.txt": getter subprocess failed: exit status 1: '
        'failed to download artifact: Get "http://127.0.0.1:1/none.txt": dial tcp 127.0.0.1:1: connect: '
        "connection refused"
    ),
    "kill9": "task t: killed by SIGKILL (signal 9) on node node-1 after 0s",
    "exit137": "task t: exit code 137 on node node-1 after 0s",
    "sys-fail": "task t: exit code 3 on node node-1 after 0.3s",
    "force-reschedule": "task t: exit code 3 on node node-2 after 0.3s",
    "failed-then-stopped": "task t: exit code 3 on node node-2 after 0.3s",
    "maxrun": OVERDUE.format("3s"),
    "maxrun-exec": OVERDUE.format("2.9s"),
    "maxrun-exec-settled": OVERDUE.format("3.9s"),
    "stop": "stopped in Nomad on node node-1",
    "drain": DRAINED.format("node-1"),
    "drain-two-nodes": DRAINED.format("node-2"),
    "drain-two-nodes-resched": DRAINED.format("node-2"),
    "drain-pinned-resched": DRAINED.format("node-2"),
    "drain-pinned-resched-after": DRAINED.format("node-2"),
    "lost-pinned-then-stopped": "node node-2 was lost, and Nomad did not replace the allocation",
}


@pytest.mark.parametrize("evals", [True, False], ids=["evaluations", "allocations alone"])
@pytest.mark.parametrize(("name", "starts", "task"), SUCCEEDED, ids=[row[0] for row in SUCCEEDED])
def test_a_child_that_ended_well_succeeded(name: str, starts: int, task: str, evals: bool) -> None:
    """Success is read from the newest allocations, whatever failed or waited before."""
    records = recorded(name, evals=evals)
    newest = max(records.allocs, key=lambda alloc: alloc.create_index)
    assert judge_completion(records) == Verdict(
        Outcome.SUCCEEDED,
        exit_code=0,
        node=newest.node_name,
        starts=starts,
        alloc_id=newest.id,
        task=task,
        group=newest.group,
        alloc_index=0,
    )


@pytest.mark.parametrize("evals", [True, False], ids=["evaluations", "allocations alone"])
@pytest.mark.parametrize(("name", "outcome", "cause", "exit_code", "starts"), ENDED, ids=[row[0] for row in ENDED])
def test_a_child_that_did_not_end_well_says_why(
    *, name: str, outcome: Outcome, cause: Cause, exit_code: int | None, starts: int, evals: bool
) -> None:
    """Outcome, cause, exit code, starts and one sentence, from allocations alone where these suffice."""
    verdict = judge_completion(recorded(name, evals=evals))
    assert isinstance(verdict, Verdict)
    found = (verdict.outcome, verdict.cause, verdict.exit_code, verdict.starts, verdict.message)
    assert found == (outcome, cause, exit_code, starts, MESSAGES[name])


@pytest.mark.parametrize(
    ("name", "task", "index"),
    [("exit3", "t", 0), ("prestart-fail", "pre", 0), ("twotasks", "bad", 0), ("resched-fail", "t", 1)],
)
def test_a_verdict_names_the_allocation_and_task_that_decided_it(name: str, task: str, index: int) -> None:
    """The user can then fetch their logs."""
    records = recorded(name)
    verdict = judge_completion(records)
    assert isinstance(verdict, Verdict)
    oldest_first = sorted(records.allocs, key=lambda alloc: alloc.create_index)
    assert (verdict.alloc_id, verdict.task) == (oldest_first[index].id, task)


@pytest.mark.parametrize(
    ("name", "living"),
    [
        ("alloc-stop", Living(State.RUNNING, "running on node node-1 (start 2)")),
        ("lost-disconnect-unknown", Living(State.RUNNING, "disconnected from node node-2 (start 1 of 2)")),
        ("lost-disconnect-after-return", Living(State.RUNNING, "running on node node-2 (start 2 of 2)")),
        ("lost-sysbatch", Living(State.RUNNING, "running on node node-2")),
        ("lost-sysbatch-after-return", Living(State.RUNNING, "running on node node-2")),
        ("periodic", Living(State.RUNNING)),
        (
            "lost-pinned-waiting",
            Living(State.QUEUED, "queued after its node was lost: no node meets its constraints (1 filtered)", True),
        ),
        (
            "lost-disconnect-after",
            Living(State.QUEUED, "queued after its node was lost: no node meets its constraints (1 filtered)", True),
        ),
        (
            "unplaced-waiting",
            Living(State.QUEUED, 'queued: no node meets "${meta.ready} = yes" (1 filtered)', True),
        ),
        ("toobig-waiting", Living(State.QUEUED, "queued: memory exhausted on 1 node", True)),
        ("ineligible-waiting", Living(State.QUEUED, "queued: no node is eligible", True)),
        (
            "resched-fail-between",
            Living(
                State.QUEUED,
                "task t: exit code 4 on node node-2 after 0.2s (start 2 of 4); retrying at 2026-11-22T12:44:28Z",
            ),
        ),
    ],
)
def test_a_child_without_an_end_is_living(name: str, living: Living) -> None:
    """A failure, a lost node or a stopped allocation is no end while Nomad still means to run the child."""
    assert judge_completion(recorded(name)) == living


@pytest.mark.parametrize(
    "name", ["lost-pinned-waiting", "unplaced-waiting", "toobig-waiting", "resched-fail-between", "purge"]
)
def test_what_allocations_cannot_tell_needs_evaluations(name: str) -> None:
    """Whether something waits, and why a job is gone, stands in the evaluations."""
    assert judge_completion(recorded(name, evals=False)) == NeedsEvaluations()


def test_a_stop_while_waiting_for_placement_is_stopped() -> None:
    """The job is dead, has no allocation, and its blocked evaluation was canceled."""
    assert judge_completion(recorded("unplaced-stopped")) == Verdict(
        Outcome.STOPPED, Cause.USER_STOP, "stopped in Nomad while it waited to be placed"
    )


def test_a_count_of_0_is_nothing_to_run() -> None:
    """The server calls such a child dead at once, and the CLI calls it success."""
    nothing = Verdict(Outcome.UNPLACED, None, "nothing to run: the count of every group is 0")
    assert judge_completion(recorded("count0")) == nothing
    assert judge_placement(recorded("count0")) == nothing


@pytest.mark.parametrize(
    ("seen_alive", "verdict"),
    [
        (True, Verdict(Outcome.STOPPED, Cause.PURGE, "purged from Nomad before its end")),
        (False, Verdict(Outcome.UNKNOWN, Cause.PURGE, "purged from Nomad before it was first seen")),
    ],
)
def test_a_purged_child_is_stopped_if_it_was_seen_alive(seen_alive: bool, verdict: Verdict) -> None:
    """A purge takes job and allocations at once and leaves the evaluations."""
    assert judge_completion(recorded("purge", seen_alive=seen_alive)) == verdict


@pytest.mark.parametrize(
    ("name", "outcome", "cause", "message"),
    [
        (
            "unplaced-waiting",
            Outcome.UNPLACED,
            Cause.NO_CAPACITY,
            'no allocation was placed: no node meets "${meta.ready} = yes" (1 filtered)',
        ),
        (
            "lost-pinned-waiting",
            Outcome.LOST,
            Cause.NODE_LOST,
            "node node-2 was lost, and Nomad did not replace the allocation",
        ),
        (
            "lost-disconnect-after",
            Outcome.LOST,
            Cause.NODE_LOST,
            "node node-2 was lost, and Nomad did not replace the allocation",
        ),
    ],
)
def test_a_child_nobody_waits_for_is_unplaced_or_what_came_before(
    name: str, outcome: Outcome, cause: Cause, message: str
) -> None:
    """A child whose node went away is lost, not unplaced, however long its replacement waits."""
    verdict = judge_blocked(recorded(name))
    assert (verdict.outcome, verdict.cause, verdict.message) == (outcome, cause, message)


PLACED = [*(row[0] for row in SUCCEEDED), *(row[0] for row in ENDED), "alloc-stop", "resched-fail-between", "purge"]


@pytest.mark.parametrize("name", PLACED)
def test_a_child_that_ran_was_placed(name: str) -> None:
    """Placement asks whether every allocation found a node, not how it ended; evaluations outlast a purge."""
    verdict = judge_placement(recorded(name))
    assert isinstance(verdict, Verdict)
    assert verdict.outcome is Outcome.PLACED


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unplaced-waiting", 'no node meets "${meta.ready} = yes" (1 filtered)'),
        ("toobig-waiting", "memory exhausted on 1 node"),
        ("ineligible-waiting", "no node is eligible"),
    ],
)
def test_a_blocked_child_is_unplaced_when_placement_is_asked_for(name: str, reason: str) -> None:
    """`nomad job dispatch` reports the same; the child stays queued."""
    assert judge_placement(recorded(name)) == Verdict(
        Outcome.UNPLACED, Cause.NO_CAPACITY, f"{reason}; it stays queued in Nomad"
    )
