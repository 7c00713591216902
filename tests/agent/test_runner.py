"""What a runner does at its edges: stops at odd times, broken surroundings, odd jobs."""

import asyncio

import pytest

from dispatchfile.agent.lifecycle import AllocPhase, Stage, next_phase, stage_of
from dispatchfile.agent.outcomes import ExitResult, StartFailure
from dispatchfile.agent.restarts import Decision, Next, RestartTracker
from dispatchfile.agent.runner import AllocUpdate
from dispatchfile.agent.taskrunner import TaskStateRecord, format_time
from tests.agent.allocs import (
    ALLOC_ID,
    NO_RESTARTS,
    eventually,
    is_running,
    make_job,
    make_runner,
    make_task,
    messages,
    output,
    run_mocks,
    run_processes,
    shell,
)
from tests.agent.virtual_time import VirtualTime

SECOND = 1_000_000_000
POLICY = {"Attempts": 2, "Interval": 60 * SECOND, "Delay": 10 * SECOND, "Mode": "fail"}


def mock(name: str = "t", **more: object) -> dict:
    return make_task("mock_driver", {"run_for": "20m"}, name, **more)


async def test_an_allocation_stopped_before_it_runs_starts_nothing(tmp_path):
    """Its tasks are received and killed, poststop ones as well, and it is complete."""
    time, updates = VirtualTime(), []
    tasks = [mock(Leader=True), mock("follower"), mock("post", Lifecycle={"Hook": "poststop"})]
    runner = make_runner(make_job(*tasks), tmp_path, updates, sleep=time.sleep, now_ns=time.now_ns)
    runner.stop()
    await time.play(runner.run())
    assert updates[-1].client_status == "complete"
    for task in ("t", "follower", "post"):
        assert messages(updates[-1], task) == [("Killing", "Sent interrupt. Waiting 5s before force killing")]


async def test_a_stop_may_give_its_reason(tmp_path):
    """The reason is shown instead of Nomad's text, and kept among the details."""
    time, updates = VirtualTime(), []
    runner = make_runner(make_job(mock()), tmp_path, updates, sleep=time.sleep, now_ns=time.now_ns)
    runner.stop("the agent is ending")
    await time.play(runner.run())
    killing = updates[-1].task_states["t"]["Events"][-1]
    assert killing["DisplayMessage"] == "the agent is ending"
    assert killing["Details"] == {"kill_timeout": "5s", "kill_reason": "the agent is ending"}


async def test_a_second_stop_and_a_late_one_change_nothing(tmp_path):
    """Stopping is idempotent."""
    updates: list[AllocUpdate] = []
    runner = make_runner(make_job(mock()), tmp_path, updates)
    running = asyncio.create_task(runner.run())
    await eventually(lambda: is_running(updates))
    runner.stop()
    runner.stop()
    await running
    told = len(updates)
    runner.stop()
    await asyncio.sleep(0)
    assert [kind for kind, _ in messages(updates[-1])] == ["Started", "Killing", "Terminated", "Killed"]
    assert len(updates) == told


async def test_a_kill_timeout_is_at_most_thirty_seconds(tmp_path):
    """A client caps it, and takes five seconds for zero. Observed on 2.0.5."""
    for given, shown in ((3600 * SECOND, "30s"), (0, "5s")):
        time, updates = VirtualTime(), []
        job = make_job(mock(KillTimeout=given))
        runner = make_runner(job, tmp_path, updates, sleep=time.sleep, now_ns=time.now_ns)
        runner.stop()
        await time.play(runner.run())
        assert messages(updates[-1]) == [("Killing", f"Sent interrupt. Waiting {shown} before force killing")]


async def test_a_poststop_task_alone_runs(tmp_path):
    """Nothing before it has to end."""
    task = make_task("mock_driver", {"run_for": "1s"}, Lifecycle={"Hook": "poststop"})
    assert (await run_mocks(make_job(task), tmp_path)).client_status == "complete"


