"""Tasks die with the agent, however it dies."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dispatchfile.agent.guard import MARK, Guard
from tests.agent.allocs import eventually, is_gone, make_job, run_processes, shell

AGENT = textwrap.dedent(
    """
    import asyncio, signal, sys
    from pathlib import Path
    from dispatchfile.agent.guard import Guard
    from tests.agent.allocs import make_job, make_runner, shell

    SCRIPT = "echo $$; (setsid sh -c 'echo $$; exec sleep 600' &); sleep 600 & echo $!; wait"

    async def main(root):
        await make_runner(make_job(shell(SCRIPT)), root, [], guard=Guard()).run()

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what is behind `&` ignore it
    asyncio.run(main(Path(sys.argv[1])))
    """
)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows environments of processes")


def pids(root: Path) -> list[int]:
    logs = list(root.glob("*/alloc/logs/t.stdout.0"))
    return [int(line) for line in logs[0].read_text("utf-8").split()] if logs else []


@pytest.fixture
def agent(tmp_path):
    """An agent in a process of its own, ended by whatever the test does."""
    command = [sys.executable, "-c", AGENT, str(tmp_path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as process:
        yield process
        process.kill()


@linux_only
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_tasks_die_with_an_agent_that_is_killed(tmp_path, agent, number):
    """The task, its children, and a grandchild that left the process group are gone soon after the agent."""
    await eventually(lambda: len(pids(tmp_path)) == 3)
    agent.send_signal(number)
    for pid in pids(tmp_path):
        await eventually(lambda pid=pid: is_gone(pid))


def test_a_dead_watchman_is_replaced():
    """The next word to it starts a new one, which hears of all groups again."""
    guard = Guard()
    with (
        subprocess.Popen(["sleep", "600"], process_group=0) as first,
        subprocess.Popen(["sleep", "600"], process_group=0) as second,
    ):
        guard.add(first.pid)
        guard._watchman.kill()
        guard._watchman.wait()
        guard.add(second.pid)
        guard.close()
        assert (first.wait(), second.wait()) == (-9, -9)


def test_a_closed_guard_leaves_nothing_alive():
    """Closing it kills the groups it watches, and those it hears of later."""
    guard = Guard()
    with (
        subprocess.Popen(["sleep", "600"], process_group=0) as first,
        subprocess.Popen(["sleep", "600"], process_group=0) as second,
        subprocess.Popen(["sleep", "600"], process_group=0) as ended,
    ):
        guard.add(first.pid)
        guard.add(ended.pid)
        guard.remove(ended.pid)
        guard.close()
        guard.add(second.pid)
        guard.remove(first.pid)
        assert (first.wait(), second.wait(), ended.poll()) == (-9, -9, None)
        ended.kill()


async def test_a_task_carries_the_mark_and_is_forgotten_at_its_end(tmp_path):
    """The mark is in its environment; once it has ended its group may be another's."""
    with Guard() as guard:
        await run_processes(make_job(shell(f'test -n "${MARK}"')), tmp_path, guard=guard)
        assert guard._groups == set()


def test_the_watchman_does_not_hear_the_terminal():
    """Ctrl-C at the terminal ends the agent; its watchman must outlive it."""
    with Guard() as guard:
        assert os.getsid(guard._watchman.pid) != os.getsid(0)