async def test_a_task_shares_its_allocations_folder_with_the_next(tmp_path):
    """What prestart leaves in the shared folder, main finds."""
    pre = shell("echo made > $NOMAD_ALLOC_DIR/data/x", "pre", Lifecycle={"Hook": "prestart"})
    update = await run_processes(make_job(shell("cat $NOMAD_ALLOC_DIR/data/x"), pre), tmp_path)
    assert (update.client_status, output(tmp_path)) == ("complete", "made\n")


async def test_a_root_that_cannot_be_written_fails_the_task(tmp_path):
    """A full or read-only disk is the task's trouble, told like any other."""
    root = tmp_path / "file"
    root.write_text("")
    update = await run_processes(make_job(shell("true")), root)
    assert messages(update)[0][0] == "Setup Failure"
    assert messages(update)[0][1].startswith("failed to build task directory: ")


async def test_the_allocations_folder_is_named_by_its_id(tmp_path):
    """So that the folder of a collected allocation can be found and removed."""
    runner = make_runner(make_job(mock()), tmp_path, [])
    assert runner.alloc_dir == tmp_path / ALLOC_ID


async def test_a_report_that_fails_ends_the_run_and_its_processes(tmp_path):
    """An error of the server's side is not swallowed, and leaves nothing running."""
    updates: list[AllocUpdate] = []

    def report(update: AllocUpdate) -> None:
        updates.append(update)
        if update.client_status == "running":
            raise RuntimeError("the server broke")

    runner = make_runner(make_job(shell("sleep 600")), tmp_path, updates)
    runner._report = report
    with pytest.raises(RuntimeError, match="the server broke"):
        await runner.run()
    assert [update.client_status for update in updates] == ["pending", "running"]


@pytest.mark.parametrize(
    ("lifecycle", "stage"),
    [
        (None, Stage.MAIN),
        ({"Hook": "", "Sidecar": True}, Stage.MAIN),
        ({"Hook": "prestart"}, Stage.PRESTART),
        ({"Hook": "prestart", "Sidecar": True}, Stage.PRESTART_SIDECAR),
        ({"Hook": "poststart"}, Stage.POSTSTART),
        ({"Hook": "poststart", "Sidecar": True}, Stage.POSTSTART_SIDECAR),
        ({"Hook": "poststop", "Sidecar": True}, Stage.POSTSTOP),
    ],
)
def test_the_stage_of_a_task(lifecycle, stage):
    """Hook and sidecar say where in the allocation's life a task belongs."""
    assert stage_of({"Lifecycle": lifecycle}) is stage


class Placed:
    """A task as the coordinator sees it."""

    def __init__(self, stage: Stage, state: str, failed: bool = False) -> None:
        self.stage, self.state, self.failed = stage, state, failed


@pytest.mark.parametrize(
    ("phase", "tasks", "following"),
    [
        (AllocPhase.PRESTART, [Placed(Stage.MAIN, "pending")], AllocPhase.MAIN),
        (AllocPhase.PRESTART, [Placed(Stage.PRESTART, "pending"), Placed(Stage.MAIN, "pending")], AllocPhase.PRESTART),
        (AllocPhase.PRESTART, [Placed(Stage.PRESTART, "dead"), Placed(Stage.MAIN, "pending")], AllocPhase.MAIN),
        (
            AllocPhase.PRESTART,
            [Placed(Stage.PRESTART, "dead", True), Placed(Stage.MAIN, "pending")],
            AllocPhase.PRESTART,
        ),
        (
            AllocPhase.PRESTART,
            [Placed(Stage.PRESTART_SIDECAR, "pending"), Placed(Stage.MAIN, "pending")],
            AllocPhase.PRESTART,
        ),
        (
            AllocPhase.PRESTART,
            [Placed(Stage.PRESTART_SIDECAR, "running"), Placed(Stage.MAIN, "pending")],
            AllocPhase.MAIN,
        ),
        (AllocPhase.MAIN, [Placed(Stage.MAIN, "running"), Placed(Stage.POSTSTART, "pending")], AllocPhase.POSTSTART),
        (AllocPhase.MAIN, [Placed(Stage.MAIN, "running")], AllocPhase.RUNNING),
        (
            AllocPhase.POSTSTART,
            [Placed(Stage.MAIN, "running"), Placed(Stage.POSTSTART, "dead", True)],
            AllocPhase.RUNNING,
        ),
        (AllocPhase.MAIN, [Placed(Stage.MAIN, "dead"), Placed(Stage.POSTSTOP, "pending")], AllocPhase.POSTSTOP),
        (AllocPhase.PRESTART, [Placed(Stage.PRESTART, "dead", True), Placed(Stage.MAIN, "dead")], AllocPhase.POSTSTOP),
    ],
)  # fmt: skip
def test_phases_follow_from_the_states_of_tasks(phase, tasks, following):
    """Each phase waits for the tasks of its stage, and the end of all others opens the last one."""
    assert next_phase(phase, tasks) is following


def tracker(policy: dict, stage: Stage = Stage.MAIN) -> RestartTracker:
    return RestartTracker(policy, stage, now_ns=lambda: 0, chance=lambda: 0.5)


def test_a_batch_task_that_ends_well_is_not_started_again():
    """Only sidecars are, and only as their policy allows."""
    assert tracker(POLICY).decide(ExitResult()).next is Next.ENDED_WELL
    assert tracker(POLICY, Stage.PRESTART_SIDECAR).decide(ExitResult()).next is Next.STARTED_AGAIN
    assert tracker(POLICY, Stage.POSTSTOP).decide(ExitResult()).next is Next.ENDED_WELL


def test_the_policy_counts_the_failures_of_an_interval():
    """Delays have up to a quarter of jitter; the last failure names attempts and interval."""
    restarts = tracker(POLICY)
    again = Decision(Next.STARTED_AGAIN, "Restart within policy", 11_250_000_000)
    assert [restarts.decide(ExitResult(1)) for _ in range(3)] == [
        again,
        again,
        Decision(Next.FAILED, 'Exceeded allowed attempts 2 in interval 1m0s and mode is "fail"'),
    ]


def test_a_new_interval_forgets_the_failures_of_the_old():
    """The interval starts with the first failure after its end."""
    times = iter([0, 1 * SECOND, 2 * SECOND, 61 * SECOND, 62 * SECOND])
    restarts = RestartTracker(POLICY, Stage.MAIN, now_ns=lambda: next(times), chance=lambda: 0)
    assert {restarts.decide(ExitResult(1)).next for _ in range(4)} == {Next.STARTED_AGAIN}


def test_the_mode_delay_waits_for_the_end_of_the_interval():
    """The task is never given up."""
    restarts = tracker({**POLICY, "Mode": "delay", "Attempts": 1})
    restarts.decide(ExitResult(1))
    assert restarts.decide(ExitResult(1)) == Decision(
        Next.STARTED_AGAIN, "Exceeded allowed attempts, applying a delay", 60 * SECOND
    )


@pytest.mark.parametrize(
    ("policy", "outcome", "reason"),
    [
        (POLICY, StartFailure(recoverable=False), "Error was unrecoverable"),
        (NO_RESTARTS, StartFailure(recoverable=True), "Policy allows no restarts"),
        (NO_RESTARTS, ExitResult(0, signal=9), "Policy allows no restarts"),
        (NO_RESTARTS, ExitResult(0, message="boom"), "Policy allows no restarts"),
        ({}, ExitResult(1), "Policy allows no restarts"),
    ],
)
def test_a_failure_that_ends_the_task_has_a_reason(policy, outcome, reason):
    """These are Nomad's reasons."""
    assert tracker(policy).decide(outcome) == Decision(Next.FAILED, reason)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (None, None),
        (0, "1970-01-01T00:00:00Z"),
        (1_795_350_477_306_895_735, "2026-11-22T12:27:57.306895735Z"),
        (1_795_350_477_300_000_000, "2026-11-22T12:27:57.3Z"),
    ],
)
def test_times_are_written_as_go_writes_them(nanoseconds, text):
    """With as many digits as they need, and null for never."""
    assert format_time(nanoseconds) == text


def test_only_the_last_ten_events_are_kept():
    """As a client does; the first runs of a task that restarts often are forgotten."""
    state = TaskStateRecord()
    state.events.extend({"Time": number} for number in range(12))
    assert [event["Time"] for event in state.as_api()["Events"]] == list(range(2, 12))
